/* Closing a shared queue, for all; and giving back this process' handle. */
#include "queue/call.h"

#include <limits.h>

bool shared_is_closed(const plait_queue *queue)
{
    return atom_load(&queue->shared.head->closed, SEQ_CST);
}

/* Under the putters' lock: who finds it closed and empty knows then that no put is on its way. A
 * stopped putter is not waited for; what he puts when he goes on is found by who gets once more. */
void shared_close(plait_queue *queue)
{
    struct shared_head *head = queue->shared.head;
    struct queue_call call = {.queue = queue, .side = &queue->room};
    bool inside = shared_enter(&call, SHARED_PUTS) == 0;
    atom_store(&head->closed, 1, SEQ_CST);
    for (int side = SHARED_PUTS; side <= SHARED_GETS; side++) {
        shared_cover(&call, side);
        atom_or(&head->sleep[side].word, SHARED_CLOSED, SEQ_CST);
        shared_wake(queue, side, INT_MAX);
        shared_uncover();
    }
    if (inside)
        shared_leave(&call, SHARED_PUTS);
}

void shared_destroy(plait_queue *queue)
{
    share_area_close(queue->shared.area);
}
