/* Futures: each ends once, and who waits, looks or is called back sees it end. */
#include "crew.h"
#include "harness.h"

#include <sys/wait.h>
#include <unistd.h>

static plait_future *promised(size_t size)
{
    plait_future *future = plait_future_new(size);
    ck_assert_ptr_nonnull(future);
    return future;
}

TEST(a_promise_is_kept_once)
{
    plait_future *future = promised(sizeof(int));
    int value = 0;
    ck_assert_int_eq(plait_future_state(future), PLAIT_PENDING);
    ck_assert_int_eq(plait_result(future, &value, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_result(future, &value, plait_now() - 1), -ETIMEDOUT);
    ck_assert_int_eq(plait_future_error(future), 0);
    ck_assert_int_eq(plait_future_fulfil(future, &(int){7}, sizeof(int)), 0);
    ck_assert_int_eq(plait_future_fulfil(future, &(int){8}, sizeof(int)), -EALREADY);
    ck_assert_int_eq(plait_future_fail(future, -EIO), -EALREADY);
    ck_assert_int_eq(plait_future_cancel(future), -EALREADY);
    ck_assert_int_eq(plait_future_state(future), PLAIT_DONE);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(plait_result(future, &value, PLAIT_NOW), 0);
        ck_assert_int_eq(value, 7);
    }
    plait_future_free(future);
    plait_future_free(NULL);
}

TEST(a_promise_of_any_size)
{
    char text[8] = "";
    plait_future *future = promised(0);
    ck_assert_int_eq(plait_future_fulfil(future, "hello", 6), 0);
    ck_assert_int_eq(plait_result_bytes(future, text, 5, PLAIT_NOW), -EMSGSIZE);
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, PLAIT_NOW), 6);
    ck_assert_int_eq(plait_result_bytes(future, text, sizeof text, PLAIT_NOW), 6);
    ck_assert_str_eq(text, "hello");
    plait_future_free(future);
    future = promised(0);
    ck_assert_int_eq(plait_future_fulfil(future, NULL, 0), 0);
    ck_assert_int_eq(plait_result_bytes(future, text, sizeof text, PLAIT_NOW), 0);
    plait_future_free(future);
}

TEST(a_failure_is_read_apart_from_the_wait)
{
    plait_future *future = promised(4);
    int value = 5;
    ck_assert_int_eq(plait_future_fail(future, 0), -EINVAL);
    ck_assert_int_eq(plait_future_fail(future, -EIO), 0);
    ck_assert_int_eq(plait_result(future, &value, PLAIT_NEVER), -PLAIT_EFAILED);
    ck_assert_int_eq(value, 5);
    ck_assert_int_eq(plait_future_error(future), -EIO);
    ck_assert_int_eq(plait_future_state(future), PLAIT_FAILED);
    plait_future_free(future);
    future = promised(4);
    ck_assert_int_eq(plait_future_cancel(future), 0);
    ck_assert_int_eq(plait_result(future, &value, PLAIT_NEVER), -PLAIT_EFAILED);
    ck_assert_int_eq(plait_future_error(future), -ECANCELED);
    plait_future_free(future);
}

TEST(too_much_is_refused)
{
    ck_assert_ptr_null(plait_future_new(SIZE_MAX));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_future_new(PTRDIFF_MAX / 8));
    ck_assert_int_eq(errno, ENOMEM);
}

/* ---- misuse */

static void wrong_size(void *arg)
{
    plait_future *future = plait_future_new(4);
    plait_future_fulfil(future, "", 1);
}

static void wrong_buffer(void *arg)
{
    plait_future *future = plait_future_new(4);
    long value;
    plait_future_fulfil(future, &(int){1}, 4);
    (void)!plait_result(future, &value, PLAIT_NOW);
}

static void no_future(void *arg)
{
    plait_future_state(arg);
}

static void a_duration(void *arg)
{
    (void)!plait_result_bytes(plait_future_new(0), NULL, 0, PLAIT_SECOND);
}

