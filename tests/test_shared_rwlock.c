/* Reader-writer locks in shared memory: many readers or one writer, of any process; a writer's
 * death is told, a reader's is not; nobody waits for the dead. */
#include "children.h"
#include "shared_storm.h"

#include "os/os.h"
#include "sync/shared_rwlock.h"

#include <sys/resource.h>

enum { READERS_MANY = 40, PATROLS = 50 * PLAIT_MILLISECOND };
static struct common {
    plait_rwlock lock __attribute__((aligned(64)));
    plait_event go_on;
    long first, second; /* unequal while a writer is inside */
    long inside, most, writes, told;
} * common;

static void repair(void *unused)
{
    common->second = common->first;
    common->told++;
}

static void open_common(void)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    plait_rwlock_init(&common->lock, PLAIT_SHARED);
    plait_rwlock_on_death(&common->lock, repair, NULL);
    plait_event_init(&common->go_on, PLAIT_SHARED);
}

/* Nobody has it, nothing of it is left behind. */
static void close_common(void)
{
    const struct shared_rwlock *lock = (const struct shared_rwlock *)(void *)&common->lock;
    ck_assert_uint_eq(lock->gate.word & ~ROBUST_WAITERS, 0);
    ck_assert_uint_eq(lock->writes, 0);
    for (int i = 0; i < SHARED_READERS; i++)
        ck_assert_uint_eq(lock->readers[i], 0);
    ck_assert_uint_eq(robust_here()->count, 0);
    ck_assert_uint_eq(robust_here()->read_count, 0);
    ck_assert_ptr_null(*robust_here()->pending);
    plait_share_free(common);
}

/* ---- alone */

