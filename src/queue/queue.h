/* The private queue's parts; the protocol between them is told in queue.c, the ring's in ring.h. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "queue/ring.h"
#include "sync/budget.h"

#include <plait/queue.h>

/* Where one side sleeps. The bits of `word` stand in queue.c. */
struct queue_side {
    uint32_t word;
    uint32_t
        waiting; /* calls that are inside wait_until: none may be left when the queue is freed */
    struct sync_budget budget;
} __attribute__((aligned(64)));

enum { QUEUE_CLOSING = 1, QUEUE_W = 2, QUEUE_EPOCH = 4 };

/* Before a sleep: so many looks after a pause of so many os_relax, then so many after a yield. */
enum { QUEUE_PAUSES = 4, QUEUE_PAUSE = 16, QUEUE_YIELDS = 16 };

/* Plus wait_forks: so that one comparison finds a freed queue, what never was one, and one of the
 * parent's in a forked child. */
#define QUEUE_MAGIC UINT64_C(0x706c616974517565)

struct plait_queue {
    uint64_t magic;
    void *memory; /* what was allocated */
    struct ring ring;
    struct queue_side items, room;
};

/* Says why this is no queue that can be used here, and stops the program. */
_Noreturn void queue_bad(const plait_queue *queue, void *place) __attribute__((cold));

#endif
