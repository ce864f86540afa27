/* A worker's ring sleeps in the kernel for its coroutines, where the kernel can (io_uring's futex).
 * The steps are those of entry.h. */
#ifndef WAIT_RING_H
#define WAIT_RING_H

#include "os/ring.h"
#include "wait/wait.h"

/* The caller lies in the lot under the word: as helper_join. False: the ring is full, or
 * refused. */
bool ring_join(struct os_ring *ring, const struct wait_word *joined);
/* Tells what the ring has to tell: by its worker, or by the watcher while that is stuck. */
void ring_reap(struct os_ring *ring);
/* Does any coroutine wait on a shared word? A hint. */
bool ring_is_needed(void);
/* The patrol (R4), if it is time for one; when the next one is. Workers with a ring call this while
 * one is needed, also those whose ring sleeps on nothing: who was served last may be on a worker
 * that is stuck. */
int64_t ring_patrol(int64_t now);
/* The worker ends; nobody waits any more. */
void ring_close(struct os_ring *ring);

#endif
