/* The shared ring's slots, and its calls of every day: one item, tried once. */
#ifndef QUEUE_SHARED_RING_H
#define QUEUE_SHARED_RING_H

#include "queue/queue.h"

static inline struct ring_slot *shared_slot_at(const struct shared *shared, uint64_t position)
{
    uint64_t index = position & (shared->lap - 1);
    return (struct ring_slot *)(shared->head->cells + index * shared->stride);
}

static inline uint64_t *shared_owner_at(const struct shared *shared, uint64_t position)
{
    uint64_t index = position & (shared->lap - 1);
    return (uint64_t *)(void *)(shared->head->cells + shared->owners) + index;
}

static inline uint64_t shared_lap_of(const struct shared *shared, uint64_t position)
{
    return position & ~(shared->lap - 1);
}

static inline uint64_t shared_next_of(const plait_queue *queue, uint64_t position)
{
    const struct shared *shared = &queue->shared;
    if (likely((position & (shared->lap - 1)) + 1 < queue->capacity))
        return position + 1;
    return shared_lap_of(shared, position) + shared->lap;
}

/* Whatever the memory says, the index is inside. */
static inline uint64_t shared_position_of(const plait_queue *queue, enum shared_side side)
{
    const struct shared *shared = &queue->shared;
    uint64_t position = atom_load(&shared->head->ends[side].position, ACQUIRE);
    return likely((position & (shared->lap - 1)) < queue->capacity)
               ? position
               : shared_lap_of(shared, position);
}

/* What a slot means for a side whose index it is at. */
enum look { LOOK_GO, LOOK_VAIN, LOOK_BEHIND, LOOK_SKIP };

/* Step 2 of shared_ring.c. */
static inline enum look shared_look_at(const struct shared *shared, enum shared_side side,
                                       uint64_t position, uint64_t stamp)
{
    uint64_t lap = shared_lap_of(shared, position), at = shared_lap_of(shared, stamp);
    unsigned state = stamp & RING_STATE;
    if (at != lap)
        return at < lap ? LOOK_VAIN : LOOK_BEHIND;
    if (side == SHARED_PUTS)
        return state == RING_FREE ? LOOK_GO : LOOK_BEHIND;
    if (state == RING_ITEM)
        return LOOK_GO;
    if (state == RING_SKIPPED)
        return LOOK_SKIP;
    return state == RING_FREE || state == RING_RESERVED ? LOOK_VAIN : LOOK_BEHIND;
}

/* Of the slot at that side's index. */
static inline uint64_t shared_stamp_at(const plait_queue *queue, enum shared_side side,
                                       uint64_t *position)
{
    *position = shared_position_of(queue, side);
    return atom_load(&shared_slot_at(&queue->shared, *position)->stamp, SEQ_CST);
}

/* 0: done. Whatever is not the usual case, -EAGAIN, and nothing was done. */
int shared_ring_put_one(plait_queue *queue, const void *item);
int shared_ring_get_one(plait_queue *queue, void *buffer);

#endif
