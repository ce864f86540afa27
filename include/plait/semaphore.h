/* plait/semaphore.h - at most so many at a time. Include <plait.h>.
 *
 * A semaphore counts units. Acquire takes some, and waits while there are not enough; release adds
 * some. Any task may release, also one that never acquired: so it bounds how many are inside
 * something, and it tells a task that something is there. What was written before a release is seen
 * by who gets its units.
 *
 * Example:
 *     static plait_semaphore seats;
 *     int eat(void *guest)
 *     {
 *         if (plait_semaphore_acquire(&seats, 1, PLAIT_NEVER) != 0)
 *             return 1;
 *         printf("%s sits down\n", (char *)guest);
 *         plait_semaphore_release(&seats, 1);
 *         return 0;
 *     }
 *     int open_restaurant(void)
 *     {
 *         plait_semaphore_init(&seats, 5, 5, PLAIT_PRIVATE); // five seats, and never more
 *         for (int i = 0; i < 20; i++)
 *             if (plait_start(NULL, PLAIT_COROUTINE, eat, "a guest", NULL) != 0)
 *                 return 1;
 *         return plait_join_all(PLAIT_NEVER);
 *     }
 *
 * Threads, coroutines and plain pthreads may share one, and with PLAIT_SHARED processes too. Units
 * are taken all at once or not at all.
 * Whoever comes first takes them, also before one that sleeps, because waiting for a sleeper to
 * wake would cost a hundred times more; but nobody starves: sleepers are served in turn, and who
 * has waited for a millisecond at their front, or wants more than one unit, has all units put by
 * for him until there are enough. A task that ends or is killed gives nothing back: whoever wants
 * that asks for plait_permits. Dijkstra's P and V (1962), with his later many at a time.
 *
 * A shared one lies in memory from plait_share. Kill a process at any instruction: what it had
 * taken is gone, and nothing else; who waits for units that are there gets them. A stopped process
 * that waits is passed by after 40 ms, unless units were being put by for it: then who comes later
 * waits, to his deadline at most, until it goes on or dies.
 *
 * The struct is 64 bytes, yours, and may be freed as soon as nobody uses it any more: a release
 * touches it no more once its units can be taken. After fork a private one is the child's own copy.
 * Since 0.1.
 */
#ifndef PLAIT_SEMAPHORE_H
#define PLAIT_SEMAPHORE_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_semaphore {
    uint64_t own[8];
} plait_semaphore;

/* Makes a semaphore. Zeroes are one with no units and no limit.
 *   units    how many there are at the beginning, 0 or more
 *   limit    how many there may ever be, at least units; 0: no limit but INT_MAX
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED for one that processes started later use as well
 *   errors   none
 *   misuse   a negative number, units above limit; PLAIT_SHARED elsewhere than in plait_share's
 *   blocks   never */
void plait_semaphore_init(plait_semaphore *semaphore, int units, int limit, plait_where where);

/* Takes units: all of them, or none.
 *   units    1 or more, at most the limit
 *   returns  0: they are taken
 *   errors   -EINVAL (0, negative, or more than can ever be there), -EAGAIN (PLAIT_NOW and too
 *            few), -ETIMEDOUT, -ECANCELED; shared: -ENOLCK (this thread holds 1,900 shared words)
 *   misuse   a duration where a deadline belongs
 *   blocks   while there are too few, or they are put by for another */
PLAIT_MUST_USE int plait_semaphore_acquire(plait_semaphore *semaphore, int units, int64_t deadline);

/* Adds units and wakes those that can go on.
 *   units    1 or more
 *   errors   none; never -ECANCELED
 *   misuse   0 or negative; more than the limit would be there, or more than INT_MAX
 *   blocks   never */
void plait_semaphore_release(plait_semaphore *semaphore, int units);

/* How many units are there? A hint, because it may change before you look at the answer.
 *   returns  0 or more
 *   errors   none
 *   blocks   never */
int plait_semaphore_value(const plait_semaphore *semaphore);

#ifdef __cplusplus
}
#endif
#endif
