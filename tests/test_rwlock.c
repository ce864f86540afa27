/* The reader-writer lock: who may be inside together, waiting, fairness, forks, misuse. */
#include "storm.h"

#include <unistd.h>

static plait_rwlock lock;
static int readers, writers; /* inside */
static long sum;

/* Inside a section: who may be there together? */
static void visit_reading(void)
{
    __atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED);
    need(__atomic_load_n(&writers, __ATOMIC_RELAXED) == 0);
}

static void leave_reading(void)
{
    need(__atomic_load_n(&writers, __ATOMIC_RELAXED) == 0);
    __atomic_sub_fetch(&readers, 1, __ATOMIC_RELAXED);
}

static void visit_writing(void)
{
    need(__atomic_add_fetch(&writers, 1, __ATOMIC_RELAXED) == 1);
    need(__atomic_load_n(&readers, __ATOMIC_RELAXED) == 0);
    sum++;
}

static void leave_writing(void)
{
    need(__atomic_load_n(&readers, __ATOMIC_RELAXED) == 0);
    __atomic_sub_fetch(&writers, 1, __ATOMIC_RELAXED);
}

static void let_begin(void)
{
    ck_assert_int_eq(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)), 0);
}

/* ---- alone */

TEST(a_zeroed_one_is_free)
{
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), 0);
    plait_rwlock_release(&lock);
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    plait_rwlock_release(&lock);
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NEVER), 0);
    plait_rwlock_release(&lock);
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, plait_now() - 1), 0);
    plait_rwlock_release(&lock);
}

TEST(init_makes_a_used_struct_free)
{
    plait_rwlock used;
    memset(&used, 0xa5, sizeof used);
    plait_rwlock_init(&used, PLAIT_PRIVATE);
    plait_with_read (&used)
        sum++;
    plait_with_write (&used)
        sum++;
    ck_assert_int_eq(sum, 2);
}

TEST(a_reader_may_read_again)
{
    for (int i = 0; i < 100; i++) /* more than a task's list has room for */
        ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NEVER), -EDEADLK);
    for (int i = 0; i < 100; i++)
        plait_rwlock_release(&lock);
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    plait_rwlock_release(&lock);
}

TEST(many_locks_at_once)
{
    static plait_rwlock many[200]; /* more than the table has rows */
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(plait_rwlock_acquire_read(&many[i], PLAIT_NEVER), 0);
    for (int i = 0; i < 200; i++)
        plait_rwlock_release(&many[i % 2 ? i : 198 - i]);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(plait_rwlock_acquire_write(&many[i], PLAIT_NOW), 0);
    for (int i = 0; i < 200; i++)
        plait_rwlock_release(&many[i]);
}

TEST(a_writer_cannot_take_it_again)
{
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NEVER), -EDEADLK);
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NEVER), -EDEADLK);
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), -EDEADLK);
    plait_rwlock_release(&lock);
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), -EDEADLK);
    plait_rwlock_release(&lock);
}

static int leave_early(int how)
{
    for (int i = 0; i < 1; i++) {
        if (how & 1)
            plait_with_write (&lock) {
                if (how & 2)
                    return 1;
                break;
            }
        plait_with_read (&lock) {
            if (how & 2)
                return 1;
            break;
        }
    }
    return 0;
}

TEST(every_way_out_of_the_blocks_releases)
{
    for (int how = 0; how < 4; how++) {
        leave_early(how);
        ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
        plait_rwlock_release(&lock);
    }
}

/* ---- with others */

static int read_beside(void *arg)
{
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == 0);
    plait_rwlock_release(&lock);
    need(plait_rwlock_acquire_write(&lock, PLAIT_NOW) == -EAGAIN);
    need(plait_rwlock_acquire_write(&lock, plait_now() - 1) == -ETIMEDOUT);
    int64_t end = plait_after(3 * PLAIT_MILLISECOND);
    need(plait_rwlock_acquire_write(&lock, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    need(plait_rwlock_acquire_read(&lock, PLAIT_NEVER) == 0);
    plait_rwlock_release(&lock);
    return 0;
}

TEST_CREW(readers_read_together)
{
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), 0);
    crew_run(carrier, 1, read_beside, NULL);
    plait_rwlock_release(&lock);
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    plait_rwlock_release(&lock);
}

