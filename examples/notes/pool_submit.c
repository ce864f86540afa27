/* Ten jobs for four workers, and the end of the pool. Notes S0-P1-submit, S0-3.P-threadpool.
 *
 * Python: executor.submit in a loop, each task prints its start and its end; shutdown() waits for
 * all, and a submit after it is refused. The note calls no shutdown and relies on exit hooks:
 * leaving a program without a close drains here, too. */
#include "notes.h"

static int task(const void *input, void *out)
{
    int i = *(const int *)input;
    printf("%d s  start:%d\n", now(), i);
    int rc = plait_sleep(in(1));
    printf("%d s  end:%d\n", now(), i);
    *(int *)out = 2 * i;
    return rc;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_start_options fork_them = {.method = carrier == PLAIT_PROCESS ? PLAIT_FORK : 0};
    plait_pool *pool = plait_pool_open(carrier, 4, &(plait_pool_options){.worker = &fork_them});
    plait_future *futures[10];
    for (int i = 0; i < 10; i++)
        futures[i] = plait_submit(pool, task, &i, sizeof(int), NULL, PLAIT_NEVER);
    plait_pool_close(pool, PLAIT_NEVER);
    printf("%d s  closed\n", now());
    for (int i = 0, result; i < 10; i++) {
        if (plait_result(futures[i], &result, PLAIT_NEVER) == 0)
            printf("result:%d:%d\n", i, result);
        plait_future_free(futures[i]);
    }
    int i = 10;
    if (plait_submit(pool, task, &i, sizeof(int), NULL, PLAIT_NEVER) == NULL)
        printf("submit after close: %s\n", code(-errno));
    plait_pool_free(pool);
    return 0;
}
