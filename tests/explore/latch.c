/* The private latch: who waits sees each time the count comes to 0, also one raised again at once;
 * and a waiter may free it. */
#include "explorer.h"
#include "os/os.h"
#include "wait/lot.h"

#include <plait/latch.h>
#include <plait/time.h>

#include <errno.h>

enum { LATER = 2000000 };
#define SLEEPERS UINT32_C(0x80000000) /* W, as src/sync/latch.c has it */

static plait_latch latch;
static int result[EXPLORE_TASKS], behind;

static void setup_with(int count)
{
    lot_reset();
    latch = (plait_latch){0};
    latch.own[1] = (uint64_t)count << 32;
    behind = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static void one(void)
{
    setup_with(1);
}

static void two(void)
{
    setup_with(2);
}

static void waits(void)
{
    result[0] = plait_latch_wait(&latch, PLAIT_NEVER);
}

static void waits_too(void)
{
    result[2] = plait_latch_wait(&latch, PLAIT_NEVER);
}

static void waits_a_while(void)
{
    result[2] = plait_latch_wait(&latch, LATER);
}

static void counts(void)
{
    plait_latch_add(&latch, -1);
}

static void check_both(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[2] == 0 || result[2] == 1));
    EXPLORE_CHECK(plait_latch_count(&latch) == 0);
}

static void check_deadline(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[2] == 0 || result[2] == -ETIMEDOUT));
}

/* ---- one piece more and one done, before the last is done */
static void adds_and_counts(void)
{
    plait_latch_add(&latch, 1);
    plait_latch_add(&latch, -1);
    behind++;
    plait_latch_add(&latch, -1);
}

/* ---- the count is seen by who waited before it, though the latch was raised at once */
static void counts_and_raises(void)
{
    while (!((uint32_t)latch.own[1] & SLEEPERS))
        os_relax();
    plait_latch_add(&latch, -1);
    plait_latch_add(&latch, 1);
}

static void check_seen(void)
{
    EXPLORE_CHECK(result[0] == 0);
    EXPLORE_CHECK(plait_latch_count(&latch) == 1);
}

/* ---- after the wait the latch is the waiter's to free */
static void waits_and_frees(void)
{
    waits();
    explore_gone(&latch, sizeof latch);
}

static void check_result(void)
{
    EXPLORE_CHECK(result[0] == 0);
}

/* ---- what was written before the last count is there after the wait */
static void waits_and_reads(void)
{
    waits();
    EXPLORE_CHECK(behind == 1);
}

/* ---- cancel: told once, and no 0 is lost by it */
static void cancels_and_counts(void)
{
    wait_cancel(explore_self(0));
    plait_latch_add(&latch, -1);
}

static void waits_twice(void)
{
    result[0] = plait_latch_wait(&latch, PLAIT_NEVER);
    result[1] = wait_park(NULL, 0, LATER);
}

static void check_canceled(void)
{
    EXPLORE_CHECK(result[0] == 0 || result[0] == -ECANCELED);
    EXPLORE_CHECK((result[0] == -ECANCELED) + (result[1] == -ECANCELED) <= 1);
    EXPLORE_CHECK(result[2] == 0);
}

static const struct explore_case cases[] = {
    EXPLORE_ON_ALL("count against wait", one, check_both, 5, true, false, waits, counts),
    EXPLORE_ON_ALL("count against two waits", one, check_both, 2, true, false, waits, counts,
                   waits_too),
    EXPLORE_ON_ALL("two counts against a wait", two, check_both, 2, true, false, waits, counts,
                   counts),
    EXPLORE_ON_ALL("up and down", one, check_result, 3, true, false, waits_and_reads,
                   adds_and_counts),
    EXPLORE_ON_ALL("one for a while", one, check_deadline, 2, true, false, waits, counts,
                   waits_a_while),
    EXPLORE_ON_ALL("raised again", one, check_seen, 4, true, false, waits, counts_and_raises),
    EXPLORE_ON_ALL("wait and free", one, check_result, 5, true, false, waits_and_frees, counts),
    EXPLORE_ON_ALL("one is cancelled", one, check_canceled, 2, true, false, waits_twice,
                   cancels_and_counts, waits_too),
};

EXPLORE_MAIN(cases)
