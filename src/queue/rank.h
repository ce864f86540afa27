/* In which order the cells of a stock go out: a list for the first or the last one in; for the
 * lowest a heap of the newest, and runs of the others.
 *
 * The heap has four children a node, because four of 16 bytes are one cache line. Equal ones go out
 * as they came in: that needs a number for each (`order`), which is looked at only when two are
 * equal, so it stands in the cell. Whatever a compare function says, the steps of a sift are
 * bounded by the depth: one that lies gets its items in some order, and all of them. */
#ifndef QUEUE_RANK_H
#define QUEUE_RANK_H

#include "queue/run.h"

#include <plait/queue.h>

struct rank {
    plait_order kind;
    struct cell *first, *last; /* FIFO, LIFO */
    struct entry *heap;        /* its children lie on one line: [0] is the fourth of a line */
    size_t count, room;        /* of the heap */
    uint64_t came;
    entry_compare *compare;
    void *memory; /* of the heap */
    struct runs runs;
};

/* At its place among the others, as the newest. The heap must have room. */
void rank_insert(struct rank *rank, struct cell *cell);
/* The next one out; the order must not be empty. */
struct cell *rank_remove(struct rank *rank);
/* As if it had never gone out: the next one, or, in a heap, by its priority and before its
 * equals. */
void rank_put_back(struct rank *rank, struct cell *cell);
/* Which rank_remove would take; NULL: empty. */
struct cell *rank_first(const struct rank *rank);

static inline bool rank_has_room(const struct rank *rank)
{
    return rank->kind != PLAIT_PRIORITY || rank->count < rank->room;
}

/* Memory for a heap of so many; NULL: there is none. Not under a lock, because it allocates. */
void *rank_alloc(size_t room);
/* Moves into it; what is not needed any more, for os_free. */
void *rank_grow(struct rank *rank, void *memory, size_t room);
void rank_free(struct rank *rank);

#endif
