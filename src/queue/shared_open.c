/* Making a shared queue: its shape, its area, this process' handle. */
#include "queue/shared_open.h"
#include "os/os.h"
#include "queue/shared_stock.h"

#include <errno.h>

/* Part of the layout: another number when what lies in the area changes. */
enum { VERSION = 1, MESSAGE_ROOM = 1 << 20 };
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
static uint64_t layout_of(const plait_queue *queue, const plait_queue_options *options)
{
    uint64_t hash = mix(mix(VERSION, queue->element), queue->capacity);
    hash = mix(hash, queue->shared.bytes);
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
    shared->stride = round_up(element + sizeof(struct ring_slot), 8);
    for (shared->lap = 16; shared->lap <= 8 * (capacity + 1);)
        shared->lap *= 2;
    shared->owners = shared->stride * capacity;
    *size = shared->owners + capacity * sizeof(uint64_t);
    return *size > MOST ? ENOMEM : 0;
}

/* Cells, three arrays of their numbers, and for messages a map and the granules. */
static int shape_stock(struct shared *shared, size_t element, size_t capacity, size_t *size)
{
    if (capacity > INT32_MAX || shared->bytes > MOST)
        return EINVAL;
    shared->stride = round_up(element + sizeof(struct shared_cell), 8);
    shared->order = shared->stride * capacity;
    shared->map = round_up(shared->order + 3 * sizeof(uint32_t) * capacity, GRANULE);
    *size = shared->map;
    if (!element) {
        shared->granules = shared_room_all(shared->bytes, capacity);
        *size += shared_room_map(shared->granules) + shared->granules * GRANULE;
    }
    return *size > MOST ? ENOMEM : 0;
}

static int shape(plait_queue *queue, const plait_queue_options *options, size_t *size)
{
    struct shared *shared = &queue->shared;
    size_t element = queue->element, capacity = queue->capacity, bytes;
    bool ring = element && options->order == PLAIT_FIFO && !options->redeliver;
    if (element > MOST || __builtin_mul_overflow(element + 256, capacity, &bytes) ||
        bytes > PTRDIFF_MAX / 2)
        return EINVAL;
    if (!element)
        shared->bytes = options->bytes ? options->bytes : MESSAGE_ROOM;
    queue->kind = ring ? &queue_shared_ring : &queue_shared_stock;
    int why = ring ? shape_ring(shared, element, capacity, size)
                   : shape_stock(shared, element, capacity, size);
    *size += sizeof(struct shared_head);
    return why;
}

/* musl walks what a thread holds at its end, and reads beside the word (robust.h). */
static int prepare(void *memory, size_t size, void *arg)
{
    plait_queue *queue = arg;
    struct shared_head *head = memory;
    for (int side = 0; side < 2; side++) {
        head->ends[side].lock.before = 0x80;
        head->ends[side].lock.behind = 1;
    }
    queue->shared.head = head;
    if (queue->kind->repair)
        queue->kind->repair(queue); /* from zeroes: all cells are free */
    return 0;
}

static int fill(plait_queue *queue, const plait_queue_options *options)
{
    struct shared *shared = &queue->shared;
    size_t size;
    shared->kind = (int)options->order;
    shared->redeliver = options->redeliver;
    int why = shape(queue, options, &size);
    if (why)
        return why;
    struct share_request request = {.kind = "queue",
                                    .name = options->name,
                                    .where = PLAIT_SHARED,
                                    .url = options->url,
                                    .size = size,
                                    .layout = layout_of(queue, options),
                                    .prepare = prepare,
                                    .arg = queue};
    shared->area = share_area_open(&request);
    if (!shared->area)
        return errno;
    shared->head = share_area_memory(shared->area);
    bool ring = queue->kind == &queue_shared_ring;
    shared->alone[SHARED_PUTS] = ring && options->single_producer;
    shared->alone[SHARED_GETS] = ring && options->single_consumer;
    shared->forks = wait_forks;
    queue->magic = QUEUE_SHARED;
    return 0;
}

/* What a shared one cannot be: functions, hands and endless memory are of one process. */
static bool is_possible(size_t capacity, const plait_queue_options *options)
{
    return capacity != 0 && capacity != PLAIT_UNBOUNDED && !options->compare;
}

int shared_open(plait_queue **made, size_t element, size_t capacity,
                const plait_queue_options *options)
{
    if (!is_possible(capacity, options))
        return EINVAL;
    plait_queue *queue = handle_new();
    if (!queue)
        return ENOMEM;
    queue->element = element;
    queue->capacity = capacity;
    int why = fill(queue, options);
    if (why)
        os_free(queue->memory);
    else
        *made = queue;
    return why;
}
