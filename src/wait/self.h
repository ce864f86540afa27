/* A sleeper's own state, for those who put one to sleep: park.c and shared.c. */
#ifndef WAIT_SELF_H
#define WAIT_SELF_H

#include "wait/wait.h"

enum { WAIT_CANCEL_PENDING = 1, WAIT_CANCEL_TOLD = 2, WAIT_CANCEL_BLOCK = 4 }; /* of cancel */

/* AWAKE -> ARMED. False: a cancel is due, so do not sleep; it is armed all the same. */
bool wait_self_arm(struct wait_self *self);
bool wait_cancel_is_due(const struct wait_self *self);
/* -> AWAKE; what it was. Nobody fires from here on. One that was fired stays so whatever others do,
 * since only ARMED and ASLEEP are fired: then a store is enough, and a swap costs as much as a
 * switch. */
static inline uint32_t wait_self_disarm(struct wait_self *self)
{
    uint32_t state = atom_load(&self->state, ACQUIRE); /* pairs with the ACQ_REL of who fired */
    if (unlikely(state == WAIT_ARMED || state == WAIT_ASLEEP))
        return atom_swap(&self->state, WAIT_AWAKE, ACQ_REL);
    atom_store(&self->state, WAIT_AWAKE, RELAXED);
    return state;
}
/* The answer of wait_park, once the state was swapped for AWAKE and was `state`. Takes a cancel
 * that is due. */
int wait_self_disarmed(struct wait_self *self, uint32_t state);

#endif
