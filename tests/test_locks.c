/* Sets of locks: any order, all or nothing. */
#include "storm.h"

#include <unistd.h>

enum { LOCKS = 8 };
static plait_lock locks[PLAIT_LOCKS_MOST + 1];
static long inside[LOCKS], sum;

static int held(int count)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        n += plait_lock_is_held(&locks[i]);
    return n;
}

static void fill(plait_lock **set, int count, bool backwards)
{
    for (int i = 0; i < count; i++)
        set[i] = &locks[backwards ? count - 1 - i : i];
}

TEST(all_are_held_and_all_are_given_back)
{
    plait_lock *set[PLAIT_LOCKS_MOST];
    for (int count = 1; count <= PLAIT_LOCKS_MOST; count++) {
        fill(set, count, count & 1);
        ck_assert_int_eq(plait_locks_acquire(set, count, PLAIT_NEVER), 0);
        ck_assert_int_eq(held(PLAIT_LOCKS_MOST), count);
        fill(set, count, !(count & 1)); /* given back in another order */
        plait_locks_release(set, count);
        ck_assert_int_eq(held(PLAIT_LOCKS_MOST), 0);
    }
}

TEST(none_is_a_set_too)
{
    ck_assert_int_eq(plait_locks_acquire(NULL, 0, PLAIT_NOW), 0);
    plait_locks_release(NULL, 0);
}

TEST(too_many_are_refused)
{
    plait_lock *set[PLAIT_LOCKS_MOST + 1];
    fill(set, PLAIT_LOCKS_MOST + 1, false);
    ck_assert_int_eq(plait_locks_acquire(set, PLAIT_LOCKS_MOST + 1, PLAIT_NEVER), -E2BIG);
    ck_assert_int_eq(plait_locks_acquire(set, INT32_MAX, PLAIT_NEVER), -E2BIG);
    ck_assert_int_eq(held(PLAIT_LOCKS_MOST + 1), 0);
}

TEST(one_held_already_undoes_the_rest)
{
    plait_lock *set[3];
    fill(set, 3, true);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_lock_acquire(&locks[i], PLAIT_NOW), 0);
        ck_assert_int_eq(plait_locks_acquire(set, 3, PLAIT_NEVER), -EDEADLK);
        ck_assert_int_eq(held(3), 1);
        plait_lock_release(&locks[i]);
    }
    ck_assert_int_eq(held(3), 0);
}

