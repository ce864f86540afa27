/* plait/locks.h - several locks at once. Include <plait.h>.
 *
 * Two tasks that each take two locks, in opposite order, can wait for each other for ever. Taken as
 * a set they cannot: it is taken whole or not at all, in whatever order its locks are named.
 *
 * Example:
 *     struct account {
 *         plait_lock lock;
 *         long balance;
 *     };
 *     int move(struct account *from, struct account *to, long amount)
 *     {
 *         plait_lock *both[] = {&from->lock, &to->lock}; // in any order
 *         int rc = plait_locks_acquire(both, 2, plait_after(PLAIT_SECOND));
 *         if (rc != 0)
 *             return rc; // none of them is held
 *         from->balance -= amount;
 *         to->balance += amount;
 *         plait_locks_release(both, 2);
 *         return 0;
 *     }
 *
 * How: in the order of their addresses, so that sets never meet head-on, and never waiting longer
 * than a few milliseconds for one lock while holding another: then all are given back, and the wait
 * for that one goes on with empty hands. So a set does no harm either beside tasks that take the
 * same locks one by one in an order of their own, or in processes that see them at other addresses;
 * what it costs then is that wait. Order alone (every textbook) would hang there; trying and
 * backing off alone (C++'s std::lock) lets a set starve while others take its locks again and
 * again. Locks that were held before the set are not part of it: whoever waits for a set while
 * holding another lock must keep to an order as with single ones.
 *
 * Private and shared locks may be mixed; the lock inside a plait_rlock may take part. The list is
 * the caller's, read before the call returns and not kept. Since 0.1. */
#ifndef PLAIT_LOCKS_H
#define PLAIT_LOCKS_H
#include <plait/lock.h>
#ifdef __cplusplus
extern "C" {
#endif

/* The largest set. */
#define PLAIT_LOCKS_MOST 64

/* Takes all of them, or none.
 *   locks    `count` pointers, in any order; not read when count is 0
 *   count    0 (does nothing) to PLAIT_LOCKS_MOST
 *   returns  0: this task holds all
 *   errors   -EOWNERDEAD (success with news: it holds all, and a holder of at least one died
 *            inside; repair, then plait_lock_mend each: that does nothing to a sound one); else it
 *            holds none: -E2BIG (more than PLAIT_LOCKS_MOST), and as plait_lock_acquire
 *            -ENOTRECOVERABLE, -EDEADLK (this task held one already, or waits in a circle by
 *            what it held before), -ENOLCK, -EAGAIN (PLAIT_NOW and one was held), -ETIMEDOUT,
 *            -ECANCELED
 *   misuse   NULL, the same lock twice, a negative count; a duration where a deadline belongs
 *   blocks   while another task holds one of them */
PLAIT_MUST_USE int plait_locks_acquire(plait_lock *const *locks, int count, int64_t deadline);

/* Gives all of them back.
 *   locks    those of plait_locks_acquire, in any order
 *   count    as there
 *   errors   none; never -ECANCELED
 *   misuse   this task does not hold one of them; NULL, a count that no set can have
 *   blocks   never */
void plait_locks_release(plait_lock *const *locks, int count);

#ifdef __cplusplus
}
#endif
#endif
