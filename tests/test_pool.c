/* Pools of threads and coroutines: each job runs once, its result comes back, and nobody is left. */
#include "crew.h"
#include "harness.h"

static int square(const void *in, void *out)
{
    long n = *(const long *)in;
    *(long *)out = n * n;
    return 0;
}

static plait_pool *opened(plait_carrier carrier, int workers, const plait_pool_options *options)
{
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

static int really_naps(void *arg)
{
    struct timespec time = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&time, NULL);
    return 0;
}

static int says_that_it_blocks(const void *in, void *out)
{
    return plait_blocking(really_naps, NULL);
}

TEST_LIGHT(a_blocking_job_gives_its_place_to_another)
{
    plait_pool *pool = opened(carrier, 2, NULL);
    plait_future *futures[64];
    int64_t began = plait_now();
    for (int i = 0; i < 64; i++)
        futures[i] = given(pool, says_that_it_blocks, i);
    ck_assert_int_eq(plait_futures_wait(futures, 64, 64, PLAIT_NEVER), 64);
    ck_assert_int_lt(plait_now() - began, 800 * PLAIT_MILLISECOND); /* one after the other: 1,600 */
    for (int i = 0; i < 64; i++)
        plait_future_free(futures[i]);
    closed(pool);
}