static void in_a_child(void *arg)
{
    plait_future *future = plait_future_new(0);
    int status;
    pid_t pid = fork();
    if (pid == 0)
        plait_future_free(future);
    waitpid(pid, &status, 0);
    abort();
}

TEST_LABELED(misuse_is_told, "process")
{
    static char zeroes[512];
    harness_dies(wrong_size, NULL, "1 bytes for a promise of 4");
    harness_dies(wrong_buffer, NULL, "a result of 4 bytes into 8");
    harness_dies(no_future, NULL, "NULL is no future");
    harness_dies(no_future, zeroes, "no future, or freed before");
    harness_dies(a_duration, NULL, "a duration where a deadline belongs");
    harness_dies(in_a_child, NULL, "made before a fork");
}

static void failed_and_freed(void *how)
{
    plait_future *future = plait_future_new(0);
    plait_future_fail(future, -EIO);
    if (how)
        plait_future_error(future);
    plait_future_free(future);
}

TEST_LABELED(a_failure_nobody_read_is_a_line, "process")
{
    char text[400];
    ck_assert_int_eq(harness_fork(failed_and_freed, NULL, text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "input/output error; nobody read it"));
    ck_assert_int_eq(harness_fork(failed_and_freed, text, text, sizeof text), 0);
    ck_assert_str_eq(text, "");
}

/* ---- waiting */

static plait_future *shared;

static int waits(void *arg)
{
    int value = 0;
    need(plait_result(shared, &value, PLAIT_NEVER) == 0);
    need(value == 42);
    return 0;
}

TEST_CREW(all_who_wait_get_the_result)
{
    struct crew crew = {.count = 0};
    shared = promised(sizeof(int));
    crew_start(&crew, carrier, 20, waits, NULL);
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    ck_assert_int_eq(plait_future_fulfil(shared, &(int){42}, sizeof(int)), 0);
    crew_join(&crew);
    plait_future_free(shared);
}

static int is_canceled(void *arg)
{
    need(plait_result_bytes(shared, NULL, 0, PLAIT_NEVER) == -ECANCELED);
    plait_future *one = shared;
    need(plait_next_done(&one, 1, plait_after(PLAIT_MILLISECOND)) == NULL && errno == ETIMEDOUT);
    need(one == shared);
    return 0;
}

TEST_LIGHT(cancel_ends_my_wait_and_not_the_future)
{
    plait_task *task;
    int status;
    shared = promised(0);
    ck_assert_int_eq(plait_start(&task, carrier, is_canceled, NULL, NULL), 0);
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(plait_future_state(shared), PLAIT_PENDING);
    plait_future_free(shared);
}

static int ends_it(void *arg)
{
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    return plait_future_fulfil(arg, NULL, 0);
}

