/* The order of a shared stock: cell numbers in an array, a circle for FIFO, a pile for LIFO, a heap
 * for priorities.
 *
 * Everything read from the array is bounded before it is used, because a peer may write there. */
#include "queue/shared_stock.h"

static uint32_t *order_of(const plait_queue *queue)
{
    const struct shared *shared = &queue->shared;
    return (uint32_t *)(void *)(shared->head->cells + shared->order);
}

/* Copied and bounded before they are used, since others may have written anything. */
static uint32_t inside_of(const plait_queue *queue)
{
    uint32_t inside = shared_stock(&queue->shared)->inside;
    return inside < queue->capacity ? inside : (uint32_t)queue->capacity;
}

static uint32_t cell_in(const plait_queue *queue, uint32_t place)
{
    uint32_t index = order_of(queue)[place];
    return index < queue->capacity ? index : 0;
}

static uint32_t circle(const plait_queue *queue, uint64_t place)
{
    uint64_t at = atom_load(&shared_stock(&queue->shared)->first, RELAXED) + place; /* once */
    if (likely(at < queue->capacity))
        return (uint32_t)at;
    at -= queue->capacity;
    return (uint32_t)(likely(at < queue->capacity) ? at : at % queue->capacity);
}

static bool is_before(const plait_queue *queue, uint32_t a, uint32_t b)
{
    const struct shared_cell *one = shared_cell(&queue->shared, a);
    const struct shared_cell *other = shared_cell(&queue->shared, b);
    if (one->priority != other->priority)
        return one->priority < other->priority;
    return one->came < other->came;
}

/* ---- a heap of the first `count` */
static void sift_up(plait_queue *queue, uint32_t place, uint32_t index)
{
    uint32_t *order = order_of(queue);
    while (place > 0) {
        uint32_t parent = (place - 1) / 2;
        if (!is_before(queue, index, cell_in(queue, parent)))
            break;
        order[place] = order[parent];
        place = parent;
    }
    order[place] = index;
}

static void sift_down(plait_queue *queue, uint32_t place, uint32_t index, uint32_t count)
{
    uint32_t *order = order_of(queue), child;
    while ((child = place * 2 + 1) < count) {
        if (child + 1 < count && is_before(queue, cell_in(queue, child + 1), cell_in(queue, child)))
            child++;
        if (!is_before(queue, cell_in(queue, child), index))
            break;
        order[place] = order[child];
        place = child;
    }
    order[place] = index;
}

/* ---- what the stock asks */
static void append(plait_queue *queue, uint32_t index)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    uint32_t inside = inside_of(queue);
    if (inside == queue->capacity)
        return; /* damaged; the cell is found at the next repair */
    if (queue->shared.kind == PLAIT_PRIORITY)
        sift_up(queue, inside, index);
    else
        order_of(queue)[circle(queue, inside)] = index;
    shared_say(&stock->inside, inside + 1);
}

/* The commit of an item that stands in its order. */
static void come_in(plait_queue *queue, uint32_t index)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    shared_say(&stock->news, stock->news + 1);
    shared_cell_state(queue, index, SHARED_IN);
}

void shared_order_insert(plait_queue *queue, uint32_t index)
{
    append(queue, index);
    come_in(queue, index);
}

/* In a pile it counts as new, so that it lies on top, whenever it first came. */
void shared_order_return(plait_queue *queue, uint32_t index)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    uint32_t inside = inside_of(queue);
    if (queue->shared.kind == PLAIT_LIFO)
        shared_cell(&queue->shared, index)->came = stock->came++;
    if (queue->shared.kind != PLAIT_FIFO || inside == queue->capacity) {
        shared_order_insert(queue, index);
        return;
    }
    stock->first = circle(queue, queue->capacity - 1);
    order_of(queue)[stock->first] = index;
    shared_say(&stock->inside, inside + 1);
    come_in(queue, index);
}

static uint32_t first_place(const plait_queue *queue)
{
    if (queue->shared.kind == PLAIT_PRIORITY)
        return 0;
    return circle(queue, queue->shared.kind == PLAIT_LIFO ? inside_of(queue) - 1 : 0);
}

int64_t shared_order_first(const plait_queue *queue)
{
    uint32_t index = order_of(queue)[first_place(queue)];
    if (!inside_of(queue) || index >= queue->capacity ||
        shared_cell(&queue->shared, index)->state != SHARED_IN)
        return -1;
    return index;
}

void shared_order_remove(plait_queue *queue)
{
    struct shared_stock *stock = shared_stock(&queue->shared);
    uint32_t inside = inside_of(queue);
    if (!inside)
        return;
    if (queue->shared.kind == PLAIT_PRIORITY && inside > 1)
        sift_down(queue, 0, cell_in(queue, inside - 1), inside - 1);
    else if (queue->shared.kind == PLAIT_FIFO)
        stock->first = circle(queue, 1);
    shared_say(&stock->inside, inside - 1);
}

/* ---- for who makes it anew */
void shared_order_heap(plait_queue *queue, uint32_t place, uint32_t index)
{
    sift_up(queue, place, index);
}

/* A heap is taken apart from its lowest on: the array is in descending order then, and is
 * turned. */
void shared_order_sort(plait_queue *queue, uint32_t count)
{
    uint32_t *order = order_of(queue);
    for (uint32_t left = count; left > 1; left--) {
        uint32_t lowest = cell_in(queue, 0), last = cell_in(queue, left - 1);
        sift_down(queue, 0, last, left - 1);
        order[left - 1] = lowest;
    }
    for (uint32_t i = 0; i < count / 2; i++) {
        uint32_t kept = order[i];
        order[i] = order[count - 1 - i];
        order[count - 1 - i] = kept;
    }
}
