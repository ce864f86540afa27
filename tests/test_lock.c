/* The private lock: exclusion, waiting, fairness, forks, misuse. The shared one is tested in
 * test_shared_lock.c. */
#include "crew.h"

#include <stdlib.h>
#include <unistd.h>

static plait_lock lock;
static long inside, sum;

/* ---- alone */

TEST(a_zeroed_lock_is_free_and_private)
{
    ck_assert(!plait_lock_is_held(&lock));
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NEVER), 0);
    ck_assert(plait_lock_is_held(&lock));
    plait_lock_release(&lock);
    ck_assert(!plait_lock_is_held(&lock));
}

TEST(taking_it_twice_is_a_deadlock_told_at_once)
{
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NEVER), -EDEADLK);
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), -EDEADLK);
    plait_lock_release(&lock);
}

static int leave_early(int how)
{
    for (int i = 0; i < 1; i++) {
        plait_with (&lock) {
            ck_assert(plait_lock_is_held(&lock));
            if (how == 1)
                return 1;
            if (how == 2)
                break;
            if (how == 3)
                goto out;
        }
        ck_assert(!plait_lock_is_held(&lock));
    }
out:
    return 0;
}

TEST(every_way_out_of_the_block_releases)
{
    for (int how = 0; how < 4; how++) {
        leave_early(how);
        ck_assert(!plait_lock_is_held(&lock));
    }
}

TEST(blocks_nest)
{
    static plait_lock other;
    plait_with (&lock)
        plait_with (&other) {
            ck_assert(plait_lock_is_held(&lock));
            ck_assert(plait_lock_is_held(&other));
        }
    ck_assert(!plait_lock_is_held(&other));
}

TEST(init_makes_a_used_struct_private_and_free)
{
    plait_lock used;
    memset(&used, 0xa5, sizeof used);
    plait_lock_init(&used, PLAIT_PRIVATE);
    ck_assert_int_eq(plait_lock_acquire(&used, PLAIT_NOW), 0);
    plait_lock_release(&used);
}

/* ---- with others */

static int add(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        if (i & 1) {
            need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
            need(inside++ == 0);
            sum++;
            inside--;
            plait_lock_release(&lock);
        } else {
            plait_with (&lock) {
                need(inside++ == 0);
                sum++;
                if (i % 64 == 0)
                    plait_yield();
                inside--;
            }
        }
    }
    return 0;
}

TEST_CREW(one_at_a_time)
{
    crew_run(carrier, 6, add, NULL);
    ck_assert_int_eq(sum, 6 * 2000);
    ck_assert(!plait_lock_is_held(&lock));
}

static int try_it(void *arg)
{
    need(plait_lock_is_held(&lock));
    need(plait_lock_acquire(&lock, PLAIT_NOW) == -EAGAIN);
    need(plait_lock_acquire(&lock, plait_now() - 1) == -ETIMEDOUT);
    int64_t end = plait_after(5 * PLAIT_MILLISECOND);
    need(plait_lock_acquire(&lock, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    need(plait_lock_is_held(&lock));
    return 0;
}

TEST_CREW(a_held_lock_is_refused_in_time)
{
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), 0);
    crew_run(carrier, 3, try_it, NULL);
    plait_lock_release(&lock);
    ck_assert_int_eq(plait_lock_acquire(&lock, plait_now() - 1), 0);
    plait_lock_release(&lock);
}

static int wait_until_canceled(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == -ECANCELED);
    return 0;
}

TEST_LIGHT(cancel_ends_the_wait)
{
    struct crew crew = {.count = 0};
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), 0);
    crew_start(&crew, carrier, 2, wait_until_canceled, NULL);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    plait_cancel(crew.task[0]);
    plait_cancel(crew.task[1]);
    crew_join(&crew);
    plait_lock_release(&lock);
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), 0);
    plait_lock_release(&lock);
}

static int hold_in_block(void *arg)
{
    plait_with (&lock)
        sum++;
    need(plait_is_canceled());
    return 0;
}

TEST_LIGHT(cancel_does_not_end_the_block)
{
    struct crew crew = {.count = 0};
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), 0);
    crew_start(&crew, carrier, 1, hold_in_block, NULL);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    plait_cancel(crew.task[0]);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    ck_assert_int_eq(sum, 0);
    plait_lock_release(&lock);
    crew_join(&crew);
    ck_assert_int_eq(sum, 1);
}

/* Each call has a chance to time out, to be refused or to be cancelled; whoever gets the lock is
 * alone. */
static int acquire_somehow(unsigned *random)
{
    switch (crew_random(random) % 4) {
    case 0:
        return plait_lock_acquire(&lock, PLAIT_NOW);
    case 1:
        return plait_lock_acquire(&lock, plait_after(crew_random(random) % 100 * 1000));
    case 2:
        return plait_lock_acquire(&lock, plait_after(crew_random(random) % 8 * 1000));
    default:
        return plait_lock_acquire(&lock, PLAIT_NEVER);
    }
}

