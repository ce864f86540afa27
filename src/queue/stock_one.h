/* One small item into and out of a stock, as queue.c tries it before anything else. */
#ifndef QUEUE_STOCK_ONE_H
#define QUEUE_STOCK_ONE_H

#include "queue/queue.h"

/* Of a queue whose kind is queue_small. 0, or why not: nothing was done. */
int stock_put_one(plait_queue *queue, const void *item, int64_t priority);
int stock_get_one(plait_queue *queue, void *buffer);

#endif