TEST(read_and_written)
{
    open_common();
    plait_rwlock *lock = &common->lock;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_rwlock_acquire_read(lock, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_rwlock_acquire_read(lock, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_rwlock_acquire_write(lock, PLAIT_NEVER), -EDEADLK);
        plait_rwlock_release(lock);
        plait_rwlock_release(lock);
        ck_assert_int_eq(plait_rwlock_acquire_write(lock, PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_rwlock_acquire_write(lock, PLAIT_NEVER), -EDEADLK);
        ck_assert_int_eq(plait_rwlock_acquire_read(lock, PLAIT_NEVER), -EDEADLK);
        plait_rwlock_mend(lock); /* sound: nothing happens */
        plait_rwlock_downgrade(lock);
        ck_assert_int_eq(plait_rwlock_acquire_read(lock, PLAIT_NOW), 0);
        plait_rwlock_mend(lock);
        plait_rwlock_release(lock);
        plait_rwlock_release(lock);
        plait_with_read (lock)
            plait_with_read (lock)
                common->first = common->second;
        plait_with_write (lock)
            common->first = common->second;
    }
    close_common();
}

static void release_it(void *unused)
{
    plait_rwlock_release(&common->lock);
}

static void downgrade_it(void *unused)
{
    plait_rwlock_downgrade(&common->lock);
}

static void mend_it(void *unused)
{
    plait_rwlock_mend(&common->lock);
}

static void init_it(void *memory)
{
    plait_rwlock_init(memory, PLAIT_SHARED);
}

static plait_rwlock nowhere;

TEST_LABELED(misuse_is_told, "process")
{
    open_common();
    harness_dies(release_it, NULL, "released by a task that has nothing of it");
    harness_dies(mend_it, NULL, "mended by a task that has nothing of it");
    ck_assert_int_eq(plait_rwlock_acquire_read(&common->lock, PLAIT_NOW), 0);
    harness_dies(release_it, NULL, "released by a task"); /* in the child it is the parent's */
    harness_dies(downgrade_it, NULL, "downgraded by a task that does not write");
    plait_rwlock_release(&common->lock);
    harness_dies(init_it, &nowhere, "outside of memory");
    harness_dies(init_it, (char *)common + 4096 - 64, "lies outside");
    close_common();
}

/* ---- with others */

static int read_together(void *unused)
{
    need(plait_rwlock_acquire_read(&common->lock, PLAIT_NEVER) == 0);
    __atomic_add_fetch(&common->inside, 1, __ATOMIC_SEQ_CST);
    need(plait_event_wait(&common->go_on, PLAIT_NEVER) == 0);
    need(common->first == common->second);
    plait_rwlock_release(&common->lock);
    return 0;
}

static int write_one(void *unused)
{
    need(plait_rwlock_acquire_write(&common->lock, PLAIT_NEVER) == 0);
    common->first++;
    plait_yield();
    common->second++;
    plait_rwlock_release(&common->lock);
    return 0;
}

/* As many at once as have a word; one thread's coroutines share one. */
TEST_CREW(readers_are_inside_together)
{
    struct crew crew = {.count = 0}, writers = {.count = 0};
    open_common();
    crew_start(&crew, carrier, SHARED_READERS, read_together, NULL);
    while (__atomic_load_n(&common->inside, __ATOMIC_SEQ_CST) < SHARED_READERS)
        plait_yield();
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, plait_after(45 * PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    crew_start(&writers, carrier, 3, write_one, NULL);
    plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
    ck_assert_int_eq(common->first, 0);
    plait_event_set(&common->go_on);
    crew_join(&crew);
    crew_join(&writers);
    ck_assert_int_eq(common->first, 3);
    close_common();
}

static int read_or_write(void *unused)
{
    unsigned random = (unsigned)plait_task_id(NULL);
    for (int i = 0; i < 400; i++) {
        if (crew_random(&random) % 4 == 0) {
            need(plait_rwlock_acquire_write(&common->lock, PLAIT_NEVER) == 0);
            need(common->inside == 0 && common->first == common->second);
            common->first++;
            if (i % 64 == 0)
                plait_sleep(plait_after(100 * PLAIT_MICROSECOND));
            common->second++;
            if (i % 8 == 0) {
                plait_rwlock_downgrade(&common->lock);
                need(common->first == common->second);
            }
        } else {
            need(plait_rwlock_acquire_read(&common->lock, PLAIT_NEVER) == 0);
            __atomic_add_fetch(&common->inside, 1, __ATOMIC_SEQ_CST);
            need(common->first == common->second);
            if (i % 64 == 0)
                plait_yield();
            __atomic_sub_fetch(&common->inside, 1, __ATOMIC_SEQ_CST);
        }
        plait_rwlock_release(&common->lock);
    }
    return 0;
}

TEST_CREW(a_writer_is_alone)
{
    open_common();
    crew_run(carrier, 6, read_or_write, NULL);
    close_common();
}

static int read_or_write_in_crew(void *unused)
{
    crew_run(CREW_MIXED, 7, read_or_write, NULL);
    return 0;
}

TEST_LABELED(a_writer_is_alone_among_processes, "process")
{
    open_common();
    crew_run(PLAIT_PROCESS, 3, read_or_write_in_crew, NULL);
    close_common();
}

/* More threads than words: the rest is slower, not refused. */
static int read_many(void *unused)
{
    for (int i = 0; i < 50; i++) {
        need(plait_rwlock_acquire_read(&common->lock, PLAIT_NEVER) == 0);
        need(plait_rwlock_acquire_read(&common->lock, PLAIT_NOW) == 0);
        need(common->first == common->second);
        plait_yield();
        plait_rwlock_release(&common->lock);
        plait_rwlock_release(&common->lock);
    }
    return 0;
}

TEST(more_threads_than_words_read_all_the_same)
{
    struct crew crew = {.count = 0};
    open_common();
    crew_start(&crew, PLAIT_THREAD, READERS_MANY, read_many, NULL);
    crew_start(&crew, PLAIT_THREAD, 2, write_one, NULL);
    crew_join(&crew);
    close_common();
}

static int fail_in_time(void *unused)
{
    need(plait_rwlock_acquire_read(&common->lock, PLAIT_NOW) == -EAGAIN);
    need(plait_rwlock_acquire_read(&common->lock, plait_after(45 * PLAIT_MILLISECOND)) ==
         -ETIMEDOUT);
    need(plait_rwlock_acquire_write(&common->lock, plait_after(5 * PLAIT_MILLISECOND)) ==
         -ETIMEDOUT);
    return 0;
}

static int fail_by_cancel(void *unused)
{
    return plait_rwlock_acquire_write(&common->lock, PLAIT_NEVER) == -ECANCELED ? 0 : 1;
}

TEST_CREW(deadlines_and_cancels_end_the_wait)
{
    struct crew crew = {.count = 0};
    open_common();
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NOW), 0);
    crew_run(carrier, 3, fail_in_time, NULL);
    plait_rwlock_downgrade(&common->lock); /* they wait for a reader now */
    crew_start(&crew, carrier == CREW_MIXED ? PLAIT_THREAD : carrier, 3, fail_by_cancel, NULL);
    plait_sleep(plait_after(3 * PLAIT_MILLISECOND));
    for (int i = 0; i < 3; i++)
        plait_cancel(crew.task[i]);
    crew_join(&crew);
    plait_rwlock_release(&common->lock);
    close_common();
}

