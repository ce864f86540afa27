/* What becomes of a circle: by PLAIT_DEADLOCK, in blocks, in deterministic mode. Which programs are
 * in one is asked in test_stuck.c and test_patient.c. */
#include "crew.h"
#include "reports.h"

__attribute__((constructor)) static void soon(void)
{
    setenv("PLAIT_DEADLOCK_AFTER", "0.05", 1);
    unsetenv("PLAIT_DEADLOCK");
}

static plait_lock a, b;
static int inside;

static void meet(void)
{
    __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&inside, __ATOMIC_SEQ_CST) < 2)
        plait_sleep(plait_after(PLAIT_MILLISECOND));
}

/* What the second acquire said. */
static int cross(void *reversed)
{
    plait_lock *first = reversed ? &b : &a, *second = reversed ? &a : &b;
    need(plait_lock_acquire(first, PLAIT_NEVER) == 0);
    meet();
    int rc = plait_lock_acquire(second, PLAIT_NEVER);
    if (rc == 0)
        plait_lock_release(second);
    plait_lock_release(first);
    return rc;
}

static plait_lock *shared;

static int cross_shared(void *reversed)
{
    plait_lock *first = &shared[reversed != NULL], *second = &shared[reversed == NULL];
    need(plait_lock_acquire(first, PLAIT_NEVER) == 0);
    meet();
    int rc = plait_lock_acquire(second, PLAIT_NEVER);
    if (rc == 0)
        plait_lock_release(second);
    plait_lock_release(first);
    return rc;
}

static int cross_in_blocks(void *reversed)
{
    plait_with (reversed ? &b : &a) {
        meet();
        plait_with (reversed ? &a : &b)
            ;
    }
    return 0;
}

struct pair {
    plait_task *task[2];
    int status[2];
};

static void start_pair(struct pair *pair, plait_carrier carrier, plait_function *function)
{
    plait_name(&a, "a");
    plait_name(&b, "b");
    for (int i = 0; i < 2; i++)
        need(plait_start(&pair->task[i], carrier, function, i ? "" : NULL,
                         &(plait_start_options){.name = i ? "right" : "left"}) == 0);
}

static void join_pair(struct pair *pair)
{
    for (int i = 0; i < 2; i++)
        need(plait_join(pair->task[i], &pair->status[i], PLAIT_NEVER) == 0);
}

TEST_LIGHT(one_is_refused_and_the_other_goes_on)
{
    struct pair pair;
    reports_begin();
    start_pair(&pair, carrier, cross);
    join_pair(&pair);
    ck_assert_int_eq(pair.status[0] + pair.status[1], -EDEADLK);
    ck_assert(pair.status[0] == 0 || pair.status[1] == 0);
    ck_assert_int_eq(reports_of(PLAIT_REPORT_DEADLOCK), 1);
}

/* Both are tasks of this process: who holds what is known here, though the locks lie elsewhere. */
TEST_LIGHT(shared_locks_make_circles_too)
{
    struct pair pair;
    reports_begin();
    ck_assert_ptr_nonnull(shared = plait_share(2 * sizeof *shared));
    for (int i = 0; i < 2; i++)
        plait_lock_init(&shared[i], PLAIT_SHARED);
    start_pair(&pair, carrier, cross_shared);
    join_pair(&pair);
    ck_assert_int_eq(pair.status[0] + pair.status[1], -EDEADLK);
    ck_assert(pair.status[0] == 0 || pair.status[1] == 0);
    ck_assert_int_eq(reports_of(PLAIT_REPORT_DEADLOCK), 1);
    plait_share_free(shared);
}

TEST_LIGHT(a_report_alone_refuses_nobody)
{
    struct pair pair;
    setenv("PLAIT_DEADLOCK", "report", 1);
    reports_begin();
    start_pair(&pair, carrier, cross);
    while (!reports_of(PLAIT_REPORT_DEADLOCK))
        plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    plait_sleep(plait_after(150 * PLAIT_MILLISECOND));
    ck_assert_int_eq(reports_of(PLAIT_REPORT_DEADLOCK), 1);
    ck_assert(!strstr(reports.text, "-EDEADLK"));
    plait_cancel(pair.task[0]);
    join_pair(&pair);
    ck_assert_int_eq(pair.status[0], -ECANCELED);
    ck_assert_int_eq(pair.status[1], 0);
}

TEST_LIGHT(nobody_looks_when_told_not_to)
{
    struct pair pair;
    setenv("PLAIT_DEADLOCK_AFTER", "0", 1);
    reports_begin();
    start_pair(&pair, carrier, cross);
    plait_sleep(plait_after(200 * PLAIT_MILLISECOND));
    ck_assert_int_eq(reports_of(PLAIT_REPORT_DEADLOCK), 0);
    plait_cancel(pair.task[0]);
    join_pair(&pair);
}

static void cross_and_join(void *function)
{
    struct pair pair;
    start_pair(&pair, PLAIT_THREAD, (plait_function *)function);
    join_pair(&pair);
}

static void cross_with_abort(void *function)
{
    setenv("PLAIT_DEADLOCK", "abort", 1);
    cross_and_join(function);
}

TEST_LABELED(a_block_cannot_be_refused, "process")
{
    harness_dies(cross_and_join, (void *)cross_in_blocks,
                 "in a deadlock, and a block cannot be refused; held by ");
}

TEST_LABELED(the_program_stops_if_it_is_to, "process")
{
    harness_dies(cross_with_abort, (void *)cross, "; the program stops");
}

static void cross_by_seed(void *seed)
{
    struct pair pair;
    setenv("PLAIT_SEED", seed, 1);
    start_pair(&pair, PLAIT_THREAD, cross);
    join_pair(&pair);
    need(pair.status[0] + pair.status[1] == -EDEADLK);
}

TEST_LABELED(a_seed_finds_it_in_virtual_time, "process")
{
    char text[2000], again[2000], seed[16];
    for (int i = 0; i < 20; i++) {
        snprintf(seed, sizeof seed, "%d", i);
        ck_assert_int_eq(harness_fork(cross_by_seed, seed, text, sizeof text), 0);
        ck_assert_msg(strstr(text, " waits to acquire lock b for 5"), "%s", text);
        ck_assert_int_eq(harness_fork(cross_by_seed, seed, again, sizeof again), 0);
        ck_assert_str_eq(text, again);
    }
}

static void cross_again(void *unused)
{
    inside = 0;
    cross_and_join((void *)cross);
}

/* The rounds for coroutines are the parent's: a child begins its own. */
TEST_LABELED(a_child_finds_its_own, "process")
{
    char text[2000];
    struct pair pair;
    reports_begin();
    start_pair(&pair, PLAIT_COROUTINE, cross);
    join_pair(&pair);
    plait_on_report(NULL, NULL);
    ck_assert_int_eq(harness_fork(cross_again, NULL, text, sizeof text), 0);
    ck_assert_msg(strstr(text, "plait: deadlock: "), "%s", text);
}

/* The watcher may have ended in between (plait_quiesce), and looks again. */
TEST(it_is_found_again_after_a_quiesce)
{
    for (int round = 0; round < 3; round++) {
        struct pair pair;
        inside = 0;
        reports_begin();
        start_pair(&pair, PLAIT_COROUTINE, cross);
        join_pair(&pair);
        ck_assert_int_eq(reports_of(PLAIT_REPORT_DEADLOCK), round + 1);
        ck_assert_int_eq(plait_quiesce(plait_after(5 * PLAIT_SECOND)), 0);
    }
}
