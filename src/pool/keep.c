/* A pool's memory, which goes with the last who has it: the handle, a worker, a chain. It goes into
 * a stock, and never back to libc: who finds a job PENDING and then takes the lock of its pool may
 * come too late, but must find a lock there (help.c). */
#include "base/report.h"
#include "os/os.h"
#include "pool/pool.h"

#include <plait/scope.h>
#include <plait/time.h>

static struct {
    base_spin lock;
    plait_pool *free;
    uint32_t forks;
} stock;

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
    atom_add(&pool->references, 1, RELAXED);
}

/* A forked child begins with an empty one, because its locks may be held by who is not here. */
plait_pool *pool_new(void)
{
    if (atom_load(&stock.forks, RELAXED) != wait_forks) {
        stock.lock = (base_spin){0};
        stock.free = NULL;
        atom_store(&stock.forks, wait_forks, RELAXED);
    }
    base_spin_lock(&stock.lock);
    plait_pool *pool = stock.free;
    if (pool)
        stock.free = pool->next_free;
    base_spin_unlock(&stock.lock);
    if (!pool)
        return os_alloc_lines(sizeof *pool);
    memset((char *)pool + POOL_FRESH, 0, sizeof *pool - POOL_FRESH);
    return pool;
}

/* Whoever was the last has it alone: no worker, no handle, no chain. */
static void pool_destroy(plait_pool *pool)
{
    pool_reap(pool);
    while (pool_pop_quickly(pool)) /* there are but dead ones */
        ;
    lane_free(&pool->lane);
    base_name_forget(pool);
    pool->magic = 0;
    base_spin_lock(&stock.lock);
    pool->next_free = stock.free;
    stock.free = pool;
    base_spin_unlock(&stock.lock);
}

void pool_let_go(plait_pool *pool)
{
    if (atom_sub(&pool->references, 1, ACQ_REL) == 1)
        pool_destroy(pool);
}
