/* The condition in shared memory, between processes and for the dead. Kills at each single
 * instruction are tests/kill's; all orders of the protocol's steps are
 * tests/models/condition.c's. */
#include "children.h"
#include "wait/robust.h"

#include <sys/syscall.h>
#include <unistd.h>

static struct common {
    plait_lock lock;
    plait_rlock rlock;
    plait_condition grown;
    int apples, eaten, asleep, stop;
    long sum;
} * common;

static void open_common(void)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    plait_lock_init(&common->lock, PLAIT_SHARED);
    plait_rlock_init(&common->rlock, PLAIT_SHARED);
    plait_condition_init(&common->grown, PLAIT_SHARED);
}

static void close_common(void)
{
    plait_share_free(common);
}

/* -EOWNERDEAD is mended: an apple more or less is whole. */
static void take_lock(void)
{
    int rc = plait_lock_acquire(&common->lock, PLAIT_NEVER);
    if (rc == -EOWNERDEAD)
        plait_lock_mend(&common->lock);
    else
        need(rc == 0);
}

static bool there_is_one(void *unused)
{
    return common->apples > 0;
}

static int eat(void *arg)
{
    take_lock();
    common->asleep++;
    int rc;
    while ((rc = plait_condition_wait_for(&common->grown, &common->lock, there_is_one, NULL,
                                          PLAIT_NEVER)) == -EOWNERDEAD)
        plait_lock_mend(&common->lock);
    need(rc == 0);
    common->apples--;
    common->eaten++;
    plait_lock_release(&common->lock);
    return 0;
}

static void grow(int apples)
{
    take_lock();
    common->apples += apples;
    plait_lock_release(&common->lock);
}

TEST_CARRIERS(each_apple_is_eaten_once)
{
    struct crew crew = {.count = 0};
    open_common();
    crew_start(&crew, carrier, 6, eat, NULL);
    for (int i = 0; i < 3; i++) {
        grow(1);
        plait_condition_notify(&common->grown, 1);
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    }
    grow(3);
    plait_condition_notify_all(&common->grown);
    crew_join(&crew);
    ck_assert_int_eq(common->eaten, 6);
    ck_assert_int_eq(common->apples, 0);
    close_common();
}

TEST_LABELED(all_carriers_wait_on_one, "process")
{
    struct crew crew = {.count = 0};
    open_common();
    crew_start(&crew, PLAIT_PROCESS, 3, eat, NULL);
    crew_start(&crew, CREW_MIXED, 6, eat, NULL);
    for (int i = 0; i < 9; i++) {
        grow(1);
        plait_condition_notify(&common->grown, 1);
    }
    crew_join(&crew);
    ck_assert_int_eq(common->eaten, 9);
    close_common();
}

/* A notify of one within the 20 ms before everybody looks by himself. */
static int sleep_once(void *arg)
{
    take_lock();
    common->asleep++;
    int rc = plait_condition_wait(&common->grown, &common->lock, PLAIT_NEVER);
    common->eaten++;
    plait_lock_release(&common->lock);
    return rc;
}

TEST_LIGHT(a_notify_wakes_at_once)
{
    open_common();
    int64_t slowest = 0, fastest = PLAIT_SECOND;
    for (int i = 0; i < 10; i++) {
        struct crew crew = {.count = 0};
        common->asleep = 0;
        crew_start(&crew, carrier, 1, sleep_once, NULL);
        BEFORE_LONG(__atomic_load_n(&common->asleep, __ATOMIC_ACQUIRE) == 1);
        plait_sleep(plait_after(PLAIT_MILLISECOND));
        int64_t begin = plait_now();
        plait_condition_notify(&common->grown, 1);
        crew_join(&crew);
        int64_t took = plait_now() - begin;
        slowest = took > slowest ? took : slowest;
        fastest = took < fastest ? took : fastest;
    }
    ck_assert_int_lt(fastest, 10 * PLAIT_MILLISECOND); /* not the patrol's doing */
    close_common();
}

TEST(nobody_is_there_to_be_notified)
{
    open_common();
    uint64_t before = common->grown.own[1];
    plait_condition_notify(&common->grown, 0);
    plait_condition_notify(&common->grown, 3);
    plait_condition_notify_all(&common->grown);
    ck_assert_uint_eq(common->grown.own[1], before); /* neither W nor a count */
    close_common();
}

static int time_out(void *arg)
{
    take_lock();
    need(plait_condition_wait(&common->grown, &common->lock, PLAIT_NOW) == -EAGAIN);
    need(plait_condition_wait(&common->grown, &common->lock, plait_after(PLAIT_MILLISECOND)) ==
         -ETIMEDOUT);
    need(plait_lock_is_held(&common->lock));
    need(plait_condition_wait_for(&common->grown, &common->lock, there_is_one, NULL,
                                  plait_after(70 * PLAIT_MILLISECOND)) == -ETIMEDOUT);
    need(plait_condition_wait_for(&common->grown, &common->lock, NULL, NULL, PLAIT_NEVER) ==
         -EINVAL);
    plait_lock_release(&common->lock);
    return 0;
}

TEST_CARRIERS(deadlines_end_the_wait)
{
    open_common();
    crew_run(carrier, 2, time_out, NULL);
    close_common();
}

static int wait_for_cancel(void *arg)
{
    take_lock();
    int rc =
        plait_condition_wait_for(&common->grown, &common->lock, there_is_one, NULL, PLAIT_NEVER);
    need(plait_lock_is_held(&common->lock));
    plait_lock_release(&common->lock);
    return rc == -ECANCELED ? 0 : 1;
}

