/* Branches: calls that may run elsewhere, and the deque in which each task keeps its own.
 *
 * Problem: a fork at every call of a recursion, merged in nearly all cases by its own task, must
 * cost next to nothing; others must be able to take the oldest, which are the largest. Obvious
 * idea: a Chase-Lev deque. Its pop needs a fence against thieves each time, which is ten times a
 * call. Lace splits the deque: the owner alone uses the private part, without fences, and moves the
 * split when thieves are hungry. Lace hands the index of the top on in a register, which a function
 * of one argument cannot; an index in memory that each merge counts down is a chain of dependent
 * loads and stores (2.0 times plain calls in fib). So a branch on its task's stack keeps where its
 * slot is: the merge puts that back, and calls the function with an argument that the compiler has
 * seen (1.15 times).
 *   1. fork: function and argument into the slot at the top. `limit` 0, or none left: step 3
 *   2. merge of one from the split on: off the top, and called. Both stand in the public header
 *   3. offer: the owner prepares the oldest half of its private slots, then moves the split
 *      (RELEASE)
 *   4. steal: a thief moves the tail by compare-and-swap (pairs with 3), then reads the slot, which
 *      stays as it is until he is done
 *   5. take back: the owner moves the split down by compare-and-swap; when none is left, the branch
 *      was stolen
 *   6. done: the thief stores the value, swaps the state (RELEASE) and wakes; the slot is the
 *      owner's again, who sets tail and split to it
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

/* A slot from the inside; may_alias, because users see another struct.
 * state, one word, from its offer to its end:
 *   bit 0 DONE: value is the result; the thief touches it no more
 *   bit 1 WAITED: its task sleeps on this word
 *   bit 2 LOST: a child of a fork, and the thief is in the parent */
struct branch {
    intptr_t (*function)(intptr_t);
    intptr_t value; /* the argument, then the result */
    struct branches *thief;
    uint32_t state, unused;
} __attribute__((may_alias));
_Static_assert(sizeof(struct branch) == sizeof(struct plait_branch_slot_), "one slot, two views");
enum { BRANCH_DONE = 1, BRANCH_WAITED = 2, BRANCH_LOST = 4 };

enum { BRANCHES_SLOTS = 1 << 14 };

/* word: bits 63-32 era; 31-16 tail, the next to be stolen; 15-0 split, behind the last one that may
 * be. Slots before the tail are stolen and not merged yet. */
struct branches {
    /* First: the public header's view of a plain thread's deque. limit NULL: somebody wants more */
    struct plait_branches_ own;
    bool told; /* each fork and merge comes to us: coroutines, which change threads; checked mode */
    struct branches *next, *next_free; /* of all that ever were | guarded by the gang's lock */
    uint64_t word __attribute__((aligned(64)));
    uint32_t bell;    /* counts offers; who helps sleeps on it */
    uint32_t helpers; /* so many may */
    struct branch slots[BRANCHES_SLOTS] __attribute__((aligned(64)));
};

static inline struct plait_branch_slot_ *branches_slot(struct branches *mine, uint32_t index)
{
    return (struct plait_branch_slot_ *)&mine->slots[index];
}
static inline bool branches_are_wanted(const struct branches *one)
{
    return atom_load(&one->own.limit, RELAXED) == NULL;
}
/* Its owner's next fork offers what it has. */
static inline void branches_want(struct branches *one)
{
    atom_store(&one->own.limit, NULL, SEQ_CST);
}

/* Steps 3 to 7. offer, take_back and drop, for the youngest of those that were offered, are the
 * owner's; drop: it is done. steal: NULL: none, or `awaited`, unless NULL, is done. */
void branches_offer(struct branches *mine);
bool branches_take_back(struct branches *mine);
void branches_drop(struct branches *mine);
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
