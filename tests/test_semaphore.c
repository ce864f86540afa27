/* Semaphores: units are taken all or none, nobody who wants many starves, nothing is lost. */
#include "storm.h"

#include <limits.h>
#include <unistd.h>

static plait_semaphore semaphore, answer;
static plait_event full;
static int inside, ran;

TEST(a_zeroed_semaphore_has_no_units)
{
    ck_assert_int_eq(plait_semaphore_value(&semaphore), 0);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 1, PLAIT_NOW), -EAGAIN);
    plait_semaphore_release(&semaphore, 2);
    ck_assert_int_eq(plait_semaphore_value(&semaphore), 2);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 1, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 1, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 1, plait_now() - 1), -ETIMEDOUT);
}

TEST(units_are_taken_all_or_none)
{
    plait_semaphore_init(&semaphore, 3, 5, PLAIT_PRIVATE);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 4, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 5, plait_after(PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    ck_assert_int_eq(plait_semaphore_value(&semaphore), 3);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 3, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_semaphore_value(&semaphore), 0);
}

TEST(what_can_never_be_is_refused)
{
    plait_semaphore_init(&semaphore, 1, 5, PLAIT_PRIVATE);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 0, PLAIT_NOW), -EINVAL);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, -1, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, INT_MIN, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 6, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_semaphore_value(&semaphore), 1);
}

TEST(the_largest_numbers_fit)
{
    plait_semaphore_init(&semaphore, INT_MAX, 0, PLAIT_PRIVATE);
    ck_assert_int_eq(plait_semaphore_value(&semaphore), INT_MAX);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, INT_MAX, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 1, PLAIT_NOW), -EAGAIN);
    plait_semaphore_release(&semaphore, INT_MAX);
    ck_assert_int_eq(plait_semaphore_acquire(&semaphore, 1, PLAIT_NOW), 0);
}

static int eat(void *arg)
{
    need(plait_semaphore_acquire(&semaphore, 1, PLAIT_NEVER) == 0);
    int now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    need(now <= 5);
    if (now == 5)
        plait_event_set(&full);
    need(plait_event_wait(&full, PLAIT_NEVER) == 0); /* so that five are inside at least once */
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    plait_semaphore_release(&semaphore, 1);
    return 0;
}

TEST_CREW(never_more_than_five_inside)
{
    plait_semaphore_init(&semaphore, 5, 5, PLAIT_PRIVATE);
    crew_run(carrier, 20, eat, NULL);
    ck_assert_int_eq(plait_semaphore_value(&semaphore), 5);
}

static int take_one(void *arg)
{
    need(plait_semaphore_acquire(&semaphore, 1, PLAIT_NEVER) == 0);
    __atomic_add_fetch(&ran, 1, __ATOMIC_RELAXED);
    return 0;
}

/* The crew sleeps before the test goes on. */
static void until_asleep(struct crew *crew)
{
    plait_wait_info info;
    for (int i = 0; i < crew->count; i++)
        while (crew->task[i] && plait_task_waits(crew->task[i], &info) != 0)
            plait_yield();
    ck_assert_int_eq(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)), 0);
}

TEST_CREW(one_release_wakes_as_many_as_it_feeds)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 30, take_one, NULL);
    until_asleep(&crew);
    ck_assert_int_eq(__atomic_load_n(&ran, __ATOMIC_RELAXED), 0);
    plait_semaphore_release(&semaphore, 30);
    crew_join(&crew);
    ck_assert_int_eq(plait_semaphore_value(&semaphore), 0);
}

static int take_many(void *arg)
{
    need(plait_semaphore_acquire(&semaphore, 20, PLAIT_NEVER) == 0);
    __atomic_store_n(&ran, 1, __ATOMIC_RELEASE);
    plait_semaphore_release(&semaphore, 20);
    return 0;
}

/* Takes and gives one unit for as long as the one who wants all has not got them. */
static int take_few(void *arg)
{
    while (!__atomic_load_n(&ran, __ATOMIC_ACQUIRE)) {
        need(plait_semaphore_acquire(&semaphore, 1, PLAIT_NEVER) == 0);
        plait_yield();
        plait_semaphore_release(&semaphore, 1);
    }
    return 0;
}

TEST_CREW(who_wants_many_is_served_among_many_who_want_one)
{
    struct crew crew = {.count = 0};
    plait_semaphore_init(&semaphore, 20, 20, PLAIT_PRIVATE);
    crew_start(&crew, carrier, 30, take_few, NULL);
    crew_start(&crew, carrier, 3, take_many, NULL);
    crew_join(&crew);
    ck_assert_int_eq(plait_semaphore_value(&semaphore), 20);
}

