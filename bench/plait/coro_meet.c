/* coro_meet ITEM WORKERS COUNTS... - items in which coroutines wait for each other: pingpong,
 * timers, chan, mutex, mutexy, skynet, fanout. Peers: bench/peers/coro/go/main.go, fiber.cpp,
 * rust/src/bin. */
#include "coro.h"

#include <errno.h>

static plait_queue *queue_new(size_t capacity)
{
    plait_queue *queue = plait_queue_open(sizeof(int64_t), capacity, NULL);
    need(queue != NULL, "no queue");
    return queue;
}

static void put(plait_queue *queue, int64_t value)
{
    need(plait_put(queue, &value, PLAIT_NEVER) == 0, "not put");
}

/* ---- pingpong TIMES, timers TIMES: a number there and back, plus one; each get with a time-out of
 * 1 s that never strikes. Wall ns per round trip, or per timed get. */
static plait_queue *ping, *pong;
static bool timed;

static int64_t get(plait_queue *queue)
{
    int64_t value, deadline = timed ? plait_after(PLAIT_SECOND) : PLAIT_NEVER;
    need(plait_get(queue, &value, deadline) == 0, "not got");
    return value;
}

static int echo(void *arg)
{
    for (long times = (long)args[0]; times > 0; times--)
        put(pong, get(ping) + 1);
    return 0;
}

static double round_trip_ns(void)
{
    long times = (long)args[0];
    ping = queue_new(1);
    pong = queue_new(1);
    int64_t began = now_ns();
    plait_task *other = start(PLAIT_COROUTINE, echo, NULL, NULL);
    for (long i = 0; i < times; i++) {
        put(ping, i);
        need(get(pong) == i + 1, "value is wrong");
    }
    join(other);
    return (double)(now_ns() - began) / (double)times;
}

static int item_pingpong(void *arg)
{
    printf("%.6g ns\n", round_trip_ns());
    return 0;
}

static int item_timers(void *arg)
{
    timed = true;
    printf("%.6g ns\n", round_trip_ns() / 2);
    return 0;
}

/* ---- chan PRODUCERS CONSUMERS NUMBERS: through one queue of 128; wall ns per number */
static plait_queue *channel;
static long each; /* numbers of a producer, sections of a coroutine */
static int64_t total;

static int producer(void *arg)
{
    for (int64_t i = 0; i < each; i++)
        put(channel, i);
    return 0;
}

static int consumer(void *arg)
{
    int64_t value, sum = 0;
    int rc;
    while ((rc = plait_get(channel, &value, PLAIT_NEVER)) == 0)
        sum += value;
    need(rc == -EPIPE, "not got");
    __atomic_fetch_add(&total, sum, __ATOMIC_RELAXED);
    return 0;
}

static int item_chan(void *arg)
{
    long producers = (long)args[0], consumers = (long)args[1];
    plait_task **makers = tasks_new(producers), **takers = tasks_new(consumers);
    each = (long)args[2] / producers;
    channel = queue_new(128);
    int64_t began = now_ns();
    for (long i = 0; i < consumers; i++)
        takers[i] = start(PLAIT_COROUTINE, consumer, NULL, NULL);
    for (long i = 0; i < producers; i++)
        makers[i] = start(PLAIT_COROUTINE, producer, NULL, NULL);
    join_each(makers, producers);
    plait_queue_close(channel);
    join_each(takers, consumers);
    double took = (double)(now_ns() - began);
    need(total == producers * (each * (each - 1) / 2), "sum is wrong");
    printf("%.6g ns\n", took / (double)producers / (double)each);
    return 0;
}

/* ---- mutex COROUTINES SECTIONS, mutexy: the holder yields inside; wall ns per section */
static plait_lock lock;
static long counter;
static bool yields;

static int adder(void *arg)
{
    for (long i = 0; i < each; i++) {
        need(plait_lock_acquire(&lock, PLAIT_NEVER) == 0, "not acquired");
        long seen = counter;
        if (yields)
            plait_yield();
        counter = seen + 1;
        plait_lock_release(&lock);
    }
    return 0;
}

static int item_mutex(void *arg)
{
    long count = (long)args[0];
    plait_task **tasks = tasks_new(count);
    each = (long)args[1] / count;
    int64_t began = now_ns();
    for (long i = 0; i < count; i++)
        tasks[i] = start(PLAIT_COROUTINE, adder, NULL, NULL);
    join_each(tasks, count);
    double took = (double)(now_ns() - began);
    need(counter == count * each, "count is wrong");
    printf("%.6g ns\n", took / (double)counter);
    return 0;
}

