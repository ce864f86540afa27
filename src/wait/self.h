/* A sleeper's own state, for those who put one to sleep: park.c and shared.c. */
#ifndef WAIT_SELF_H
#define WAIT_SELF_H

#include "wait/wait.h"

enum { WAIT_CANCEL_PENDING = 1, WAIT_CANCEL_TOLD = 2, WAIT_CANCEL_BLOCK = 4 }; /* of cancel */

/* AWAKE -> ARMED. False: a cancel is due, so do not sleep; it is armed all the same. */
bool wait_self_arm(struct wait_self *self);
bool wait_cancel_is_due(const struct wait_self *self);
/* The answer of wait_park, once the state was swapped for AWAKE and was `state`. Takes a cancel
 * that is due. */
int wait_self_disarmed(struct wait_self *self, uint32_t state);

#endif
