/* The protocol of branch.h between a deque's owner and its thieves. */
#include "pool/branch.h"
#include "wait/wait.h"

#include <limits.h>

static inline uint32_t tail_of(uint64_t word)
{
    return (uint32_t)word >> 16;
}

static inline uint32_t split_of(uint64_t word)
{
    return (uint32_t)word & 0xffff;
}

#define ERA (UINT64_C(1) << 32)
#define TAIL (UINT64_C(1) << 16)

static void split_moves(struct branches *mine, uint32_t split)
{
    mine->own.split = branches_slot(mine, split);
}

/* Step 3. SEQ_CST: RELEASE, and must come before the look for sleepers: gang.c. */
void branches_offer(struct branches *mine)
{
    uint64_t word = atom_load(&mine->word, ACQUIRE);
    uint32_t split = split_of(word);
    uint32_t count = (uint32_t)(mine->own.top - mine->own.split), take = (count + 1) / 2;
    for (uint32_t i = split; i < split + take; i++) {
        atom_store(&mine->slots[i].thief, NULL, RELAXED);
        atom_store(&mine->slots[i].state, 0, RELAXED);
    }
    split_moves(mine, split + take);
    if (tail_of(word) == split) /* plain, since no thief changes an empty deque */
        atom_store(&mine->word, word + ERA + take, SEQ_CST);
    else
        atom_add(&mine->word, take, SEQ_CST);
}

/* Step 5: the youngest of those offered. */
bool branches_take_back(struct branches *mine)
{
    uint64_t word = atom_load(&mine->word, ACQUIRE);
    do
        if (tail_of(word) == split_of(word))
            return false;
    while (!atom_cas(&mine->word, &word, word - 1, ACQ_REL));
    split_moves(mine, split_of(word) - 1);
    return true;
}

/* Step 6, by the owner: nothing is offered, so no thief changes the word. */
void branches_drop(struct branches *mine)
{
    uint64_t word = atom_load(&mine->word, RELAXED);
    atom_store(&mine->word, word - TAIL - 1, RELEASE);
    split_moves(mine, split_of(word) - 1);
}

/* Steps 4 and 7. The look at `awaited` must lie between the load and the compare-and-swap. */
struct branch *branches_steal(struct branches *from, const struct branch *awaited,
                              struct branches *thief)
{
    uint64_t word = atom_load(&from->word, ACQUIRE);
    do
        if (tail_of(word) == split_of(word) || (awaited && branch_is_done(awaited)))
            return NULL;
    while (!atom_cas(&from->word, &word, word + TAIL, ACQ_REL));
    struct branch *one = &from->slots[tail_of(word)];
    atom_store(&one->thief, thief, RELEASE); /* pairs with who waits for it, and then helps */
    return one;
}

/* Step 6. The wake goes by address, because its task may use that slot again. */
void branch_done(struct branch *branch, intptr_t value)
{
    branch->value = value;
    if (atom_swap(&branch->state, BRANCH_DONE, ACQ_REL) & BRANCH_WAITED)
        wait_unpark(&branch->state, INT_MAX, false);
}

void branches_after_fork(struct branches *mine)
{
    for (uint32_t i = 0; i < tail_of(mine->word); i++)
        if (!(mine->slots[i].state & BRANCH_DONE))
            mine->slots[i].state |= BRANCH_LOST;
    mine->bell = mine->helpers = 0;
    branches_want(mine);
}

void branches_reset(struct branches *one)
{
    one->word = (one->word & ~(ERA - 1)) + ERA;
    one->own.top = one->own.split = branches_slot(one, 0);
    one->bell = one->helpers = 0;
    branches_want(one);
}
