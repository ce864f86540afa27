/* Conditions: who was told goes on, nobody else does, and the lock is held again whatever
 * happens. */
#include "storm.h"

#include <unistd.h>

static plait_lock lock;
static plait_condition condition;
static int ready, ran, items;

static bool is_ready(void *arg)
{
    return ready;
}

static bool never(void *arg)
{
    return false;
}

TEST(a_wait_that_ends_in_time_holds_the_lock)
{
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_condition_wait(&condition, &lock, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_condition_wait(&condition, &lock, plait_now() - 1), -ETIMEDOUT);
    ck_assert_int_eq(plait_condition_wait(&condition, &lock, plait_after(PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    ck_assert_int_eq(plait_condition_wait_for(&condition, &lock, is_ready, NULL, PLAIT_NOW),
                     -EAGAIN);
    ck_assert_int_eq(
        plait_condition_wait_for(&condition, &lock, never, NULL, plait_after(PLAIT_MILLISECOND)),
        -ETIMEDOUT);
    ck_assert_int_eq(plait_condition_wait_for(&condition, &lock, NULL, NULL, PLAIT_NEVER), -EINVAL);
    ready = 1;
    ck_assert_int_eq(plait_condition_wait_for(&condition, &lock, is_ready, NULL, PLAIT_NEVER), 0);
    plait_lock_release(&lock);
}

TEST(a_notify_that_nobody_waits_for_is_lost)
{
    plait_condition_notify_all(&condition);
    plait_condition_notify(&condition, 1);
    plait_condition_notify(&condition, 0);
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_condition_wait(&condition, &lock, plait_after(PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    plait_lock_release(&lock);
}

static int wait_once(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    items++;
    need(plait_condition_wait(&condition, &lock, PLAIT_NEVER) == 0);
    ran++;
    plait_lock_release(&lock);
    return 0;
}

/* Until so many wait; the lock is held then. */
static void until_waiting(int count)
{
    for (;;) {
        ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NEVER), 0);
        if (items == count)
            return;
        plait_lock_release(&lock);
        plait_yield();
    }
}

static void until_ran(int count)
{
    for (;;) {
        ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NEVER), 0);
        int now = ran;
        plait_lock_release(&lock);
        ck_assert_int_le(now, count);
        if (now == count)
            return;
        ck_assert_int_eq(plait_sleep(plait_after(50 * PLAIT_MICROSECOND)), 0);
    }
}

TEST_CREW(as_many_go_on_as_were_told)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 10, wait_once, NULL);
    until_waiting(10);
    plait_condition_notify(&condition, 1);
    plait_lock_release(&lock);
    until_ran(1);
    plait_condition_notify(&condition, 3); /* without the lock */
    until_ran(4);
    ck_assert_int_eq(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)), 0);
    until_ran(4);
    plait_condition_notify(&condition, 100);
    crew_join(&crew);
    ck_assert_int_eq(ran, 10);
}

TEST_CREW(all_go_on_when_all_are_told)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 30, wait_once, NULL);
    until_waiting(30);
    plait_condition_notify_all(&condition);
    plait_lock_release(&lock);
    crew_join(&crew);
    ck_assert_int_eq(ran, 30);
}

/* Told while somebody holds the lock, they wake one after the other. */
TEST_CREW(a_hundred_told_are_not_a_hundred_awake)
{
    struct crew crew = {.count = 0};
    plait_counters before, after;
    crew_start(&crew, carrier, 40, wait_once, NULL);
    until_waiting(40);
    ck_assert_int_eq(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)), 0);
    plait_counters_read(&before);
    plait_condition_notify_all(&condition);
    plait_counters_read(&after);
    ck_assert_uint_le(after.wakes - before.wakes, 1); /* another one's: main's own sleep */
    plait_lock_release(&lock);
    crew_join(&crew);
}

