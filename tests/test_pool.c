/* Pools of threads and coroutines: each job runs once, its result comes back, and nobody is
 * left. */
#include "crew.h"
#include "harness.h"

#include <unistd.h>

static int square(const void *in, void *out)
{
    long n = *(const long *)in;
    *(long *)out = n * n;
    return 0;
}

static plait_pool *opened(plait_carrier carrier, int workers, const plait_pool_options *options)
{
    signal(SIGTERM, SIG_DFL); /* Check's handler ends the whole group */
    plait_pool *pool = plait_pool_open(carrier, workers, options);
    ck_assert_ptr_nonnull(pool);
    return pool;
}

static void closed(plait_pool *pool)
{
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_pool_free(pool);
}

static plait_future *given(plait_pool *pool, plait_job *function, long n)
{
    plait_future *future = plait_submit(pool, function, &n, sizeof(long), NULL, PLAIT_NEVER);
    need(future != NULL);
    return future;
}

static long answer(plait_future *future)
{
    long got = -1;
    need(plait_result(future, &got, PLAIT_NEVER) == 0);
    plait_future_free(future);
    return got;
}

TEST_CARRIERS(results_come_back_in_the_order_asked_for)
{
    plait_pool *pool = opened(carrier, 4, NULL);
    plait_future *futures[20];
    for (int i = 0; i < 20; i++)
        futures[i] = given(pool, square, i);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(answer(futures[i]), i * i);
    closed(pool);
}

/* ---- jobs inside jobs */

static plait_pool *nest;
static plait_lock nest_lock[16];
static int locked;

static int nested(const void *in, void *out)
{
    long level = *(const long *)in, below = 0;
    if (level > 0) {
        if (locked)
            need(plait_lock_acquire(&nest_lock[level], PLAIT_NEVER) == 0);
        below = answer(given(nest, nested, level - 1));
        if (locked)
            plait_lock_release(&nest_lock[level]);
    }
    *(long *)out = below + 1;
    return 0;
}

TEST_LIGHT(a_job_may_wait_for_a_job_of_its_own_pool_ten_levels_deep)
{
    nest = opened(carrier, 1, NULL);
    for (locked = 0; locked < 2; locked++)
        for (int i = 0; i < 20; i++)
            ck_assert_int_eq(answer(given(nest, nested, 10)), 11);
    closed(nest);
}

static plait_task *runner;

static int who_runs(const void *in, void *out)
{
    runner = plait_self();
    return 0;
}

/* Submits and waits for ever, with and without a lock. */
static int submit_and_wait(void *arg)
{
    plait_pool *pool = arg;
    plait_lock lock = {0};
    plait_future *future;
    need((future = given(pool, who_runs, 0)) &&
         plait_result(future, (void *)NULL, PLAIT_NEVER) == 0);
    plait_future_free(future);
    need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0);
    need((future = given(pool, who_runs, 0)) &&
         plait_result(future, (void *)NULL, PLAIT_NEVER) == 0);
    plait_lock_release(&lock);
    plait_future_free(future);
    return runner == plait_self();
}

TEST_LIGHT(who_holds_a_lock_does_not_help)
{
    plait_pool *pool = opened(carrier, 1, NULL);
    crew_run((int)carrier, 1, submit_and_wait, pool);
    closed(pool);
}

static int blocked;

/* Until all 64 are in here at once. */
static int blocks(void *arg)
{
    __atomic_add_fetch(&blocked, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&blocked, __ATOMIC_RELAXED) < 64)
        usleep(1000);
    return 0;
}

static int says_that_it_blocks(const void *in, void *out)
{
    return plait_blocking(blocks, NULL);
}

static void freed(plait_future **futures, int count)
{
    for (int i = 0; i < count; i++)
        plait_future_free(futures[i]);
}

TEST_LIGHT(a_blocking_job_gives_its_place_to_another)
{
    plait_pool *pool = opened(carrier, 2, NULL);
    plait_future *futures[64];
    for (int i = 0; i < 64; i++)
        futures[i] = given(pool, says_that_it_blocks, i);
    ck_assert_int_eq(plait_futures_wait(futures, 64, 64, PLAIT_NEVER), 64);
    freed(futures, 64);
    closed(pool);
}

/* ---- sizes and bounds */

static int inside, most, wanted;
static plait_event reached;

/* The first ones wait until as many run as are wanted, however late their workers come. */
static int counts(const void *in, void *out)
{
    int now = __atomic_add_fetch(&inside, 1, __ATOMIC_RELAXED);
    int seen = __atomic_load_n(&most, __ATOMIC_RELAXED);
    while (now > seen && !__atomic_compare_exchange_n(&most, &seen, now, false, __ATOMIC_RELAXED,
                                                      __ATOMIC_RELAXED))
        ;
    if (now == wanted)
        plait_event_set(&reached);
    int rc = wanted ? plait_event_wait(&reached, plait_after(20 * PLAIT_SECOND)) : 0;
    if (rc == 0)
        rc = plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
    __atomic_sub_fetch(&inside, 1, __ATOMIC_RELAXED);
    return rc;
}

