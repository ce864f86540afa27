/* The program's own pools, and its end. */
#include "base/report.h"
#include "pool/list.h"

#include <plait/time.h>

/* The last one opened first: it may have been opened for the sake of another's job. */
static plait_pool *pools_last(void)
{
    plait_pool *pool = NULL;
    pools_lock();
    if (!list_is_empty(&pools.open)) {
        pool = list_item(pools.open.prev, plait_pool, chain);
        list_remove(&pool->chain);
        pool_keep(pool);
    }
    base_spin_unlock(&pools.lock);
    return pool;
}

static void pools_drain(void)
{
    for (plait_pool *pool; (pool = pools_last());) {
        pool->common = false;
        plait_pool_close(pool, PLAIT_NEVER);
        pool_let_go(pool);
    }
    pools_lock();
    plait_pool *common[3];
    memcpy(common, pools.common, sizeof common);
    memset(pools.common, 0, sizeof pools.common);
    base_spin_unlock(&pools.lock);
    for (int i = 0; i < 3; i++)
        plait_pool_free(common[i]);
}

struct pools pools = {.drain = pools_drain};

plait_pool *plait_pool_common(plait_carrier carrier)
{
    wait_me();
    if (carrier < PLAIT_PROCESS || carrier > PLAIT_COROUTINE) {
        errno = EINVAL;
        return NULL;
    }
    pools_lock();
    plait_pool *pool = pools.common[carrier - PLAIT_PROCESS];
    base_spin_unlock(&pools.lock);
    if (pool)
        return pool;
    static const char *const names[] = {"processes", "threads", "coroutines"};
    plait_pool *made =
        plait_pool_open(carrier, 0, &(plait_pool_options){.name = names[carrier - PLAIT_PROCESS]});
    if (!made)
        return NULL;
    made->common = true;
    pools_lock();
    if (!(pool = pools.common[carrier - PLAIT_PROCESS]))
        pools.common[carrier - PLAIT_PROCESS] = pool = made;
    base_spin_unlock(&pools.lock);
    if (pool != made) { /* another task was quicker */
        made->common = false;
        plait_pool_free(made);
    }
    return pool;
}
