/* Is everything in a dictionary's memory owned once? For after kills, when nobody uses it.
 *
 * Each chunk is the pool's, a table, an entry or holds blocks of its stripe; each block is an
 * entry's or on one free list; no journal is open, nothing is on its way. */
#ifndef TESTS_DICT_VERIFY_H
#define TESTS_DICT_VERIFY_H

#include "dict/find.h"

#include <stdio.h>
#include <stdlib.h>

enum { VERIFY_UNIT = 16, VERIFY_WASTE = 128 /* of a chunk, behind its last block */ };

struct verify {
    plait_dict *dict;
    unsigned char *marks; /* of each 16 bytes */
    const char *fault;
};

static inline bool verify_that(struct verify *verify, bool holds, const char *fault)
{
    if (!holds && !verify->fault)
        verify->fault = fault;
    return holds;
}

/* These bytes have an owner now. */
static inline bool verify_mark(struct verify *verify, uint64_t offset, uint64_t size)
{
    uint64_t top = dict_head(verify->dict)->pool.top;
    if (!verify_that(verify, offset % VERIFY_UNIT == 0 && offset + size <= top, "outside"))
        return false;
    for (uint64_t i = 0; i < size / VERIFY_UNIT; i++)
        verify_that(verify, !verify->marks[offset / VERIFY_UNIT + i]++, "owned twice");
    return !verify->fault;
}

static inline struct dict_chunk *verify_chunk(struct verify *verify, uint64_t offset)
{
    return (struct dict_chunk *)(void *)(verify->dict->memory + offset);
}

static inline void verify_whole_chunk(struct verify *verify, uint64_t offset, uint64_t owner,
                                      uint64_t order)
{
    struct dict_chunk *chunk = verify_chunk(verify, offset);
    if (verify_mark(verify, offset, (uint64_t)DICT_CHUNK << order))
        verify_that(verify, chunk->owner == owner && chunk->order == order, "another's chunk");
}

static inline void verify_pool(struct verify *verify)
{
    struct dict_pool *pool = &dict_head(verify->dict)->pool;
    verify_that(verify, pool->journal[0] == 0 && pool->guard.lock.own[1] == 0x100000000,
                "the pool is busy");
    for (unsigned order = 0; order < DICT_ORDERS; order++)
        for (uint64_t at = pool->free[order]; at && !verify->fault;
             at = verify_chunk(verify, at)->next)
            verify_whole_chunk(verify, at, 0, order);
}

struct verify_entries {
    struct verify *verify;
    uint64_t owner, count, bytes;
};

static inline int verify_entry(const struct dict_entry *entry, void *arg)
{
    struct verify_entries *all = arg;
    struct verify *verify = all->verify;
    unsigned class = entry->sizes >> 24 & 0xff;
    uint64_t offset = (uint64_t)((char *)entry->block - verify->dict->memory);
    if (class < DICT_CHUNK_CLASS)
        verify_mark(verify, offset, block_size(class));
    else
        verify_whole_chunk(verify, offset - sizeof(struct dict_chunk), all->owner,
                           class - DICT_CHUNK_CLASS);
    all->count++;
    all->bytes += words_round(entry->sizes & DICT_KEY_MOST) + words_round(entry->value_size);
    return verify->fault != NULL;
}

static inline void verify_free_blocks(struct verify *verify, const struct dict_stripe *stripe)
{
    for (unsigned class = 0; class < DICT_CLASSES; class ++)
        for (uint64_t at = stripe->free[class]; at && !verify->fault;
             at = ((struct dict_block *)(void *)(verify->dict->memory + at))->hash)
            verify_mark(verify, at, block_size(class));
}

static inline void verify_stripe(struct verify *verify, unsigned number)
{
    struct dict_stripe *stripe = dict_stripe(verify->dict, number);
    struct verify_entries all = {verify, number + 1, 0, 0};
    uint64_t table = stripe->table;
    verify_that(verify, stripe->journal[0] == 0 && !stripe->taking && !stripe->giving,
                "a stripe's change is open");
    verify_that(verify, (stripe->guard.sequence & 1) == 0, "a sequence is odd");
    if (table)
        verify_whole_chunk(verify, table & ~(uint64_t)(DICT_CHUNK - 1), number + 1,
                           table & (DICT_CHUNK - 1));
    verify_that(verify, table_visit(verify->dict, stripe, verify_entry, &all) == 0, "an entry");
    verify_free_blocks(verify, stripe);
    if (stripe->fresh != stripe->fresh_end)
        verify_mark(verify, stripe->fresh, stripe->fresh_end - stripe->fresh);
    verify_that(verify, all.count == stripe->count, "a count is wrong");
    verify_that(verify, all.bytes == stripe->bytes, "the bytes are wrong");
}

/* What nobody has marked: heads of chunks that hold blocks, and their wasted ends. */
static inline void verify_rest(struct verify *verify)
{
    uint64_t at = DICT_HEAD + DICT_STRIPES * sizeof(struct dict_stripe);
    while (at < dict_head(verify->dict)->pool.top && !verify->fault) {
        struct dict_chunk *chunk = verify_chunk(verify, at);
        uint64_t size = (uint64_t)DICT_CHUNK << chunk->order, free = 0;
        for (uint64_t i = 0; i < size / VERIFY_UNIT; i++)
            free += !verify->marks[at / VERIFY_UNIT + i];
        verify_that(verify, free == 0 || chunk->owner, "a chunk is lost");
        verify_that(verify, free * VERIFY_UNIT <= VERIFY_WASTE, "a block is lost");
        at += size;
    }
}

/* The pool is repaired by its next user only. */
static inline void verify_mend_pool(struct verify *verify)
{
    struct dict_change change;
    uint64_t offset;
    if (change_begin(&change, verify->dict, 0, NULL) == 0)
        change_end(&change, chunk_take(&change, 0, &offset) == 0 ? -ECANCELED : 0);
}

/* NULL, or what is wrong. */
static inline const char *dict_verify(plait_dict *dict)
{
    struct verify verify = {dict, NULL, NULL};
    verify_mend_pool(&verify);
    verify.marks = calloc(1, dict_head(dict)->pool.top / VERIFY_UNIT + 1);
    dict_look_again(dict, 0, 0);
    verify_pool(&verify);
    for (unsigned i = 0; i < DICT_STRIPES && !verify.fault; i++)
        verify_stripe(&verify, i);
    if (!verify.fault)
        verify_rest(&verify);
    free(verify.marks);
    return verify.fault;
}

#endif
