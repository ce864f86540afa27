/* Each call that takes an object, with what is none: NULL, memory of 0xA5, a crooked address, an
 * opaque object that is all zeroes or was freed, a handle that was never given out. Each call is a
 * child of its own: it must give a code or stop the program with plait's own words; never a fault,
 * a hang, or nothing at all. */
#include "harness.h"

#include <plait.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a call that cannot fail gives back. */
enum { HARMLESS = 0 };

static bool yes(void *arg)
{
    return true;
}

static int nothing(void *arg)
{
    return 0;
}

static char memory[1024] __attribute__((aligned(64)));

/* A name, and the call upon `o`. */
#define SMALL(X)                                                                                   \
    X(lock_acquire, plait_lock_acquire(o, PLAIT_NOW))                                              \
    X(lock_release, (plait_lock_release(o), HARMLESS))                                             \
    X(lock_is_held, (plait_lock_is_held(o), HARMLESS))                                             \
    X(lock_mend, (plait_lock_mend(o), HARMLESS))                                                   \
    X(lock_hold, (plait_lock_hold(o), HARMLESS))                                                   \
    X(locks_acquire, plait_locks_acquire((plait_lock *[]){o}, 1, PLAIT_NOW))                       \
    X(locks_release, (plait_locks_release((plait_lock *[]){o}, 1), HARMLESS))                      \
    X(rlock_acquire, plait_rlock_acquire(o, PLAIT_NOW))                                            \
    X(rlock_release, (plait_rlock_release(o), HARMLESS))                                           \
    X(rlock_depth, (plait_rlock_depth(o), HARMLESS))                                               \
    X(rlock_hold, (plait_rlock_hold(o), HARMLESS))                                                 \
    X(event_set, (plait_event_set(o), HARMLESS))                                                   \
    X(event_clear, (plait_event_clear(o), HARMLESS))                                               \
    X(event_is_set, (plait_event_is_set(o), HARMLESS))                                             \
    X(event_wait, plait_event_wait(o, PLAIT_NOW))                                                  \
    X(event_take, plait_event_take(o, PLAIT_NOW))                                                  \
    X(latch_add, (plait_latch_add(o, 1), HARMLESS))                                                \
    X(latch_wait, plait_latch_wait(o, PLAIT_NOW))                                                  \
    X(latch_count, (plait_latch_count(o), HARMLESS))                                               \
    X(rwlock_acquire_read, plait_rwlock_acquire_read(o, PLAIT_NOW))                                \
    X(rwlock_acquire_write, plait_rwlock_acquire_write(o, PLAIT_NOW))                              \
    X(rwlock_release, (plait_rwlock_release(o), HARMLESS))                                         \
    X(rwlock_downgrade, (plait_rwlock_downgrade(o), HARMLESS))                                     \
    X(rwlock_mend, (plait_rwlock_mend(o), HARMLESS))                                               \
    X(once_run, plait_once_run(o, nothing, NULL, PLAIT_NOW))                                       \
    X(value_get, (plait_value_get(o), HARMLESS))                                                   \
    X(value_get_double, (plait_value_get_double(o), HARMLESS))                                     \
    X(value_set, (plait_value_set(o, 1), HARMLESS))                                                \
    X(value_set_double, (plait_value_set_double(o, 1), HARMLESS))                                  \
    X(value_add, (plait_value_add(o, 1), HARMLESS))                                                \
    X(value_add_double, (plait_value_add_double(o, 1), HARMLESS))                                  \
    X(value_swap, plait_value_swap(o, &(int64_t){1}, 2))                                           \
    X(value_wait, plait_value_wait(o, 1, PLAIT_NOW))                                               \
    X(semaphore_acquire, plait_semaphore_acquire(o, 1, PLAIT_NOW))                                 \
    X(semaphore_release, (plait_semaphore_release(o, 1), HARMLESS))                                \
    X(semaphore_value, (plait_semaphore_value(o), HARMLESS))                                       \
    X(condition_wait, plait_condition_wait(o, &held_lock, PLAIT_NOW))                              \
    X(condition_wait_on, plait_condition_wait(&condition, o, PLAIT_NOW))                           \
    X(condition_wait_for, plait_condition_wait_for(o, &held_lock, yes, NULL, PLAIT_NOW))           \
    X(condition_notify, (plait_condition_notify(o, 1), HARMLESS))                                  \
    X(condition_notify_all, (plait_condition_notify_all(o), HARMLESS))
