/* Sleeping on words that several processes share. Called by park.c, and shared_done by
 * whoever has a loop of his own around wait_park. */
#ifndef WAIT_SHARED_H
#define WAIT_SHARED_H

#include "wait/lot.h"

/* wait_park for shared words. */
int shared_park(struct wait_self *self, const struct wait_word *words, int count, int64_t deadline);
/* wait_park_nodes for words of both kinds, the last `shared` of them shared. */
int shared_park_nodes(struct wait_self *self, struct lot_node *nodes, int count, int shared,
                      int64_t deadline);
int shared_unpark(uint32_t *word, int count);
/* A wait that slept on these words is over. Every wait that calls shared_park ends with it. */
void shared_done(struct wait_self *self, const struct wait_word *words, int count);
void shared_after_fork(void);

#endif
