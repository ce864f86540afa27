/* Pools of processes: what happens to a worker happens to its own job and to nobody else's. */
#include "crew.h"
#include "harness.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static plait_pool *opened(int workers, const plait_pool_options *options)
{
    signal(SIGTERM, SIG_DFL); /* Check's handler ends the whole group */
    plait_pool *pool = plait_pool_open(PLAIT_PROCESS, workers, options);
    ck_assert_ptr_nonnull(pool);
    return pool;
}

static const plait_start_options fork_them = {.method = PLAIT_FORK};
static const plait_pool_options in_a_fork = {.worker = &fork_them};

static void closed(plait_pool *pool)
{
    ck_assert_int_eq(plait_pool_close(pool, PLAIT_NEVER), 0);
    plait_pool_free(pool);
}

static plait_future *given(plait_pool *pool, plait_job *function, long n, size_t out_size,
                           const plait_submit_options *options)
{
    plait_future *future = plait_submit(pool, function, &n, out_size, options, PLAIT_NEVER);
    ck_assert_ptr_nonnull(future);
    return future;
}

static int failure(plait_future *future)
{
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, PLAIT_NEVER), -PLAIT_EFAILED);
    int error = plait_future_error(future);
    plait_future_free(future);
    return error;
}

static int square(const void *in, void *out)
{
    long n = *(const long *)in;
    *(long *)out = n * n;
    return 0;
}

/* The pool serves on: two more jobs are done. */
static void serves(plait_pool *pool)
{
    for (long n = 3; n < 5; n++) {
        long got = -1;
        plait_future *future = given(pool, square, n, sizeof(long), NULL);
        ck_assert_int_eq(plait_result(future, &got, PLAIT_NEVER), 0);
        ck_assert_int_eq(got, n * n);
        plait_future_free(future);
    }
}

static int dies(const void *in, void *out)
{
    long how = *(const long *)in;
    if (how == SIGSEGV)
        signal(SIGSEGV, SIG_DFL);
    if (how < 64)
        kill(getpid(), (int)how);
    else if (how < 128)
        exit((int)how);
    else
        _exit((int)how);
    for (;;)
        pause();
    return 0;
}

TEST_LABELED(a_dead_worker_fails_its_own_job, "process")
{
    plait_pool *pool = opened(2, NULL);
    plait_future *good = given(pool, square, 7, sizeof(long), NULL);
    ck_assert_int_eq(failure(given(pool, dies, SIGKILL, 0, NULL)), PLAIT_KILLED(SIGKILL));
    ck_assert_int_eq(failure(given(pool, dies, SIGTERM, 0, NULL)), PLAIT_KILLED(SIGTERM));
    ck_assert_int_eq(failure(given(pool, dies, 77, 0, NULL)), PLAIT_EXITED(77));
    ck_assert_int_eq(failure(given(pool, dies, 130, 0, NULL)), PLAIT_EXITED(130));
    long got = 0;
    ck_assert_int_eq(plait_result(good, &got, PLAIT_NEVER), 0);
    ck_assert_int_eq(got, 49);
    plait_future_free(good);
    serves(pool);
    closed(pool);
}

static int crashes(const void *in, void *out)
{
    return raise(SIGSEGV), 0;
}

TEST_LABELED(a_crash_is_told_by_its_signal, "process noasan notsan")
{
    plait_pool *pool = opened(1, NULL);
    ck_assert_int_eq(failure(given(pool, crashes, 0, 0, NULL)), PLAIT_KILLED(SIGSEGV));
    serves(pool);
    closed(pool);
}

static int hangs(const void *in, void *out)
{
    for (;;)
        pause();
    return 0;
}

