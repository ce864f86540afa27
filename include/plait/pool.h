/* plait/pool.h - workers that run jobs. Include <plait.h>.
 *
 * A pool keeps workers of one carrier; a job is a function and bytes, handed over by plait_submit,
 * which gives a future (future.h). The carrier is one word of plait_pool_open:
 *   PLAIT_THREAD     jobs see this program's memory; one for each CPU computes in parallel
 *   PLAIT_COROUTINE  the same, and thousands of workers are cheap: for jobs that wait
 *   PLAIT_PROCESS    each worker is a child of the fork server (spawn.h): its globals are those of
 *                    a program that has just begun, main never ran, and pointers mean nothing
 *                    there, so a job takes all it needs from its bytes. `.worker->method =
 *                    PLAIT_FORK`: globals and pointers as they were here when the worker started, a
 *                    copy. A worker that is killed, crashes or exits fails exactly its own job;
 *                    another takes its place
 *
 * Example:
 *     int square(const void *in, void *out)
 *     {
 *         return *(long *)out = *(const long *)in * *(const long *)in, 0;
 *     }
 *     int squares(plait_carrier carrier)
 *     {
 *         plait_pool *pool = plait_pool_open(carrier, 2, NULL);
 *         long n = 12, answer = 0;
 *         plait_future *future = plait_submit(pool, square, &n, sizeof n, NULL, PLAIT_NEVER);
 *         int rc = future ? plait_result(future, &answer, PLAIT_NEVER) : -errno;
 *         plait_future_free(future);
 *         plait_pool_close(pool, PLAIT_NEVER); // no more jobs; those inside are done first
 *         plait_pool_free(pool);
 *         return rc ? rc : answer != 144;
 *     }
 *
 * Workers start when jobs come, never more than there are jobs. A job may submit to its own pool
 * and wait: a worker that waits for a future, or runs plait_blocking, does not count, and a spare
 * one takes its place meanwhile (256 threads or processes, 100,000 coroutines at most). Tasks that
 * a job starts without a handle end with it. A job of a process pool has no handle of its pool. A
 * job that calls exit() ends the program, or its worker process; longjmp or pthread_exit out of one
 * is misuse, and a child that it forks must leave by _exit. Pools are of one process: the first use
 * in a forked child aborts, but plait_pool_common, which is the child's own there. Leaving the
 * program drains open pools first. Since 0.1. */
#ifndef PLAIT_POOL_H
#define PLAIT_POOL_H
#include <plait/future.h>
#include <plait/start.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Zeroes are the defaults; so is NULL for all of it. */
typedef struct plait_pool_options {
    const char *name;    /* for messages and the workers' tasks; copied */
    bool on_demand;      /* a worker without a job for a second ends */
    size_t waiting;      /* bound of jobs that wait: a submit waits for room; 0: none */
    int jobs_per_worker; /* then it is replaced; 0: never */
    /* In each worker, before its first job and after its last: what begin returns is
     * plait_worker_state() in its jobs. Then nobody but a worker runs them. `arg` is NULL in
     * processes that are no forks */
    void *(*begin)(void *arg);
    void (*end)(void *state);
    void *arg;
    int64_t grace; /* ns from a cancel to the KILL of a process, and that close waits: 5 s */
    const plait_start_options *worker; /* .stack, .movable, .method, .grace of its workers */
    const char *url;                   /* for a later version: ENOTSUP */
    PLAIT_OPTIONS(plait_pool_options)
} plait_pool_options;

/* Makes a pool. No worker runs yet.
 *   workers  how many jobs run at once; 0: as many as CPUs may be used
 *   returns  the pool; plait_pool_free gives it back
 *   errors   NULL and errno: EINVAL (no such carrier, a value out of range, a reserved word not 0),
 *            ENOTSUP (for a later version), ENOMEM
 *   blocks   never */
plait_pool *plait_pool_open(plait_carrier carrier, int workers, const plait_pool_options *options);