static int struggle(void *arg)
{
    unsigned random = (unsigned)(uintptr_t)&random;
    for (int i = 0; i < 500; i++) {
        int rc = acquire_somehow(&random);
        if (rc != 0) {
            need(rc == -EAGAIN || rc == -ETIMEDOUT || rc == -ECANCELED);
            continue;
        }
        need(inside++ == 0);
        sum++;
        if (crew_random(&random) % 16 == 0)
            plait_yield();
        inside--;
        plait_lock_release(&lock);
    }
    return 0;
}

TEST_CREW(time_outs_and_cancels_lose_no_wake)
{
    struct crew crew = {.count = 0};
    unsigned random = 1;
    crew_start(&crew, carrier, 8, struggle, NULL);
    for (int i = 0; i < 40; i++) {
        plait_task *task = crew.task[crew_random(&random) % 8];
        if (task)
            plait_cancel(task);
        ck_assert_int_eq(plait_sleep(plait_after(50 * PLAIT_MICROSECOND)), 0);
    }
    crew_join(&crew);
    ck_assert_int_gt(sum, 0);
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), 0);
    plait_lock_release(&lock);
}

static bool served;
static int hogs; /* that have begun */

/* Takes the lock again at once, so that a sleeper who is woken comes too late each time. */
static int hog(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    plait_lock_release(&lock);
    __atomic_add_fetch(&hogs, 1, __ATOMIC_RELAXED);
    while (!__atomic_load_n(&served, __ATOMIC_RELAXED)) {
        need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
        for (volatile int i = 0; i < 2000; i++)
            ;
        plait_lock_release(&lock);
    }
    return 0;
}

static int starve(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    __atomic_store_n(&served, true, __ATOMIC_RELAXED);
    plait_lock_release(&lock);
    return 0;
}

TEST_LIGHT(nobody_starves)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, 0, 2, hog, NULL);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    crew_start(&crew, carrier, 1, starve, NULL);
    crew_join(&crew);
}

/* The lock lies on the stack of one task; the other releases it as its last act. Under ASan and
 * TSan a release that touches it later shows. */
static int release_last(void *arg)
{
    plait_lock *mine = *(plait_lock **)arg;
    need(plait_lock_acquire(mine, PLAIT_NEVER) == 0);
    __atomic_store_n((plait_lock **)arg, NULL, __ATOMIC_RELEASE);
    plait_lock_release(mine);
    return 0;
}

TEST_LIGHT(may_be_freed_by_the_next_holder)
{
    for (int i = 0; i < 100; i++) {
        struct crew crew = {.count = 0};
        plait_lock *heap = calloc(1, sizeof *heap), *passed = heap;
        crew_start(&crew, carrier, 1, release_last, &passed);
        while (__atomic_load_n(&passed, __ATOMIC_ACQUIRE))
            plait_yield();
        ck_assert_int_eq(plait_lock_acquire(heap, PLAIT_NEVER), 0);
        plait_lock_release(heap);
        free(heap);
        crew_join(&crew);
    }
}

/* ---- forks: the child's copy of a lock whose holder is not there */

static int step; /* 1: held, 2: may be released */

static int hold_meanwhile(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    __atomic_store_n(&step, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&step, __ATOMIC_ACQUIRE) == 1)
        need(plait_sleep(plait_after(PLAIT_MILLISECOND)) == 0);
    plait_lock_release(&lock);
    return 0;
}

/* Runs `child` in a forked child while another task of this process holds the lock. */
static void fork_while_held(void (*child)(void *arg), const char *words)
{
    struct crew crew = {.count = 0};
    char text[1024];
    crew_add(&crew, PLAIT_THREAD, hold_meanwhile, NULL);
    while (__atomic_load_n(&step, __ATOMIC_ACQUIRE) == 0)
        ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    if (words)
        harness_dies(child, NULL, words);
    else
        ck_assert_msg(harness_fork(child, NULL, text, sizeof text) == 0, "%s", text);
    __atomic_store_n(&step, 2, __ATOMIC_RELEASE);
    crew_join(&crew);
}

static void mend_in_child(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NOW) == -EOWNERDEAD);
    plait_lock_mend(&lock);
    plait_lock_release(&lock);
    crew_run(PLAIT_THREAD, 3, add, NULL);
    need(plait_lock_acquire(&lock, PLAIT_NOW) == 0);
    plait_lock_release(&lock);
}

TEST_LABELED(a_fork_leaves_the_holder_behind, "process")
{
    fork_while_held(mend_in_child, NULL);
}

static int refused(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == -ENOTRECOVERABLE);
    return 0;
}

static void release_unmended(void *arg)
{
    struct crew crew = {.count = 0};
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == -EOWNERDEAD);
    crew_start(&crew, PLAIT_THREAD, 3, refused, NULL);
    (void)plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
    plait_lock_release(&lock);
    crew_join(&crew);
    need(plait_lock_acquire(&lock, PLAIT_NOW) == -ENOTRECOVERABLE);
}

TEST_LABELED(released_unmended_it_is_refused_to_all, "process")
{
    fork_while_held(release_unmended, NULL);
}

