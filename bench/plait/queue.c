/* queue PRODUCERS CONSUMERS SECONDS free|2core - M items/s through one private queue of 1024 8-byte
 * items; 2core: producers on one core, consumers on the other. Producers put 1, 2, 3 ... until the
 * time is over; it ends when the last item has been taken. Peers: bench/peers/sync/cpp/queue.cpp,
 * bench/peers/sync/rust/src/bin/queue.rs. */
#include "bench.h"

enum { SIDE_MOST = 64, CAPACITY = 1024 };

static const uint64_t end_mark = UINT64_MAX;

static struct end {
    uint64_t count, sum;
} LINE_APART made[SIDE_MOST], taken[SIDE_MOST];
static int stop LINE_APART;
static plait_queue *queue;
static pthread_barrier_t line;
static bool pinned;

static int producer(void *arg)
{
    struct end *end = arg;
    uint64_t n = 0;
    if (pinned)
        pin(0);
    pthread_barrier_wait(&line);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        n++;
        if (plait_put(queue, &n, PLAIT_NEVER) != 0)
            need(false, "not put");
    }
    end->count = n;
    end->sum = n * (n + 1) / 2;
    return 0;
}

static int consumer(void *arg)
{
    struct end *end = arg;
    uint64_t n = 0, sum = 0;
    if (pinned)
        pin(1);
    pthread_barrier_wait(&line);
    for (;;) {
        uint64_t value;
        if (plait_get(queue, &value, PLAIT_NEVER) != 0)
            need(false, "not got");
        if (value == end_mark)
            break;
        sum += value;
        __atomic_store_n(&end->count, ++n, __ATOMIC_RELAXED);
    }
    end->sum = sum;
    return 0;
}

static uint64_t total_count(struct end *ends, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += __atomic_load_n(&ends[i].count, __ATOMIC_RELAXED);
    return sum;
}

static uint64_t total_sum(const struct end *ends, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += ends[i].sum;
    return sum;
}

int main(int argc, char **argv)
{
    need(argc == 5, "usage: queue PRODUCERS CONSUMERS SECONDS free|2core");
    int producers = atoi(argv[1]), consumers = atoi(argv[2]);
    need(producers <= SIDE_MOST && consumers <= SIDE_MOST, "too many threads");
    pinned = strcmp(argv[4], "2core") == 0;
    queue = plait_queue_open(sizeof(uint64_t), CAPACITY, NULL);
    need(queue != NULL, "no queue");
    pthread_barrier_init(&line, NULL, (unsigned)(producers + consumers) + 1);
    plait_task *makers[SIDE_MOST], *takers[SIDE_MOST];
    for (int i = 0; i < producers; i++)
        makers[i] = start(PLAIT_THREAD, producer, &made[i], NULL);
    for (int i = 0; i < consumers; i++)
        takers[i] = start(PLAIT_THREAD, consumer, &taken[i], NULL);

    pthread_barrier_wait(&line);
    struct usage began = usage_now();
    sleep_ns((int64_t)(number(argc, argv, 3) * 1e9));
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < producers; i++)
        join(makers[i]);
    uint64_t items = total_count(made, producers);
    while (total_count(taken, consumers) < items)
        sleep_ns(20000);
    struct usage used = usage_since(&began);

    for (int i = 0; i < consumers; i++)
        need(plait_put(queue, &end_mark, PLAIT_NEVER) == 0, "not put");
    for (int i = 0; i < consumers; i++)
        join(takers[i]);
    need(total_sum(taken, consumers) == total_sum(made, producers), "items were lost or changed");
    printf("%.3f M/s cpu=%.2f switches_per_1000=%.2f\n", (double)items / (double)used.wall * 1e3,
           (double)used.cpu / (double)used.wall, (double)used.switches * 1e3 / (double)items);
    return 0;
}
