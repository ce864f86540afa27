/* Sleeping on words that several processes share. Called by park.c alone. */
#ifndef WAIT_SHARED_H
#define WAIT_SHARED_H

#include "wait/wait.h"

/* wait_park for shared words. */
int shared_park(struct wait_self *self, const struct wait_word *words, int count, int64_t deadline);
int shared_unpark(uint32_t *word, int count);

/* What shared_park shares with wait_park: arm (false: a cancel is due, but the state is armed all the same), and the answer to
 * a state that was swapped for WAIT_AWAKE. */
bool wait_park_begin(struct wait_self *self);
int wait_park_end(struct wait_self *self, uint32_t state);

#endif
