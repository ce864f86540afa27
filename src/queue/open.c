/* Making a private queue. */
#include "base/report.h"
#include "os/os.h"
#include "queue/queue.h"

/* 0, or why not. */
static int options_check(const plait_queue_options *options)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return EINVAL; /* a field of a newer library */
    if (options->where != PLAIT_PRIVATE && options->where != PLAIT_SHARED)
        return EINVAL;
    if (options->order != PLAIT_FIFO && options->order != PLAIT_LIFO &&
        options->order != PLAIT_PRIORITY)
        return EINVAL;
    if (options->where || options->order || options->compare || options->redeliver ||
        options->single_producer || options->single_consumer || options->bytes || options->url)
        return ENOTSUP;
    return 0;
}

/* Fills in the ring's sizes and the bytes in all. 0, or why not. */
static int ring_measure(struct ring *ring, size_t element, size_t capacity, size_t *bytes)
{
    size_t stride, slots;
    if (element == 0 || capacity == (size_t)-1)
        return ENOTSUP; /* byte strings, unbounded: a later version */
    if (__builtin_add_overflow(element, sizeof(struct ring_slot) + 7, &stride) ||
        __builtin_mul_overflow(stride &= ~(size_t)7, capacity, &slots) ||
        __builtin_add_overflow(slots, sizeof(plait_queue) + OS_LINE, bytes) || *bytes > PTRDIFF_MAX)
        return EINVAL;
    ring->element = element;
    ring->capacity = capacity;
    ring->stride = stride;
    for (ring->lap = 2; ring->lap < capacity;)
        ring->lap *= 2;
    return 0;
}

/* Zeroed memory is an empty ring: stamps hold no index, so that the pages of a large one are not
 * touched before they are used. */
static plait_queue *queue_new(const struct ring *sizes, size_t bytes)
{
    char *memory = os_alloc(bytes);
    if (!memory)
        return NULL;
    uintptr_t line = ((uintptr_t)memory + OS_LINE - 1) & ~(uintptr_t)(OS_LINE - 1);
    plait_queue *queue = (plait_queue *)line;
    queue->memory = memory;
    queue->ring = *sizes;
    queue->ring.slots = (char *)(queue + 1);
    queue->kind = sizes->capacity ? &queue_fifo : &queue_rendezvous;
    queue->magic = (sizes->capacity ? QUEUE_MAGIC : QUEUE_OTHER) + wait_forks;
    return queue;
}

plait_queue *plait_queue_open(size_t element, size_t capacity, const plait_queue_options *options)
{
    static const plait_queue_options defaults;
    struct ring sizes = {0};
    size_t bytes = 0;
    plait_queue *queue = NULL;
    options = options ? options : &defaults;
    wait_me(); /* so that the program's forks are noticed from now on */
    int why = options_check(options);
    if (!why)
        why = ring_measure(&sizes, element, capacity, &bytes);
    if (!why && !(queue = queue_new(&sizes, bytes)))
        why = ENOMEM;
    if (!why && options->name && base_name_set(queue, options->name) != 0) {
        os_free(queue->memory);
        why = ENOMEM;
    }
    if (!why)
        return queue;
    errno = why;
    return NULL;
}
