/* Places in a queue: an item is written or read where it lies. */
#include "base/report.h"
#include "queue/call.h"

#include <plait/queue_place.h>

static void *place_found(int rc, const struct queue_call *call)
{
    if (rc == 0)
        return call->item;
    errno = -rc;
    return NULL;
}

static void check_kind(const plait_queue *queue, const void *function, void *place)
{
    queue_check_any(queue, place);
    if (!function)
        base_misuse(queue, "queue", place, "it has no room inside, so no place to write or read");
}

void *plait_queue_reserve(plait_queue *queue, size_t size, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    queue_check_item(queue, "", size, place);
    check_kind(queue, (void *)queue->kind->reserve, place);
    struct queue_call call = call_of_put(queue, NULL, size);
    call.attempt = queue->kind->reserve;
    int rc = call.attempt(&call);
    if (rc == -EAGAIN)
        rc = call_wait("reserve", &call, deadline, place);
    return place_found(rc, &call);
}

const void *plait_queue_take(plait_queue *queue, size_t *size, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    queue_check_any(queue, place);
    check_kind(queue, (void *)queue->kind->take, place);
    struct queue_call call = call_of_get(queue, NULL, SIZE_MAX);
    call.attempt = queue->kind->take;
    int rc = call.attempt(&call);
    if (rc == -EAGAIN)
        rc = call_wait("take", &call, deadline, place);
    if (rc == 0 && size)
        *size = call.size;
    return place_found(rc, &call);
}

/* `does` of the kind, which says whether it was a place. */
static void settle(plait_queue *queue, bool (*does)(plait_queue *queue, void *item),
                   const void *item, const char *was, void *place)
{
    if (!item || !does || !does(queue, (void *)item))
        base_misuse(queue, "queue", place, "%p is no item that was %s and not yet settled", item,
                    was);
}

void plait_queue_commit(plait_queue *queue, void *item)
{
    WAIT_POINT();
    queue_check_any(queue, __builtin_return_address(0));
    settle(queue, queue->kind->commit, item, "reserved", __builtin_return_address(0));
}

void plait_queue_give_up(plait_queue *queue, void *item)
{
    WAIT_POINT();
    queue_check_any(queue, __builtin_return_address(0));
    settle(queue, queue->kind->give_up, item, "reserved", __builtin_return_address(0));
}

void plait_queue_release(plait_queue *queue, const void *item)
{
    WAIT_POINT();
    queue_check_any(queue, __builtin_return_address(0));
    settle(queue, queue->kind->release, item, "taken", __builtin_return_address(0));
}

void plait_queue_put_back(plait_queue *queue, const void *item)
{
    WAIT_POINT();
    queue_check_any(queue, __builtin_return_address(0));
    settle(queue, queue->kind->put_back, item, "taken", __builtin_return_address(0));
}
