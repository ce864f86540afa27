/* Workers made beforehand serve all jobs. Notes S0-1.2-pool, S4-TP1-executor, S4-TP2-queuepool.
 *
 * Python: ThreadPoolExecutor(4) runs a thousand tasks on four threads; ThreadPoolExecutor(128)
 * makes threads as tasks come, so three tasks need three at most; the third form, threads fed by a
 * queue, is what a pool is inside. Here: the same, and each job runs once. */
#include "notes.h"

static void *begins(void *arg) /* with a state of its own none but a worker runs jobs */
{
    return NULL;
}

static int who(const void *input, void *out)
{
    const double *nap = input;
    *(long *)out = (long)(getpid() * INT64_C(100000) + (long)plait_task_id(NULL));
    return plait_sleep(in(*nap));
}

/* How many workers run `count` jobs, of which the first `naps` take a second. */
static int run(plait_carrier carrier, int workers, int count, int naps)
{
    plait_start_options fork_them = {.method = carrier == PLAIT_PROCESS ? PLAIT_FORK : 0};
    plait_pool_options options = {.begin = begins, .worker = &fork_them};
    plait_pool *pool = plait_pool_open(carrier, workers, &options);
    plait_future **futures = calloc((size_t)count, sizeof *futures);
    long ids[8], id;
    int found = 0, done = 0;
    for (int i = 0; i < count; i++) {
        double nap = i < naps;
        futures[i] = plait_submit(pool, who, &nap, sizeof id, NULL, PLAIT_NEVER);
    }
    for (int i = 0, at; i < count; i++) {
        done += plait_result(futures[i], &id, PLAIT_NEVER) == 0;
        for (at = 0; at < found && ids[at] != id; at++)
            ;
        if (at == found && found < 8)
            ids[found++] = id;
        plait_future_free(futures[i]);
    }
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    free(futures);
    printf("%d jobs in a pool of %d: %d done, %d workers\n", count, workers, done, found);
    return done != count;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    return run(carrier, 4, 1000, 4) | run(carrier, 128, 3, 3);
}
