/* A shared queue's stock: cells in any order, under one lock, for messages, LIFO, priorities and
 * redelivery.
 *
 * Problem: an order of many cells is many words, and a task may be killed between any two of them.
 * Obvious idea: an undo journal, which costs every call a dozen stores. But all of it follows from
 * the cells: each says by one word what it is, and beside it what its place in the order depends
 * on. So a call changes that word once, and the rest as it likes; who takes the lock after a death
 * makes the rest anew (shared_repair.c). The counts of gets and of the lost do not follow from the
 * cells: where they must change together with one, what they are to be is written first (turn). The
 * death of somebody who is not inside changes nothing here, but for the cells that he had out
 * (shared_lease.c). */
#ifndef QUEUE_SHARED_STOCK_H
#define QUEUE_SHARED_STOCK_H

#include "queue/shared_done.h"

enum shared_state {
    SHARED_FREE,
    SHARED_IN,
    SHARED_RESERVED, /* being written; `owner` */
    SHARED_TAKEN,    /* being read in place; `owner` */
    SHARED_LEASED,   /* got, and comes back if its owner ends before task_done */
};

/* The state is the truth, and must be stored last: a death before that leaves the cell what it was.
 * Fields that it does not need may say anything. */
struct shared_cell {
    uint32_t state;
    uint32_t out;    /* where in `outs` it stands */
    uint64_t owner;  /* which user of the area has it out */
    uint64_t task;   /* which task of it */
    uint64_t serial; /* when it was taken: the order of task_done */
    uint64_t came;   /* with `priority`: its place in the order, lowest first */
    int64_t priority;
    uint64_t at, size; /* of a message: its first granule, its bytes */
    char item[];       /* an element */
};

/* What follows from the cells, in shared_head.own, but for the two versions, `came` and `serial`,
 * which only grow. */
struct shared_stock {
    uint32_t inside; /* cells IN: so many stand in `order` */
    uint32_t first;  /* of FIFO: where in `order` the first one stands */
    uint32_t frees, outs, writing;
    uint32_t news, gones; /* versions: one more at each item, at each room; slept on */
    uint32_t turn;        /* a cell's number + 1: while its state changes with the two counts */
    uint64_t came, serial;
    uint64_t used;       /* bytes of messages */
    uint64_t cursor;     /* granule where the search for room goes on */
    uint64_t turn_count; /* of gets, if that cell is in turn_state */
    uint64_t turn_lost;  /* of the lost, then */
    uint32_t turn_state;
    uint32_t unused;
};
_Static_assert(sizeof(struct shared_stock) <= sizeof(((struct shared_head *)0)->own), "own");

/* A message lies behind the number of its cell, in granules of one line. */
enum { GRANULE = 64, MESSAGE_HEAD = 8 };

/* Under the lock, but atomically, since who is about to sleep looks at these words without it. */
static inline void shared_say(uint32_t *word, uint32_t value)
{
    atom_store(word, value, RELEASE); /* pairs with the SEQ_CST loads of is_full, is_empty */
}

static inline struct shared_stock *shared_stock(const struct shared *shared)
{
    return (struct shared_stock *)(void *)shared->head->own;
}

static inline struct shared_cell *shared_cell(const struct shared *shared, uint32_t index)
{
    return (struct shared_cell *)(void *)(shared->head->cells + index * shared->stride);
}

/* Arrays of cell numbers, `capacity` each: which are free, which are out. */
static inline uint32_t *shared_frees(const plait_queue *queue)
{
    const struct shared *shared = &queue->shared;
    return (uint32_t *)(void *)(shared->head->cells + shared->order) + queue->capacity;
}
static inline uint32_t *shared_outs(const plait_queue *queue)
{
    return shared_frees(queue) + queue->capacity;
}

/* ---- shared_order.c, under the lock. What is asked for by number is inside the bounds. */
void shared_order_insert(plait_queue *queue, uint32_t index);
void shared_order_return(plait_queue *queue,
                         uint32_t index);             /* to the front, the top, its priority */
int64_t shared_order_first(const plait_queue *queue); /* a cell's number, -1: damaged */
void shared_order_remove(plait_queue *queue);
/* While it is made anew: a heap of so many; which is put in its order then. */
void shared_order_heap(plait_queue *queue, uint32_t place, uint32_t index);
void shared_order_sort(plait_queue *queue, uint32_t count);

/* ---- shared_room.c, under the lock: granules for messages */
bool shared_room_take(plait_queue *queue, size_t size, uint64_t *at);
/* These look first whether it is inside, since anybody may have written it. If not, nothing is
 * done. */
bool shared_room_is(const plait_queue *queue, uint64_t at, uint64_t size);
void shared_room_keep(plait_queue *queue, uint64_t at, uint64_t size);
void shared_room_give(plait_queue *queue, uint64_t at, uint64_t size);
void shared_room_clear(plait_queue *queue);
size_t shared_room_granules(size_t size);
size_t shared_room_all(size_t bytes, size_t capacity);
size_t shared_room_map(size_t granules); /* bytes of the map of so many */
static inline char *shared_room_at(const plait_queue *queue, uint64_t at)
{
    const struct shared *shared = &queue->shared;
    return shared->head->cells + shared->room + at * GRANULE;
}

/* ---- shared_lease.c, under the lock: cells that are out */
void shared_out(plait_queue *queue, uint32_t index, enum shared_state state);
void shared_out_end(plait_queue *queue, uint32_t index);
/* Looks after those whose owner is gone, if it is time, since each look is a system call. */
void shared_out_patrol(struct queue_call *call);
/* Do other processes have cells out that may come back? Then a closed queue must wait for them. */
bool shared_out_elsewhere(const plait_queue *queue);
/* The oldest lease of this task, else of this process; -1: none. */
int64_t shared_out_oldest(const plait_queue *queue);

/* ---- shared_cell.c, shared_repair.c, under the lock */
/* A cell becomes what it is: the one store that counts. */
static inline void shared_cell_state(plait_queue *queue, uint32_t index, enum shared_state state)
{
    atom_swap(&shared_cell(&queue->shared, index)->state, state, SEQ_CST);
}
/* A cell's state changes to this one between the two, and with it the count of gets, by as many;
 * FREE: it is lost, and that is counted, too. */
void shared_turn(plait_queue *queue, uint32_t index, enum shared_state state, int add);
void shared_turn_over(plait_queue *queue);
void shared_cell_free(plait_queue *queue, uint32_t index);
void shared_stock_repair(plait_queue *queue, enum shared_side whose);

#endif
