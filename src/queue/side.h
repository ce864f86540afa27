/* Where one side of a queue sleeps: getters on its items, putters on its room.
 *
 * The word:
 *   bit 0 CLOSING  close has begun: nobody goes to sleep on the word any more
 *   bit 1 W        somebody may sleep
 *   bits 2..31     epoch, one more at each wake, so that who is about to sleep notices it
 *
 * A getter that found nothing: sets W (1), looks again (2), sleeps while the word is as it then
 * was. A putter: announces its item (a), looks at the getters' word (b): W: takes it off with a new
 * epoch; makes the item visible; wakes one. All of 1, 2, a, b are SEQ_CST, or under one lock, so
 * either 2 sees a, and the getter does not sleep, or b sees the W of 1. Room is the same with the
 * two changed about.
 *
 * One wake for one item is enough only if the woken one looks after those who come later: an item
 * put while W was off has woken nobody. So who has slept wakes the next one of his side when he
 * leaves something behind.
 *
 * You may free the queue as soon as you see a call's effect. So W is looked at and taken off before
 * the effect is visible, and the wake behind it uses the word's address, not its memory (the lot
 * touches it only while others sleep on it). */
#ifndef QUEUE_SIDE_H
#define QUEUE_SIDE_H

#include "sync/budget.h"
#include "wait/wait.h"

struct queue_side {
    uint32_t word;
    uint32_t
        waiting; /* calls that are inside wait_until: none may be left when the queue is freed */
    struct sync_budget budget;
    bool single;    /* checked mode: one task has promised to be the only one that puts, gets */
    uint32_t owner; /* its number (waiter.h); 0: nobody yet */
} __attribute__((aligned(64)));

enum { QUEUE_CLOSING = 1, QUEUE_W = 2, QUEUE_EPOCH = 4 };

/* Takes W off the word. True: the caller owes a wake, as soon as its effect is visible. */
static inline bool side_owes_wake(struct queue_side *side)
{
    uint32_t seen = atom_load(&side->word, SEQ_CST); /* (b) */
    while (unlikely(seen & QUEUE_W))
        if (atom_cas(&side->word, &seen, (seen + QUEUE_EPOCH) & ~(uint32_t)QUEUE_W, SEQ_CST))
            return true;
    return false;
}

/* Wakes so many; when the effect is visible. Touches the address only. */
void side_wake(struct queue_side *side, int count);

#endif