TEST_LABELED(a_job_beyond_its_limit_is_ended, "process")
{
    plait_pool *pool = opened(1, NULL);
    plait_submit_options options = {.limit = 50 * PLAIT_MILLISECOND};
    int64_t began = plait_now();
    ck_assert_int_eq(failure(given(pool, hangs, 0, 0, &options)), -ETIMEDOUT);
    ck_assert_int_ge(plait_now() - began, 50 * PLAIT_MILLISECOND);
    serves(pool);
    closed(pool);
}

static int sleeps(const void *in, void *out)
{
    return plait_sleep(PLAIT_NEVER);
}

static void until_running(plait_future *future)
{
    while (plait_future_state(future) == PLAIT_PENDING)
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    plait_sleep(plait_after(20 * PLAIT_MILLISECOND));
}

TEST_LABELED(cancel_asks_first_and_then_insists, "process")
{
    plait_pool *pool = opened(1, NULL);
    plait_future *future = given(pool, sleeps, 0, 0, NULL);
    until_running(future);
    ck_assert_int_eq(plait_future_cancel(future), 0);
    ck_assert_int_eq(failure(future), -ECANCELED);
    future = given(pool, hangs, 0, 0, NULL);
    until_running(future);
    ck_assert_int_eq(plait_future_cancel(future), 0);
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, plait_after(50 * PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    ck_assert_int_eq(plait_future_cancel(future), 0);
    ck_assert_int_eq(failure(future), -ECANCELED);
    serves(pool);
    closed(pool);
}

TEST_LABELED(two_cancels_at_once_are_two, "process")
{
    plait_pool *pool = opened(1, NULL);
    for (int i = 0; i < 5; i++) {
        plait_future *future = given(pool, hangs, 0, 0, NULL);
        until_running(future);
        ck_assert_int_eq(plait_future_cancel(future), 0);
        int again = plait_future_cancel(future);
        ck_assert(again == 0 || again == -EALREADY);
        ck_assert_int_eq(failure(future), -ECANCELED);
    }
    closed(pool);
}

/* Needs longer for what it does at its cancel than the next one needs to come. */
static int tidies_up(const void *in, void *out)
{
    int rc = plait_sleep(PLAIT_NEVER), shield = plait_shield_enter();
    plait_sleep(plait_after(PLAIT_MILLISECOND));
    ++*(volatile int *)*(const long *)in;
    plait_shield_leave(&shield);
    return rc;
}

/* One that comes while the job begins is not taken for two, the second of which kills. */
TEST_LABELED(a_cancel_at_the_begin_is_one, "process")
{
    volatile int *ended = plait_share(sizeof *ended);
    plait_pool *pool = opened(1, &in_a_fork);
    for (int i = 0; i < 100; i++) {
        plait_future *future = given(pool, tidies_up, (long)ended, 0, NULL);
        while (plait_future_state(future) == PLAIT_PENDING)
            ;
        ck_assert_int_eq(plait_future_cancel(future), 0);
        ck_assert_int_eq(failure(future), -ECANCELED);
        ck_assert_int_eq(*ended, i + 1);
    }
    closed(pool);
    plait_share_free((void *)ended);
}

static int whose(const void *in, void *out)
{
    *(pid_t *)out = getpid();
    return 0;
}

static int returns(const void *in, void *out)
{
    return (int)*(const long *)in;
}

/* Also those codes by which plait tells of a worker's death. */
TEST_LABELED(what_a_job_returns_is_its_own, "process")
{
    static const int codes[] = {1,       -EPIPE,         -ETIMEDOUT, -ECANCELED,
                                -EAGAIN, -PLAIT_EFORMAT, -ENOMEM};
    plait_pool *pool = opened(1, NULL);
    plait_future *future = given(pool, whose, 0, sizeof(pid_t), NULL);
    pid_t first = 0, last = 0;
    ck_assert_int_eq(plait_result(future, &first, PLAIT_NEVER), 0);
    plait_future_free(future);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        ck_assert_int_eq(failure(given(pool, returns, codes[i], 0, NULL)), codes[i]);
    future = given(pool, whose, 0, sizeof(pid_t), NULL);
    ck_assert_int_eq(plait_result(future, &last, PLAIT_NEVER), 0);
    plait_future_free(future);
    ck_assert_int_eq(first, last);
    closed(pool);
}

static void *dies_at_once(void *arg)
{
    _exit(9);
}

TEST_LABELED(workers_that_cannot_begin_fail_the_job, "process")
{
    plait_pool *pool = opened(1, &(plait_pool_options){.begin = dies_at_once});
    ck_assert_int_eq(failure(given(pool, returns, 0, 0, NULL)), -ECHILD);
    closed(pool);
}

/* ---- sizes */

static int doubled(const void *in, void *out)
{
    const struct {
        size_t size;
        char bytes[];
    } *message = in;
    char *twice = malloc(2 * message->size + 1);
    for (size_t i = 0; i < message->size; i++)
        twice[i] = twice[message->size + i] = message->bytes[i];
    int rc = plait_job_result(twice, 2 * message->size);
    free(twice);
    return rc;
}

TEST_LABELED(input_and_result_have_any_size, "process")
{
    static const size_t sizes[] = {0, 1, 65000, 65279, 65280, 65281, 200000, 3000000};
    plait_pool *pool = opened(2, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        char *in = malloc(size + sizeof size), *out = malloc(2 * size + 1);
        memcpy(in, &size, sizeof size);
        for (size_t k = 0; k < size; k++)
            in[sizeof size + k] = (char)(k * 7 + i);
        plait_future *future =
            plait_submit_bytes(pool, doubled, in, size + sizeof size, 0, NULL, PLAIT_NEVER);
        ck_assert_ptr_nonnull(future);
        ck_assert_int_eq(plait_result_bytes(future, out, 2 * size, PLAIT_NEVER), 2 * size);
        for (size_t k = 0; k < size; k++)
            need(out[k] == in[sizeof size + k] && out[size + k] == in[sizeof size + k]);
        plait_future_free(future);
        free(in);
        free(out);
    }
    closed(pool);
}

/* ---- workers */

static pid_t worker_of(plait_pool *pool)
{
    pid_t pid = 0;
    plait_future *future = given(pool, whose, 0, sizeof pid, NULL);
    ck_assert_int_eq(plait_result(future, &pid, PLAIT_NEVER), 0);
    plait_future_free(future);
    return pid;
}

TEST_LABELED(an_idle_worker_that_dies_is_replaced_at_once, "process")
{
    plait_pool *pool = opened(1, NULL);
    for (int i = 0; i < 5; i++) {
        pid_t first = worker_of(pool);
        ck_assert_int_ne(first, getpid());
        kill(first, SIGKILL);
        ck_assert_int_ne(worker_of(pool), first); /* it may be asked before anybody has noticed */
        first = worker_of(pool);
        kill(first, SIGKILL);
        plait_sleep(plait_after(60 * PLAIT_MILLISECOND));
        ck_assert_int_ne(worker_of(pool), first);
    }
    closed(pool);
}

static void *begins(void *arg)
{
    return memcpy(malloc(6), "state", 6);
}

static void ends(void *state)
{
    free(state);
}

static int tells_state(const void *in, void *out)
{
    return plait_job_result(plait_worker_state(), 6);
}

TEST_CARRIERS(a_worker_has_a_state_of_its_own)
{
    plait_pool_options options = {.begin = begins, .end = ends, .jobs_per_worker = 2};
    plait_pool *pool = plait_pool_open(carrier, 2, &options);
    for (int i = 0; i < 7; i++) {
        char text[6] = "";
        plait_future *future = plait_submit_bytes(pool, tells_state, NULL, 0, 0, NULL, PLAIT_NEVER);
        ck_assert_int_eq(plait_result(future, &text, PLAIT_NEVER), 0);
        ck_assert_str_eq(text, "state");
        plait_future_free(future);
    }
    closed(pool);
}

static int fails_twice(const void *in, void *out)
{
    int *times = *(int *const *)in;
    if (__atomic_add_fetch(times, 1, __ATOMIC_RELAXED) < 3)
        kill(getpid(), SIGKILL);
    return 0;
}

TEST_LABELED(a_job_that_may_run_twice_is_tried_again, "process")
{
    int *times = plait_share(sizeof *times);
    plait_pool *pool = opened(2, &in_a_fork); /* the pointer means nothing elsewhere */
    plait_submit_options options = {.retries = 2};
    plait_future *future = plait_submit(pool, fails_twice, &times, 0, &options, PLAIT_NEVER);
    ck_assert_int_eq(plait_result_bytes(future, NULL, 0, PLAIT_NEVER), 0);
    ck_assert_int_eq(*times, 3);
    plait_future_free(future);
    closed(pool);
    plait_share_free(times);
}

/* ---- what they see */

static int global = 1;

static int reads_the_global(const void *in, void *out)
{
    *(int *)out = global++;
    return 0;
}

static int global_of(plait_pool *pool)
{
    int got = -1;
    plait_future *future = given(pool, reads_the_global, 0, sizeof got, NULL);
    ck_assert_int_eq(plait_result(future, &got, PLAIT_NEVER), 0);
    plait_future_free(future);
    return got;
}

TEST_LABELED(globals_are_those_of_a_new_image_or_of_the_fork, "process")
{
    static const plait_start_options spawn_them = {.method = PLAIT_SPAWN};
    plait_pool *server = opened(1, NULL), *forked = opened(1, &in_a_fork);
    plait_pool *spawned = opened(1, &(plait_pool_options){.worker = &spawn_them});
    global = 10;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(global_of(server), 1 + i);
        ck_assert_int_eq(global_of(spawned), 1 + i);
        ck_assert_int_eq(global_of(forked), 10 + i);
    }
    serves(forked);
    ck_assert_int_eq(failure(given(forked, dies, SIGKILL, 0, NULL)), PLAIT_KILLED(SIGKILL));
    serves(forked);
    closed(server);
    closed(forked);
    closed(spawned);
}

