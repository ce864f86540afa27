#include "segment/block.h"

#include <errno.h>

enum { TRIES = 16 };

int heap_begin(struct heap *heap)
{
    uint64_t top = atom_load(&heap->head->top, RELAXED);
    heap->top = top ? top : heap->start;
    return heap->top >= heap->start && heap->top <= heap->log.size && heap->top % HEAP_STEP == 0
               ? 0
               : -PLAIT_EFORMAT;
}

static void set(struct heap *heap, uint64_t *word, uint64_t value)
{
    share_journal_set(&heap->log, word, value);
}

/* ---- free lists: four classes for each power of two */

static bool insert(struct heap *heap, uint64_t at, uint64_t size)
{
    uint32_t class = class_of(size);
    uint64_t first = atom_load(&heap->head->first[class], RELAXED);
    struct block old;
    if (first && (!block_read(heap, first, &old) || old.owner != HEAP_FREE))
        return false;
    if (first)
        set(heap, &block_of(heap, first)->previous, at);
    set(heap, &block_of(heap, at)->next, first);
    set(heap, &block_of(heap, at)->previous, 0);
    set(heap, &heap->head->first[class], at);
    uint64_t *map = &heap->head->map[class / 64];
    set(heap, map, atom_load(map, RELAXED) | UINT64_C(1) << class % 64);
    return true;
}

/* The first of its class. */
static bool remove_first(struct heap *heap, uint64_t at, const struct block *copy)
{
    uint32_t class = class_of(copy->size);
    uint64_t *map = &heap->head->map[class / 64];
    if (atom_load(&heap->head->first[class], RELAXED) != at)
        return false;
    set(heap, &heap->head->first[class], copy->next);
    if (!copy->next)
        set(heap, map, atom_load(map, RELAXED) & ~(UINT64_C(1) << class % 64));
    return true;
}

static bool remove_block(struct heap *heap, uint64_t at, const struct block *copy)
{
    struct block beside;
    if (copy->next) {
        if (!block_read(heap, copy->next, &beside) || beside.previous != at)
            return false;
        set(heap, &block_of(heap, copy->next)->previous, copy->previous);
    }
    if (!copy->previous)
        return remove_first(heap, at, copy);
    if (!block_read(heap, copy->previous, &beside) || beside.next != at)
        return false;
    set(heap, &block_of(heap, copy->previous)->next, copy->next);
    return true;
}

/* ---- blocks */

/* Tells the block at `at` how long the one in front of it is. */
static void set_before(struct heap *heap, uint64_t at, uint64_t size)
{
    uint64_t *word = at == heap->top ? &heap->head->top_before : &block_of(heap, at)->before;
    set(heap, word, size);
}

/* Without the journal, since no block has begun here so far: nothing leads to it. */
static void write_header(struct heap *heap, uint64_t at, uint64_t size, uint64_t before,
                         uint64_t owner)
{
    struct block *block = block_of(heap, at);
    atom_store(&block->size, size, RELAXED);
    atom_store(&block->before, before, RELAXED);
    atom_store(&block->owner, owner, RELAXED);
    atom_store(&block->check, check_of(at), RELAXED);
}

static int damaged(struct heap *heap)
{
    share_journal_undo(&heap->log);
    return -PLAIT_EFORMAT;
}

static int changed(struct heap *heap)
{
    share_journal_done(&heap->log);
    return 0;
}

/* Some of the size's own class are too small, so that a few are tried rather than all. Then any of
 * a larger class will do. */
static int find(struct heap *heap, uint64_t size, uint64_t *at, struct block *copy)
{
    uint32_t class = class_of(size);
    *at = atom_load(&heap->head->first[class], RELAXED);
    for (int i = 0; *at && i < TRIES; i++) {
        if (!block_read(heap, *at, copy) || copy->owner != HEAP_FREE)
            return -PLAIT_EFORMAT;
        if (copy->size >= size)
            return 0;
        *at = copy->next;
    }
    while (++class < HEAP_CLASSES) {
        uint64_t rest = atom_load(&heap->head->map[class / 64], RELAXED) >> class % 64;
        if (!rest) {
            class |= 63;
            continue;
        }
        class += (uint32_t)__builtin_ctzll(rest);
        *at = atom_load(&heap->head->first[class], RELAXED);
        bool is_it = block_read(heap, *at, copy) && copy->owner == HEAP_FREE && copy->size >= size;
        return is_it ? 0 : -PLAIT_EFORMAT;
    }
    return -ENOSPC;
}

/* The block keeps `size` bytes; what is left of it becomes a free one. */
static bool split(struct heap *heap, uint64_t at, const struct block *copy, uint64_t size)
{
    uint64_t rest = copy->size - size;
    if (rest < HEAP_LEAST)
        return true;
    write_header(heap, at + size, rest, size, HEAP_FREE);
    set_before(heap, at + copy->size, rest);
    set(heap, &block_of(heap, at)->size, size);
    return insert(heap, at + size, rest);
}

