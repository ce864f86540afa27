/* The shared lock: exclusion between carriers, waiting, death of a holder, the thread's list of
 * what it holds. Kills at each single instruction are tests/kill's; all orders of the protocol's
 * steps are tests/models/lock.c's. */
#include "children.h"
#include "os/os.h"
#include "wait/robust.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the cases share with their children. */
static struct common {
    plait_lock lock, second;
    long inside, sum, died;
} * common;

static void open_common(void)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    plait_lock_init(&common->lock, PLAIT_SHARED);
    plait_lock_init(&common->second, PLAIT_SHARED);
}

static void close_common(void)
{
    plait_share_free(common);
}

static struct robust_word *word_of(plait_lock *lock)
{
    return (struct robust_word *)lock;
}

static int hold(void *unused)
{
    return plait_lock_acquire(&common->lock, PLAIT_NEVER);
}

/* ---- alone */

TEST(taken_and_given_back)
{
    open_common();
    ck_assert(!plait_lock_is_held(&common->lock));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), 0);
        ck_assert(plait_lock_is_held(&common->lock));
        ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), -EDEADLK);
        plait_lock_mend(&common->lock); /* sound: nothing happens */
        plait_lock_release(&common->lock);
    }
    ck_assert_uint_eq(word_of(&common->lock)->word, 0);
    ck_assert_ptr_null(*robust_current->pending);
    close_common();
}

static void release_it(void *lock)
{
    plait_lock_release(lock);
}

TEST_LABELED(releasing_what_one_does_not_hold_is_misuse, "process")
{
    open_common();
    harness_dies(release_it, &common->lock, "nobody holds it");
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), 0);
    harness_dies(release_it, &common->lock, "does not hold it"); /* in the child: a parent's lock */
    plait_lock_release(&common->lock);
    close_common();
}

static void free_common(void *unused)
{
    if (plait_lock_acquire(&common->lock, PLAIT_NOW) == 0)
        plait_share_free(common);
}

TEST_LABELED(unmapping_a_held_lock_is_misuse, "process")
{
    open_common();
    harness_dies(free_common, NULL, "held by the caller");
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), -EOWNERDEAD); /* it aborted */
    plait_lock_release(&common->lock);
    close_common();
}

TEST(one_word_too_many_is_refused)
{
    plait_lock *locks = plait_share((ROBUST_HELD_MOST + 1) * sizeof *locks);
    ck_assert_ptr_nonnull(locks);
    for (int i = 0; i <= ROBUST_HELD_MOST; i++)
        plait_lock_init(&locks[i], PLAIT_SHARED);
    for (int i = 0; i < ROBUST_HELD_MOST; i++)
        ck_assert_int_eq(plait_lock_acquire(&locks[i], PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_lock_acquire(&locks[ROBUST_HELD_MOST], PLAIT_NEVER), -ENOLCK);
    ck_assert(!plait_lock_is_held(&locks[ROBUST_HELD_MOST]));
    for (int i = 0; i < ROBUST_HELD_MOST; i++)
        plait_lock_release(&locks[(i * 7) % ROBUST_HELD_MOST]); /* 7 does not divide 1,900 */
    ck_assert_uint_eq(robust_current->count, 0);
    plait_share_free(locks);
}

/* ---- waiting */

static int try_now(void *unused)
{
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_lock_acquire(&common->lock, plait_after(PLAIT_MILLISECOND)), -ETIMEDOUT);
    ck_assert_int_eq(plait_lock_acquire(&common->lock, plait_after(45 * PLAIT_MILLISECOND)),
                     -ETIMEDOUT); /* longer than the patrol */
    return 0;
}

TEST_CREW(deadlines_end_the_wait)
{
    open_common();
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), 0);
    crew_run(carrier, 3, try_now, NULL);
    plait_lock_release(&common->lock);
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NOW), 0);
    plait_lock_release(&common->lock);
    ck_assert_uint_eq(word_of(&common->lock)->word,
                      0); /* a W left behind goes with the next release */
    close_common();
}

static int wait_for_cancel(void *unused)
{
    int rc = plait_lock_acquire(&common->lock, PLAIT_NEVER);
    ck_assert_ptr_null(*robust_current->pending);
    return rc == -ECANCELED ? 0 : 1;
}

TEST_LIGHT(a_cancel_ends_the_wait)
{
    plait_task *task;
    int status;
    open_common();
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), 0);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(plait_start(&task, carrier, wait_for_cancel, NULL, NULL), 0);
        plait_sleep(plait_after((i % 5) * PLAIT_MILLISECOND));
        plait_cancel(task);
        ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    plait_lock_release(&common->lock);
    close_common();
}

static int add_many(void *unused)
{
    for (int i = 0; i < 2000; i++) {
        ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), 0);
        ck_assert_int_eq(common->inside++, 0);
        common->sum++;
        if (i % 256 == 0)
            plait_sleep(plait_after(100000)); /* the others must sleep */
        common->inside--;
        plait_lock_release(&common->lock);
    }
    return 0;
}

