/* A lock that is taken inside a call, with a sequence for those who read without it.
 *
 * Private ones are a lock's plain form, shared ones the robust form. Neither wait can be cancelled
 * and neither ends at a scope's deadline, because the calls above have no result for that: whoever
 * holds a guard gives it back soon, or dies, and then the next one has it. */
#ifndef DICT_GUARD_H
#define DICT_GUARD_H

#include "base/atomic.h"

#include <plait/lock.h>

/* `sequence`: bit 0: somebody changes what is guarded, or died while he did; bits 63..1: how many
 * changes there were. Written by the lock's holder alone. */
struct guard {
    plait_lock lock;
    uint64_t sequence;
};

/* For new, zeroed memory. */
void guard_init(struct guard *guard, bool shared);
/* 0; -EOWNERDEAD: this task holds it, its holder died inside, repair and then guard_mended;
 * -EDEADLK: this task holds it already; -ENOLCK; -PLAIT_EFORMAT: given up by a repair. */
int guard_take(struct guard *guard, bool shared, void *place);
void guard_give(struct guard *guard, bool shared, void *place);
/* A repaired guard must be: otherwise it is given up for all when it is given back. */
void guard_mended(struct guard *guard, bool shared, void *place);

/* The holder's, around all changes that a reader could see half: since he reads without the lock.
 * */
static inline void guard_change(struct guard *guard)
{
    uint64_t now = atom_load(&guard->sequence, RELAXED);
    /* relaxed, since the stores behind it are releases: none is seen without it */
    atom_store(&guard->sequence, now | 1, RELAXED);
}

static inline void guard_changed(struct guard *guard)
{
    uint64_t now = atom_load(&guard->sequence, RELAXED);
    if (now & 1)
        atom_store(&guard->sequence, now + 1, RELEASE); /* pairs with guard_look */
}

/* A reader's: what it has read between look and is_same with acquire loads belongs together. Odd:
 * do not read now. */
static inline uint64_t guard_look(const struct guard *guard)
{
    return atom_load(&guard->sequence, ACQUIRE);
}

static inline bool guard_is_same(const struct guard *guard, uint64_t looked)
{
    return atom_load(&guard->sequence, RELAXED) == looked; /* behind the acquire loads */
}

#endif