static int kept_out(void *arg)
{
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == -EAGAIN);
    need(plait_rwlock_acquire_write(&lock, PLAIT_NOW) == -EAGAIN);
    int64_t end = plait_after(2 * PLAIT_MILLISECOND);
    need(plait_rwlock_acquire_read(&lock, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    end = plait_after(2 * PLAIT_MILLISECOND);
    need(plait_rwlock_acquire_write(&lock, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    return 0;
}

TEST_CREW(a_writer_is_alone)
{
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    crew_run(carrier, 3, kept_out, NULL);
    plait_rwlock_release(&lock);
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), 0);
    plait_rwlock_release(&lock);
}

static int mixed_visits(void *arg)
{
    unsigned random = (unsigned)(uintptr_t)&random;
    for (int i = 0; i < 2000; i++) {
        unsigned choice = crew_random(&random) % 8;
        if (choice == 0) {
            plait_with_write (&lock) {
                visit_writing();
                if (i % 16 == 0)
                    plait_yield();
                leave_writing();
            }
        } else if (choice == 1) {
            need(plait_rwlock_acquire_write(&lock, PLAIT_NEVER) == 0);
            visit_writing();
            leave_writing();
            visit_reading(); /* before others may be */
            plait_rwlock_downgrade(&lock);
            leave_reading();
            plait_rwlock_release(&lock);
        } else {
            need(plait_rwlock_acquire_read(&lock, PLAIT_NEVER) == 0);
            visit_reading();
            if (i % 16 == 0)
                plait_yield();
            leave_reading();
            plait_rwlock_release(&lock);
        }
    }
    return 0;
}

TEST_CREW(nobody_beside_a_writer)
{
    crew_run(carrier, 6, mixed_visits, NULL);
    ck_assert_int_gt(sum, 0);
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    plait_rwlock_release(&lock);
}

/* All must be inside at the same moment, or none gets on. */
static int meet_inside(void *count)
{
    plait_with_read (&lock) {
        __atomic_sub_fetch((int *)count, 1, __ATOMIC_RELAXED);
        while (__atomic_load_n((int *)count, __ATOMIC_RELAXED) > 0)
            need(plait_sleep(plait_after(PLAIT_MILLISECOND / 4)) == 0);
    }
    return 0;
}

TEST_CREW(all_that_waited_for_a_writer_get_in_together)
{
    struct crew crew = {.count = 0};
    int count = 20;
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    crew_start(&crew, carrier, 20, meet_inside, &count);
    let_begin();
    plait_rwlock_release(&lock);
    crew_join(&crew);
}

/* ---- downgrade */

static int write_once(void *arg)
{
    need(plait_rwlock_acquire_write(&lock, PLAIT_NEVER) == 0);
    sum++;
    plait_rwlock_release(&lock);
    return 0;
}

TEST_CREW(no_writer_between_writing_and_reading)
{
    struct crew crew = {.count = 0};
    int one = 1;
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    crew_start(&crew, carrier, 3, write_once, NULL);
    let_begin();
    plait_rwlock_downgrade(&lock);
    let_begin();
    ck_assert_int_eq(__atomic_load_n(&sum, __ATOMIC_RELAXED), 0);
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NEVER), 0); /* again, past who waits */
    plait_rwlock_release(&lock);
    plait_rwlock_release(&lock);
    crew_join(&crew);
    ck_assert_int_eq(sum, 3);
    crew_run(carrier, 1, meet_inside, &one);
}

