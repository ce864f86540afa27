/* The count behind plait_queue_task_done, of a shared queue. */
#ifndef QUEUE_SHARED_DONE_H
#define QUEUE_SHARED_DONE_H

#include "queue/call.h"

/* So many more are done. */
void shared_done_add(plait_queue *queue, uint64_t count);
/* Something else has changed that a joiner may wait for. */
void shared_done_look(plait_queue *queue);
void shared_task_done(plait_queue *queue, void *place);
int shared_join(plait_queue *queue, int64_t deadline, void *place);

#endif
