/* The private once: one at a time runs the function, until it has run; nobody is asleep for ever,
 * and a waiter may free it. */
#include "explorer.h"
#include "os/os.h"
#include "wait/lot.h"

#include <plait/error.h>
#include <plait/once.h>
#include <plait/time.h>

#include <errno.h>

enum { LATER = 2000000 };

static plait_once once;
static int result[EXPLORE_TASKS], runs, failures, inside, made;

static void setup(void)
{
    lot_reset();
    once = (plait_once){0};
    runs = inside = made = failures = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static void setup_one_fails(void)
{
    setup();
    failures = 1;
}

static void setup_all_fail(void)
{
    setup();
    failures = EXPLORE_TASKS;
}

static int make(void *arg)
{
    inside++;
    explore_point(&inside);
    EXPLORE_CHECK(inside == 1 && !made);
    runs++;
    made = runs > failures;
    inside--;
    return !made;
}

static void run(int task, int64_t deadline)
{
    result[task] = plait_once_run(&once, make, NULL, deadline);
    EXPLORE_CHECK(result[task] != 0 || made);
}

static void first(void)
{
    run(0, PLAIT_NEVER);
}

static void second(void)
{
    run(1, PLAIT_NEVER);
}

static void third(void)
{
    run(2, PLAIT_NEVER);
}

static void third_a_while(void)
{
    run(2, LATER);
}

static void check_made(void)
{
    EXPLORE_CHECK(runs == 1);
    for (int i = 0; i < 3; i++)
        EXPLORE_CHECK(result[i] == 0 || result[i] == 1);
}

static void check_one_failed(void)
{
    int failed = 0;
    for (int i = 0; i < 3; i++)
        failed += result[i] == -PLAIT_EFAILED;
    EXPLORE_CHECK(runs == 2 && failed == 1);
}

static void check_all_failed(void)
{
    for (int i = 0; i < 3; i++)
        EXPLORE_CHECK(result[i] == -PLAIT_EFAILED);
    EXPLORE_CHECK(runs == 3);
}

static void check_deadline(void)
{
    int failed = 0;
    for (int i = 0; i < 3; i++)
        failed += result[i] == -PLAIT_EFAILED;
    EXPLORE_CHECK(failed == 1 && runs >= 1);
    EXPLORE_CHECK(result[0] != -ETIMEDOUT && result[1] != -ETIMEDOUT);
}

/* ---- a waiter that is cancelled by another one */
static void cancels_first(void)
{
    wait_cancel(explore_self(0));
    third();
}

static void check_canceled(void)
{
    EXPLORE_CHECK(result[1] != -ECANCELED && result[2] != -ECANCELED);
    EXPLORE_CHECK(runs == 2 || (runs == 1 && result[0] == -ECANCELED) || result[0] == -ECANCELED);
}

/* ---- who sees that it has run may free it, though the runner is still returning */
static void waits_and_frees(void)
{
    while (!runs)
        os_relax();
    first();
    explore_gone(&once, sizeof once);
}

static void runs_it(void)
{
    second();
}

static const struct explore_case cases[] = {
    EXPLORE_ON_ALL("two", setup, check_made, 4, true, false, first, second),
    EXPLORE_ON_ALL("three", setup, check_made, 2, true, false, first, second, third),
    EXPLORE_ON_ALL("two, one fails", setup_one_fails, check_one_failed, 4, true, false, first,
                   second),
    EXPLORE_ON_ALL("three, one fails", setup_one_fails, check_one_failed, 2, true, false, first,
                   second, third),
    EXPLORE_ON_ALL("three, all fail", setup_all_fail, check_all_failed, 2, true, false, first,
                   second, third),
    EXPLORE_ON_ALL("one fails, one for a while", setup_one_fails, check_deadline, 2, true, false,
                   first, second, third_a_while),
    EXPLORE_ON_ALL("one is cancelled", setup_one_fails, check_canceled, 2, true, false, first,
                   second, cancels_first),
    EXPLORE_ON_ALL("wait and free", setup, check_made, 4, true, false, waits_and_frees, runs_it),
};

EXPLORE_MAIN(cases)
