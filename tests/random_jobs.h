/* Jobs that do at random what jobs do: they sleep, yield, fail, and wait for others that they
 * submit to the same pool. */
#ifndef TESTS_RANDOM_JOBS_H
#define TESTS_RANDOM_JOBS_H

#include "random.h"

#include <plait.h>

static plait_pool *random_pool;
static unsigned random_sleep; /* at most so many microseconds */

static plait_job random_job;

static int random_nested(unsigned seed)
{
    plait_future *future = plait_submit(random_pool, random_job, &seed, 0, NULL, PLAIT_NEVER);
    if (!future)
        return 0;
    (void)!plait_result_bytes(future, NULL, 0, PLAIT_NEVER);
    plait_future_error(future);
    plait_future_free(future);
    return 0;
}

static int random_job(const void *in, void *out)
{
    unsigned random = *(const unsigned *)in;
    switch (crew_random(&random) % 5) {
    case 0:
        return plait_sleep(plait_after(crew_random(&random) % random_sleep * PLAIT_MICROSECOND));
    case 1:
        return plait_yield(), 0;
    case 2:
        return 1;
    case 3:
        return random_nested(random);
    default:
        return 0;
    }
}

/* Takes what it came to, or not, and gives it back. */
static void random_leave(plait_future **futures, int count, unsigned *random)
{
    for (int i = 0; i < count; i++) {
        if (crew_random(random) % 2)
            (void)!plait_result_bytes(futures[i], NULL, 0, PLAIT_NEVER);
        plait_future_error(futures[i]);
        plait_future_free(futures[i]);
    }
}

#endif
