/* The private lock: one holder at a time, nobody asleep for ever, no mark left behind; and a
 * sleeper that starves goes first. */
#include "explorer.h"
#include "wait/lot.h"

#include <plait/lock.h>
#include <plait/time.h>

#include <errno.h>

/* Bits of the word, as src/sync/lock.c has them. */
enum { LOCKED = 1, STARVES = 4, COMING = 8 };
enum { LATER = 2000000 };

static plait_lock lock;
static int inside, got[EXPLORE_TASKS], result[EXPLORE_TASKS];
static long starving; /* executions' tries that met S */

static uint32_t word_now(void)
{
    return (uint32_t)lock.own[1];
}

static void setup(void)
{
    lot_reset();
    lock = (plait_lock){0};
    inside = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        got[i] = 0, result[i] = 1;
}

static void setup_slow(void)
{
    setup();
    explore_tick = LATER; /* each look at the clock comes later than a waiter may lose */
}

static int acquire(int task, int64_t deadline)
{
    result[task] = plait_lock_acquire(&lock, deadline);
    if (result[task] != 0)
        return result[task];
    got[task]++;
    inside++;
    explore_point(&inside);
    EXPLORE_CHECK(inside == 1);
    return 0;
}

static void release(void)
{
    inside--;
    plait_lock_release(&lock);
}

static void once(int task, int64_t deadline)
{
    if (acquire(task, deadline) == 0)
        release();
}

static void first(void)
{
    once(0, PLAIT_NEVER);
}

static void second(void)
{
    once(1, PLAIT_NEVER);
}

static void third(void)
{
    once(2, PLAIT_NEVER);
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

static void third_a_while(void)
{
    once(2, LATER);
}

static void second_a_while(void)
{
    once(1, LATER);
}

/* Nobody holds it, nobody starves, nobody is on his way: marks that stay would keep others out, or
 * asleep. */
static void check_free(void)
{
    EXPLORE_CHECK((word_now() & (LOCKED | STARVES | COMING)) == 0);
    wait_current = explore_self(0);
    EXPLORE_CHECK(plait_lock_acquire(&lock, PLAIT_NOW) == 0);
}

static void check_all(void)
{
    for (int i = 0; i < 3; i++)
        EXPLORE_CHECK(result[i] == 0 || got[i] == 0);
    EXPLORE_CHECK(result[0] == 0);
    check_free();
}

static void check_deadlines(void)
{
    EXPLORE_CHECK(result[0] == 0);
    for (int i = 1; i < 3; i++)
        EXPLORE_CHECK(result[i] == 0 || result[i] == 1 || result[i] == -ETIMEDOUT);
    check_free();
}

/* ---- a waiter that is cancelled by another one */
static void cancels_first(void)
{
    wait_cancel(explore_self(0));
    once(2, PLAIT_NEVER);
}

static void check_canceled(void)
{
    EXPLORE_CHECK(result[0] == 0 || result[0] == -ECANCELED);
    EXPLORE_CHECK(result[1] == 0 && result[2] == 0);
    check_free();
}

/* ---- one that comes by while S stands gets the lock only after one of those who wait; either may
 * starve */
static void comes_by(void)
{
    for (int i = 0; i < 2; i++) {
        int before = got[0] + got[1];
        bool starves = word_now() & STARVES;
        if (acquire(2, PLAIT_NOW) != 0)
            continue;
        EXPLORE_CHECK(!starves || got[0] + got[1] > before);
        release();
    }
}

static void check_starving(void)
{
    EXPLORE_CHECK(result[0] == 0 && result[1] == 0);
    check_free();
}

/* Seen from the outside, between the two sections of another one. */
static void watches(void)
{
    second();
    starving += (word_now() & STARVES) != 0;
    second();
    starving += (word_now() & STARVES) != 0;
}

static const struct explore_case cases[] = {
    EXPLORE_ON_ALL("two, twice each", setup, check_all, 3, true, false, first_twice, second_twice),
    EXPLORE_ON_ALL("three", setup, check_all, 2, true, false, first, second, third),
    EXPLORE_ON_ALL("two, one for a while", setup, check_deadlines, 3, true, false, first_twice,
                   second_a_while),
    EXPLORE_ON_ALL("three, one for a while", setup, check_deadlines, 2, true, false, first, second,
                   third_a_while),
    EXPLORE_ON_ALL("one is cancelled", setup, check_canceled, 2, true, false, first, second,
                   cancels_first),
    EXPLORE_ON_ALL("one starves", setup_slow, check_starving, 2, true, false, first, watches,
                   comes_by),
};

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        explore(&cases[i]);
    EXPLORE_CHECK(starving);
    return 0;
}
