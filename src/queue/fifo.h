/* The bounded queue in order of arrival: the ring, and how its users are woken. Inline, because
 * queue.c tries it before anything else.
 *
 * (a) and (b) of side.h: the claim of a position announces it, because then the claim itself is the
 * barrier, and a put costs no second one; so at 2 claims and not stamps are compared. Close sets
 * CLOSING in both words first, which turns away who is about to sleep, then CLOSED in the tail, its
 * last touch, then wakes all by address. */
#ifndef QUEUE_FIFO_H
#define QUEUE_FIFO_H

#include "queue/call.h"

/* Steps 2 and 3 of a put that has its position. `call` NULL: it has not waited. */
static inline void fifo_finish_put(plait_queue *queue, const void *item, uint64_t position,
                                   struct queue_call *call)
{
    struct ring *ring = &queue->ring;
    ring_copy(ring_slot(ring, position)->item, item, queue->element);
    bool wake = side_owes_wake(&queue->items);
    bool pass = unlikely(call != NULL) && call_pass_on(call, !ring_is_full(ring));
    ring_fill(ring, position);
    if (unlikely(wake))
        side_wake(&queue->items, 1);
    if (unlikely(pass))
        side_wake(&queue->room, 1);
}

static inline void fifo_finish_get(plait_queue *queue, void *item, uint64_t position,
                                   struct queue_call *call)
{
    struct ring *ring = &queue->ring;
    ring_copy(item, ring_slot(ring, position)->item, queue->element);
    bool wake = side_owes_wake(&queue->room);
    bool pass = unlikely(call != NULL) && call_pass_on(call, !ring_is_empty(ring));
    ring_free(ring, position);
    if (unlikely(wake))
        side_wake(&queue->room, 1);
    if (unlikely(pass))
        side_wake(&queue->items, 1);
}

/* The first attempts: 0, or what the claim says. */
static inline int fifo_put(plait_queue *queue, const void *item)
{
    uint64_t position;
    int rc = ring_claim_put(&queue->ring, &position);
    if (likely(rc == 0))
        fifo_finish_put(queue, item, position, NULL);
    return rc;
}

static inline int fifo_get(plait_queue *queue, void *item)
{
    uint64_t position;
    int rc = ring_claim_get(&queue->ring, &position);
    if (likely(rc == 0))
        fifo_finish_get(queue, item, position, NULL);
    return rc;
}

#endif
