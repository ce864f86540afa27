/* Cells of a shared stock that some process has out: written, read in place, or got and not done.
 *
 * Each names its owner, a user of the area. When that is gone, by whatever end, whoever uses the
 * queue next finds out within 20 ms: what was being written is free, what was being read or worked
 * on comes back where the queue redelivers, and is counted as lost where it does not. */
#include "base/settings.h"
#include "queue/shared_end.h"
#include "queue/shared_stock.h"
#include "sync/waiter.h"

#include <limits.h>

void shared_out(plait_queue *queue, uint32_t index, enum shared_state state)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    uint32_t outs = stock->outs;
    if (outs >= queue->capacity)
        return; /* damaged */
    shared_cell(&queue->shared, index)->out = outs;
    shared_outs(queue)[outs] = index;
    shared_say(&stock->outs, outs + 1);
    if (state == SHARED_RESERVED)
        shared_say(&stock->writing, stock->writing + 1);
}

/* The last one of the list takes its place. The cell's state is still the old one. */
void shared_out_end(plait_queue *queue, uint32_t index)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    struct shared_cell *cell = shared_cell(&queue->shared, index);
    uint32_t outs = stock->outs, out = cell->out, *list = shared_outs(queue);
    if (!outs || outs > queue->capacity || out >= outs || list[out] != index ||
        list[outs - 1] >= queue->capacity)
        return;
    if (cell->state == SHARED_RESERVED && stock->writing)
        shared_say(&stock->writing, stock->writing - 1);
    list[out] = list[outs - 1];
    shared_cell(&queue->shared, list[out])->out = out;
    shared_say(&stock->outs, outs - 1);
}

static uint32_t outs_of(const plait_queue *queue)
{
    uint32_t outs = shared_stock(&queue->shared)->outs;
    return outs < queue->capacity ? outs : (uint32_t)queue->capacity;
}

static void bring_back(plait_queue *queue, uint32_t index)
{
    struct shared *shared = &queue->shared;
    struct shared_cell *cell = shared_cell(shared, index);
    bool was_written = cell->state != SHARED_RESERVED;
    shared_out_end(queue, index);
    if (was_written && shared->redeliver) {
        shared_order_return(queue, index);
        return;
    }
    if (!was_written) {
        shared_cell_free(queue, index);
        return;
    }
    shared_turn(queue, index, SHARED_FREE, -1); /* since its taker will not say that it is done */
    shared_cell_free(queue, index);
    shared_turn_over(queue);
}

void shared_out_patrol(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    int64_t now = wait_now_coarse();
    if (!call->looks_after && now - queue->shared.patrolled < base_settings()->patrol)
        return;
    atom_store(&queue->shared.patrolled, now, RELAXED);
    uint64_t asked = 0;
    bool is_gone = false, found = false;
    for (uint32_t i = outs_of(queue); i-- > 0;) {
        uint32_t index = shared_outs(queue)[i];
        if (index >= queue->capacity)
            continue;
        uint64_t owner = shared_cell(&queue->shared, index)->owner;
        if (owner != asked)
            is_gone = shared_is_gone(queue, owner);
        asked = owner;
        if (is_gone)
            bring_back(queue, index);
        found |= is_gone;
    }
    if (found) {
        shared_wake(queue, SHARED_GETS, INT_MAX);
        shared_wake(queue, SHARED_PUTS, INT_MAX);
        shared_done_look(queue);
    }
}

bool shared_out_elsewhere(const plait_queue *queue)
{
    uint64_t me = share_user_me(queue->shared.area);
    for (uint32_t i = 0; i < outs_of(queue); i++) {
        uint32_t index = shared_outs(queue)[i];
        if (index < queue->capacity && shared_cell(&queue->shared, index)->owner != me)
            return true;
    }
    return false;
}

int64_t shared_out_oldest(const plait_queue *queue)
{
    uint64_t me = share_user_me(queue->shared.area), task = waiter_number(wait_me());
    const struct shared_cell *oldest = NULL;
    int64_t found = -1;
    for (uint32_t i = 0; i < outs_of(queue); i++) {
        uint32_t index = shared_outs(queue)[i];
        if (index >= queue->capacity)
            continue;
        const struct shared_cell *cell = shared_cell(&queue->shared, index);
        if (cell->state != SHARED_LEASED || cell->owner != me)
            continue;
        bool mine = cell->task == task, was_mine = oldest && oldest->task == task;
        if (!oldest || mine > was_mine || (mine == was_mine && cell->serial < oldest->serial)) {
            oldest = cell;
            found = index;
        }
    }
    return found;
}
