/* What other pools do wrong at their edges: jobs that leave, pools that end too early, callbacks
 * that block. */
#include "crew.h"
#include "harness.h"

#include <sys/wait.h>
#include <unistd.h>

static int nothing(const void *in, void *out)
{
    return 0;
}

static int sleeps(const void *in, void *out)
{
    return plait_sleep(plait_after(20 * PLAIT_MILLISECOND));
}

/* A pool that was freed waits for nobody: its workers are on their way out. */
static void until_alone(void)
{
    while (plait_quiesce(PLAIT_NEVER) == -EBUSY)
        plait_sleep(plait_after(PLAIT_MILLISECOND));
}

static plait_future *given(plait_pool *pool, plait_job *function)
{
    plait_future *future = plait_submit_bytes(pool, function, NULL, 0, 0, NULL, PLAIT_NEVER);
    need(future != NULL);
    return future;
}

static void done(plait_future *future)
{
    need(plait_result_bytes(future, NULL, 0, PLAIT_NEVER) == 0);
    plait_future_free(future);
}

/* ---- bad input */

TEST(nonsense_is_refused)
{
    plait_pool_options options = {.reserved = {&options}};
    ck_assert_ptr_null(plait_pool_open(0, 1, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_pool_open((plait_carrier)4, 1, NULL));
    ck_assert_ptr_null(plait_pool_open(PLAIT_THREAD, -1, NULL));
    ck_assert_ptr_null(plait_pool_open(PLAIT_THREAD, INT32_MAX, NULL));
    ck_assert_ptr_null(plait_pool_open(PLAIT_THREAD, 1, &options));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(
        plait_pool_open(PLAIT_THREAD, 1, &(plait_pool_options){.jobs_per_worker = -1}));
    ck_assert_ptr_null(plait_pool_open(PLAIT_THREAD, 1, &(plait_pool_options){.grace = -1}));
    ck_assert_ptr_null(plait_pool_open(PLAIT_THREAD, 1, &(plait_pool_options){.url = "redis://"}));
    ck_assert_int_eq(errno, ENOTSUP);
    ck_assert_ptr_null(plait_pool_common(0));
    plait_pool *pool = plait_pool_open(PLAIT_THREAD, 1, NULL);
    ck_assert_ptr_null(plait_submit_bytes(pool, NULL, NULL, 0, 0, NULL, PLAIT_NEVER));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_submit_bytes(pool, nothing, "", SIZE_MAX / 2, 0, NULL, PLAIT_NEVER));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_submit_bytes(pool, nothing, "", 1, SIZE_MAX - 1, NULL, PLAIT_NEVER));
    ck_assert_ptr_null(plait_submit_bytes(pool, nothing, NULL, 0, 0,
                                          &(plait_submit_options){.retries = -1}, PLAIT_NEVER));
    ck_assert_ptr_null(plait_submit_bytes(pool, nothing, NULL, 0, 0,
                                          &(plait_submit_options){.limit = -1}, PLAIT_NEVER));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_worker_state());
    ck_assert_int_eq(plait_job_result("", 1), -EINVAL);
    plait_future *future = given(pool, nothing);
    ck_assert_ptr_null(plait_future_next(future, pool, NULL, 0));
    plait_future_free(future);
    plait_pool_free(NULL);
    ck_assert_int_ge(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_pool_free(pool);
}

static void no_pool(void *pool)
{
    plait_pool_close(pool, PLAIT_NOW);
}

static void unsized_input(void *arg)
{
    plait_pool *pool = plait_pool_open(PLAIT_THREAD, 1, NULL);
    (void)!plait_submit(pool, nothing, arg, 0, NULL, PLAIT_NEVER);
}

static void frees_the_common_pool(void *arg)
{
    plait_pool_free(plait_pool_common(PLAIT_THREAD));
}

static void uses_it_in_a_child(void *carrier)
{
    plait_pool *pool = plait_pool_open((plait_carrier)(intptr_t)carrier, 1, NULL);
    int status;
    done(given(pool, nothing));
    pid_t pid = fork();
    if (pid == 0)
        given(pool, nothing);
    waitpid(pid, &status, 0);
    abort();
}

