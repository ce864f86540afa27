/* pools SEEDS: jobs of a pool of one wait for jobs of the same pool, ten levels deep, with a lock
 * held and without; others cancel; then the pool closes. */
#include "seeds.h"

#include <errno.h>

static plait_pool *pool;
static plait_lock locks[16];

static int nested(const void *in, void *out)
{
    long level = *(const long *)in, below = level - 1;
    int rc = 0;
    if (level == 0)
        return *(long *)out = 1, 0;
    bool holds = level % 2;
    if (holds && (rc = plait_lock_acquire(&locks[level], PLAIT_NEVER)) != 0)
        return rc;
    plait_yield();
    plait_future *future = plait_submit(pool, nested, &below, sizeof below, NULL, PLAIT_NEVER);
    rc = future ? plait_result(future, &below, PLAIT_NEVER) : -errno;
    plait_future_free(future);
    if (holds)
        plait_lock_release(&locks[level]);
    *(long *)out = below + 1;
    return rc;
}

static int waits_a_while(const void *in, void *out)
{
    return plait_sleep(plait_after(*(const long *)in * PLAIT_MICROSECOND));
}

/* Jobs that are cancelled, or not: each ends. */
static int cancel_some(void *arg)
{
    plait_future *futures[4];
    int failed = 0;
    for (long i = 0; i < 4; i++)
        futures[i] = plait_submit(pool, waits_a_while, &i, 0, NULL, PLAIT_NEVER);
    for (int i = 0; i < 4; i++)
        if (futures[i] && i % 2)
            plait_future_cancel(futures[i]);
    failed += plait_futures_wait(futures, 4, 4, PLAIT_NEVER) != 4;
    for (int i = 0; i < 4; i++)
        plait_future_free(futures[i]);
    return failed;
}

static int of(plait_carrier carrier)
{
    long level = 10, depth = 0;
    pool = plait_pool_open(carrier, 1, NULL);
    plait_start(NULL, PLAIT_THREAD, cancel_some, NULL, NULL);
    plait_future *future = plait_submit(pool, nested, &level, sizeof level, NULL, PLAIT_NEVER);
    int failed = plait_result(future, &depth, plait_after(100 * PLAIT_SECOND)) != 0 || depth != 11;
    plait_future_free(future);
    failed += plait_join_all(PLAIT_NEVER);
    plait_sleep(plait_after(PLAIT_MILLISECOND)); /* the worker rests */
    future = plait_submit(pool, waits_a_while, &level, 0, NULL, PLAIT_NEVER);
    failed += plait_futures_wait(&future, 1, 1, PLAIT_NEVER) != 1;
    plait_future_free(future);
    failed += plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    return failed;
}

static int once(void)
{
    return of(PLAIT_THREAD) + of(PLAIT_COROUTINE);
}