TEST_LIGHT(at_most_so_many_run_at_once)
{
    plait_pool *pool = opened(carrier, 4, NULL);
    plait_future *futures[40];
    wanted = 4;
    for (int i = 0; i < 40; i++)
        futures[i] = given(pool, counts, i);
    ck_assert_int_eq(plait_futures_wait(futures, 40, 40, PLAIT_NEVER), 40);
    ck_assert_int_eq(most, 4);
    freed(futures, 40);
    closed(pool);
}

static plait_event gate;

static int waits_at_the_gate(const void *in, void *out)
{
    return plait_event_wait(&gate, PLAIT_NEVER);
}

static int opens_the_gate(void *arg)
{
    plait_sleep(plait_after(20 * PLAIT_MILLISECOND));
    plait_event_set(&gate);
    return 0;
}

static void until_running(plait_future *future)
{
    while (plait_future_state(future) == PLAIT_PENDING)
        plait_sleep(plait_after(PLAIT_MILLISECOND));
}

TEST_LIGHT(a_full_pool_makes_who_submits_wait)
{
    plait_pool *pool = opened(carrier, 1, &(plait_pool_options){.waiting = 2});
    plait_future *futures[4];
    long n = 0;
    futures[0] = given(pool, waits_at_the_gate, 0);
    until_running(futures[0]);
    futures[1] = given(pool, waits_at_the_gate, 0);
    futures[2] = given(pool, waits_at_the_gate, 0);
    ck_assert_ptr_null(plait_submit(pool, square, &n, 8, NULL, PLAIT_NOW));
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_ptr_null(plait_submit(pool, square, &n, 8, NULL, plait_after(PLAIT_MILLISECOND)));
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_assert_int_eq(plait_start(NULL, PLAIT_THREAD, opens_the_gate, NULL, NULL), 0);
    futures[3] = given(pool, square, 5);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_result_bytes(futures[i], NULL, 0, PLAIT_NEVER), 8);
    ck_assert_int_eq(answer(futures[3]), 25);
    freed(futures, 3);
    closed(pool);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
}

static int order[8], ordered;

static int notes_down(const void *in, void *out)
{
    order[ordered++] = (int)*(const long *)in;
    return 0;
}

TEST_LIGHT(the_lowest_priority_goes_first)
{
    static const int priority[] = {0, 5, -3, 0, 5, -3, 7, -9};
    static const int expected[] = {7, 2, 5, 0, 3, 1, 4, 6};
    plait_pool *pool = opened(carrier, 1, NULL);
    plait_future *first = given(pool, waits_at_the_gate, 0), *futures[8];
    until_running(first);
    for (long i = 0; i < 8; i++)
        futures[i] = plait_submit(pool, notes_down, &i, 0,
                                  &(plait_submit_options){.priority = priority[i]}, PLAIT_NEVER);
    plait_event_set(&gate);
    ck_assert_int_eq(plait_futures_wait(futures, 8, 8, PLAIT_NEVER), 8);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(order[i], expected[i]);
    freed(futures, 8);
    plait_future_free(first);
    closed(pool);
}

/* ---- failures, cancels, limits */

static int fails(const void *in, void *out)
{
    return (int)*(const long *)in;
}

static int failure(plait_future *future)
{
    need(plait_result_bytes(future, NULL, 0, PLAIT_NEVER) == -PLAIT_EFAILED);
    int error = plait_future_error(future);
    plait_future_free(future);
    return error;
}

TEST_LIGHT(what_the_job_returned_is_its_error)
{
    plait_pool *pool = opened(carrier, 2, NULL);
    ck_assert_int_eq(failure(given(pool, fails, 7)), 7);
    ck_assert_int_eq(failure(given(pool, fails, -ENOENT)), -ENOENT);
    ck_assert_int_eq(failure(given(pool, fails, INT32_MIN)), INT32_MIN);
    closed(pool);
}

static int tries;

static int fails_twice(const void *in, void *out)
{
    return __atomic_add_fetch(&tries, 1, __ATOMIC_RELAXED) % 3;
}

TEST_LIGHT(a_failed_job_is_tried_again)
{
    plait_pool *pool = opened(carrier, 1, NULL);
    for (int retries = 0; retries < 4; retries++) {
        tries = 0;
        plait_future *future =
            plait_submit_bytes(pool, fails_twice, NULL, 0, 0,
                               &(plait_submit_options){.retries = retries}, PLAIT_NEVER);
        if (retries < 2)
            ck_assert_int_eq(failure(future), retries + 1);
        else
            ck_assert_int_eq(plait_result_bytes(future, NULL, 0, PLAIT_NEVER), 0);
        if (retries >= 2)
            plait_future_free(future);
        ck_assert_int_eq(tries, retries < 2 ? retries + 1 : 3);
    }
    closed(pool);
}

static int sleeps(const void *in, void *out)
{
    return plait_sleep(PLAIT_NEVER);
}