static void exclude(int carrier)
{
    open_common();
    crew_run(carrier, 6, add_many, NULL);
    ck_assert_int_eq(common->sum, 12000);
    ck_assert_uint_eq(word_of(&common->lock)->word & ROBUST_OWNER, 0);
    close_common();
}

TEST_CREW(one_at_a_time)
{
    exclude(carrier);
}

TEST_LABELED(one_at_a_time_among_processes, "process")
{
    exclude(PLAIT_PROCESS);
}

static int lead_many(void *unused)
{
    crew_run(PLAIT_COROUTINE, 3, add_many, NULL);
    return 0;
}

TEST_LABELED(one_at_a_time_among_coroutines_of_processes, "process")
{
    open_common();
    crew_run(PLAIT_PROCESS, 3, lead_many, NULL);
    ck_assert_int_eq(common->sum, 18000);
    close_common();
}

/* ---- many words at once */

enum { MANY = 300 };
static plait_lock *many;

static int take_one(void *arg)
{
    plait_lock *lock = arg;
    ck_assert_int_eq(plait_lock_acquire(lock, PLAIT_NEVER), 0);
    plait_lock_release(lock);
    return 0;
}

TEST(coroutines_wait_on_more_words_than_the_kernel_takes)
{
    plait_task *tasks[MANY];
    int status;
    many = plait_share(MANY * sizeof *many);
    ck_assert_ptr_nonnull(many);
    for (int i = 0; i < MANY; i++) {
        plait_lock_init(&many[i], PLAIT_SHARED);
        ck_assert_int_eq(plait_lock_acquire(&many[i], PLAIT_NEVER), 0);
    }
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(plait_start(&tasks[i], PLAIT_COROUTINE, take_one, &many[i], NULL), 0);
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    for (int i = 0; i < MANY; i++)
        plait_lock_release(&many[i]);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(plait_join(tasks[i], &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    plait_share_free(many);
}

/* ---- death */

static int be_told(void *told)
{
    int rc = plait_lock_acquire(&common->lock, PLAIT_NEVER);
    if (rc == -EOWNERDEAD) {
        __atomic_add_fetch(&common->died, 1, __ATOMIC_RELAXED);
        plait_lock_mend(&common->lock);
    }
    if (rc == 0 || rc == -EOWNERDEAD)
        plait_lock_release(&common->lock);
    else
        return rc;
    return 0;
}

TEST_CREW(a_sleeper_is_told_of_its_holders_death)
{
    struct crew crew = {.count = 0};
    open_common();
    pid_t holder = child_that(hold, NULL);
    crew_start(&crew, carrier, 4, be_told, NULL);
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    kill_child(holder);
    crew_join(&crew);
    ck_assert_int_eq(common->died, 1); /* the first one; it mended */
    ck_assert_uint_eq(word_of(&common->lock)->word & ~ROBUST_WAITERS, 0);
    close_common();
}

static int find_it_given_up(void *unused)
{
    return plait_lock_acquire(&common->lock, PLAIT_NEVER) == -ENOTRECOVERABLE ? 0 : 1;
}

TEST_CREW(a_lock_released_unmended_is_refused_to_all)
{
    struct crew crew = {.count = 0};
    open_common();
    kill_child(child_that(hold, NULL));
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), -EOWNERDEAD);
    crew_start(&crew, carrier, 4, find_it_given_up, NULL);
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    plait_lock_release(&common->lock);
    crew_join(&crew);
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NOW), -ENOTRECOVERABLE);
    ck_assert_uint_eq(robust_current->count, 0);
    close_common();
}

static void *hold_and_end(void *unused)
{
    (void)!hold(NULL);
    return NULL;
}

TEST(the_end_of_a_thread_is_a_death)
{
    pthread_t thread;
    open_common();
    ck_assert_int_eq(pthread_create(&thread, NULL, hold_and_end, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), -EOWNERDEAD);
    plait_lock_mend(&common->lock);
    plait_lock_release(&common->lock);
    close_common();
}

/* The word as a holder leaves it whose list the kernel did not walk (process_mrelease). */
static void die_unmarked(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    __atomic_store_n(&word_of(&common->lock)->word, (uint32_t)pid, __ATOMIC_SEQ_CST);
}

TEST_CREW(patrol_finds_a_holder_that_the_kernel_did_not_mark)
{
    open_common();
    die_unmarked();
    crew_run(carrier, 4, be_told, NULL);
    ck_assert_int_eq(common->died, 1);
    die_unmarked();
    int rc;
    while ((rc = plait_lock_acquire(&common->lock, PLAIT_NOW)) == -EAGAIN)
        ;
    ck_assert_int_eq(rc, -EOWNERDEAD);
    plait_lock_mend(&common->lock);
    plait_lock_release(&common->lock);
    close_common();
}

TEST(a_dead_holders_number_may_have_become_our_own)
{
    open_common();
    word_of(&common->lock)->word = robust_tid();
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), -EOWNERDEAD);
    plait_lock_mend(&common->lock);
    plait_lock_release(&common->lock);
    close_common();
}

