/* Memory of plait's own that lies where a small shared object lies, for objects that need more than
 * their 64 bytes. */
#ifndef SHARE_BESIDE_H
#define SHARE_BESIDE_H

#include <stddef.h>
#include <stdint.h>

/* Where `size` bytes for this object lie, counted from the object: the same again for the same
 * object, which may find there what it left, or new ones, zeroed and aligned to 64. They go with
 * the mapping. 0: there is no room for them (-ENOSPC), or the object lies in no memory of
 * plait_share. */
uint64_t share_beside_take(const void *object, size_t size);
/* Their address; NULL: they do not lie where plait gives such memory. */
void *share_beside_at(const void *object, uint64_t where, size_t size);

#endif
