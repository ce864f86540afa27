/* plait/time.h - deadlines and sleeping. Include <plait.h>.
 *
 * All time in plait is an int64_t: nanoseconds of the monotonic clock, which setting the wall clock
 * does not move. A call that can wait takes a deadline last: a point of that clock, not a duration,
 * so that a loop of waits ends when it should without arithmetic. Three kinds are written:
 *
 *     PLAIT_NOW                          do not wait: -EAGAIN where waiting would be needed
 *     PLAIT_NEVER                        wait as long as it takes
 *     plait_after(2 * PLAIT_SECOND)      -ETIMEDOUT two seconds from here
 *
 * A deadline that has passed is tried once, then -ETIMEDOUT. A number that lies before the start of
 * the program must be a duration whose plait_after was forgotten: the call aborts and names its
 * place, because otherwise it would be a time-out that nobody can explain.
 *
 * Example:
 *     int tick(void *unused)
 *     {
 *         plait_ticker second = {.period = PLAIT_SECOND};
 *         for (int missed; (missed = plait_ticker_wait(&second, PLAIT_NEVER)) >= 0;)
 *             printf("tick, %d missed\n", missed);
 *         return 0; // cancelled
 *     }
 *
 * With PLAIT_SEED set (deterministic mode) the clock is virtual: it stands still while something
 * can run and jumps to the next deadline otherwise. All calls: any carrier, also after fork. Since
 * 0.1. */
#ifndef PLAIT_TIME_H
#define PLAIT_TIME_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

#define PLAIT_NOW INT64_C(0)  /* do not wait */
#define PLAIT_NEVER INT64_MAX /* no deadline */
#define PLAIT_MICROSECOND INT64_C(1000)
#define PLAIT_MILLISECOND INT64_C(1000000)
#define PLAIT_SECOND INT64_C(1000000000) /* 0.5 * PLAIT_SECOND is welcome too */

/* The time now.
 *   returns  nanoseconds of CLOCK_MONOTONIC, or of the virtual clock; about 25 ns, since no system
 *            call is made
 *   errors   none
 *   blocks   never */
int64_t plait_now(void);

/* The deadline that lies `duration` nanoseconds from now.
 *   returns  the sum, held within bounds: PLAIT_NEVER when it is too large to say, the program's
 *            start when it would lie before it, so that a negative duration is a deadline that has
 *            passed and not misuse
 *   errors   none
 *   blocks   never */
int64_t plait_after(int64_t duration);

/* Sleeps until the deadline. A coroutine gives its worker to others meanwhile. PLAIT_NEVER sleeps
 * until cancelled.
 *   returns  0 at the deadline; also at once when it has passed already
 *   errors   -ECANCELED, -ETIMEDOUT (the deadline of a plait_scoped around came first)
 *   misuse   a duration where a deadline belongs
 *   blocks   until the deadline */
int plait_sleep(int64_t deadline);

/* A beat of one task's own: ticks that lie `period` apart, whatever happens between them, since
 * each is counted from the one before and not from when it was noticed. Write { .period =
 * PLAIT_SECOND }: the first tick is then one period after the first wait; or set `next` to the time
 * of the first. */
typedef struct plait_ticker {
    int64_t period, next; /* nanoseconds | a time as plait_now's; 0: not begun */
} plait_ticker;

/* Waits for the next tick. Who comes late gets the latest one that is over, at once.
 *   returns  how many ticks before it were missed; 0 when none was; at most INT_MAX
 *   errors   -EINVAL (NULL, period <= 0), -EAGAIN (PLAIT_NOW and it is not time), -ETIMEDOUT,
 *            -ECANCELED: the tick is still to come
 *   misuse   a duration where a deadline belongs
 *   blocks   until the tick or the deadline */
PLAIT_MUST_USE int plait_ticker_wait(plait_ticker *ticker, int64_t deadline);

/* Lets others run: a coroutine goes behind those that are ready on its worker, a thread calls
 * sched_yield(2). In a loop that computes for long it keeps the neighbours served, since plait
 * interrupts nobody. A coroutine that has run for about 5 ms does so by itself in its next call of
 * a lock, a queue or whatever else may wait, also with PLAIT_NOW and also when nothing keeps it
 * waiting: so what must not be interleaved needs a lock, not the hope that a call returns at once.
 *   errors   none; not a point of cancellation: plait_is_canceled tells
 *   blocks   never; others run meanwhile */
void plait_yield(void);

#ifdef __cplusplus
}
#endif
#endif
