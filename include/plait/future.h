/* plait/future.h - results that come later. Include <plait.h>.
 *
 * A future is the handle of a result: of a job given to a pool (pool.h), of several other futures
 * (plait_futures_all), or of your own code, which promises it (plait_future_new). It ends once:
 * done, failed or cancelled. Any number of tasks may wait for it, be called back, or look.
 *
 * Example:
 *     int ask(plait_pool *pool, plait_job *square, int *answer)
 *     {
 *         int n = 12;
 *         plait_future *future = plait_submit(pool, square, &n, sizeof n, NULL, PLAIT_NEVER);
 *         if (!future)
 *             return -errno;
 *         int rc = plait_result(future, answer, plait_after(PLAIT_SECOND)); // how my wait ended
 *         if (rc == -PLAIT_EFAILED)
 *             rc = plait_future_error(future); // how the job did
 *         plait_future_free(future);
 *         return rc;
 *     }
 *
 * How my wait ended and how the job did are two facts: -PLAIT_EFAILED says that it failed or was
 * cancelled, plait_future_error how. Who waits for ever (PLAIT_NEVER, no deadline of a scope) for a
 * job that has not begun may run it himself, which is a hundred times quicker than to wake a
 * worker: on a pool of his own carrier without .begin, with no lock of plait held and enough stack
 * left. Never a job of another one, never one of a process pool. A future is of one process: its
 * first use in a forked child aborts. Since 0.1. */
#ifndef PLAIT_FUTURE_H
#define PLAIT_FUTURE_H
#include <plait/task.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Waits for the result and copies it: the size comes from the type of `out`. */
#define plait_result(future, out, deadline)                                                        \
    plait_zero_(plait_result_bytes(future, out, PLAIT_SIZE_OF(out), deadline))

/* The same for bytes: what plait_result calls. The result stays: it may be read again, by anybody.
 *   buffer   gets the bytes; NULL: none wanted, only how it ended and the size
 *   size     bytes of *buffer, or PLAIT_UNSIZED: large enough
 *   returns  the size of the result
 *   errors   -PLAIT_EFAILED (it failed or was cancelled: plait_future_error tells), -EMSGSIZE (a
 *            result of another size than announced is larger), -EAGAIN (PLAIT_NOW and not ended),
 *            -ETIMEDOUT, -ECANCELED (this task, not the job)
 *   misuse   `size` is not the size that was announced; a duration where a deadline belongs; in a
 *            child that was forked after the start
 *   blocks   until the end, or runs the job meanwhile */
PLAIT_MUST_USE ssize_t plait_result_bytes(plait_future *future, void *buffer, size_t size,
                                          int64_t deadline);

/* Why it failed; then its failure counts as read.
 *   returns  what the job returned, PLAIT_KILLED(signal), PLAIT_EXITED(status), -ETIMEDOUT (beyond
 *            its limit), -ECANCELED; 0 when it was done or has not ended
 *   errors   none
 *   blocks   never */
int plait_future_error(plait_future *future);

/* PLAIT_PENDING, PLAIT_RUNNING, PLAIT_DONE, PLAIT_FAILED or PLAIT_CANCELED at this moment.
 *   errors   none
 *   blocks   never */
plait_state plait_future_state(const plait_future *future);

/* Cancels what has not ended. A job that has not begun, a promise, a chain: ended at once. A job
 * that runs: its current or next wait ends with -ECANCELED, once; what it returns then counts. In a
 * process pool a second call is stronger: SIGTERM, and SIGKILL when the pool's .grace has passed.
 *   returns  0
 *   errors   -EALREADY (it has ended)
 *   blocks   never */
int plait_future_cancel(plait_future *future);

/* Calls function(future, arg) once at the end, in the order of these calls: by the task that ended
 * it, which goes on afterwards, so it should be short; when it has ended already by the caller,
 * now.
 *   function may read, and free, the future; what it does wrong is told to nobody
 *   returns  0
 *   errors   -EINVAL (function NULL), -ENOMEM
 *   blocks   never, unless function does */
