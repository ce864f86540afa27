/* jobs SEEDS: two users submit jobs at random that yield, sleep, fail, and submit others of the
 * same pool; they cancel some, or all that wait; the pool is closed meanwhile or afterwards. Each
 * future must have ended, and told so, exactly once. */
#include "seeds.h"

#include <errno.h>

enum { USERS = 2, EACH = 8 };

static plait_pool *pool;

static unsigned next(unsigned *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 16;
}

static plait_job job;

static int nest(unsigned seed)
{
    plait_future *future = plait_submit(pool, job, &seed, 0, NULL, PLAIT_NEVER);
    if (!future)
        return 0;
    (void)!plait_result_bytes(future, NULL, 0, PLAIT_NEVER);
    plait_future_error(future);
    plait_future_free(future);
    return 0;
}

static int job(const void *in, void *out)
{
    unsigned random = *(const unsigned *)in;
    switch (next(&random) % 5) {
    case 0:
        return plait_sleep(plait_after(next(&random) % 300 * PLAIT_MICROSECOND));
    case 1:
        return plait_yield(), 0;
    case 2:
        return 1;
    case 3:
        return nest(random);
    default:
        return 0;
    }
}

struct user {
    unsigned random;
    int count, times[EACH];
};

static void ended(plait_future *future, void *times)
{
    __atomic_add_fetch((int *)times, 1, __ATOMIC_RELAXED);
}

static int use(void *arg)
{
    struct user *user = arg;
    plait_future *futures[EACH];
    for (; user->count < EACH; user->count++) {
        unsigned seed = next(&user->random), what = next(&user->random) % 8;
        futures[user->count] = plait_submit(pool, job, &seed, 0, NULL, PLAIT_NEVER);
        if (!futures[user->count])
            break;
        plait_future_then(futures[user->count], ended, &user->times[user->count]);
        if (what < 2)
            plait_future_cancel(futures[next(&user->random) % (unsigned)(user->count + 1)]);
        else if (what == 2)
            plait_pool_cancel_waiting(pool);
    }
    for (int i = 0; i < user->count; i++) {
        if (next(&user->random) % 2)
            (void)!plait_result_bytes(futures[i], NULL, 0, PLAIT_NEVER);
        plait_future_error(futures[i]);
        plait_future_free(futures[i]);
    }
    return 0;
}

static int of(plait_carrier carrier, unsigned seed)
{
    struct user users[USERS] = {{seed}, {seed + 1}};
    plait_pool_options options = {
        .waiting = seed % 3 ? 0 : 2, .on_demand = seed % 2, .jobs_per_worker = seed % 5 ? 0 : 2};
    int failed = 0;
    pool = plait_pool_open(carrier, 1 + (int)(seed % 2), &options);
    for (int i = 0; i < USERS; i++)
        plait_start(NULL, i ? PLAIT_COROUTINE : PLAIT_THREAD, use, &users[i], NULL);
    if (seed % 4 == 0)
        failed += plait_pool_close(pool, plait_after(seed % 9 * 50 * PLAIT_MICROSECOND)) < 0;
    failed += plait_join_all(PLAIT_NEVER);
    failed += plait_pool_close(pool, PLAIT_NEVER) != 0;
    plait_pool_free(pool);
    for (int i = 0; i < USERS; i++)
        for (int n = 0; n < EACH; n++)
            failed += users[i].times[n] != (n < users[i].count);
    return failed;
}

static int once(void)
{
    unsigned seed = (unsigned)atoi(getenv("PLAIT_SEED"));
    return of(PLAIT_THREAD, seed) + of(PLAIT_COROUTINE, seed);
}
