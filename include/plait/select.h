/* plait/select.h - wait for several things at once, and do exactly one of them. Include <plait.h>.
 *
 * A case says what to wait for. plait_select waits until one of its cases can be done, does that
 * one and nothing of the others, and tells which. When several could be done at once a random one
 * is, so that none is forgotten beside a busy one.
 *
 * Example:
 *     int serve(plait_queue *jobs, plait_event *stop)
 *     {
 *         for (int job;;)
 *             switch (plait_select(plait_after(PLAIT_SECOND), plait_on_get(jobs, &job),
 *                                  plait_on_event(stop))) {
 *             case 0:
 *                 printf("job %d\n", job);
 *                 break;
 *             case 1:
 *                 return 0;
 *             default: // -ETIMEDOUT; -EPIPE: no more jobs; -ECANCELED
 *                 return 1;
 *             }
 *     }
 *
 * Cases are small structs of yours, made by the plait_on_... calls, which wait for nothing; what
 * they name must live until the select returns. The same object may stand in several cases. The
 * records of the sleep lie on the caller's stack, about 50 bytes a case, and nothing is allocated.
 * Any carrier may select, mixed with plain calls on the same objects. Objects of PLAIT_SHARED
 * cannot be waited for in a select yet: -ENOTSUP. Since 0.1; the word is Go's, the idea is Hoare's
 * (CSP, 1978) and Reppy's (Concurrent ML, 1991). */
#ifndef PLAIT_SELECT_H
#define PLAIT_SELECT_H
#include <plait/event.h>
#include <plait/latch.h>
#include <plait/lock.h>
#include <plait/queue.h>
#include <plait/semaphore.h>
#include <plait/start.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One thing to wait for. After plait_select the case done has in `result` what it gave (0, a size,
 * a number); one that can never be done has a code (-EPIPE: its queue is closed, and empty if it
 * was to be got from); all others have -EAGAIN. The other fields are plait's. */
typedef struct plait_case {
    const struct plait_case_kind *kind;
    void *object, *data;
    size_t size;
    int64_t number;
    int result, reserved;
} plait_case;

/* Waits until one of the cases can be done, and does it. plait_select is the same with the cases as
 * arguments behind the deadline.
 *   cases    at least one; their `result` is written
 *   count    1 to 1,000
 *   returns  the index of the case done
 *   errors   nothing was done: -EAGAIN (PLAIT_NOW and none is ready), -ETIMEDOUT, -ECANCELED;
 *            when none is ready and one can never be, its code: -EPIPE (its queue is closed, and
 *            empty), -EBADF (no such descriptor), -ENOTRECOVERABLE, -EDEADLK (its lock), -EMFILE,
 *            -ENOSPC, -ENOMEM (a descriptor cannot be watched); -EINVAL (count below 1, cases NULL,
 *            a case that no plait_on_... call made), -E2BIG (more than 1,000, or this stack has no
 *            room for the records), -ENOTSUP (an object of PLAIT_SHARED)
 *   misuse   a duration where a deadline belongs
 *   blocks   until one is ready */
PLAIT_MUST_USE int plait_select_cases(plait_case *cases, int count, int64_t deadline);

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
 *   errors   none; -ENOTSUP from the select for one of PLAIT_SHARED
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
 *   where    PLAIT_PRIVATE; PLAIT_SHARED: -ENOTSUP from the select
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
extern "C++" template <class... Case>
PLAIT_MUST_USE inline int plait_select(int64_t deadline, Case... which)
{
    plait_case cases[] = {which...};
    return plait_select_cases(cases, (int)sizeof...(which), deadline);
}
#else
#define plait_select(deadline, ...)                                                                \
    plait_select_cases((plait_case[]){__VA_ARGS__},                                                \
                       (int)(sizeof((plait_case[]){__VA_ARGS__}) / sizeof(plait_case)), deadline)
#endif

#endif
