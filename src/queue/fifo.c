/* The ring's kind of queue: what is done behind a first attempt. */
#include "queue/fifo.h"
#include "queue/done.h"
#include "queue/keep.h"

#include <limits.h>

/* Takes out what was given up, as far as it is the first in line. */
static void skip_given_up(plait_queue *queue)
{
    uint64_t position;
    while (ring_claim_skipped(&queue->ring, &position)) {
        bool wake = side_owes_wake(&queue->room);
        ring_free(&queue->ring, position);
        if (wake)
            side_wake(&queue->room, 1);
        done_add(queue, 1);
    }
}

static int claim_puts(plait_queue *queue, size_t want, uint64_t *position, size_t *count)
{
    int rc;
    while ((rc = ring_claim_puts(&queue->ring, want, position, count)) == RING_ODD)
        skip_given_up(queue);
    return rc;
}

static int claim_gets(plait_queue *queue, size_t want, uint64_t *position, size_t *count)
{
    int rc;
    while ((rc = ring_claim_gets(&queue->ring, want, position, count)) == RING_ODD) {
        *count = 1;
        if (ring_claim_back(&queue->ring, position))
            return 0;
        skip_given_up(queue);
    }
    return rc;
}

static int claim_put(plait_queue *queue, uint64_t *position)
{
    int rc;
    while ((rc = ring_claim_put(&queue->ring, position)) == RING_ODD)
        skip_given_up(queue);
    return rc;
}

static int claim_get(plait_queue *queue, uint64_t *position)
{
    int rc;
    while ((rc = ring_claim_get(&queue->ring, position)) == RING_ODD) {
        if (ring_claim_back(&queue->ring, position))
            return 0;
        skip_given_up(queue);
    }
    return rc;
}

static int put(struct queue_call *call)
{
    uint64_t position;
    int rc = claim_put(call->queue, &position);
    if (rc == 0)
        fifo_finish_put(call->queue, call->item, position, call);
    return rc;
}

static int get(struct queue_call *call)
{
    size_t element = call->queue->element; /* the queue may be gone behind the effect */
    uint64_t position;
    int rc = claim_get(call->queue, &position);
    if (rc == 0) {
        fifo_finish_get(call->queue, call->item, position, call);
        call->size = element;
    }
    return rc;
}

/* How many at most are claimed at once: until all are copied, others wait for the first. */
static size_t run_most(const plait_queue *queue, size_t count)
{
    size_t most = queue->element < 256 ? 4096 / queue->element : 16;
    return count < most ? count : most;
}

static int put_many(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    struct ring *ring = &queue->ring;
    uint64_t first, position;
    size_t count;
    int rc = claim_puts(queue, run_most(queue, call->count), &first, &count);
    if (rc != 0)
        return rc;
    call->did = count;
    const char *item = call->item;
    position = first;
    for (size_t i = 0; i < count; i++, position = ring_next(ring, position))
        ring_copy(ring_slot(ring, position)->item, item + i * queue->element, queue->element);
    bool wake = side_owes_wake(&queue->items);
    bool pass = call_pass_on(call, !ring_is_full(ring));
    position = first;
    for (size_t i = 0; i < count; i++) {
        uint64_t next = ring_next(ring, position);
        ring_fill(ring, position);
        position = next;
    }
    if (wake)
        side_wake(&queue->items, (int)count);
    if (pass)
        side_wake(&queue->room, 1);
    return 0;
}

static int get_many(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    struct ring *ring = &queue->ring;
    uint64_t first, position;
    size_t count;
    int rc = claim_gets(queue, run_most(queue, call->count), &first, &count);
    if (rc != 0)
        return rc;
    call->did = count;
    char *item = call->item;
    position = first;
    for (size_t i = 0; i < count; i++, position = ring_next(ring, position))
        ring_copy(item + i * queue->element, ring_slot(ring, position)->item, queue->element);
    bool wake = side_owes_wake(&queue->room);
    bool pass = call_pass_on(call, !ring_is_empty(ring));
    position = first;
    for (size_t i = 0; i < count; i++) {
        uint64_t next = ring_next(ring, position);
        ring_free(ring, position);
        position = next;
    }
    if (wake)
        side_wake(&queue->room, (int)count);
    if (pass)
        side_wake(&queue->items, 1);
    return 0;
}

