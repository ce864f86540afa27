/* Places in a stock: reserved and committed, taken and released, with the lock held for neither the
 * writing nor the reading. */
#include "queue/stock_place.h"
#include "base/report.h"
#include "os/os.h"
#include "sync/lock.h"

#include <limits.h>

void stock_lock_slowly(struct stock *stock)
{
    void *place = __builtin_return_address(0);
    if (lock_take(&stock->lock, WAIT_NEVER, true, place) != 0)
        base_misuse((char *)stock - offsetof(plait_queue, stock), "queue", place,
                    "its compare function uses it");
}

void stock_unlock_slowly(struct stock *stock)
{
    plait_lock_release(&stock->lock);
}

/* ---- memory */
static int grow_cells(struct stock *stock, size_t count)
{
    struct slab *slab = cells_slab(&stock->cells, count);
    if (!slab)
        return -ENOMEM;
    stock_lock(stock);
    cells_add(&stock->cells, slab, count);
    stock->cells.grow = count * 2;
    stock_unlock(stock);
    return 0;
}

static int grow_heap(struct stock *stock, size_t room)
{
    void *memory = rank_alloc(room), *old = memory;
    if (!memory)
        return -ENOMEM;
    stock_lock(stock);
    if (stock->rank.room < room) /* otherwise somebody was quicker, and ours is freed */
        old = rank_grow(&stock->rank, memory, room);
    stock_unlock(stock);
    os_free(old);
    return 0;
}

int stock_grow(struct stock *stock)
{
    struct cells *cells = &stock->cells;
    stock_lock(stock);
    bool heap = stock->rank.kind == PLAIT_PRIORITY && stock_cells(stock) >= stock->rank.room;
    bool more = cells->stride && !cells->free && cells->fresh == cells->end;
    size_t room = stock->rank.room ? stock->rank.room * 2 : 64, count = cells->grow;
    stock_unlock(stock);
    int rc = heap ? grow_heap(stock, room) : 0;
    if (rc == 0 && more)
        rc = grow_cells(stock, count);
    return rc;
}

/* ---- room and places. A message's cell is allocated when it has its room, and without the lock,
 * so that nobody waits for the allocator. */
/* The room of a place that is no more; the stock is locked and is unlocked. */
static void give_room_back(plait_queue *queue, struct cell *cell, size_t size)
{
    struct stock *stock = &queue->stock;
    stock->bytes -= size;
    bool owned = cell && stock->cells.stride;
    if (owned)
        cells_give(&stock->cells, cell);
    /* all for messages, because the first in line may be too large for it, and the next one not */
    int count = stock->bytes_most == SIZE_MAX ? 1 : INT_MAX;
    bool room = side_owes_wake(&queue->room);
    bool over = stock_is_over(stock) && side_owes_wake(&queue->items);
    stock_unlock(stock);
    if (room)
        side_wake(&queue->room, count);
    if (over)
        side_wake(&queue->items, INT_MAX);
    if (!owned)
        os_free(cell);
}

int stock_reserve(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    struct stock *stock = &queue->stock;
    size_t size = queue->element ? 0 : call->size;
    int rc;
    if (size > stock->bytes_most)
        return -EMSGSIZE;
    while ((rc = stock_enter_put(queue, size)) == -ENOMEM)
        if ((rc = stock_grow(stock)) != 0)
            return rc;
    if (rc != 0)
        return rc;
    struct cell *cell = stock->cells.stride ? cells_take(&stock->cells) : NULL;
    stock->writing++;
    stock->bytes += size;
    bool pass = call_pass_on(call, stock_room(queue, 0));
    stock_unlock(stock);
    if (pass)
        side_wake(&queue->room, 1);
    if (!cell && !(cell = cell_alloc(size))) {
        stock_lock(stock);
        stock->writing--;
        give_room_back(queue, NULL, size);
        return -ENOMEM;
    }
    cell->state = CELL_WRITTEN;
    cell->priority = call->priority;
    call->item = cell->item;
    return 0;
}

int stock_take(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    struct stock *stock = &queue->stock;
    int rc = stock_enter_get(queue);
    if (rc != 0)
        return rc;
    bool fits = queue->element || rank_first(&stock->rank)->size <= call->size;
    struct cell *cell = fits ? rank_remove(&stock->rank) : NULL;
    if (fits) {
        cell->state = CELL_TAKEN;
        stock->count--;
        stock->taken++;
        atom_store(&stock->got, stock->got + 1, RELEASE);
        call->item = cell->item;
        call->size = queue->element ? queue->element : cell->size;
    }
    bool pass = call_pass_on(call, stock->count > 0);
    stock_unlock(stock);
    if (pass)
        side_wake(&queue->items, 1);
    return fits ? 0 : -EMSGSIZE;
}

