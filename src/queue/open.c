/* Making, closing and freeing a private queue. */
#include "base/report.h"
#include "os/os.h"
#include "queue/queue.h"

#include <plait/task.h>
#include <plait/watch.h>

#include <limits.h>

void queue_bad(const plait_queue *queue, void *place)
{
    if (!queue)
        base_misuse(NULL, "queue", place, "NULL is no queue");
    if ((uintptr_t)queue % 64 == 0 && queue->magic - QUEUE_MAGIC < wait_forks)
        base_misuse(queue, "queue", place,
                    "opened before a fork: a private queue is of the process that opened it");
    base_misuse(queue, "queue", place, "no queue, or freed before");
}

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
    if (element == 0 || capacity == 0 || capacity == (size_t)-1)
        return ENOTSUP; /* byte strings, rendezvous, unbounded: a later version */
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
    queue->magic = QUEUE_MAGIC + wait_forks;
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

static void queue_check_open(plait_queue *queue, void *place)
{
    if (!queue || (uintptr_t)queue % OS_LINE || queue->magic != QUEUE_MAGIC + wait_forks)
        queue_bad(queue, place);
}

int plait_queue_close(plait_queue *queue)
{
    WAIT_POINT();
    queue_check_open(queue, __builtin_return_address(0));
    if (atom_load(&queue->ring.tail, ACQUIRE) & RING_CLOSED)
        return 0;
    uint32_t *items = &queue->items.word, *room = &queue->room.word;
    atom_or(items, QUEUE_CLOSING, SEQ_CST);
    atom_or(room, QUEUE_CLOSING, SEQ_CST);
    atom_or(&queue->ring.tail, RING_CLOSED,
            SEQ_CST); /* the effect: from here on the queue may be freed */
    wait_unpark(items, INT_MAX, false);
    wait_unpark(room, INT_MAX, false);
    return 0;
}

struct free_search {
    const plait_queue *queue;
    char *text;
    size_t size, used;
};

/* Adds a task to the list of those that wait on the queue. */
static void free_name(plait_task *task, void *arg)
{
    struct free_search *search = arg;
    plait_wait_info wait;
    char name[128];
    if (plait_task_waits(task, &wait) != 0 || !wait.object || search->used >= search->size)
        return;
    if (strcmp(wait.object, base_name_of(search->queue, "queue", name, sizeof name)) != 0)
        return;
    search->used +=
        (size_t)base_format(search->text + search->used, search->size - search->used, "%s%s (%s)",
                            search->used ? ", " : "", plait_task_name(task), wait.verb);
}

static _Noreturn void free_refuse(const plait_queue *queue, void *place)
{
    char names[512] = "";
    struct free_search search = {queue, names, sizeof names, 0};
    plait_tasks_visit(free_name, &search);
    base_misuse(queue, "queue", place, "freed while %u tasks wait on it: %s",
                queue->items.waiting + queue->room.waiting, names);
}

void plait_queue_free(plait_queue *queue)
{
    if (!queue)
        return;
    void *place = __builtin_return_address(0);
    queue_check_open(queue, place);
    if (atom_load(&queue->items.waiting, ACQUIRE) || atom_load(&queue->room.waiting, ACQUIRE))
        free_refuse(queue, place);
    size_t left = ring_count(&queue->ring);
    if (left) {
        char name[128];
        base_report(PLAIT_REPORT_DROPPED, "queue %s: freed with %zu items inside",
                    base_name_of(queue, "queue", name, sizeof name), left);
    }
    base_name_forget(queue);
    queue->magic = 0;
    os_free(queue->memory);
}
