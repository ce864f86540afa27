/* The private barrier: nobody leaves before all have come, each gets a number or the reason why
 * not, nobody is asleep for ever, and whoever returns first may free it. */
#include "explorer.h"
#include "os/os.h"
#include "wait/lot.h"

#include <plait/barrier.h>
#include <plait/time.h>

#include <errno.h>

enum { LATER = 2000000 };

static plait_barrier barrier;
static int came, left, acted, acting;
static int result[EXPLORE_TASKS], again[EXPLORE_TASKS];

/* As plait_barrier_init makes it; the lists' head lies in own[2] and own[3]. */
static void setup_for(int parties)
{
    lot_reset();
    barrier = (plait_barrier){0};
    barrier.own[1] = (uint64_t)parties;
    barrier.own[2] = barrier.own[3] = (uint64_t)(uintptr_t)&barrier.own[2];
    came = left = acted = acting = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = again[i] = 100;
}

static void two(void)
{
    setup_for(2);
}

static void three(void)
{
    setup_for(3);
}

static void act(void *arg)
{
    EXPLORE_CHECK(acting++ == 0);
    explore_point(&acting);
    EXPLORE_CHECK(came >= 2 * acted + 2 && left <= 2 * acted);
    acted++;
    acting--;
}

static void two_act(void)
{
    setup_for(2);
    plait_barrier_action(&barrier, act, NULL);
}

/* One party: each round is one call's, and their actions must not overlap either. */
static void act_alone(void *arg)
{
    EXPLORE_CHECK(acting++ == 0);
    explore_point(&acting);
    acted++;
    acting--;
}

static void one_acts(void)
{
    setup_for(1);
    plait_barrier_action(&barrier, act_alone, NULL);
}

static int meet(int64_t deadline)
{
    came++;
    explore_point(&came);
    int rc = plait_barrier_wait(&barrier, deadline);
    left += rc >= 0;
    return rc;
}

static void first(void)
{
    result[0] = meet(PLAIT_NEVER);
}

static void second(void)
{
    result[1] = meet(PLAIT_NEVER);
}

static void third(void)
{
    result[2] = meet(PLAIT_NEVER);
}

static void third_a_while(void)
{
    result[2] = meet(LATER);
}

static void second_a_while(void)
{
    result[1] = meet(LATER);
}

static void check_two(void)
{
    EXPLORE_CHECK(result[0] + result[1] == 1 && result[0] * result[1] == 0);
    EXPLORE_CHECK(plait_barrier_waiting(&barrier) == 0);
}

static void check_three(void)
{
    EXPLORE_CHECK((1 << result[0] | 1 << result[1] | 1 << result[2]) == 7);
}

static void check_acted(void)
{
    check_two();
    EXPLORE_CHECK(acted == 1);
}

/* ---- two rounds */
static void first_twice(void)
{
    first();
    EXPLORE_CHECK(came >= 2);
    again[0] = meet(PLAIT_NEVER);
    EXPLORE_CHECK(came == 4);
}

static void second_twice(void)
{
    second();
    EXPLORE_CHECK(came >= 2);
    again[1] = meet(PLAIT_NEVER);
    EXPLORE_CHECK(came == 4);
}

static void check_twice(void)
{
    check_two();
    EXPLORE_CHECK(again[0] + again[1] == 1 && again[0] * again[1] == 0);
}

static void check_acted_twice(void)
{
    check_twice();
    EXPLORE_CHECK(acted == 2);
}

/* ---- the first to return frees it */
static void free_it(void)
{
    if (left == 1)
        explore_gone(&barrier, sizeof barrier);
}

static void first_frees(void)
{
    first();
    free_it();
}

static void second_frees(void)
{
    second();
    free_it();
}

/* In vain: there is a third party that never comes. */
static void breaks_and_frees(void)
{
    while (plait_barrier_waiting(&barrier) < 1 && result[0] == 100)
        os_relax();
    second_a_while();
    explore_gone(&barrier, sizeof barrier);
}

static void check_freed(void)
{
    EXPLORE_CHECK(result[0] >= 0 && result[1] >= 0);
}

static void first_a_while(void)
{
    result[0] = meet(LATER);
}