static int item_mutexy(void *arg)
{
    yields = true;
    return item_mutex(arg);
}

/* ---- skynet LEAVES: a tree of fan-out 10, each node adds what its ten children put; wall ms, peak
 * RSS MB */
struct node {
    plait_queue *up;
    int64_t first, size;
};

static int sky(void *arg)
{
    struct node me = *(struct node *)arg; /* the parent has it until all children have put */
    if (me.size == 1) {
        put(me.up, me.first);
        return 0;
    }
    struct node children[10];
    plait_queue *sums = queue_new(10);
    int64_t sum = 0, value;
    for (int i = 0; i < 10; i++) {
        children[i] = (struct node){sums, me.first + i * (me.size / 10), me.size / 10};
        need(plait_start(NULL, PLAIT_COROUTINE, sky, &children[i], NULL) == 0, "not started");
    }
    for (int i = 0; i < 10; i++) {
        need(plait_get(sums, &value, PLAIT_NEVER) == 0, "not got");
        sum += value;
    }
    plait_queue_free(sums);
    put(me.up, sum);
    return 0;
}

static int item_skynet(void *arg)
{
    int64_t leaves = (int64_t)args[0], sum = -1;
    struct node top = {queue_new(1), 0, leaves};
    int64_t began = now_ns();
    need(plait_start(NULL, PLAIT_COROUTINE, sky, &top, NULL) == 0, "not started");
    need(plait_get(top.up, &sum, PLAIT_NEVER) == 0, "not got");
    double took = (double)(now_ns() - began);
    need(sum == leaves * (leaves - 1) / 2, "sum is wrong");
    printf("%.6g ms wall\n", took / 1e6);
    printf("%.6g MB peak-rss\n", status_bytes("VmHWM") / 1e6);
    return 0;
}

/* ---- fanout COROUTINES ROUNDS: median us from an event's set to when the last of those asleep on
 * it runs */
enum { ROUNDS_MOST = 64 };
static plait_event events[ROUNDS_MOST], all_ran[ROUNDS_MOST];
static long waiting, left;
static int64_t *ran_at;

static int sleeper(void *arg)
{
    for (int r = 0; r < (int)args[1]; r++) {
        __atomic_fetch_add(&waiting, 1, __ATOMIC_RELAXED);
        need(plait_event_wait(&events[r], PLAIT_NEVER) == 0, "not woken");
        *(int64_t *)arg = now_ns();
        if (__atomic_sub_fetch(&left, 1, __ATOMIC_ACQ_REL) == 0)
            plait_event_set(&all_ran[r]);
    }
    return 0;
}

static double fanout_once(int round, long count)
{
    while (__atomic_load_n(&waiting, __ATOMIC_RELAXED) < count)
        need(plait_sleep(plait_after(PLAIT_MILLISECOND / 2)) == 0, "not slept");
    need(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)) == 0,
         "not slept"); /* the last falls asleep */
    __atomic_store_n(&waiting, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&left, count, __ATOMIC_RELEASE);
    int64_t from = now_ns(), last = from;
    plait_event_set(&events[round]);
    need(plait_event_wait(&all_ran[round], PLAIT_NEVER) == 0, "not woken");
    for (long i = 0; i < count; i++) {
        need(ran_at[i] >= from, "one ran before the event");
        last = ran_at[i] > last ? ran_at[i] : last;
    }
    return (double)(last - from) / 1e3;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int item_fanout(void *arg)
{
    long count = (long)args[0];
    int rounds = (int)args[1];
    double took[ROUNDS_MOST];
    plait_task **tasks = tasks_new(count);
    need(rounds <= ROUNDS_MOST, "too many rounds");
    ran_at = calloc((size_t)count, sizeof *ran_at);
    need(ran_at != NULL, "no memory");
    for (long i = 0; i < count; i++)
        tasks[i] = start(PLAIT_COROUTINE, sleeper, &ran_at[i], NULL);
    for (int r = 0; r < rounds; r++)
        took[r] = fanout_once(r, count);
    join_each(tasks, count);
    qsort(took, (size_t)rounds, sizeof *took, by_size);
    printf("%.1f us longest_us=%.0f\n", took[rounds / 2], took[rounds - 1]);
    return 0;
}

static const struct item items[] = {
    {"pingpong", item_pingpong}, {"timers", item_timers}, {"chan", item_chan},
    {"mutex", item_mutex},       {"mutexy", item_mutexy}, {"skynet", item_skynet},
    {"fanout", item_fanout},
};

int main(int argc, char **argv)
{
    return coro_main(argc, argv, items, sizeof items / sizeof *items);
}
