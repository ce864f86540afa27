/* Values: changed in one step, seen by who waits. Between processes: test_shared_value.c. */
#include "stress.h"

#include <math.h>
#include <stdlib.h>

static plait_value value;

/* ---- alone */

TEST(a_zeroed_value_is_zero_and_private)
{
    ck_assert_int_eq(plait_value_get(&value), 0);
    ck_assert(plait_value_get_double(&value) == 0.0);
    ck_assert_int_eq(plait_value_add(&value, 5), 5);
    ck_assert_int_eq(plait_value_add(&value, -7), -2);
    plait_value_set(&value, INT64_MAX);
    ck_assert_int_eq(plait_value_get(&value), INT64_MAX);
    ck_assert_int_eq(plait_value_add(&value, 1), INT64_MIN);
}

TEST(a_swap_compares_and_tells)
{
    plait_value one;
    memset(&one, 0xa5, sizeof one);
    plait_value_init(&one, PLAIT_PRIVATE);
    int64_t seen = 3;
    ck_assert(!plait_value_swap(&one, &seen, 9));
    ck_assert_int_eq(seen, 0);
    ck_assert(plait_value_swap(&one, &seen, 9));
    ck_assert_int_eq(seen, 0);
    ck_assert_int_eq(plait_value_get(&one), 9);
}

TEST(doubles_are_kept_as_they_are)
{
    plait_value_set_double(&value, 1.1);
    ck_assert(plait_value_get_double(&value) == 1.1);
    ck_assert(plait_value_add_double(&value, 2.2) == 1.1 + 2.2);
    plait_value_set_double(&value, -0.0);
    ck_assert(signbit(plait_value_get_double(&value)));
    plait_value_set_double(&value, NAN);
    ck_assert(isnan(plait_value_add_double(&value, 1)));
}