TEST_LABELED(misuse_is_told, "process")
{
    static char zeroes[2048];
    harness_dies(no_pool, NULL, "NULL is no pool");
    harness_dies(no_pool, zeroes, "no pool, or freed before");
    harness_dies(unsized_input, zeroes, "how many bytes the input has");
    harness_dies(frees_the_common_pool, NULL, "freed at exit");
    harness_dies(uses_it_in_a_child, (void *)PLAIT_THREAD, "opened before a fork");
    harness_dies(uses_it_in_a_child, (void *)PLAIT_COROUTINE, "opened before a fork");
    harness_dies(uses_it_in_a_child, (void *)PLAIT_PROCESS, "opened before a fork");
}

/* ---- jobs that leave */

static int exits(const void *in, void *out)
{
    exit(7);
}

static int aborts(const void *in, void *out)
{
    abort();
}

static void leaves_by(plait_carrier carrier, plait_job *job)
{
    plait_pool *pool = plait_pool_open(carrier, 1, NULL);
    plait_future *future = given(pool, job);
    need(plait_result_bytes(future, NULL, 0, plait_after(20 * PLAIT_SECOND)) != 0);
    plait_sleep(plait_after(20 * PLAIT_SECOND));
}

static void leaves_by_exit(void *carrier)
{
    leaves_by((plait_carrier)(intptr_t)carrier, exits);
}

static void leaves_by_abort(void *carrier)
{
    leaves_by((plait_carrier)(intptr_t)carrier, aborts);
}

TEST_LIGHT(exit_and_abort_in_a_job_are_the_programs)
{
    char text[2000];
    int status = harness_fork(leaves_by_exit, (void *)(intptr_t)carrier, text, sizeof text);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    status = harness_fork(leaves_by_abort, (void *)(intptr_t)carrier, text, sizeof text);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static int forks(const void *in, void *out)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(plait_worker_state() == NULL ? 5 : 6);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 5 ? 0 : 1;
}

TEST_CARRIERS(a_job_may_fork)
{
    plait_pool *pool = plait_pool_open(carrier, 1, NULL);
    for (int i = 0; i < 3; i++)
        done(given(pool, forks));
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_pool_free(pool);
}

/* The child must not come back: it would go on as a worker, and answer in the worker's name. */
static int returns_in_a_child(const void *in, void *out)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        return *(int *)out = 1, 0;
    waitpid(pid, &status, 0);
    *(int *)out = 2;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? 0 : 1;
}

TEST_CARRIERS(a_child_that_a_job_forked_does_not_come_back)
{
    plait_pool *pool = plait_pool_open(carrier, 1, NULL);
    int results[3] = {0};
    for (int i = 0; i < 3; i++) {
        int result = 0;
        plait_future *future =
            plait_submit_bytes(pool, returns_in_a_child, NULL, 0, sizeof result, NULL, PLAIT_NEVER);
        ck_assert_int_eq(plait_result(future, &result, PLAIT_NEVER), 0);
        ck_assert_int_eq(result, 2);
        plait_future_free(future);
    }
    ck_assert_int_eq(
        plait_map(pool, returns_in_a_child, PLAIT_RANGE, results, 3, NULL, PLAIT_NEVER), 0);
    ck_assert(results[0] == 2 && results[1] == 2 && results[2] == 2);
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_pool_free(pool);
}

/* In the forked child the parent's is not its own any more: it opens another. */
static void uses_its_own_common_pool(void *arg)
{
    plait_carrier carrier = (plait_carrier)(intptr_t)arg;
    done(given(plait_pool_common(carrier), nothing));
    int status;
    pid_t pid = fork();
    done(given(plait_pool_common(carrier), nothing));
    if (pid == 0)
        exit(0);
    need(waitpid(pid, &status, 0) == pid && status == 0);
}

static void own_common_pool(int carrier)
{
    char text[400];
    ck_assert_int_eq(
        harness_fork(uses_its_own_common_pool, (void *)(intptr_t)carrier, text, sizeof text), 0);
}
HARNESS_CASE_(own_common_thread, "a_child_has_a_common_pool_of_its_own.thread", "process",
              own_common_pool, PLAIT_THREAD)