/* The cell of a place, if it is one. */
static struct cell *place(void *item, enum cell_state state)
{
    struct cell *cell = cell_of(item);
    return (uintptr_t)item % sizeof(void *) == 0 && cell->state == state ? cell : NULL;
}

/* It is inside; the stock is locked and is unlocked. */
static void tell_of_item(plait_queue *queue)
{
    struct stock *stock = &queue->stock;
    stock->count++;
    int count = stock->closed ? INT_MAX : 1; /* since it may be the last that is waited for */
    bool wake = side_owes_wake(&queue->items);
    stock_unlock(stock);
    if (wake)
        side_wake(&queue->items, count);
}

bool stock_commit(plait_queue *queue, void *item)
{
    struct stock *stock = &queue->stock;
    struct cell *cell = place(item, CELL_WRITTEN);
    if (!cell)
        return false;
    stock_lock(stock);
    cell->state = CELL_IN;
    rank_insert(&stock->rank, cell);
    stock->writing--;
    atom_store(&stock->put, stock->put + 1, RELEASE);
    tell_of_item(queue);
    return true;
}

bool stock_put_back(plait_queue *queue, void *item)
{
    struct stock *stock = &queue->stock;
    struct cell *cell = place(item, CELL_TAKEN);
    if (!cell)
        return false;
    stock_lock(stock);
    cell->state = CELL_IN;
    rank_put_back(&stock->rank, cell);
    stock->taken--;
    atom_store(&stock->got, stock->got - 1, RELEASE);
    tell_of_item(queue);
    return true;
}

bool stock_give_up(plait_queue *queue, void *item)
{
    struct cell *cell = place(item, CELL_WRITTEN);
    if (!cell)
        return false;
    stock_lock(&queue->stock);
    queue->stock.writing--;
    give_room_back(queue, cell, queue->element ? 0 : cell->size);
    return true;
}

bool stock_release(plait_queue *queue, void *item)
{
    struct cell *cell = place(item, CELL_TAKEN);
    if (!cell)
        return false;
    stock_lock(&queue->stock);
    queue->stock.taken--;
    give_room_back(queue, cell, queue->element ? 0 : cell->size);
    return true;
}

/* ---- what is asked of it */
bool stock_has_priorities(const plait_queue *queue)
{
    return stock_by_number(&queue->stock);
}

bool stock_is_full(const struct queue_call *call)
{
    plait_queue *queue = call->queue;
    stock_lock(&queue->stock);
    bool full = !queue->stock.closed && !stock_room(queue, queue->element ? 0 : call->size);
    stock_unlock(&queue->stock);
    return full;
}

bool stock_is_empty(const struct queue_call *call)
{
    struct stock *stock = &call->queue->stock;
    stock_lock(stock);
    bool empty = !stock->count && !stock_is_over(stock);
    stock_unlock(stock);
    return empty;
}

size_t stock_size(const plait_queue *queue)
{
    struct stock *stock = (struct stock *)&queue->stock;
    stock_lock(stock);
    size_t count = stock->count;
    stock_unlock(stock);
    return count;
}

bool stock_is_closed(const plait_queue *queue)
{
    return atom_load(&queue->stock.closed, ACQUIRE);
}

void stock_close(plait_queue *queue)
{
    struct stock *stock = &queue->stock;
    stock_lock(stock);
    atom_store(&stock->closed, true, RELEASE);
    bool items = side_owes_wake(&queue->items), room = side_owes_wake(&queue->room);
    stock_unlock(stock);
    if (items)
        side_wake(&queue->items, INT_MAX);
    if (room)
        side_wake(&queue->room, INT_MAX);
}

uint64_t stock_puts(const plait_queue *queue)
{
    return atom_load(&queue->stock.put, ACQUIRE);
}

uint64_t stock_gets(const plait_queue *queue)
{
    return atom_load(&queue->stock.got, ACQUIRE);
}

void stock_destroy(plait_queue *queue)
{
    struct stock *stock = &queue->stock;
    while (!stock->cells.stride && stock->count--)
        os_free(rank_remove(&stock->rank));
    cells_free_all(&stock->cells);
    rank_free(&stock->rank);
}
