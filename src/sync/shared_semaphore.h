/* The semaphore in shared memory. semaphore.c calls these when it has seen that an object is a
 * shared one. */
#ifndef SYNC_SHARED_SEMAPHORE_H
#define SYNC_SHARED_SEMAPHORE_H

#include "wait/case.h"

#include <plait/semaphore.h>

/* The object is zeroed but for its head. */
void shared_semaphore_init(plait_semaphore *object, int units, int limit);
/* As plait_semaphore_acquire; also -ENOLCK (this thread holds ROBUST_HELD_MOST words). */
int shared_semaphore_acquire(plait_semaphore *object, int units, int64_t deadline, void *place);
void shared_semaphore_release(plait_semaphore *object, int units, void *place);
int shared_semaphore_value(const plait_semaphore *object);
plait_case shared_semaphore_case(plait_semaphore *object, int units, void *place);
/* Could so many ever be there? */
bool shared_semaphore_fits(const plait_semaphore *object, int units);

#endif
