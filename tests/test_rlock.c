/* The re-entrant lock: depth, who may release, and all that a lock does. */
#include "storm.h"

#include <unistd.h>

static plait_rlock rlock;
static long inside, sum;

TEST(a_zeroed_one_is_free)
{
    ck_assert_int_eq(plait_rlock_depth(&rlock), 0);
    ck_assert(!plait_lock_is_held(&rlock.lock));
    ck_assert_int_eq(plait_rlock_acquire(&rlock, PLAIT_NEVER), 0);
    ck_assert(plait_lock_is_held(&rlock.lock));
    plait_rlock_release(&rlock);
    ck_assert(!plait_lock_is_held(&rlock.lock));
}

TEST(as_many_releases_as_acquires)
{
    for (int i = 1; i <= 1000; i++) {
        ck_assert_int_eq(plait_rlock_acquire(&rlock, i & 1 ? PLAIT_NOW : PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_rlock_depth(&rlock), i);
    }
    for (int i = 1000; i >= 1; i--) {
        ck_assert(plait_lock_is_held(&rlock.lock));
        ck_assert_int_eq(plait_rlock_depth(&rlock), i);
        plait_rlock_release(&rlock);
    }
    ck_assert_int_eq(plait_rlock_depth(&rlock), 0);
    ck_assert(!plait_lock_is_held(&rlock.lock));
}

static int leave_at(int depth)
{
    plait_with (&rlock) {
        ck_assert_int_gt(plait_rlock_depth(&rlock), 0);
        if (depth == 0)
            return plait_rlock_depth(&rlock);
        return leave_at(depth - 1);
    }
    return -1;
}

TEST(blocks_nest_and_every_way_out_releases_one)
{
    ck_assert_int_eq(leave_at(9), 10);
    ck_assert_int_eq(plait_rlock_depth(&rlock), 0);
    plait_with (&rlock) {
        plait_with (&rlock)
            break;
        ck_assert_int_eq(plait_rlock_depth(&rlock), 1);
    }
    ck_assert(!plait_lock_is_held(&rlock.lock));
}

TEST(a_second_acquire_needs_no_time)
{
    ck_assert_int_eq(plait_rlock_acquire(&rlock, plait_now() - 1), 0);
    ck_assert_int_eq(plait_rlock_acquire(&rlock, plait_now() - 1), 0);
    plait_cancel(plait_self());
    ck_assert_int_eq(plait_rlock_acquire(&rlock, PLAIT_NEVER), 0); /* the cancel stays */
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_SECOND)), -ECANCELED);
    for (int i = 0; i < 3; i++)
        plait_rlock_release(&rlock);
}

TEST(init_makes_a_used_struct_free)
{
    plait_rlock used;
    memset(&used, 0xa5, sizeof used);
    plait_rlock_init(&used, PLAIT_PRIVATE);
    ck_assert_int_eq(plait_rlock_depth(&used), 0);
    plait_with (&used)
        ck_assert_int_eq(plait_rlock_depth(&used), 1);
}

/* ---- with others */

static int others_wait(void *arg)
{
    need(plait_rlock_depth(&rlock) == 0);
    need(plait_rlock_acquire(&rlock, PLAIT_NOW) == -EAGAIN);
    int64_t end = plait_after(3 * PLAIT_MILLISECOND);
    need(plait_rlock_acquire(&rlock, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    need(plait_lock_acquire(&rlock.lock, PLAIT_NOW) == -EAGAIN);
    return 0;
}

TEST_CREW(others_are_kept_out_at_every_depth)
{
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_rlock_acquire(&rlock, PLAIT_NOW), 0);
        crew_run(carrier, 2, others_wait, NULL);
    }
    while (plait_rlock_depth(&rlock))
        plait_rlock_release(&rlock);
}

static int add(void *arg)
{
    unsigned random = (unsigned)(uintptr_t)&random;
    for (int i = 0; i < 1000; i++) {
        int depth = 1 + (int)(crew_random(&random) % 4);
        for (int d = 0; d < depth; d++) {
            need(plait_rlock_acquire(&rlock, PLAIT_NEVER) == 0);
            need(d || inside++ == 0);
            need(plait_rlock_depth(&rlock) == d + 1);
        }
        sum++;
        if (i % 64 == 0)
            plait_yield();
        for (int d = depth; d-- > 0;) {
            inside -= d == 0;
            plait_rlock_release(&rlock);
        }
    }
    return 0;
}

TEST_CREW(one_task_at_a_time)
{
    crew_run(carrier, 6, add, NULL);
    ck_assert_int_eq(sum, 6 * 1000);
    ck_assert(!plait_lock_is_held(&rlock.lock));
}

static int wait_until_canceled(void *arg)
{
    need(plait_rlock_acquire(&rlock, PLAIT_NEVER) == -ECANCELED);
    need(plait_rlock_depth(&rlock) == 0);
    return 0;
}

TEST_LIGHT(cancel_ends_the_wait)
{
    struct crew crew = {.count = 0};
    ck_assert_int_eq(plait_rlock_acquire(&rlock, PLAIT_NOW), 0);
    crew_start(&crew, carrier, 2, wait_until_canceled, NULL);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    plait_cancel(crew.task[0]);
    plait_cancel(crew.task[1]);
    crew_join(&crew);
    plait_rlock_release(&rlock);
}