#define OPAQUE(X)                                                                                  \
    X(put, plait_put_bytes(o, "1234567", 8, PLAIT_NOW))                                            \
    X(get, (int)plait_get_bytes(o, (char[8]){0}, 8, PLAIT_NOW))                                    \
    X(queue_close, plait_queue_close(o))                                                           \
    X(queue_free, (plait_queue_free(o), HARMLESS))                                                 \
    X(queue_lost, (plait_queue_lost(o), HARMLESS))                                                 \
    X(queue_fed_by, plait_queue_fed_by(o, plait_self()))                                           \
    X(pipe_send, plait_pipe_send_bytes(o, "1234567", 8, PLAIT_NOW))                                \
    X(pipe_receive, (int)plait_pipe_receive_bytes(o, (char[8]){0}, 8, PLAIT_NOW))                  \
    X(pipe_on_receive, plait_on_receive_bytes(o, (char[8]){0}, 8).result)                          \
    X(pipe_close, (plait_pipe_close(o), HARMLESS))                                                 \
    X(pipe_free, (plait_pipe_free(o), HARMLESS))                                                   \
    X(permits_acquire, plait_permits_acquire(o, 1, PLAIT_NOW))                                     \
    X(permits_release, (plait_permits_release(o, 1), HARMLESS))                                    \
    X(permits_free, (plait_permits_free(o), HARMLESS))                                             \
    X(dict_set, plait_dict_set_bytes(o, "a", 1, "1234567", 8))                                     \
    X(dict_get, (int)plait_dict_get_bytes(o, "a", 1, (char[8]){0}, 8))                             \
    X(dict_add, plait_dict_add_bytes(o, "a", 1, 1, NULL, 0))                                       \
    X(dict_update, plait_dict_update_bytes(o, "a", 1, NULL, NULL))                                 \
    X(dict_delete, plait_dict_delete_bytes(o, "a", 1))                                             \
    X(dict_visit, plait_dict_visit(o, NULL, NULL))                                                 \
    X(dict_count, (plait_dict_count(o), HARMLESS))                                                 \
    X(dict_free, (plait_dict_free(o), HARMLESS))                                                   \
    X(array_set, plait_array_set_bytes(o, 0, "1234567", 8))                                        \
    X(array_get, plait_array_get_bytes(o, 0, (char[8]){0}, 8))                                     \
    X(array_count, (plait_array_count(o), HARMLESS))                                               \
    X(array_memory, (plait_array_memory(o), HARMLESS))                                             \
    X(array_lock, (plait_array_lock(o), HARMLESS))                                                 \
    X(array_free, (plait_array_free(o), HARMLESS))                                                 \
    X(segment_memory, (plait_segment_memory(o), HARMLESS))                                         \
    X(segment_size, (plait_segment_size(o), HARMLESS))                                             \
    X(segment_alloc, plait_segment_alloc(o, 1) ? HARMLESS : -errno)                                \
    X(segment_keep, (plait_segment_keep(o, memory, (uint64_t *)(void *)memory), HARMLESS))         \
    X(segment_release, (plait_segment_release(o, memory, NULL), HARMLESS))                         \
    X(segment_offset, (plait_segment_offset(o, memory), HARMLESS))                                 \
    X(segment_at, (plait_segment_at(o, 0, 1), HARMLESS))                                           \
    X(segment_free, (plait_segment_free(o), HARMLESS))                                             \
    X(share_free, (plait_share_free(o), HARMLESS))
