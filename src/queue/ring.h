/* The ring under the private queue: bounded, any number of putters and getters, no lock.
 *
 * Problem: putters and getters of many threads move items of 8 bytes; a lock around the ring makes
 * them take turns and, with a preempted holder, wait for its time slice. Obvious idea: two counters
 * and an array. A putter that has advanced the tail has not written its item yet, and a getter
 * reads what was there before. So each slot has a stamp that says what it holds (Dmitry Vyukov's
 * queue of 2010):
 *
 *   A position is lap | index: index 0 .. capacity - 1 in the low bits, the lap above, which counts
 *   in steps of `lap`, a power of two. Positions only grow; 60 bits of them last for decades.
 *   A stamp is the lap of the position that the slot is for, and in bits 0..2 its state:
 *     0 FREE      for the putter of this position
 *     1 ITEM      it holds the item of this position
 *     2 RESERVED  a putter's, for as long as he likes: what lies behind waits for him
 *     3 TAKEN     a getter's, for as long as he likes: putters of the next lap wait for him
 *     4 SKIPPED   given up by its putter: no item
 *     5 BACK      put back by its getter: an item that goes out before all others. Bits 3 and up,
 *                 below the lap: index + 1 of the next one that is back, 0: none; they are kept in
 *                 the order of their positions, under a lock
 *   bit 63 of tail, CLOSED: no putter claims any more
 *   bit 63 of head, BACK: some slots are in this state; it makes the claims of getters fail, so
 *   that they need not look for it
 *
 * put: 1. stamp says FREE: claim the position, tail -> next
 *      2. copy in
 *      3. stamp = lap + ITEM
 * get: 1. stamp says ITEM: claim the position, head -> next
 *      2. copy out
 *      3. stamp = lap + `lap`: FREE for the next lap
 *
 * Step 3 is a release store that pairs with the acquire of step 1 of the other side. Between 1 and
 * 3 others see a slot that is "busy"; they wait for it, since answering "full" or "empty" would be
 * wrong. Who wants to stay there for long says so between 1 and 2 (RESERVED, TAKEN), which is
 * answered with "full" or "empty", and takes that back before 3. Claims, and taking back, are
 * SEQ_CST for the sake of side.h. */
#ifndef QUEUE_RING_H
#define QUEUE_RING_H

#include "base/spin.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define RING_CLOSED (UINT64_C(1) << 63)
#define RING_HAS_BACK (UINT64_C(1) << 63)
enum { RING_FREE, RING_ITEM, RING_RESERVED, RING_TAKEN, RING_SKIPPED, RING_BACK, RING_STATE = 7 };
/* Answer of a claim: there is something that the fast way does not know. */
enum { RING_ODD = 1 };

struct ring_slot {
    uint64_t stamp;
    char item[];
};

struct ring {
    size_t capacity;
    size_t stride; /* bytes from slot to slot */
    uint64_t lap;  /* more than 8 * capacity, so that a stamp has room for a state and an index */
    char *slots;
    base_spin spin; /* guards what is put back */
    uint32_t backs; /* how many slots are BACK */
    uint64_t back;  /* index + 1 of the first one; 0: none */
    uint64_t tail __attribute__((
        aligned(64))); /* lines of their own: putters and getters write them all the time */
    uint64_t head __attribute__((aligned(64)));
};

/* Somebody else is between his steps 1 and 3. `looks` counts how often this call found that: at
 * first it is a matter of nanoseconds, then he has been preempted, and needs the CPU more than we
 * do. */
void ring_busy(unsigned *looks);

/* How many positions are claimed for items and not yet by getters. */
size_t ring_count(const struct ring *ring);
/* Must a put, a get wait? SEQ_CST loads: who has announced his sleep must not miss a claim. */
bool ring_is_full(const struct ring *ring);
bool ring_is_empty(const struct ring *ring);

/* Step 1 for up to `want` positions in a row; *count: how many. */
int ring_claim_puts(struct ring *ring, size_t want, uint64_t *position, size_t *count);
int ring_claim_gets(struct ring *ring, size_t want, uint64_t *position, size_t *count);

/* The position of an item's address, if its slot is in that state. */
bool ring_find(const struct ring *ring, const void *item, unsigned state, uint64_t *position);

/* Between 1 and 2: for long. And back to "busy", before step 3. */
void ring_say(struct ring *ring, uint64_t position, unsigned state);
void ring_say_busy(struct ring *ring, uint64_t position, unsigned state);

/* Claims a position at the head that was given up; it must be freed. */
bool ring_claim_skipped(struct ring *ring, uint64_t *position);
/* Makes a TAKEN slot BACK, with the lock held. */
void ring_put_back(struct ring *ring, uint64_t position);
/* Claims the first one that is back, as step 1 of a get; false: there is none. */
bool ring_claim_back(struct ring *ring, uint64_t *position);

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

/* Step 1 of a put: the position, or -EAGAIN: full, -EPIPE: closed, RING_ODD: full, but the first
 * one was given up. */
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
        uint64_t head = atom_load(&ring->head, ACQUIRE) & ~RING_HAS_BACK;
        if ((again = atom_load(&ring->tail, ACQUIRE)) == tail) {
            unsigned state = stamp & RING_STATE;
            if (head + ring->lap == tail)
                return state == RING_SKIPPED ? RING_ODD : -EAGAIN;
            if (state == RING_TAKEN || state == RING_BACK)
                return -EAGAIN;
            ring_busy(&looks);
            again = atom_load(&ring->tail, RELAXED);
        }
        tail = again;
    }
}

/* Step 1 of a get: the position, or -EAGAIN: empty, -EPIPE: empty and closed, RING_ODD: something
 * is back, or the first one was given up. */
static inline int ring_claim_get(struct ring *ring, uint64_t *position)
{
    uint64_t head = atom_load(&ring->head, RELAXED), again;
    for (unsigned looks = 0;;) {
        uint64_t stamp =
            atom_load(&ring_slot(ring, head)->stamp, ACQUIRE); /* pairs with ring_fill */
        if (likely(stamp == ring_lap(ring, head) + RING_ITEM)) {
            if (likely(atom_cas(&ring->head, &head, ring_next(ring, head), SEQ_CST))) {
                *position = head;
                return 0;
            }
            continue;
        }
        if (head & RING_HAS_BACK)
            return RING_ODD;
        uint64_t tail = atom_load(&ring->tail, ACQUIRE);
        if ((again = atom_load(&ring->head, ACQUIRE)) == head) {
            if ((tail & ~RING_CLOSED) == head)
                return tail & RING_CLOSED ? -EPIPE : -EAGAIN;
            if (stamp == ring_lap(ring, head) + RING_RESERVED)
                return -EAGAIN;
            if (stamp == ring_lap(ring, head) + RING_SKIPPED)
                return RING_ODD;
            ring_busy(&looks);
            again = atom_load(&ring->head, RELAXED);
        }
        head = again;
    }
}

/* Step 3. Nobody touches the slot for this position afterwards. */
static inline void ring_fill(struct ring *ring, uint64_t position)
{
    atom_store(&ring_slot(ring, position)->stamp, ring_lap(ring, position) + RING_ITEM, RELEASE);
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
