/* What the block forms of all locks have in common. */
#ifndef SYNC_HELD_H
#define SYNC_HELD_H

#include <plait/lock.h>

/* `rc` is how an acquire for a block ended, other than by 0. -EOWNERDEAD: runs the repair function
 * and mends. Else, or without one, the program stops, because a block cannot say no. */
void held_settle(plait_lock *lock, int rc, const char *type, void *place);

#endif
