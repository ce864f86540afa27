/* plait/condition.h - wait until something under a lock has changed. Include <plait.h>.
 *
 * A condition is where tasks wait that hold a lock and find that they cannot go on yet. The wait
 * gives the lock back, sleeps until somebody notifies, and takes the lock again. Who changes what
 * they wait for does so under the same lock, and notifies: before or after the release, as you
 * like.
 *
 * Example:
 *     static plait_lock lock; // zeroed: private, no init needed; the condition too
 *     static plait_condition grown;
 *     static int apples;
 *     static bool enough(void *wanted)
 *     {
 *         return apples >= *(int *)wanted;
 *     }
 *     int eat(int wanted)
 *     {
 *         plait_with (&lock) {
 *             int rc = plait_condition_wait_for(&grown, &lock, enough, &wanted, PLAIT_NEVER);
 *             if (rc != 0)
 *                 return rc;
 *             apples -= wanted;
 *         }
 *         return 0;
 *     }
 *     void grow(void)
 *     {
 *         plait_with (&lock)
 *             apples++;
 *         plait_condition_notify_all(&grown);
 *     }
 *
 * Threads, coroutines and plain pthreads may wait on one condition, all with the same lock; a
 * plait_rlock serves by its `lock` (&rlock.lock), is given back however often it was taken, and is
 * as deep as before when the wait returns. A notify wakes nobody who would only find the lock held:
 * it moves waiters to those who wait for the lock, so that telling a hundred costs one wake. A
 * notify is not kept: who waits later does not see it, so look at what you wait for first, which
 * plait_condition_wait_for does. Nor is one lost: a waiter that was told returns 0, though its
 * deadline passed or it was cancelled while it waited for the lock.
 *
 * With PLAIT_SHARED processes may wait, with a shared lock. There a notify is a hint and no more:
 * it may end more waits than it says, and each wait ends within 50 ms to look again, because a
 * process that was killed between its change and its notify could tell nobody. One killed inside a
 * notify is told of at once.
 *
 * The struct is 64 bytes, yours, and may be freed as soon as nobody waits on it any more: the call
 * that notified touches it no more once a waiter can have the lock. After fork a private one is the
 * child's own copy, with nobody waiting. After Hoare's monitors (1974), with Mesa's rule that a
 * notify is a hint (Lampson and Redell 1980). Since 0.1. */
#ifndef PLAIT_CONDITION_H
#define PLAIT_CONDITION_H
#include <plait/lock.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_condition {
    uint64_t own[8];
} plait_condition;

/* Makes a condition. Zeroes are one too.
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED for one that processes started later use as well
 *   errors   none
 *   misuse   PLAIT_SHARED elsewhere than in memory from plait_share
 *   blocks   never */
void plait_condition_init(plait_condition *condition, plait_where where);

/* Gives the lock back, waits for a notify, takes the lock again. The lock is held again whatever is
 * returned, but for -ENOTRECOVERABLE, and neither deadline nor cancel end the wait for it.
 *   lock     held by this task
 *   returns  0: notified, or shared and 40 ms are over. What was waited for may have changed again
 *            since: look
 *   errors   -EAGAIN (PLAIT_NOW: the lock was not given back), -ETIMEDOUT, -ECANCELED, -EOWNERDEAD
 *            and -ENOTRECOVERABLE as plait_lock_acquire
 *   misuse   this task does not hold the lock; a shared condition and a private lock; others wait
 *            with another lock (told of a private condition); a duration where a deadline belongs
 *   blocks   until notified or the deadline, then while another task holds the lock */
PLAIT_MUST_USE int plait_condition_wait(plait_condition *condition, plait_lock *lock,
                                        int64_t deadline);

/* Waits until predicate(arg) is true: looks first, and again after each notify.
 *   lock     held by this task
 *   predicate called with the lock held; must not wait
 *   returns  0: it is true, and the lock held
 *   errors   as plait_condition_wait; after -EAGAIN, -ETIMEDOUT and -ECANCELED it was false at
 *            last; -EINVAL (no predicate)
 *   misuse   as plait_condition_wait
 *   blocks   as plait_condition_wait */
PLAIT_MUST_USE int plait_condition_wait_for(plait_condition *condition, plait_lock *lock,
                                            bool (*predicate)(void *arg), void *arg,
                                            int64_t deadline);

/* Tells some of those who wait, the longest first. With or without the lock; holding it, nobody
 * wakes before the release.
 *   count    how many at most; 0: nobody
 *   errors   none
 *   misuse   a negative count
 *   blocks   never */
void plait_condition_notify(plait_condition *condition, int count);

/* Tells all who wait.
 *   errors   none
 *   blocks   never */
void plait_condition_notify_all(plait_condition *condition);

#ifdef __cplusplus
}
#endif
#endif