HARNESS_CASE_(own_common_coroutine, "a_child_has_a_common_pool_of_its_own.coroutine", "process",
              own_common_pool, PLAIT_COROUTINE)

static int starts_tasks(const void *in, void *out)
{
    static int count;
    (void)count;
    return plait_start(NULL, PLAIT_COROUTINE, (plait_function *)(void *)plait_is_canceled, NULL,
                       NULL);
}

static int later_done;

static int later(void *arg)
{
    plait_sleep(plait_after(10 * PLAIT_MILLISECOND));
    later_done = 1;
    return 0;
}

static int starts_and_joins_all(const void *in, void *out)
{
    later_done = 0;
    int rc = plait_start(NULL, PLAIT_THREAD, later, NULL, NULL);
    return rc == 0 && plait_join_all(PLAIT_NEVER) == 0 && later_done == 1 ? 0 : 1;
}

static int starts_one_and_returns(const void *in, void *out)
{
    return plait_start(NULL, PLAIT_THREAD, later, NULL, NULL);
}

TEST_LIGHT(what_a_job_starts_without_a_handle_ends_with_it)
{
    plait_pool *pool = plait_pool_open(carrier, 1, NULL);
    plait_future *future = given(pool, starts_one_and_returns);
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, plait_after(20 * PLAIT_SECOND)), 0);
    ck_assert_int_eq(later_done, 1);
    plait_future_free(future);
    done(given(pool, starts_tasks));
    done(given(pool, starts_and_joins_all));
    done(given(pool, starts_and_joins_all)); /* most likely by the waiter */
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_pool_free(pool);
}

/* ---- the end of a pool and its users */

static plait_pool *closing;
static int refused, accepted;

static int submits_until_refused(void *arg)
{
    for (plait_future *one;
         (one = plait_submit_bytes(closing, nothing, NULL, 0, 0, NULL, PLAIT_NEVER));) {
        plait_future_free(one);
        __atomic_add_fetch(&accepted, 1, __ATOMIC_RELAXED);
        plait_yield();
    }
    need(errno == EPIPE);
    __atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
    return 0;
}

TEST_CARRIERS(submits_race_with_close)
{
    struct crew crew = {.count = 0};
    closing = plait_pool_open(carrier, 2, &(plait_pool_options){.waiting = 4});
    crew_start(&crew, CREW_MIXED, 6, submits_until_refused, NULL);
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    ck_assert_int_eq(plait_pool_close(closing, PLAIT_NEVER), 0);
    crew_join(&crew);
    ck_assert_int_eq(refused, 6);
    plait_pool_free(closing);
}

static void closes_from_a_callback(plait_future *future, void *pool)
{
    need(plait_pool_close(pool, PLAIT_NEVER) == 0);
}

TEST_CARRIERS(a_callback_may_close_the_pool)
{
    plait_pool *pool = plait_pool_open(carrier, 2, NULL);
    plait_future *future = given(pool, sleeps), *other = given(pool, sleeps);
    ck_assert_int_eq(plait_future_then(future, closes_from_a_callback, pool), 0);
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, plait_after(20 * PLAIT_SECOND)), 0);
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_future_free(future);
    done(other);
    plait_pool_free(pool);
}

static void frees_from_a_callback(plait_future *future, void *pool)
{
    need(plait_pool_close(pool, PLAIT_NEVER) == 0);
    plait_pool_free(pool);
}

TEST_CARRIERS(a_callback_may_free_the_pool)
{
    plait_pool *pool = plait_pool_open(carrier, 2, NULL);
    plait_future *other = given(pool, nothing), *future = given(pool, sleeps);
    ck_assert_int_eq(plait_future_then(future, frees_from_a_callback, pool), 0);
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, PLAIT_NEVER), 0);
    plait_future_free(future);
    done(other);
    until_alone();
}

struct callback_job {
    plait_pool *pool;
    plait_event over;
};

static int fails(const void *in, void *out)
{
    return 3;
}

/* Another job of the same pool, which fails. */
static void submits_from_a_callback(plait_future *future, void *arg)
{
    struct callback_job *callback = arg;
    plait_future *inner = given(callback->pool, fails);
    need(plait_result_bytes(inner, NULL, 0, PLAIT_NEVER) == -PLAIT_EFAILED);
    need(plait_future_error(inner) == 3);
    plait_future_free(inner);
    plait_event_set(&callback->over);
}

