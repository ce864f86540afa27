/* One job for each of ten inputs; the results in their order. Note S0-P2-map.
 *
 * Python: executor.map(f, range(10)) gives results in the order of the inputs, though the last ones
 * are done first; it takes all inputs at once. Here plait_map fills an array, and plait_map_each takes
 * inputs as far ahead as it is told, from a source that need not end. */
#include "notes.h"

enum { COUNT = 10 };

/* The first half takes longer than the second. */
static int squared(const void *input, void *out)
{
    long i = *(const long *)input;
    int rc = plait_sleep(in(i < COUNT / 2 ? 3 : 1));
    printf("%d s  end:%ld\n", now(), i);
    *(long *)out = i * i;
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
    plait_start_options fork_them = {.method = carrier == PLAIT_PROCESS ? PLAIT_FORK : 0};
    plait_pool *pool = plait_pool_open(carrier, COUNT, &(plait_pool_options){.worker = &fork_them});
    long squares[COUNT], taken = 0, result;
    int failed = plait_map(pool, squared, PLAIT_RANGE, squares, COUNT,
                           &(plait_map_options){.chunk = 1}, PLAIT_NEVER);
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
