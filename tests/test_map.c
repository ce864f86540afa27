/* plait_map, plait_reduce, plait_map_each: the same results on all carriers; failures, deadlines,
 * cancel, progress. */
#include "crew.h"

#include <limits.h>
#include <signal.h>
#include <unistd.h>

enum { COUNT = 1000 };

static int square(const void *in, void *out)
{
    return *(long *)out = *(const long *)in * *(const long *)in, 0;
}

/* Says what failed, because where nothing should a failure may not come again. */
static void all_good(int rc, const int *errors, size_t count)
{
    size_t first = 0;
    while (first < count && errors[first] == 0)
        first++;
    if (rc != 0)
        fprintf(stderr, "map of %zu: %d; the first failure: %zu, %s\n", count, rc, first,
                first < count ? plait_strerror(errors[first]) : "none");
    need(rc == 0);
}

static void squares(plait_pool *pool, size_t count, size_t chunk)
{
    long in[COUNT] = {0}, out[COUNT + 1];
    int errors[COUNT] = {0};
    plait_map_options options = {.chunk = chunk, .errors = errors};
    for (size_t i = 0; i < count; i++)
        in[i] = (long)i - 5;
    memset(out, 0xff, sizeof out);
    all_good(plait_map(pool, square, in, out, count, &options, PLAIT_NEVER), errors, count);
    for (size_t i = 0; i < count; i++)
        need(out[i] == in[i] * in[i] && errors[i] == 0);
    need(out[count] == -1);
    all_good(plait_map(pool, square, PLAIT_RANGE, out, count, &options, PLAIT_NEVER), errors,
             count);
    for (size_t i = 0; i < count; i++)
        need(out[i] == (long)(i * i));
}

static plait_pool *pool_of(plait_carrier carrier, int workers)
{
    plait_pool *pool = plait_pool_open(carrier, workers, NULL);
    signal(SIGTERM,
           SIG_DFL); /* Check's handler ends the whole group, also in a worker that is cancelled */
    ck_assert_ptr_nonnull(pool);
    return pool;
}

static void pool_end(plait_pool *pool)
{
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_pool_free(pool);
}

TEST_CARRIERS(each_result_at_its_place)
{
    static const size_t counts[] = {0, 1, 2, 3, 10, 100, COUNT}, chunks[] = {0, 1, 7, 5000};
    plait_pool *pool = pool_of(carrier, 3);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (size_t j = 0; j < sizeof chunks / sizeof chunks[0]; j++)
            if (chunks[j] != 1 || counts[i] <= 100)
                squares(pool, counts[i], chunks[j]);
    pool_end(pool);
}

static void map_on_common(void *carrier)
{
    long out[100];
    plait_pool *pool = plait_pool_common((plait_carrier)(intptr_t)carrier);
    need(plait_map(pool, square, PLAIT_RANGE, out, 100, NULL, PLAIT_NEVER) == 0);
    need(out[99] == 99 * 99);
}

/* In a child, because its workers stay until the end. */
TEST_LABELED(on_the_common_pools, "process")
{
    char text[1024];
    for (intptr_t carrier = PLAIT_PROCESS; carrier <= PLAIT_COROUTINE; carrier++)
        ck_assert_msg(harness_fork(map_on_common, (void *)carrier, text, sizeof text) == 0, "%s",
                      text);
}

/* ---- from tasks, and from jobs of the same pool */
static plait_pool *shared_pool;

static int map_some(void *unused)
{
    for (int i = 0; i < 10; i++)
        squares(shared_pool, 100, 0);
    return 0;
}

TEST_CARRIERS(several_at_once)
{
    shared_pool = pool_of(carrier, 2);
    crew_run(CREW_MIXED, 6, map_some, NULL);
    pool_end(shared_pool);
}

static int map_in_a_job(const void *depth, void *unused)
{
    long next = *(const long *)depth - 1, in[2] = {next, next};
    squares(shared_pool, 20, 0);
    return next > 0 ? plait_map(shared_pool, map_in_a_job, in, (long *)NULL, 2, NULL, PLAIT_NEVER)
                    : 0;
}

TEST_LIGHT(maps_in_maps)
{
    shared_pool = pool_of(carrier, 1);
    long depth = 4;
    ck_assert_int_eq(
        plait_map(shared_pool, map_in_a_job, &depth, (long *)NULL, 1, NULL, PLAIT_NEVER), 0);
    pool_end(shared_pool);
}

