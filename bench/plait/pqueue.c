/* pqueue RESIDENT PAIRS 1|4 - put + get pairs with RESIDENT items in a queue by priority. 1: one
 * thread, ns per pair; 4: two threads put and two get, M pairs/s. Priorities are like timers: the
 * i-th put has i + random below 2 * RESIDENT; the item is the priority, so that the order can be
 * checked. Peers: bench/peers/sync/cpp/pqueue.cpp, bench/peers/sync/go/pqueue.go. */
#include "bench.h"

/* Putter s and getter s stay so near to each other that the queue neither grows nor runs empty. */
enum { LEAD = 256 };

static plait_queue *queue;
static size_t resident, pairs;
static pthread_barrier_t line;
static struct count {
    uint64_t n;
} LINE_APART pushed[2], popped[2];
static uint64_t in, out;

struct keys {
    uint64_t x, range, i;
};

static uint64_t keys_next(struct keys *keys)
{
    keys->x ^= keys->x << 13;
    keys->x ^= keys->x >> 7;
    keys->x ^= keys->x << 17;
    return keys->i++ + keys->x % keys->range;
}

static void push(uint64_t value)
{
    need(plait_put_priority(queue, &value, (int64_t)value, PLAIT_NOW) == 0, "not put");
}

static uint64_t pop(void)
{
    uint64_t value = 0;
    need(plait_get(queue, &value, PLAIT_NOW) == 0, "the queue ran empty");
    return value;
}

static int pusher(void *arg)
{
    size_t s = (size_t)arg;
    struct keys mine = {.x = 88172645463325252u + s + 1, .range = 2 * resident};
    uint64_t sum = 0;
    pthread_barrier_wait(&line);
    for (size_t k = 0; k < pairs / 2; k++) {
        while (k > __atomic_load_n(&popped[s].n, __ATOMIC_RELAXED) + LEAD)
            sched_yield();
        mine.i = 2 * k;
        uint64_t value = keys_next(&mine);
        push(value);
        sum += value;
        __atomic_store_n(&pushed[s].n, k + 1, __ATOMIC_RELAXED);
    }
    __atomic_add_fetch(&in, sum, __ATOMIC_RELAXED);
    return 0;
}

static int popper(void *arg)
{
    size_t s = (size_t)arg;
    uint64_t sum = 0;
    pthread_barrier_wait(&line);
    for (size_t k = 0; k < pairs / 2; k++) {
        while (k > __atomic_load_n(&pushed[s].n, __ATOMIC_RELAXED) + LEAD)
            sched_yield();
        sum += pop();
        __atomic_store_n(&popped[s].n, k + 1, __ATOMIC_RELAXED);
    }
    __atomic_add_fetch(&out, sum, __ATOMIC_RELAXED);
    return 0;
}

static struct usage alone(struct keys *keys)
{
    struct usage began = usage_now();
    for (size_t k = 0; k < pairs; k++) {
        uint64_t value = keys_next(keys);
        push(value);
        in += value;
        out += pop();
    }
    return usage_since(&began);
}

static struct usage together(void)
{
    plait_task *crew[4];
    pthread_barrier_init(&line, NULL, 5);
    for (size_t s = 0; s < 2; s++) {
        crew[2 * s] = start(PLAIT_THREAD, pusher, (void *)s, NULL);
        crew[2 * s + 1] = start(PLAIT_THREAD, popper, (void *)s, NULL);
    }
    pthread_barrier_wait(&line);
    struct usage began = usage_now();
    for (int i = 0; i < 4; i++)
        join(crew[i]);
    return usage_since(&began);
}

int main(int argc, char **argv)
{
    need(argc == 4, "usage: pqueue RESIDENT PAIRS 1|4");
    resident = (size_t)number(argc, argv, 1);
    pairs = (size_t)number(argc, argv, 2);
    bool one = number(argc, argv, 3) == 1;
    queue = plait_queue_open(sizeof(uint64_t), PLAIT_UNBOUNDED,
                             &(plait_queue_options){.order = PLAIT_PRIORITY});
    need(queue != NULL, "no queue");
    struct keys keys = {88172645463325252u, 2 * resident, 0};
    for (size_t k = 0; k < resident; k++) {
        uint64_t value = keys_next(&keys) - k;
        push(value);
        in += value;
    }
    keys.i = 0;
    struct usage used = one ? alone(&keys) : together();
    uint64_t last = 0;
    for (size_t k = 0; k < resident; k++) {
        uint64_t value = pop();
        need(value >= last, "out of order");
        out += last = value;
    }
    need(in == out, "items were lost or changed");
    double n = (double)(one ? pairs : pairs / 2 * 2);
    if (one)
        printf("%.1f ns\n", (double)used.wall / n);
    else
        printf("%.3f M/s cpu=%.2f\n", n / (double)used.wall * 1e3,
               (double)used.cpu / (double)used.wall);
    return 0;
}