TEST_CREW(a_downgrade_lets_waiting_readers_in)
{
    struct crew crew = {.count = 0};
    int count = 4;
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    crew_start(&crew, carrier, 4, meet_inside, &count);
    let_begin();
    plait_rwlock_downgrade(&lock);
    crew_join(&crew);
    plait_rwlock_release(&lock);
}

/* ---- waits that end otherwise */

static int canceled_reader(void *arg)
{
    need(plait_rwlock_acquire_read(&lock, PLAIT_NEVER) == -ECANCELED);
    return 0;
}

static int canceled_writer(void *arg)
{
    need(plait_rwlock_acquire_write(&lock, PLAIT_NEVER) == -ECANCELED);
    return 0;
}

TEST_LIGHT(cancel_ends_both_waits)
{
    struct crew crew = {.count = 0};
    for (int reading = 0; reading < 2;
         reading++) { /* a writer waits for the gate, or for readers */
        int rc = reading ? plait_rwlock_acquire_read(&lock, PLAIT_NOW)
                         : plait_rwlock_acquire_write(&lock, PLAIT_NOW);
        ck_assert_int_eq(rc, 0);
        crew_start(&crew, carrier, 2, canceled_writer, NULL);
        if (!reading)
            crew_start(&crew, carrier, 2, canceled_reader, NULL);
        let_begin();
        for (int i = 0; i < crew.count; i++)
            plait_cancel(crew.task[i]);
        crew_join(&crew);
        plait_rwlock_release(&lock);
        ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
        plait_rwlock_release(&lock);
    }
}

static int read_until_let_in(void *arg)
{
    need(plait_rwlock_acquire_read(&lock, PLAIT_NEVER) == 0);
    sum++;
    plait_rwlock_release(&lock);
    return 0;
}

/* A reader that came behind a waiting writer must not go on waiting when that one gives up. */
TEST_CREW(a_writer_that_gives_up_lets_readers_in)
{
    struct crew crew = {.count = 0};
    plait_wait_info wait;
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), 0);
    crew_start(&crew, PLAIT_THREAD, 1, canceled_writer, NULL);
    while (plait_task_waits(crew.task[0], &wait) != 0)
        let_begin();
    crew_start(&crew, carrier, 1, read_until_let_in, NULL);
    let_begin();
    ck_assert_int_eq(__atomic_load_n(&sum, __ATOMIC_RELAXED), 0);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
    ck_assert_int_eq(sum, 1);
    plait_rwlock_release(&lock);
}

static int block_for_writing(void *arg)
{
    plait_with_write (&lock)
        sum++;
    need(plait_is_canceled());
    return 0;
}

static int block_for_reading(void *arg)
{
    plait_with_read (&lock)
        __atomic_add_fetch(&sum, 1, __ATOMIC_RELAXED);
    need(plait_is_canceled());
    return 0;
}

TEST_LIGHT(cancel_does_not_end_the_blocks)
{
    struct crew crew = {.count = 0};
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    crew_start(&crew, carrier, 1, block_for_writing, NULL);
    crew_start(&crew, carrier, 1, block_for_reading, NULL);
    let_begin();
    plait_cancel(crew.task[0]);
    plait_cancel(crew.task[1]);
    let_begin();
    ck_assert_int_eq(__atomic_load_n(&sum, __ATOMIC_RELAXED), 0);
    plait_rwlock_release(&lock);
    crew_join(&crew);
    ck_assert_int_eq(sum, 2);
}

