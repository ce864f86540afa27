/* plait/barrier.h - meet, then go on together. Include <plait.h>.
 *
 * A barrier is for a fixed number of parties that do a work in steps: who has done his part of a
 * step waits until all have, and then all go on with the next. It may be used again at once, and
 * who is fast does not overtake the slow: the next step begins a new round, and each call belongs
 * to one. An action, if there is one, is run between two steps while all others still wait.
 *
 * Example:
 *     static plait_barrier step;
 *     static long halves[2], sum;
 *     static void add(void *unused)
 *     {
 *         sum = halves[0] + halves[1]; // both have written, neither goes on yet
 *     }
 *     int half(void *mine)
 *     {
 *         *(long *)mine = 21;
 *         int rc = plait_barrier_wait(&step, plait_after(PLAIT_SECOND));
 *         return rc < 0 ? rc : sum == 42 ? 0 : 1;
 *     }
 *     int both(void)
 *     {
 *         int rc = plait_barrier_init(&step, 2, PLAIT_PRIVATE);
 *         plait_barrier_action(&step, add, NULL);
 *         for (int i = 0; i < 2 && rc == 0; i++)
 *             rc = plait_start(NULL, PLAIT_THREAD, half, &halves[i], NULL);
 *         return rc ? rc : plait_join_all(PLAIT_NEVER);
 *     }
 *
 * A barrier breaks when one who has come cannot stay: his wait times out, or he is cancelled. Then
 * the others' waits end with -EPIPE, and so do all later ones, because whoever waits for a party
 * that has gone would wait for ever; plait_barrier_reset makes it whole. This is what
 * threading.Barrier of Python does.
 *
 * With PLAIT_SHARED the parties may be in several processes, 120 at most. One that has come and is
 * killed breaks the barrier too, in 50 ms at most: the others get -EPIPE. One that dies before it
 * comes breaks nothing, since nobody knows that it would have come. What a shared barrier keeps of
 * its parties lies in pages behind the memory that plait_share gave, which are taken at init, up to
 * 15 KB a barrier; they go with that memory, and an init of the same barrier uses them again.
 *
 * What each party wrote before it came is seen by the action and by all that go on. Threads,
 * coroutines and plain pthreads may meet at one barrier. The struct is 64 bytes, yours, and may be
 * freed as soon as any call of its last round has returned, unless a party is still to come: those
 * inside touch it no more from then on; a shared one when all have. After fork a private one is the
 * child's own copy; parties that waited there are not in the child, so there it is broken. Since
 * 0.1. */
#ifndef PLAIT_BARRIER_H
#define PLAIT_BARRIER_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_barrier {
    uint64_t own[8];
} plait_barrier;

/* Makes a barrier. Always needed: zeroes are none.
 *   parties  how many meet, 1 or more
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED for one that processes started later use as well
 *   returns  0
 *   errors   -EINVAL (parties below 1); shared: -E2BIG (more than 120 parties), -ENOSPC (no room
 *            for what is kept of them: a plait_segment has it for 160 parties, plait_share for
 *            8,000)
 *   misuse   PLAIT_SHARED elsewhere than in memory from plait_share or a plait_segment
 *   blocks   never */
int plait_barrier_init(plait_barrier *barrier, int parties, plait_where where);

/* What the last to come does before any goes on.
 *   action   called by the last one, on its own stack; a wait on the same barrier in it is
 *            -EDEADLK. Left by a C++ exception or pthread_exit it breaks the barrier. NULL: none
 *            A shared barrier's is this process' own, and its later children's: the last to come
 *            runs the one of his process
 *   errors   none
 *   misuse   shared: no memory for it
 *   blocks   never; an action under way is not changed */
void plait_barrier_action(plait_barrier *barrier, void (*action)(void *arg), void *arg);

/* Comes, and waits until all parties have. From the moment the last one has come no time-out and no
 * cancel counts any more, also while the action runs.
 *   returns  a number of its own for each party of a round, 0 to parties - 1 in the order in which
 *            they came; the last one's is parties - 1
 *   errors   -EPIPE (broken, or reset meanwhile), -EAGAIN (PLAIT_NOW and others are missing: it did
 *            not come, nothing breaks), -ETIMEDOUT and -ECANCELED (the barrier is broken by it),
 *            -EDEADLK (inside the action); shared: -EPIPE (a party that had come has died), -ENOLCK
 *            (this thread holds 1,900 shared words)
 *   misuse   a duration where a deadline belongs; no barrier
 *   blocks   until the last party has come and the action is over, or the deadline */
PLAIT_MUST_USE int plait_barrier_wait(plait_barrier *barrier, int64_t deadline);

/* Breaks it: all who wait get -EPIPE, and so do all who come, until it is reset. For a party that
 * cannot come any more. Who has been let through already goes on.
 *   errors   none
 *   blocks   never */
void plait_barrier_abort(plait_barrier *barrier);

/* Makes it whole and empty: who waits gets -EPIPE, who comes from now on begins a new round.
 *   errors   none
 *   blocks   never */
void plait_barrier_reset(plait_barrier *barrier);

/* How many have come and wait. It may have changed when you look at it.
 *   returns  0 to parties - 1; 0 when it is broken
 *   errors   none
 *   blocks   never */
int plait_barrier_waiting(const plait_barrier *barrier);

#ifdef __cplusplus
}
#endif
#endif
