/* The barrier in shared memory. barrier.c calls these when it has seen that an object is a shared
 * one. */
#ifndef SYNC_SHARED_BARRIER_H
#define SYNC_SHARED_BARRIER_H

#include <plait/barrier.h>

/* The object is zeroed but for its head, parties is 1 or more: 0, -E2BIG, -ENOSPC. */
int shared_barrier_init(plait_barrier *object, int parties);
void shared_barrier_action(plait_barrier *object, void (*action)(void *arg), void *arg,
                           void *place);
int shared_barrier_wait(plait_barrier *object, int64_t deadline, void *place);
void shared_barrier_abort(plait_barrier *object, void *place);
void shared_barrier_reset(plait_barrier *object, void *place);
int shared_barrier_waiting(plait_barrier *object, void *place);

#endif
