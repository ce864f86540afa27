/* Which memory plait has mapped for several processes: what a shared object must lie in. */
#ifndef SHARE_SHARE_H
#define SHARE_SHARE_H

#include <plait/share.h>

/* Does all of [object, object + size) lie in one mapping of plait_share? Takes no lock: also right
 * in a forked child and in a signal handler. */
bool share_contains(const void *object, size_t size);

/* For handle.c: maps all of a memfd, as plait_share does, and keeps its descriptor. NULL: *rc says
 * why, and the descriptor is still the caller's. */
void *share_map(int file, size_t size, int *rc);

#endif
