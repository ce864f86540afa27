/* The queue's parts, and the table by which the kinds of queue differ. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "queue/ring.h"
#include "queue/shared.h"
#include "queue/side.h"
#include "queue/stock.h"

#include <plait/queue.h>

struct queue_call;

/* What a kind of queue does. Attempts try once: 0, -EAGAIN (full, empty: nothing was done), -EPIPE,
 * another error. They look at the call's fields and, before their effect can be seen, say that its
 * wait is over (call_pass_on). NULL: not of this kind. */
struct queue_kind {
    int (*put)(struct queue_call *call);
    int (*get)(struct queue_call *call);
    /* Several: at most call->count; call->did: how many. NULL: one after the other. */
    int (*put_many)(struct queue_call *call);
    int (*get_many)(struct queue_call *call);
    /* call->item is the place, where an item is written or was read. */
    int (*reserve)(struct queue_call *call);
    int (*take)(struct queue_call *call);
    /* What becomes of a place; false: it is none. */
    bool (*commit)(plait_queue *queue, void *item);
    bool (*give_up)(plait_queue *queue, void *item);
    bool (*release)(plait_queue *queue, void *item);
    bool (*put_back)(plait_queue *queue, void *item);
    /* Does plait_put_priority go here? NULL: no. */
    bool (*has_priorities)(const plait_queue *queue);
    /* Must a put, a get sleep? Asked behind W; the looks are SEQ_CST, or under a lock that each
     * effect takes. */
    bool (*is_full)(const struct queue_call *call);
    bool (*is_empty)(const struct queue_call *call);
    size_t (*size)(const plait_queue *queue);
    bool (*is_closed)(const plait_queue *queue);
    void (*close)(plait_queue *queue);
    /* How many were ever put and not given up, how many were ever got. NULL: not counted. */
    uint64_t (*puts)(const plait_queue *queue);
    uint64_t (*gets)(const plait_queue *queue);
    /* How a call of this kind waits, and its cases; NULL: as in call.c and case.c. */
    int (*wait)(const char *verb, struct queue_call *call, int64_t deadline, void *place);
    const struct plait_case_kind *on_get, *on_put;
    /* ---- of shared ones alone (shared.h) */
    /* A word that changes when the call could go on; false: it could now. */
    bool (*vain_word)(struct queue_call *call, struct wait_word *word);
    bool (*is_drained)(const plait_queue *queue); /* nothing is inside or on its way in */
    bool (*end_lease)(plait_queue *queue); /* of task_done; false: none; NULL: not redelivered */
    bool (*drop)(plait_queue *queue, void *item); /* a taken one, for good; NULL: as release */
    void (*patrol)(struct queue_call *call);      /* settles what those who are gone had out */
    void (*repair)(plait_queue *queue,
                   enum shared_side whose); /* under the lock of that end, in which one died */
    void (*destroy)(
        plait_queue *queue); /* what lies outside the queue's own memory; NULL: nothing */
};
extern const struct queue_kind queue_fifo, queue_small, queue_large, queue_rendezvous;
extern const struct queue_kind queue_shared_ring, queue_shared_stock;

/* Plus wait_forks: so that one comparison finds a freed queue, what never was one, and one of the
 * parent's in a forked child. A queue on a ring has the first, so that its calls need not look at
 * the kind; all others have the second. */
#define QUEUE_MAGIC UINT64_C(0x706c616974517565)
#define QUEUE_OTHER UINT64_C(0x706c61694f517565)
/* As it is: a shared one is good in every child. */
#define QUEUE_SHARED UINT64_C(0x706c616953517565)

/* Who waits until all that was put is done.
 *   `done`: bits 0..62 how many items are done, bit 63 W: somebody may sleep until all are. Its
 *   lower half is the word to sleep on: each item done changes it. */
struct queue_done {
    uint64_t done;
    uint32_t waiting; /* calls: none may be left when the queue is freed */
};

struct plait_queue {
    uint64_t magic;
    size_t element; /* bytes; 0: messages */
    const struct queue_kind *kind;
    void *memory; /* what was allocated */
    size_t capacity;
    /* bit 0 FREED: it was freed while somebody held it; bits 1..31: how many hold it (keep.h) */
    uint32_t holders;
    union {
        struct ring ring;
        struct stock stock;
        struct shared shared;
    };
    uint32_t feeders; /* tasks of plait_queue_fed_by that live */
    struct queue_side items, room;
    struct queue_done finished;
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

static inline bool queue_is_shared(const plait_queue *queue)
{
    return queue && (uintptr_t)queue % 64 == 0 && queue->magic == QUEUE_SHARED;
}

#endif
