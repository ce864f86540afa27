/* map STEPS N - plait_map over N numbers into a new result, in ms: x * x (STEPS 0), else STEPS
 * dependent multiply-adds. A thread pool of PLAIT_WORKERS; the work is bench/peers/pool/kit.h's. */
#include "../peers/pool/kit.h"

#include <plait.h>

static long steps;

static int square(const void *in, void *out)
{
    uint64_t x = *(const uint64_t *)in;
    return *(uint64_t *)out = x * x, 0;
}

static int work(const void *in, void *out)
{
    return *(uint64_t *)out = kit_work(*(const uint64_t *)in, steps), 0;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    steps = atol(argv[1]);
    size_t n = (size_t)atol(argv[2]);
    const char *workers = getenv("PLAIT_WORKERS");
    plait_pool *pool = plait_pool_open(PLAIT_THREAD, workers ? atoi(workers) : 2, NULL);
    uint64_t *in = malloc(n * sizeof *in), *out;
    for (size_t i = 0; i < n; i++)
        in[i] = i;
    double t;
    KIT_MEASURE(t, 3, {
        out = malloc(n * sizeof *out);
        kit_check("failed", plait_map(pool, steps ? work : square, in, out, n, NULL, PLAIT_NEVER),
                  0);
        kit_check("out", out[n - 1] == (steps ? kit_work(n - 1, steps) : (n - 1) * (n - 1)), 1);
        free(out);
    });
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    kit_print(t / 1e6, "ms");
    return 0;
}
