/* The ring's kind of queue: what is done behind a first attempt. */
#include "queue/fifo.h"

#include <limits.h>

static int attempt_put(struct queue_call *call)
{
    return fifo_put(call->queue, call->item, call);
}

static int attempt_get(struct queue_call *call)
{
    size_t element = call->queue->ring.element; /* before the effect: then the queue may be gone */
    int rc = fifo_get(call->queue, call->item, call);
    if (rc == 0)
        call->size = element;
    return rc;
}

static bool is_full(plait_queue *queue)
{
    return ring_is_full(&queue->ring);
}

static bool is_empty(plait_queue *queue)
{
    return ring_is_empty(&queue->ring);
}

static size_t size(const plait_queue *queue)
{
    return ring_count(&queue->ring);
}

static bool is_closed(const plait_queue *queue)
{
    return atom_load(&queue->ring.tail, ACQUIRE) & RING_CLOSED;
}

static void close_ring(plait_queue *queue)
{
    uint32_t *items = &queue->items.word, *room = &queue->room.word;
    atom_or(items, QUEUE_CLOSING, SEQ_CST);
    atom_or(room, QUEUE_CLOSING, SEQ_CST);
    atom_or(&queue->ring.tail, RING_CLOSED,
            SEQ_CST); /* the effect: from here on the queue may be freed */
    wait_unpark(items, INT_MAX, false);
    wait_unpark(room, INT_MAX, false);
}

const struct queue_kind queue_fifo = {
    .put = attempt_put,
    .get = attempt_get,
    .is_full = is_full,
    .is_empty = is_empty,
    .size = size,
    .is_closed = is_closed,
    .close = close_ring,
};