TEST_LIGHT(a_future_is_a_case_of_select)
{
    plait_future *future = promised(0);
    plait_event never = {0};
    ck_assert_int_eq(plait_select(PLAIT_NOW, plait_on_done(future)), -EAGAIN);
    ck_assert_int_eq(plait_start(NULL, carrier, ends_it, future, NULL), 0);
    ck_assert_int_eq(plait_select(PLAIT_NEVER, plait_on_event(&never), plait_on_done(future)), 1);
    ck_assert_int_eq(plait_select(PLAIT_NOW, plait_on_done(future)), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    plait_future_free(future);
}

/* ---- several */

TEST(so_many_of_them)
{
    plait_future *futures[5], *got;
    ck_assert_int_eq(plait_futures_wait(NULL, 0, 1, PLAIT_NEVER), 0);
    ck_assert_ptr_null(plait_next_done(NULL, 0, PLAIT_NEVER));
    ck_assert_int_eq(errno, ENOENT);
    for (int i = 0; i < 5; i++)
        futures[i] = i == 2 ? NULL : promised(0);
    ck_assert_int_eq(plait_futures_wait(futures, 5, 0, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_futures_wait(futures, 5, 1, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_futures_wait(futures, 5, 1, plait_after(1000)), -ETIMEDOUT);
    ck_assert_ptr_null(plait_next_done(futures, 5, PLAIT_NOW));
    ck_assert_int_eq(errno, EAGAIN);
    plait_future_fulfil(futures[3], NULL, 0);
    ck_assert_int_eq(plait_futures_wait(futures, 5, 1, PLAIT_NEVER), 1);
    ck_assert_int_eq(plait_futures_wait(futures, 5, PLAIT_FIRST_FAILURE, plait_after(1000)),
                     -ETIMEDOUT);
    plait_future_fail(futures[0], 3);
    ck_assert_int_eq(plait_futures_wait(futures, 5, PLAIT_FIRST_FAILURE, PLAIT_NEVER), 2);
    ck_assert_int_eq(plait_futures_wait(futures, 5, 3, PLAIT_NOW), -EAGAIN);
    ck_assert_ptr_nonnull((got = plait_next_done(futures, 5, PLAIT_NEVER)));
    ck_assert_int_eq(plait_future_error(got), 3);
    ck_assert_ptr_null(futures[0]);
    plait_future_free(got);
    for (int i = 0; i < 5; i++)
        plait_future_free(futures[i]);
}

enum { MANY = 3000 };
static plait_future *many[MANY];

static int end_them(void *arg)
{
    for (int i = 0; i < MANY; i++) {
        int at = (int)((long)i * 1009 % MANY);
        need(plait_future_fulfil(many[at], &at, sizeof at) == 0);
        if (i % 100 == 0)
            plait_yield();
    }
    return 0;
}

TEST_LIGHT(as_they_complete)
{
    static plait_future *left[MANY];
    struct crew crew = {.count = 0};
    for (int i = 0; i < MANY; i++)
        left[i] = many[i] = promised(sizeof(int));
    crew_start(&crew, (int)carrier, 1, end_them, NULL);
    long sum = 0;
    int value, count = 0;
    for (plait_future *one; (one = plait_next_done(left, MANY, PLAIT_NEVER)); count++) {
        need(plait_result(one, &value, PLAIT_NOW) == 0);
        sum += value;
    }
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(count, MANY);
    ck_assert_int_eq(sum, (long)MANY * (MANY - 1) / 2);
    crew_join(&crew);
    for (int i = 0; i < MANY; i++)
        plait_future_free(many[i]);
}

TEST_LIGHT(until_all_have_ended)
{
    struct crew crew = {.count = 0};
    for (int i = 0; i < MANY; i++)
        many[i] = promised(sizeof(int));
    crew_start(&crew, (int)carrier, 1, end_them, NULL);
    ck_assert_int_eq(plait_futures_wait(many, MANY, MANY, PLAIT_NEVER), MANY);
    crew_join(&crew);
    for (int i = 0; i < MANY; i++)
        plait_future_free(many[i]);
}

/* ---- callbacks and chains */

static int called, call_order[4];

static void notes(plait_future *future, void *arg)
{
    need(plait_future_state(future) >= PLAIT_DONE);
    call_order[called++ & 3] = (int)(intptr_t)arg;
}

static void frees(plait_future *future, void *arg)
{
    called++;
    plait_future_free(future);
}

TEST(callbacks_are_called_once_in_their_order)
{
    plait_future *future = promised(0);
    ck_assert_int_eq(plait_future_then(future, NULL, NULL), -EINVAL);
    for (intptr_t i = 0; i < 3; i++)
        ck_assert_int_eq(plait_future_then(future, notes, (void *)i), 0);
    ck_assert_int_eq(called, 0);
    plait_future_fulfil(future, NULL, 0);
    ck_assert_int_eq(called, 3);
    ck_assert_int_eq(plait_future_then(future, notes, (void *)3), 0);
    ck_assert_int_eq(called, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(call_order[i], i);
    plait_future_free(future);
}

TEST(a_callback_may_free_the_future)
{
    plait_future *future = promised(8);
    plait_future_then(future, notes, NULL);
    plait_future_then(future, frees, NULL);
    plait_future_cancel(future);
    ck_assert_int_eq(called, 2);
    future = promised(8);
    plait_future_cancel(future);
    plait_future_then(future, frees, NULL);
    ck_assert_int_eq(called, 3);
}

TEST(all_of_several)
{
    plait_future *parts[3], *all;
    int values[3] = {0};
    for (int i = 0; i < 3; i++)
        parts[i] = promised(sizeof(int));
    ck_assert_ptr_nonnull((all = plait_futures_all(parts, 3)));
    for (int i = 2; i >= 0; i--) {
        ck_assert_int_eq(plait_future_state(all), PLAIT_PENDING);
        plait_future_fulfil(parts[i], &i, sizeof i);
        plait_future_free(parts[i]);
    }
    ck_assert_int_eq(plait_result(all, &values, PLAIT_NOW), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(values[i], i);
    plait_future_free(all);
    ck_assert_ptr_nonnull((all = plait_futures_all(NULL, 0)));
    ck_assert_int_eq(plait_result_bytes(all, NULL, 0, PLAIT_NOW), 0);
    plait_future_free(all);
    parts[0] = NULL;
    ck_assert_ptr_null(plait_futures_all(parts, 1));
    ck_assert_int_eq(errno, EINVAL);
}

TEST(the_first_failure_of_several_is_that_of_all)
{
    plait_future *parts[3], *all;
    for (int i = 0; i < 3; i++)
        parts[i] = promised(0);
    all = plait_futures_all(parts, 3);
    plait_future_fail(parts[1], 5);
    ck_assert_int_eq(plait_future_error(all), 5);
    plait_future_free(all);
    for (int i = 0; i < 3; i++)
        plait_future_free(parts[i]); /* two of them broken promises, told to who is gone */
    parts[0] = promised(0);
    all = plait_futures_all(parts, 1);
    plait_future_free(parts[0]);
    ck_assert_int_eq(plait_future_error(all), -EPIPE);
    plait_future_free(all);
    parts[0] = promised(0);
    all = plait_futures_all(parts, 1);
    ck_assert_int_eq(plait_future_cancel(all), 0);
    plait_future_free(all);
    plait_future_fulfil(parts[0], NULL, 0);
    plait_future_free(parts[0]);
}

static int adds_one(const void *in, void *out)
{
    *(int *)out = *(const int *)in + 1;
    return 0;
}

TEST_CARRIERS(a_chain_of_jobs)
{
    plait_pool *pool = plait_pool_open(carrier, 2, NULL);
    plait_future *first = promised(sizeof(int)), *future = first;
    int value = 0;
    for (int i = 0; i < 10; i++) {
        plait_future *next = plait_future_next(future, pool, adds_one, sizeof(int));
        ck_assert_ptr_nonnull(next);
        if (future != first)
            plait_future_free(future);
        future = next;
    }
    plait_future_fulfil(first, &value, sizeof value);
    plait_future_free(first);
    ck_assert_int_eq(plait_result(future, &value, PLAIT_NEVER), 0);
    ck_assert_int_eq(value, 10);
    plait_future_free(future);
    /* a failure passes through */
    first = promised(sizeof(int));
    future = plait_future_next(first, pool, adds_one, sizeof(int));
    plait_future_fail(first, 9);
    ck_assert_int_eq(plait_future_error(future), 9);
    plait_future_free(first);
    plait_future_free(future);
    /* a closed pool, a cancelled chain */
    first = promised(sizeof(int));
    future = plait_future_next(first, pool, adds_one, sizeof(int));
    plait_future *other = plait_future_next(first, pool, adds_one, sizeof(int));
    ck_assert_int_eq(plait_future_cancel(other), 0);
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    plait_future_free(other);
    plait_future_fulfil(first, &value, sizeof value);
    ck_assert_int_eq(plait_future_error(future), -EPIPE);
    plait_future_free(first);
    plait_future_free(future);
}
