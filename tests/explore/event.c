/* The private event: who waits sees each set, also one with a clear right behind; and a waiter may
 * free it. */
#include "explorer.h"
#include "os/os.h"
#include "wait/lot.h"

#include <plait/event.h>
#include <plait/time.h>

#include <errno.h>

enum { LATER = 2000000 };

static plait_event event;
static int result[EXPLORE_TASKS], behind;

static void setup(void)
{
    lot_reset();
    event = (plait_event){0};
    behind = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static void waits(void)
{
    result[0] = plait_event_wait(&event, PLAIT_NEVER);
}

static void waits_too(void)
{
    result[2] = plait_event_wait(&event, PLAIT_NEVER);
}

static void waits_a_while(void)
{
    result[2] = plait_event_wait(&event, LATER);
}

static void sets(void)
{
    plait_event_set(&event);
}

static void check_both(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[2] == 0 || result[2] == 1));
    EXPLORE_CHECK(plait_event_is_set(&event));
}

static void check_deadline(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[2] == 0 || result[2] == -ETIMEDOUT));
}

/* ---- a clear must not take a sleeper's mark away */
static void clears_and_sets(void)
{
    plait_event_clear(&event);
    plait_event_set(&event);
}

/* ---- a set is seen by who waited before it, though it was cleared at once: he says that he waits
 * before he sets W */
static void sets_and_clears(void)
{
    while (!atom_load(&explore_self(0)->note.verb, ACQUIRE))
        os_relax();
    plait_event_set(&event);
    plait_event_clear(&event);
}

static void check_seen(void)
{
    EXPLORE_CHECK(result[0] == 0);
    EXPLORE_CHECK(!plait_event_is_set(&event));
}

/* ---- after the wait the event is the waiter's to free */
static void waits_and_frees(void)
{
    waits();
    explore_gone(&event, sizeof event);
}

/* ---- what was written before the set is there after the wait */
static void writes_and_sets(void)
{
    behind = 1;
    explore_point(&behind);
    plait_event_set(&event);
}

static void waits_and_reads(void)
{
    waits();
    EXPLORE_CHECK(behind == 1);
}

static void check_result(void)
{
    EXPLORE_CHECK(result[0] == 0);
}

/* ---- take: each set is one taker's, and all who only wait see it */
static int taken;

static void takes(void)
{
    if ((result[0] = plait_event_take(&event, PLAIT_NEVER)) == 0)
        taken++;
}

static void takes_too(void)
{
    if ((result[2] = plait_event_take(&event, PLAIT_NEVER)) == 0)
        taken++;
}

static void takes_a_while(void)
{
    if ((result[2] = plait_event_take(&event, LATER)) == 0)
        taken++;
}

/* The second set only when the first one has been taken: otherwise it would be one for both. */
static void sets_twice(void)
{
    plait_event_set(&event);
    while (taken == 0)
        os_relax();
    plait_event_set(&event);
}

/* As soon as one sleeps who only waits (W, as src/sync/event.c has it). */
static void sets_for_both(void)
{
    while (!(event.own[1] & 0x80000000))
        os_relax();
    plait_event_set(&event);
}

static void setup_taken(void)
{
    setup();
    taken = 0;
}

static void check_taken_twice(void)
{
    EXPLORE_CHECK(result[0] == 0 && result[2] == 0 && taken == 2);
    EXPLORE_CHECK(!plait_event_is_set(&event));
}

static void check_taken_once(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[2] == 0 || result[2] == 1) && taken == 1);
    EXPLORE_CHECK(!plait_event_is_set(&event));
}

static void sets_again_if_lost(void)
{
    plait_event_set(&event);
    while (result[2] == 1)
        os_relax();
    if (result[2] == 0)
        plait_event_set(&event);
}

static void check_while(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[2] == 0 || result[2] == -ETIMEDOUT));
    EXPLORE_CHECK(taken == 1 + (result[2] == 0));
    EXPLORE_CHECK(!plait_event_is_set(&event));
}

static void cancels_taker_and_sets(void)
{
    wait_cancel(explore_self(0));
    plait_event_set(&event);
}

/* The cancelled one may have had it: then the other needs one more. */
static void takes_or_gives(void)
{
    takes();
    if (result[0] == 0)
        plait_event_set(&event);
}

static void check_canceled_taker(void)
{
    EXPLORE_CHECK(result[0] == 0 || result[0] == -ECANCELED);
    EXPLORE_CHECK(result[2] == 0);
}

static void takes_and_frees(void)
{
    takes();
    explore_gone(&event, sizeof event);
}

/* ---- cancel: told once, and no set is lost by it */
static void cancels_and_sets(void)
{
    wait_cancel(explore_self(0));
    plait_event_set(&event);
}

static void waits_twice(void)
{
    result[0] = plait_event_wait(&event, PLAIT_NEVER);
    result[1] = wait_park(NULL, 0, LATER);
}

static void check_canceled(void)
{
    EXPLORE_CHECK(result[0] == 0 || result[0] == -ECANCELED);
    EXPLORE_CHECK((result[0] == -ECANCELED) + (result[1] == -ECANCELED) <= 1);
    EXPLORE_CHECK(result[2] == 0);
}

#define BOTH(what, ...) EXPLORE_ON_ALL(what, setup, __VA_ARGS__)
#define TAKE(what, ...) EXPLORE_ON_ALL(what, setup_taken, __VA_ARGS__)

static const struct explore_case cases[] = {
    BOTH("set against wait", check_both, 6, true, false, waits, sets),
    BOTH("set against two waits", check_both, 2, true, false, waits, sets, waits_too),
    BOTH("two sets against two waits", check_both, 1, true, false, waits, sets, waits_too, sets),
    BOTH("one for a while", check_deadline, 2, true, false, waits, sets, waits_a_while),
    BOTH("clear and set", check_both, 2, true, false, waits, clears_and_sets, waits_too),
    BOTH("set and clear", check_seen, 5, true, false, waits, sets_and_clears),
    BOTH("wait and free", check_result, 5, true, false, waits_and_frees, sets),
    BOTH("written before", check_result, 5, true, false, waits_and_reads, writes_and_sets),
    TAKE("set against take", check_taken_once, 6, true, false, takes, sets),
    TAKE("two sets against two takes", check_taken_twice, 2, true, false, takes, sets_twice,
         takes_too),
    TAKE("set against take and wait", check_taken_once, 2, true, false, takes, sets_for_both,
         waits_too),
    TAKE("one takes for a while", check_while, 2, true, false, takes, sets_again_if_lost,
         takes_a_while),
    TAKE("a taker is cancelled", check_canceled_taker, 2, true, false, takes_or_gives,
         cancels_taker_and_sets, takes_too),
    TAKE("take and free", check_result, 5, true, false, takes_and_frees, sets),
    BOTH("one is cancelled", check_canceled, 2, true, false, waits_twice, cancels_and_sets,
         waits_too),
};

EXPLORE_MAIN(cases)
