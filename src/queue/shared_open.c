/* Making a shared queue: its shape, its area, this process' handle. */
#include "queue/shared_open.h"
#include "base/settings.h"
#include "os/os.h"

#include <errno.h>

/* Part of the layout: another number when what lies in the area changes. */
enum { VERSION = 1 };
/* Far beyond what there is; keeps sums from overflowing. */
#define MOST ((size_t)1 << 40)

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) & ~(to - 1);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

/* All that both sides must agree on. */
static uint64_t layout_of(size_t element, size_t capacity, const plait_queue_options *options,
                          size_t bytes)
{
    uint64_t hash = mix(VERSION, element);
    hash = mix(hash, capacity);
    hash = mix(hash, bytes);
    hash = mix(hash, (uint64_t)options->order << 1 | options->redeliver);
    return mix(hash, options->single_producer * 2u + options->single_consumer);
}

static plait_queue *handle_new(void)
{
    char *memory = os_alloc(sizeof(plait_queue) + OS_LINE);
    if (!memory)
        return NULL;
    uintptr_t line = ((uintptr_t)memory + OS_LINE - 1) & ~(uintptr_t)(OS_LINE - 1);
    plait_queue *queue = (plait_queue *)line;
    queue->memory = memory;
    return queue;
}

/* How large the area is. 0, or why not. */
static int shape_ring(struct shared *shared, size_t element, size_t capacity, size_t *size)
{
    if (element > MOST || capacity > MOST)
        return EINVAL;
    shared->stride = round_up(element + sizeof(struct ring_slot), 8);
    size_t bytes;
    if (__builtin_mul_overflow(shared->stride + sizeof(uint64_t), capacity, &bytes) ||
        bytes > PTRDIFF_MAX / 2)
        return EINVAL;
    if (bytes > MOST)
        return ENOMEM;
    for (shared->lap = 16; shared->lap <= 8 * (capacity + 1);)
        shared->lap *= 2;
    shared->owners = shared->stride * capacity;
    *size = sizeof(struct shared_head) + bytes;
    return 0;
}

/* musl walks what a thread holds at its end, and reads beside the word (robust.h). */
static int prepare(void *memory, size_t size, void *arg)
{
    struct shared_head *head = memory;
    for (int side = 0; side < 2; side++) {
        head->ends[side].lock.before = 0x80;
        head->ends[side].lock.behind = 1;
    }
    return 0;
}

static int fill(plait_queue *queue, size_t element, size_t capacity,
                const plait_queue_options *options)
{
    struct shared *shared = &queue->shared;
    size_t size;
    int why = shape_ring(shared, element, capacity, &size);
    if (why)
        return why;
    struct share_request request = {.kind = "queue",
                                    .name = options->name,
                                    .where = PLAIT_SHARED,
                                    .url = options->url,
                                    .size = size,
                                    .layout = layout_of(element, capacity, options, 0),
                                    .prepare = prepare,
                                    .arg = shared};
    shared->area = share_area_open(&request);
    if (!shared->area)
        return errno;
    shared->head = share_area_memory(shared->area);
    shared->kind = options->order;
    shared->redeliver = options->redeliver;
    shared->alone[SHARED_PUTS] = options->single_producer;
    shared->alone[SHARED_GETS] = options->single_consumer;
    queue->kind = &queue_shared_ring;
    shared->forks = wait_forks;
    queue->magic = QUEUE_SHARED;
    return 0;
}

/* What a shared one cannot be. */
static int shared_check(size_t capacity, const plait_queue_options *options)
{
    if (capacity == 0 || capacity == PLAIT_UNBOUNDED || options->compare)
        return EINVAL; /* functions of one process, memory of one process, hands of one process */
    return 0;
}

int shared_open(plait_queue **made, size_t element, size_t capacity,
                const plait_queue_options *options)
{
    int why = shared_check(capacity, options);
    if (why)
        return why;
    if (!element || options->redeliver || options->order != PLAIT_FIFO)
        return ENOTSUP;
    plait_queue *queue = handle_new();
    if (!queue)
        return ENOMEM;
    why = fill(queue, element, capacity, options);
    if (why)
        os_free(queue->memory);
    else
        *made = queue;
    return why;
}
