/* Pairing heap. Each item has its first child and its next brother; `owner` is the pointer that
 * points to the item, so that any item can leave without a search. Both passes of a removal are
 * loops: a root with a million children is normal here (a million timers inserted in rising order),
 * and recursion would need as much stack. */
#include "base/heap.h"

static bool is_before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void put_at(struct heap_item **owner, struct heap_item *item)
{
    *owner = item;
    if (item)
        item->owner = owner;
}

/* Two trees into one: the later root becomes the first child of the earlier. The result's own links
 * are the caller's. */
static struct heap_item *merge(struct heap_item *a, struct heap_item *b)
{
    if (!a || !b)
        return a ? a : b;
    struct heap_item *first = is_before(a, b) ? a : b;
    struct heap_item *second = first == a ? b : a;
    put_at(&second->next, first->child);
    put_at(&first->child, second);
    return first;
}

/* Pass one: brothers merged in pairs from the left; the pairs lie on a chain in reverse order, as
 * pass two wants them. */
static struct heap_item *merge_pairs(struct heap_item *item)
{
    struct heap_item *pairs = NULL;
    while (item) {
        struct heap_item *a = item, *b = a->next;
        item = b ? b->next : NULL;
        struct heap_item *pair = merge(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    return pairs;
}

/* Pass two: the pairs merged from the right into one tree. Not from the left, because that is
 * correct but linear in the worst case. */
static struct heap_item *merge_children(struct heap_item *item)
{
    struct heap_item *tree = NULL;
    for (struct heap_item *pair = merge_pairs(item->child), *next; pair; pair = next) {
        next = pair->next;
        tree = merge(tree, pair);
    }
    if (tree)
        tree->next = NULL;
    return tree;
}

void heap_insert(struct heap *heap, struct heap_item *item)
{
    item->order = heap->inserted++;
    heap_put(heap, item);
}

void heap_put(struct heap *heap, struct heap_item *item)
{
    item->child = item->next = NULL;
    put_at(&heap->root, merge(heap->root, item));
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
    /* First out of the brothers' chain: if it is the root, this leaves an empty heap, and the merge
     * below puts the children in. */
    put_at(item->owner, item->next);
    put_at(&heap->root, merge(heap->root, merge_children(item)));
    item->child = item->next = NULL;
    item->owner = NULL;
}