int heap_alloc(struct heap *heap, uint64_t size, uint64_t owner, uint64_t *at)
{
    struct block copy;
    size = (size + HEAP_HEADER + HEAP_STEP - 1) / HEAP_STEP * HEAP_STEP;
    size = size < HEAP_LEAST ? HEAP_LEAST : size;
    int rc = size > heap->log.size ? -ENOSPC : find(heap, size, at, &copy);
    if (rc < 0)
        return rc;
    if (!remove_block(heap, *at, &copy) || !split(heap, *at, &copy, size))
        return damaged(heap);
    set(heap, &block_of(heap, *at)->owner, owner);
    return changed(heap);
}

/* Takes the free neighbours in; *at and *size become those of the whole. */
static bool merge(struct heap *heap, uint64_t *at, uint64_t *size, uint64_t before)
{
    struct block beside;
    uint64_t behind = *at + *size;
    if (behind < heap->top) {
        if (!block_read(heap, behind, &beside) || beside.before != *size)
            return false;
        if (beside.owner == HEAP_FREE) {
            if (!remove_block(heap, behind, &beside))
                return false;
            *size += beside.size;
        }
    }
    if (!before)
        return true;
    if (!block_read(heap, *at - before, &beside) || beside.size != before)
        return false;
    if (beside.owner != HEAP_FREE)
        return true;
    *at -= before;
    *size += before;
    return remove_block(heap, *at, &beside);
}

/* Without the end of the change, so that a slot can change with it. */
static bool give_back(struct heap *heap, uint64_t at, const struct block *copy)
{
    uint64_t whole = at, size = copy->size;
    if (!merge(heap, &whole, &size, copy->before))
        return false;
    set(heap, &block_of(heap, at)->owner, HEAP_FREE);
    set(heap, &block_of(heap, whole)->size, size);
    set_before(heap, whole + size, size);
    return insert(heap, whole, size);
}

int heap_owner(struct heap *heap, uint64_t at, uint64_t *owner)
{
    struct block copy;
    if (!block_read(heap, at, &copy) || copy.owner == HEAP_FREE)
        return -PLAIT_EFORMAT;
    *owner = copy.owner;
    return 0;
}

int heap_free(struct heap *heap, uint64_t at, uint64_t *slot)
{
    struct block copy;
    if (!block_read(heap, at, &copy) || copy.owner == HEAP_FREE)
        return -PLAIT_EFORMAT;
    if (slot)
        share_journal_plan(&heap->log, slot, 0);
    if (!give_back(heap, at, &copy))
        return damaged(heap);
    if (slot)
        share_journal_commit(&heap->log, slot, 0);
    return changed(heap);
}

int heap_keep(struct heap *heap, uint64_t at, uint64_t *slot, uint64_t value)
{
    share_journal_plan(&heap->log, slot, value);
    set(heap, &block_of(heap, at)->owner, HEAP_KEPT);
    share_journal_commit(&heap->log, slot, value);
    return 0;
}

int heap_extend(struct heap *heap, uint64_t top)
{
    uint64_t old = heap->top, before = atom_load(&heap->head->top_before, RELAXED);
    if (top > heap->log.size || top < old + HEAP_LEAST || top % HEAP_STEP ||
        before > old - heap->start)
        return -PLAIT_EFORMAT;
    struct block copy = {.size = top - old, .before = before};
    write_header(heap, old, copy.size, before, HEAP_KEPT);
    set(heap, &heap->head->top, top);
    heap->top = top;
    return give_back(heap, old, &copy) ? changed(heap) : damaged(heap);
}

/* Where the walk goes on when the block in front of `behind` was freed: a free one that begins
 * there must be skipped, because it becomes a part of it. */
static uint64_t skip_free(const struct heap *heap, uint64_t behind)
{
    struct block copy;
    bool is_free = block_read(heap, behind, &copy) && copy.owner == HEAP_FREE;
    return is_free ? behind + copy.size : behind;
}

int heap_reap(struct heap *heap, bool (*is_gone)(void *arg, uint64_t user), void *arg)
{
    struct block copy;
    uint64_t living = HEAP_KEPT; /* the last one asked for, since blocks of one user lie together */
    int count = 0;
    for (uint64_t at = heap->start, behind; at < heap->top; at = behind) {
        if (!block_read(heap, at, &copy))
            return -PLAIT_EFORMAT;
        behind = at + copy.size;
        if (copy.owner == HEAP_FREE || copy.owner == HEAP_KEPT || copy.owner == living)
            continue;
        if (!is_gone(arg, copy.owner)) {
            living = copy.owner;
            continue;
        }
        behind = skip_free(heap, behind);
        if (heap_free(heap, at, NULL) < 0)
            return -PLAIT_EFORMAT;
        count++;
    }
    return count;
}
