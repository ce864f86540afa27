/* Several items with one call. What a kind cannot do at once is done one by one; the queue is kept
 * meanwhile, since the effect of the first can be seen before the last is tried. */
#include "base/report.h"
#include "queue/call.h"
#include "queue/keep.h"

#include <plait/queue_many.h>

static void check(const plait_queue *queue, const void *items, size_t size, void *place)
{
    queue_check_item(queue, items, size, place);
    if (!queue->element)
        base_misuse(queue, "queue", place, "many at once are elements, and this one has messages");
}

/* An attempt, then a wait: how many it did, or an error. */
static ssize_t some(const char *verb, struct queue_call *call, int (*many)(struct queue_call *call),
                    int64_t deadline, void *place)
{
    call->did = 1;
    if (many)
        call->attempt = many;
    int rc = call->attempt(call);
    if (rc == -EAGAIN)
        rc = call_wait(verb, call, deadline, place);
    return rc == 0 ? (ssize_t)call->did : rc;
}

ssize_t plait_put_many_bytes(plait_queue *queue, const void *items, size_t size, size_t count,
                             int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    check(queue, items, size, place);
    size_t element = queue->element, done = 0;
    ssize_t n = 0;
    queue_hold(queue);
    while (done < count && n >= 0) {
        struct queue_call call = call_of_put(queue, (const char *)items + done * element, element);
        call.count = count - done;
        n = some("put", &call, queue->kind->put_many, deadline, place);
        done += n > 0 ? (size_t)n : 0;
    }
    queue_let_go(queue);
    return done || n >= 0 ? (ssize_t)done : n;
}

/* The ones behind the first: only what is there. */
static size_t get_rest(plait_queue *queue, char *items, size_t count)
{
    size_t done = 0;
    while (done < count) {
        struct queue_call call = call_of_get(queue, items + done * queue->element, queue->element);
        if (call.attempt(&call) != 0)
            break;
        done++;
    }
    return done;
}

ssize_t plait_get_many_bytes(plait_queue *queue, void *items, size_t size, size_t count,
                             int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    check(queue, items, size, place);
    if (count == 0)
        return 0;
    struct queue_call call = call_of_get(queue, items, queue->element);
    call.count = count;
    if (queue->kind->get_many)
        return some("get", &call, queue->kind->get_many, deadline, place);
    queue_hold(queue);
    ssize_t n = some("get", &call, NULL, deadline, place);
    if (n > 0)
        n += (ssize_t)get_rest(queue, (char *)items + queue->element, count - 1);
    queue_let_go(queue);
    return n;
}