/* ---- places. Who says that he is busy again announces his item or his room, as (a) of side.h. */
static int reserve(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    uint64_t position;
    int rc = claim_put(queue, &position);
    if (rc != 0)
        return rc;
    ring_say(&queue->ring, position, RING_RESERVED);
    bool pass = call_pass_on(call, !ring_is_full(&queue->ring));
    call->item = ring_slot(&queue->ring, position)->item;
    if (pass)
        side_wake(&queue->room, 1);
    return 0;
}

static int take(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    uint64_t position;
    int rc = claim_get(queue, &position);
    if (rc != 0)
        return rc;
    ring_say(&queue->ring, position, RING_TAKEN);
    bool pass = call_pass_on(call, !ring_is_empty(&queue->ring));
    call->item = ring_slot(&queue->ring, position)->item;
    call->size = queue->element;
    if (pass)
        side_wake(&queue->items, 1);
    return 0;
}

static bool is_closed(const plait_queue *queue)
{
    return atom_load(&queue->ring.tail, ACQUIRE) & RING_CLOSED;
}

/* When it is closed, what is committed or given up may be the last that getters waited for. */
static int getters_to_wake(const plait_queue *queue)
{
    return is_closed(queue) ? INT_MAX : 1;
}

static bool commit(plait_queue *queue, void *item)
{
    uint64_t position;
    if (!ring_find(&queue->ring, item, RING_RESERVED, &position))
        return false;
    ring_say_busy(&queue->ring, position, RING_FREE);
    bool wake = side_owes_wake(&queue->items);
    int count = getters_to_wake(queue);
    ring_fill(&queue->ring, position);
    if (wake)
        side_wake(&queue->items, count);
    return true;
}

static bool give_up(plait_queue *queue, void *item)
{
    uint64_t position;
    if (!ring_find(&queue->ring, item, RING_RESERVED, &position))
        return false;
    queue_hold(queue);
    ring_say_busy(&queue->ring, position, RING_FREE);
    bool items = side_owes_wake(&queue->items), room = side_owes_wake(&queue->room);
    ring_say(&queue->ring, position, RING_SKIPPED);
    skip_given_up(queue);
    if (items)
        side_wake(&queue->items, getters_to_wake(queue));
    if (room)
        side_wake(&queue->room, 1);
    queue_let_go(queue);
    return true;
}

static bool release(plait_queue *queue, void *item)
{
    uint64_t position;
    if (!ring_find(&queue->ring, item, RING_TAKEN, &position))
        return false;
    ring_say_busy(&queue->ring, position, RING_ITEM);
    bool wake = side_owes_wake(&queue->room);
    ring_free(&queue->ring, position);
    if (wake)
        side_wake(&queue->room, 1);
    return true;
}

static bool put_back(plait_queue *queue, void *item)
{
    uint64_t position;
    if (!ring_find(&queue->ring, item, RING_TAKEN, &position))
        return false;
    base_spin_lock(&queue->ring.spin);
    ring_put_back(&queue->ring, position);
    bool wake = side_owes_wake(&queue->items);
    base_spin_unlock(&queue->ring.spin); /* before, nobody gets it */
    if (wake)
        side_wake(&queue->items, 1);
    return true;
}

/* ---- what is asked of it */
static bool is_full(const struct queue_call *call)
{
    return ring_is_full(&call->queue->ring);
}

static bool is_empty(const struct queue_call *call)
{
    return ring_is_empty(&call->queue->ring);
}

static size_t size(const plait_queue *queue)
{
    return ring_count(&queue->ring) + atom_load(&queue->ring.backs, RELAXED);
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

static uint64_t positions(const plait_queue *queue, uint64_t end)
{
    uint64_t lap = queue->ring.lap;
    return end / lap * queue->capacity + (end & (lap - 1));
}

static uint64_t puts_ever(const plait_queue *queue)
{
    return positions(queue, atom_load(&queue->ring.tail, SEQ_CST) & ~RING_CLOSED);
}

static uint64_t gets_ever(const plait_queue *queue)
{
    return positions(queue, atom_load(&queue->ring.head, ACQUIRE) & ~RING_HAS_BACK);
}

const struct queue_kind queue_fifo = {
    .put = put,
    .get = get,
    .put_many = put_many,
    .get_many = get_many,
    .reserve = reserve,
    .take = take,
    .commit = commit,
    .give_up = give_up,
    .release = release,
    .put_back = put_back,
    .is_full = is_full,
    .is_empty = is_empty,
    .size = size,
    .is_closed = is_closed,
    .close = close_ring,
    .puts = puts_ever,
    .gets = gets_ever,
};
