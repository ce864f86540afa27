/* All queues that are no ring: last in first out, by priority, without a bound, of messages. Cells
 * and an order of them under a lock.
 *
 * Obvious idea: no lock here, too. But a heap changes ten places at each step, and a list with any
 * number of takers needs a way to give memory back that others still look at, which costs more than
 * the lock that it saves: this one is held for 20 to 200 ns.
 *
 * The lock is a spin lock unless a compare function of the user's runs under it: that may wait,
 * even if it should not, and then a lock that spins would wait for a task that cannot run. */
#ifndef QUEUE_STOCK_H
#define QUEUE_STOCK_H

#include "base/spin.h"
#include "queue/rank.h"

#include <plait/lock.h>

struct stock {
    base_spin spin;
    bool closed;
    plait_lock lock; /* instead of it, with a compare function */
    /* all guarded by the lock */
    size_t count; /* items inside */
    /* cells outside, which need room too: reserved and not yet committed, taken and not yet
     * released */
    size_t writing, taken;
    size_t bytes, bytes_most; /* of messages, inside and outside */
    uint64_t put, got;        /* since the beginning */
    struct cells cells;
    struct rank rank;
};

static inline bool stock_by_number(const struct stock *stock)
{
    return stock->rank.kind == PLAIT_PRIORITY && !stock->rank.compare;
}

void stock_lock_slowly(struct stock *stock);
void stock_unlock_slowly(struct stock *stock);

static inline void stock_lock(struct stock *stock)
{
    if (!stock->rank.compare)
        base_spin_lock(&stock->spin);
    else
        stock_lock_slowly(stock);
}

/* The last touch: afterwards the stock may be freed. */
static inline void stock_unlock(struct stock *stock)
{
    if (!stock->rank.compare)
        base_spin_unlock(&stock->spin);
    else
        stock_unlock_slowly(stock);
}

#endif