/* ---- the thread's list */

static pthread_mutex_t *mutexes;

/* libc's robust mutexes and ours in turns; at the end both of ours and the second of libc's are
 * held. */
static int mix(void *unused)
{
    for (int round = 0; round < 3; round++) {
        pthread_mutex_lock(&mutexes[0]);
        if (hold(NULL) != 0)
            return 1;
        pthread_mutex_lock(&mutexes[1]);
        if (plait_lock_acquire(&common->second, PLAIT_NEVER) != 0)
            return 1;
        pthread_mutex_unlock(&mutexes[0]);
        if (round == 2)
            break;
        plait_lock_release(&common->lock);
        pthread_mutex_unlock(&mutexes[1]);
        plait_lock_release(&common->second);
    }
    return 0;
}

TEST_LABELED(libcs_robust_mutexes_stand_in_the_same_list, "process")
{
    open_common();
    mutexes = plait_share(2 * sizeof *mutexes);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < 2; i++)
        pthread_mutex_init(&mutexes[i], &attributes);
    kill_child(child_that(mix, NULL));
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), -EOWNERDEAD);
    ck_assert_int_eq(plait_lock_acquire(&common->second, PLAIT_NEVER), -EOWNERDEAD);
    ck_assert_int_eq(pthread_mutex_lock(&mutexes[0]), 0);
    ck_assert_int_eq(pthread_mutex_lock(&mutexes[1]), EOWNERDEAD);
    pthread_mutex_consistent(&mutexes[1]);
    for (int i = 0; i < 2; i++)
        pthread_mutex_unlock(&mutexes[i]);
    plait_lock_mend(&common->lock);
    plait_lock_release(&common->lock);
    plait_lock_mend(&common->second);
    plait_lock_release(&common->second);
    plait_share_free(mutexes);
    close_common();
}

static void *note_record(void *unused)
{
    ck_assert_int_ne((int)robust_tid(), 0);
    return robust_current;
}

TEST_LABELED(records_of_dead_threads_are_used_again, "notsan")
{
    void *seen[40];
    int kinds = 0;
    for (int i = 0; i < 40; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, note_record, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, &seen[kinds]), 0);
        usleep(500); /* the kernel walks the list after it has told the joiner */
        bool known = false;
        for (int k = 0; k < kinds; k++)
            known |= seen[k] == seen[kinds];
        kinds += !known;
    }
    ck_assert_int_lt(kinds, 10);
}

static void fork_again(void *unused)
{
    ck_assert_uint_eq((unsigned)robust_held_count((uintptr_t)wait_me()), 0);
    ck_assert_int_eq(plait_lock_acquire(&common->second, PLAIT_NEVER), 0);
    kill(getpid(), SIGKILL);
}

TEST_LABELED(a_forked_child_has_a_list_of_its_own, "process")
{
    open_common();
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NEVER), 0);
    for (int i = 0; i < 3; i++) {
        char text[8];
        harness_fork(fork_again, NULL, text, sizeof text);
        ck_assert_int_eq(plait_lock_acquire(&common->second, PLAIT_NEVER), -EOWNERDEAD);
        plait_lock_mend(&common->second);
        plait_lock_release(&common->second);
    }
    ck_assert_uint_eq(word_of(&common->lock)->word, robust_tid()); /* still the parent's */
    plait_lock_release(&common->lock);
    close_common();
}

/* ---- kills at random moments */

static int work(void *unused)
{
    for (;;) {
        int rc = plait_lock_acquire(&common->lock, PLAIT_NEVER);
        if (rc == -EOWNERDEAD) {
            common->inside = 0;
            plait_lock_mend(&common->lock);
        } else if (rc != 0) {
            abort();
        }
        if (common->inside++ != 0)
            abort();
        common->sum++;
        for (volatile int k = (int)(common->sum % 500); k > 0; k--)
            ;
        common->inside--;
        plait_lock_release(&common->lock);
    }
    return 0;
}

static void soak(int coroutines)
{
    enum { CHILDREN = 4, KILLS = 150 };
    pid_t children[CHILDREN];
    unsigned random = 7;
    open_common();
    for (int i = 0; i < CHILDREN; i++)
        children[i] = child_working(work, coroutines);
    for (int kills = 0; kills < KILLS; kills++) {
        long before = __atomic_load_n(&common->sum, __ATOMIC_RELAXED);
        usleep(1000 + crew_random(&random) % 3000);
        int i = (int)(crew_random(&random) % CHILDREN);
        kill_child(children[i]);
        children[i] = child_working(work, coroutines);
        while (__atomic_load_n(&common->sum, __ATOMIC_RELAXED) == before)
            usleep(100); /* a hang is the harness' to find */
    }
    for (int i = 0; i < CHILDREN; i++)
        kill_child(children[i]);
    close_common();
}

TEST_LABELED(kills_at_random_moments, "process")
{
    soak(0);
}

TEST_LABELED(kills_of_threads_and_coroutines, "process")
{
    soak(2);
}