TEST_LIGHT(cancel_ends_a_waiting_job_at_once_and_a_running_one_at_its_wait)
{
    plait_pool *pool = opened(carrier, 1, NULL);
    plait_future *running = given(pool, sleeps, 0), *waiting = given(pool, sleeps, 0);
    until_running(running);
    ck_assert_int_eq(plait_future_cancel(waiting), 0);
    ck_assert_int_eq(plait_future_state(waiting), PLAIT_CANCELED);
    ck_assert_int_eq(plait_future_cancel(waiting), -EALREADY);
    ck_assert_int_eq(plait_future_cancel(running), 0);
    ck_assert_int_eq(failure(running), -ECANCELED);
    plait_future_free(waiting);
    ck_assert_int_eq(answer(given(pool, square, 3)), 9); /* the next job is not cancelled */
    ck_assert_int_eq(
        failure(plait_submit_bytes(pool, sleeps, NULL, 0, 0,
                                   &(plait_submit_options){.limit = 1000000}, PLAIT_NEVER)),
        -ETIMEDOUT);
    ck_assert_int_eq(answer(given(pool, square, 4)), 16);
    closed(pool);
}

/* ---- the end of a pool */

TEST_LIGHT(close_drains)
{
    plait_pool *pool = opened(carrier, 2, NULL);
    plait_future *futures[30];
    for (int i = 0; i < 30; i++)
        futures[i] = given(pool, counts, i);
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(plait_future_state(futures[i]), PLAIT_DONE);
    freed(futures, 30);
    ck_assert_ptr_null(plait_submit_bytes(pool, sleeps, NULL, 0, 0, NULL, PLAIT_NEVER));
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_pool_free(pool);
}

TEST_CARRIERS(close_cancels_at_its_deadline)
{
    plait_pool *pool = opened(carrier, 2, NULL);
    plait_future *futures[10];
    for (int i = 0; i < 10; i++)
        futures[i] = given(pool, sleeps, i);
    until_running(futures[0]);
    until_running(futures[1]);
    ck_assert_int_eq(plait_pool_close(pool, plait_after(30 * PLAIT_MILLISECOND)), 10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(failure(futures[i]), -ECANCELED);
    plait_pool_free(pool);
}

TEST_CARRIERS(free_cancels_what_is_inside_and_futures_outlive_it)
{
    plait_pool *pool = opened(carrier, 1, NULL);
    plait_future *futures[5];
    for (int i = 0; i < 5; i++)
        futures[i] = given(pool, sleeps, i);
    until_running(futures[0]);
    plait_pool_free(pool);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(failure(futures[i]), -ECANCELED);
    while (plait_quiesce(PLAIT_NEVER) == -EBUSY) /* the worker is on its way out */
        plait_sleep(plait_after(PLAIT_MILLISECOND));
}

TEST_LIGHT(what_waits_can_be_cancelled)
{
    plait_pool *pool = opened(carrier, 1, NULL);
    plait_future *futures[5];
    for (int i = 0; i < 5; i++)
        futures[i] = given(pool, waits_at_the_gate, i);
    until_running(futures[0]);
    ck_assert_int_eq(plait_pool_cancel_waiting(pool), 4);
    ck_assert_int_eq(plait_pool_cancel_waiting(pool), 0);
    plait_event_set(&gate);
    for (int i = 1; i < 5; i++)
        ck_assert_int_eq(plait_future_state(futures[i]), PLAIT_CANCELED);
    freed(futures, 5);
    closed(pool);
}

static int closes(const void *in, void *out)
{
    return plait_pool_close(*(plait_pool *const *)in, PLAIT_NEVER);
}

TEST_LIGHT(a_job_may_close_its_pool)
{
    plait_pool *pool = opened(carrier, 2, NULL);
    plait_future *future = plait_submit(pool, closes, &pool, 0, NULL, PLAIT_NEVER);
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, PLAIT_NEVER), 0);
    plait_future_free(future);
    closed(pool);
}

static int says_so_later(const void *in, void *out)
{
    plait_sleep(plait_after(10 * PLAIT_MILLISECOND));
    dprintf(2, "%ld", *(const long *)in);
    return 0;
}

/* In a process of its own, which drains it when it leaves. */
static void uses_the_common_pool(void *arg)
{
    plait_carrier carrier = *(plait_carrier *)arg;
    plait_pool *pool = plait_pool_common(carrier);
    need(pool && pool == plait_pool_common(carrier));
    need(plait_pool_close(pool, PLAIT_NOW) == -EINVAL);
    need(answer(given(pool, square, 6)) == 36);
    for (int i = 0; i < 5; i++)
        plait_future_free(given(pool, says_so_later, i));
}

TEST_CARRIERS(the_common_pool_is_drained_at_exit)
{
    char text[400];
    ck_assert_int_eq(harness_fork(uses_the_common_pool, &carrier, text, sizeof text), 0);
    for (int i = 0; i < 5; i++)
        ck_assert_ptr_nonnull(strchr(text, '0' + i));
}
