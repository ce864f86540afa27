/* Who waits until all that was put is done: the count behind plait_queue_task_done. */
#ifndef QUEUE_DONE_H
#define QUEUE_DONE_H

#include "queue/queue.h"

/* So many more are done. Its last touch is the effect, so that who has joined may free the
 * queue. */
void done_add(plait_queue *queue, uint64_t count);

#endif
