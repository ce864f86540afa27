/* The jobs of a pool that have not begun, the next one first: by priority, then as they came. Those
 * of priority 0, nearly all, lie in a lane, because a heap of equals is ten times as dear, and must
 * have a lock. */
#include "pool/pool.h"

void pool_changed(plait_pool *pool)
{
    struct heap_item *ranked = heap_first(&pool->ranks);
    bool urgent = ranked && ranked->key < 0;
    bool slowly = urgent || pool->failed || pool_running(pool) > pool->size;
    bool lends = pool_running(pool) < pool->size && !pool->looks &&
                 (!list_is_empty(&pool->idle) || pool->alive < pool->most);
    if (slowly != pool->slowly)
        atom_store(&pool->slowly, slowly, RELAXED);
    if (lends != pool->lends)
        atom_store(&pool->lends, lends, RELAXED);
}

int pool_push(plait_pool *pool, plait_future *job)
{
    if (job->priority == 0) {
        int rc = lane_put(&pool->lane, job);
        if (rc != 0)
            return rc;
    } else {
        job->ranked.key = job->priority;
        heap_insert(&pool->ranks, &job->ranked);
        atom_store(&pool->ranked, pool->ranked + 1, RELAXED); /* a worker may be looking */
        pool_changed(pool);
    }
    if (pool->bounded)
        atom_add(&pool->waiting, 1, RELAXED);
    return 0;
}

/* Of a claimed one. SEQ_CST: against who sets W and then looks at it. */
static void count_down(plait_pool *pool)
{
    if (pool->bounded)
        atom_sub(&pool->waiting, 1, SEQ_CST);
}

static void rank_take_out(plait_pool *pool, plait_future *job)
{
    heap_remove(&pool->ranks, &job->ranked);
    atom_store(&pool->ranked, pool->ranked - 1, RELAXED);
    pool_changed(pool);
}

bool pool_claim(plait_pool *pool, plait_future *job)
{
    if (!future_claim(job, 0))
        return false;
    if (job->priority == 0)
        lane_take_out(&pool->lane, job);
    else
        rank_take_out(pool, job);
    count_down(pool);
    return true;
}

plait_future *pool_pop_quickly(plait_pool *pool)
{
    for (plait_future *job; (job = lane_take(&pool->lane));)
        if (lane_claim(&pool->lane, job)) {
            count_down(pool);
            return job;
        }
    return NULL;
}

plait_future *pool_pop(plait_pool *pool)
{
    struct heap_item *ranked = heap_first(&pool->ranks);
    plait_future *job = ranked && ranked->key < 0 ? NULL : pool_pop_quickly(pool);
    if (job || !ranked)
        return job;
    job = list_item(ranked, plait_future, ranked);
    rank_take_out(pool, job);
    future_claim(job, 0); /* nobody else does without the lock */
    count_down(pool);
    return job;
}

void pool_tell_room(plait_pool *pool)
{
    if (likely(!pool->bounded))
        return;
    uint32_t seen = atom_load(&pool->room, SEQ_CST);
    do
        if (!(seen & POOL_ROOM_W))
            return;
    while (!atom_cas(&pool->room, &seen, (seen + 1) & ~POOL_ROOM_W, RELEASE));
    wait_unpark_marking(&pool->room, 1, 0, POOL_ROOM_W);
}
