/* What small and large items of a stock have in common: room, growth, places that are written and
 * read without the lock. */
#ifndef QUEUE_STOCK_PLACE_H
#define QUEUE_STOCK_PLACE_H

#include "queue/call.h"

#include <errno.h>

/* ---- under the lock */
static inline size_t stock_cells(const struct stock *stock)
{
    return stock->count + stock->writing + stock->taken;
}

/* Is there room for one more, of `size` bytes if it is a message? */
static inline bool stock_room(const plait_queue *queue, size_t size)
{
    const struct stock *stock = &queue->stock;
    return stock_cells(stock) < queue->capacity && size <= stock->bytes_most - stock->bytes;
}

/* One element more needs no memory, so that it can be put under the lock. */
static inline bool stock_has_memory(const struct stock *stock)
{
    const struct cells *cells = &stock->cells;
    return (stock->rank.kind != PLAIT_PRIORITY || stock_cells(stock) < stock->rank.room) &&
           (!cells->stride || cells->free || cells->fresh != cells->end);
}

/* ---- these take the lock, and hold it still when they return 0. */
/* For a put: -EPIPE, -EAGAIN: full, -ENOMEM: stock_grow first, unlocked since it allocates. */
static inline int stock_enter_put(plait_queue *queue, size_t size)
{
    struct stock *stock = &queue->stock;
    stock_lock(stock);
    int rc = 0;
    if (unlikely(stock->closed))
        rc = -EPIPE;
    else if (unlikely(!stock_room(queue, size)))
        rc = -EAGAIN;
    else if (unlikely(!stock_has_memory(stock)))
        rc = -ENOMEM;
    if (unlikely(rc != 0))
        stock_unlock(stock);
    return rc;
}

/* Closed, and nothing can come any more. What was reserved before the close must be waited for,
 * since its commit still puts it. */
static inline bool stock_is_over(const struct stock *stock)
{
    return stock->closed && !stock->count && !stock->writing;
}

/* For a get: -EPIPE: closed and empty, -EAGAIN: empty. */
static inline int stock_enter_get(plait_queue *queue)
{
    struct stock *stock = &queue->stock;
    stock_lock(stock);
    if (likely(stock->count))
        return 0;
    int rc = stock_is_over(stock) ? -EPIPE : -EAGAIN;
    stock_unlock(stock);
    return rc;
}

/* ---- without the lock */
/* More memory for a stock without a bound. 0 or -ENOMEM. */
int stock_grow(struct stock *stock);

int stock_reserve(struct queue_call *call);
int stock_take(struct queue_call *call);
bool stock_commit(plait_queue *queue, void *item);
bool stock_give_up(plait_queue *queue, void *item);
bool stock_release(plait_queue *queue, void *item);
bool stock_put_back(plait_queue *queue, void *item);
bool stock_has_priorities(const plait_queue *queue);
bool stock_is_full(const struct queue_call *call);
bool stock_is_empty(const struct queue_call *call);
size_t stock_size(const plait_queue *queue);
bool stock_is_closed(const plait_queue *queue);
void stock_close(plait_queue *queue);
uint64_t stock_puts(const plait_queue *queue);
uint64_t stock_gets(const plait_queue *queue);
void stock_destroy(plait_queue *queue);

#define STOCK_PLACES                                                                               \
    .reserve = stock_reserve, .take = stock_take, .commit = stock_commit,                          \
    .give_up = stock_give_up, .release = stock_release, .put_back = stock_put_back,                \
    .has_priorities = stock_has_priorities, .is_full = stock_is_full, .is_empty = stock_is_empty,  \
    .size = stock_size, .is_closed = stock_is_closed, .close = stock_close, .puts = stock_puts,    \
    .gets = stock_gets, .destroy = stock_destroy

#endif
