/* The checker: all blocks by their headers, then all free lists. */
#include "segment/block.h"

struct census {
    struct heap_count count;
    uint64_t free[HEAP_CLASSES]; /* blocks of each class, by the walk */
};

static void count_block(struct census *census, const struct block *copy)
{
    if (copy->owner == HEAP_FREE) {
        census->count.free++;
        census->free[class_of(copy->size)]++;
    } else if (copy->owner == HEAP_KEPT) {
        census->count.kept++;
    } else {
        census->count.owned++;
    }
}

static int walk(const struct heap *heap, struct census *census)
{
    struct block copy;
    uint64_t before = 0, at = heap->start;
    bool was_free = false;
    for (; at < heap->top; at += copy.size) {
        if (!block_read(heap, at, &copy) || copy.before != before)
            return -PLAIT_EFORMAT;
        bool is_free = copy.owner == HEAP_FREE;
        if (is_free && was_free)
            return -PLAIT_EFORMAT;
        count_block(census, &copy);
        before = copy.size;
        was_free = is_free;
    }
    return at == heap->top && atom_load(&heap->head->top_before, RELAXED) == before
               ? 0
               : -PLAIT_EFORMAT;
}

static bool list_is_sound(const struct heap *heap, uint32_t class, uint64_t count)
{
    struct block copy;
    uint64_t previous = 0, at = atom_load(&heap->head->first[class], RELAXED);
    bool mapped = atom_load(&heap->head->map[class / 64], RELAXED) >> class % 64 & 1;
    if (mapped != (at != 0))
        return false;
    for (; at && count; count--) {
        if (!block_read(heap, at, &copy) || copy.owner != HEAP_FREE ||
            class_of(copy.size) != class || copy.previous != previous)
            return false;
        previous = at;
        at = copy.next;
    }
    return !at && !count;
}

int heap_verify(struct heap *heap, struct heap_count *count)
{
    struct census census = {0};
    if (atom_load(&heap->head->journal.count, RELAXED))
        return -PLAIT_EFORMAT;
    int rc = walk(heap, &census);
    for (uint32_t class = 0; class < HEAP_CLASSES && rc == 0; class ++)
        if (!list_is_sound(heap, class, census.free[class]))
            rc = -PLAIT_EFORMAT;
    *count = census.count;
    return rc;
}