/* The program's own pool of that carrier, of as many workers as CPUs: opened by the first call,
 * drained and freed at exit, not by you. A forked child has its own.
 *   returns  the same one each time
 *   errors   NULL and errno: EINVAL (no such carrier), ENOMEM
 *   blocks   never */
plait_pool *plait_pool_common(plait_carrier carrier);

/* No more jobs: submits end with EPIPE, what is inside is done, then the workers end. At the
 * deadline the jobs that wait are cancelled, those that run are as by plait_future_cancel; after
 * .grace it goes without those that do not end. Called by a job of the pool it does not wait for
 * that one.
 *   deadline PLAIT_NOW: cancels at once
 *   returns  how many jobs were cancelled or left running
 *   errors   -EINVAL (a common pool); never -ECANCELED
 *   misuse   a duration where a deadline belongs; in a child that was forked after the open
 *   blocks   until all jobs and workers have ended */
int plait_pool_close(plait_pool *pool, int64_t deadline);

/* Cancels all jobs that have not begun; their futures end as PLAIT_CANCELED.
 *   returns  how many
 *   errors   none
 *   blocks   never */
int plait_pool_cancel_waiting(plait_pool *pool);

/* Gives the pool back. When it was not closed: closes it, cancels what waits and what runs, reports
 * how many were dropped, and waits for nobody. Futures stay theirs who have them. NULL is allowed.
 *   errors   none
 *   misuse   a common pool; in a child that was forked after the open
 *   blocks   never */
void plait_pool_free(plait_pool *pool);

/* In a job: what .begin returned in this worker. NULL elsewhere.
 *   errors   none
 *   blocks   never */
void *plait_worker_state(void);

/* In a job: its result is these bytes, which are copied, instead of what it wrote to *out.
 *   returns  0
 *   errors   -EINVAL (not in a job, or NULL with a size), -ENOMEM
 *   blocks   never */
int plait_job_result(const void *data, size_t size);

/* Zeroes are the defaults; so is NULL for all of it. */
typedef struct plait_submit_options {
    const char *name; /* of the job, for messages: must live as long as the job */
    int priority;     /* the lowest goes first, equal ones as they came */
    int retries;      /* run again so many times when it fails: for jobs that may run twice */
    /* ns of running, each time; then it fails with -ETIMEDOUT. A process is killed, in a thread or
     * coroutine each wait ends with -ETIMEDOUT. 0: no limit */
    int64_t limit;
    PLAIT_OPTIONS(plait_submit_options)
} plait_submit_options;

/* Hands a job over: the size of the input comes from the type of `in`; NULL is none.
 *     plait_future *plait_submit(plait_pool *pool, plait_job *function, const T *in,
 *                                size_t out_size, const plait_submit_options *options,
 *                                int64_t deadline) */
#define plait_submit(pool, function, in, out_size, ...)                                            \
    plait_submit_bytes(pool, function, in, PLAIT_SIZE_OF(in), out_size, __VA_ARGS__)

/* The same with an explicit size: what plait_submit calls.
 *   function gets a copy of the input, aligned to 16 bytes (NULL without one), and `out_size` bytes
 *   of
 *            zeroes for its result; 0 from it: done, else failed with that
 *   out_size bytes of the result; 0: none, or any by plait_job_result
 *   returns  the job's future
 *   errors   NULL and errno: EINVAL (function NULL, an option out of range, a reserved word not 0),
 *            EPIPE (closed), ENOMEM, EAGAIN (PLAIT_NOW and no room; or a worker could not be
 *            started), ETIMEDOUT, ECANCELED
 *   misuse   PLAIT_UNSIZED as in_size; a duration where a deadline belongs; in a child that was
 *            forked after the open
 *   blocks   while as many jobs wait as .waiting allows */
PLAIT_MUST_USE plait_future *plait_submit_bytes(plait_pool *pool, plait_job *function,
                                                const void *in, size_t in_size, size_t out_size,
                                                const plait_submit_options *options,
                                                int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
