/* plait/case.h - the things that plait_select can wait for. Include <plait.h>.
 *
 * Each call here makes one case, a struct of yours, for plait_select or plait_select_cases, and
 * waits for nothing itself. A case may be used again for the next select, and a list of them be
 * kept.
 *
 * Example:
 *     int race(plait_task *one, plait_task *other) // the first one's end ends both
 *     {
 *         int first = plait_select(PLAIT_NEVER, plait_on_end(one), plait_on_end(other));
 *         if (first < 0)
 *             return first;
 *         plait_cancel(first == 0 ? other : one);
 *         int rc = plait_join(one, NULL, PLAIT_NEVER);
 *         return rc == 0 ? plait_join(other, NULL, PLAIT_NEVER) : rc;
 *     }
 *
 * What a case names must live, and stay as it is, until the select returns. Cases are of the
 * process that made them: not for a child of fork(), nor for shared memory. Threads and coroutines
 * may wait for descriptors alike: a coroutine by its worker's poller, a thread by plait's watcher.
 * Since 0.1. */
#ifndef PLAIT_CASE_H
#define PLAIT_CASE_H
#include <plait/event.h>
#include <plait/future.h>
#include <plait/latch.h>
#include <plait/lock.h>
#include <plait/queue.h>
#include <plait/select.h>
#include <plait/semaphore.h>
#include <plait/start.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gets an item, as plait_get_bytes: what plait_on_get calls.
 *   returns  the case; done, its result is the item's size
 *   errors   none; select itself ends with -EPIPE when the queue is closed and empty
 *   misuse   as plait_get_bytes
 *   blocks   never */
plait_case plait_on_get_bytes(plait_queue *queue, void *buffer, size_t size);

/* Puts an item, as plait_put_bytes: what plait_on_put calls. The item is copied when the case is
 * done, so it must stay as it is until then.
 *   returns  the case; done, its result is 0
 *   errors   none; select itself ends with -EPIPE when the queue is closed
 *   misuse   as plait_put_bytes
 *   blocks   never */
plait_case plait_on_put_bytes(plait_queue *queue, const void *item, size_t size);
#define plait_on_get(queue, item) plait_on_get_bytes(queue, item, PLAIT_SIZE_OF(item))
#define plait_on_put(queue, item) plait_on_put_bytes(queue, item, PLAIT_SIZE_OF(item))

/* An event that is set; it stays set. Also done by a set with a clear right behind it, once the
 * select sleeps.
 *   errors   none
 *   misuse   no event
 *   blocks   never */
plait_case plait_on_event(plait_event *event);

/* Takes units of a semaphore, as plait_semaphore_acquire. Plain acquires that sleep for more than
 * are there go first.
 *   units    1 or more, at most the limit
 *   errors   none
 *   misuse   no semaphore; units that can never be there
 *   blocks   never */
plait_case plait_on_semaphore(plait_semaphore *semaphore, int units);

/* A latch whose count is 0. One that was raised again before the select looked is not seen.
 *   misuse   no latch
 *   errors   none
 *   blocks   never */
plait_case plait_on_latch(plait_latch *latch);

/* Takes a lock, as the block of plait_with does: when its holder died inside, its repair function
 * is called first, and without one the program stops.
 *   errors   none
 *   misuse   no lock
 *   blocks   never */
plait_case plait_on_acquire(plait_lock *lock);

/* The end of a task. It only tells: the handle stays yours, and plait_join gives the status.
 *   task     must not be joined or detached meanwhile; its own end: -EDEADLK from the select; NULL:
 *            -EINVAL from the select
 *   errors   none
 *   misuse   a handle given back before
 *   blocks   never */
plait_case plait_on_end(plait_task *task);

/* The end of a future. It only tells: plait_result, at once then, gives the result.
 *   future   must not be freed meanwhile
 *   errors   none
 *   misuse   no future
 *   blocks   never */
plait_case plait_on_done(plait_future *future);

/* A time, as one of the things that may happen; the deadline of the select is a failure instead.
 *   deadline absolute, as of plait_after; PLAIT_NEVER: this case is never done
 *   errors   none
 *   misuse   a duration where a deadline belongs
 *   blocks   never */
plait_case plait_on_time(int64_t deadline);

/* A descriptor from which read would not wait: data, the end, a hang-up or an error. It only tells;
 * who shares the descriptor may be faster. Regular files are always ready.
 *   descriptor must stay open until the select returns
 *   errors   none here; -EBADF from the select
 *   blocks   never */
plait_case plait_on_readable(int descriptor);

/* The same for write.
 *   errors   none here; -EBADF from the select
 *   blocks   never */
plait_case plait_on_writable(int descriptor);

/* A word of yours that has another value than `seen`, for what plait has no object for. Who changes
 * it, by an atomic operation, calls plait_word_wake afterwards.
 *   where    PLAIT_PRIVATE; PLAIT_SHARED: in memory from plait_share, and changed by any process
 *   errors   none
 *   misuse   NULL, or not aligned to 4 bytes
 *   blocks   never */
plait_case plait_on_word(const uint32_t *word, uint32_t seen, plait_where where);

/* Wakes those that sleep on a word, so that they look at it again. The word itself is not touched:
 * it may be gone.
 *   count    how many at most, the longest sleepers first; none below 1
 *   errors   none
 *   blocks   never */
void plait_word_wake(const uint32_t *word, int count, plait_where where);

#ifdef __cplusplus
}
#endif
#endif
