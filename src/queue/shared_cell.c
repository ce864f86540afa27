/* A cell of a shared stock becomes free. */
#include "queue/shared_stock.h"

/* Without it, who is killed between the two leaves an item that was got and not counted, or is
 * inside and was: one that dies then counts as done for another, or a join never ends. An item that
 * becomes FREE in its turn is lost, and must be counted as that once. */
void shared_turn(plait_queue *queue, uint32_t index, enum shared_state state, int add)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    stock->turn_count = queue->shared.head->ends[SHARED_GETS].count + (uint64_t)(int64_t)add;
    stock->turn_lost = queue->shared.head->lost + (state == SHARED_FREE);
    stock->turn_state = state;
    atom_store(&stock->turn, index + 1, RELEASE); /* behind the three: a death may come here */
}

void shared_turn_over(plait_queue *queue)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    atom_store(&queue->shared.head->ends[SHARED_GETS].count, stock->turn_count, RELEASE);
    atom_store(&queue->shared.head->lost, stock->turn_lost, RELAXED);
    atom_store(&stock->turn, 0, RELEASE);
}

/* The state last, so that who sees it sees the rest, and the swap orders all of it before the look
 * for sleepers. Killed before that: who repairs finds the cell as it was. */
void shared_cell_free(plait_queue *queue, uint32_t index)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    struct shared_cell *cell = shared_cell(&queue->shared, index);
    if (!queue->element && cell->state != SHARED_FREE && cell->state <= SHARED_LEASED)
        shared_room_give(queue, cell->at, cell->size);
    uint32_t frees = stock->frees;
    if (frees < queue->capacity) {
        shared_frees(queue)[frees] = index;
        shared_say(&stock->frees, frees + 1);
    }
    shared_say(&stock->gones, stock->gones + 1);
    shared_cell_state(queue, index, SHARED_FREE);
}
