/* The blocks of a segment: boundary tags and free lists by size, under one shared lock, changed by
 * an undo journal. docs/shared-memory.md, "The allocator".
 *
 * A block, in the segment:
 *   size    bytes, header included, a multiple of 32
 *   before  size of the block in front of it, 0: it is the first
 *   owner   HEAP_FREE, HEAP_KEPT (the structure's), else the number of the user that allocated it
 *   check   tells a block from anything else
 *   next, previous   offsets in its free list, while it is free
 * Each block is owned by exactly one of the three at any instruction: owner changes in the same
 * journaled step as all that hangs on it.
 *
 * All offsets are from the area's memory on. Whatever is read is copied once and checked; what
 * makes no sense is -PLAIT_EFORMAT, and the change under way is undone. */
#ifndef SEGMENT_HEAP_H
#define SEGMENT_HEAP_H

#include "share/journal.h"
#include "wait/robust.h"

enum { HEAP_FREE = 0, HEAP_KEPT = 1 };
enum { HEAP_HEADER = 32, HEAP_LEAST = 64, HEAP_STEP = 32, HEAP_CLASSES = 192, HEAP_SAVED = 48 };

/* At the beginning of the area. */
struct heap_head {
    struct robust_word lock;
    uint64_t top;        /* end of the last block; 0: there was none yet */
    uint64_t top_before; /* size of the last block: `before` of what will begin at top */
    uint64_t map[HEAP_CLASSES / 64]; /* bit c: class c has a block */
    uint64_t first[HEAP_CLASSES];    /* offset of each class' first free block, 0: none */
    union {
        struct share_journal journal;
        char journal_room[SHARE_JOURNAL_SIZE(HEAP_SAVED)];
    };
};

/* A process' view, while it holds the lock. */
struct heap {
    struct heap_head *head;
    struct share_log log; /* base and size: the area's */
    uint64_t start;       /* of the first block */
    uint64_t top;         /* read once */
};
/* Reads and checks top, once, since a peer may write it meanwhile; -PLAIT_EFORMAT. With the lock,
 * before everything else. */
int heap_begin(struct heap *heap);

/* All: 0 or -PLAIT_EFORMAT, and then nothing has changed, because the journal takes it back. */
/* A block of `size` bytes in all, rounded up; -ENOSPC. */
int heap_alloc(struct heap *heap, uint64_t size, uint64_t owner, uint64_t *at);
/* The block's owner changes and *slot (NULL: none) with it. */
int heap_keep(struct heap *heap, uint64_t at, uint64_t *slot, uint64_t value);
int heap_free(struct heap *heap, uint64_t at, uint64_t *slot);
/* The owner of the block that begins at `at`; -PLAIT_EFORMAT: none does, or it is free. */
int heap_owner(struct heap *heap, uint64_t at, uint64_t *owner);
/* The area has grown: blocks up to `top`. */
int heap_extend(struct heap *heap, uint64_t top);
/* Frees what belongs to users that are gone; how many blocks. */
int heap_reap(struct heap *heap, bool (*is_gone)(void *arg, uint64_t user), void *arg);
/* Every block has one owner, every index is in range, lists and map agree, the journal is empty. */
struct heap_count {
    uint32_t kept, owned, free; /* blocks */
};
int heap_verify(struct heap *heap, struct heap_count *count);

#endif
