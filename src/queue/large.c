/* A stock's large items and its messages: copied without the lock, between two steps under it,
 * because a copy of many bytes would hold up all others. */
#include "queue/stock_place.h"

#include <string.h>

/* A message of no bytes may come from, and go to, nowhere; memcpy must not. */
static void copy(void *to, const void *from, size_t size)
{
    if (size)
        memcpy(to, from, size);
}

static int put_large(struct queue_call *call)
{
    const void *from = call->item;
    size_t size = call->queue->element ? call->queue->element : call->size;
    int rc = stock_reserve(call);
    if (rc != 0)
        return rc;
    copy(call->item, from, size);
    void *place = call->item;
    call->item = (void *)from;
    stock_commit(call->queue, place);
    return 0;
}

static int get_large(struct queue_call *call)
{
    void *to = call->item;
    int rc = stock_take(call);
    if (rc != 0)
        return rc;
    void *place = call->item;
    copy(to, place, call->size);
    call->item = to;
    stock_release(call->queue, place);
    return 0;
}

const struct queue_kind queue_large = {
    .put = put_large,
    .get = get_large,
    STOCK_PLACES,
};
