/* plait/event.h - a flag that tasks can wait for. Include <plait.h>.
 *
 * An event is clear until somebody sets it, and stays set until somebody clears it: who waits for
 * it goes on at once while it is set. It tells that something has happened, once, to any number;
 * for handing over things there is the queue.
 *
 * Example:
 *     static plait_event ready; // zeroed: private and clear, no init needed
 *     int follower(void *unused)
 *     {
 *         if (plait_event_wait(&ready, plait_after(PLAIT_SECOND)) == -ETIMEDOUT)
 *             puts("nobody called plait_event_set(&ready) for a second");
 *         return 0;
 *     }
 *
 * Threads, coroutines and plain pthreads may use one event at the same moment; with PLAIT_SHARED
 * processes too. What the setter wrote before plait_event_set is seen by whoever returns from a
 * wait because of it. Set, clear and is_set never wait. A task killed beside an event changes
 * nothing: what is set stays set, and an event not yet set is not given up, since plait cannot know
 * who was to set it.
 *
 * The struct is 64 bytes, yours, and may be freed as soon as nobody uses it any more: the call that
 * set it touches it no more once a waiter can see the effect. After fork a private event is the
 * child's own copy. Since 0.1. */
#ifndef PLAIT_EVENT_H
#define PLAIT_EVENT_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_event {
    uint64_t own[8];
} plait_event;

/* Makes a clear event. Needed for PLAIT_SHARED only: zeroes are a private one.
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED in memory from plait_share
 *   errors   none
 *   misuse   PLAIT_SHARED in other memory: children would not see it
 *   blocks   never */
void plait_event_init(plait_event *event, plait_where where);

/* Sets it and wakes all that wait. Allowed in signal handlers, so that one may tell a task.
 *   errors   none; setting what is set does nothing
 *   blocks   never */
void plait_event_set(plait_event *event);

/* Clears it. Who was woken by an earlier set returns 0 all the same, because the set has happened.
 *   errors   none
 *   blocks   never */
void plait_event_clear(plait_event *event);

/* Is it set? By the time you look at the answer it may have changed, unless nobody clears it.
 *   returns  true or false; when true, what was written before the set is seen
 *   errors   none
 *   blocks   never */
bool plait_event_is_set(const plait_event *event);

/* Waits until it is set.
 *   returns  0: it was set, perhaps cleared again since
 *   errors   -EAGAIN (PLAIT_NOW and clear), -ETIMEDOUT, -ECANCELED
 *   misuse   a duration where a deadline belongs
 *   blocks   until it is set or the deadline */
PLAIT_MUST_USE int plait_event_wait(plait_event *event, int64_t deadline);

/* Waits until it is set and clears it, in one step: the auto-reset form. Of several takers one gets
 * it; the others wait for the next set. All that wait at a set go on, whoever takes it.
 *   returns  0: it was set, and this task cleared it
 *   errors   -EAGAIN (PLAIT_NOW and clear), -ETIMEDOUT, -ECANCELED
 *   misuse   a duration where a deadline belongs
 *   blocks   until it gets a set of its own, or the deadline */
PLAIT_MUST_USE int plait_event_take(plait_event *event, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
