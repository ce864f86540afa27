/* Making a shared queue's handle. */
#ifndef QUEUE_SHARED_OPEN_H
#define QUEUE_SHARED_OPEN_H

#include "queue/queue.h"

/* 0, or why not (errno). The options are checked but for what shared queues alone demand. */
int shared_open(plait_queue **made, size_t element, size_t capacity,
                const plait_queue_options *options);

#endif