/* ---- failures */
static int fail_odd(const void *in, void *out)
{
    long n = *(const long *)in;
    *(long *)out = n;
    return n % 2 ? (int)n : 0;
}

TEST_CARRIERS(all_errors_are_collected)
{
    plait_pool *pool = pool_of(carrier, 2);
    long out[100];
    int errors[100];
    plait_map_options options = {.errors = errors};
    ck_assert_int_eq(plait_map(pool, fail_odd, PLAIT_RANGE, out, 100, &options, PLAIT_NEVER), 50);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(errors[i], i % 2 ? i : 0);
    for (int i = 0; i < 100; i += 2)
        ck_assert_int_eq(out[i], i);
    pool_end(pool);
}

TEST_CARRIERS(a_failure_stops_the_rest)
{
    plait_pool *pool = pool_of(carrier, 2);
    static long out[COUNT];
    static int errors[COUNT];
    int unrun = 0;
    plait_map_options options = {.errors = errors, .stop_at_failure = true, .chunk = 1};
    int failed = plait_map(pool, fail_odd, PLAIT_RANGE, out, COUNT, &options, PLAIT_NEVER);
    ck_assert_int_ge(failed, 1);
    for (int i = 0; i < COUNT; i++)
        unrun += errors[i] == -ECANCELED;
    ck_assert_int_gt(unrun, COUNT / 2);
    pool_end(pool);
}

static int kill_at_50(const void *in, void *out)
{
    if (*(const long *)in == 50)
        raise(SIGKILL);
    return square(in, out);
}

static void quiet(plait_report kind, const char *text, void *unused)
{
}

TEST_LABELED(a_dead_worker_fails_its_job_alone, "process")
{
    plait_pool *pool = pool_of(PLAIT_PROCESS, 2);
    plait_on_report(quiet, NULL);
    for (size_t chunk = 0; chunk < 30; chunk += 7) {
        long out[100];
        int errors[100];
        plait_map_options options = {.errors = errors, .chunk = chunk};
        ck_assert_int_eq(plait_map(pool, kill_at_50, PLAIT_RANGE, out, 100, &options, PLAIT_NEVER),
                         1);
        for (int i = 0; i < 100; i++) {
            ck_assert_int_eq(errors[i], i == 50 ? PLAIT_KILLED(SIGKILL) : 0);
            ck_assert(i == 50 || out[i] == i * i);
        }
    }
    pool_end(pool);
}

/* ---- deadline, cancel, a pool that is closed */
static int slow(const void *in, void *out)
{
    int rc = plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
    return rc ? rc : square(in, out);
}

static int too_slow(void *unused)
{
    long out[COUNT];
    int errors[COUNT], ran = 0;
    plait_map_options options = {.errors = errors};
    memset(errors, 0, sizeof errors);
    need(plait_map(shared_pool, slow, PLAIT_RANGE, out, COUNT, &options,
                   plait_after(30 * PLAIT_MILLISECOND)) == -ETIMEDOUT);
    for (int i = 0; i < COUNT; i++)
        ran += errors[i] == 0;
    need(ran < COUNT);
    int rc = 0;
    plait_scoped (plait_after(10 * PLAIT_MILLISECOND), &rc)
        need(plait_map(shared_pool, slow, PLAIT_RANGE, out, COUNT, NULL, PLAIT_NEVER) ==
             -ETIMEDOUT);
    need(rc == -ETIMEDOUT);
    return 0;
}

TEST_CARRIERS(a_deadline_stops_the_rest)
{
    shared_pool = pool_of(carrier, 2);
    crew_run(CREW_MIXED, 3, too_slow, NULL);
    squares(shared_pool, 100, 0);
    pool_end(shared_pool);
}

static int be_canceled(void *begun)
{
    long out[COUNT];
    __atomic_store_n((int *)begun, 1, __ATOMIC_RELEASE);
    need(plait_map(shared_pool, slow, PLAIT_RANGE, out, COUNT, NULL, PLAIT_NEVER) == -ECANCELED);
    need(plait_sleep(plait_after(1)) == 0);
    return 0;
}

