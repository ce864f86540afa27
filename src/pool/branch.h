/* Branches: calls that may run elsewhere, and the deque in which each task keeps its own.
 *
 * Problem: a fork at every call of a recursion, merged in nearly all cases by its own task, must cost
 * next to nothing; others must be able to take the oldest, which are the largest. Obvious idea: a
 * Chase-Lev deque. Its pop needs a fence against thieves each time, which is ten times a call. Lace
 * splits the deque: the owner alone uses the private part, without fences, and moves the split when
 * thieves are hungry. There the private part is an array with an index in a register; here it is a
 * list through the branches themselves, because an index in memory is a chain of dependent loads
 * and stores (2.0 times plain calls in fib, the list 1.3).
 *   1. fork: on the list's top. `wanted` set: step 3
 *   2. merge: off the list; calls what stands in the branch. Both stand in the public header
 *   3. offer: the owner walks the list, puts the oldest half of its private branches into the slots,
 *      with d->merge in place of their functions, then moves the split (RELEASE)
 *   4. steal: a thief moves the tail by compare-and-swap (pairs with 3), then reads the slot, and
 *      empties it (RELEASE): only an empty one is filled again, so a thief that is late reads what
 *      it has won. The branch's memory may be the owner's stack: it is not touched before
 *   5. take back: the owner moves the split down by compare-and-swap; when none is left, the branch
 *      was stolen
 *   6. done: the thief stores the value, swaps the state (RELEASE) and wakes; the branch is gone
 *   7. help: who waits for a stolen branch steals from its thief, whose deque holds only what that
 *      branch has forked, as long as it is not done. A deque is empty when a thief begins another
 *      branch, and each offer to an empty one begins a new era, so that the compare-and-swap of a
 *      helper who looked before fails */
#ifndef POOL_BRANCH_H
#define POOL_BRANCH_H

#include "base/atomic.h"

#include <plait/parallel.h>

#include <stddef.h>

struct branches;

/* plait_branch from the inside; may_alias, because users see eight numbers.
 * state, one word, from its offer to its end:
 *   0     nobody but its own task knows of it
 *   bit 0 OFFERED: it was moved to the slots
 *   bit 1 DONE: value is the result; the thief touches it no more
 *   bit 2 WAITED: its task sleeps on this word
 *   bit 3 LOST: a child of a fork, and the thief is in the parent */
struct branch {
    intptr_t (*call)(intptr_t); /* what a merge calls */
    intptr_t arg;
    struct branch *below;
    intptr_t (*function)(intptr_t); /* the user's, once call is ours */
    intptr_t value;                 /* his argument, then its result */
    struct branches *thief;
    uint32_t state;
    uint32_t unused[3];
} __attribute__((may_alias));
_Static_assert(sizeof(struct branch) == sizeof(plait_branch), "a branch is 64 bytes");
enum { BRANCH_OFFERED = 1, BRANCH_DONE = 2, BRANCH_WAITED = 4, BRANCH_LOST = 8 };

enum { BRANCHES_SLOTS = 1 << 14 };

/* word: bits 63-32 era; 31-16 tail, the next to be stolen; 15-0 split, behind the last one. The
 * indices begin at 0 again when a deque is empty, with a new era, so that no thief mistakes it for what
 * he saw before. */
struct branches {
    struct plait_branches_ own; /* first: the public header's view of a plain thread's deque */
    struct branch *offered;     /* the youngest in the slots; all below were offered too */
    intptr_t (*merge)(intptr_t);
    bool told; /* each fork and merge comes to us: coroutines, which change threads; checked mode */
    struct branches *next, *next_free; /* of all that ever were | guarded by the gang's lock */
    uint64_t word __attribute__((aligned(64)));
    uint32_t bell;    /* counts offers; who helps sleeps on it */
    uint32_t helpers; /* so many may */
    struct branch *slots[BRANCHES_SLOTS];
};

/* Steps 3 to 7. offer: how many; by the owner, as take_back. steal: NULL: none, or `awaited`, unless
 * NULL, is done. */
uint32_t branches_offer(struct branches *mine);
bool branches_take_back(struct branches *mine);
struct branch *branches_steal(struct branches *from, const struct branch *awaited,
                              struct branches *thief);
void branch_done(struct branch *branch, intptr_t value);
static inline bool branch_is_done(const struct branch *branch)
{
    return atom_load(&branch->state, ACQUIRE) & (BRANCH_DONE | BRANCH_LOST);
}
static inline bool branches_has_offers(struct branches *from)
{
    uint64_t word = atom_load(&from->word, SEQ_CST);
    return (uint16_t)word != (uint16_t)(word >> 16);
}
/* The child of a fork: marks what others had taken; nobody else's deque matters any more. */
void branches_after_fork(struct branches *mine);
void branches_reset(struct branches *one);

#endif