static void repair(void *arg)
{
    need(plait_lock_is_held(&lock));
    ++*(int *)arg;
}

static void block_in_child(void *arg)
{
    int count = 0;
    plait_lock_on_death(&lock, NULL, NULL);
    plait_lock_on_death(&lock, repair, &count);
    plait_with (&lock)
        need(count == 1);
    plait_with (&lock)
        need(count == 1);
}

TEST_LABELED(the_block_repairs_and_mends, "process")
{
    fork_while_held(block_in_child, NULL);
}

static void block_without_repair(void *arg)
{
    plait_with (&lock)
        sum++;
}

TEST_LABELED(the_block_dies_without_a_repair, "process")
{
    fork_while_held(block_without_repair, "its holder died inside");
}

static void forker_still_holds(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NOW) == -EDEADLK);
    plait_lock_release(&lock);
    crew_run(PLAIT_THREAD, 3, add, NULL);
}

TEST_LABELED(who_forks_goes_on_holding, "process")
{
    char text[1024];
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), 0);
    ck_assert_msg(harness_fork(forker_still_holds, NULL, text, sizeof text) == 0, "%s", text);
    plait_lock_release(&lock);
}

/* A child forked at any moment of a struggle finds the lock free, or left behind, and never hangs.
 * */
static void take_in_child(void *arg)
{
    int rc = plait_lock_acquire(&lock, PLAIT_NEVER);
    need(rc == 0 || rc == -EOWNERDEAD);
    plait_lock_mend(&lock);
    plait_lock_release(&lock);
    served = true;
    crew_run(PLAIT_THREAD, 2, starve, NULL);
    _exit(0); /* because LeakSanitizer would count the records of the threads that stayed behind */
}

TEST_LABELED(a_child_of_any_moment_can_take_it, "process")
{
    struct crew crew = {.count = 0};
    char text[1024];
    crew_start(&crew, 0, 3, hog, NULL);
    /* A thread allocates while it starts; AddressSanitizer's allocator does not mend its locks in
     * the child of a fork, so that child would hang there. */
    while (__atomic_load_n(&hogs, __ATOMIC_RELAXED) < 3)
        plait_yield();
    for (int i = 0; i < 20; i++)
        ck_assert_msg(harness_fork(take_in_child, NULL, text, sizeof text) == 0, "%s", text);
    __atomic_store_n(&served, true, __ATOMIC_RELAXED);
    crew_join(&crew);
}

/* ---- misuse */

static void release_free(void *arg)
{
    plait_lock_release(&lock);
}

static void release_again(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NOW) == 0);
    plait_lock_release(&lock);
    plait_lock_release(&lock);
}

static int release_foreign(void *arg)
{
    plait_lock_release(&lock);
    return 0;
}

static void release_of_another(void *arg)
{
    need(plait_lock_acquire(&lock, PLAIT_NOW) == 0);
    crew_run(PLAIT_THREAD, 1, release_foreign, NULL);
}

static void block_twice(void *arg)
{
    plait_with (&lock)
        plait_with (&lock)
            sum++;
}

static void mend_unheld(void *arg)
{
    plait_lock_mend(&lock);
}

TEST_LABELED(only_the_holder_releases, "process")
{
    harness_dies(release_free, NULL,
                 "released by a task that does not hold it; nobody ever took it");
    harness_dies(release_again, NULL, "nobody holds it, last taken at");
    harness_dies(release_of_another, NULL, "held by main since");
    harness_dies(block_twice, NULL, "taken twice by one task; held by main since");
    harness_dies(mend_unheld, NULL, "mended by a task that does not hold it");
}

static void acquire(void *arg)
{
    (void)!plait_lock_acquire(arg, PLAIT_NOW);
}

static void repair_nothing(void *arg)
{
    plait_lock_on_death(NULL, NULL, NULL);
}

static void duration(void *arg)
{
    (void)!plait_lock_acquire(&lock, 5 * PLAIT_MILLISECOND);
}

static void share_on_the_stack(void *arg)
{
    plait_lock local;
    plait_lock_init(&local, PLAIT_SHARED);
}

TEST_LABELED(what_is_no_lock_is_refused, "process")
{
    uint64_t garbage[9];
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(acquire, NULL, "NULL is no lock");
    harness_dies(acquire, garbage, "never initialised, or overwritten");
    harness_dies(acquire, (char *)garbage + 4, "not aligned");
    harness_dies(repair_nothing, NULL, "NULL is no lock");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
    harness_dies(share_on_the_stack, NULL, "outside of memory from plait_share");
}

static void twice_checked(void *arg)
{
    setenv("PLAIT_CHECK", "1", 1);
    need(plait_lock_acquire(&lock, PLAIT_NOW) == 0);
    (void)!plait_lock_acquire(&lock, PLAIT_NOW);
}

TEST_LABELED(checked_mode_stops_at_the_second_take, "process")
{
    harness_dies(twice_checked, NULL, "taken twice by one task");
}