/* ---- deaths */

static int reads(void *unused)
{
    return plait_rwlock_acquire_read(&common->lock, PLAIT_NEVER);
}

static int writes(void *unused)
{
    int rc = plait_rwlock_acquire_write(&common->lock, PLAIT_NEVER);
    common->first++;
    return rc;
}

TEST_LABELED(a_dead_reader_is_forgotten, "process")
{
    open_common();
    kill_child(child_that(reads, NULL));
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NOW), 0);
    plait_rwlock_release(&common->lock);
    close_common();
}

static int write_in_time(void *unused)
{
    need(plait_rwlock_acquire_write(&common->lock, plait_after(5 * PLAIT_SECOND)) == 0);
    plait_rwlock_release(&common->lock);
    return 0;
}

TEST_CREW(who_waits_for_a_reader_that_is_killed_goes_on)
{
    struct crew crew = {.count = 0};
    open_common();
    pid_t pid = child_that(reads, NULL);
    crew_start(&crew, carrier, 3, write_in_time, NULL);
    plait_sleep(plait_after(30 * PLAIT_MILLISECOND));
    kill_child(pid);
    crew_join(&crew);
    close_common();
}

TEST_LABELED(a_dead_writer_is_told_to_the_next_reader_who_is_alone, "process")
{
    open_common();
    kill_child(child_that(writes, NULL));
    ck_assert_int_eq(plait_rwlock_acquire_read(&common->lock, PLAIT_NEVER), -EOWNERDEAD);
    pid_t pid = fork();
    if (pid == 0)
        _exit(plait_rwlock_acquire_read(&common->lock, PLAIT_NOW) == -EAGAIN ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    common->second = common->first;
    plait_rwlock_mend(&common->lock);
    plait_rwlock_release(&common->lock);
    ck_assert_int_eq(plait_rwlock_acquire_read(&common->lock, PLAIT_NOW), 0);
    plait_rwlock_release(&common->lock);
    close_common();
}

TEST_LABELED(a_block_repairs_by_itself, "process")
{
    open_common();
    kill_child(child_that(writes, NULL));
    plait_with_read (&common->lock)
        ck_assert_int_eq(common->first, common->second);
    kill_child(child_that(writes, NULL));
    plait_with_write (&common->lock)
        ck_assert_int_eq(common->first, common->second);
    ck_assert_int_eq(common->told, 2);
    close_common();
}

TEST_LABELED(released_unmended_it_is_refused, "process")
{
    open_common();
    kill_child(child_that(writes, NULL));
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NEVER), -EOWNERDEAD);
    plait_rwlock_release(&common->lock);
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NEVER), -ENOTRECOVERABLE);
    ck_assert_int_eq(plait_rwlock_acquire_read(&common->lock, PLAIT_NEVER), -ENOTRECOVERABLE);
    plait_share_free(common);
}

