/* plait/share.h - memory that child processes see too. Include <plait.h>.
 *
 * Processes have copies of each other's memory; what they are to change together lies in memory
 * from plait_share. It is there at the same address in every process that is started or forked
 * later, so pointers into it stay right among those; shared locks and events lie in it and nowhere
 * else.
 *
 * Example:
 *     struct till { plait_lock lock; long sum; } *till;
 *     int open_till(void)
 *     {
 *         if ((till = (struct till *)plait_share(sizeof *till)) == NULL)
 *             return -errno;
 *         plait_lock_init(&till->lock, PLAIT_SHARED);
 *         return 0; // processes started from now on see one sum
 *     }
 *
 * The memory has no name (it is a memfd) and goes back to the system when the last process that has
 * it is gone, however that one ended: nothing can be left over. A descriptor stays open for it,
 * close-on-exec, so that it can be handed to a child of a new image. Its pages are taken at once,
 * because a machine without memory must say so here and not by SIGBUS in the middle of your work.
 * Since 0.1. */
#ifndef PLAIT_SHARE_H
#define PLAIT_SHARE_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Memory that later children share with this process.
 *   size     bytes, rounded up to whole pages; 0 is an error
 *   returns  zeroed memory, aligned to a page; yours until plait_share_free
 *   errors   NULL and errno: EINVAL (size 0 or too large to be one), ENOMEM, ENOSPC, EMFILE, ENFILE
 *   blocks   never; the kernel zeroes the pages meanwhile */
void *plait_share(size_t size);

/* Gives this process' mapping back; other processes keep theirs. NULL is allowed.
 *   errors   none
 *   misuse   memory that plait_share did not give; memory with a lock inside that this process
 *            holds
 *   blocks   never */
void plait_share_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