static void take_somehow(struct storm *storm, unsigned *random)
{
    int rc = plait_rlock_acquire(&rlock, PLAIT_NOW);
    if (rc != 0 && !storm_got(storm, plait_rlock_acquire(&rlock, storm_deadline(random))))
        return;
    need(inside++ == 0);
    bool again = crew_random(random) % 2;
    if (again)
        need(plait_rlock_acquire(&rlock, PLAIT_NOW) == 0);
    if (crew_random(random) % 8 == 0)
        plait_yield();
    if (again)
        plait_rlock_release(&rlock);
    inside--;
    plait_rlock_release(&rlock);
}

TEST_STORM(cancels_and_time_outs_lose_no_wake, take_somehow)

/* ---- shared, and forks */

static plait_rlock *shared;

static int die_inside(void *arg)
{
    for (int i = 0; i < 3; i++)
        if (plait_rlock_acquire(shared, PLAIT_NEVER) != 0)
            return 1;
    _exit(7);
}

TEST_LABELED(a_dead_holder_leaves_no_depth, "process")
{
    shared = plait_share(sizeof *shared);
    plait_rlock_init(shared, PLAIT_SHARED);
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, die_inside, NULL, NULL), 0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_rlock_acquire(shared, PLAIT_NEVER), -EOWNERDEAD);
    ck_assert_int_eq(plait_rlock_depth(shared), 1);
    ck_assert_int_eq(plait_rlock_acquire(shared, PLAIT_NEVER), 0);
    plait_lock_mend(&shared->lock);
    plait_rlock_release(shared);
    ck_assert_int_eq(plait_rlock_depth(shared), 1);
    plait_rlock_release(shared);
    ck_assert_int_eq(plait_rlock_acquire(shared, PLAIT_NOW), 0);
    plait_rlock_release(shared);
    plait_share_free(shared);
}

static int count_shared(void *arg)
{
    for (int i = 0; i < 500; i++)
        plait_with (shared)
            plait_with (shared)
                ++*(long *)arg;
    return 0;
}

TEST_CARRIERS(shared_by_all_carriers)
{
    long *count = plait_share(sizeof *count);
    shared = plait_share(sizeof *shared);
    plait_rlock_init(shared, PLAIT_SHARED);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_start(NULL, carrier, count_shared, count, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(*count, 3 * 500);
    plait_share_free(shared);
    plait_share_free(count);
}

static void forker_holds_it_still(void *arg)
{
    need(plait_rlock_depth(&rlock) == 2);
    need(plait_rlock_acquire(&rlock, PLAIT_NOW) == 0);
    for (int i = 0; i < 3; i++)
        plait_rlock_release(&rlock);
    crew_run(PLAIT_THREAD, 2, add, NULL);
}

TEST_LABELED(who_forks_keeps_the_depth, "process")
{
    char text[1024];
    ck_assert_int_eq(plait_rlock_acquire(&rlock, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_rlock_acquire(&rlock, PLAIT_NOW), 0);
    ck_assert_msg(harness_fork(forker_holds_it_still, NULL, text, sizeof text) == 0, "%s", text);
    ck_assert_int_eq(plait_rlock_depth(&rlock), 2);
    plait_rlock_release(&rlock);
    plait_rlock_release(&rlock);
}

/* ---- misuse */

static void release_free(void *arg)
{
    plait_rlock_release(&rlock);
}

static void release_too_often(void *arg)
{
    need(plait_rlock_acquire(&rlock, PLAIT_NOW) == 0);
    need(plait_rlock_acquire(&rlock, PLAIT_NOW) == 0);
    for (int i = 0; i < 3; i++)
        plait_rlock_release(&rlock);
}

static int release_foreign(void *arg)
{
    plait_rlock_release(&rlock);
    return 0;
}

static void release_of_another(void *arg)
{
    need(plait_rlock_acquire(&rlock, PLAIT_NOW) == 0);
    crew_run(PLAIT_THREAD, 1, release_foreign, NULL);
}

TEST_LABELED(only_the_holder_releases, "process")
{
    harness_dies(release_free, NULL, "released by a task that does not hold it");
    harness_dies(release_too_often, NULL, "nobody holds it, last taken at");
    harness_dies(release_of_another, NULL, "held by main since");
}

static void acquire(void *arg)
{
    (void)!plait_rlock_acquire(arg, PLAIT_NOW);
}

static void hold(void *arg)
{
    plait_with ((plait_rlock *)arg)
        sum++;
}

static void ask_depth(void *arg)
{
    plait_rlock_depth(arg);
}

static void duration(void *arg)
{
    (void)!plait_rlock_acquire(&rlock, 5 * PLAIT_MILLISECOND);
}

static void share_on_the_stack(void *arg)
{
    plait_rlock local;
    plait_rlock_init(&local, PLAIT_SHARED);
}

static void too_deep(void *arg)
{
    need(plait_rlock_acquire(&rlock, PLAIT_NOW) == 0);
    rlock.lock.own[6] = 0x7ffffffe; /* as if it had been taken so often */
    (void)!plait_rlock_acquire(&rlock, PLAIT_NOW);
}

TEST_LABELED(what_is_none_is_refused, "process")
{
    uint64_t garbage[9];
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(acquire, NULL, "NULL is no rlock");
    harness_dies(hold, NULL, "NULL is no rlock");
    harness_dies(ask_depth, NULL, "NULL is no rlock");
    harness_dies(acquire, garbage, "never initialised, or overwritten");
    harness_dies(acquire, (char *)garbage + 4, "not aligned");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
    harness_dies(share_on_the_stack, NULL, "outside of memory from plait_share");
    harness_dies(too_deep, NULL, "taken 2147483647 times");
}
