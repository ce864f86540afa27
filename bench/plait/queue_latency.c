/* queue_latency ITEMS PERIOD_NS busy|idle free|2core - ns from put to got (median), one item each
 * period for one consumer that waits. busy: the producer computes between two items; idle: it
 * sleeps. 2core: one on each core. Peers: bench/peers/sync/cpp/queue_latency.cpp,
 * bench/peers/sync/rust/src/bin/queue_latency.rs. */
#include "bench.h"

#include <sys/prctl.h>

static plait_queue *queue;
static int64_t *delay, items;
static bool pinned;

static int consumer(void *arg)
{
    if (pinned)
        pin(1);
    for (int64_t i = 0; i < items; i++) {
        int64_t sent;
        need(plait_get(queue, &sent, PLAIT_NEVER) == 0, "not got");
        delay[i] = now_ns() - sent;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void wait_for(int64_t time, bool busy)
{
    struct timespec t = {time / 1000000000, time % 1000000000};
    if (busy)
        while (now_ns() < time)
            ;
    else
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
            ;
}

int main(int argc, char **argv)
{
    need(argc == 5, "usage: queue_latency ITEMS PERIOD_NS busy|idle free|2core");
    int64_t period = (int64_t)number(argc, argv, 2);
    bool busy = strcmp(argv[3], "busy") == 0;
    items = (int64_t)number(argc, argv, 1);
    pinned = strcmp(argv[4], "2core") == 0;
    delay = calloc((size_t)items, sizeof *delay);
    queue = plait_queue_open(sizeof(int64_t), 1024, NULL);
    need(delay && queue, "no memory");
    plait_task *taker = start(PLAIT_THREAD, consumer, NULL, NULL);
    if (pinned)
        pin(0);
    prctl(PR_SET_TIMERSLACK, 1);
    sleep_ns(5000000);
    struct usage began = usage_now();
    int64_t next = now_ns();
    for (int64_t i = 0; i < items; i++) {
        wait_for(next += period, busy);
        int64_t now = now_ns();
        need(plait_put(queue, &now, PLAIT_NEVER) == 0, "not put");
    }
    join(taker);
    struct usage used = usage_since(&began);
    qsort(delay, (size_t)items, sizeof *delay, compare);
    need(delay[0] > 0, "an item came before it was sent");
    printf("%lld ns p99=%lld used_cpus=%.2f period_us=%.1f\n", (long long)delay[items / 2],
           (long long)delay[items * 99 / 100], (double)used.cpu / (double)used.wall,
           (double)used.wall / 1e3 / (double)items);
    return 0;
}
