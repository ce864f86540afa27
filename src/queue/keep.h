/* A queue may be freed as soon as the effect of the last call on it is seen, so no call touches it
 * behind its effect. A few rare ones have several effects, or run a user's function between two:
 * they keep the queue's memory meanwhile, and who frees it leaves that to the last of them. */
#ifndef QUEUE_KEEP_H
#define QUEUE_KEEP_H

#include "queue/queue.h"

enum { QUEUE_FREED = 1, QUEUE_HOLDER = 2 };

/* Its memory goes back. */
void queue_destroy(plait_queue *queue);

/* Before the first effect. */
static inline void queue_hold(plait_queue *queue)
{
    atom_add(&queue->holders, QUEUE_HOLDER, RELAXED);
}

/* The last touch. ACQ_REL: what others did to the queue before they let go of it is done before it
 * is destroyed. */
static inline void queue_let_go(plait_queue *queue)
{
    if (atom_sub(&queue->holders, QUEUE_HOLDER, ACQ_REL) == (QUEUE_HOLDER | QUEUE_FREED))
        queue_destroy(queue);
}

#endif