static void take_somehow(struct storm *storm, unsigned *random)
{
    bool writes = crew_random(random) % 4 == 0;
    int rc = writes ? plait_rwlock_acquire_write(&lock, PLAIT_NOW)
                    : plait_rwlock_acquire_read(&lock, PLAIT_NOW);
    if (rc != 0) {
        int64_t deadline = storm_deadline(random);
        rc = writes ? plait_rwlock_acquire_write(&lock, deadline)
                    : plait_rwlock_acquire_read(&lock, deadline);
        if (!storm_got(storm, rc))
            return;
    }
    writes ? visit_writing() : visit_reading();
    if (crew_random(random) % 8 == 0)
        plait_yield();
    if (writes && crew_random(random) % 2) {
        leave_writing();
        visit_reading();
        plait_rwlock_downgrade(&lock);
        writes = false;
    }
    if (!writes && crew_random(random) % 8 == 0) {
        need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == 0); /* again, whoever waits */
        plait_rwlock_release(&lock);
    }
    writes ? leave_writing() : leave_reading();
    plait_rwlock_release(&lock);
}

TEST_STORM(cancels_and_time_outs_lose_no_wake, take_somehow)

/* ---- fairness */

static bool served;

static int hog(void *writes)
{
    while (!__atomic_load_n(&served, __ATOMIC_RELAXED)) {
        int rc = writes ? plait_rwlock_acquire_write(&lock, PLAIT_NEVER)
                        : plait_rwlock_acquire_read(&lock, PLAIT_NEVER);
        need(rc == 0);
        for (volatile int i = 0; i < 2000; i++)
            ;
        plait_rwlock_release(&lock);
    }
    return 0;
}

static int get_in(void *writes)
{
    for (int i = 0; i < 3; i++) {
        int rc = writes ? plait_rwlock_acquire_write(&lock, PLAIT_NEVER)
                        : plait_rwlock_acquire_read(&lock, PLAIT_NEVER);
        need(rc == 0);
        plait_rwlock_release(&lock);
    }
    __atomic_store_n(&served, true, __ATOMIC_RELAXED);
    return 0;
}

TEST_LIGHT(a_writer_does_not_starve_behind_readers)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, 0, 3, hog, NULL);
    let_begin();
    crew_start(&crew, carrier, 1, get_in, &lock);
    crew_join(&crew);
}

TEST_LIGHT(a_reader_does_not_starve_behind_writers)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, 0, 3, hog, &lock);
    let_begin();
    crew_start(&crew, carrier, 1, get_in, NULL);
    crew_join(&crew);
}

/* ---- who comes in may free it */

static int release_last(void *arg)
{
    plait_rwlock *mine = *(plait_rwlock **)arg;
    need(plait_rwlock_acquire_write(mine, PLAIT_NEVER) == 0);
    __atomic_store_n((plait_rwlock **)arg, NULL, __ATOMIC_RELEASE);
    plait_rwlock_release(mine);
    return 0;
}

static int read_last(void *arg)
{
    plait_rwlock *mine = *(plait_rwlock **)arg;
    need(plait_rwlock_acquire_read(mine, PLAIT_NEVER) == 0);
    __atomic_store_n((plait_rwlock **)arg, NULL, __ATOMIC_RELEASE);
    plait_rwlock_release(mine);
    return 0;
}

TEST_LIGHT(may_be_freed_by_the_next_one)
{
    for (int i = 0; i < 200; i++) {
        struct crew crew = {.count = 0};
        plait_rwlock *heap = calloc(1, sizeof *heap), *passed = heap;
        crew_start(&crew, carrier, 1, i & 1 ? release_last : read_last, &passed);
        while (__atomic_load_n(&passed, __ATOMIC_ACQUIRE))
            plait_yield();
        ck_assert_int_eq(i & 2   ? plait_rwlock_acquire_write(heap, PLAIT_NEVER)
                         : i & 1 ? plait_rwlock_acquire_read(heap, PLAIT_NEVER)
                                 : plait_rwlock_acquire_write(heap, PLAIT_NEVER),
                         0);
        plait_rwlock_release(heap);
        free(heap);
        crew_join(&crew);
    }
}

/* ---- forks */

static plait_event held, go_on;

static int stay_inside(void *writes)
{
    int rc = writes ? plait_rwlock_acquire_write(&lock, PLAIT_NEVER)
                    : plait_rwlock_acquire_read(&lock, PLAIT_NEVER);
    need(rc == 0);
    plait_event_set(&held);
    need(plait_event_wait(&go_on, PLAIT_NEVER) == 0);
    plait_rwlock_release(&lock);
    return 0;
}

