/* plait_for: every iteration once, on every schedule and carrier; totals, nesting, failures,
 * deadlines, cancel. */
#include "crew.h"

#include <limits.h>
#include <time.h>

enum { COUNT = 10000 };
static uint8_t done[COUNT];
static uint32_t bodies;

__attribute__((constructor)) static void three_workers(void)
{
    setenv("PLAIT_WORKERS", "3", 0);
}

static int mark(long first, long end, void *base)
{
    __atomic_add_fetch(&bodies, 1, __ATOMIC_RELAXED);
    need(first < end);
    for (long i = first; i < end; i++)
        __atomic_add_fetch(&done[i - *(long *)base], 1, __ATOMIC_RELAXED);
    return 0;
}

static void run_marks(long first, long count, plait_schedule schedule, long chunk)
{
    plait_for_options options = {.schedule = schedule, .chunk = chunk};
    memset(done, 0, sizeof done);
    bodies = 0;
    need(plait_for(first, first + count, mark, &first, &options, PLAIT_NEVER) == 0);
    for (long i = 0; i < COUNT; i++)
        need(done[i] == (i < count));
}

TEST(each_iteration_once)
{
    static const long counts[] = {0, 1, 2, 3, 7, 16, 17, 100, 9999, COUNT};
    static const long chunks[] = {0, 1, 3, 1000, COUNT, LONG_MAX};
    for (int schedule = PLAIT_STEALING; schedule <= PLAIT_GUIDED; schedule++)
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            for (size_t j = 0; j < sizeof chunks / sizeof chunks[0]; j++)
                run_marks(-5000, counts[i], (plait_schedule)schedule, chunks[j]);
}

TEST(chunks_are_as_long_as_asked)
{
    for (int schedule = PLAIT_STEALING; schedule <= PLAIT_GUIDED; schedule++) {
        run_marks(0, 1000, (plait_schedule)schedule, 7);
        if (schedule != PLAIT_GUIDED) /* there it is the least */
            ck_assert_uint_eq(bodies, (1000 + 6) / 7);
    }
}

/* ---- ranges that no int holds */
static int span(long first, long end, void *unused)
{
    uint64_t *part = plait_for_part();
    *part += (uint64_t)end - (uint64_t)first;
    return 0;
}

static void add(void *total, const void *part)
{
    *(uint64_t *)total += *(const uint64_t *)part;
}

TEST(the_longest_loop)
{
    for (int schedule = PLAIT_STEALING; schedule <= PLAIT_GUIDED; schedule++) {
        uint64_t total = 1;
        plait_for_options options = {.schedule = (plait_schedule)schedule,
                                     .total = &total,
                                     .total_size = sizeof total,
                                     .combine = add};
        ck_assert_int_eq(plait_for(LONG_MIN, LONG_MAX, span, NULL, &options, PLAIT_NEVER), 0);
        ck_assert_uint_eq(total, 0); /* 2^64 - 1 and the 1 that was there */
    }
}

/* ---- totals, on all carriers at once */
static int sum(long first, long end, void *unused)
{
    for (long i = first; i < end; i++)
        *(uint64_t *)plait_for_part() += (uint64_t)i;
    return 0;
}

static uint64_t sum_of(long count)
{
    uint64_t total = 0;
    plait_for_options options = {.total = &total, .total_size = sizeof total, .combine = add};
    need(plait_for(0, count, sum, NULL, &options, PLAIT_NEVER) == 0);
    return total;
}

static int sums(void *unused)
{
    for (long count = 0; count < 2000; count += 191)
        need(sum_of(count) == (uint64_t)(count * (count - 1) / 2));
    need(plait_for_part() == NULL);
    return 0;
}

TEST_CREW(totals)
{
    crew_run(carrier, 6, sums, NULL);
}

TEST_LABELED(totals_in_a_process, "process")
{
    sums(NULL);
    plait_task *task;
    int status = -1;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, sums, NULL, NULL), 0);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
}

static int nested(long first, long end, void *unused)
{
    for (long i = first; i < end; i++) {
        *(uint64_t *)plait_for_part() += sum_of(i);
        need(plait_for_part() != NULL);
    }
    return 0;
}

