/* A pool's memory, which goes with the last who has it: the handle, a worker, a chain. */
#include "base/report.h"
#include "os/os.h"
#include "pool/pool.h"

#include <plait/scope.h>
#include <plait/time.h>

void pool_reap(plait_pool *pool)
{
    struct list ended;
    int shield = plait_shield_enter();
    list_init(&ended);
    base_spin_lock(&pool->lock);
    list_append_all(&ended, &pool->ended);
    base_spin_unlock(&pool->lock);
    for (struct list *link; (link = list_take_first(&ended));) {
        struct pool_worker *worker = list_item(link, struct pool_worker, link);
        if (worker->task == plait_self())
            plait_detach(worker->task);
        else
            plait_join(worker->task, NULL, PLAIT_NEVER);
        os_free(worker);
    }
    plait_shield_leave(&shield);
}

void pool_keep(plait_pool *pool)
{
    base_spin_lock(&pool->lock);
    pool->references++;
    base_spin_unlock(&pool->lock);
}

/* Whoever was the last has it alone: no worker, no handle, no chain. */
static void pool_destroy(plait_pool *pool)
{
    pool_reap(pool);
    base_name_forget(pool);
    pool->magic = 0;
    os_free(pool);
}

void pool_let_go(plait_pool *pool)
{
    base_spin_lock(&pool->lock);
    bool last = --pool->references == 0;
    base_spin_unlock(&pool->lock);
    if (last)
        pool_destroy(pool);
}