static int ping(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        need(plait_semaphore_acquire(&semaphore, 1, PLAIT_NEVER) == 0);
        plait_semaphore_release(&answer, 1);
    }
    return 0;
}

static int pong(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        plait_semaphore_release(&semaphore, 1);
        need(plait_semaphore_acquire(&answer, 1, PLAIT_NEVER) == 0);
    }
    return 0;
}

TEST_CREW(hand_over_to_and_fro)
{
    struct crew crew = {.count = 0};
    crew_add(&crew, carrier == CREW_MIXED ? PLAIT_COROUTINE : carrier, ping, NULL);
    crew_add(&crew, carrier == CREW_MIXED ? 0 : carrier, pong, NULL);
    crew_join(&crew);
}

static int until_canceled(void *arg)
{
    need(plait_semaphore_acquire(&semaphore, 3, PLAIT_NEVER) == -ECANCELED);
    need(plait_semaphore_acquire(&semaphore, 1, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    return 0;
}

TEST_LIGHT(cancel_ends_the_wait_once)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, until_canceled, NULL);
    until_asleep(&crew);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
}

/* Units are put by for a front: S, as src/sync/semaphore.c has it. */
static void until_front(void)
{
    while (!(__atomic_load_n(&semaphore.own[1], __ATOMIC_RELAXED) & 1 << 19))
        ck_assert_int_eq(plait_sleep(plait_after(50 * PLAIT_MICROSECOND)), 0);
}

/* The front leaves, and what was put by for it serves those behind. */
static int front_gives_up(void *arg)
{
    need(plait_semaphore_acquire(&semaphore, 10, PLAIT_NEVER) == -ECANCELED);
    return 0;
}

TEST_LIGHT(who_leaves_the_front_lets_the_next_one_go)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, front_gives_up, NULL);
    until_asleep(&crew);
    plait_semaphore_release(&semaphore, 1); /* too few: now it is the front */
    until_front();
    crew_start(&crew, carrier, 3, take_one, NULL);
    until_asleep(&crew);
    ck_assert_int_eq(__atomic_load_n(&ran, __ATOMIC_RELAXED), 0);
    plait_semaphore_release(&semaphore, 2);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    ck_assert_int_eq(__atomic_load_n(&ran, __ATOMIC_RELAXED), 0);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
    ck_assert_int_eq(ran, 3);
}

/* ---- select */

TEST_LIGHT(a_select_takes_units)
{
    struct crew crew = {.count = 0};
    plait_event event = {{0}};
    crew_start(&crew, carrier, 2, take_one, NULL);
    until_asleep(&crew);
    plait_case cases[2] = {plait_on_semaphore(&semaphore, 2), plait_on_event(&event)};
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_select_cases(cases, 2, plait_after(PLAIT_MILLISECOND)), -ETIMEDOUT);
    plait_semaphore_release(&semaphore, 4);
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), 0);
    ck_assert_int_eq(cases[0].result, 0);
    crew_join(&crew);
    ck_assert_int_eq(plait_semaphore_value(&semaphore), 0);
    plait_event_set(&event);
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), 1);
}

static plait_semaphore other;

static int select_one(void *arg)
{
    for (int i = 0; i < 500; i++) {
        int rc = plait_select(PLAIT_NEVER, plait_on_semaphore(&semaphore, 1),
                              plait_on_semaphore(&other, 1));
        need(rc == 0 || rc == 1);
        plait_semaphore_release(&answer, 1);
    }
    return 0;
}

static int feed_both(void *arg)
{
    for (int i = 0; i < 500; i++) {
        plait_semaphore_release(i % 2 ? &other : &semaphore, 1);
        need(plait_semaphore_acquire(&answer, 1, PLAIT_NEVER) == 0);
    }
    return 0;
}

TEST_CREW(selects_lose_no_unit)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 3, select_one, NULL);
    crew_start(&crew, carrier, 3, feed_both, NULL);
    crew_join(&crew);
    ck_assert_int_eq(plait_semaphore_value(&semaphore) + plait_semaphore_value(&other), 0);
}

/* ---- a storm: four units for all, mostly taken one at a time */

