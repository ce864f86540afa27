/* The calls of every day. A ring is tried here, at once; all else goes through the kind. */
#include "base/report.h"
#include "queue/fifo.h"
#include "queue/shared_ring.h"
#include "queue/stock_one.h"

#include <plait/queue_many.h>
#include <plait/queue_shared.h>

static inline bool is_plain(const plait_queue *queue, const void *item, size_t size)
{
    return queue_is(queue, QUEUE_MAGIC) &&
           likely(item && (size == queue->element || size == PLAIT_UNSIZED));
}

static inline bool is_small(const plait_queue *queue, const void *item, size_t size)
{
    return queue_is(queue, QUEUE_OTHER) && queue->kind == &queue_small && !queue->room.single &&
           !queue->items.single &&
           likely(item && (size == queue->element || size == PLAIT_UNSIZED));
}

static inline bool is_shared_ring(const plait_queue *queue, const void *item, size_t size)
{
    return queue_is_shared(queue) && queue->kind == &queue_shared_ring && !queue->room.single &&
           !queue->items.single &&
           likely(item && (size == queue->element || size == PLAIT_UNSIZED));
}

/* Usually a shared one's, which needs no call to be found sound. */
static inline void check_item(const plait_queue *queue, const void *item, size_t size, void *place)
{
    if (likely(queue_is_shared(queue)) && likely(item && size != PLAIT_UNSIZED) &&
        likely(!queue->element || size == queue->element))
        return;
    queue_check_item(queue, item, size, place);
}

static __attribute__((noinline)) int put_long(plait_queue *queue, const void *item, size_t size,
                                              int64_t priority, int64_t deadline, void *place)
{
    check_item(queue, item, size, place);
    struct queue_call call = call_of_put(queue, item, size);
    call.priority = priority;
    int rc = call.attempt(&call);
    return rc == -EAGAIN ? call_wait("put", &call, deadline, place) : rc;
}

/* As put_long, of a ring that was found full by a call that has checked all else. */
static __attribute__((noinline)) int put_into_full(plait_queue *queue, const void *item,
                                                   size_t size, int64_t deadline, void *place)
{
    struct queue_call call = call_of_put(queue, item, size);
    return call_wait("put", &call, deadline, place);
}

int plait_put_bytes(plait_queue *queue, const void *item, size_t size, int64_t deadline)
{
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT_OF_WAIT();
    if (is_plain(queue, item, size)) {
        int rc = fifo_put(queue, item);
        if (likely(rc == 0))
            return 0;
        if (rc == -EAGAIN)
            return put_into_full(queue, item, size, deadline, __builtin_return_address(0));
    }
    if (is_small(queue, item, size) && stock_put_one(queue, item, 0) == 0)
        return 0;
    if (is_shared_ring(queue, item, size) && shared_ring_put_one(queue, item) == 0)
        return 0;
    return put_long(queue, item, size, 0, deadline, __builtin_return_address(0));
}

int plait_put_priority_bytes(plait_queue *queue, const void *item, size_t size, int64_t priority,
                             int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    if (is_small(queue, item, size) && stock_by_number(&queue->stock) &&
        stock_put_one(queue, item, priority) == 0)
        return 0;
    queue_check_any(queue, place);
    if (!queue->kind->has_priorities || !queue->kind->has_priorities(queue))
        base_misuse(queue, "queue", place, "a priority, but its order is another one");
    return put_long(queue, item, size, priority, deadline, place);
}

static __attribute__((noinline)) ssize_t get_long(plait_queue *queue, void *buffer, size_t size,
                                                  int64_t deadline, void *place)
{
    check_item(queue, buffer, size, place);
    struct queue_call call = call_of_get(queue, buffer, size);
    int rc = call.attempt(&call);
    if (rc == -EAGAIN)
        rc = call_wait("get", &call, deadline, place);
    return rc == 0 ? (ssize_t)call.size : rc;
}

static __attribute__((noinline)) ssize_t get_from_empty(plait_queue *queue, void *buffer,
                                                        size_t size, int64_t deadline, void *place)
{
    struct queue_call call = call_of_get(queue, buffer, size);
    int rc = call_wait("get", &call, deadline, place);
    return rc == 0 ? (ssize_t)call.size : rc;
}

ssize_t plait_get_bytes(plait_queue *queue, void *buffer, size_t size, int64_t deadline)
{
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT_OF_WAIT();
    if (is_plain(queue, buffer, size)) {
        ssize_t element =
            (ssize_t)queue->element; /* before the effect: afterwards the queue may be gone */
        int rc = fifo_get(queue, buffer);
        if (likely(rc == 0))
            return element;
        if (rc == -EAGAIN)
            return get_from_empty(queue, buffer, size, deadline, __builtin_return_address(0));
    } else if (is_small(queue, buffer, size)) {
        ssize_t element = (ssize_t)queue->element;
        if (stock_get_one(queue, buffer) == 0)
            return element;
    } else if (is_shared_ring(queue, buffer, size)) {
        ssize_t element = (ssize_t)queue->element;
        if (shared_ring_get_one(queue, buffer) == 0)
            return element;
    }
    return get_long(queue, buffer, size, deadline, __builtin_return_address(0));
}

size_t plait_queue_size(const plait_queue *queue)
{
    queue_check_any(queue, __builtin_return_address(0));
    return queue->kind->size(queue);
}

size_t plait_queue_capacity(const plait_queue *queue)
{
    queue_check_any(queue, __builtin_return_address(0));
    return queue->capacity;
}

bool plait_queue_is_closed(const plait_queue *queue)
{
    queue_check_any(queue, __builtin_return_address(0));
    return queue->kind->is_closed(queue);
}

uint64_t plait_queue_lost(const plait_queue *queue)
{
    queue_check_any(queue, __builtin_return_address(0));
    return queue_is_shared(queue) ? atom_load(&queue->shared.head->lost, RELAXED) : 0;
}
