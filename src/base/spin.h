/* A lock for a few instructions: spins a little, then sleeps in the kernel. Never held while
 * anything of a user runs or a task switches. Forking takes the ones that guard what a child goes
 * on using (task/fork.c, base_at_fork).
 *
 * Word: 0 free, 1 held, 2 held and somebody may sleep. */
#ifndef BASE_SPIN_H
#define BASE_SPIN_H

#include "base/atomic.h"

typedef struct base_spin {
    uint32_t word;
} base_spin;

void base_spin_wait(base_spin *spin);
void base_spin_wake(base_spin *spin);

static inline bool base_spin_try(base_spin *spin)
{
    uint32_t free = 0;
    return atom_cas(&spin->word, &free, 1, ACQUIRE); /* pairs with the swap of base_spin_unlock */
}

static inline void base_spin_lock(base_spin *spin)
{
    if (unlikely(!base_spin_try(spin)))
        base_spin_wait(spin);
}

static inline void base_spin_unlock(base_spin *spin)
{
    if (unlikely(atom_swap(&spin->word, 0, RELEASE) == 2))
        base_spin_wake(spin);
}

#endif
