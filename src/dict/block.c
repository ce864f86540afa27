/* Blocks: where a stripe's entries lie. All of it is one change's, under the stripe's guard.
 *
 * A block that is given back is used again for entries of its class; the room behind the last block
 * of a chunk goes to the class that it is large enough for, when a new chunk begins. What is too
 * large for a class has a chunk of its own, which goes back to the pool. */
#include "dict/dict.h"

#include <errno.h>

enum { STEP = 16, LINEAR = 7 /* classes 32, 48 .. 128 */, LEAST = 32, FRESH_ORDER_MOST = 4 };

size_t block_size(unsigned class)
{
    if (class < LINEAR)
        return LEAST + (size_t) class * STEP;
    if (class < DICT_CLASSES)
        return (size_t)(5 + (class - LINEAR) % 4) << (5 + (class - LINEAR) / 4);
    if (class >= DICT_CHUNK_CLASS && class < DICT_CHUNK_CLASS + DICT_ORDERS)
        return ((size_t)DICT_CHUNK << (class - DICT_CHUNK_CLASS)) - sizeof(struct dict_chunk);
    return 0;
}

/* The smallest that is large enough; size <= DICT_BLOCK_MOST. */
static unsigned class_of(uint64_t size)
{
    unsigned class = size <= LEAST ? 0 : (unsigned)((size - LEAST + STEP - 1) / STEP);
    if (class < LINEAR)
        return class;
    for (class = LINEAR; block_size(class) < size;)
        class ++;
    return class;
}

static unsigned order_of(uint64_t size)
{
    unsigned order = 0;
    while (order < DICT_ORDERS && block_size(DICT_CHUNK_CLASS + order) < size)
        order++;
    return order;
}

/* A chunk of its own: `taking` must be 0 again when the entry is there. */
static int take_chunk(struct dict_change *change, uint64_t size, uint64_t *offset, unsigned *class)
{
    uint64_t chunk;
    unsigned order = order_of(size);
    int rc = chunk_take(change, order, &chunk);
    if (rc != 0)
        return rc;
    change_set(change, &change->stripe->taking, 0);
    *offset = chunk + sizeof(struct dict_chunk);
    *class = DICT_CHUNK_CLASS + order;
    return 0;
}

static void put_free(struct dict_change *change, struct dict_block *block, unsigned class)
{
    uint64_t *first = &change->stripe->free[class];
    change_set(change, &block->hash, atom_load(first, RELAXED));
    change_set(change, first, (uint64_t)((char *)block - change->dict->memory));
}

/* What is left of the fresh room, as one free block: it must not be lost, however small. */
static int keep_rest(struct dict_change *change)
{
    uint64_t from = atom_load(&change->stripe->fresh, RELAXED);
    uint64_t left = atom_load(&change->stripe->fresh_end, RELAXED) - from;
    if (left < LEAST)
        return 0;
    struct dict_block *block = dict_at(change->dict, from, left);
    if (!block || from % STEP || left > DICT_BLOCK_MOST + LEAST)
        return -PLAIT_EFORMAT;
    unsigned class = left >= DICT_BLOCK_MOST ? DICT_CLASSES - 1 : class_of(left);
    if (block_size(class) > left)
        class --;
    put_free(change, block, class);
    return 0;
}

/* Small stripes take small chunks, so that a dictionary of ten entries is not megabytes. */
static unsigned fresh_order(const struct dict_stripe *stripe)
{
    uint64_t count = atom_load(&stripe->count, RELAXED);
    unsigned order = 0;
    for (; order < FRESH_ORDER_MOST && count >= 8; count /= 4)
        order++;
    return order;
}

static int take_fresh_chunk(struct dict_change *change)
{
    struct dict_stripe *stripe = change->stripe;
    unsigned order = fresh_order(stripe);
    uint64_t chunk;
    int rc = chunk_take(change, order, &chunk);
    if (rc == -ENOSPC && order > 0)
        rc = chunk_take(change, order = 0, &chunk);
    if (rc == 0)
        rc = keep_rest(change);
    if (rc != 0)
        return rc;
    change_set(change, &stripe->taking, 0);
    change_set(change, &stripe->fresh, chunk + sizeof(struct dict_chunk));
    change_set(change, &stripe->fresh_end, chunk + ((uint64_t)DICT_CHUNK << order));
    return 0;
}

static int take_fresh(struct dict_change *change, size_t size, uint64_t *offset)
{
    struct dict_stripe *stripe = change->stripe;
    uint64_t from = atom_load(&stripe->fresh, RELAXED),
             end = atom_load(&stripe->fresh_end, RELAXED);
    if (from > end)
        return -PLAIT_EFORMAT;
    if (end - from < size) {
        int rc = take_fresh_chunk(change);
        if (rc != 0)
            return rc;
        from = atom_load(&stripe->fresh, RELAXED);
    }
    if (from % STEP || !dict_at(change->dict, from, size))
        return -PLAIT_EFORMAT;
    change_set(change, &stripe->fresh, from + size);
    *offset = from;
    return 0;
}

int block_take(struct dict_change *change, uint64_t size, uint64_t *offset, unsigned *class)
{
    if (size > DICT_BLOCK_MOST)
        return take_chunk(change, size, offset, class);
    *class = class_of(size);
    uint64_t *first = &change->stripe->free[*class];
    *offset = atom_load(first, RELAXED);
    if (*offset == 0)
        return take_fresh(change, block_size(*class), offset);
    struct dict_block *block = dict_at(change->dict, *offset, block_size(*class));
    if (!block || *offset % STEP)
        return -PLAIT_EFORMAT;
    change_set(change, first, atom_load(&block->hash, RELAXED));
    return 0;
}

void block_give(struct dict_change *change, struct dict_block *block, unsigned class)
{
    uint64_t offset = (uint64_t)((char *)block - change->dict->memory);
    if (class < DICT_CHUNK_CLASS)
        put_free(change, block, class);
    else
        change_set(change, &change->stripe->giving, offset - sizeof(struct dict_chunk));
}
