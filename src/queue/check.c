/* What no call on a queue goes on with. */
#include "base/report.h"
#include "queue/queue.h"

static bool is_of_the_parent(const plait_queue *queue, uint64_t magic)
{
    return queue->magic - magic < wait_forks;
}

void queue_bad(const plait_queue *queue, void *place)
{
    if (!queue)
        base_misuse(NULL, "queue", place, "NULL is no queue");
    if ((uintptr_t)queue % 64 == 0 &&
        (is_of_the_parent(queue, QUEUE_MAGIC) || is_of_the_parent(queue, QUEUE_OTHER)))
        base_misuse(queue, "queue", place,
                    "opened before a fork: a private queue is of the process that opened it");
    base_misuse(queue, "queue", place, "no queue, or freed before");
}

void queue_check_any(const plait_queue *queue, void *place)
{
    if (!queue_is(queue, QUEUE_MAGIC) && !queue_is(queue, QUEUE_OTHER) && !queue_is_shared(queue))
        queue_bad(queue, place);
}

void queue_check_item(const plait_queue *queue, const void *item, size_t size, void *place)
{
    queue_check_any(queue, place);
    if (unlikely(!item && (size || queue->element)))
        base_misuse(queue, "queue", place, "NULL is no item");
    if (!queue->element && size == PLAIT_UNSIZED)
        base_misuse(queue, "queue", place, "a message, but nobody says how many bytes it has");
    if (unlikely(queue->element && size != queue->element && size != PLAIT_UNSIZED))
        base_misuse(queue, "queue", place, "an item of %zu bytes, but its elements have %zu", size,
                    queue->element);
}
