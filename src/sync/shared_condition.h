/* The condition in shared memory. condition.c calls these when it has seen that an object is a
 * shared one. */
#ifndef SYNC_SHARED_CONDITION_H
#define SYNC_SHARED_CONDITION_H

#include <plait/condition.h>

/* The lock is a shared one, held by the caller. Calls leave(object), which gives it back, and then
 * sleeps: 0 (notified, or it is time to look again), -ETIMEDOUT, -ECANCELED. The caller takes the
 * lock again, which ends a cover. */
int shared_condition_sleep(plait_condition *condition, void (*leave)(void *object), void *object,
                           int64_t deadline);
/* count INT_MAX: all. */
void shared_condition_notify(plait_condition *condition, int count);

#endif
