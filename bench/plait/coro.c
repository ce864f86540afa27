/* coro ITEM WORKERS COUNTS... - the coroutine items: yield, spawn, parked, sleeps, fair, blocking.
 * Peers: bench/peers/coro/go/main.go, fiber.cpp, rust/src/bin. */
#include "coro.h"

static long ran; /* coroutines that have done their work */

static void count_one(void)
{
    __atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
}

/* ---- yield COROUTINES TIMES: wall ns per yield */
static int yielder(void *arg)
{
    for (long times = (long)args[1]; times > 0; times--)
        plait_yield();
    count_one();
    return 0;
}

static int item_yield(void *arg)
{
    long count = (long)args[0];
    plait_task **tasks = tasks_new(count);
    int64_t began = now_ns();
    for (long i = 0; i < count; i++)
        tasks[i] = start(PLAIT_COROUTINE, yielder, NULL, NULL);
    join_each(tasks, count);
    double took = (double)(now_ns() - began);
    need(ran == count, "count is wrong");
    printf("%.6g ns\n", took / (double)count / args[1]);
    free(tasks);
    return 0;
}

/* ---- spawn ROUNDS BATCH: start a batch of coroutines that add 1, join them; wall ns per
 * coroutine */
static int adder(void *arg)
{
    count_one();
    return 0;
}

static int item_spawn(void *arg)
{
    long rounds = (long)args[0], batch = (long)args[1];
    plait_task **tasks = tasks_new(batch);
    int64_t began = now_ns();
    for (long r = 0; r < rounds; r++) {
        for (long i = 0; i < batch; i++)
            tasks[i] = start(PLAIT_COROUTINE, adder, NULL, NULL);
        join_each(tasks, batch);
    }
    double took = (double)(now_ns() - began);
    need(ran == rounds * batch, "count is wrong");
    printf("%.6g ns\n", took / (double)rounds / (double)batch);
    free(tasks);
    return 0;
}

/* ---- parked COROUTINES: what each costs that has dirtied 512 bytes of a 64 KB stack and waits for
 * ever */
static plait_event never;

static long mappings(const char *which)
{
    char text[512];
    long n = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    while (file && fgets(text, sizeof text, file))
        n += strstr(text, which) != NULL;
    if (file)
        fclose(file);
    return n;
}

__attribute__((noinline)) static void touch_stack(void)
{
    volatile char frame[512];
    for (unsigned i = 0; i < sizeof frame; i += 64)
        frame[i] = (char)i;
}

static int parker(void *arg)
{
    touch_stack();
    count_one();
    return plait_event_wait(&never, PLAIT_NEVER);
}

static int item_parked(void *arg)
{
    long count = (long)args[0];
    const plait_start_options small = {.stack = 65536};
    double rss = status_bytes("VmRSS"), tables = status_bytes("VmPTE");
    int64_t began = now_ns();
    for (long i = 0; i < count; i++)
        start(PLAIT_COROUTINE, parker, NULL, &small);
    while (__atomic_load_n(&ran, __ATOMIC_RELAXED) < count)
        plait_yield();
    double took = (double)(now_ns() - began);
    printf("%.6g B rss\n", (status_bytes("VmRSS") - rss) / (double)count);
    printf("%.6g B pagetable\n", (status_bytes("VmPTE") - tables) / (double)count);
    printf("%.6g us create\n", took / 1e3 / (double)count);
    printf("%ld vmas vmas\n", mappings("-"));
    printf("%ld pages guards\n", mappings(" ---p "));
    fflush(stdout);
    _Exit(
        0); /* because a million of them would have to be woken and joined, which is not the item */
}

/* ---- sleeps COROUTINES: each sleeps 0-999 ms; CPU of the process, wall, lateness */
static struct sleeper {
    int64_t length, late;
} * sleepers;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int sleep_once(void *arg)
{
    struct sleeper *me = arg;
    int64_t began = now_ns();
    need(plait_sleep(plait_after(me->length)) == 0, "sleep failed");
    me->late = now_ns() - began - me->length;
    count_one();
    return 0;
}

