/* Pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986) of records that own their links: insert
 * in O(1), take and remove in O(log n) amortised, nothing allocated. The order is `key`, then
 * `order` (who came first), so equal times keep their order. Not thread-safe. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
    int64_t key;
    uint64_t order;
    /* Owner: the pointer that points here; NULL: not in a heap */
    struct heap_item *child, *next, **owner;
};

struct heap {
    struct heap_item *root;
    uint64_t inserted;
};

void heap_insert(struct heap *heap, struct heap_item *item);
void heap_put(struct heap *heap, struct heap_item *item); /* the same; `order` is there already */
void heap_remove(struct heap *heap, struct heap_item *item);
static inline struct heap_item *heap_first(const struct heap *heap)
{
    return heap->root;
}
static inline bool heap_holds(const struct heap_item *item)
{
    return item->owner != NULL;
}

#endif