#define POOLS(X)                                                                                   \
    X(result, (int)plait_result_bytes(o, NULL, 0, PLAIT_NOW))                                      \
    X(future_error, (plait_future_error(o), HARMLESS))                                             \
    X(future_state, (plait_future_state(o), HARMLESS))                                             \
    X(future_cancel, plait_future_cancel(o))                                                       \
    X(future_then, plait_future_then(o, ended, NULL))                                              \
    X(future_fulfil, plait_future_fulfil(o, NULL, 0))                                              \
    X(future_fail, plait_future_fail(o, 1))                                                        \
    X(future_free, (plait_future_free(o), HARMLESS))                                               \
    X(on_done, plait_on_done(o).result)                                                            \
    X(futures_wait, plait_futures_wait(&(plait_future *){o}, 1, 1, PLAIT_NOW))                     \
    X(futures_all, plait_futures_all(&(plait_future *){o}, 1) ? HARMLESS : -errno)                 \
    X(next_done, plait_next_done(&(plait_future *){o}, 1, PLAIT_NOW) ? HARMLESS : -errno)          \
    X(submit, plait_submit_bytes(o, job, NULL, 0, 0, NULL, PLAIT_NOW) ? HARMLESS : -errno)         \
    X(pool_close, plait_pool_close(o, PLAIT_NOW))                                                  \
    X(pool_cancel_waiting, plait_pool_cancel_waiting(o))                                           \
    X(map, plait_map_bytes(o, job, NULL, 0, NULL, 0, 1, NULL, PLAIT_NOW))                          \
    X(reduce, plait_reduce_bytes(o, job, NULL, 0, memory, 1, 1, put_together, NULL, PLAIT_NOW))    \
    X(map_each, plait_map_each(o, job, none_left, NULL, 1, 1, NULL) ? HARMLESS : -errno)           \
    X(results_next, plait_results_next_bytes(o, NULL, 0, PLAIT_NOW))                               \
    X(results_error, (plait_results_error(o), HARMLESS))                                           \
    X(results_index, (plait_results_index(o), HARMLESS))                                           \
    X(results_free, (plait_results_free(o), HARMLESS))                                             \
    X(pool_free, (plait_pool_free(o), HARMLESS))
#define HANDLES(X)                                                                                 \
    X(join, plait_join(o, NULL, PLAIT_NOW))                                                        \
    X(detach, (plait_detach(o), HARMLESS))                                                         \
    X(cancel, (plait_cancel(o), HARMLESS))                                                         \
    X(terminate, plait_terminate(o))                                                               \
    X(kill, plait_kill(o))                                                                         \
    X(task_state, (plait_task_state(o), HARMLESS))                                                 \
    X(is_alive, (plait_is_alive(o), HARMLESS))                                                     \
    X(task_id, (plait_task_id(o), HARMLESS))                                                       \
    X(task_pid, (plait_task_pid(o), HARMLESS))                                                     \
    X(task_carrier, (plait_task_carrier(o), HARMLESS))                                             \
    X(task_name, (plait_task_name(o), HARMLESS))                                                   \
    X(task_set_name, (plait_task_set_name(o, "x"), HARMLESS))                                      \
    X(task_is_daemon, (plait_task_is_daemon(o), HARMLESS))                                         \
    X(task_status, plait_task_status(o, NULL))                                                     \
    X(task_dumped_core, (plait_task_dumped_core(o), HARMLESS))                                     \
    X(task_descriptor, plait_task_descriptor(o))

static plait_lock held_lock;
static plait_condition condition;

static void ended(plait_future *future, void *arg)
{
}

static void put_together(void *total, const void *one)
{
}

static int none_left(void *in, void *arg)
{
    return 1;
}

static int job(const void *in, void *out)
{
    return 0;
}

