/* pool ITEM WORKERS N [CARRIER] - jobs through plait_pool_open(CARRIER, WORKERS); the work is that
 * of bench/peers/pool. ITEM:
 *   submit-external      the main thread submits N empty jobs and waits for all: ns per job
 *   submit-from-worker   a binary tree of N jobs, each of which submits its two halves: ns per job
 *   round-trip           submits one job and waits for its result, N times: ns each
 *   round-trip-deadline  the same with a deadline, by which the waiter may not run the job himself
 *   blocking             N jobs that each block for 50 ms and say so: ms in all
 *   waiting              N jobs that each wait 10 ms: ms in all
 *   round-trip-us        round-trip in us
 *   throughput           N empty jobs submitted at once, all results read: us per job
 *   map                  the same by one plait_map: us per job */
#include "../peers/pool/kit.h"

#include <plait.h>

static plait_pool *pool;
static long done;
static plait_event all;

static int empty(const void *in, void *out)
{
    if (__atomic_sub_fetch(&done, 1, __ATOMIC_RELAXED) == 0)
        plait_event_set(&all);
    return 0;
}

static int tree(const void *in, void *out)
{
    long n = *(const long *)in - 1, half[2] = {n / 2, n - n / 2};
    for (int i = 0; i < 2; i++)
        if (half[i])
            plait_future_free(plait_submit(pool, tree, &half[i], 0, NULL, PLAIT_NEVER));
    return empty(in, out);
}

static int echo(const void *in, void *out)
{
    *(long *)out = *(const long *)in;
    return 0;
}

static int naps(void *arg)
{
    struct timespec time = {.tv_nsec = 50000000};
    return nanosleep(&time, NULL);
}

static int blocks(const void *in, void *out)
{
    return plait_blocking(naps, NULL);
}

static int waits(const void *in, void *out)
{
    return plait_sleep(plait_after(10 * PLAIT_MILLISECOND));
}

static void submit_external(long n)
{
    done = n;
    plait_event_clear(&all);
    for (long i = 0; i < n; i++)
        plait_future_free(plait_submit_bytes(pool, empty, NULL, 0, 0, NULL, PLAIT_NEVER));
    if (plait_event_wait(&all, PLAIT_NEVER) != 0)
        exit(3);
}

static void submit_from_worker(long n)
{
    done = n;
    plait_event_clear(&all);
    plait_future_free(plait_submit(pool, tree, &n, 0, NULL, PLAIT_NEVER));
    if (plait_event_wait(&all, PLAIT_NEVER) != 0)
        exit(3);
}

static void round_trip(long n, int64_t patience)
{
    for (long i = 0, got; i < n; i++) {
        plait_future *future = plait_submit(pool, echo, &i, sizeof i, NULL, PLAIT_NEVER);
        int64_t deadline = patience ? plait_after(patience) : PLAIT_NEVER;
        if (plait_result(future, &got, deadline) != 0 || got != i)
            exit(3);
        plait_future_free(future);
    }
}

static void many(long n, plait_job *job, size_t size)
{
    plait_future **futures = malloc((size_t)n * sizeof *futures);
    for (long i = 0; i < n; i++)
        futures[i] = plait_submit(pool, job, &i, size, NULL, PLAIT_NEVER);
    for (long i = 0, got = i; i < n; i++) {
        if (plait_result_bytes(futures[i], &got, size, PLAIT_NEVER) < 0 || (size && got != i))
            exit(3);
        plait_future_free(futures[i]);
    }
    free(futures);
}

static void map_all(long n)
{
    long *out = malloc((size_t)n * sizeof *out);
    if (plait_map(pool, echo, PLAIT_RANGE, out, (size_t)n, NULL, PLAIT_NEVER) ||
        out[n - 1] != n - 1)
        exit(3);
    free(out);
}

static bool is(const char *item, const char *name)
{
    return strcmp(item, name) == 0;
}

static bool is_in_us(const char *item)
{
    return is(item, "throughput") || is(item, "map") || is(item, "round-trip-us");
}

/* One round, in the unit of the item. */
static double measure(const char *item, long n)
{
    double began = kit_now();
    if (is(item, "submit-external"))
        submit_external(n);
    else if (is(item, "submit-from-worker"))
        submit_from_worker(n);
    else if (is(item, "round-trip") || is(item, "round-trip-us"))
        round_trip(n, 0);
    else if (is(item, "round-trip-deadline"))
        round_trip(n, PLAIT_SECOND);
    else if (is(item, "blocking"))
        many(n, blocks, 0);
    else if (is(item, "waiting"))
        many(n, waits, 0);
    else if (is(item, "map"))
        map_all(n);
    else
        many(n, echo, sizeof(long));
    double ns = kit_now() - began;
    if (is(item, "blocking") || is(item, "waiting"))
        return ns / 1e6;
    return is_in_us(item) ? ns / 1e3 / (double)n : ns / (double)n;
}

int main(int argc, char **argv)
{
    const char *carrier = argc > 4 ? argv[4] : "thread";
    if (argc < 4)
        return 2;
    const char *item = argv[1];
    pool = plait_pool_open(is(carrier, "process")     ? PLAIT_PROCESS
                           : is(carrier, "coroutine") ? PLAIT_COROUTINE
                                                      : PLAIT_THREAD,
                           atoi(argv[2]), NULL);
    double rounds[4];
    for (int i = 0; i < 4; i++) /* the first one warms up */
        rounds[i] = measure(item, atol(argv[3]));
    double low = rounds[1], high = rounds[1], sum = 0;
    for (int i = 1; i < 4; i++) {
        low = rounds[i] < low ? rounds[i] : low;
        high = rounds[i] > high ? rounds[i] : high;
        sum += rounds[i];
    }
    bool ms = is(item, "blocking") || is(item, "waiting");
    printf("%.4g %s\n", sum - low - high, ms ? "ms" : is_in_us(item) ? "us" : "ns");
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
}