static int nest(void *unused)
{
    uint64_t total = 0, expected = 0;
    plait_for_options options = {.total = &total, .total_size = sizeof total, .combine = add};
    for (uint64_t i = 0; i < 100; i++)
        expected += i * (i - (i > 0)) / 2;
    need(plait_for(0, 100, nested, NULL, &options, PLAIT_NEVER) == 0);
    need(total == expected);
    return 0;
}

TEST_CREW(loops_in_loops)
{
    crew_run(carrier, 4, nest, NULL);
}

/* ---- bodies of unequal length end on more than one thread */
static int uneven(long first, long end, void *unused)
{
    for (long i = first; i < end; i++) {
        struct timespec t = {0, i % 10 ? 0 : 1000000};
        nanosleep(&t, NULL);
        *(uint64_t *)plait_for_part() += 1;
    }
    return 0;
}

TEST(uneven_bodies)
{
    for (int schedule = PLAIT_STEALING; schedule <= PLAIT_GUIDED; schedule++) {
        uint64_t total = 0;
        plait_for_options options = {.schedule = (plait_schedule)schedule,
                                     .total = &total,
                                     .total_size = sizeof total,
                                     .combine = add};
        ck_assert_int_eq(plait_for(0, 200, uneven, NULL, &options, PLAIT_NEVER), 0);
        ck_assert_uint_eq(total, 200);
    }
}

/* ---- failures */
static int fail_at_ten(long first, long end, void *unused)
{
    for (long i = first; i < end; i++) {
        __atomic_add_fetch(&bodies, 1, __ATOMIC_RELAXED);
        plait_sleep(plait_after(PLAIT_MILLISECOND / 10));
        if (i == 10)
            return -1;
    }
    return 0;
}

static int fails_once(void *unused)
{
    uint64_t total = 7;
    plait_for_options options = {.chunk = 1, .total = &total, .total_size = 8, .combine = add};
    need(plait_for(0, COUNT, fail_at_ten, NULL, &options, PLAIT_NEVER) == 1);
    need(total == 7);
    return 0;
}

TEST_LIGHT(the_first_failure_stops_the_rest)
{
    crew_run(carrier, 1, fails_once, NULL);
    ck_assert_uint_lt(bodies, COUNT);
}

static int fail_always(long first, long end, void *unused)
{
    return 1;
}

TEST(how_many_failed)
{
    int failed = plait_for(0, 100, fail_always, NULL, NULL, PLAIT_NEVER);
    ck_assert_int_ge(failed, 1);
    ck_assert_int_le(failed, 3);
}

/* ---- deadline, cancel */
static int slow(long first, long end, void *unused)
{
    for (long i = first; i < end; i++) {
        __atomic_add_fetch(&bodies, 1, __ATOMIC_RELAXED);
        struct timespec t = {0, 1000000};
        nanosleep(&t, NULL);
    }
    return 0;
}

enum { FEW = 300 };

static void stops(const plait_for_options *options, int64_t deadline)
{
    bodies = 0;
    need(plait_for(0, FEW, slow, NULL, options, deadline) == -ETIMEDOUT);
    need(bodies > 0 && bodies < FEW);
}

static int too_slow(void *unused)
{
    plait_for_options options = {.chunk = 1};
    for (int schedule = PLAIT_STEALING; schedule <= PLAIT_GUIDED; schedule++) {
        options.schedule = (plait_schedule)schedule;
        stops(&options, plait_after(5 * PLAIT_MILLISECOND));
    }
    int rc = 0;
    plait_scoped (plait_after(5 * PLAIT_MILLISECOND), &rc)
        stops(&options, PLAIT_NEVER);
    need(rc == -ETIMEDOUT);
    return 0;
}

TEST_LIGHT(a_deadline_stops_the_rest)
{
    crew_run(carrier, 1, too_slow, NULL);
}

static int be_canceled(void *unused)
{
    plait_for_options options = {.chunk = 1};
    need(plait_for(0, COUNT, slow, NULL, &options, PLAIT_NEVER) == -ECANCELED);
    need(plait_sleep(plait_after(1)) == 0);
    return 0;
}