/* A number that is used again: the word of a dead thread that had this one's number. */
TEST(a_word_with_our_own_number_is_not_ours)
{
    open_common();
    struct shared_rwlock *lock = (struct shared_rwlock *)(void *)&common->lock;
    lock->readers[3] = robust_tid() | 5u << 22;
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NOW), 0);
    plait_rwlock_release(&common->lock);
    close_common();
}

static uint32_t word_of(pid_t tid, uint64_t born)
{
    return (uint32_t)tid | (uint32_t)(1 + born % 511) << 22;
}

/* The parent's number, which is in use. Its right mark is asked for, because Check's parent of this
 * case began at any tick: a mark that is fixed here is the right one in one run of 511. */
TEST(a_word_is_of_a_thread_that_began_when_it_says)
{
    pid_t other = getppid();
    uint64_t born = os_thread_born(other);
    if (born == 0)
        harness_skip("nothing tells when a process began");
    open_common();
    struct shared_rwlock *lock = (struct shared_rwlock *)(void *)&common->lock;
    lock->readers[3] = word_of(other, born);
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, plait_after(PATROLS)), -ETIMEDOUT);
    for (uint64_t later = 1; later < 511; later++) {
        lock->readers[3] = word_of(other, born + later);
        ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NOW), 0);
        plait_rwlock_release(&common->lock);
    }
    lock->readers[3] = word_of(other, born + 1);
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, plait_after(PLAIT_SECOND)), 0);
    plait_rwlock_release(&common->lock);
    close_common();
}

static int reads_at_its_limit(void *unused)
{
    need(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0}) == 0);
    return reads(NULL);
}

/* It has no descriptor left to ask /proc with. */
TEST_LABELED(a_reader_that_cannot_tell_when_it_began_lives, "process")
{
    open_common();
    pid_t pid = child_that(reads_at_its_limit, NULL);
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, plait_after(PATROLS)), -ETIMEDOUT);
    kill_child(pid);
    ck_assert_int_eq(plait_rwlock_acquire_write(&common->lock, PLAIT_NOW), 0);
    plait_rwlock_release(&common->lock);
    close_common();
}

/* ---- kills */

static void use(unsigned *random)
{
    bool patient = crew_random(random) % 2, writer = crew_random(random) % 3 == 0;
    int64_t deadline = patient ? plait_after(20 * PLAIT_SECOND) : shared_storm_deadline(random);
    int rc = writer ? plait_rwlock_acquire_write(&common->lock, deadline)
                    : plait_rwlock_acquire_read(&common->lock, deadline);
    need(rc == 0 || rc == -EOWNERDEAD || (!patient && (rc == -EAGAIN || rc == -ETIMEDOUT)));
    if (rc != 0 && rc != -EOWNERDEAD)
        return;
    if (rc == -EOWNERDEAD) {
        repair(NULL);
        plait_rwlock_mend(&common->lock);
    }
    need(common->first == common->second);
    if (writer) {
        common->first++;
        if (crew_random(random) % 32 == 0)
            plait_sleep(plait_after(PLAIT_MILLISECOND));
        common->second++;
        common->writes++;
        if (crew_random(random) % 4 == 0 && rc == 0)
            plait_rwlock_downgrade(&common->lock);
    } else if (crew_random(random) % 32 == 0) {
        plait_sleep(plait_after(PLAIT_MILLISECOND));
        need(common->first == common->second);
    }
    plait_rwlock_release(&common->lock);
}

static void be_killed(int kills)
{
    open_common();
    shared_storm(use, NULL, 3, kills);
    ck_assert_int_gt(common->writes, 0);
    plait_with_write (&common->lock) /* empties what dead readers left */
        ck_assert_int_eq(common->first, common->second);
    close_common();
}

TEST_LABELED(kills_leave_a_lock_that_works, "process")
{
    be_killed(40);
}

TEST_LABELED(kills_leave_a_lock_that_works_long, "process long")
{
    be_killed(2000);
}