TEST_CARRIERS(a_callback_may_wait_for_a_job_that_fails)
{
    struct callback_job callback = {.pool = plait_pool_open(carrier, 1, NULL)};
    plait_future *future = given(callback.pool, sleeps);
    ck_assert_int_eq(plait_future_then(future, submits_from_a_callback, &callback), 0);
    done(future);
    ck_assert_int_eq(plait_event_wait(&callback.over, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_pool_close(callback.pool, PLAIT_NEVER), 0);
    plait_pool_free(callback.pool);
}

static void exits_from_a_callback(plait_future *future, void *arg)
{
    exit(9);
}

static void leaves_by_callback(void *carrier)
{
    plait_pool *pool = plait_pool_open((plait_carrier)(intptr_t)carrier, 1, NULL);
    plait_future_then(given(pool, sleeps), exits_from_a_callback, NULL);
    plait_sleep(plait_after(20 * PLAIT_SECOND));
}

TEST_CARRIERS(a_callback_may_leave_the_program)
{
    char text[2000];
    int status = harness_fork(leaves_by_callback, (void *)(intptr_t)carrier, text, sizeof text);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

static int frees_its_pool(const void *in, void *out)
{
    plait_pool_free(*(plait_pool *const *)in);
    return 0;
}

TEST_LIGHT(a_job_may_free_its_pool)
{
    plait_pool *pool = plait_pool_open(carrier, 1, NULL);
    plait_future *future = plait_submit(pool, frees_its_pool, &pool, 0, NULL, PLAIT_NEVER);
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, plait_after(20 * PLAIT_SECOND)), 0);
    plait_future_free(future);
    until_alone();
}

static void blocks(plait_future *future, void *event)
{
    need(plait_event_wait(event, PLAIT_NEVER) == 0);
}

TEST_CARRIERS(a_callback_that_blocks_holds_up_its_worker_alone)
{
    plait_event event = {0};
    plait_pool *pool = plait_pool_open(carrier, 2, NULL);
    plait_future *future = given(pool, sleeps);
    ck_assert_int_eq(plait_future_then(future, blocks, &event), 0);
    for (int i = 0; i < 5; i++)
        done(given(pool, nothing));
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, plait_after(20 * PLAIT_SECOND)), 0);
    plait_event_set(&event);
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_future_free(future);
    plait_pool_free(pool);
}

TEST_CARRIERS(futures_may_go_before_their_jobs)
{
    plait_pool *pool = plait_pool_open(carrier, 2, NULL);
    for (int i = 0; i < 50; i++)
        plait_future_free(given(pool, i % 2 ? sleeps : nothing));
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_pool_free(pool);
}

/* ---- leaving without close drains */

static int writes_a_dot(const void *in, void *out)
{
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    return write(2, ".", 1) == 1 ? 0 : 1;
}

static void leaves_it_open(void *carrier)
{
    plait_pool *pool = plait_pool_open((plait_carrier)(intptr_t)carrier, 2, NULL);
    for (int i = 0; i < 6; i++)
        plait_future_free(given(pool, writes_a_dot));
}

TEST_CARRIERS(leaving_the_program_drains_open_pools)
{
    char text[100];
    ck_assert_int_eq(harness_fork(leaves_it_open, (void *)(intptr_t)carrier, text, sizeof text), 0);
    ck_assert_str_eq(text, "......");
}

static void frees_with_jobs(void *carrier)
{
    plait_pool *pool = plait_pool_open((plait_carrier)(intptr_t)carrier, 1,
                                       &(plait_pool_options){.name = "small"});
    for (int i = 0; i < 20; i++)
        plait_future_free(given(pool, sleeps));
    plait_pool_free(pool);
}

TEST_CARRIERS(freeing_with_jobs_says_how_many)
{
    char text[400];
    ck_assert_int_eq(harness_fork(frees_with_jobs, (void *)(intptr_t)carrier, text, sizeof text),
                     0);
    ck_assert_ptr_nonnull(strstr(text, "pool small was freed with "));
}
