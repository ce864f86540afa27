/* plait/rlock.h - a lock that its holder may take again. Include <plait.h>.
 *
 * A re-entrant lock is held by one task, as often as that task likes, and is free when it has been
 * released as often. For functions that take a lock and call each other. Where you can, take a
 * plait_lock outside of them instead: what a section leaves half done is then easier to see.
 *
 * Example:
 *     static plait_rlock lock; // zeroed: private and free, no init needed
 *     static long balance[2];
 *     void deposit(int account, long amount)
 *     {
 *         plait_with (&lock)
 *             balance[account] += amount;
 *     }
 *     void move(long amount)
 *     {
 *         plait_with (&lock) { // taken twice more inside
 *             deposit(0, -amount);
 *             deposit(1, amount);
 *         }
 *     }
 *
 * It is a lock in all else: see lock.h for who may use it, how it is handed over, and what happens
 * when a holder dies or the program forks. The lock inside, &rlock.lock, serves wherever a
 * plait_lock is asked for: plait_lock_is_held, plait_lock_mend and plait_lock_on_death, a
 * condition, a set of locks; but what was taken as re-entrant is released as re-entrant. The depth
 * lies in the object and belongs to its holder, so it needs no room in the task. Its 64 bytes are
 * yours. Since 0.1. */
#ifndef PLAIT_RLOCK_H
#define PLAIT_RLOCK_H
#include <plait/lock.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_rlock {
    plait_lock lock;
} plait_rlock;

/* Makes a free one. Needed for PLAIT_SHARED only: zeroes are a private one.
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED in memory from plait_share
 *   errors   none
 *   misuse   PLAIT_SHARED in other memory: children would not see it
 *   blocks   never */
void plait_rlock_init(plait_rlock *rlock, plait_where where);

/* Takes it, or takes it once more.
 *   returns  0: this task holds it, one deeper than before
 *   errors   -EOWNERDEAD (it holds it, at depth 1; repair, then plait_lock_mend(&rlock->lock)),
 *            -ENOTRECOVERABLE, -ENOLCK, -EDEADLK (the youngest of a circle of waits: watch.h; never
 *            for what it holds itself), -EAGAIN, -ETIMEDOUT, -ECANCELED
 *   misuse   a duration where a deadline belongs; INT_MAX deep
 *   blocks   while another task holds it; never for who does */
PLAIT_MUST_USE int plait_rlock_acquire(plait_rlock *rlock, int64_t deadline);

/* Undoes one acquire; the last one gives the lock back and wakes one that waits.
 *   errors   none; never -ECANCELED
 *   misuse   this task does not hold it: names who does
 *   blocks   never */
void plait_rlock_release(plait_rlock *rlock);

/* How often the calling task holds it.
 *   returns  the depth; 0: it is not the holder
 *   errors   none
 *   blocks   never */
int plait_rlock_depth(const plait_rlock *rlock);

/* Takes it for a block: plait_with (&rlock) { ... }. It cannot say no, as plait_lock_hold.
 *   returns  what plait_held_end releases
 *   errors   none
 *   misuse   its holder died and there is no repair function; it is not recoverable
 *   blocks   while another task holds it */
plait_held plait_rlock_hold(plait_rlock *rlock);

#ifdef __cplusplus
extern "C++" inline plait_held plait_hold(plait_rlock *rlock)
{
    return plait_rlock_hold(rlock);
}
}
#endif
#endif
