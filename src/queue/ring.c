#include "queue/ring.h"
#include "os/os.h"
#include "sched/sched.h"

enum { LOOKS = 64 };

void ring_busy(unsigned *looks)
{
    if (++*looks % LOOKS)
        os_relax();
    else
        sched_yield_now();
}

size_t ring_count(const struct ring *ring)
{
    uint64_t mask = ring->lap - 1;
    for (;;) {
        uint64_t tail = atom_load(&ring->tail, SEQ_CST) & ~RING_CLOSED;
        uint64_t head = atom_load(&ring->head, SEQ_CST);
        if ((atom_load(&ring->tail, SEQ_CST) & ~RING_CLOSED) != tail)
            continue;                                    /* the two belong to different moments */
        uint64_t laps = (tail & ~mask) - (head & ~mask); /* 0 or one lap */
        return (size_t)((tail & mask) + (laps ? ring->capacity : 0) - (head & mask));
    }
}

bool ring_is_full(const struct ring *ring)
{
    return ring_count(ring) == ring->capacity;
}

bool ring_is_empty(const struct ring *ring)
{
    return ring_count(ring) == 0;
}
