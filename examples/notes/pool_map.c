/* One job for each of ten inputs; the results in their order. Note S0-P2-map.
 *
 * Python: executor.map(f, range(10)) gives results in the order of the inputs, though the last ones
 * are done first; it takes all inputs at once. Here plait_map fills an array, and plait_map_each
 * takes inputs as far ahead as it is told, from a source that need not end. */
#include "notes.h"

enum { COUNT = 10 };

/* All that a worker needs is in its input: a process of the pool has not main's globals. */
struct job {
    long number;
    int64_t nap;
};

static int squared(const void *input, void *out)
{
    const struct job *job = input;
    int rc = plait_sleep(plait_after(job->nap));
    printf("end:%ld\n", job->number);
    fflush(stdout); /* otherwise a worker keeps the line until it ends */
    *(long *)out = job->number * job->number;
    return rc;
}

static int same(const void *input, void *out)
{
    return *(long *)out = *(const long *)input, 0;
}

static int count_on(void *input, void *next)
{
    *(long *)input = (*(long *)next)++;
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_pool *pool = plait_pool_open(carrier, COUNT, NULL);
    struct job jobs[COUNT];
    long squares[COUNT], taken = 0, result;
    for (long i = 0; i < COUNT; i++) /* the first half takes longer than the second */
        jobs[i] = (struct job){i, (i < COUNT / 2 ? 3 : 1) * second};
    int failed = plait_map(pool, squared, jobs, squares, COUNT, &(plait_map_options){.chunk = 1},
                           PLAIT_NEVER);
    printf("%d s  mapped, %d failed\n", now(), failed);
    for (int i = 0; i < COUNT; i++)
        printf("%d --> %ld\n", i, squares[i]);
    plait_results *results = plait_map_each(pool, same, count_on, &taken, sizeof taken,
                                            sizeof result, &(plait_map_options){.ahead = 4});
    for (int i = 0; i < 3 && plait_results_next(results, &result, PLAIT_NEVER) == 0; i++)
        printf("without an end: %ld, %s\n", result, taken <= i + 5 ? "not far ahead" : "too many");
    plait_results_free(results);
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    return failed;
}
