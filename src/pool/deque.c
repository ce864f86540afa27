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

static uint32_t count_private(const struct branches *mine)
{
    uint32_t count = 0;
    for (struct branch *one = (struct branch *)mine->own.top; one != mine->offered;
         one = one->below)
        count++;
    return count;
}

/* Where the first goes. An empty deque begins at slot 0 again. */
static uint32_t first_slot(struct branches *mine)
{
    uint64_t word = atom_load(&mine->word, ACQUIRE);
    if (tail_of(word) != split_of(word))
        return split_of(word);
    /* A plain store, since no thief changes the word of an empty deque. */
    atom_store(&mine->word, (word & ~(ERA - 1)) + ERA, RELEASE);
    return 0;
}

/* So many from `first` on are empty; ACQUIRE pairs with the thief's RELEASE. */
static uint32_t count_empty(struct branches *mine, uint32_t first, uint32_t most)
{
    uint32_t count = 0;
    while (count < most && first + count < BRANCHES_SLOTS &&
           !atom_load(&mine->slots[first + count], ACQUIRE))
        count++;
    return count;
}

static void branch_prepare(struct branches *mine, struct branch *one)
{
    if (!mine->told) {
        one->function = one->call;
        one->value = one->arg;
        one->call = mine->merge;
        one->arg = (intptr_t)one;
    }
    atom_store(&one->thief, NULL, RELAXED);
    atom_store(&one->state, BRANCH_OFFERED, RELAXED);
}

/* Step 3. */
uint32_t branches_offer(struct branches *mine)
{
    uint32_t count = count_private(mine), first = first_slot(mine);
    uint32_t take = count_empty(mine, first, (count + 1) / 2);
    struct branch *one = (struct branch *)mine->own.top;
    if (take == 0)
        return 0;
    for (uint32_t skip = count - take; skip; skip--)
        one = one->below;
    struct branch *youngest = one;
    for (uint32_t i = first + take; i-- > first; one = one->below) {
        branch_prepare(mine, one);
        atom_store(&mine->slots[i], one, RELAXED);
    }
    mine->offered = youngest;
    /* RELEASE, and must come before the look for sleepers: gang.c. */
    atom_add(&mine->word, take, SEQ_CST);
    return take;
}

/* Step 5: the youngest of those offered. */
bool branches_take_back(struct branches *mine)
{
    uint64_t word = atom_load(&mine->word, ACQUIRE);
    do
        if (tail_of(word) == split_of(word))
            return false;
    while (!atom_cas(&mine->word, &word, word - 1, ACQ_REL));
    atom_store(&mine->slots[split_of(word) - 1], NULL, RELAXED);
    return true;
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
    struct branch *one = atom_load(&from->slots[tail_of(word)], RELAXED);
    atom_store(&from->slots[tail_of(word)], NULL, RELEASE);
    atom_store(&one->thief, thief, RELEASE); /* pairs with who waits for it, and then helps */
    return one;
}

/* Step 6. The wake goes by address, because its task may have left that stack. */
void branch_done(struct branch *branch, intptr_t value)
{
    branch->value = value;
    if (atom_swap(&branch->state, BRANCH_DONE, ACQ_REL) & BRANCH_WAITED)
        wait_unpark(&branch->state, INT_MAX, false);
}

/* The youngest of those offered still lie in the slots. */
void branches_after_fork(struct branches *mine)
{
    uint32_t here = split_of(mine->word) - tail_of(mine->word);
    for (struct branch *one = mine->offered; one; one = one->below)
        if (here)
            here--;
        else if (!(one->state & BRANCH_DONE))
            one->state |= BRANCH_LOST;
    mine->bell = mine->helpers = 0;
    mine->own.wanted = 1;
}

void branches_reset(struct branches *one)
{
    for (uint32_t i = 0; i < split_of(one->word); i++)
        one->slots[i] = NULL;
    one->word = (one->word & ~(ERA - 1)) + ERA;
    one->own.top = NULL;
    one->offered = NULL;
    one->bell = one->helpers = 0;
    one->own.wanted = 1;
}