#define FUNCTION(name, expression)                                                                 \
    static int call_##name(void *o)                                                                \
    {                                                                                              \
        return (int)(expression);                                                                  \
    }
SMALL(FUNCTION)
OPAQUE(FUNCTION)
POOLS(FUNCTION)
HANDLES(FUNCTION)

struct row {
    const char *name;
    int (*call)(void *object);
};
#define ROW(name, expression) {#name, call_##name},
static const struct row small[] = {SMALL(ROW)}, opaque[] = {OPAQUE(ROW)}, pools[] = {POOLS(ROW)},
                        handles[] = {HANDLES(ROW)};

static const struct row *now;
static void *object;

static void make_call(void *unused)
{
    (void)!plait_lock_acquire(&held_lock, PLAIT_NOW);
    int rc = now->call(object);
    fprintf(stderr, "\nreturned %d\n", rc);
    _exit(rc < 0 ? 1 : 0); /* no leak is looked for behind a call that failed */
}

/* `harmless`: a call that cannot fail may do nothing with this. */
static void is_refused(const struct row *row, void *what, const char *kind, bool harmless)
{
    char text[4096];
    now = row;
    object = what;
    int status = harness_fork(make_call, NULL, text, sizeof text);
    bool aborts = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(text, "plait: ");
    bool answers = WIFEXITED(status) && (WEXITSTATUS(status) == 1 || harmless);
    ck_assert_msg(aborts || answers, "%s of %s: status %#x, %s", row->name, kind, status, text);
}

#define EACH(rows, what, kind, harmless)                                                           \
    for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++)                                     \
    is_refused(&(rows)[i], what, kind, harmless)

TEST_LABELED(small_objects_that_are_none, "process")
{
    EACH(small, NULL, "NULL", false);
    EACH(small, memory + 3, "a crooked address", false);
    memset(memory, 0xA5, sizeof memory);
    EACH(small, memory, "0xA5", false);
}

TEST_LABELED(opaque_objects_that_are_none, "process")
{
    EACH(opaque, NULL, "NULL", true);
    EACH(opaque, memory, "zeroes", false);
    EACH(opaque, memory + 3, "a crooked address", false);
    memset(memory, 0xA5, sizeof memory);
    EACH(opaque, memory, "0xA5", false);
}

TEST_LABELED(pools_and_futures_that_are_none, "process")
{
    EACH(pools, NULL, "NULL", true);
    EACH(pools, memory, "zeroes", false);
    EACH(pools, memory + 3, "a crooked address", false);
    memset(memory, 0xA5, sizeof memory);
    EACH(pools, memory, "0xA5", false);
}

/* NULL is the caller himself for what asks, and an error for what ends others. */
TEST_LABELED(handles_that_were_never_given_out, "process")
{
    EACH(handles, NULL, "NULL", true);
    EACH(handles, memory, "an address", false);
    EACH(handles, (void *)(uintptr_t)0xA5A5A5A5A5A5A5A5, "0xA5", false);
    EACH(handles, (void *)(uintptr_t)1, "1", false);
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, PLAIT_THREAD, nothing, NULL, NULL), 0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    EACH(handles, task, "a joined task", false);
}

static void use_freed_queue(void *unused)
{
    plait_queue *queue = plait_queue_open(8, 4, NULL);
    plait_queue_free(queue);
    object = queue;
    make_call(NULL);
}

/* AddressSanitizer would say it first. */
TEST_LABELED(a_queue_that_was_freed, "process noasan")
{
    char text[4096];
    for (size_t i = 0; i < sizeof opaque / sizeof *opaque; i++) {
        now = &opaque[i];
        int status = harness_fork(use_freed_queue, NULL, text, sizeof text);
        bool aborts = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
        ck_assert_msg(aborts || (WIFEXITED(status) && WEXITSTATUS(status) == 1),
                      "%s of a freed queue: status %#x, %s", now->name, status, text);
    }
}
