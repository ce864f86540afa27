/* Making a queue. */
#include "base/report.h"
#include "base/settings.h"
#include "os/os.h"
#include "queue/keep.h"
#include "queue/shared_open.h"

/* Items that are larger are copied without the stock's lock. FIRST: bytes of an unbounded stock's
 * first slab. MOST: of all items of a queue, far beyond what there is. */
enum { SMALL = 128, FIRST = 4096 };
#define MOST ((size_t)1 << 40)

/* 0, or why not. */
static int options_check(const plait_queue_options *options, size_t element)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return EINVAL; /* a field of a newer library */
    if (options->where != PLAIT_PRIVATE && options->where != PLAIT_SHARED)
        return EINVAL;
    if (options->order != PLAIT_FIFO && options->order != PLAIT_LIFO &&
        options->order != PLAIT_PRIORITY)
        return EINVAL;
    if (options->redeliver && !options->where && !options->url)
        return EINVAL; /* a private queue's takers die with it */
    if ((options->compare && options->order != PLAIT_PRIORITY) ||
        (options->bytes && element != PLAIT_MESSAGES))
        return EINVAL;
    return 0;
}

/* Bytes of `count` things of `size`, rounded up to 8, with a head each. 0, or why not. */
static int measure(size_t size, size_t head, size_t count, size_t *stride, size_t *bytes)
{
    if (__builtin_add_overflow(size, head + 7, stride))
        return EINVAL;
    *stride &= ~(size_t)7;
    if (__builtin_mul_overflow(*stride, count, bytes) || *bytes > PTRDIFF_MAX - 4096)
        return EINVAL;
    return count > MOST ? ENOMEM : 0;
}

/* Zeroed memory is an empty ring: stamps hold no index, so that the pages of a large one are not
 * touched before they are used. */
static plait_queue *queue_new(size_t behind)
{
    char *memory = os_alloc(sizeof(plait_queue) + OS_LINE + behind);
    if (!memory)
        return NULL;
    uintptr_t line = ((uintptr_t)memory + OS_LINE - 1) & ~(uintptr_t)(OS_LINE - 1);
    plait_queue *queue = (plait_queue *)line;
    queue->memory = memory;
    return queue;
}

static int open_ring(plait_queue **made, size_t element, size_t capacity)
{
    size_t stride, bytes;
    int why = measure(element, sizeof(struct ring_slot), capacity, &stride, &bytes);
    if (why)
        return why;
    plait_queue *queue = queue_new(bytes);
    if (!queue)
        return ENOMEM;
    struct ring *ring = &queue->ring;
    ring->capacity = capacity;
    ring->stride = stride;
    ring->slots = (char *)(queue + 1);
    for (ring->lap = 16; ring->lap <= 8 * (capacity + 1);)
        ring->lap *= 2;
    queue->kind = &queue_fifo;
    queue->magic = QUEUE_MAGIC + wait_forks;
    *made = queue;
    return 0;
}

/* All the memory of a bounded one, so that its puts never fail for lack of it. */
static int stock_furnish(struct stock *stock, size_t capacity)
{
    if (stock->rank.kind == PLAIT_PRIORITY) {
        void *heap = rank_alloc(capacity);
        if (!heap)
            return ENOMEM;
        rank_grow(&stock->rank, heap, capacity);
    }
    if (stock->cells.stride) {
        struct slab *slab = cells_slab(&stock->cells, capacity);
        if (!slab)
            return ENOMEM;
        cells_add(&stock->cells, slab, capacity);
    }
    return 0;
}

static int open_stock(plait_queue **made, size_t element, size_t capacity,
                      const plait_queue_options *options)
{
    size_t stride, bytes;
    bool bounded = capacity != PLAIT_UNBOUNDED;
    int why = measure(element, sizeof(struct cell), bounded ? capacity : 1, &stride, &bytes);
    if (why)
        return why;
    plait_queue *queue = queue_new(0);
    if (!queue)
        return ENOMEM;
    struct stock *stock = &queue->stock;
    stock->rank.kind = options->order;
    stock->rank.compare = options->compare;
    stock->bytes_most = options->bytes ? options->bytes : SIZE_MAX;
    stock->cells.stride = element ? stride : 0;
    stock->cells.grow = stride < FIRST ? FIRST / stride : 1;
    queue->kind = element && element <= SMALL ? &queue_small : &queue_large;
    queue->magic = QUEUE_OTHER + wait_forks;
    why = bounded ? stock_furnish(stock, capacity) : 0;
    if (why)
        queue_destroy(queue);
    else
        *made = queue;
    return why;
}

static int open_rendezvous(plait_queue **made, size_t element, const plait_queue_options *options)
{
    if (element > PTRDIFF_MAX || options->order != PLAIT_FIFO)
        return EINVAL; /* nothing lies inside that could be ordered */
    plait_queue *queue = queue_new(0);
    if (!queue)
        return ENOMEM;
    queue->kind = &queue_rendezvous;
    queue->magic = QUEUE_OTHER + wait_forks;
    *made = queue;
    return 0;
}

static int open_any(plait_queue **made, size_t element, size_t capacity,
                    const plait_queue_options *options)
{
    if (options->where || options->url)
        return shared_open(made, element, capacity, options);
    if (capacity == 0)
        return element ? open_rendezvous(made, element, options) : ENOTSUP;
    if (element && capacity != PLAIT_UNBOUNDED && options->order == PLAIT_FIFO)
        return open_ring(made, element, capacity);
    return open_stock(made, element, capacity, options);
}

/* In checked mode no call is tried before the kind's, where the promises are looked after. */
static void hold_to_promises(plait_queue *queue, const plait_queue_options *options)
{
    if (!base_settings()->check || (!options->single_producer && !options->single_consumer))
        return;
    queue->room.single = options->single_producer;
    queue->items.single = options->single_consumer;
    if (!queue_is_shared(queue))
        queue->magic = QUEUE_OTHER + wait_forks;
}

plait_queue *plait_queue_open(size_t element, size_t capacity, const plait_queue_options *options)
{
    static const plait_queue_options defaults;
    plait_queue *queue = NULL;
    options = options ? options : &defaults;
    wait_me(); /* so that the program's forks are noticed from now on */
    int why = options_check(options, element);
    if (!why)
        why = open_any(&queue, element, capacity, options);
    if (!why)
        hold_to_promises(queue, options);
    if (!why) {
        queue->element = element;
        queue->capacity = capacity;
    }
    if (!why && options->name && base_name_set(queue, options->name) != 0) {
        queue_destroy(queue);
        why = ENOMEM;
    }
    if (!why)
        return queue;
    errno = why;
    return NULL;
}
