/* A cell of a shared stock becomes what it is: the one store that counts. */
#include "queue/shared_stock.h"

void shared_cell_state(plait_queue *queue, uint32_t index, enum shared_state state)
{
    atom_swap(&shared_cell(&queue->shared, index)->state, state, SEQ_CST);
}

/* Its granules before its state: who repairs counts all granules anew. */
void shared_cell_free(plait_queue *queue, uint32_t index)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    struct shared_cell *cell = shared_cell(&queue->shared, index);
    if (!queue->element && cell->state != SHARED_FREE && cell->state <= SHARED_LEASED)
        shared_room_give(queue, cell->at, cell->size);
    shared_cell_state(queue, index, SHARED_FREE);
    if (stock->frees < queue->capacity)
        shared_frees(queue)[stock->frees++] = index;
}