/* Runs `child` in a forked child while a thread of this process is inside. */
static void fork_beside(void *writes, void (*child)(void *arg), const char *words)
{
    struct crew crew = {.count = 0};
    char text[1024];
    crew_add(&crew, PLAIT_THREAD, stay_inside, writes);
    ck_assert_int_eq(plait_event_wait(&held, PLAIT_NEVER), 0);
    if (words)
        harness_dies(child, NULL, words);
    else
        ck_assert_msg(harness_fork(child, NULL, text, sizeof text) == 0, "%s", text);
    plait_event_set(&go_on);
    crew_join(&crew);
}

static void use_it(void)
{
    crew_run(PLAIT_THREAD, 3, mixed_visits, NULL);
    need(plait_rwlock_acquire_write(&lock, PLAIT_NOW) == 0);
    plait_rwlock_release(&lock);
}

static void write_in_child(void *arg)
{
    need(plait_rwlock_acquire_write(&lock, PLAIT_NOW) == 0);
    plait_rwlock_release(&lock);
    use_it();
}

TEST_LABELED(a_reader_left_behind_is_forgotten, "process")
{
    fork_beside(NULL, write_in_child, NULL);
}

/* The list of a task has room for 15: so some are counted in the table, some in the lock. */
static void forker_reads_on(void *arg)
{
    crew_run(PLAIT_THREAD, 1, read_beside, NULL);
    for (int i = 0; i < 4; i++)
        plait_rwlock_release(&lock);
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == 0);
    plait_rwlock_release(&lock);
    plait_rwlock_release(&lock);
    use_it();
}

TEST_LABELED(who_forks_goes_on_reading, "process")
{
    plait_task *task;
    plait_wait_info wait;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_start(&task, PLAIT_THREAD, canceled_writer, NULL, NULL), 0);
    while (plait_task_waits(task, &wait) != 0)
        let_begin();
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), 0); /* by the lock's own count */
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    fork_beside(NULL, forker_reads_on, NULL);
    for (int i = 0; i < 5; i++)
        plait_rwlock_release(&lock);
}

static int try_to_write(void *arg)
{
    need(plait_rwlock_acquire_write(&lock, PLAIT_NOW) == -EAGAIN);
    return 0;
}

/* By the table alone, which nobody of the child has looked at before. */
static void forker_keeps_writers_out(void *arg)
{
    crew_run(PLAIT_THREAD, 1, try_to_write, NULL);
    plait_rwlock_release(&lock);
    use_it();
}

TEST_LABELED(who_forks_while_reading_keeps_writers_out, "process")
{
    char text[1024];
    ck_assert_int_eq(plait_rwlock_acquire_read(&lock, PLAIT_NOW), 0);
    ck_assert_msg(harness_fork(forker_keeps_writers_out, NULL, text, sizeof text) == 0, "%s", text);
    plait_rwlock_release(&lock);
}

static void writer_mends(void *arg)
{
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == -EOWNERDEAD);
    plait_rwlock_release(&lock); /* unmended: refused to all */
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == -ENOTRECOVERABLE);
    need(plait_rwlock_acquire_write(&lock, PLAIT_NEVER) == -ENOTRECOVERABLE);
}

static void reader_mends(void *arg)
{
    need(plait_rwlock_acquire_read(&lock, PLAIT_NEVER) == -EOWNERDEAD);
    crew_run(PLAIT_THREAD, 2, kept_out, NULL); /* it is alone */
    plait_rwlock_mend(&lock);
    plait_rwlock_release(&lock);
    use_it();
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == 0);
    plait_rwlock_mend(&lock); /* of a sound one: nothing */
    plait_rwlock_release(&lock);
}

static void repair(void *arg)
{
    ++*(int *)arg;
}

