/* plait/queue.h - items handed from task to task. Include <plait.h>. */
#ifndef PLAIT_QUEUE_H
#define PLAIT_QUEUE_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum plait_order { PLAIT_FIFO, PLAIT_LIFO, PLAIT_PRIORITY } plait_order;
typedef struct plait_queue_options {
    const char *name;
    plait_where where;
    plait_order order;
    int (*compare)(const void *a, const void *b);
    bool redeliver, single_producer, single_consumer;
    size_t bytes;
    const char *url;
    PLAIT_OPTIONS(plait_queue_options)
} plait_queue_options;

plait_queue *plait_queue_open(size_t element, size_t capacity, const plait_queue_options *options);
int plait_queue_close(plait_queue *queue);
void plait_queue_free(plait_queue *queue);

#define plait_put(queue, item, deadline) plait_put_bytes(queue, item, PLAIT_SIZE_OF(item), deadline)
#define plait_get(queue, item, deadline)                                                           \
    plait_zero_(plait_get_bytes(queue, item, PLAIT_SIZE_OF(item), deadline))
PLAIT_MUST_USE int plait_put_bytes(plait_queue *queue, const void *item, size_t size,
                                   int64_t deadline);
PLAIT_MUST_USE ssize_t plait_get_bytes(plait_queue *queue, void *buffer, size_t size,
                                       int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