TEST_CARRIERS(a_cancel_stops_the_rest)
{
    shared_pool = pool_of(carrier, 2);
    plait_task *task;
    int status = -1;
    int begun = 0;
    ck_assert_int_eq(plait_start(&task, PLAIT_THREAD, be_canceled, &begun, NULL), 0);
    while (!__atomic_load_n(&begun, __ATOMIC_ACQUIRE) || plait_task_state(task) != PLAIT_WAITING)
        plait_yield();
    plait_sleep(plait_after(10 * PLAIT_MILLISECOND));
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    squares(shared_pool, 100, 0);
    pool_end(shared_pool);
}

/* ---- the calling task's own part */
static pid_t caller;
static int by_caller, by_others;

static int computes(const void *in, void *out)
{
    struct timespec end, now;
    __atomic_add_fetch(gettid() == caller ? &by_caller : &by_others, 1, __ATOMIC_RELAXED);
    clock_gettime(CLOCK_MONOTONIC, &end);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - end.tv_sec) * 1000000000 + now.tv_nsec - end.tv_nsec < 100000);
    return square(in, out);
}

static void count_who(plait_pool *pool, int64_t deadline)
{
    long out[COUNT];
    by_caller = by_others = 0;
    caller = gettid();
    ck_assert_int_eq(plait_map(pool, computes, PLAIT_RANGE, out, COUNT, NULL, deadline), 0);
    ck_assert_int_eq(by_caller + by_others, COUNT);
    ck_assert_int_eq(out[COUNT - 1], (COUNT - 1) * (COUNT - 1));
}

static void *begin_nothing(void *unused)
{
    return NULL;
}

TEST(the_caller_takes_part_where_waiters_help)
{
    plait_pool *pool = pool_of(PLAIT_THREAD, 1);
    count_who(pool, PLAIT_NEVER);
    ck_assert_int_eq(by_others, 0); /* a pool of one: nobody else runs */
    count_who(pool, plait_after(100 * PLAIT_SECOND));
    ck_assert_int_eq(by_caller, 0);
    plait_lock lock = {0};
    plait_with (&lock)
        count_who(pool, PLAIT_NEVER);
    ck_assert_int_eq(by_caller, 0);
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    long out[2];
    ck_assert_int_eq(plait_map(pool, square, PLAIT_RANGE, out, 2, NULL, PLAIT_NEVER), -EPIPE);
    plait_pool_free(pool);
    plait_pool_options options = {.begin = begin_nothing};
    pool = plait_pool_open(PLAIT_THREAD, 2, &options);
    count_who(pool, PLAIT_NEVER);
    ck_assert_int_eq(by_caller, 0); /* whose state would not be a worker's */
    pool_end(pool);
}

static int third_is_reached, cancel_was_told;

/* The third goes on until the cancel is there, and waits for nothing that it could end. */
static int computes_until_told(const void *in, void *out)
{
    __atomic_store_n(&third_is_reached, *(const long *)in == 2, __ATOMIC_RELEASE);
    while (*(const long *)in == 2 && !__atomic_load_n(&cancel_was_told, __ATOMIC_ACQUIRE))
        sched_yield();
    return square(in, out);
}

static int be_canceled_computing(void *unused)
{
    long out[COUNT];
    int errors[COUNT];
    plait_map_options options = {.errors = errors};
    need(plait_map(shared_pool, computes_until_told, PLAIT_RANGE, out, COUNT, &options,
                   PLAIT_NEVER) == -ECANCELED);
    need(errors[2] == 0 && errors[3] == -ECANCELED);
    need(plait_sleep(plait_after(1)) == 0);
    return 0;
}

TEST(a_cancel_stops_a_caller_that_computes)
{
    shared_pool = pool_of(PLAIT_THREAD, 1);
    plait_task *task;
    int status = -1;
    ck_assert_int_eq(plait_start(&task, PLAIT_THREAD, be_canceled_computing, NULL, NULL), 0);
    while (!__atomic_load_n(&third_is_reached, __ATOMIC_ACQUIRE))
        plait_yield();
    plait_cancel(task);
    __atomic_store_n(&cancel_was_told, 1, __ATOMIC_RELEASE);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    pool_end(shared_pool);
}