static void blocks_repair(void *arg)
{
    int count = 0;
    plait_rwlock_on_death(&lock, repair, &count);
    plait_with_read (&lock)
        need(count == 1);
    plait_with_write (&lock)
        need(count == 1);
    use_it();
}

static void block_without_repair(void *arg)
{
    plait_with_write (&lock)
        sum++;
}

TEST_LABELED(a_writer_left_behind_counts_as_dead, "process")
{
    fork_beside(&lock, writer_mends, NULL);
    plait_event_clear(&held);
    plait_event_clear(&go_on);
    fork_beside(&lock, reader_mends, NULL);
    plait_event_clear(&held);
    plait_event_clear(&go_on);
    fork_beside(&lock, blocks_repair, NULL);
    plait_event_clear(&held);
    plait_event_clear(&go_on);
    fork_beside(&lock, block_without_repair, "see plait_rwlock_on_death");
}

static void forker_writes_on(void *arg)
{
    need(plait_rwlock_acquire_write(&lock, PLAIT_NOW) == -EDEADLK);
    crew_run(PLAIT_THREAD, 2, kept_out, NULL);
    plait_rwlock_release(&lock);
    use_it();
}

TEST_LABELED(who_forks_goes_on_writing, "process")
{
    char text[1024];
    ck_assert_int_eq(plait_rwlock_acquire_write(&lock, PLAIT_NOW), 0);
    ck_assert_msg(harness_fork(forker_writes_on, NULL, text, sizeof text) == 0, "%s", text);
    plait_rwlock_release(&lock);
}

/* ---- what dumps and the checker are told */

static int wait_for_writing(void *arg)
{
    need(plait_rwlock_acquire_write(&lock, PLAIT_NEVER) == 0);
    plait_rwlock_release(&lock);
    return 0;
}

TEST(a_wait_names_the_lock)
{
    struct crew crew = {.count = 0};
    plait_wait_info wait;
    plait_name(&lock, "rates");
    for (int writing = 0; writing < 2; writing++) {
        int rc = writing ? plait_rwlock_acquire_write(&lock, PLAIT_NOW)
                         : plait_rwlock_acquire_read(&lock, PLAIT_NOW);
        ck_assert_int_eq(rc, 0);
        crew_start(&crew, PLAIT_THREAD, 1, wait_for_writing, NULL);
        while (plait_task_waits(crew.task[0], &wait) != 0)
            let_begin();
        ck_assert_str_eq(wait.verb, "acquire");
        ck_assert(strstr(wait.object, "rates"));
        plait_rwlock_release(&lock);
        crew_join(&crew);
    }
    plait_name(&lock, NULL);
}

static int reports;

static void count_order(plait_report kind, const char *text, void *arg)
{
    reports += kind == PLAIT_REPORT_ORDER;
}

static void reversed_orders(void *arg)
{
    static plait_lock other;
    setenv("PLAIT_CHECK", "1", 1);
    plait_on_report(count_order, NULL);
    plait_with_read (&lock)
        plait_with_read (&lock) /* again: no order */
            plait_with (&other)
                sum++;
    need(reports == 0);
    plait_with (&other)
        plait_with_write (&lock)
            sum++;
    need(reports == 1);
    plait_with_write (&lock)
        plait_rwlock_downgrade(&lock);
    plait_with (&other)
        sum++; /* nothing is held any more, so this is no order */
    need(reports == 1);
}

TEST_LABELED(checked_mode_finds_a_reversed_order, "process")
{
    char text[1024];
    ck_assert_msg(harness_fork(reversed_orders, NULL, text, sizeof text) == 0, "%s", text);
}

/* ---- misuse */

static void release_free(void *arg)
{
    plait_rwlock_release(&lock);
}

static void release_again(void *arg)
{
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == 0);
    plait_rwlock_release(&lock);
    plait_rwlock_release(&lock);
}

static int release_foreign(void *arg)
{
    plait_rwlock_release(&lock);
    return 0;
}

