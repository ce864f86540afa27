/* All open pools, which the program's end drains; and what open.c fills in for others. */
#ifndef POOL_LIST_H
#define POOL_LIST_H

#include "pool/pool.h"

struct pools {
    base_spin lock;
    struct list open; /* next NULL: none yet */
    plait_pool *common[3];
    uint32_t forks; /* whose they are */
    void (*drain)(void);
};
extern struct pools pools; /* common.c */

/* A forked child begins without: its parent's pools have no workers here. Its lock is that of
 * another generation, too. */
static inline void pools_lock(void)
{
    if (unlikely(atom_load(&pools.forks, RELAXED) != wait_forks)) {
        pools = (struct pools){.forks = wait_forks, .drain = pools.drain};
    }
    base_spin_lock(&pools.lock);
    if (!pools.open.next)
        list_init(&pools.open);
}

/* Its jobs are done before the program leaves. */
static inline void pools_add(plait_pool *pool)
{
    pools_lock();
    list_append(&pools.open, &pool->chain);
    base_spin_unlock(&pools.lock);
}

static inline void pools_remove(plait_pool *pool)
{
    pools_lock();
    list_remove(&pool->chain);
    base_spin_unlock(&pools.lock);
}

void help_prepare(void); /* help.c: fills in future_help */

#endif
