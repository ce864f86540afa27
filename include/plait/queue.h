/* plait/queue.h - items handed from task to task. Include <plait.h>.
 *
 * A queue has elements of one size and room for a fixed number of them. plait_put copies an item in
 * at the end, plait_get copies the first one out; a full queue makes the putter wait, an empty one
 * the getter. The size of an item comes from the type of the pointer, and one that differs from the
 * queue's own aborts, because otherwise it would write over your stack.
 *
 * Example:
 *     int produce(void *queue)
 *     {
 *         for (int i = 0; i < 10; i++)
 *             if (plait_put((plait_queue *)queue, &i, PLAIT_NEVER) != 0)
 *                 break; // closed: nobody wants more
 *         return plait_queue_close((plait_queue *)queue); // the getter takes the rest, then -EPIPE
 *     }
 *
 * Any number of threads, coroutines and plain pthreads put and get at once; each item is got by one
 * of them, and one task's items come out in the order it put them in. Any value is an item: no
 * sentinel, no forbidden zero. A call that does not succeed takes nothing and loses nothing. What
 * was written before plait_put is seen after the plait_get that got the item.
 *
 * The queue is opaque and of one process: its first use in a forked child aborts. Since 0.1. */
#ifndef PLAIT_QUEUE_H
#define PLAIT_QUEUE_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum plait_order { PLAIT_FIFO, PLAIT_LIFO, PLAIT_PRIORITY } plait_order;
/* Zeroes are the defaults; so is NULL for all of it. In 0.1 only `name` may differ from them: any
 * other is answered with ENOTSUP, so that a program for a later version finds out. */
typedef struct plait_queue_options {
    const char *name;  /* for messages and the dump; copied */
    plait_where where; /* PLAIT_PRIVATE */
    plait_order order; /* PLAIT_FIFO */
    int (*compare)(const void *a, const void *b);
    bool redeliver, single_producer, single_consumer;
    size_t bytes;
    const char *url;
    PLAIT_OPTIONS(plait_queue_options)
} plait_queue_options;

/* Makes a queue of `capacity` elements of `element` bytes each.
 *   element  bytes of one item, at least 1; 0 is for a later version
 *   capacity items; 0: none lies inside, a put waits until a getter takes its item out of its hand,
 *            and with PLAIT_NOW succeeds only if one waits; (size_t)-1 is for a later version
 *   returns  the queue; plait_queue_free gives it back
 *   errors   NULL and errno: EINVAL (a size too large, an option that is none), ENOTSUP (for a
 *            later version), ENOMEM
 *   blocks   never */
plait_queue *plait_queue_open(size_t element, size_t capacity, const plait_queue_options *options);

/* No more items: puts end with -EPIPE, gets take what is left and then end with -EPIPE. Wakes all
 * that wait, because otherwise a getter would wait for ever.
 *   returns  0, also the second time
 *   errors   none; never -ECANCELED
 *   misuse   in a child that was forked after the open
 *   blocks   never */
int plait_queue_close(plait_queue *queue);

/* Closes and gives the memory back; what was left inside is dropped and reported. NULL is allowed.
 * May be called as soon as an effect of the last call of others was seen.
 *   errors   none
 *   misuse   somebody waits on it: names who
 *   blocks   never */
void plait_queue_free(plait_queue *queue);

/* The two calls of every day: size from the pointer's type. `item` points to an element; a void
 * pointer is not checked. */
#define plait_put(queue, item, deadline) plait_put_bytes(queue, item, PLAIT_SIZE_OF(item), deadline)
#define plait_get(queue, item, deadline)                                                           \
    plait_zero_(plait_get_bytes(queue, item, PLAIT_SIZE_OF(item), deadline))

/* Copies an item in: what plait_put calls. For bindings, because bytes have no type to ask.
 *   size     bytes of *item: the queue's element, or PLAIT_UNSIZED for "as the queue says"
 *   returns  0: it is in, and the item is yours to use again
 *   errors   -EAGAIN (PLAIT_NOW and full), -EPIPE (closed), -ETIMEDOUT, -ECANCELED
 *   misuse   another size; a duration where a deadline belongs; in a child that was forked after
 *            the open
 *   blocks   while the queue is full */
PLAIT_MUST_USE int plait_put_bytes(plait_queue *queue, const void *item, size_t size,
                                   int64_t deadline);

/* Copies the first item out: what plait_get calls, which turns the size into 0.
 *   size     bytes that fit into *buffer: the queue's element, or PLAIT_UNSIZED
 *   returns  the size of the item
 *   errors   -EAGAIN (PLAIT_NOW and empty), -EPIPE (closed and empty), -ETIMEDOUT, -ECANCELED
 *   misuse   another size; a duration where a deadline belongs; in a child that was forked after
 *            the open
 *   blocks   while the queue is empty and open */
PLAIT_MUST_USE ssize_t plait_get_bytes(plait_queue *queue, void *buffer, size_t size,
                                       int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
