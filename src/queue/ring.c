#include "queue/ring.h"
#include "os/os.h"
#include "sched/sched.h"

enum { LOOKS = 64, LINK = 3 /* shift */ };

void ring_busy(unsigned *looks)
{
    if (++*looks % LOOKS)
        os_relax();
    else
        sched_yield_now();
}

/* Tail with its mark, and head with its own, of one moment. */
static uint64_t ring_ends(const struct ring *ring, uint64_t *head)
{
    for (;;) {
        uint64_t tail = atom_load(&ring->tail, SEQ_CST);
        *head = atom_load(&ring->head, SEQ_CST);
        if (atom_load(&ring->tail, SEQ_CST) == tail)
            return tail;
    }
}

size_t ring_count(const struct ring *ring)
{
    uint64_t head, tail = ring_ends(ring, &head) & ~RING_CLOSED, mask = ring->lap - 1;
    head &= ~RING_HAS_BACK;
    uint64_t laps = (tail & ~mask) - (head & ~mask); /* 0 or one lap */
    return (size_t)((tail & mask) + (laps ? ring->capacity : 0) - (head & mask));
}

bool ring_is_full(const struct ring *ring)
{
    uint64_t head, tail = ring_ends(ring, &head);
    if (tail & RING_CLOSED)
        return false;
    uint64_t stamp = atom_load(&ring_slot(ring, tail)->stamp, SEQ_CST);
    unsigned state = stamp & RING_STATE;
    if ((head & ~RING_HAS_BACK) + ring->lap == tail)
        return state != RING_SKIPPED;
    return (state == RING_TAKEN || state == RING_BACK) &&
           ring_lap(ring, stamp) + ring->lap == ring_lap(ring, tail);
}

bool ring_is_empty(const struct ring *ring)
{
    uint64_t head, tail = ring_ends(ring, &head);
    if (head & RING_HAS_BACK || tail == (head | RING_CLOSED))
        return false;
    return tail == head || atom_load(&ring_slot(ring, head)->stamp, SEQ_CST) ==
                               ring_lap(ring, head) + RING_RESERVED;
}

/* How many slots from there on, at most `want`, have the stamp of a position in this state; *end:
 * behind them. */
static size_t ring_run(const struct ring *ring, uint64_t position, unsigned state, size_t want,
                       uint64_t *end)
{
    size_t count = 0;
    while (count < want && atom_load(&ring_slot(ring, position)->stamp, ACQUIRE) ==
                               ring_lap(ring, position) + state) {
        position = ring_next(ring, position);
        count++;
    }
    *end = position;
    return count;
}

int ring_claim_puts(struct ring *ring, size_t want, uint64_t *position, size_t *count)
{
    uint64_t tail = atom_load(&ring->tail, RELAXED), end;
    while ((*count = ring_run(ring, tail, RING_FREE, want, &end)) > 0) {
        *position = tail;
        if (atom_cas(&ring->tail, &tail, end, SEQ_CST))
            return 0;
    }
    *count = 1;
    return ring_claim_put(ring, position);
}

int ring_claim_gets(struct ring *ring, size_t want, uint64_t *position, size_t *count)
{
    uint64_t head = atom_load(&ring->head, RELAXED), end;
    while ((*count = ring_run(ring, head, RING_ITEM, want, &end)) > 0) {
        *position = head;
        if (atom_cas(&ring->head, &head, end, SEQ_CST))
            return 0;
    }
    *count = 1;
    return ring_claim_get(ring, position);
}

bool ring_find(const struct ring *ring, const void *item, unsigned state, uint64_t *position)
{
    uintptr_t offset = (uintptr_t)item - offsetof(struct ring_slot, item) - (uintptr_t)ring->slots;
    size_t index = offset / ring->stride;
    if (offset % ring->stride || index >= ring->capacity)
        return false;
    uint64_t stamp = atom_load(&ring_slot(ring, index)->stamp, RELAXED);
    *position = ring_lap(ring, stamp) | index;
    return (stamp & RING_STATE) == state;
}

void ring_say(struct ring *ring, uint64_t position, unsigned state)
{
    atom_store(&ring_slot(ring, position)->stamp, ring_lap(ring, position) + state, RELEASE);
}

void ring_say_busy(struct ring *ring, uint64_t position, unsigned state)
{
    atom_store(&ring_slot(ring, position)->stamp, ring_lap(ring, position) + state, SEQ_CST);
}

bool ring_claim_skipped(struct ring *ring, uint64_t *position)
{
    uint64_t seen = atom_load(&ring->head, ACQUIRE);
    for (;;) {
        uint64_t mark = seen & RING_HAS_BACK, head = seen & ~RING_HAS_BACK;
        if (atom_load(&ring_slot(ring, head)->stamp, ACQUIRE) !=
            ring_lap(ring, head) + RING_SKIPPED)
            return false;
        *position = head;
        if (atom_cas(&ring->head, &seen, ring_next(ring, head) | mark, SEQ_CST))
            return true;
    }
}

/* ---- what is put back: a list by index, the link in the stamp */
static uint64_t *back_link(const struct ring *ring, uint64_t at)
{
    return &ring_slot(ring, at - 1)->stamp;
}

static uint64_t back_next(const struct ring *ring, uint64_t at)
{
    return (*back_link(ring, at) & (ring->lap - 1)) >> LINK;
}

static uint64_t back_position(const struct ring *ring, uint64_t at)
{
    return ring_lap(ring, *back_link(ring, at)) | (at - 1);
}

void ring_put_back(struct ring *ring, uint64_t position)
{
    uint64_t index = position & (ring->lap - 1), before = 0, after = ring->back;
    while (after && back_position(ring, after) < position) {
        before = after;
        after = back_next(ring, after);
    }
    atom_store(back_link(ring, index + 1), ring_lap(ring, position) | after << LINK | RING_BACK,
               RELEASE);
    if (before)
        atom_store(back_link(ring, before),
                   (back_position(ring, before) & ~(ring->lap - 1)) | (index + 1) << LINK |
                       RING_BACK,
                   RELEASE);
    else
        ring->back = index + 1;
    atom_store(&ring->backs, ring->backs + 1, RELAXED);
    atom_or(&ring->head, RING_HAS_BACK, SEQ_CST);
}

bool ring_claim_back(struct ring *ring, uint64_t *position)
{
    base_spin_lock(&ring->spin);
    uint64_t at = ring->back;
    if (at) {
        *position = back_position(ring, at);
        ring->back = back_next(ring, at);
        atom_store(&ring->backs, ring->backs - 1, RELAXED);
        if (!ring->back)
            atom_and(&ring->head, ~RING_HAS_BACK, SEQ_CST);
        ring_say(ring, *position, RING_ITEM);
    }
    base_spin_unlock(&ring->spin);
    return at != 0;
}