int plait_future_then(plait_future *future, void (*function)(plait_future *future, void *arg),
                      void *arg);

/* A job on the result of another: given to `pool` when that is done, with its bytes as input. A
 * failure passes through, and then counts as read in the first one. The first may be freed at once.
 *   out_size as in plait_submit
 *   returns  the future of the second job, PLAIT_PENDING until the first has ended
 *   errors   NULL and errno: EINVAL (function NULL, a size too large), ENOMEM. Its own error is
 *            -EPIPE when the pool is closed by then
 *   blocks   never; the pool's bound of waiting jobs is not asked */
PLAIT_MUST_USE plait_future *plait_future_next(plait_future *future, plait_pool *pool,
                                               plait_job *function, size_t out_size);

/* The next of several that has ended, taken out of the array: futures as they complete.
 *   futures  slots of NULL are passed over; the slot of the one returned becomes NULL
 *   returns  an ended future, yours again
 *   errors   NULL and errno: ENOENT (none left), EAGAIN (PLAIT_NOW and none has ended), ETIMEDOUT,
 *            ECANCELED, ENOMEM
 *   misuse   a duration where a deadline belongs
 *   blocks   until one has ended */
PLAIT_MUST_USE plait_future *plait_next_done(plait_future **futures, size_t count,
                                             int64_t deadline);

#define PLAIT_FIRST_FAILURE ((size_t)-1)
/* Waits until so many have ended.
 *   futures  slots of NULL are passed over
 *   enough   1: any; count: all; PLAIT_FIRST_FAILURE: one has failed, or all have ended
 *   returns  how many have ended
 *   errors   -EAGAIN (PLAIT_NOW and not enough), -ETIMEDOUT, -ECANCELED, -ENOMEM
 *   misuse   a duration where a deadline belongs
 *   blocks   until it is so */
PLAIT_MUST_USE int plait_futures_wait(plait_future *const *futures, size_t count, size_t enough,
                                      int64_t deadline);

/* One future for several: its result is all of theirs in order, one behind the other; the first
 * failure ends it, and then counts as read. They stay yours, and may be freed at once.
 *   returns  the future; of a count of 0 it is done, with no bytes
 *   errors   NULL and errno: EINVAL (a slot of NULL), ENOMEM
 *   blocks   never */
PLAIT_MUST_USE plait_future *plait_futures_all(plait_future *const *futures, size_t count);

/* A promise: a future that user code ends, by plait_future_fulfil or plait_future_fail.
 *   size     bytes of the result; 0: any
 *   returns  the future, PLAIT_PENDING. Freed before its end it is broken: others who wait by way
 *            of plait_futures_all or plait_future_next see it fail with -EPIPE
 *   errors   NULL and errno: EINVAL (a size too large), ENOMEM
 *   blocks   never */
PLAIT_MUST_USE plait_future *plait_future_new(size_t size);

/* Ends a promise with a result, which is copied.
 *   returns  0
 *   errors   -EALREADY (it has ended; also by a cancel), -ENOMEM, -EINVAL (no promise)
 *   misuse   another size than announced
 *   blocks   never, unless a callback does */
int plait_future_fulfil(plait_future *future, const void *result, size_t size);

/* Ends a promise with a failure.
 *   error    not 0; what plait_future_error tells then
 *   returns  0
 *   errors   -EALREADY (it has ended), -EINVAL (error is 0, no promise)
 *   blocks   never, unless a callback does */
int plait_future_fail(plait_future *future, int error);

/* Gives the future back. A job that has not ended is let go, not cancelled. A failure that nobody
 * has read - by a result, an error, a chain - is one line on stderr then. NULL is allowed.
 *   errors   none
 *   misuse   in a child that was forked after the start
 *   blocks   never */
void plait_future_free(plait_future *future);

#ifdef __cplusplus
}
#endif
#endif