TEST_LIGHT(a_cancel_ends_the_wait)
{
    open_common();
    for (int i = 0; i < 10; i++) {
        plait_task *task;
        int status;
        ck_assert_int_eq(plait_start(&task, carrier, wait_for_cancel, NULL, NULL), 0);
        plait_sleep(plait_after((i % 4) * PLAIT_MILLISECOND));
        plait_cancel(task);
        ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    close_common();
}

static int eat_deep(void *arg)
{
    need(plait_rlock_acquire(&common->rlock, PLAIT_NEVER) == 0);
    need(plait_rlock_acquire(&common->rlock, PLAIT_NEVER) == 0);
    need(plait_condition_wait_for(&common->grown, &common->rlock.lock, there_is_one, NULL,
                                  PLAIT_NEVER) == 0);
    need(plait_rlock_depth(&common->rlock) == 2);
    common->apples--;
    plait_rlock_release(&common->rlock);
    plait_rlock_release(&common->rlock);
    return 0;
}

TEST_CARRIERS(a_lock_taken_twice_is_given_back_and_taken_twice)
{
    struct crew crew = {.count = 0};
    open_common();
    crew_start(&crew, carrier, 2, eat_deep, NULL);
    plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
    ck_assert_int_eq(plait_rlock_acquire(&common->rlock, PLAIT_NEVER), 0);
    common->apples = 2;
    plait_condition_notify_all(&common->grown);
    plait_rlock_release(&common->rlock);
    crew_join(&crew);
    close_common();
}

/* ---- the dead and the stopped */

static int change_and_die(void *arg)
{
    take_lock();
    common->apples++;
    if (arg)
        plait_lock_release(&common->lock);
    kill(getpid(), SIGKILL);
    return 0;
}

static void look_again(void *arg, int carrier)
{
    struct crew crew = {.count = 0};
    open_common();
    crew_start(&crew, carrier, 1, eat, NULL);
    BEFORE_LONG(__atomic_load_n(&common->asleep, __ATOMIC_ACQUIRE) == 1);
    plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
    ck_assert_int_eq(child_status(child_in(change_and_die, arg)), -1);
    BEFORE_LONG(__atomic_load_n(&common->eaten, __ATOMIC_ACQUIRE) == 1);
    crew_join(&crew);
    close_common();
}

TEST_CREW(waiters_look_again_when_a_notifier_died_with_the_lock)
{
    look_again(NULL, carrier);
}

TEST_CREW(waiters_look_again_when_a_notifier_died_without_it)
{
    look_again("released", carrier);
}

static int eat_for_ever(void *arg)
{
    for (;;)
        eat(NULL);
    return 0;
}

/* Who was stopped with the lock in his hand, which is rare, keeps it from everybody: he goes on. In
 * nobody else's hand may it stay, so the word is asked, and no time-out. */
static void stop_without_lock(pid_t child)
{
    stop_child(child);
    const struct robust_word *lock = (const struct robust_word *)(const void *)&common->lock;
    uint32_t owner = __atomic_load_n(&lock->word, __ATOMIC_ACQUIRE) & ROBUST_OWNER;
    if (syscall(SYS_tgkill, child, owner, 0) == 0) /* a thread of his */
        need(kill(child, SIGCONT) == 0);
}

/* Eaters die or are stopped; apples that nobody eats although there are eaters would be a lost
 * one. */
static void soak(int kills)
{
    enum { CHILDREN = 3 };
    pid_t children[CHILDREN];
    unsigned random = 5;
    open_common();
    for (int i = 0; i < CHILDREN; i++)
        children[i] = child_working(eat_for_ever, 2);
    for (int i = 0; i < kills; i++) {
        int one = (int)(crew_random(&random) % CHILDREN), apples = 1 + i % 3;
        if (i % 4 == 0)
            stop_without_lock(children[one]);
        grow(apples);
        if (i % 2)
            plait_condition_notify_all(&common->grown);
        else
            plait_condition_notify(&common->grown, apples);
        for (volatile unsigned k = crew_random(&random) % 16384; k > 0; k--)
            ;
        kill_child(children[one]);
        BEFORE_LONG(__atomic_load_n(&common->apples, __ATOMIC_ACQUIRE) == 0);
        children[one] = child_working(eat_for_ever, 2);
    }
    for (int i = 0; i < CHILDREN; i++)
        kill_child(children[i]);
    close_common();
}

TEST_LABELED(kills_and_stops_at_random_moments, "process")
{
    soak(40);
}

TEST_LABELED(many_kills_and_stops, "process long")
{
    soak(2000);
}

/* ---- misuse */

static void wait_without(void *arg)
{
    (void)!plait_condition_wait(&common->grown, &common->lock, PLAIT_NEVER);
}

static void wait_with_private(void *arg)
{
    static plait_lock own;
    if (plait_lock_acquire(&own, PLAIT_NOW) == 0)
        (void)!plait_condition_wait(&common->grown, &own, PLAIT_NEVER);
}

static void notify_less_than_none(void *arg)
{
    plait_condition_notify(&common->grown, -1);
}

static void elsewhere(void *arg)
{
    static plait_condition condition;
    plait_condition_init(&condition, PLAIT_SHARED);
}

TEST_LABELED(misuse_stops_the_program_with_a_name, "process")
{
    open_common();
    harness_dies(wait_without, NULL, "without its lock");
    harness_dies(wait_with_private, NULL, "with a private lock");
    harness_dies(notify_less_than_none, NULL, "notifies -1");
    harness_dies(elsewhere, NULL, "outside of memory from plait_share");
    close_common();
}
