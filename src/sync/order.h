/* The book of orders: which lock was ever waited for while which other was held. Used by
 * check.h and check.c alone. */
#ifndef SYNC_ORDER_H
#define SYNC_ORDER_H

#include "wait/held.h"

/* One step of an order: `task` took `object` at `place` while it held `held`, taken at `since`. */
struct order_step {
    const void *object, *held;
    const char *type, *held_type;
    void *place, *since;
    char task[32];
};

enum { ORDER_STEPS = 4 };

/* Steps that lead from the lock that is wanted back to the one that is held: together with the new
 * one they are a circle. */
struct order_circle {
    struct order_step step[ORDER_STEPS];
    int count, more; /* more: steps that had no room */
};

enum { ORDER_INDEX_BITS = 12, ORDER_NODES = 1 << ORDER_INDEX_BITS };
/* Which pairs were looked at: a bit for each [held][wanted], by the lower bits of their numbers.
 * NULL: none yet. */
extern WAIT_HOT uint64_t (*order_known)[ORDER_NODES / 64];

/* Has this pair been looked at? No lock is taken. A wrong yes, possible when numbers change hands
 * at this moment, only delays a finding. */
static inline bool order_is_known(const struct wait_mark *held, const struct wait_mark *wanted)
{
    uint64_t(*known)[ORDER_NODES / 64] =
        atom_load(&order_known, ACQUIRE); /* pairs with book_open */
    uint32_t from = atom_load(&held->class, RELAXED), to = atom_load(&wanted->class, RELAXED);
    if (from == to) {
        from = atom_load(&held->own, RELAXED);
        to = atom_load(&wanted->own, RELAXED);
    }
    if (unlikely(!known || !from || !to))
        return held == wanted;
    from %= ORDER_NODES;
    to %= ORDER_NODES;
    return atom_load(&known[from][to / 64], RELAXED) >> to % 64 & 1;
}

/* Enters it; true: it is the reverse of what the book says already, `circle` tells. Each pair is
 * told once. */
bool order_learn(const struct order_step *step, struct wait_mark *held, struct wait_mark *wanted,
                 struct order_circle *circle);
/* The lock was initialised at `place`. */
void order_class(struct wait_mark *mark, void *place);
/* Where the mark of a lock in shared memory lies; anew: it is another lock than before. NULL: the
 * table is full. */
struct wait_mark *order_shared_mark(const void *object, bool anew);

#endif