TEST(a_reentrant_lock_takes_part)
{
    static plait_rlock rlock;
    plait_lock *set[] = {&rlock.lock, &locks[0]};
    ck_assert_int_eq(plait_locks_acquire(set, 2, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_rlock_depth(&rlock), 1);
    plait_locks_release(set, 2);
    ck_assert_int_eq(plait_rlock_depth(&rlock), 0);
}

/* ---- failures with one lock held by another task */

static int busy; /* which one */

static int fails_whole(void *arg)
{
    plait_lock *set[4];
    fill(set, 4, busy & 1);
    need(plait_locks_acquire(set, 4, PLAIT_NOW) == -EAGAIN);
    need(plait_locks_acquire(set, 4, plait_now() - 1) == -ETIMEDOUT);
    int64_t end = plait_after(2 * PLAIT_MILLISECOND);
    need(plait_locks_acquire(set, 4, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    need(held(4) == 1);
    end = plait_after(20 * PLAIT_MILLISECOND); /* longer than the patience with one lock */
    need(plait_locks_acquire(set, 4, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    need(held(4) == 1);
    return 0;
}

TEST_CREW(a_refused_set_holds_nothing)
{
    for (busy = 0; busy < 4; busy++) {
        ck_assert_int_eq(plait_lock_acquire(&locks[busy], PLAIT_NOW), 0);
        crew_run(carrier, 1, fails_whole, NULL);
        plait_lock_release(&locks[busy]);
        ck_assert_int_eq(held(4), 0);
    }
}

static int wait_until_canceled(void *arg)
{
    plait_lock *set[4];
    fill(set, 4, true);
    need(plait_locks_acquire(set, 4, PLAIT_NEVER) == -ECANCELED);
    return 0;
}

TEST_LIGHT(a_cancelled_set_holds_nothing)
{
    for (int wait = 1; wait < 20; wait += 9) { /* within the patience, and after it */
        struct crew crew = {.count = 0};
        ck_assert_int_eq(plait_lock_acquire(&locks[3], PLAIT_NOW), 0);
        crew_start(&crew, carrier, 1, wait_until_canceled, NULL);
        ck_assert_int_eq(plait_sleep(plait_after(wait * PLAIT_MILLISECOND)), 0);
        plait_cancel(crew.task[0]);
        crew_join(&crew);
        ck_assert_int_eq(held(4), 1);
        plait_lock_release(&locks[3]);
    }
}

/* ---- crossed */

static int cross(void *arg)
{
    plait_lock *set[2];
    fill(set, 2, (uintptr_t)arg & 1);
    for (int i = 0; i < 1000; i++) {
        need(plait_locks_acquire(set, 2, PLAIT_NEVER) == 0);
        need(inside[0]++ == 0 && inside[1]++ == 0);
        sum++;
        if (i % 64 == 0)
            plait_yield();
        inside[0]--, inside[1]--;
        plait_locks_release(set, 2);
    }
    return 0;
}

TEST_CREW(crossed_orders_end)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 3, cross, (void *)0);
    crew_start(&crew, carrier, 3, cross, (void *)1);
    crew_join(&crew);
    ck_assert_int_eq(sum, 6 * 1000);
}

/* Holds the higher lock and waits for the lower one, again and again: order alone would hang. */
static int against_the_order(void *arg)
{
    for (int i = 0; i < 20; i++) {
        need(plait_lock_acquire(&locks[1], PLAIT_NEVER) == 0);
        plait_yield();
        need(plait_lock_acquire(&locks[0], PLAIT_NEVER) == 0);
        need(inside[0]++ == 0 && inside[1]++ == 0);
        inside[0]--, inside[1]--;
        plait_lock_release(&locks[0]);
        plait_lock_release(&locks[1]);
    }
    return 0;
}

TEST_CREW(a_set_beside_single_locks_in_another_order)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, against_the_order, NULL);
    crew_start(&crew, carrier, 1, cross, NULL);
    crew_join(&crew);
    ck_assert_int_eq(held(2), 0);
}

static bool served;

static int hog(void *lock)
{
    while (!__atomic_load_n(&served, __ATOMIC_RELAXED)) {
        need(plait_lock_acquire(lock, PLAIT_NEVER) == 0);
        for (volatile int i = 0; i < 2000; i++)
            ;
        plait_lock_release(lock);
    }
    return 0;
}

static int starve(void *arg)
{
    plait_lock *set[2];
    fill(set, 2, false);
    for (int i = 0; i < 3; i++) {
        need(plait_locks_acquire(set, 2, PLAIT_NEVER) == 0);
        plait_locks_release(set, 2);
    }
    __atomic_store_n(&served, true, __ATOMIC_RELAXED);
    return 0;
}

TEST_LIGHT(a_set_does_not_starve)
{
    struct crew crew = {.count = 0};
    crew_add(&crew, 0, hog, &locks[0]);
    crew_add(&crew, 0, hog, &locks[1]);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    crew_start(&crew, carrier, 1, starve, NULL);
    crew_join(&crew);
}

static void take_somehow(struct storm *storm, unsigned *random)
{
    plait_lock *set[3];
    unsigned count = 1 + crew_random(random) % 3, first = crew_random(random) % LOCKS;
    unsigned step = crew_random(random) % 2 ? 3 : 5;
    for (unsigned i = 0; i < count; i++)
        set[i] = &locks[(first + i * step) % LOCKS];
    int rc = plait_locks_acquire(set, (int)count, PLAIT_NOW);
    if (rc != 0 && !storm_got(storm, plait_locks_acquire(set, (int)count, storm_deadline(random))))
        return;
    for (unsigned i = 0; i < count; i++)
        need(inside[set[i] - locks]++ == 0);
    if (crew_random(random) % 4 == 0)
        plait_yield();
    for (unsigned i = 0; i < count; i++)
        inside[set[i] - locks]--;
    plait_locks_release(set, (int)count);
}

TEST_STORM(cancels_and_time_outs_lose_no_wake, take_somehow)

/* ---- dead holders */

static plait_lock *shared;

static int die_inside(void *arg)
{
    (void)!plait_lock_acquire(&shared[1], PLAIT_NEVER);
    _exit(7);
}

/* Another task holds the last one, so that the set fails after it has been told of the death. */
static int keep_one(void *arg)
{
    plait_event *events = arg;
    need(plait_lock_acquire(&shared[2], PLAIT_NEVER) == 0);
    plait_event_set(&events[0]);
    need(plait_event_wait(&events[1], PLAIT_NEVER) == 0);
    plait_lock_release(&shared[2]);
    return 0;
}

static void set_of_a_dead_one(plait_lock *const *set)
{
    static plait_event events[2];
    struct crew crew = {.count = 0};
    crew_add(&crew, PLAIT_THREAD, keep_one, events);
    need(plait_event_wait(&events[0], PLAIT_NEVER) == 0);
    need(plait_locks_acquire(set, 3, PLAIT_NOW) == -EAGAIN);
    need(plait_locks_acquire(set, 3, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    plait_event_set(&events[1]);
    crew_join(&crew);
    need(plait_locks_acquire(set, 3, PLAIT_NEVER) == -EOWNERDEAD); /* told only now */
    for (int i = 0; i < 3; i++)
        plait_lock_mend(set[i]);
    plait_locks_release(set, 3);
    need(plait_locks_acquire(set, 3, PLAIT_NOW) == 0);
    plait_locks_release(set, 3);
}

TEST_LABELED(a_failed_set_keeps_the_news_of_a_death, "process")
{
    shared = plait_share(3 * sizeof *shared);
    plait_lock *set[] = {&shared[2], &shared[0], &shared[1]};
    for (int i = 0; i < 3; i++)
        plait_lock_init(&shared[i], PLAIT_SHARED);
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, die_inside, NULL, NULL), 0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    set_of_a_dead_one(set);
    plait_share_free(shared);
}

static int hold_for_the_fork(void *arg)
{
    plait_event *events = arg;
    need(plait_lock_acquire(&locks[1], PLAIT_NEVER) == 0);
    plait_event_set(&events[0]);
    need(plait_event_wait(&events[1], PLAIT_NEVER) == 0);
    plait_lock_release(&locks[1]);
    return 0;
}

static void in_the_child(void *arg)
{
    plait_lock *set[] = {&locks[2], &locks[0], &locks[1]};
    shared = locks; /* private ones, of which a holder stayed behind */
    set_of_a_dead_one(set);
}

TEST_LABELED(the_same_for_a_holder_that_a_fork_left_behind, "process")
{
    static plait_event events[2];
    struct crew crew = {.count = 0};
    char text[1024];
    crew_add(&crew, PLAIT_THREAD, hold_for_the_fork, events);
    ck_assert_int_eq(plait_event_wait(&events[0], PLAIT_NEVER), 0);
    ck_assert_msg(harness_fork(in_the_child, NULL, text, sizeof text) == 0, "%s", text);
    plait_event_set(&events[1]);
    crew_join(&crew);
}

static void given_up(void *arg)
{
    plait_lock *set[] = {&locks[2], &locks[0], &locks[1]};
    need(plait_lock_acquire(&locks[1], PLAIT_NOW) == -EOWNERDEAD);
    plait_lock_release(&locks[1]); /* unmended */
    need(plait_locks_acquire(set, 3, PLAIT_NEVER) == -ENOTRECOVERABLE);
    need(held(3) == 0);
}

TEST_LABELED(one_that_was_given_up_refuses_the_set, "process")
{
    static plait_event events[2];
    struct crew crew = {.count = 0};
    char text[1024];
    crew_add(&crew, PLAIT_THREAD, hold_for_the_fork, events);
    ck_assert_int_eq(plait_event_wait(&events[0], PLAIT_NEVER), 0);
    ck_assert_msg(harness_fork(given_up, NULL, text, sizeof text) == 0, "%s", text);
    plait_event_set(&events[1]);
    crew_join(&crew);
}

/* ---- what the checker is told */

static int reports;

static void count_order(plait_report kind, const char *text, void *arg)
{
    reports += kind == PLAIT_REPORT_ORDER;
}

static void take_set(plait_lock *first, plait_lock *next)
{
    plait_lock *set[] = {first, next};
    need(plait_locks_acquire(set, 2, PLAIT_NEVER) == 0);
    plait_locks_release(set, 2);
}

static void orders_of_sets(void *arg)
{
    setenv("PLAIT_CHECK", "1", 1);
    plait_on_report(count_order, NULL);
    take_set(&locks[0], &locks[1]);
    take_set(&locks[1], &locks[0]);
    plait_with (&locks[0])
        plait_with (&locks[1])
            sum++;
    take_set(&locks[1], &locks[0]);
    need(reports == 0); /* a set is never in a circle by its own locks */
    plait_with (&locks[2])
        take_set(&locks[1], &locks[0]);
    need(reports == 0);
    plait_with (&locks[0])
        plait_with (&locks[2])
            sum++;
    need(reports == 1); /* but what was held before it counts */
}

TEST_LABELED(checked_mode_finds_no_order_inside_a_set, "process")
{
    char text[1024];
    ck_assert_msg(harness_fork(orders_of_sets, NULL, text, sizeof text) == 0, "%s", text);
}

/* ---- misuse */

static void acquire_twice_the_same(void *arg)
{
    plait_lock *set[] = {&locks[0], &locks[1], &locks[0]};
    (void)!plait_locks_acquire(set, 3, PLAIT_NOW);
}

static void acquire_null(void *arg)
{
    plait_lock *set[] = {&locks[0], NULL};
    (void)!plait_locks_acquire(set, 2, PLAIT_NOW);
}

static void acquire_no_list(void *arg)
{
    (void)!plait_locks_acquire(NULL, 2, PLAIT_NOW);
}

static void acquire_negative(void *arg)
{
    plait_lock *set[] = {&locks[0]};
    (void)!plait_locks_acquire(set, -1, PLAIT_NOW);
}

static void acquire_garbage(void *arg)
{
    uint64_t garbage[8];
    memset(garbage, 0xa5, sizeof garbage);
    plait_lock *set[] = {(plait_lock *)garbage};
    (void)!plait_locks_acquire(set, 1, PLAIT_NOW);
}

static void duration(void *arg)
{
    plait_lock *set[] = {&locks[0]};
    (void)!plait_locks_acquire(set, 1, 5 * PLAIT_MILLISECOND);
}

static void release_some_unheld(void *arg)
{
    plait_lock *set[] = {&locks[0], &locks[1]};
    need(plait_lock_acquire(&locks[1], PLAIT_NOW) == 0);
    plait_locks_release(set, 2);
}

static void release_negative(void *arg)
{
    plait_locks_release(NULL, -1);
}

static void release_too_many(void *arg)
{
    plait_lock *set[] = {&locks[0]};
    plait_locks_release(set, PLAIT_LOCKS_MOST + 1);
}

static void release_null(void *arg)
{
    plait_lock *set[] = {NULL};
    plait_locks_release(set, 1);
}

TEST_LABELED(what_is_no_set_is_refused, "process")
{
    harness_dies(acquire_twice_the_same, NULL, "given twice in one set of locks");
    harness_dies(acquire_null, NULL, "NULL is no lock");
    harness_dies(acquire_no_list, NULL, "NULL is no list of 2");
    harness_dies(acquire_negative, NULL, "-1 is no count");
    harness_dies(acquire_garbage, NULL, "never initialised, or overwritten");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
    harness_dies(release_some_unheld, NULL, "released by a task that does not hold it");
    harness_dies(release_negative, NULL, "-1 is no count");
    harness_dies(release_too_many, NULL, "65 are more than a set can have");
    harness_dies(release_null, NULL, "NULL is no lock");
}