static void take_some(struct storm *storm, unsigned *random)
{
    int units = crew_random(random) % 8 ? 1 : 1 + (int)crew_random(random) % 4;
    if (__atomic_exchange_n(&ran, 1, __ATOMIC_SEQ_CST) == 0)
        plait_semaphore_release(&semaphore, 4);
    if (plait_semaphore_acquire(&semaphore, units, PLAIT_NOW) != 0 &&
        !storm_got(storm, plait_semaphore_acquire(&semaphore, units, storm_deadline(random))))
        return;
    need(__atomic_add_fetch(&inside, units, __ATOMIC_SEQ_CST) <= 4);
    if (crew_random(random) % 4 == 0)
        plait_yield();
    __atomic_sub_fetch(&inside, units, __ATOMIC_SEQ_CST);
    plait_semaphore_release(&semaphore, units);
}

TEST_STORM(a_storm_loses_no_unit, take_some)

/* ---- the last one frees it */

static int release_last(void *arg)
{
    plait_semaphore_release(arg, 1);
    return 0;
}

TEST_LIGHT(may_be_freed_by_who_got_the_unit)
{
    for (int i = 0; i < 100; i++) {
        struct crew crew = {.count = 0};
        plait_semaphore *mine = calloc(1, sizeof *mine);
        crew_start(&crew, carrier, 1, release_last, mine);
        ck_assert_int_eq(plait_semaphore_acquire(mine, 1, PLAIT_NEVER), 0);
        free(mine);
        crew_join(&crew);
    }
}

/* ---- after fork */

static void use_the_copy(void *arg)
{
    if (plait_semaphore_value(&semaphore) != 2 ||
        plait_semaphore_acquire(&semaphore, 1, PLAIT_NOW) != 0 ||
        plait_semaphore_acquire(&semaphore, 2, plait_after(PLAIT_MILLISECOND)) != -ETIMEDOUT)
        _exit(1);
    plait_semaphore_release(&semaphore, 9);
    _exit(plait_semaphore_acquire(&semaphore, 10, PLAIT_NOW) == 0 ? 0 : 2);
}

/* The front and the line of the parent are not there in the child. */
TEST_LABELED(a_forked_child_has_the_units_and_not_the_sleepers, "process")
{
    struct crew crew = {.count = 0};
    char text[256];
    crew_start(&crew, PLAIT_THREAD, 1, front_gives_up, NULL);
    until_asleep(&crew);
    plait_semaphore_release(&semaphore, 2);
    until_front();
    ck_assert_int_eq(harness_fork(use_the_copy, NULL, text, sizeof text), 0);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
}

/* ---- misuse */

static void acquire(void *arg)
{
    (void)!plait_semaphore_acquire(arg, 1, PLAIT_NOW);
}

static void release(void *arg)
{
    plait_semaphore_release(arg, 1);
}

static void release_none(void *arg)
{
    plait_semaphore_release(&semaphore, 0);
}

static void release_two(void *arg)
{
    plait_semaphore_release(arg, 2);
}

static void duration(void *arg)
{
    (void)!plait_semaphore_acquire(&semaphore, 1, 5 * PLAIT_SECOND);
}

static void negative(void *arg)
{
    plait_semaphore_init(&semaphore, -1, 0, PLAIT_PRIVATE);
}

static void above(void *arg)
{
    plait_semaphore_init(&semaphore, 3, 2, PLAIT_PRIVATE);
}

static void shared(void *arg)
{
    plait_semaphore_init(&semaphore, 0, 0, PLAIT_SHARED);
}

static void select_too_many(void *arg)
{
    (void)plait_on_semaphore(arg, 4);
}

TEST_LABELED(misuse_stops_the_program_with_a_name, "process")
{
    uint64_t garbage[9];
    plait_semaphore most, seats;
    memset(garbage, 0xa5, sizeof garbage);
    plait_semaphore_init(&most, INT_MAX - 1, 0, PLAIT_PRIVATE);
    plait_semaphore_init(&seats, 2, 3, PLAIT_PRIVATE);
    plait_name(&seats, "seats");
    harness_dies(acquire, NULL, "NULL is no semaphore");
    harness_dies(release, garbage, "never initialised, or overwritten");
    harness_dies(release, (char *)garbage + 1, "not aligned");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
    harness_dies(release_none, NULL, "releases 0 units");
    harness_dies(release_two, &seats, "semaphore seats: releases 2 units while 2 are there");
    harness_dies(release_two, &most, "more than its limit of 2147483647");
    harness_dies(negative, NULL, "-1 units");
    harness_dies(above, NULL, "3 units with a limit of 2");
    harness_dies(shared, NULL, "outside of memory from plait_share");
    harness_dies(select_too_many, &seats, "can never be done");
}
