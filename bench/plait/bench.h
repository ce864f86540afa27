/* bench.h - what the drivers share: clock, calibrated work, checks, threads, result lines.
 *
 * A driver measures one item per run, checks its own result and prints `value unit [name=value
 * ...]`, where `name=` pairs become notes; items with several figures print `value unit NAME`, one
 * line each. The programs of bench/peers print the same, so that bench/run reads both. */
#ifndef BENCH_H
#define BENCH_H

#include <plait.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define LINE_APART __attribute__((aligned(128)))
#define BENCH_USED __attribute__((unused))

BENCH_USED static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    _Exit(1);
}

/* The Nth argument as a number; absent ones are 0. */
BENCH_USED static double number(int count, char **arguments, int n)
{
    return n < count ? atof(arguments[n]) : 0;
}

BENCH_USED static int64_t clock_ns(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

BENCH_USED static int64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

BENCH_USED static void sleep_ns(int64_t ns)
{
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    nanosleep(&t, NULL);
}

/* What the process used from usage_now() to usage_since(). */
struct usage {
    int64_t wall, cpu;
    long switches;
};

BENCH_USED static struct usage usage_now(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (struct usage){now_ns(), clock_ns(CLOCK_PROCESS_CPUTIME_ID), r.ru_nvcsw + r.ru_nivcsw};
}

BENCH_USED static struct usage usage_since(const struct usage *start)
{
    struct usage end = usage_now();
    return (struct usage){end.wall - start->wall, end.cpu - start->cpu,
                          end.switches - start->switches};
}

/* Busy work: a chain of dependent multiplies, the same as in every peer. Not inlined, because the
 * compiler would fold it into the caller's loop and the calibration would measure something
 * else. */
BENCH_USED __attribute__((noinline)) static uint64_t work(uint64_t x, long steps)
{
    while (steps-- > 0)
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return x;
}

/* Steps of work() that take so long; the best of many tries, so that a preempted one does no
 * harm. */
BENCH_USED static long steps_for(double ns)
{
    double best = 1e9;
    volatile uint64_t sink = 1;
    for (int i = 0; i < 40; i++) {
        int64_t t = now_ns();
        sink = work(sink, 20000);
        double each = (double)(now_ns() - t) / 20000;
        best = each < best ? each : best;
    }
    return ns <= 0 ? 0 : (long)(ns / best + 0.5);
}

BENCH_USED static double clock_cost_ns(void)
{
    double best = 1e9;
    for (int i = 0; i < 40; i++) {
        int64_t t = now_ns();
        for (int k = 0; k < 200; k++)
            now_ns();
        double each = (double)(now_ns() - t) / 201;
        best = each < best ? each : best;
    }
    return best;
}

/* This thread runs on that processor only. */
BENCH_USED static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    need(pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0, "cannot pin");
}

BENCH_USED static plait_task *start(plait_carrier carrier, plait_function *function, void *arg,
                                    const plait_start_options *options)
{
    plait_task *task = NULL;
    need(plait_start(&task, carrier, function, arg, options) == 0, "plait_start failed");
    return task;
}

BENCH_USED static void join(plait_task *task)
{
    int status = -1;
    need(plait_join(task, &status, PLAIT_NEVER) == 0 && status == 0, "a task failed");
}

/* So many threads run `member` for so long, each with one of `crew`, whose elements are `size`
 * bytes. Each waits at `line` before it begins, and ends soon after *stop is 1. */
BENCH_USED static struct usage crew_runs(int threads, double seconds, plait_function *member,
                                         void *crew, size_t size, pthread_barrier_t *line,
                                         int *stop)
{
    plait_task *tasks[256];
    need(threads >= 1 && threads <= 256, "too many threads");
    pthread_barrier_init(line, NULL, (unsigned)threads + 1);
    for (int t = 0; t < threads; t++)
        tasks[t] = start(PLAIT_THREAD, member, (char *)crew + (size_t)t * size, NULL);
    pthread_barrier_wait(line);
    struct usage began = usage_now();
    sleep_ns((int64_t)(seconds * 1e9));
    __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
    struct usage used = usage_since(&began);
    for (int t = 0; t < threads; t++)
        join(tasks[t]);
    return used;
}

#endif
