/* The dictionary's memory, and what its parts ask of each other.
 *
 *     head     what it is; the pool's guard, words and journal
 *     stripes  64, by the hash's highest bits: each a guard, words and a journal of its own
 *     chunks   handed out by the pool to the stripes: tables of slots, blocks for entries
 *
 * All lies in one area (share/area.h), private or shared: the same code, the same layout. Every
 * link is an offset from the area's start, checked before each use (dict_at): a peer that writes
 * nonsense makes calls fail with -PLAIT_EFORMAT, not read elsewhere.
 *
 * Problem: readers outnumber writers, and a lock for each get would cost more than the get. Obvious
 * idea: one lock for all writers and atomics for readers; but then a slow writer holds up all
 * others, and a dead one everybody. So 64 stripes that share nothing but the pool, and in each
 * readers that take no lock: they read between two looks at the guard's sequence.
 *
 * Why not a table of entries in place, as unsafe ones have? Entries of any size do not fit into
 * slots of one. A slot with some bits of the hash makes a search read one block, the
 * right one, nearly always; and a table twice as large is made beside the old one and put in its
 * place by one journaled change.
 *
 * A stripe's change (journal: share/journal.h):
 *   1. take the guard; told of a death, repair (below)
 *   2. find the entry's slot and block
 *   3. make the sequence odd
 *   4. journaled: take a free block, write the entry into it, put it into the slot, give the old
 *      block back, count. A value that fits where the old one lies is journaled in its place
 *   5. commit
 *   6. make the sequence even
 *   7. a chunk that is not needed any more goes back to the pool (`giving`)
 *   8. give the guard back
 * A number is added by one store of 4 or 8 bytes, which needs no 3 to 7.
 * A chunk changes hands between pool and stripe under the pool's guard, inside of the stripe's:
 *   4a. `taking` = chunk, not journaled, before the pool's commit makes the stripe its owner
 *   4b. `taking` = 0, journaled with the stripe's use of the chunk
 *   7a. `giving` = chunk is journaled in 4; the pool's change takes the owner off
 *   7b. `giving` = 0
 * Repair, killed in it the next one does it again: undo the journal; a chunk in `taking` or
 * `giving` that the stripe owns goes back to the pool; sequence even; mended. */
#ifndef DICT_DICT_H
#define DICT_DICT_H

#include "dict/guard.h"
#include "dict/hash.h"
#include "share/area.h"
#include "share/journal.h"
#include "wait/wait.h"

#include <plait/dict.h>
#include <plait/error.h>

/* Blocks: sizes 32, 48 .. 128, then four steps a doubling up to 512; larger entries have a chunk of
 * their own. A chunk is 1 KB << order. */
enum {
    DICT_STRIPES = 64,
    DICT_CLASSES = 15,
    DICT_BLOCK_MOST = 512,
    DICT_CHUNK = 1024,
    DICT_ORDERS = 31,
    DICT_HEAD = 4096, /* bytes before the stripes */
    DICT_WORDS = 31,  /* that one change may journal */
    DICT_JOURNAL = 64
};
#define DICT_KEY_MOST ((size_t)0xffffff)     /* 24 bits of an entry's sizes */
#define DICT_VALUE_MOST ((size_t)0xffffffff) /* 32 bits */

/* The pool: chunks that no stripe owns. Its words must be changed by its guard's holder only. */
struct dict_pool {
    struct guard guard;
    uint64_t top;                   /* bytes handed out so far, of all memory */
    uint64_t free[DICT_ORDERS];     /* first free chunk of each order; 0: none */
    uint64_t journal[DICT_JOURNAL]; /* struct share_journal */
};

struct dict_head {
    uint64_t magic;
    uint64_t element, seed, limit; /* written once, before anybody attaches */
    struct dict_pool pool;
};
_Static_assert(SHARE_JOURNAL_SIZE(DICT_WORDS) <= DICT_JOURNAL * 8, "it has room");
_Static_assert(sizeof(struct dict_head) <= DICT_HEAD, "the stripes lie behind");