TEST_LIGHT(a_cancel_stops_the_rest)
{
    plait_task *task;
    int status = -1;
    ck_assert_int_eq(plait_start(&task, carrier, be_canceled, NULL, NULL), 0);
    while (__atomic_load_n(&bodies, __ATOMIC_RELAXED) < 5)
        plait_yield();
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_lt(bodies, COUNT);
}

/* ---- in a pool: its workers alone run bodies */
static void *begin(void *arg)
{
    return arg;
}

static int in_worker(long first, long end, void *unused)
{
    need(plait_worker_state() == done);
    *(uint64_t *)plait_for_part() += (uint64_t)(end - first);
    return 0;
}

static int run_in(plait_pool *pool, int (*body)(long, long, void *), int64_t deadline)
{
    return plait_for(0, FEW, body, NULL, &(plait_for_options){.pool = pool, .chunk = 1}, deadline);
}

TEST_LIGHT(loops_in_a_pool)
{
    plait_pool *pool =
        plait_pool_open(carrier, 2, &(plait_pool_options){.begin = begin, .arg = done});
    ck_assert_ptr_nonnull(pool);
    for (int schedule = PLAIT_STEALING; schedule <= PLAIT_GUIDED; schedule++) {
        uint64_t total = 0;
        plait_for_options options = {.pool = pool,
                                     .schedule = (plait_schedule)schedule,
                                     .total = &total,
                                     .total_size = sizeof total,
                                     .combine = add};
        ck_assert_int_eq(plait_for(0, 5000, in_worker, NULL, &options, PLAIT_NEVER), 0);
        ck_assert_uint_eq(total, 5000);
    }
    ck_assert_int_eq(run_in(pool, slow, plait_after(5 * PLAIT_MILLISECOND)), -ETIMEDOUT);
    ck_assert_int_ge(run_in(pool, fail_always, PLAIT_NEVER), 1);
    plait_pool_close(pool, PLAIT_NEVER);
    ck_assert_int_eq(run_in(pool, fail_always, PLAIT_NEVER), -EPIPE);
    plait_pool_free(pool);
}

TEST_LABELED(no_loops_in_processes, "process")
{
    plait_pool *pool = plait_pool_open(PLAIT_PROCESS, 1, NULL);
    ck_assert_int_eq(run_in(pool, fail_always, PLAIT_NEVER), -EINVAL);
    plait_pool_free(pool);
}

static int never(long first, long end, void *unused)
{
    abort();
}

TEST(a_deadline_that_has_passed)
{
    ck_assert_int_eq(plait_for(0, 10, never, NULL, NULL, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_for(0, 10, never, NULL, NULL, plait_now() - 1), -ETIMEDOUT);
    ck_assert_int_eq(plait_for(10, 10, never, NULL, NULL, PLAIT_NOW), 0);
}

TEST(what_makes_no_sense_is_refused)
{
    uint64_t total = 0;
    plait_for_options wrong[] = {{.schedule = (plait_schedule)3},
                                 {.schedule = (plait_schedule)-1},
                                 {.chunk = -1},
                                 {.total = &total},
                                 {.total = &total, .total_size = 8},
                                 {.combine = add, .total_size = 8},
                                 {.total = &total, .combine = add},
                                 {.total = &total, .total_size = SIZE_MAX, .combine = add},
                                 {.reserved = {NULL, NULL, NULL, &total}}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(plait_for(0, 10, never, NULL, &wrong[i], PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_for(0, 10, NULL, NULL, NULL, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_for(10, 0, never, NULL, NULL, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_for(LONG_MAX, LONG_MIN, never, NULL, NULL, PLAIT_NEVER), -EINVAL);
}

static void a_duration(void *unused)
{
    (void)!plait_for(0, 10, never, NULL, NULL, PLAIT_SECOND / 1000);
}

TEST_LABELED(a_duration_is_told, "process")
{
    harness_dies(a_duration, NULL, "a duration where a deadline belongs");
}
