/* loops ITEM SCHEDULE N - parallel loops in ms: saxpy over N floats, uneven over N iterations that
 * cost 0 to N steps. SCHEDULE: stealing, static, guided. PLAIT_WORKERS says how many run. The work
 * is bench/peers/pool/kit.h's. */
#include "../peers/pool/kit.h"

#include <plait.h>

static float *x, *y;
static uint64_t *z;

static int saxpy(long first, long end, void *unused)
{
    for (long i = first; i < end; i++)
        y[i] = 0.5f * x[i] + y[i];
    return 0;
}

static int uneven(long first, long end, void *unused)
{
    for (long i = first; i < end; i++)
        z[i] = kit_work((uint64_t)i, i);
    return 0;
}

static plait_schedule schedule_of(const char *name)
{
    return !strcmp(name, "static")   ? PLAIT_STATIC
           : !strcmp(name, "guided") ? PLAIT_GUIDED
                                     : PLAIT_STEALING;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    plait_for_options options = {.schedule = schedule_of(argv[2])};
    long n = atol(argv[3]);
    double t, failed = 0;
    if (!strcmp(argv[1], "saxpy")) {
        x = malloc((size_t)n * sizeof *x);
        y = malloc((size_t)n * sizeof *y);
        for (long i = 0; i < n; i++)
            x[i] = 1, y[i] = 2;
        KIT_MEASURE(t, 3, failed += plait_for(0, n, saxpy, NULL, &options, PLAIT_NEVER););
        kit_check("y", y[0] + y[n - 1], 8);
    } else {
        z = calloc((size_t)n, sizeof *z);
        KIT_MEASURE(t, 3, failed += plait_for(0, n, uneven, NULL, &options, PLAIT_NEVER););
        kit_check("z", z[n - 1] == kit_work((uint64_t)n - 1, n - 1), 1);
    }
    kit_check("failed", failed, 0);
    kit_print(t / 1e6, "ms");
    return 0;
}