TEST(a_wait_for_what_has_changed_returns_at_once)
{
    plait_value_set(&value, 4);
    ck_assert_int_eq(plait_value_wait(&value, 3, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_value_wait(&value, 3, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_value_wait(&value, 4, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_value_wait(&value, 4, plait_now() - 1), -ETIMEDOUT);
}

/* ---- with others */

static int add_many(void *unused)
{
    for (int i = 0; i < 2000; i++) {
        plait_value_add(&value, i % 2 ? 3 : -1);
        if (i % 64 == 0)
            plait_yield();
    }
    return 0;
}

TEST_CREW(no_add_is_lost)
{
    crew_run(carrier, 8, add_many, NULL);
    ck_assert_int_eq(plait_value_get(&value), 8 * 2000);
}

static int add_halves(void *unused)
{
    for (int i = 0; i < 1000; i++)
        plait_value_add_double(&value, 0.5); /* exact */
    return 0;
}

TEST_CREW(no_double_is_lost)
{
    crew_run(carrier, 6, add_halves, NULL);
    ck_assert(plait_value_get_double(&value) == 3000.0);
}

/* Each waits for every step, and must see the last one. */
static int follow(void *arg)
{
    const int64_t end = *(int64_t *)arg;
    for (int64_t seen = 0; seen != end; seen = plait_value_get(&value))
        need(plait_value_wait(&value, seen, PLAIT_NEVER) == 0);
    return 0;
}

static void lead(int carrier, int64_t step)
{
    struct crew crew = {.count = 0};
    int64_t end = 200 * step;
    crew_start(&crew, carrier, 9, follow, &end);
    for (int i = 0; i < 200; i++) {
        plait_value_add(&value, step);
        if (i % 3 == 0)
            plait_yield();
        if (i % 50 == 0)
            plait_sleep(plait_after(PLAIT_MILLISECOND));
    }
    crew_join(&crew);
}

TEST_CREW(every_change_wakes_those_who_wait)
{
    lead(carrier, 1);
}

/* A change that the lower 32 bits do not show. */
TEST_CREW(a_change_of_the_upper_half_wakes_too)
{
    lead(carrier, INT64_C(1) << 32);
}

static int wait_in_time(void *unused)
{
    int64_t end = plait_after(5 * PLAIT_MILLISECOND);
    need(plait_value_wait(&value, 0, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    return 0;
}

TEST_CREW(what_does_not_change_is_refused_in_time)
{
    crew_run(carrier, 3, wait_in_time, NULL);
}

static int wait_until_canceled(void *unused)
{
    need(plait_value_wait(&value, 0, PLAIT_NEVER) == -ECANCELED);
    need(plait_value_wait(&value, 0, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    return 0;
}

TEST_LIGHT(cancel_ends_the_wait_once)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, wait_until_canceled, NULL);
    while (plait_task_state(crew.task[0]) != PLAIT_WAITING)
        plait_yield();
    plait_cancel(crew.task[0]);
    crew_join(&crew);
}

/* The value is the waiter's, who frees it as soon as it has changed. */
static int change_it(void *arg)
{
    plait_value_add(arg, 1);
    return 0;
}

TEST_LIGHT(may_be_freed_by_who_sees_the_change)
{
    for (int i = 0; i < 200; i++) {
        struct crew crew = {.count = 0};
        plait_value *mine = calloc(1, sizeof *mine);
        crew_start(&crew, carrier, 1, change_it, mine);
        if (i % 2)
            ck_assert_int_eq(plait_value_wait(mine, 0, PLAIT_NEVER), 0);
        while (plait_value_get(mine) == 0)
            plait_yield();
        free(mine);
        crew_join(&crew);
    }
}

static void change_in_child(void *unused)
{
    need(plait_value_get(&value) == 1);
    plait_value_set(&value, 7);
    need(plait_value_wait(&value, 7, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
}

TEST_LABELED(a_forked_child_has_its_own_copy, "process")
{
    char text[1024];
    plait_value_add(&value, 1);
    ck_assert_msg(harness_fork(change_in_child, NULL, text, sizeof text) == 0, "%s", text);
    ck_assert_int_eq(plait_value_get(&value), 1);
}

/* ---- stress: many values, so that some share an entry of the table */

enum { VALUES = 200 };
static plait_value values[VALUES];
static long added[VALUES];

static int add_and_wait(void *arg)
{
    struct stress_task me = stress_begin(arg);
    while (stress_more(&me)) {
        unsigned which = crew_random(&me.random) % VALUES;
        int64_t seen = plait_value_get(&values[which]);
        if (me.number > 0 && crew_random(&me.random) % 2) {
            int rc = STRESS_WAIT(&me, plait_value_wait(&values[which], seen, stress_deadline(&me)));
            need(rc == 0 || rc == -EAGAIN || rc == -ETIMEDOUT || rc == -ECANCELED);
            need(rc != 0 || plait_value_get(&values[which]) != seen);
        } else {
            plait_value_add(&values[which], 1);
            __atomic_add_fetch(&added[which], 1, __ATOMIC_RELAXED);
        }
    }
    return 0;
}

static void all_zero(void)
{
    memset(values, 0, sizeof values);
    memset(added, 0, sizeof added);
}

static void change_all(void)
{
    for (int i = 0; i < VALUES; i++) {
        plait_value_add(&values[i], 1);
        __atomic_add_fetch(&added[i], 1, __ATOMIC_RELAXED);
    }
}

STRESS(waits_end_with_a_change, 9, add_and_wait, all_zero, change_all)

/* ---- misuse */

static void get_it(void *arg)
{
    plait_value_get(arg);
}

static void add_to_it(void *arg)
{
    plait_value_add(arg, 1);
}

static void wait_for_it(void *arg)
{
    (void)!plait_value_wait(arg, 0, PLAIT_NOW);
}

static void swap_nothing(void *arg)
{
    plait_value_swap(&value, NULL, 1);
}

static void share_it(void *arg)
{
    plait_value_init(&value, PLAIT_SHARED);
}

static void duration(void *arg)
{
    (void)!plait_value_wait(&value, 0, 5 * PLAIT_SECOND);
}

TEST_LABELED(what_is_no_value_is_refused, "process")
{
    uint64_t garbage[9];
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(get_it, NULL, "NULL is no value");
    harness_dies(add_to_it, NULL, "NULL is no value");
    harness_dies(wait_for_it, garbage, "never initialised, or overwritten");
    harness_dies(add_to_it, garbage, "never initialised, or overwritten");
    harness_dies(add_to_it, (char *)garbage + 1, "not aligned");
    harness_dies(swap_nothing, NULL, "expected is NULL");
    harness_dies(share_it, NULL, "outside of memory from plait_share");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
}
