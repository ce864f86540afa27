/* A result that comes later: waited for with a deadline, called back, and taken as they
 * complete. */
#include <plait.h>
#include <stdio.h>

static int square(const void *in, void *out)
{
    long n = *(const long *)in;
    *(long *)out = n * n;
    return n == 13; /* what is not 0 is the job's error */
}

static void report(plait_future *future, void *arg)
{
    if (plait_future_state(future) == PLAIT_FAILED)
        printf("%s: error %d\n", (const char *)arg, plait_future_error(future));
}

int main(void)
{
    plait_pool *pool = plait_pool_open(PLAIT_PROCESS, 2, NULL);
    plait_future *futures[12], *future;
    long answer = 0, n = 13, sum = 0;
    future = plait_submit(pool, square, &n, sizeof(long), NULL, PLAIT_NEVER);
    plait_future_then(future, report, (void *)"thirteen");
    int rc = plait_result(future, &answer, plait_after(10 * PLAIT_SECOND));
    printf("wait: %d\n", rc == -PLAIT_EFAILED);
    plait_future_free(future);
    for (n = 0; n < 12; n++)
        futures[n] = plait_submit(pool, square, &n, sizeof(long), NULL, PLAIT_NEVER);
    while ((future = plait_next_done(futures, 12, PLAIT_NEVER))) {
        sum += plait_result(future, &answer, PLAIT_NEVER) == 0 ? answer : 0;
        plait_future_free(future);
    }
    printf("sum: %ld\n", sum);
    int dropped = plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    return dropped;
}
