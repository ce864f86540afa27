/* Making a shared queue: its shape, its area, this process' handle. */
#include "queue/shared_open.h"
#include "os/os.h"
#include "queue/shared_stock.h"
#include "share/handle.h"

#include <plait/error.h>

#include <errno.h>

/* Part of the layout: must change with what lies in the area, lest an older program attaches. */
enum { VERSION = 3, MESSAGE_ROOM = 1 << 20 };
/* Far beyond what there is, so that sums cannot overflow. */
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
static uint64_t layout_of(const struct shared_shape *shape)
{
    uint64_t hash = mix(mix(mix(VERSION, shape->element), shape->capacity), shape->bytes);
    hash = mix(hash, shape->order * 2u + shape->redeliver);
    return mix(hash, shape->single_producer * 2u + shape->single_consumer);
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
    *size = shared->room = shared->map;
    if (!element) {
        shared->granules = shared_room_all(shared->bytes, capacity);
        shared->room += shared_room_map(shared->granules);
        *size = shared->room + shared->granules * GRANULE;
    }
    return *size > MOST ? ENOMEM : 0;
}

/* The handle, but for the area. What a shared queue cannot have: hands and endless memory. */
static int shape(plait_queue *queue, const struct shared_shape *shape, size_t *size)
{
    struct shared *shared = &queue->shared;
    size_t element = queue->element = shape->element, capacity = queue->capacity = shape->capacity;
    bool ring = element && shape->order == PLAIT_FIFO && !shape->redeliver;
    size_t bytes;
    if (!capacity || capacity == PLAIT_UNBOUNDED || element > MOST ||
        shape->order > PLAIT_PRIORITY || __builtin_mul_overflow(element + 256, capacity, &bytes) ||
        bytes > PTRDIFF_MAX / 2)
        return EINVAL;
    shared->bytes = shape->bytes;
    shared->kind = shape->order;
    shared->redeliver = shape->redeliver;
    shared->alone[SHARED_PUTS] = ring && shape->single_producer;
    shared->alone[SHARED_GETS] = ring && shape->single_consumer;
    shared->forks = wait_forks;
    queue->kind = ring ? &queue_shared_ring : &queue_shared_stock;
    int why = ring ? shape_ring(shared, element, capacity, size)
                   : shape_stock(shared, element, capacity, size);
    *size += sizeof(struct shared_head);
    return why;
}

struct making {
    plait_queue *queue;
    struct shared_shape shape;
};

/* Also beside the locks' words, because musl walks what a thread holds at its end, and reads there
 * (robust.h). */
static int prepare(void *memory, size_t size, void *arg)
{
    struct making *making = arg;
    plait_queue *queue = making->queue;
    struct shared_head *head = queue->shared.head = memory;
    for (int side = 0; side < 2; side++) {
        head->ends[side].lock.before = 0x80;
        head->ends[side].lock.behind = 1;
    }
    head->shape = making->shape;
    queue->kind->repair(queue, SHARED_PUTS); /* from zeroes: all cells are free */
    return 0;
}

static void own(plait_queue *queue, struct share_area *area)
{
    queue->shared.area = area;
    queue->shared.head = share_area_memory(area);
    queue->magic = QUEUE_SHARED;
    share_area_own(area, queue, 0);
}

static int fill(struct making *making, const plait_queue_options *options)
{
    size_t size;
    int why = shape(making->queue, &making->shape, &size);
    if (why)
        return why;
    struct share_request request = {.kind = "queue",
                                    .name = options->name,
                                    .where = PLAIT_SHARED,
                                    .url = options->url,
                                    .size = size,
                                    .layout = layout_of(&making->shape),
                                    .prepare = prepare,
                                    .arg = making};
    struct share_area *area = share_area_open(&request);
    if (!area)
        return errno;
    own(making->queue, area);
    return 0;
}

int shared_open(plait_queue **made, size_t element, size_t capacity,
                const plait_queue_options *options)
{
    if (options->compare)
        return EINVAL; /* since it is a function of one process */
    struct making making = {.queue = handle_new(),
                            .shape = {.element = element,
                                      .capacity = capacity,
                                      .bytes = element          ? 0
                                               : options->bytes ? options->bytes
                                                                : MESSAGE_ROOM,
                                      .order = (uint8_t)options->order,
                                      .redeliver = options->redeliver,
                                      .single_producer = options->single_producer,
                                      .single_consumer = options->single_consumer}};
    if (!making.queue)
        return ENOMEM;
    int why = fill(&making, options);
    if (why)
        os_free(making.queue->memory);
    else
        *made = making.queue;
    return why;
}

/* ---- a child in a new image is handed one */
static void *adopt(struct share_area *area, uint32_t part)
{
    struct shared_head *head = share_area_memory(area);
    bool fits = share_area_size(area) >= sizeof *head;
    struct shared_shape copied = fits ? head->shape : (struct shared_shape){0};
    size_t size;
    plait_queue *queue = handle_new();
    if (!queue) {
        errno = ENOMEM;
        return NULL;
    }
    if (shape(queue, &copied, &size) == 0 && size <= share_area_size(area)) {
        own(queue, area);
        return queue;
    }
    os_free(queue->memory);
    errno = PLAIT_EFORMAT;
    return NULL;
}

__attribute__((constructor)) static void kind_register(void)
{
    static struct share_kind kind = {.kind = "queue", .open = adopt};
    share_kind_register(&kind);
}