/* Before each chunk's use, so that whoever repairs knows whose it is. */
struct dict_chunk {
    uint64_t owner; /* stripe + 1; 0: it is free, or is being handed over */
    uint64_t next;  /* free: the next free one of its order */
    uint64_t order;
    uint64_t unused; /* since blocks are aligned to 16 */
};

/* Its words are its guard's holder's; readers look at `table` between two looks at the sequence.
 *   `table`  bits 63..10 offset of the chunk with its slots, bits 7..0 the chunk's order; 0: none
 *   a slot   32 bits, so that the tables stay in the processor's cache: above `shift` bits of the
 *            hash (tag), below it the offset of the block / 16. `shift` is what the limit needs.
 *            0: empty, ends a search; 1: deleted, does not */
struct dict_stripe {
    struct guard guard;
    uint64_t table, count, used; /* used: slots that are not empty */
    uint64_t fresh, fresh_end;   /* room for blocks that were never used */
    uint64_t bytes;              /* of all keys and values, each rounded up: what a visit copies */
    uint64_t taking, giving;     /* 4a, 7a */
    uint64_t free[DICT_CLASSES]; /* first free block of each class; 0: none */
    uint64_t journal[DICT_JOURNAL]; /* struct share_journal */
};
_Static_assert(sizeof(struct dict_stripe) == 768, "guards lie at the begin of lines");

enum { DICT_EMPTY = 0, DICT_DELETED = 1 };

/* An entry's block: the key behind it, then the value, each filled up to words.
 *   `sizes`  bits 63..32 the value's, 31..24 the block's class, 23..0 the key's.
 *            Class c < DICT_CLASSES: a block of that class; 32 + order: a chunk of that order */
struct dict_block {
    uint64_t hash; /* of a free one: offset of the next free one of its class */
    uint64_t sizes;
    uint64_t words[];
};
enum { DICT_CHUNK_CLASS = 32 };

/* What this process knows of it, copied, since the head may be written over. `known` only grows:
 * bytes that may be touched. */
struct plait_dict {
    uint64_t magic;
    struct share_area *area;
    char *memory;
    size_t known, limit, element;
    uint64_t seed;
    unsigned shift; /* of slots */
    bool shared;
};

/* Plus wait_forks in a private one: so that one comparison finds a freed dict, and one of the
 * parent's in a forked child. */
#define DICT_MAGIC UINT64_C(0x706c616974646963)
#define DICT_PRIVATE UINT64_C(0x706c614974646963)

struct dict_key {
    const void *bytes;
    size_t size;
    uint64_t hash;
};

/* What was found, copied from shared memory and checked, because a second look might see other
 * words. */
struct dict_entry {
    uint32_t *slot; /* of the key, or where it belongs; NULL: no table */
    uint32_t was;   /* what the slot holds */
    struct dict_block *block;
    uint64_t sizes, value_size;
    uint64_t *value;
};

/* ---- check.c */
/* Stops the program unless `dict` can be used here. */
void dict_check_slowly(const plait_dict *dict, void *place);
static inline void dict_check(const plait_dict *dict, void *place)
{
    if (unlikely(!dict || (uintptr_t)dict % 8 || dict->magic != DICT_MAGIC))
        dict_check_slowly(dict, place);
}
void dict_check_size_slowly(const plait_dict *dict, const void *value, size_t size, void *place);
static inline void dict_check_size(const plait_dict *dict, const void *value, size_t size,
                                   void *place)
{
    if (unlikely(!value || size == PLAIT_UNSIZED || (dict->element && size != dict->element)))
        dict_check_size_slowly(dict, value, size, place);
}

