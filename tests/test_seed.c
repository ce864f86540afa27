/* Deterministic mode: exact times, the same bytes for the same seed, many interleavings, hangs that
 * are told. Each seed runs in a child of its own, since the seed is read at the first call of
 * plait. */
#include "crew.h"

#include "wait/wait.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A fork takes ThreadSanitizer a second. */
#ifdef __SANITIZE_THREAD__
enum { SEEDS = 20, DIFFERENT = 6, SOME_SEEDS = 10, FEW_SEEDS = 5 };
#else
enum { SEEDS = 1000, DIFFERENT = 300, SOME_SEEDS = 100, FEW_SEEDS = 20 };
#endif

struct run {
    unsigned seed;
    plait_carrier carrier;
    void (*body)(plait_carrier carrier);
    const char *trace; /* NULL: none is made */
};

static void run_seeded(void *arg)
{
    const struct run *run = arg;
    char text[16];
    snprintf(text, sizeof text, "%u", run->seed);
    setenv("PLAIT_SEED", text, 1);
    if (run->trace)
        need(plait_trace_start(run->trace) == 0);
    run->body(run->carrier);
    plait_trace_stop();
}

static int run_one(const struct run *run, char *text, size_t size)
{
    return harness_fork(run_seeded, (void *)run, text, size);
}

static void passes(const struct run *run)
{
    char text[4096];
    int status = run_one(run, text, sizeof text);
    ck_assert_msg(status == 0, "PLAIT_SEED=%u replays it: status %#x: %s", run->seed, status, text);
}

/* ---- time */

static int sleep_exactly(void *arg)
{
    int64_t begun = plait_now(), length = (intptr_t)arg * PLAIT_SECOND;
    need(plait_sleep(plait_after(length)) == 0);
    need(plait_now() == begun + length);
    return 0;
}

static int time_out(void *arg)
{
    static plait_event never;
    int64_t deadline = plait_after(1000 * PLAIT_SECOND);
    need(plait_event_wait(&never, deadline) == -ETIMEDOUT);
    need(plait_now() == deadline);
    return 0;
}

static void sleep_for_hours(plait_carrier carrier)
{
    struct crew crew = {.count = 0};
    int64_t begun = plait_now();
    for (intptr_t i = 0; i < 20; i++)
        crew_add(&crew, (int)carrier, sleep_exactly, (void *)(i * 360));
    crew_add(&crew, (int)carrier, time_out, NULL);
    crew_join(&crew);
    need(plait_now() == begun + 19 * 360 * PLAIT_SECOND);
    need(sleep_exactly((void *)86400) == 0);
}

TEST_LIGHT(sleeps_are_exact)
{
    for (unsigned seed = 0; seed < FEW_SEEDS; seed++)
        passes(&(struct run){seed, carrier, sleep_for_hours, NULL});
}

/* ---- traces */

static plait_lock lock;
static plait_queue *queue;
static int sum;

static int contend(void *arg)
{
    for (int i = 0; i < 3; i++) {
        plait_with (&lock)
            sum++;
        need(plait_put(queue, &i, PLAIT_NEVER) == 0);
        need(plait_sleep(plait_after((i + 1) * PLAIT_MILLISECOND)) == 0);
    }
    return 0;
}

static int drain(void *arg)
{
    for (int i = 0, item; i < 4 * 3; i++)
        need(plait_get(queue, &item, PLAIT_NEVER) == 0);
    return 0;
}

static void struggle(plait_carrier carrier)
{
    struct crew crew = {.count = 0};
    queue = plait_queue_open(sizeof(int), 2, NULL);
    crew_start(&crew, (int)carrier, 4, contend, NULL);
    crew_add(&crew, (int)carrier, drain, NULL);
    crew_join(&crew);
    need(sum == 12);
    plait_queue_free(queue);
}

static const char *trace_path(int number)
{
    static char paths[2][64];
    snprintf(paths[number], sizeof paths[number], "/tmp/plait-seed-%d-%d", (int)getpid(), number);
    return paths[number];
}

static size_t read_trace(const char *path, char *text, size_t size)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(descriptor, 0);
    ssize_t got = read(descriptor, text, size);
    ck_assert_int_gt(got, 0);
    close(descriptor);
    unlink(path);
    return (size_t)got;
}

static size_t trace_of(unsigned seed, plait_carrier carrier, int number, char *text, size_t size)
{
    const struct run run = {seed, carrier, struggle, trace_path(number)};
    passes(&run);
    return read_trace(run.trace, text, size);
}

/* ---- loops that wait by trying */

static plait_event rung;

static int ring_later(void *arg)
{
    need(plait_sleep(plait_after(20 * PLAIT_MILLISECOND)) == 0);
    plait_event_set(&rung);
    return 0;
}

