/* A stock's small items: put and got in one step under the lock. */
#include "queue/stock_one.h"
#include "queue/stock_place.h"

#include <limits.h>
#include <string.h>

/* Under the lock, of what has room. */
static void insert_copy(struct stock *stock, struct cell *cell, const void *item, size_t element,
                        int64_t priority)
{
    ring_copy(cell->item, item, element);
    cell->priority = priority;
    cell->state = CELL_IN;
    rank_insert(&stock->rank, cell);
    stock->count++;
    atom_store(&stock->put, stock->put + 1, RELEASE);
}

static void remove_copy(struct stock *stock, void *buffer, size_t element)
{
    struct cell *cell = rank_remove(&stock->rank);
    ring_copy(buffer, cell->item, element);
    cells_give(&stock->cells, cell);
    stock->count--;
    atom_store(&stock->got, stock->got + 1, RELEASE);
}

static int put_some(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    struct stock *stock = &queue->stock;
    size_t n = 0;
    int rc;
    while ((rc = stock_enter_put(queue, 0)) == -ENOMEM)
        if ((rc = stock_grow(stock)) != 0)
            return rc;
    if (rc != 0)
        return rc;
    const char *item = call->item;
    do {
        insert_copy(stock, cells_take(&stock->cells), item, queue->element, call->priority);
        item += queue->element;
    } while (++n < call->count && stock_room(queue, 0) && stock_has_memory(stock));
    call->did = n;
    bool wake = side_owes_wake(&queue->items);
    bool pass = call_pass_on(call, stock_room(queue, 0));
    stock_unlock(stock);
    if (unlikely(wake))
        side_wake(&queue->items, n < INT_MAX ? (int)n : INT_MAX);
    if (unlikely(pass))
        side_wake(&queue->room, 1);
    return 0;
}

static int get_some(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    struct stock *stock = &queue->stock;
    size_t n = 0, element = queue->element;
    int rc = stock_enter_get(queue);
    if (rc != 0)
        return rc;
    char *buffer = call->item;
    do {
        remove_copy(stock, buffer, element);
        buffer += element;
    } while (++n < call->count && stock->count);
    call->did = n;
    bool wake = side_owes_wake(&queue->room);
    bool pass = call_pass_on(call, stock->count > 0);
    stock_unlock(stock);
    if (unlikely(wake))
        side_wake(&queue->room, n < INT_MAX ? (int)n : INT_MAX);
    if (unlikely(pass))
        side_wake(&queue->items, 1);
    call->size = element;
    return 0;
}

int stock_put_one(plait_queue *queue, const void *item, int64_t priority)
{
    struct stock *stock = &queue->stock;
    int rc = stock_enter_put(queue, 0);
    if (unlikely(rc != 0))
        return rc;
    insert_copy(stock, cells_take(&stock->cells), item, queue->element, priority);
    bool wake = side_owes_wake(&queue->items);
    stock_unlock(stock);
    if (unlikely(wake))
        side_wake(&queue->items, 1);
    return 0;
}

int stock_get_one(plait_queue *queue, void *buffer)
{
    struct stock *stock = &queue->stock;
    int rc = stock_enter_get(queue);
    if (unlikely(rc != 0))
        return rc;
    remove_copy(stock, buffer, queue->element);
    bool wake = side_owes_wake(&queue->room);
    stock_unlock(stock);
    if (unlikely(wake))
        side_wake(&queue->room, 1);
    return 0;
}

const struct queue_kind queue_small = {
    .put = put_some,
    .get = get_some,
    .put_many = put_some,
    .get_many = get_some,
    STOCK_PLACES,
};
