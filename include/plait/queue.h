/* plait/queue.h - items handed from task to task. Include <plait.h>.
 *
 * plait_put copies an item in, plait_get copies the next one out; a full queue makes the putter
 * wait, an empty one the getter. The size of an item comes from the type of the pointer, and one
 * that differs from the queue's own aborts, because otherwise it would write over your stack.
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
 * of them. Any value is an item: no sentinel, no forbidden zero. A call that does not succeed takes
 * nothing and loses nothing. What was written before plait_put is seen after the plait_get that got
 * the item. Items go out in one of three orders:
 *   PLAIT_FIFO      as they came; one task's items in the order it put them in
 *   PLAIT_LIFO      the last one first
 *   PLAIT_PRIORITY  the lowest first, equal ones as they came: by the number of plait_put_priority
 *                   (plait_put's is 0), or as a compare function says
 * FIFO with a bound takes no lock and is by far the fastest; the others take one for a moment. What
 * is kept elsewhere: several items with one call in queue_many.h, writing and reading in place in
 * queue_place.h, waiting until all is done in queue_done.h, several queues at once in select.h.
 *
 * A private queue is of one process: its first use in a forked child aborts. One of PLAIT_SHARED
 * serves this process and its later children, one with a URL unrelated processes; how that differs
 * is told in queue_shared.h. Opaque. Since 0.1. */
#ifndef PLAIT_QUEUE_H
#define PLAIT_QUEUE_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

#define PLAIT_UNBOUNDED ((size_t)-1) /* capacity: a put never waits */
#define PLAIT_MESSAGES ((size_t)0)   /* element: byte strings of any length, each as it was put */
typedef enum plait_order { PLAIT_FIFO, PLAIT_LIFO, PLAIT_PRIORITY } plait_order;
/* Zeroes are the defaults; so is NULL for all of it. */
typedef struct plait_queue_options {
    const char *name;  /* for messages and the dump; copied */
    plait_where where; /* PLAIT_PRIVATE; PLAIT_SHARED: queue_shared.h */
    plait_order order; /* PLAIT_FIFO */
    /* PLAIT_PRIORITY instead of numbers: less than 0 when *a goes out before *b. It runs inside the
     * queue: it must not use it, and not wait. One that lies gets some order, and all items. */
    int (*compare)(const void *a, const void *b);
    bool redeliver; /* shared: what a killed taker had not plait_queue_task_done comes back */
    /* promises of yours that only one task puts, gets: faster; PLAIT_CHECK=1 holds you to them */
    bool single_producer, single_consumer;
    size_t bytes;    /* PLAIT_MESSAGES: room in all; 0: no limit, shared 1 MB */
    const char *url; /* "shm:NAME" */
    PLAIT_OPTIONS(plait_queue_options)
} plait_queue_options;

/* Makes a queue.
 *   element  bytes of one item, or PLAIT_MESSAGES
 *   capacity items. PLAIT_UNBOUNDED: puts take memory as they need it, and the queue keeps that of
 *            its fullest time until it is freed. 0: none lies inside, a put waits until a getter
 *            takes its item out of its hand, and with PLAIT_NOW succeeds only if one waits; for
 *            elements only
 *   returns  the queue; plait_queue_free gives it back
 *   errors   NULL and errno: EINVAL (a size too large, an option that is none or does not go with
 *            the others), ENOTSUP (messages without room), ENOMEM; shared: queue_shared.h
 *   blocks   never */
plait_queue *plait_queue_open(size_t element, size_t capacity, const plait_queue_options *options);

/* No more items: puts end with -EPIPE, gets take what is left and then end with -EPIPE. Wakes all
 * that wait, because otherwise a getter would wait for ever.
 *   returns  0, also the second time
 *   errors   none; never -ECANCELED
 *   misuse   in a child that was forked after the open
 *   blocks   never */
int plait_queue_close(plait_queue *queue);

/* Closes and takes out what is left: gets end at once. An item that somebody has reserved and
 * commits later stays inside.
 *   dropped  called for each item taken out, in order; NULL: not wanted. May use the queue
 *   arg      for it
 *   returns  how many were taken out; plait_queue_join counts them as done
 *   errors   none; never -ECANCELED
 *   misuse   as plait_queue_close
 *   blocks   never */
int plait_queue_close_now(plait_queue *queue,
                          void (*dropped)(const void *item, size_t size, void *arg), void *arg);

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
#define plait_put_priority(queue, item, priority, deadline)                                        \
    plait_put_priority_bytes(queue, item, PLAIT_SIZE_OF(item), priority, deadline)

/* Copies an item in: what plait_put calls. For messages, and for bindings, because bytes have no
 * type to ask.
 *   size     bytes of *item: the message's, or the queue's element, or for that PLAIT_UNSIZED
 *   returns  0: it is in, and the item is yours to use again
 *   errors   -EAGAIN (PLAIT_NOW and full), -EPIPE (closed), -EMSGSIZE (a message larger than the
 *            room in all), -ENOMEM (without a bound, or a message), -ETIMEDOUT, -ECANCELED; shared:
 *            -EOWNERDEAD, -PLAIT_EFORMAT
 *   misuse   another size; a duration where a deadline belongs; in a child that was forked after
 *            the open
 *   blocks   while the queue is full */
PLAIT_MUST_USE int plait_put_bytes(plait_queue *queue, const void *item, size_t size,
                                   int64_t deadline);

/* The same with a priority: what plait_put_priority calls.
 *   priority the lowest goes out first
 *   returns  as plait_put_bytes
 *   errors   as plait_put_bytes
 *   misuse   as plait_put_bytes; the order is another one, or by a compare function
 *   blocks   while the queue is full */
PLAIT_MUST_USE int plait_put_priority_bytes(plait_queue *queue, const void *item, size_t size,
                                            int64_t priority, int64_t deadline);

/* Copies the next item out: what plait_get calls, which turns the size into 0.
 *   size     bytes that fit into *buffer: for messages any, else the queue's element or
 *            PLAIT_UNSIZED
 *   returns  the size of the item
 *   errors   -EAGAIN (PLAIT_NOW and empty), -EPIPE (closed and empty), -EMSGSIZE (the next message
 *            is larger, and stays), -ETIMEDOUT, -ECANCELED; shared: -EOWNERDEAD, -PLAIT_EFORMAT
 *   misuse   another size; a duration where a deadline belongs; in a child that was forked after
 *            the open
 *   blocks   while the queue is empty and open */
PLAIT_MUST_USE ssize_t plait_get_bytes(plait_queue *queue, void *buffer, size_t size,
                                       int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