static int by_lateness(const void *a, const void *b)
{
    int64_t x = ((const struct sleeper *)a)->late, y = ((const struct sleeper *)b)->late;
    return (x > y) - (x < y);
}

static double cpu_ms(void)
{
    return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e6;
}

static int item_sleeps(void *arg)
{
    long count = (long)args[0];
    uint64_t state = 42;
    plait_task **tasks = tasks_new(count);
    sleepers = calloc((size_t)count, sizeof *sleepers);
    need(sleepers != NULL, "no memory");
    for (long i = 0; i < count; i++)
        sleepers[i].length = (int64_t)(next_random(&state) % 1000) * PLAIT_MILLISECOND;
    double cpu = cpu_ms();
    int64_t began = now_ns();
    for (long i = 0; i < count; i++)
        tasks[i] = start(PLAIT_COROUTINE, sleep_once, &sleepers[i], NULL);
    join_each(tasks, count);
    double wall = (double)(now_ns() - began) / 1e6;
    cpu = cpu_ms() - cpu;
    need(ran == count, "count is wrong");
    qsort(sleepers, (size_t)count, sizeof *sleepers, by_lateness);
    printf("%.6g ms cpu\n%.6g ms wall\n", cpu, wall);
    printf("%.6g us late-p50\n", (double)sleepers[count / 2].late / 1e3);
    printf("%.6g us late-p99\n", (double)sleepers[count * 99 / 100].late / 1e3);
    printf("%.6g us earliest\n", (double)sleepers[0].late / 1e3);
    return 0;
}

/* ---- fair: 10 coroutines sleep 1 ms in a loop, an 11th computes for 100 ms; the longest gap
 * between two ticks, ms */
static int64_t longest_gap, ticks_end;

static void note_gap(int64_t gap)
{
    int64_t old = __atomic_load_n(&longest_gap, __ATOMIC_RELAXED);
    while (gap > old && !__atomic_compare_exchange_n(&longest_gap, &old, gap, true,
                                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
}

static int ticker(void *arg)
{
    int64_t last = now_ns();
    while (last < ticks_end) {
        need(plait_sleep(plait_after(PLAIT_MILLISECOND)) == 0, "sleep failed");
        int64_t now = now_ns();
        note_gap(now - last);
        last = now;
    }
    return 0;
}

static int busy(void *arg)
{
    volatile unsigned x = 0;
    need(plait_sleep(plait_after(20 * PLAIT_MILLISECOND)) == 0, "sleep failed");
    for (int64_t end = now_ns() + 100000000; now_ns() < end;)
        for (int i = 0; i < 1000; i++)
            x = x + 1;
    return 0;
}

static int item_fair(void *arg)
{
    plait_task *tasks[11];
    ticks_end = now_ns() + 200000000;
    for (int i = 0; i < 11; i++)
        tasks[i] = start(PLAIT_COROUTINE, i < 10 ? ticker : busy, NULL, NULL);
    join_each(tasks, 11);
    printf("%.6g ms\n", (double)longest_gap / 1e6);
    return 0;
}

/* ---- blocking COROUTINES MS: each makes one blocking call of MS; wall ms */
static int block(void *arg)
{
    sleep_ns((int64_t)(args[1] * 1e6));
    return 0;
}

static int blocker(void *arg)
{
    need(plait_blocking(block, NULL) == 0, "plait_blocking failed");
    count_one();
    return 0;
}

static int item_blocking(void *arg)
{
    long count = (long)args[0];
    plait_task **tasks = tasks_new(count);
    int64_t began = now_ns();
    for (long i = 0; i < count; i++)
        tasks[i] = start(PLAIT_COROUTINE, blocker, NULL, NULL);
    join_each(tasks, count);
    double took = (double)(now_ns() - began) / 1e6;
    need(ran == count, "count is wrong");
    printf("%.6g ms\n", took);
    free(tasks);
    return 0;
}

static const struct item items[] = {
    {"yield", item_yield},   {"spawn", item_spawn}, {"parked", item_parked},
    {"sleeps", item_sleeps}, {"fair", item_fair},   {"blocking", item_blocking},
};

int main(int argc, char **argv)
{
    return coro_main(argc, argv, items, sizeof items / sizeof *items);
}
