#include "queue/rank.h"
#include "os/os.h"

#include <string.h>

enum { WAYS = 4 };

static bool before(const struct rank *rank, struct rank_entry a, struct rank_entry b)
{
    if (a.priority != b.priority)
        return a.priority < b.priority;
    int said = rank->compare ? rank->compare(a.cell->item, b.cell->item) : 0;
    return said ? said < 0 : a.cell->order < b.cell->order;
}

/* The hole at `i` goes up until the entry fits in. */
static void sift_up(struct rank *rank, size_t i, struct rank_entry entry)
{
    while (i > 0) {
        size_t parent = (i - 1) / WAYS;
        if (!before(rank, entry, rank->heap[parent]))
            break;
        rank->heap[i] = rank->heap[parent];
        i = parent;
    }
    rank->heap[i] = entry;
}

/* The lowest child of a node whose first one is there. */
static size_t lowest(const struct rank *rank, size_t child)
{
    size_t best = child, end = child + WAYS < rank->count ? child + WAYS : rank->count;
    for (size_t i = child + 1; i < end; i++)
        if (before(rank, rank->heap[i], rank->heap[best]))
            best = i;
    return best;
}

/* The hole goes down to the bottom along the lowest children, then the last entry up from there: it
 * came from the bottom and most likely belongs there, so that asking about it at each level on the
 * way down would be in vain. */
static struct cell *heap_remove_first(struct rank *rank)
{
    struct cell *first = rank->heap[0].cell;
    struct rank_entry last = rank->heap[--rank->count];
    size_t hole = 0;
    for (size_t child; (child = hole * WAYS + 1) < rank->count;) {
        child = lowest(rank, child);
        rank->heap[hole] = rank->heap[child];
        hole = child;
    }
    if (rank->count)
        sift_up(rank, hole, last);
    return first;
}

static void heap_insert_cell(struct rank *rank, struct cell *cell)
{
    struct rank_entry entry = {cell->priority, cell};
    sift_up(rank, rank->count++, entry);
}

static void push_first(struct rank *rank, struct cell *cell)
{
    cell->next = rank->first;
    rank->first = cell;
    if (!rank->last)
        rank->last = cell;
}

void rank_insert(struct rank *rank, struct cell *cell)
{
    if (rank->kind == PLAIT_PRIORITY) {
        cell->order = rank->came++;
        heap_insert_cell(rank, cell);
    } else if (rank->kind == PLAIT_LIFO || !rank->last) {
        push_first(rank, cell);
    } else {
        cell->next = NULL;
        rank->last->next = cell;
        rank->last = cell;
    }
}

void rank_put_back(struct rank *rank, struct cell *cell)
{
    if (rank->kind == PLAIT_PRIORITY)
        heap_insert_cell(rank, cell);
    else
        push_first(rank, cell);
}

struct cell *rank_remove(struct rank *rank)
{
    if (rank->kind == PLAIT_PRIORITY)
        return heap_remove_first(rank);
    struct cell *cell = rank->first;
    rank->first = cell->next;
    if (!rank->first)
        rank->last = NULL;
    return cell;
}

struct cell *rank_first(const struct rank *rank)
{
    if (rank->kind != PLAIT_PRIORITY)
        return rank->first;
    return rank->count ? rank->heap[0].cell : NULL;
}

void *rank_alloc(size_t room)
{
    size_t bytes;
    if (__builtin_mul_overflow(room, sizeof(struct rank_entry), &bytes) ||
        __builtin_add_overflow(bytes, 2 * OS_LINE, &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    return os_alloc(bytes);
}

void *rank_grow(struct rank *rank, void *memory, size_t room)
{
    uintptr_t line = ((uintptr_t)memory + OS_LINE - 1) & ~(uintptr_t)(OS_LINE - 1);
    struct rank_entry *heap = (struct rank_entry *)line + (WAYS - 1);
    if (rank->count)
        memcpy(heap, rank->heap, rank->count * sizeof *heap);
    void *old = rank->memory;
    rank->memory = memory;
    rank->heap = heap;
    rank->room = room;
    return old;
}
