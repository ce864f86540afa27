/* Into an end of a shared queue and out again, in the usual case: nobody else is inside, nobody
 * sleeps. Inline, because a call for each of these steps would cost more than they do. */
#ifndef QUEUE_SHARED_END_H
#define QUEUE_SHARED_END_H

#include "queue/call.h"
#include "sync/shared_lock.h"

#include <errno.h>

/* 0: the lock of an end is this task's, and what it guards is sound. -EAGAIN: somebody has been
 * inside for 50 ms; another code. */
static inline int shared_enter_lock(struct queue_call *call, struct robust_word *lock)
{
    int rc =
        atom_load(&lock->word, RELAXED) == 0 ? shared_lock_acquire(lock, 0, call->place) : -EAGAIN;
    return likely(rc == 0) ? 0 : shared_enter_slowly(call, lock, rc);
}

/* The same for an end, which has no lock where one is alone. This process is marked there. */
static inline int shared_enter(struct queue_call *call, enum shared_side side)
{
    struct shared *shared = &call->queue->shared;
    struct shared_end *end = &shared->head->ends[side];
    if (shared->alone[side]) {
        atom_store(&end->user, atom_load(&shared->me, RELAXED),
                   RELAXED); /* the commit's order publishes it */
        return 0;
    }
    return shared_enter_lock(call, &end->lock);
}

static inline void shared_leave(const struct queue_call *call, enum shared_side side)
{
    struct shared *shared = &call->queue->shared;
    if (shared->alone[side])
        atom_store(&shared->head->ends[side].user, 0, RELEASE); /* pairs with shared_destroy */
    else
        shared_lock_release(&shared->head->ends[side].lock, call->place);
}

/* Around a commit, so that the kernel wakes one of that side if this thread dies in between. */
static inline void shared_cover(const struct queue_call *call, enum shared_side side)
{
    uint32_t *word = &call->queue->shared.head->sleep[side].word;
    if (likely(robust_current && wait_current))
        robust_cover(robust_current, wait_current, word);
    else
        wait_cover(word);
}

static inline void shared_uncover(void)
{
    if (likely(robust_current && wait_current))
        robust_uncover(robust_current, wait_current);
    else
        wait_uncover();
}

static inline void shared_wake(plait_queue *queue, enum shared_side side, int count)
{
    if (unlikely(atom_load(&queue->shared.head->sleep[side].word, SEQ_CST) & SHARED_W))
        shared_wake_slowly(queue, side, count);
}

#endif