static void release_of_a_reader(void *arg)
{
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == 0);
    crew_run(PLAIT_THREAD, 1, release_foreign, NULL);
}

static void release_of_a_writer(void *arg)
{
    need(plait_rwlock_acquire_write(&lock, PLAIT_NOW) == 0);
    crew_run(PLAIT_THREAD, 1, release_foreign, NULL);
}

static void downgrade_a_reader(void *arg)
{
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == 0);
    plait_rwlock_downgrade(&lock);
}

static void mend_nothing(void *arg)
{
    plait_rwlock_mend(&lock);
}

static void block_in_block(void *arg)
{
    plait_with_read (&lock)
        plait_with_write (&lock)
            sum++;
}

TEST_LABELED(only_who_is_inside_may, "process")
{
    harness_dies(release_free, NULL, "released by a task that has nothing of it");
    harness_dies(release_again, NULL, "released by a task that has nothing of it");
    harness_dies(release_of_a_reader, NULL, "released by a task that has nothing of it");
    harness_dies(release_of_a_writer, NULL, "held by main since");
    harness_dies(downgrade_a_reader, NULL, "downgraded by a task that does not write");
    harness_dies(mend_nothing, NULL, "mended by a task that has nothing of it");
    harness_dies(block_in_block, NULL, "taken twice by one task");
}

static void acquire_read(void *arg)
{
    (void)!plait_rwlock_acquire_read(arg, PLAIT_NOW);
}

static void acquire_write(void *arg)
{
    (void)!plait_rwlock_acquire_write(arg, PLAIT_NOW);
}

static void release_none(void *arg)
{
    plait_rwlock_release(arg);
}

static void duration(void *arg)
{
    (void)!plait_rwlock_acquire_read(&lock, 5 * PLAIT_MILLISECOND);
}

static void duration_of_a_writer(void *arg)
{
    (void)!plait_rwlock_acquire_write(&lock, 5 * PLAIT_MILLISECOND);
}

static void init_shared(void *arg)
{
    plait_rwlock_init(&lock, PLAIT_SHARED);
}

static void init_nowhere(void *arg)
{
    plait_rwlock_init(&lock, (plait_where)7);
}

TEST_LABELED(what_is_none_is_refused, "process")
{
    uint64_t garbage[17];
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(acquire_read, NULL, "NULL is no rwlock");
    harness_dies(acquire_write, NULL, "NULL is no rwlock");
    harness_dies(release_none, NULL, "NULL is no rwlock");
    harness_dies(acquire_read, garbage, "never initialised, or overwritten");
    harness_dies(acquire_write, garbage, "never initialised, or overwritten");
    harness_dies(release_none, garbage, "never initialised, or overwritten");
    harness_dies(acquire_read, (char *)garbage + 4, "not aligned");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
    harness_dies(duration_of_a_writer, NULL, "a duration where a deadline belongs");
    harness_dies(init_shared, NULL, "outside of memory from plait_share");
    harness_dies(init_nowhere, NULL, "neither PLAIT_PRIVATE nor PLAIT_SHARED");
}

static void checked_upgrade(void *arg)
{
    setenv("PLAIT_CHECK", "1", 1);
    need(plait_rwlock_acquire_read(&lock, PLAIT_NOW) == 0);
    (void)!plait_rwlock_acquire_write(&lock, PLAIT_NEVER);
}

static void checked_twice(void *arg)
{
    setenv("PLAIT_CHECK", "1", 1);
    need(plait_rwlock_acquire_write(&lock, PLAIT_NOW) == 0);
    (void)!plait_rwlock_acquire_read(&lock, PLAIT_NOW);
}

TEST_LABELED(checked_mode_stops_where_it_would_hang, "process")
{
    harness_dies(checked_upgrade, NULL, "taken for writing by a task that reads it");
    harness_dies(checked_twice, NULL, "taken twice by one task");
}
