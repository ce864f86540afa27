/* How long it is worth spinning before a sleep, learnt for each object.
 *
 * A wake across cores costs 15 to 20 us on a virtual machine, a hand-over through memory 0.1 us: spinning pays when the other side runs, and is
 * pure loss when it does not. Which of the two holds is seen only afterwards, so the object remembers. */
#ifndef SYNC_BUDGET_H
#define SYNC_BUDGET_H

#include "wait/wait.h"

/* All zero: nothing learnt yet, the whole budget. Hints, read and written without order by all who wait on the object. */
struct sync_budget {
    uint16_t
        failures; /* spins in a row that ended in a sleep: each halves the budget, after SYNC_FAILURES there is none */
    uint16_t unused;
    uint32_t again; /* when to try once more nevertheless, in units of 2^20 ns */
};

enum { SYNC_SPIN_NS = 20000, SYNC_FAILURES = 4, SYNC_AGAIN = 100 };

/* May this task spin at all? Not in deterministic mode, where nobody else runs meanwhile, nor with one CPU. */
bool sync_may_spin(void);

/* For how many ns; 0: not at all. */
int64_t sync_budget_take(struct sync_budget *budget);
void sync_budget_won(struct sync_budget *budget);
void sync_budget_lost(struct sync_budget *budget);

#endif
