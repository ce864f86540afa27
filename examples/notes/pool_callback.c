/* One function for each result, the earliest first. Note S0-P3-callback.
 *
 * Python: future.add_done_callback(fn); fn gets the future, once; where it runs differs from
 * executor to executor. Here: by the task that ended it, or, when it has ended already, by the
 * caller at once. */
#include "notes.h"

static int waits(const void *input, void *out)
{
    int i = *(const int *)input;
    *(int *)out = i;
    return plait_sleep(in(4 - i));
}

static void called(plait_future *future, void *arg)
{
    int result;
    if (plait_result(future, &result, PLAIT_NOW) == 0)
        printf("%d s  %s %d\n", now(), (const char *)arg, result);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_start_options fork_them = {.method = carrier == PLAIT_PROCESS ? PLAIT_FORK : 0};
    plait_pool *pool = plait_pool_open(carrier, 4, &(plait_pool_options){.worker = &fork_them});
    plait_future *futures[4];
    for (int i = 0; i < 4; i++) {
        futures[i] = plait_submit(pool, waits, &i, sizeof(int), NULL, PLAIT_NEVER);
        plait_future_then(futures[i], called, (void *)"called with");
    }
    int failed = plait_futures_wait(futures, 4, 4, PLAIT_NEVER) != 4;
    plait_pool_close(pool, PLAIT_NEVER);
    plait_future_then(futures[0], called, (void *)"already done, called at once with");
    for (int i = 0; i < 4; i++)
        plait_future_free(futures[i]);
    plait_pool_free(pool);
    return failed;
}
