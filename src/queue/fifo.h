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

/* `call` NULL: the first attempt, which has not waited. */
static inline int fifo_put(plait_queue *queue, const void *item, struct queue_call *call)
{
    struct ring *ring = &queue->ring;
    uint64_t position;
    int rc = ring_claim_put(ring, &position);
    if (rc != 0)
        return rc;
    ring_copy(ring_slot(ring, position)->item, item, ring->element);
    bool wake = side_owes_wake(&queue->items);
    bool pass = unlikely(call != NULL) && call_pass_on(call, !ring_is_full(ring));
    ring_fill(ring, position);
    if (unlikely(wake))
        side_wake(&queue->items, 1);
    if (unlikely(pass))
        side_wake(&queue->room, 1);
    return 0;
}

static inline int fifo_get(plait_queue *queue, void *item, struct queue_call *call)
{
    struct ring *ring = &queue->ring;
    uint64_t position;
    int rc = ring_claim_get(ring, &position);
    if (rc != 0)
        return rc;
    ring_copy(item, ring_slot(ring, position)->item, ring->element);
    bool wake = side_owes_wake(&queue->room);
    bool pass = unlikely(call != NULL) && call_pass_on(call, !ring_is_empty(ring));
    ring_free(ring, position);
    if (unlikely(wake))
        side_wake(&queue->room, 1);
    if (unlikely(pass))
        side_wake(&queue->items, 1);
    return 0;
}

#endif
