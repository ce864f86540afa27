/* jobs SEEDS: two users submit jobs at random that yield, sleep, fail, and submit others of the
 * same pool; they cancel some, or all that wait; the pool is closed meanwhile or afterwards. Each
 * future must have ended, and told so, exactly once. */
#include "../random_jobs.h"
#include "seeds.h"

#include <errno.h>

enum { USERS = 2, EACH = 8 };

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
        unsigned seed = crew_random(&user->random), what = crew_random(&user->random) % 8;
        futures[user->count] = plait_submit(random_pool, random_job, &seed, 0, NULL, PLAIT_NEVER);
        if (!futures[user->count])
            break;
        plait_future_then(futures[user->count], ended, &user->times[user->count]);
        if (what < 2)
            plait_future_cancel(futures[crew_random(&user->random) % (unsigned)(user->count + 1)]);
        else if (what == 2)
            plait_pool_cancel_waiting(random_pool);
    }
    random_leave(futures, user->count, &user->random);
    return 0;
}

static int of(plait_carrier carrier, unsigned seed)
{
    struct user users[USERS] = {{seed}, {seed + 1}};
    plait_pool_options options = {
        .waiting = seed % 3 ? 0 : 2, .on_demand = seed % 2, .jobs_per_worker = seed % 5 ? 0 : 2};
    int failed = 0;
    random_sleep = 300;
    random_pool = plait_pool_open(carrier, 1 + (int)(seed % 2), &options);
    for (int i = 0; i < USERS; i++)
        plait_start(NULL, i ? PLAIT_COROUTINE : PLAIT_THREAD, use, &users[i], NULL);
    if (seed % 4 == 0)
        failed += plait_pool_close(random_pool, plait_after(seed % 9 * 50 * PLAIT_MICROSECOND)) < 0;
    failed += plait_join_all(PLAIT_NEVER);
    failed += plait_pool_close(random_pool, PLAIT_NEVER) != 0;
    plait_pool_free(random_pool);
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
