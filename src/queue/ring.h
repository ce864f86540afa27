/* The ring under the private queue: bounded, any number of putters and getters, no lock.
 *
 * Problem: putters and getters of many threads move items of 8 bytes; a lock around the ring makes
 * them take turns and, with a preempted holder, wait for its time slice. Obvious idea: two counters
 * and an array. A putter that has advanced the tail has not written its item yet, and a getter
 * reads what was there before. So each slot has a stamp that says what it holds (Dmitry Vyukov's
 * queue of 2010):
 *
 *   A position is lap | index: index 0 .. capacity - 1 in the low bits, the lap above, which counts
 *   in steps of `lap`, a power of two not below the capacity. Positions only grow; 63 bits of them
 *   last for centuries.
 *   stamp == the position's lap       the slot is free for the putter of this position
 *   stamp == the position's lap + 1   it holds the item of this position
 *   bit 63 of tail, CLOSED: no putter claims any more
 *
 * put: 1. stamp says free: claim the position, tail -> next
 *      2. copy in
 *      3. stamp = lap + 1
 * get: 1. stamp says item: claim the position, head -> next
 *      2. copy out
 *      3. stamp = lap + `lap`: free for the next lap
 *
 * Step 3 is a release store that pairs with the acquire of step 1 of the other side. Between 1 and
 * 3 others see a slot that is "busy"; they wait for it, since answering "full" or "empty" would be
 * wrong. Claims are SEQ_CST for the sake of queue.c. */
#ifndef QUEUE_RING_H
#define QUEUE_RING_H

#include "base/atomic.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define RING_CLOSED (UINT64_C(1) << 63)

struct ring_slot {
    uint64_t stamp;
    char item[];
};

struct ring {
    size_t element, capacity;
    size_t stride; /* bytes from slot to slot */
    uint64_t lap;
    char *slots;
    uint64_t tail __attribute__((
        aligned(64))); /* lines of their own: putters and getters write them all the time */
    uint64_t head __attribute__((aligned(64)));
};

/* Somebody else is between his steps 1 and 3. `looks` counts how often this call found that: at
 * first it is a matter of nanoseconds, then he has been preempted, and needs the CPU more than we
 * do. */
void ring_busy(unsigned *looks);

/* How many positions are claimed for items and not yet by getters. SEQ_CST loads: who has announced
 * his sleep must not miss a claim. */
size_t ring_count(const struct ring *ring);
bool ring_is_full(const struct ring *ring);
bool ring_is_empty(const struct ring *ring);

static inline struct ring_slot *ring_slot(const struct ring *ring, uint64_t position)
{
    return (struct ring_slot *)(ring->slots + (position & (ring->lap - 1)) * ring->stride);
}

static inline uint64_t ring_lap(const struct ring *ring, uint64_t position)
{
    return position & ~(ring->lap - 1);
}

static inline uint64_t ring_next(const struct ring *ring, uint64_t position)
{
    if (likely((position & (ring->lap - 1)) + 1 < ring->capacity))
        return position + 1;
    return ring_lap(ring, position) + ring->lap;
}

/* Step 1 of a put: the position, or -EAGAIN: full, -EPIPE: closed. */
static inline int ring_claim_put(struct ring *ring, uint64_t *position)
{
    uint64_t tail = atom_load(&ring->tail, RELAXED), again;
    for (unsigned looks = 0;;) {
        if (unlikely(tail & RING_CLOSED))
            return -EPIPE;
        uint64_t stamp =
            atom_load(&ring_slot(ring, tail)->stamp, ACQUIRE); /* pairs with ring_free */
        if (likely(stamp == ring_lap(ring, tail))) {
            if (likely(atom_cas(&ring->tail, &tail, ring_next(ring, tail), SEQ_CST))) {
                *position = tail;
                return 0;
            }
            continue;
        }
        uint64_t head = atom_load(&ring->head, ACQUIRE);
        if ((again = atom_load(&ring->tail, ACQUIRE)) == tail) {
            if (head + ring->lap == tail)
                return -EAGAIN;
            ring_busy(&looks);
            again = atom_load(&ring->tail, RELAXED);
        }
        tail = again;
    }
}

/* Step 1 of a get: the position, or -EAGAIN: empty, -EPIPE: empty and closed. */
static inline int ring_claim_get(struct ring *ring, uint64_t *position)
{
    uint64_t head = atom_load(&ring->head, RELAXED), again;
    for (unsigned looks = 0;;) {
        uint64_t stamp =
            atom_load(&ring_slot(ring, head)->stamp, ACQUIRE); /* pairs with ring_fill */
        if (likely(stamp == ring_lap(ring, head) + 1)) {
            if (likely(atom_cas(&ring->head, &head, ring_next(ring, head), SEQ_CST))) {
                *position = head;
                return 0;
            }
            continue;
        }
        uint64_t tail = atom_load(&ring->tail, ACQUIRE);
        if ((again = atom_load(&ring->head, ACQUIRE)) == head) {
            if ((tail & ~RING_CLOSED) == head)
                return tail & RING_CLOSED ? -EPIPE : -EAGAIN;
            ring_busy(&looks);
            again = atom_load(&ring->head, RELAXED);
        }
        head = again;
    }
}

/* Step 3. Nobody touches the slot for this position afterwards. */
static inline void ring_fill(struct ring *ring, uint64_t position)
{
    atom_store(&ring_slot(ring, position)->stamp, ring_lap(ring, position) + 1, RELEASE);
}

static inline void ring_free(struct ring *ring, uint64_t position)
{
    atom_store(&ring_slot(ring, position)->stamp, ring_lap(ring, position) + ring->lap, RELEASE);
}

/* Step 2. The usual sizes are one move each; a call of memcpy would cost more than all the rest. */
static inline void ring_copy(void *to, const void *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8);
    else if (size == 4)
        memcpy(to, from, 4);
    else if (size == 16)
        memcpy(to, from, 16);
    else
        memcpy(to, from, size);
}

#endif
