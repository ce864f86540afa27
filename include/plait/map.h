/* plait/map.h - one job for each of many inputs, on a pool. Include <plait.h>.
 *
 * plait_map runs a job for each element of an array and puts the results into another one, in
 * order; plait_reduce puts them together; plait_map_each takes its inputs from a function, as many
 * as it gives, and hands out the results one by one. Jobs and pools are those of pool.h.
 *
 * Example:
 *     int square(const void *in, void *out)
 *     {
 *         return *(long *)out = *(const long *)in * *(const long *)in, 0;
 *     }
 *     int squares(plait_carrier carrier)
 *     {
 *         long squares[100];
 *         plait_pool *pool = plait_pool_common(carrier);
 *         int failed = plait_map(pool, square, PLAIT_RANGE, squares, 100, NULL, PLAIT_NEVER);
 *         return failed ? failed : squares[99] != 9801;
 *     }
 *
 * Inputs are handed over in chunks, since one at a time would cost more than a short job. In a
 * thread or coroutine pool a chunk is a part of what its worker has left, and who is done takes
 * from others; a job reads its input and writes its result in your arrays. A calling task of the
 * same carrier that waits for ever, with no lock held and no progress asked for, does a worker's
 * share. To a process pool chunks are sent as bytes, so many that they take about a millisecond. A
 * worker process that dies fails the one job that it ran: the others of that chunk are run again,
 * one by one, so jobs that must not run twice want .chunk = 1. plait_job_result is not for these
 * jobs: results are of one size.
 *
 * Any task may call, also a job of the same pool. Since 0.1; after the map of Python's pools. */
