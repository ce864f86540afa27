/* Spinning before a sleep on an object that processes share (budget.h says when it pays). What was
 * learnt is kept in this process, by address, because what a peer writes must not make us spin. */
#ifndef SYNC_SHARED_SPIN_H
#define SYNC_SHARED_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* Looks until it is there, as long as that has paid; false: it was not, or nobody should spin
 * here. */
bool shared_spin(const void *object, bool (*look)(void *call), void *call);
/* The wait is over, which began at `since`. */
void shared_spin_learn(const void *object, int64_t since);

#endif
