/* The private semaphore: units are never more than they were, nobody is asleep while he could go
 * on, no mark is left behind; and who wants two gets them among those who want one. */
#include "explorer.h"
#include "wait/lot.h"

#include <plait/semaphore.h>
#include <plait/time.h>

#include <errno.h>

enum { LATER = 2000000 };
enum { STARVES = 1 << 19 }; /* as src/sync/semaphore.c has it; and TOLD is the uppermost bit */

static plait_semaphore semaphore;
static int inside, result[EXPLORE_TASKS];
static int served;    /* of those who may starve; told before they give back */
static long starving; /* executions' tries that met S */

static void begin(int units)
{
    lot_reset();
    semaphore = (plait_semaphore){0};
    semaphore.own[1] = (uint64_t)units << 32; /* as src/sync/semaphore.c has it */
    inside = 0;
    served = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static void setup_none(void)
{
    begin(0);
}

static void setup_one(void)
{
    begin(1);
}

static void setup_two(void)
{
    begin(2);
}

static void setup_slow(void)
{
    begin(1);
    explore_tick = LATER; /* each look at the clock comes later than a front may lose */
}

static uint32_t line_now(void)
{
    return (uint32_t)semaphore.own[1];
}

static void acquire(int task, int units, int64_t deadline)
{
    result[task] = plait_semaphore_acquire(&semaphore, units, deadline);
}

/* Inside with its units, of two or of one in all, then out. */
static void use(int task, int units, int most, int64_t deadline)
{
    acquire(task, units, deadline);
    if (result[task] != 0)
        return;
    inside += units;
    explore_point(&inside);
    EXPLORE_CHECK(inside <= most);
    inside -= units;
    plait_semaphore_release(&semaphore, units);
}

static void first(void)
{
    use(0, 1, 1, PLAIT_NEVER);
}

static void second(void)
{
    use(1, 1, 1, PLAIT_NEVER);
}

static void third(void)
{
    use(2, 1, 1, PLAIT_NEVER);
}

static void first_twice(void)
{
    first();
    first();
}

static void second_twice(void)
{
    second();
    second();
}

static void second_a_while(void)
{
    use(1, 1, 1, LATER);
}

static void third_a_while(void)
{
    use(2, 1, 1, LATER);
}

/* Of two units. */
static void first_wants_both(void)
{
    use(0, 2, 2, PLAIT_NEVER);
}

static void second_wants_both(void)
{
    use(1, 2, 2, PLAIT_NEVER);
}

static void second_wants_both_a_while(void)
{
    use(1, 2, 2, LATER);
}

static void second_of_two(void)
{
    use(1, 1, 2, PLAIT_NEVER);
}

static void third_of_two(void)
{
    use(2, 1, 2, PLAIT_NEVER);
}

static void third_of_two_twice(void)
{
    third_of_two();
    third_of_two();
}

/* Of none, until somebody releases. */
static void takes(void)
{
    acquire(0, 1, PLAIT_NEVER);
}

static void takes_too(void)
{
    acquire(1, 1, PLAIT_NEVER);
}

static void takes_two(void)
{
    acquire(0, 2, PLAIT_NEVER);
}

static void gives_two(void)
{
    plait_semaphore_release(&semaphore, 2);
}

static void gives_one_and_one(void)
{
    plait_semaphore_release(&semaphore, 1);
    plait_semaphore_release(&semaphore, 1);
}

static void gives_three(void)
{
    plait_semaphore_release(&semaphore, 1);
    plait_semaphore_release(&semaphore, 2);
}

static void takes_and_frees(void)
{
    takes();
    explore_gone(&semaphore, sizeof semaphore);
}

static void gives_one(void)
{
    plait_semaphore_release(&semaphore, 1);
}

static void cancels_first(void)
{
    wait_cancel(explore_self(0));
    third();
}

static void cancels_both(void)
{
    wait_cancel(explore_self(0));
    third_of_two();
}

static void third_twice(void)
{
    third();
    third();
}

/* ---- while S stands a newcomer gets nothing unless a front has been served meanwhile */
static void comes_by(void)
{
    for (int i = 0; i < 2; i++) {
        int before = served;
        bool starves = line_now() & STARVES;
        acquire(2, 1, PLAIT_NOW);
        starving += starves;
        EXPLORE_CHECK(result[2] != 0 || !starves || served > before);
        if (result[2] == 0)
            plait_semaphore_release(&semaphore, 1);
    }
    result[2] = 0;
}

static void is_served(int task, int units)
{
    acquire(task, units, PLAIT_NEVER);
    served++;
    plait_semaphore_release(&semaphore, units);
}

static void first_is_served_both(void)
{
    is_served(0, 2);
}

static void first_is_served(void)
{
    is_served(0, 1);
}

static void second_is_served_twice(void)
{
    is_served(1, 1);
    is_served(1, 1);
}

static void second_of_two_twice(void)
{
    second_of_two();
    second_of_two();
}

/* What it gave it takes again, and again: whoever is on his way to bed must not be left there. */
static void gives_and_takes_twice(void)
{
    gives_one();
    second_twice();
}

static void check_value(int units)
{
    EXPLORE_CHECK(plait_semaphore_value(&semaphore) == units);
    wait_current = explore_self(0);
    for (int i = 0; i < units; i++)
        EXPLORE_CHECK(plait_semaphore_acquire(&semaphore, 1, PLAIT_NOW) == 0);
    EXPLORE_CHECK(plait_semaphore_value(&semaphore) == 0);
}

static void check_ended(int units)
{
    for (int i = 0; i < 3; i++)
        EXPLORE_CHECK(result[i] == 0 || result[i] == 1 || result[i] == -ETIMEDOUT ||
                      (i == 0 && result[i] == -ECANCELED));
    EXPLORE_CHECK((semaphore.own[1] & 0x80000000000bffff) ==
                  0); /* no front, none told; W may be stale */
    check_value(units);
}

static void check_one(void)
{
    check_ended(1);
}

static void check_two(void)
{
    check_ended(2);
}

static void check_none(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[1] == 0 || result[1] == 1));
    check_ended(0);
}

