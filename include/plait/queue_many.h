/* plait/queue_many.h - several items with one call, and how many there are. Include <plait.h>.
 *
 * One claim for many items costs little more than one for one, so that items of a few bytes move
 * several times as fast.
 *
 * Example:
 *     int add_up(void *queue)
 *     {
 *         int items[64];
 *         long sum = 0;
 *         for (ssize_t n; (n = plait_get_many((plait_queue *)queue, items, 64, PLAIT_NEVER)) > 0;)
 *             for (ssize_t i = 0; i < n; i++)
 *                 sum += items[i];
 *         return printf("%ld\n", sum) < 0;
 *     }
 *
 * For elements; messages are put and got one by one. Other tasks may put and get between the items
 * of one call. Since 0.1. */
#ifndef PLAIT_QUEUE_MANY_H
#define PLAIT_QUEUE_MANY_H
#include <plait/queue.h>
#ifdef __cplusplus
extern "C" {
#endif

#define plait_put_many(queue, items, count, deadline)                                              \
    plait_put_many_bytes(queue, items, PLAIT_SIZE_OF(items), count, deadline)
#define plait_get_many(queue, items, count, deadline)                                              \
    plait_get_many_bytes(queue, items, PLAIT_SIZE_OF(items), count, deadline)

/* Copies `count` items in, in their order; goes on as room comes until all are in: what
 * plait_put_many calls. On a queue by numbers they have priority 0.
 *   items    the first of them
 *   size     bytes of one: the queue's element, or PLAIT_UNSIZED
 *   returns  how many went in: fewer when an error came after some
 *   errors   only when none went in: -EAGAIN (PLAIT_NOW and full), -EPIPE (closed), -ENOMEM
 *            (without a bound), -ETIMEDOUT, -ECANCELED
 *   misuse   as plait_put_bytes; a queue of messages
 *   blocks   while the queue is full and some are left */
PLAIT_MUST_USE ssize_t plait_put_many_bytes(plait_queue *queue, const void *items, size_t size,
                                            size_t count, int64_t deadline);

/* Copies out what is there, at least one and at most `count`: what plait_get_many calls.
 *   items    room for `count` of them
 *   size     bytes of one: the queue's element, or PLAIT_UNSIZED
 *   returns  how many came out; 0 for a count of 0
 *   errors   -EAGAIN (PLAIT_NOW and empty), -EPIPE (closed and empty), -ETIMEDOUT, -ECANCELED
 *   misuse   as plait_get_bytes; a queue of messages
 *   blocks   while the queue is empty and open */
PLAIT_MUST_USE ssize_t plait_get_many_bytes(plait_queue *queue, void *items, size_t size,
                                            size_t count, int64_t deadline);

/* How many items are inside. A hint, because it may change before you look at the answer; in a
 * bounded FIFO queue a reserved place counts too.
 *   returns  the count
 *   errors   none
 *   blocks   never */
size_t plait_queue_size(const plait_queue *queue);

/* How many fit in.
 *   returns  what plait_queue_open was given: PLAIT_UNBOUNDED is one, too
 *   errors   none
 *   blocks   never */
size_t plait_queue_capacity(const plait_queue *queue);

/* Was it closed? Once true it stays so; items may still be inside.
 *   returns  true or false
 *   errors   none
 *   blocks   never */
bool plait_queue_is_closed(const plait_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
