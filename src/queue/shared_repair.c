/* After a death inside: all that is not in the cells of a shared stock is made anew from them.
 *
 * It takes a few nanoseconds a cell, more for a sorted one, and happens once for each such death.
 * Who made it may be killed as well: the next one begins again. */
#include "queue/shared_end.h"
#include "queue/shared_stock.h"

#include <limits.h>

static void repair_cell(plait_queue *queue, uint32_t index, uint32_t *inside)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    struct shared_cell *cell = shared_cell(&queue->shared, index);
    uint32_t state = cell->state;
    if (state == SHARED_FREE || state > SHARED_LEASED) {
        shared_cell_free(queue, index);
        return;
    }
    if (cell->came >= stock->came)
        stock->came = cell->came + 1;
    if (!queue->element)
        shared_room_keep(queue, cell->at, cell->size);
    if (state == SHARED_IN)
        shared_order_heap(queue, (*inside)++, index);
    else
        shared_out(queue, index, state);
}

/* Of a call that was killed between the two (shared_turn). */
static void repair_count(plait_queue *queue)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    uint32_t turn = stock->turn;
    if (turn && turn <= queue->capacity &&
        shared_cell(&queue->shared, turn - 1)->state == stock->turn_state)
        shared_turn_over(queue);
    atom_store(&stock->turn, 0, RELEASE);
}

/* Who looked meanwhile saw an empty queue, or a full one, and may sleep by now: the versions grow,
 * and all are woken.
 *
 * May be killed itself, since it changes no cell but those that are free. */
void shared_stock_repair(plait_queue *queue, enum shared_side whose)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    uint32_t inside = 0;
    stock->first = 0;
    shared_say(&stock->inside, 0);
    shared_say(&stock->frees, 0);
    shared_say(&stock->outs, 0);
    shared_say(&stock->writing, 0);
    if (!queue->element)
        shared_room_clear(queue);
    for (uint32_t index = 0; index < queue->capacity; index++)
        repair_cell(queue, index, &inside);
    if (queue->shared.kind != PLAIT_PRIORITY)
        shared_order_sort(queue, inside);
    shared_say(&stock->inside, inside);
    repair_count(queue);
    shared_say(&stock->news, stock->news + 1);
    shared_wake(queue, SHARED_GETS, INT_MAX);
    shared_wake(queue, SHARED_PUTS, INT_MAX);
}