static int wait_in_time(void *arg)
{
    int64_t end = plait_after(3 * PLAIT_MILLISECOND);
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    need(plait_condition_wait(&condition, &lock, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    plait_lock_release(&lock);
    return 0;
}

TEST_CREW(a_wait_nobody_ends_is_over_in_time)
{
    crew_run(carrier, 3, wait_in_time, NULL);
}

static int until_canceled(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    items++;
    need(plait_condition_wait(&condition, &lock, PLAIT_NEVER) == -ECANCELED);
    need(plait_lock_acquire(&lock, PLAIT_NOW) == -EDEADLK);
    need(plait_condition_wait(&condition, &lock, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    plait_lock_release(&lock);
    return 0;
}

TEST_LIGHT(cancel_ends_the_wait_once_with_the_lock_held)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, until_canceled, NULL);
    until_waiting(1);
    plait_lock_release(&lock);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
}

/* Told, then cancelled while it waits for the lock: the notify was its own, the cancel is the next
 * wait's. */
static int told_and_canceled(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    items++;
    need(plait_condition_wait(&condition, &lock, PLAIT_NEVER) == 0);
    plait_lock_release(&lock);
    need(plait_sleep(plait_after(PLAIT_SECOND)) == -ECANCELED);
    return 0;
}

TEST_LIGHT(a_cancel_behind_a_notify_is_the_next_wait_s)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, told_and_canceled, NULL);
    until_waiting(1);
    plait_condition_notify(&condition, 1);
    plait_cancel(crew.task[0]);
    ck_assert_int_eq(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)), 0);
    plait_lock_release(&lock);
    crew_join(&crew);
}

static int64_t end;
static bool in_time;

static int told_too_late(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    end = plait_after(5 * PLAIT_MILLISECOND);
    items++;
    int rc = plait_condition_wait(&condition, &lock, end);
    need(rc == 0 || !in_time);
    need(plait_now() >= end);
    plait_lock_release(&lock);
    return 0;
}

/* On a busy machine the notify itself may come too late: once in twenty rounds it will not. */
TEST_LIGHT(a_deadline_behind_a_notify_is_late)
{
    for (int i = 0; i < 20 && !in_time; i++) {
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 1, told_too_late, NULL);
        until_waiting(i + 1);
        plait_condition_notify(&condition, 1);
        in_time = plait_now() < end;
        ck_assert_int_eq(plait_sleep(end + PLAIT_MILLISECOND), 0);
        plait_lock_release(&lock);
        crew_join(&crew);
    }
    ck_assert(in_time);
}

/* ---- the re-entrant lock: given back whole, and as deep as before */

static plait_rlock rlock;

static int wait_deep(void *arg)
{
    for (int depth = 1; depth <= 3; depth++)
        need(plait_rlock_acquire(&rlock, PLAIT_NEVER) == 0);
    items++;
    while (!ready)
        need(plait_condition_wait(&condition, &rlock.lock, PLAIT_NEVER) == 0);
    need(plait_rlock_depth(&rlock) == 3);
    for (int depth = 3; depth >= 1; depth--)
        plait_rlock_release(&rlock);
    need(plait_rlock_depth(&rlock) == 0);
    return 0;
}

TEST_CREW(a_deep_lock_is_given_back_and_taken_again)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 5, wait_deep, NULL);
    for (bool begun = false; !begun;) {
        ck_assert_int_eq(plait_rlock_acquire(&rlock, PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_rlock_acquire(&rlock, PLAIT_NEVER), 0);
        begun = items == 5;
        ready = begun;
        plait_condition_notify_all(&condition);
        ck_assert_int_eq(plait_rlock_depth(&rlock), 2);
        plait_rlock_release(&rlock);
        plait_rlock_release(&rlock);
        plait_yield();
    }
    crew_join(&crew);
}

/* ---- a lock in shared memory has no sleepers that the lot knows: its waiters are woken instead */

static plait_lock *far_lock;

static int wait_far(void *arg)
{
    need(plait_lock_acquire(far_lock, PLAIT_NEVER) == 0);
    items++;
    need(plait_condition_wait_for(&condition, far_lock, is_ready, NULL, PLAIT_NEVER) == 0);
    plait_lock_release(far_lock);
    return 0;
}

TEST_CREW(a_shared_lock_serves_too)
{
    struct crew crew = {.count = 0};
    far_lock = plait_share(sizeof *far_lock);
    plait_lock_init(far_lock, PLAIT_SHARED);
    crew_start(&crew, carrier, 5, wait_far, NULL);
    ck_assert_int_eq(plait_sleep(plait_after(3 * PLAIT_MILLISECOND)), 0);
    ck_assert_int_eq(plait_lock_acquire(far_lock, PLAIT_NEVER), 0);
    ready = 1;
    plait_condition_notify_all(&condition);
    plait_lock_release(far_lock);
    crew_join(&crew);
    plait_share_free(far_lock);
}

/* ---- the waiter frees both */

struct both {
    plait_lock lock;
    plait_condition condition;
    bool told;
};