static void try_and_yield(plait_carrier carrier)
{
    int64_t begun = plait_now();
    plait_event_clear(&rung);
    need(plait_start(NULL, carrier, ring_later, NULL, NULL) == 0);
    while (plait_event_wait(&rung, PLAIT_NOW) == -EAGAIN)
        ;
    need(plait_now() - begun < 21 * PLAIT_MILLISECOND);
    plait_event_clear(&rung);
    need(plait_start(NULL, carrier, ring_later, NULL, NULL) == 0);
    while (!plait_event_is_set(&rung))
        plait_yield();
    need(plait_now() - begun < 42 * PLAIT_MILLISECOND);
    need(plait_join_all(PLAIT_NEVER) == 0);
}

/* They hold the only worker, so they must move the clock, or the sleeper would sleep for ever. */
TEST_LIGHT(loops_of_tries_let_time_pass)
{
    for (unsigned seed = 1; seed <= FEW_SEEDS; seed++)
        passes(&(struct run){.seed = seed, .carrier = carrier, .body = try_and_yield});
}

TEST_LIGHT(the_same_seed_gives_the_same_bytes)
{
    static char first[1 << 18], second[1 << 18];
    for (unsigned seed = 0; seed < FEW_SEEDS; seed++) {
        size_t length = trace_of(seed, carrier, 0, first, sizeof first);
        ck_assert_int_eq(length, trace_of(seed, carrier, 1, second, sizeof second));
        ck_assert_msg(memcmp(first, second, length) == 0, "PLAIT_SEED=%u differs", seed);
    }
}

static uint64_t hash_of(const char *text, size_t length)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return hash;
}

TEST_LIGHT(a_thousand_seeds_give_many_traces)
{
    static char text[1 << 18];
    static uint64_t seen[SEEDS];
    int different = 0;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        uint64_t hash = hash_of(text, trace_of(seed, carrier, 0, text, sizeof text));
        int i = 0;
        while (i < different && seen[i] != hash)
            i++;
        if (i == different)
            seen[different++] = hash;
    }
    ck_assert_int_ge(different, DIFFERENT);
}

/* ---- hangs */

static plait_event nobody_sets;

static int wait_for_ever(void *arg)
{
    return plait_event_wait(&nobody_sets, PLAIT_NEVER);
}

static void hang(plait_carrier carrier)
{
    plait_task *task;
    const plait_start_options named = {.name = "stone"};
    need(plait_start(&task, carrier, wait_for_ever, NULL, &named) == 0);
    (void)!plait_join(task, NULL, PLAIT_NEVER);
}

TEST_LIGHT(a_hang_is_told)
{
    char text[4096];
    const struct run run = {1, carrier, hang, NULL};
    int status = run_one(&run, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%#x: %s", status, text);
    ck_assert_msg(strstr(text, "nothing can run any more") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "'stone'") && strstr(text, "join task 'stone'"), "%s", text);
}

/* A box whose taker announces itself too late, when it is broken: a giver between the look and the
 * announcement wakes nobody. */
static struct box {
    uint32_t full, sleeper, bell;
    bool broken;
} box;

static int take(void *arg)
{
    if (!box.broken)
        box.sleeper = 1;
    while (!box.full) {
        struct wait_word word = {.word = &box.bell, .seen = box.bell};
        WAIT_POINT();
        box.sleeper = 1;
        if (!box.full || box.broken)
            (void)wait_park(&word, 1, WAIT_NEVER);
    }
    return 0;
}

static int put(void *arg)
{
    WAIT_POINT();
    box.full = 1;
    if (box.sleeper) {
        box.bell++;
        wait_unpark(&box.bell, 1, false);
    }
    return 0;
}

static void use_box(plait_carrier carrier)
{
    struct crew crew = {.count = 0};
    crew_add(&crew, (int)carrier, take, NULL);
    crew_add(&crew, (int)carrier, put, NULL);
    crew_join(&crew);
}

static int seeds_that_hang(plait_carrier carrier, unsigned most)
{
    char text[4096];
    int hang_count = 0;
    for (unsigned seed = 0; seed < most; seed++) {
        const struct run run = {seed, carrier, use_box, NULL};
        int status = run_one(&run, text, sizeof text);
        bool hangs = WIFSIGNALED(status) && strstr(text, "nothing can run any more");
        ck_assert_msg(status == 0 || hangs, "PLAIT_SEED=%u: %#x: %s", seed, status, text);
        hang_count += hangs;
    }
    return hang_count;
}

TEST_LIGHT(a_lost_wake_is_found)
{
    box.broken = true;
    ck_assert_int_gt(seeds_that_hang(carrier, SOME_SEEDS), 0);
    box.broken = false;
    ck_assert_int_eq(seeds_that_hang(carrier, SOME_SEEDS), 0);
}
