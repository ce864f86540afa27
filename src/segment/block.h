/* A block's header, as it is read: for heap.c and verify.c. */
#ifndef SEGMENT_BLOCK_H
#define SEGMENT_BLOCK_H

#include "segment/heap.h"

#include <plait/error.h>

#define BLOCK_CHECK UINT64_C(0x6b636f6c6274616c)
enum { SMALLEST_LOG = 6 };

struct block {
    uint64_t size, before, owner, check;
    uint64_t next, previous;
};

static inline struct block *block_of(const struct heap *heap, uint64_t at)
{
    return (struct block *)(void *)(heap->log.base + at);
}

static inline uint64_t check_of(uint64_t at)
{
    return BLOCK_CHECK ^ at * UINT64_C(0x9e3779b97f4a7c15);
}

/* Does a block begin there? Its header is copied. */
static inline bool block_read(const struct heap *heap, uint64_t at, struct block *copy)
{
    uint64_t top = heap->top;
    if (at % HEAP_STEP || at < heap->start || at >= top || top - at < HEAP_LEAST)
        return false;
    struct block *block = block_of(heap, at);
    copy->size = atom_load(&block->size, RELAXED);
    copy->before = atom_load(&block->before, RELAXED);
    copy->owner = atom_load(&block->owner, RELAXED);
    /* Its owner's memory otherwise, who may be writing there. */
    copy->next = copy->owner == HEAP_FREE ? atom_load(&block->next, RELAXED) : 0;
    copy->previous = copy->owner == HEAP_FREE ? atom_load(&block->previous, RELAXED) : 0;
    return atom_load(&block->check, RELAXED) == check_of(at) && copy->size >= HEAP_LEAST &&
           copy->size % HEAP_STEP == 0 && copy->size <= top - at &&
           copy->before <= at - heap->start && copy->before % HEAP_STEP == 0;
}

/* Four classes for each power of two. */
static inline uint32_t class_of(uint64_t size)
{
    uint32_t log = 63 - (uint32_t)__builtin_clzll(size);
    return (log - SMALLEST_LOG) * 4 + (uint32_t)(size >> (log - 2) & 3);
}

#endif
