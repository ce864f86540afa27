#include "queue/rank.h"
#include "os/os.h"

#include <string.h>

enum { WAYS = 4 };

/* The hole at `i` goes up until the entry fits in. */
static void sift_up(struct rank *rank, size_t i, struct entry entry)
{
    while (i > 0) {
        size_t parent = (i - 1) / WAYS;
        if (!entry_before(rank->compare, entry, rank->heap[parent]))
            break;
        rank->heap[i] = rank->heap[parent];
        i = parent;
    }
    rank->heap[i] = entry;
}

/* One by one: when some are equal, or there are fewer than four. */
static __attribute__((noinline)) size_t lowest_of_some(const struct rank *rank, size_t child)
{
    size_t best = child, end = child + WAYS < rank->count ? child + WAYS : rank->count;
    for (size_t i = child + 1; i < end; i++)
        if (entry_before(rank->compare, rank->heap[i], rank->heap[best]))
            best = i;
    return best;
}

/* The lowest child of a node whose first one is there. Without branches, because nobody can predict
 * which of four is the lowest, and a wrong guess costs more than all four comparisons. */
static inline size_t lowest(const struct rank *rank, size_t child)
{
    if (unlikely(child + WAYS > rank->count))
        return lowest_of_some(rank, child);
    const struct entry *four = rank->heap + child;
    int64_t a = four[0].priority, b = four[1].priority, c = four[2].priority, d = four[3].priority;
    size_t low = b < a, high = 2 + (size_t)(d < c);
    int64_t lower = low ? b : a, higher = d < c ? d : c;
    size_t best = higher < lower ? high : low;
    int64_t least = higher < lower ? higher : lower;
    if (unlikely((a == least) + (b == least) + (c == least) + (d == least) > 1))
        return lowest_of_some(rank, child);
    return child + best;
}

/* The hole goes down to the bottom along the lowest children, then the last entry up from there: it
 * came from the bottom and most likely belongs there, so that asking about it at each level on the
 * way down would be in vain. */
static struct cell *heap_remove_first(struct rank *rank)
{
    struct cell *first = rank->heap[0].cell;
    struct entry last = rank->heap[--rank->count];
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
    struct entry entry = {cell->priority, cell};
    sift_up(rank, rank->count++, entry);
    if (rank->count >= RUN_FIRST && runs_add(&rank->runs, rank->compare, rank->heap, rank->count))
        rank->count = 0;
}

/* Is the next one in the heap, not in the runs? */
static bool heap_is_next(const struct rank *rank)
{
    if (!rank->count || !rank->runs.count)
        return rank->count;
    return entry_before(rank->compare, rank->heap[0], runs_first(&rank->runs));
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
    struct cell *cell;
    if (rank->kind == PLAIT_PRIORITY) {
        if (heap_is_next(rank))
            return heap_remove_first(rank);
        cell = runs_first(&rank->runs).cell;
        runs_remove_first(&rank->runs, rank->compare);
        return cell;
    }
    cell = rank->first;
    rank->first = cell->next;
    if (!rank->first)
        rank->last = NULL;
    return cell;
}

struct cell *rank_first(const struct rank *rank)
{
    if (rank->kind != PLAIT_PRIORITY)
        return rank->first;
    if (heap_is_next(rank))
        return rank->heap[0].cell;
    return rank->runs.count ? runs_first(&rank->runs).cell : NULL;
}

void *rank_alloc(size_t room)
{
    size_t bytes;
    if (__builtin_mul_overflow(room, sizeof(struct entry), &bytes) ||
        __builtin_add_overflow(bytes, 2 * OS_LINE, &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    return os_alloc(bytes);
}

void *rank_grow(struct rank *rank, void *memory, size_t room)
{
    uintptr_t line = ((uintptr_t)memory + OS_LINE - 1) & ~(uintptr_t)(OS_LINE - 1);
    struct entry *heap = (struct entry *)line + (WAYS - 1);
    if (rank->count)
        memcpy(heap, rank->heap, rank->count * sizeof *heap);
    void *old = rank->memory;
    rank->memory = memory;
    rank->heap = heap;
    rank->room = room;
    return old;
}

void rank_free(struct rank *rank)
{
    runs_free(&rank->runs);
    os_free(rank->memory);
}