#ifndef PLAIT_MAP_H
#define PLAIT_MAP_H
#include <plait/pool.h>
#ifdef __cplusplus
extern "C" {
#endif

/* As input: 0, 1 ... count - 1, each a long. */
#define PLAIT_RANGE ((const long *)0)

/* Zeroes are the defaults; so is NULL for all of it. */
typedef struct plait_map_options {
    size_t chunk; /* inputs at a time; 0: by what they take */
    /* plait_map_each: inputs taken before their results; 0: two chunks of 1024 or 64 KB a worker */
    size_t ahead;
    /* Draw it on stderr, if that is a terminal: done, of how many, rate, time left */
    bool progress;
    bool stop_at_failure; /* no job begins after one has failed */
    bool as_completed;    /* plait_map_each: in the order of their ends */
    /* Not plait_map_each: `count` of them, what each job returned; -ECANCELED: not run */
    int *errors;
    /* Called by the calling task, at most ten times a second, and at the end. total 0: not known;
     * seconds_left below 0: not known yet */
    void (*on_progress)(size_t done, size_t total, double seconds_left, void *arg);
    void *arg;
    PLAIT_OPTIONS(plait_map_options)
} plait_map_options;

/* out[i] = function(in[i]): sizes of elements come from the types of `in` and `out`.
 *     int plait_map(plait_pool *pool, plait_job *function, const T *in, U *out, size_t count,
 *                   const plait_map_options *options, int64_t deadline) */
#define plait_map(pool, function, in, out, count, ...) /* since options may be written in place */ \
    plait_map_bytes(pool, function, in, PLAIT_SIZE_OF(in), out, PLAIT_SIZE_OF(out), count,         \
                    __VA_ARGS__)

/* The same with explicit sizes: what plait_map calls.
 *   function gets one input and room of zeroes for its result; not 0: it failed, and its element of
 *            `out` is of no use
 *   in       PLAIT_RANGE (NULL): the numbers from 0 on; else count elements, which must stay
 *   out      room for count results; NULL: there are none
 *   returns  0, or how many jobs failed or were not run
 *   errors   -EINVAL (function NULL, a size too large, a reserved word not 0), -EPIPE (the pool is
 *            closed), -PLAIT_EFUNCTION (a process pool's workers cannot find it: start.h), -ENOMEM,
 *            -EAGAIN (PLAIT_NOW: none began; or no worker could be started); -ETIMEDOUT,
 *            -ECANCELED: no more begin, and those that ran were cancelled and waited for
 *   misuse   PLAIT_UNSIZED as a size; a duration where a deadline belongs
 *   blocks   until all are done */
PLAIT_MUST_USE int plait_map_bytes(plait_pool *pool, plait_job *function, const void *in,
                                   size_t in_size, void *out, size_t out_size, size_t count,
                                   const plait_map_options *options, int64_t deadline);

/* The results put together: combine(total, result) for each of them.
 *     int plait_reduce(plait_pool *pool, plait_job *function, const T *in, U *total, size_t count,
 *                      void (*combine)(void *total, const void *one),
 *                      const plait_map_options *options, int64_t deadline) */
#define plait_reduce(pool, function, in, total, count, combine, ...)                               \
    plait_reduce_bytes(pool, function, in, PLAIT_SIZE_OF(in), total, PLAIT_SIZE_OF(total), count,  \
                       combine, __VA_ARGS__)

/* The same with explicit sizes: what plait_reduce calls.
 *   total    begins as you set it; untouched on failure but for jobs that fail, which are left out
 *   combine  adds a result, or a total of several, to a total; in any order, by several tasks at
 *            once on totals of their own
 *   returns  as plait_map_bytes
 *   errors   as plait_map_bytes, and -EINVAL (combine or total NULL)
 *   misuse   as plait_map_bytes
 *   blocks   until all are done */
PLAIT_MUST_USE int plait_reduce_bytes(plait_pool *pool, plait_job *function, const void *in,
                                      size_t in_size, void *total, size_t size, size_t count,
                                      void (*combine)(void *total, const void *one),
                                      const plait_map_options *options, int64_t deadline);

/* Results that come one by one. */
typedef struct plait_results plait_results;

/* Begins a map whose inputs come from a function. Memory is that of .ahead inputs and results,
 * however many there are.
 *   next     called by who calls plait_results_next: writes an input and returns 0; else that was
 *            all
 *   returns  the results, yours to free
 *   errors   NULL and errno: EINVAL (function or next NULL, a size or option out of range), ENOMEM,
 *            PLAIT_EFUNCTION
 *   blocks   never */
plait_results *plait_map_each(plait_pool *pool, plait_job *function,
                              int (*next)(void *in, void *arg), void *arg, size_t in_size,
                              size_t out_size, const plait_map_options *options);

/* The next result, in the order of the inputs unless .as_completed.
 *     int plait_results_next(plait_results *results, T *out, int64_t deadline) */
#define plait_results_next(results, out, deadline)                                                 \
    plait_results_next_bytes(results, out, PLAIT_SIZE_OF(out), deadline)

/* What it is made of. By one task at a time.
 *   returns  0: *out is a result
 *   errors   -PLAIT_EFAILED (this one failed: plait_results_error), -EPIPE (after the last),
 *            -EAGAIN (PLAIT_NOW and it is not done), -ETIMEDOUT, -ECANCELED: the next call can have
 *            it; what plait_submit says otherwise
 *   misuse   another size than announced; a duration where a deadline belongs
 *   blocks   until it is done */
PLAIT_MUST_USE int plait_results_next_bytes(plait_results *results, void *out, size_t size,
                                            int64_t deadline);

/* Of the last one that plait_results_next told: what its job returned, or how it was killed; 0: it
 * did not fail.
 *   errors   none
 *   blocks   never */
int plait_results_error(const plait_results *results);

/* The number of its input, from 0.
 *   errors   none
 *   blocks   never */
size_t plait_results_index(const plait_results *results);

/* Gives them back; cancels what is left, and waits for nobody. NULL is allowed.
 *   errors   none
 *   blocks   never */
void plait_results_free(plait_results *results);

#ifdef __cplusplus
}
#endif
#endif
