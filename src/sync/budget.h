/* How long it is worth spinning before a sleep, learnt for each object.
 *
 * A wake across cores costs 15 to 40 us on a virtual machine, a hand-over through memory 0.1 us:
 * spinning pays when the other side runs, and is pure loss when it does not. Which of the two holds
 * is seen only afterwards, so the object remembers.
 *
 * Obvious idea: count spins that ended in a sleep, and stop after some. But then one hiccup starts
 * a chain in which both sides sleep in turn, each longer than the other would have needed, and
 * nobody spins any more. So what counts is how long the sleep behind the spin was: one hardly
 * longer than a wake takes should have been spun through, and brings the whole budget back, also
 * when nobody had spun at all. */
#ifndef SYNC_BUDGET_H
#define SYNC_BUDGET_H

#include "wait/wait.h"

/* Each failure halves the budget, after four in a row nobody spins. A sleep of less than SYNC_SHORT
 * ns is none. */
enum { SYNC_FAILURES = 4, SYNC_SHORT = 40000 };

/* Zero: nothing learnt yet, the whole budget. A hint, read and written without order by all who
 * wait on the object. */
struct sync_budget {
    uint32_t failures; /* sleeps in a row that were long */
};

/* May this task spin at all? Not in deterministic mode, where nobody else runs meanwhile, nor with
 * one CPU. */
bool sync_may_spin(void);

/* By how many bits to shift the whole budget; -1: do not spin. */
int sync_budget_take(const struct sync_budget *budget);
/* A wait is over; `slept` ns of it were spent asleep, 0: none. */
void sync_budget_learn(struct sync_budget *budget, int64_t slept);

#endif
