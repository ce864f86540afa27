#include "queue/keep.h"
#include "os/os.h"

void queue_destroy(plait_queue *queue)
{
    if (queue->kind->destroy)
        queue->kind->destroy(queue);
    os_free(queue->memory);
}