static void check_both_late(void)
{
    EXPLORE_CHECK(result[0] == -ETIMEDOUT || result[0] == -EPIPE);
    EXPLORE_CHECK(result[1] == -ETIMEDOUT || result[1] == -EPIPE);
    EXPLORE_CHECK(result[0] != result[1] || result[0] == -ETIMEDOUT);
}

static void check_freed_late(void)
{
    EXPLORE_CHECK(result[0] == -EPIPE && result[1] == -ETIMEDOUT);
}

/* ---- broken: by one who is late, by a cancel, an abort; a reset makes it whole */
static void check_late(void)
{
    if (result[2] == -ETIMEDOUT)
        EXPLORE_CHECK(result[0] == -EPIPE && result[1] == -EPIPE);
    else
        check_three();
}

/* A third party that only tries, and gives up. */
static void tries(void)
{
    result[2] = meet(PLAIT_NOW);
    if (result[2] == -EAGAIN)
        plait_barrier_abort(&barrier);
}

static void check_tries(void)
{
    if (result[2] == 2)
        check_three();
    else
        EXPLORE_CHECK(result[0] == -EPIPE && result[1] == -EPIPE);
}

static void cancels_first(void)
{
    wait_cancel(explore_self(0));
}

static void first_and_parks(void)
{
    first();
    again[0] = wait_park(NULL, 0, LATER);
}

static void check_canceled(void)
{
    if (result[0] == -ECANCELED)
        EXPLORE_CHECK(result[1] == -EPIPE);
    else
        check_two();
    int told = (result[0] == -ECANCELED) + (again[0] == -ECANCELED);
    EXPLORE_CHECK(told + (int)(explore_self(0)->cancel & 1) == 1);
}

static void resets(void)
{
    plait_barrier_reset(&barrier);
    result[2] = 0;
}

static void first_insists(void)
{
    do
        first();
    while (result[0] == -EPIPE);
}

static void second_insists(void)
{
    do
        second();
    while (result[1] == -EPIPE);
}

static void check_reset(void)
{
    check_two();
    EXPLORE_CHECK(result[2] == 0);
}

/* ---- one more than the parties, while the action runs */
static void check_outside(void)
{
    int passed = 0, late = 0;
    for (int i = 0; i < 3; i++) {
        passed += result[i] == 0 || result[i] == 1;
        late += result[i] == -ETIMEDOUT;
    }
    EXPLORE_CHECK(passed == 2 * acted && late <= 1 && acted <= 1);
}

static void check_alone(void)
{
    EXPLORE_CHECK(result[0] == 0 && result[1] == 0 && acted == 2);
}

static const struct explore_case cases[] = {
    EXPLORE_ON_ALL("two", two, check_two, 3, true, false, first, second),
    EXPLORE_ON_ALL("three", three, check_three, 2, true, false, first, second, third),
    EXPLORE_ON_ALL("two, twice", two, check_twice, 2, true, false, first_twice, second_twice),
    EXPLORE_ON_ALL("two, free", two, check_freed, 3, true, false, first_frees, second_frees),
    EXPLORE_ON_ALL("one late, free", three, check_freed_late, 3, true, false, first,
                   breaks_and_frees),
    EXPLORE_ON_ALL("both late, free", three, check_both_late, 3, true, false, first_a_while,
                   breaks_and_frees),
    EXPLORE_ON_ALL("three, one late", three, check_late, 1, true, false, first, second,
                   third_a_while),
    EXPLORE_ON_ALL("three, one tries", three, check_tries, 2, true, false, first, second, tries),
    EXPLORE_ON_ALL("one is cancelled", two, check_canceled, 2, true, false, first_and_parks, second,
                   cancels_first),
    EXPLORE_ON_ALL("reset", two, check_reset, 2, true, false, first_insists, second_insists,
                   resets),
    EXPLORE_ON_ALL("two act", two_act, check_acted, 3, true, false, first, second),
    EXPLORE_ON_ALL("two act twice", two_act, check_acted_twice, 2, true, false, first_twice,
                   second_twice),
    EXPLORE_ON_ALL("two for one, act", one_acts, check_alone, 3, true, false, first, second),
    EXPLORE_ON_ALL("three for two, act", two_act, check_outside, 1, true, false, first_a_while,
                   second_a_while, third_a_while),
};

EXPLORE_MAIN(cases)
