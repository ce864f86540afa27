/* select thread|coroutine WORKERS QUEUES TIMES - wall ns per item: one task puts numbers into
 * queues in a random order, another one selects among all of them; each queue has room for one.
 * Peers: bench/peers/coro/go/main.go, bench/peers/sync/rust/src/bin/select.rs. */
#include "bench.h"

enum { QUEUES_MOST = 1000 };

static plait_queue *queues[QUEUES_MOST];
static long count, times;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int putter(void *arg)
{
    uint64_t state = 42;
    for (int64_t i = 1; i <= times; i++)
        need(plait_put(queues[next_random(&state) % (uint64_t)count], &i, PLAIT_NEVER) == 0,
             "not put");
    return 0;
}

static int getter(void *arg)
{
    static plait_case cases[QUEUES_MOST];
    int64_t item = 0, sum = 0;
    for (long i = 0; i < count; i++)
        cases[i] = plait_on_get(queues[i], &item);
    for (long i = 0; i < times; i++) {
        need(plait_select_cases(cases, (int)count, PLAIT_NEVER) >= 0, "not got");
        sum += item;
    }
    need(sum == times * (times + 1) / 2, "items were lost or changed");
    return 0;
}

int main(int argc, char **argv)
{
    need(argc == 5, "usage: select thread|coroutine WORKERS QUEUES TIMES");
    plait_carrier carrier = argv[1][0] == 't' ? PLAIT_THREAD : PLAIT_COROUTINE;
    const plait_settings settings = {.workers = atoi(argv[2])};
    need(plait_configure(&settings) == 0, "plait_configure failed");
    count = atol(argv[3]);
    times = atol(argv[4]);
    need(count > 0 && count <= QUEUES_MOST, "1 to 1000 queues");
    for (long i = 0; i < count; i++)
        need((queues[i] = plait_queue_open(sizeof(int64_t), 1, NULL)) != NULL, "no queue");
    int64_t began = now_ns();
    plait_task *one = start(carrier, getter, NULL, NULL),
               *other = start(carrier, putter, NULL, NULL);
    join(one);
    join(other);
    printf("%.6g ns\n", (double)(now_ns() - began) / (double)times);
    return 0;
}