static void check_freed(void)
{
    EXPLORE_CHECK(result[0] == 0);
}

static const struct explore_case cases[] = {
    EXPLORE_ON_ALL("release against acquire", setup_none, check_freed, 5, true, false,
                   takes_and_frees, gives_one),
    EXPLORE_ON_ALL("given and taken again", setup_none, check_one, 3, true, false, first,
                   gives_and_takes_twice),
    EXPLORE_ON_ALL("two at once for two", setup_none, check_none, 2, true, false, takes, takes_too,
                   gives_two),
    EXPLORE_ON_ALL("one and one for two", setup_none, check_none, 2, true, false, takes, takes_too,
                   gives_one_and_one),
    EXPLORE_ON_ALL("one and one for one who wants two", setup_none, check_none, 4, true, false,
                   takes_two, gives_one_and_one),
    EXPLORE_ON_ALL("one and two for three", setup_none, check_none, 2, true, false, takes_two,
                   takes_too, gives_three),
    EXPLORE_ON_ALL("two, twice each", setup_one, check_one, 3, true, false, first_twice,
                   second_twice),
    EXPLORE_ON_ALL("three", setup_one, check_one, 2, true, false, first, second, third),
    EXPLORE_ON_ALL("two, one for a while", setup_one, check_one, 3, true, false, first_twice,
                   second_a_while),
    EXPLORE_ON_ALL("three, one for a while", setup_one, check_one, 2, true, false, first, second,
                   third_a_while),
    EXPLORE_ON_ALL("one is cancelled", setup_one, check_one, 2, true, false, first, second,
                   cancels_first),
    EXPLORE_ON_ALL("one starves", setup_slow, check_one, 2, true, false, first, second, third),
    EXPLORE_ON_ALL("both for one", setup_two, check_two, 2, true, false, first_wants_both,
                   second_of_two, third_of_two),
    EXPLORE_ON_ALL("both for two", setup_two, check_two, 2, true, false, first_wants_both,
                   second_wants_both, third_of_two),
    EXPLORE_ON_ALL("both among many", setup_two, check_two, 2, true, false, first_wants_both,
                   second_of_two, third_of_two_twice),
    EXPLORE_ON_ALL("both for a while", setup_two, check_two, 2, true, false, first_wants_both,
                   second_wants_both_a_while, third_of_two),
    EXPLORE_ON_ALL("one, and two come by twice", setup_one, check_one, 2, true, false, first,
                   second_twice, third_twice),
    EXPLORE_ON_ALL("both are put by", setup_two, check_two, 2, true, false, first_is_served_both,
                   second_of_two_twice, comes_by),
    {"both are put by, at length",
     setup_two,
     {first_is_served_both, second_of_two_twice, comes_by},
     {false, false, false},
     check_two,
     3},
    EXPLORE_ON_ALL("one is put by", setup_slow, check_one, 2, true, false, first_is_served,
                   second_is_served_twice, comes_by),
    EXPLORE_ON_ALL("both are cancelled", setup_two, check_two, 2, true, false, first_wants_both,
                   second_wants_both, cancels_both),
};

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool puts_by = cases[i].task[2] == comes_by;
        starving = 0;
        explore(&cases[i]);
        EXPLORE_CHECK(starving || !puts_by);
    }
    return 0;
}