TEST_CARRIERS(what_makes_no_sense_is_refused)
{
    plait_pool *pool = pool_of(carrier, 1);
    long out[4], total = 0;
    plait_map_options wrong = {.reserved = {NULL, NULL, &total, NULL}};
    ck_assert_int_eq(plait_map(pool, NULL, PLAIT_RANGE, out, 4, NULL, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_map(pool, square, PLAIT_RANGE, out, 4, &wrong, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_map(pool, square, PLAIT_RANGE, out, SIZE_MAX, NULL, PLAIT_NEVER),
                     -EINVAL);
    ck_assert_int_eq(plait_map(pool, square, PLAIT_RANGE, out, SIZE_MAX / 8, NULL, PLAIT_NEVER),
                     -EINVAL);
    ck_assert_int_eq(plait_map_bytes(pool, square, out, SIZE_MAX - 1, out, 8, 1, NULL, PLAIT_NEVER),
                     -EINVAL);
    ck_assert_int_eq(plait_reduce(pool, square, PLAIT_RANGE, &total, 4, NULL, NULL, PLAIT_NEVER),
                     -EINVAL);
    ck_assert_int_eq(plait_map(pool, square, PLAIT_RANGE, out, 4, NULL, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_map(pool, square, PLAIT_RANGE, out, 4, NULL, plait_now() - 1),
                     -ETIMEDOUT);
    ck_assert_int_eq(plait_map(pool, square, PLAIT_RANGE, out, 0, NULL, PLAIT_NOW), 0);
    plait_pool_close(pool, PLAIT_NEVER);
    ck_assert_int_eq(plait_map(pool, square, PLAIT_RANGE, out, 4, NULL, PLAIT_NEVER), -EPIPE);
    plait_pool_free(pool);
}

/* ---- reduce */
static void add(void *total, const void *one)
{
    *(long *)total += *(const long *)one;
}

static void multiply(void *total, const void *one)
{
    *(long *)total *= *(const long *)one;
}

static int two(const void *in, void *out)
{
    return *(long *)out = 2, 0;
}

TEST_CARRIERS(results_are_put_together)
{
    plait_pool *pool = pool_of(carrier, 3);
    for (size_t count = 0; count < 300; count = count * 2 + 1) {
        long total = 7, expected = 7;
        for (size_t i = 0; i < count; i++)
            expected += (long)(i * i);
        ck_assert_int_eq(
            plait_reduce(pool, square, PLAIT_RANGE, &total, count, add, NULL, PLAIT_NEVER), 0);
        ck_assert_int_eq(total, expected);
    }
    long product = 3; /* zeroes are no beginning of a product */
    ck_assert_int_eq(
        plait_reduce(pool, two, PLAIT_RANGE, &product, 20, multiply, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(product, 3 << 20);
    long odd = 0;
    ck_assert_int_eq(plait_reduce(pool, fail_odd, PLAIT_RANGE, &odd, 10, add, NULL, PLAIT_NEVER),
                     5);
    ck_assert_int_eq(odd, 0 + 2 + 4 + 6 + 8);
    long late = 5;
    ck_assert_int_eq(plait_reduce(pool, slow, PLAIT_RANGE, &late, COUNT, add, NULL,
                                  plait_after(10 * PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    ck_assert_int_eq(late, 5);
    pool_end(pool);
}

/* ---- progress */
static size_t last_done, calls, total_told;

static void count_progress(size_t done, size_t total, double left, void *arg)
{
    need(arg == &calls && done >= last_done && done <= total);
    last_done = done;
    total_told = total;
    calls++;
}

TEST_CARRIERS(progress_is_told)
{
    plait_pool *pool = pool_of(carrier, 2);
    static long out[200];
    plait_map_options options = {.on_progress = count_progress, .arg = &calls, .progress = true};
    int64_t began = plait_now();
    ck_assert_int_eq(plait_map(pool, slow, PLAIT_RANGE, out, 200, &options, PLAIT_NEVER), 0);
    int64_t took = plait_now() - began;
    ck_assert_uint_eq(last_done, 200);
    ck_assert_uint_eq(total_told, 200);
    ck_assert_uint_ge(calls, 1);
    ck_assert_uint_le(calls, (size_t)(took / (100 * PLAIT_MILLISECOND)) + 2);
    pool_end(pool);
}

/* ---- one by one */
struct numbers {
    long next, end;
};

static int next_number(void *in, void *arg)
{
    struct numbers *numbers = arg;
    if (numbers->next == numbers->end)
        return 1;
    *(long *)in = numbers->next++;
    return 0;
}

TEST_CARRIERS(results_in_order)
{
    plait_pool *pool = pool_of(carrier, 2);
    for (size_t ahead = 0; ahead < 40; ahead += 13)
        for (size_t chunk = 0; chunk < 6; chunk += 5) {
            struct numbers numbers = {0, 200};
            plait_map_options options = {.ahead = ahead, .chunk = chunk};
            plait_results *results = plait_map_each(pool, square, next_number, &numbers,
                                                    sizeof(long), sizeof(long), &options);
            ck_assert_ptr_nonnull(results);
            long n = 0;
            for (long out; plait_results_next(results, &out, PLAIT_NEVER) == 0; n++) {
                ck_assert_int_eq(out, n * n);
                ck_assert_uint_eq(plait_results_index(results), (size_t)n);
                ck_assert_int_eq(plait_results_error(results), 0);
                ck_assert_int_le(numbers.next - n, (long)(ahead ? ahead : chunk ? 20 : 4096));
            }
            ck_assert_int_eq(n, 200);
            long out;
            ck_assert_int_eq(plait_results_next(results, &out, PLAIT_NEVER), -EPIPE);
            plait_results_free(results);
        }
    pool_end(pool);
}

/* Short jobs come in longer chunks, until these hold all that may be on its way; slow ones come
 * singly. */
TEST_CARRIERS(chunks_are_as_long_as_their_jobs_are_short)
{
    plait_pool *pool = pool_of(carrier, 2);
    for (int is_slow = 0; is_slow < 2; is_slow++) {
        struct numbers numbers = {0, is_slow ? 100 : 50000};
        long most = 0, n = 0;
        plait_results *results = plait_map_each(pool, is_slow ? slow : square, next_number,
                                                &numbers, sizeof(long), sizeof(long), NULL);
        for (long out; plait_results_next(results, &out, PLAIT_NEVER) == 0; n++) {
            ck_assert_int_eq(out, n * n);
            most = numbers.next - n > most ? numbers.next - n : most;
        }
        ck_assert_int_eq(n, numbers.end);
        ck_assert_int_le(most, is_slow ? 4 : 4096);
        ck_assert_int_ge(most, is_slow ? 1 : 64);
        plait_results_free(results);
    }
    pool_end(pool);
}

TEST_CARRIERS(results_as_they_come)
{
    plait_pool *pool = pool_of(carrier, 2);
    struct numbers numbers = {0, 200};
    static char seen[200];
    plait_map_options options = {.as_completed = true};
    plait_results *results =
        plait_map_each(pool, square, next_number, &numbers, sizeof(long), sizeof(long), &options);
    for (long out; plait_results_next(results, &out, PLAIT_NEVER) == 0;) {
        size_t n = plait_results_index(results);
        ck_assert_int_eq(out, (long)(n * n));
        ck_assert_int_eq(seen[n]++, 0);
    }
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(seen[i], 1);
    plait_results_free(results);
    pool_end(pool);
}

TEST_CARRIERS(an_endless_input)
{
    plait_pool *pool = pool_of(carrier, 2);
    struct numbers numbers = {0, LONG_MAX};
    plait_results *results =
        plait_map_each(pool, square, next_number, &numbers, sizeof(long), sizeof(long), NULL);
    for (long n = 0, out; n < 500; n++) {
        ck_assert_int_eq(plait_results_next(results, &out, PLAIT_NEVER), 0);
        ck_assert_int_eq(out, n * n);
    }
    plait_results_free(results);
    pool_end(pool);
}

TEST_CARRIERS(failed_results_are_told)
{
    plait_pool *pool = pool_of(carrier, 2);
    for (int stops = 0; stops < 2; stops++) {
        struct numbers numbers = {0, 50};
        plait_map_options options = {.stop_at_failure = stops};
        plait_results *results = plait_map_each(pool, fail_odd, next_number, &numbers, sizeof(long),
                                                sizeof(long), &options);
        int rc, failed = 0, good = 0;
        for (long out; (rc = plait_results_next(results, &out, PLAIT_NEVER)) != -EPIPE;) {
            int index = (int)plait_results_index(results);
            ck_assert_int_eq(rc, index % 2 ? -PLAIT_EFAILED : 0);
            ck_assert_int_eq(plait_results_error(results), index % 2 ? index : 0);
            failed += rc != 0;
            good += rc == 0;
        }
        ck_assert_int_eq(failed, stops ? 1 : 25);
        ck_assert_int_eq(good, stops ? 1 : 25);
        plait_results_free(results);
    }
    pool_end(pool);
}

TEST_LABELED(a_dead_worker_fails_one_result, "process")
{
    plait_pool *pool = pool_of(PLAIT_PROCESS, 2);
    plait_on_report(quiet, NULL);
    struct numbers numbers = {0, 100};
    plait_results *results =
        plait_map_each(pool, kill_at_50, next_number, &numbers, sizeof(long), sizeof(long), NULL);
    for (long n = 0, out; n < 100; n++) {
        ck_assert_int_eq(plait_results_next(results, &out, PLAIT_NEVER),
                         n == 50 ? -PLAIT_EFAILED : 0);
        ck_assert_int_eq(plait_results_error(results), n == 50 ? PLAIT_KILLED(SIGKILL) : 0);
        ck_assert(n == 50 || out == n * n);
    }
    plait_results_free(results);
    pool_end(pool);
}

static plait_event gate;

/* The first one comes when the gate opens; in a worker process, which has a gate of its own,
 * late. */
static int held_up(const void *in, void *out)
{
    int rc = *(const long *)in ? 0 : plait_event_wait(&gate, plait_after(PLAIT_SECOND));
    return rc == 0 || rc == -ETIMEDOUT ? square(in, out) : rc;
}

TEST_CARRIERS(a_result_that_is_not_there_yet)
{
    plait_pool *pool = pool_of(carrier, 2);
    struct numbers numbers = {0, 20};
    plait_results *results =
        plait_map_each(pool, held_up, next_number, &numbers, sizeof(long), sizeof(long), NULL);
    long out = -1;
    ck_assert_int_eq(plait_results_next(results, &out, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_results_next(results, &out, plait_after(1)), -ETIMEDOUT);
    ck_assert_int_eq(out, -1);
    plait_event_set(&gate);
    for (long n = 0; n < 20; n++) {
        ck_assert_int_eq(plait_results_next(results, &out, PLAIT_NEVER), 0);
        ck_assert_int_eq(out, n * n);
    }
    plait_results_free(results);
    pool_end(pool);
}

TEST(results_of_nothing_and_nonsense)
{
    plait_pool *pool = pool_of(PLAIT_THREAD, 1);
    struct numbers none = {0, 0};
    long out;
    int errors[1];
    plait_map_options wrong = {.errors = errors};
    plait_results *results = plait_map_each(pool, square, next_number, &none, 8, 8, NULL);
    ck_assert_int_eq(plait_results_next(results, &out, PLAIT_NEVER), -EPIPE);
    plait_results_free(results);
    plait_results_free(NULL);
    ck_assert_ptr_null(plait_map_each(pool, NULL, next_number, &none, 8, 8, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_map_each(pool, square, NULL, &none, 8, 8, NULL));
    ck_assert_ptr_null(plait_map_each(pool, square, next_number, &none, 8, 8, &wrong));
    ck_assert_ptr_null(plait_map_each(pool, square, next_number, &none, SIZE_MAX, 8, NULL));
    pool_end(pool);
}

static void wrong_size(void *unused)
{
    plait_pool *pool = plait_pool_open(PLAIT_THREAD, 1, NULL);
    struct numbers numbers = {0, 5};
    plait_results *results = plait_map_each(pool, square, next_number, &numbers, 8, 8, NULL);
    int out;
    (void)!plait_results_next(results, &out, PLAIT_NEVER);
}

static void no_size(void *unused)
{
    plait_pool *pool = plait_pool_open(PLAIT_THREAD, 1, NULL);
    long out[1], in[1] = {1};
    (void)!plait_map(pool, square, (const void *)in, out, 1, NULL, PLAIT_NEVER);
}

TEST_LABELED(sizes_are_checked, "process")
{
    harness_dies(wrong_size, NULL, "a result of 8 bytes, asked for 4");
    harness_dies(no_size, NULL, "nobody says how large an element is");
}
