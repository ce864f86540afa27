/* The two calls of every day. A ring is tried here, at once; all else goes through the kind. */
#include "queue/fifo.h"

static inline bool is_plain(const plait_queue *queue, const void *item, size_t size)
{
    return queue_is(queue, QUEUE_MAGIC) &&
           likely(item && (size == queue->ring.element || size == PLAIT_UNSIZED));
}

static __attribute__((noinline)) int put_long(plait_queue *queue, const void *item, size_t size,
                                              int64_t deadline, void *place)
{
    queue_check_item(queue, item, size, place);
    struct queue_call call = call_of_put(queue, item, size);
    int rc = call.attempt(&call);
    return rc == -EAGAIN ? call_wait("put", &call, deadline, place) : rc;
}

int plait_put_bytes(plait_queue *queue, const void *item, size_t size, int64_t deadline)
{
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    if (is_plain(queue, item, size)) {
        int rc = fifo_put(queue, item, NULL);
        if (likely(rc != -EAGAIN))
            return rc;
    }
    return put_long(queue, item, size, deadline, __builtin_return_address(0));
}

static __attribute__((noinline)) ssize_t get_long(plait_queue *queue, void *buffer, size_t size,
                                                  int64_t deadline, void *place)
{
    queue_check_item(queue, buffer, size, place);
    struct queue_call call = call_of_get(queue, buffer, size);
    int rc = call.attempt(&call);
    if (rc == -EAGAIN)
        rc = call_wait("get", &call, deadline, place);
    return rc == 0 ? (ssize_t)call.size : rc;
}

ssize_t plait_get_bytes(plait_queue *queue, void *buffer, size_t size, int64_t deadline)
{
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    if (is_plain(queue, buffer, size)) {
        ssize_t element =
            (ssize_t)queue->ring.element; /* before the effect: afterwards the queue may be gone */
        int rc = fifo_get(queue, buffer, NULL);
        if (likely(rc != -EAGAIN))
            return rc == 0 ? element : rc;
    }
    return get_long(queue, buffer, size, deadline, __builtin_return_address(0));
}
