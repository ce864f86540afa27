/* The jobs of a pool that have not begun, the next one first: by priority, then as they came. Those
 * of priority 0, nearly all, lie in a list, because a heap of equals is ten times as dear. */
#include "pool/pool.h"

void pool_push(plait_pool *pool, plait_future *job)
{
    atom_store(&pool->waiting, pool->waiting + 1, RELAXED); /* a worker may be looking */
    if (job->priority == 0) {
        list_append(&pool->queue, &job->queued);
        return;
    }
    job->ranked.key = job->priority;
    heap_insert(&pool->ranks, &job->ranked);
}

void pool_take_out(plait_pool *pool, plait_future *job)
{
    atom_store(&pool->waiting, pool->waiting - 1, RELAXED);
    if (job->priority == 0)
        list_remove(&job->queued);
    else
        heap_remove(&pool->ranks, &job->ranked);
}

plait_future *pool_pop(plait_pool *pool)
{
    struct heap_item *ranked = heap_first(&pool->ranks);
    bool plain = !list_is_empty(&pool->queue);
    plait_future *job;
    if (ranked && (!plain || ranked->key < 0))
        job = list_item(ranked, plait_future, ranked);
    else if (plain)
        job = list_item(pool->queue.next, plait_future, queued);
    else
        return NULL;
    pool_take_out(pool, job);
    return job;
}

bool pool_make_room(plait_pool *pool)
{
    uint32_t seen = atom_load(&pool->room, RELAXED);
    if (likely(!(seen & POOL_ROOM_W)))
        return false;
    atom_store(&pool->room, (seen + 1) & ~POOL_ROOM_W, RELEASE); /* pairs with submit_words */
    return true;
}

void pool_tell_room(plait_pool *pool)
{
    wait_unpark_marking(&pool->room, 1, 0, POOL_ROOM_W);
}
