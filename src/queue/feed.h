/* Closing a queue when those who feed it have ended. */
#ifndef QUEUE_FEED_H
#define QUEUE_FEED_H

#include "queue/queue.h"

/* It is about to be freed: no end of a feeder touches it any more, or still holds it (keep.h). */
void queue_unfed(plait_queue *queue);

#endif