/* ---- the parent's end */

static int says_who(const void *in, void *out)
{
    *(pid_t *)out = getpid();
    return plait_sleep(plait_after(100 * PLAIT_MILLISECOND)), 0;
}

static void leaves_workers(void *options)
{
    plait_pool *pool = plait_pool_open(PLAIT_PROCESS, 3, options);
    plait_future *futures[3];
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        futures[i] = plait_submit_bytes(pool, says_who, NULL, 0, sizeof *pids, NULL, PLAIT_NEVER);
    for (int i = 0; i < 3; i++)
        need(plait_result(futures[i], &pids[i], PLAIT_NEVER) == 0);
    for (int i = 0; i < 3; i++)
        (void)!plait_submit_bytes(pool, hangs, NULL, 0, 0, NULL, PLAIT_NEVER);
    dprintf(2, "%d %d %d", (int)pids[0], (int)pids[1], (int)pids[2]);
    kill(getpid(), SIGKILL);
}

static void workers_go(const plait_pool_options *options)
{
    char text[100];
    int pids[3] = {0};
    int status = harness_fork(leaves_workers, (void *)options, text, sizeof text);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ck_assert_int_eq(sscanf(text, "%d %d %d", &pids[0], &pids[1], &pids[2]), 3);
    for (int i = 0; i < 3; i++)
        for (int tries = 0; kill(pids[i], 0) == 0 && tries < 20000; tries++)
            usleep(1000);
    for (int i = 0; i < 3; i++)
        ck_assert(kill(pids[i], 0) < 0);
}

TEST_LABELED(the_parent_s_kill_leaves_no_worker, "process")
{
    workers_go(NULL);
    workers_go(&in_a_fork);
}
