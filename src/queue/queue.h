/* The private queue's parts, and the table by which the kinds of queue differ. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "queue/ring.h"
#include "queue/side.h"

#include <plait/queue.h>

struct queue_call;

/* What a kind of queue does. Attempts try once: 0, -EAGAIN (full, empty: nothing was done), -EPIPE,
 * another error. They look at the call's fields and, before their effect can be seen, say that its
 * wait is over (call_pass_on). */
struct queue_kind {
    int (*put)(struct queue_call *call);
    int (*get)(struct queue_call *call);
    /* Must a put, a get sleep? Asked behind W; the looks are SEQ_CST, or under a lock that each
     * effect takes. */
    bool (*is_full)(plait_queue *queue);
    bool (*is_empty)(plait_queue *queue);
    size_t (*size)(const plait_queue *queue);
    bool (*is_closed)(const plait_queue *queue);
    void (*close)(plait_queue *queue);
    /* How a call of this kind waits, and its cases; NULL: as in call.c and case.c. */
    int (*wait)(const char *verb, struct queue_call *call, int64_t deadline, void *place);
    const struct plait_case_kind *on_get, *on_put;
};
extern const struct queue_kind queue_fifo, queue_rendezvous;

/* Plus wait_forks: so that one comparison finds a freed queue, what never was one, and one of the
 * parent's in a forked child. A queue on a ring has the first, so that its calls need not look at
 * the kind; all others have the second. */
#define QUEUE_MAGIC UINT64_C(0x706c616974517565)
#define QUEUE_OTHER UINT64_C(0x706c61694f517565)

struct plait_queue {
    uint64_t magic;
    void *memory; /* what was allocated */
    const struct queue_kind *kind;
    struct ring ring;
    struct queue_side items, room;
};

/* Says why this is no queue that can be used here, and stops the program. */
_Noreturn void queue_bad(const plait_queue *queue, void *place) __attribute__((cold));
/* Stops the program unless *queue can be used here and the item fits its elements. */
void queue_check_any(const plait_queue *queue, void *place);
void queue_check_item(const plait_queue *queue, const void *item, size_t size, void *place);

static inline bool queue_is(const plait_queue *queue, uint64_t magic)
{
    return likely(queue && (uintptr_t)queue % 64 == 0 && queue->magic == magic + wait_forks);
}

#endif
