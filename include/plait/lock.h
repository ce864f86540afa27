/* plait/lock.h - one at a time. Include <plait.h>.
 *
 * A lock is held by one task or by none. The block form is the one to write: it holds the lock
 * inside, and leaving the block by its end, return, break or goto releases it.
 *
 * Example:
 *     static plait_lock lock; // zeroed: private and free, no init needed
 *     static long left = 3;
 *     int buy(void *buyer)
 *     {
 *         plait_with (&lock)
 *             if (left > 0)
 *                 return printf("%s has ticket %ld\n", (char *)buyer, left--), 0;
 *         return 1;
 *     }
 *
 * Threads, coroutines and plain pthreads may share one lock; with PLAIT_SHARED, in memory from
 * plait_share, processes too. The holder is the task: a coroutine may hold it across waits, and
 * only the task that acquired it releases it. What a holder wrote is seen by the next one. It is
 * not re-entrant (plait_rlock is), and not handed over in order: who comes by may take it before
 * one that sleeps, because waiting for a sleeper to wake would cost a hundred times more; nobody
 * starves for ever.
 *
 * A holder that dies inside (a process that is killed; one that a fork left behind) leaves what the
 * lock protects half done. The next one gets the lock and is told: plait_lock_acquire says
 * -EOWNERDEAD, the block calls the repair function of plait_lock_on_death. Mended, it is a lock as
 * before; released without, it is refused to all (-ENOTRECOVERABLE), since nobody vouches for the
 * data.
 *
 * The struct is 64 bytes and yours. After fork a private lock is the child's own copy: one that
 * another task held there counts as left by a dead holder; a shared one is still held by the
 * parent's task. Since 0.1. */
#ifndef PLAIT_LOCK_H
#define PLAIT_LOCK_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_lock {
    uint64_t own[8];
} plait_lock;

/* Makes a free lock. Needed for PLAIT_SHARED only: zeroes are a private one.
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED in memory from plait_share
 *   errors   none
 *   misuse   PLAIT_SHARED in other memory: children would not see it
 *   blocks   never */
void plait_lock_init(plait_lock *lock, plait_where where);

/* Takes the lock.
 *   returns  0: this task holds it
 *   errors   -EOWNERDEAD (success with news: this task holds it, the holder before died inside;
 *            repair, then plait_lock_mend), -ENOTRECOVERABLE (released unmended), -EDEADLK (this
 *            task holds it already, or is the youngest of a circle of waits: watch.h), -ENOLCK
 *            (this thread holds 1,900 shared locks), -EAGAIN (PLAIT_NOW and held), -ETIMEDOUT,
 *            -ECANCELED
 *   misuse   a duration where a deadline belongs; with PLAIT_CHECK: taking it twice, instead of
 *            -EDEADLK
 *   blocks   while another task holds it */
PLAIT_MUST_USE int plait_lock_acquire(plait_lock *lock, int64_t deadline);

/* Gives the lock back and wakes one that waits. Touches the lock no more once another can take it:
 * that one may free it.
 *   errors   none; never -ECANCELED
 *   misuse   this task does not hold it: names who does
 *   blocks   never */
void plait_lock_release(plait_lock *lock);

/* Does anybody hold it? A hint, because it may change before you look at the answer.
 *   returns  true or false
 *   errors   none
 *   blocks   never */
bool plait_lock_is_held(const plait_lock *lock);

/* What this process does when the block form finds that the holder before died: repair(arg), with
 * the lock held; then it is mended. Without one the block aborts and names the dead holder. Known
 * by the lock's address, for this process and its later children, because no function's address may
 * lie in shared memory; NULL takes it back.
 *   repair   called by the task that got the lock; must not take the same lock
 *   errors   none; without memory to note it down it aborts and says so
 *   blocks   never */
void plait_lock_on_death(plait_lock *lock, void (*repair)(void *arg), void *arg);

/* Says that what a dead holder left half done is whole again. Does nothing to a sound lock, so that
 * it need not be asked which it is.
 *   errors   none
 *   misuse   this task does not hold it
 *   blocks   never */
void plait_lock_mend(plait_lock *lock);

/* What plait_with is made of: a lock that is released once, at the end of the block. */
typedef struct plait_held {
    void *object;
    void (*release)(void *object);
} plait_held;

/* Takes the lock for a block. It cannot say no: so it waits for ever, and cancel and the deadline
 * of a scope do not end it. For short sections; who wants a code calls plait_lock_acquire.
 *   returns  what plait_held_end releases
 *   errors   none
 *   misuse   this task holds it already; it is the youngest of a circle of waits; its holder died
 *            and there is no repair function; it is not recoverable
 *   blocks   while another task holds it */
plait_held plait_lock_hold(plait_lock *lock);

/* Releases what is held, once; afterwards it does nothing, so that the end of a block and the
 * cleanup behind it agree.
 *   errors   none
 *   misuse   as plait_lock_release
 *   blocks   never */
void plait_held_end(plait_held *held);

/* plait_with (&lock) { ... }: `break` leaves the block itself, as in every `for`. In C++ exceptions
 * release too. */
#define PLAIT_WITH(held, hold)                                                                     \
    for (plait_held held PLAIT_CLEANUP(plait_held_end) = hold; held.object; plait_held_end(&held))
#define plait_with(lock) PLAIT_WITH(PLAIT_UNIQUE(held), PLAIT_HOLD(lock))
#ifdef __cplusplus
extern "C++" inline plait_held plait_hold(plait_lock *lock)
{
    return plait_lock_hold(lock);
}
#define PLAIT_HOLD(lock) plait_hold(lock)
#else
#define PLAIT_HOLD(lock)                                                                           \
    _Generic((lock), plait_lock * : plait_lock_hold, plait_rlock * : plait_rlock_hold)(lock)
#endif

#ifdef __cplusplus
}
#endif
#include <plait/rlock.h> /* because plait_with takes both */
#endif
