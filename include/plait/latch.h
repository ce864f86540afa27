/* plait/latch.h - wait until a count has come down to 0. Include <plait.h>.
 *
 * A latch counts what is still to be done; who waits for it goes on when nothing is. Set once and
 * counted down it is a starting gate or a finish line; raised before each piece of work and lowered
 * after it, it is a wait group, which also counts pieces that were not known at the start. Unlike a
 * barrier those who count down do not wait, and anybody may count.
 *
 * Example:
 *     static plait_latch parts; // zeroed: private, and nothing to be done
 *     int part(void *unused)
 *     {
 *         return plait_latch_add(&parts, -1), 0;
 *     }
 *     int ten_parts(void)
 *     {
 *         for (int i = 0; i < 10; i++) {
 *             plait_latch_add(&parts, 1); // before the start: the count must not be 0 too early
 *             if (plait_start(NULL, PLAIT_COROUTINE, part, NULL, NULL) != 0)
 *                 plait_latch_add(&parts, -1);
 *         }
 *         return plait_latch_wait(&parts, plait_after(PLAIT_SECOND));
 *     }
 *
 * Threads, coroutines and plain pthreads may use one latch at the same moment; with PLAIT_SHARED
 * processes too. What was written before a call that counts down is seen by whoever returns from a
 * wait because of it. A latch that was at 0 may be raised again at once: those who waited return 0
 * all the same. A task that ends, or is killed, without counting down is not noticed, since plait
 * cannot know who was to do it; one killed at any moment of a call has counted or has not.
 *
 * The struct is 64 bytes, yours, and may be freed as soon as nobody uses it any more: the call that
 * brought it to 0 touches it no more once a waiter can see that. After fork a private one is the
 * child's own copy. The origin is the wait group of Go and the latch of Java's CountDownLatch.
 * Since 0.1. */
#ifndef PLAIT_LATCH_H
#define PLAIT_LATCH_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_latch {
    uint64_t own[8];
} plait_latch;

/* Makes a latch. Not needed for one that begins at 0: zeroes are a private latch.
 *   count    what is to be done, 0 or more
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED in memory from plait_share
 *   errors   none
 *   misuse   a negative count; PLAIT_SHARED in other memory: children would not see it
 *   blocks   never */
void plait_latch_init(plait_latch *latch, int count, plait_where where);

/* Counts: so much more is to be done; negative: so much was done. At 0 all that wait go on.
 *   errors   none; never -ECANCELED
 *   misuse   below 0: somebody counted down twice; beyond INT_MAX
 *   blocks   never */
void plait_latch_add(plait_latch *latch, int count);

/* Waits until the count is 0.
 *   returns  0: it was 0 during the call, perhaps raised again since
 *   errors   -EAGAIN (PLAIT_NOW and above 0), -ETIMEDOUT, -ECANCELED
 *   misuse   a duration where a deadline belongs
 *   blocks   until the count is 0 or the deadline */
PLAIT_MUST_USE int plait_latch_wait(plait_latch *latch, int64_t deadline);

/* The count now. It may have changed when you look at it, unless it is 0 and nobody raises it.
 *   returns  0 or more; when 0, what was written before the count came down is seen
 *   errors   none
 *   blocks   never */
int plait_latch_count(const plait_latch *latch);

#ifdef __cplusplus
}
#endif
#endif