/* The address of these bytes; NULL: not inside. */
void *dict_look_again(plait_dict *dict, uint64_t offset, size_t size);
static inline void *dict_at(plait_dict *dict, uint64_t offset, size_t size)
{
    size_t known = atom_load(&dict->known, RELAXED);
    if (likely(offset <= known && size <= known - offset))
        return dict->memory + offset;
    return dict_look_again(dict, offset, size);
}

static inline struct dict_head *dict_head(const plait_dict *dict)
{
    return (struct dict_head *)(void *)dict->memory;
}

static inline struct dict_stripe *dict_stripe(const plait_dict *dict, unsigned number)
{
    return (struct dict_stripe *)(void *)(dict->memory + DICT_HEAD) + number;
}

static inline unsigned dict_stripe_of(uint64_t hash)
{
    return (unsigned)(hash >> 58);
}

/* A slot that names this block, or block 0. */
static inline uint32_t dict_slot(const plait_dict *dict, uint64_t hash, uint64_t offset)
{
    return (uint32_t)(hash >> 32 << dict->shift) | (uint32_t)(offset >> 4);
}

/* What a change is written down in. Its count is private, because a peer may write any into the
 * shared one. */
static inline struct share_log dict_log(plait_dict *dict, uint64_t *journal)
{
    return (struct share_log){.journal = (struct share_journal *)(void *)journal,
                              .most = DICT_WORDS,
                              .base = dict->memory,
                              .size = atom_load(&dict->known, RELAXED)};
}
/* Undoes what a dead holder, or this one, has begun: 0, -PLAIT_EFORMAT. */
int dict_undo(plait_dict *dict, uint64_t *journal);

/* ---- one stripe's change, steps 1 to 8 (change.c) */
struct dict_change {
    plait_dict *dict;
    struct dict_stripe *stripe;
    unsigned number;
    void *place;
    struct share_log log;
};
/* Step 1: 0, -ENOLCK, -PLAIT_EFORMAT. */
int change_begin(struct dict_change *change, plait_dict *dict, unsigned stripe, void *place);
/* Step 3. */
static inline void change_open(struct dict_change *change)
{
    guard_change(&change->stripe->guard);
}
static inline void change_set(struct dict_change *change, uint64_t *word, uint64_t value)
{
    share_journal_set(&change->log, word, value);
}
/* Half of a word, since the journal keeps whole ones. */
static inline void change_set_slot(struct dict_change *change, uint32_t *slot, uint32_t value)
{
    uint64_t *word = (uint64_t *)((uintptr_t)slot & ~(uintptr_t)7), both = atom_load(word, RELAXED);
    memcpy((char *)&both + ((uintptr_t)slot & 7), &value, sizeof value);
    change_set(change, word, both);
}
/* Steps 5 to 8 for rc 0; else everything is undone. Returns rc. */
int change_end(struct dict_change *change, int rc);

/* ---- chunks (chunk.c) */
int chunk_take(struct dict_change *change, unsigned order, uint64_t *offset); /* 4a */
/* The chunk in `word` goes back unless the pool has it: `taking` after a death, or `giving` (7). */
int chunk_give(struct dict_change *change, uint64_t *word);

/* ---- blocks (block.c) */
/* A block for an entry with keys and values of these sizes: its offset and its class. Journaled. */
int block_take(struct dict_change *change, uint64_t size, uint64_t *offset, unsigned *class);
void block_give(struct dict_change *change, struct dict_block *block, unsigned class);
size_t block_size(unsigned class); /* bytes of a block; 0: no class */

/* ---- slots (table.c; finding one: find.h) */
/* Room for one more. 1: it made a table twice as large, or one without the deleted; slots that were
 * found before are void. A change of its own, and whole. */
int table_room(struct dict_change *change);
/* Calls `each` for all entries of a stripe; not 0 ends it. The caller must have the guard. */
int table_visit(plait_dict *dict, const struct dict_stripe *stripe,
                int (*each)(const struct dict_entry *entry, void *arg), void *arg);
struct dict_slots {
    uint32_t *slot;
    uint64_t count;
};

#endif