static int tell_last(void *arg)
{
    struct both *both = arg;
    need(plait_lock_acquire(&both->lock, PLAIT_NEVER) == 0);
    both->told = true;
    plait_condition_notify_all(&both->condition);
    plait_lock_release(&both->lock);
    return 0;
}

TEST_LIGHT(may_be_freed_by_who_was_told)
{
    for (int i = 0; i < 100; i++) {
        struct crew crew = {.count = 0};
        struct both *both = calloc(1, sizeof *both);
        crew_start(&crew, carrier, 1, tell_last, both);
        ck_assert_int_eq(plait_lock_acquire(&both->lock, PLAIT_NEVER), 0);
        while (!both->told)
            ck_assert_int_eq(plait_condition_wait(&both->condition, &both->lock, PLAIT_NEVER), 0);
        plait_lock_release(&both->lock);
        free(both);
        crew_join(&crew);
    }
}

/* ---- a storm: each notify is for one, so that a lost one leaves somebody asleep for ever */

static bool take_turn(struct storm *storm, unsigned *random)
{
    plait_with (&lock) {
        while (ready) {
            int rc = plait_condition_wait(&condition, &lock, storm_deadline(random));
            if (!storm_got(storm, rc))
                return false;
        }
        ready = 1;
    }
    return true;
}

static void take_turns(struct storm *storm, unsigned *random)
{
    if (!take_turn(storm, random))
        return;
    if (crew_random(random) % 4 == 0)
        plait_yield();
    plait_with (&lock) {
        need(ready == 1);
        ready = 0;
        if (crew_random(random) % 2)
            plait_condition_notify(&condition, 1);
        else
            plait_condition_notify_all(&condition);
    }
}

TEST_STORM(a_storm_loses_no_notify, take_turns)

/* ---- misuse */

static void wait_without(void *arg)
{
    (void)!plait_condition_wait(&condition, &lock, PLAIT_NEVER);
}

static void wait_on(void *arg)
{
    if (plait_lock_acquire(&lock, PLAIT_NEVER) == 0)
        (void)!plait_condition_wait(arg, &lock, plait_after(PLAIT_MILLISECOND));
}

static void wait_with_no_lock(void *arg)
{
    (void)!plait_condition_wait(&condition, NULL, PLAIT_NEVER);
}

static void duration(void *arg)
{
    (void)!plait_condition_wait(&condition, &lock, 5 * PLAIT_SECOND);
}

static void notify_less(void *arg)
{
    plait_condition_notify(&condition, -1);
}

static void notify_it(void *arg)
{
    plait_condition_notify_all(arg);
}

static void shared(void *arg)
{
    plait_condition_init(&condition, PLAIT_SHARED);
}

static void wait_with_another(void *arg)
{
    plait_lock second = {{0}};
    plait_name(&lock, "first");
    plait_name(&second, "second");
    if (plait_start(NULL, PLAIT_THREAD, wait_once, NULL, NULL) != 0)
        return;
    until_waiting(1);
    plait_lock_release(&lock);
    if (plait_lock_acquire(&second, PLAIT_NEVER) == 0)
        (void)!plait_condition_wait(&condition, &second, PLAIT_NEVER);
}

static int hold_it(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    plait_condition_notify_all(&condition);
    need(plait_sleep(plait_after(20 * PLAIT_SECOND)) == 0);
    return 0;
}

static void wait_beside_the_holder(void *arg)
{
    if (plait_start(NULL, PLAIT_THREAD, hold_it, NULL, &(plait_start_options){.name = "owner"}) !=
        0)
        return;
    while (!plait_lock_is_held(&lock))
        plait_yield();
    wait_without(NULL);
}

TEST_LABELED(misuse_stops_the_program_with_names, "process")
{
    uint64_t garbage[9];
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(wait_without, NULL, "waited on without its lock lock");
    harness_dies(wait_without, NULL, "which nobody holds");
    harness_dies(wait_beside_the_holder, NULL, "which owner holds");
    harness_dies(wait_with_another, NULL,
                 "waited on with second while others wait on it with first");
    harness_dies(wait_on, garbage, "never initialised, or overwritten");
    harness_dies(wait_on, (char *)garbage + 1, "not aligned");
    harness_dies(wait_with_no_lock, NULL, "NULL is no lock");
    harness_dies(notify_it, NULL, "NULL is no condition");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
    harness_dies(notify_less, NULL, "notifies -1");
    harness_dies(shared, NULL, "outside of memory from plait_share");
}
