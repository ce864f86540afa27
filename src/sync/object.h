/* What lock and event have in common: 64 bytes laid out as struct robust_word, private when zeroed.
 * */
#ifndef SYNC_OBJECT_H
#define SYNC_OBJECT_H

#include "wait/robust.h"

#include <plait/macros.h>

/* `before` of a shared object: non-zero tells it from a private one, and this bit is what musl's
 * pthread_exit looks for. */
#define SYNC_SHARED 0x80u

/* The first 8 bytes, `reserved` and `before` in one: zero in a private object, this in a shared
 * one, and nothing else in either. What was never initialised, or is no such object, is most likely
 * caught here. */
#define SYNC_PRIVATE_HEAD UINT64_C(0)
#define SYNC_SHARED_HEAD ((uint64_t)SYNC_SHARED << 32)

/* Stops the program with a message unless `object` can be one; true: it is a shared one. */
bool sync_check(const void *object, const char *type, void *place);

/* Private and sound: the only case that is worth a fast path. */
static inline bool sync_is_private(const void *object)
{
    return likely(object && ((uintptr_t)object & 7) == 0 &&
                  atom_load((const uint64_t *)object, RELAXED) == SYNC_PRIVATE_HEAD);
}

/* Shared and sound. */
static inline bool sync_is_shared(const void *object)
{
    return likely(object && ((uintptr_t)object & 7) == 0 &&
                  atom_load((const uint64_t *)object, RELAXED) == SYNC_SHARED_HEAD);
}

/* Zeroes it; PLAIT_SHARED: in plait's shared memory only. */
void sync_init(void *object, const char *type, plait_where where, void *place);

#endif
