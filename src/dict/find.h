/* Finding a key in a stripe's table: open addressing, linear probing, at most four fifths in use.
 *
 * Inline, because a get is this and little else. Readers call it without the guard: so nothing it
 * reads is believed twice, and no answer before the sequence is the same as before. */
#ifndef DICT_FIND_H
#define DICT_FIND_H

#include "dict/dict.h"

#include <errno.h>

/* Where a stripe's slots lie; none: count 0. -PLAIT_EFORMAT. */
static inline int table_slots(plait_dict *dict, const struct dict_stripe *stripe,
                              struct dict_slots *slots)
{
    uint64_t table = atom_load(&stripe->table, ACQUIRE), order = table & (DICT_CHUNK - 1);
    *slots = (struct dict_slots){NULL, 0};
    if (unlikely(table == 0))
        return 0;
    if (unlikely(order >= DICT_ORDERS))
        return -PLAIT_EFORMAT;
    size_t bytes = (size_t)DICT_CHUNK << order;
    char *chunk = dict_at(dict, table - order, bytes);
    if (unlikely(!chunk))
        return -PLAIT_EFORMAT;
    slots->slot = (uint32_t *)(void *)(chunk + sizeof(struct dict_chunk));
    slots->count = (bytes - sizeof(struct dict_chunk)) / sizeof(uint32_t);
    return 0;
}

static inline uint64_t table_home(uint64_t hash, uint64_t count)
{
    return (uint64_t)(uint32_t)hash * count >> 32; /* no overflow, since count is below 2^32 */
}

/* Copies what a slot names, and checks that it lies inside; its class is for who changes it to
 * check. */
static inline int table_entry(plait_dict *dict, uint32_t slot, struct dict_entry *entry)
{
    uint64_t offset = (slot & ((UINT64_C(1) << dict->shift) - 1)) << 4;
    struct dict_block *block = dict_at(dict, offset, sizeof *block);
    if (unlikely(!block))
        return -PLAIT_EFORMAT;
    __builtin_prefetch(block +
                       4); /* the next line, since where the value begins is not known yet */
    uint64_t sizes = atom_load(&block->sizes, ACQUIRE), value = sizes >> 32;
    uint64_t key = words_round(sizes & DICT_KEY_MOST);
    if (unlikely(!dict_at(dict, offset, sizeof *block + key + words_round(value))))
        return -PLAIT_EFORMAT;
    entry->block = block;
    entry->sizes = sizes;
    entry->value_size = value;
    entry->value = block->words + key / 8;
    return 0;
}

static inline bool table_is_key(const struct dict_entry *entry, const struct dict_key *key)
{
    return (entry->sizes & DICT_KEY_MOST) == key->size &&
           words_match(entry->block->words, key->bytes, key->size);
}

/* The first slot that is not in use, so that deleted ones are used again. */
static inline void table_note_place(struct dict_entry *entry, uint32_t *slot, uint32_t seen)
{
    if (entry->slot)
        return;
    entry->slot = slot;
    entry->was = seen;
}

/* 0: entry->slot and entry->block; -ENOENT: entry->slot is where it belongs; -PLAIT_EFORMAT. */
static inline int table_find(plait_dict *dict, const struct dict_stripe *stripe,
                             const struct dict_key *key, struct dict_entry *entry)
{
    struct dict_slots slots;
    int rc = table_slots(dict, stripe, &slots);
    entry->slot = NULL;
    entry->block = NULL;
    if (unlikely(rc != 0 || !slots.count))
        return rc ? rc : -ENOENT;
    uint64_t tag = dict_slot(dict, key->hash, 0), at = table_home(key->hash, slots.count);
    for (uint64_t left = slots.count; left > 0; left--) {
        uint32_t *slot = &slots.slot[at], seen = atom_load(slot, ACQUIRE);
        if (seen <= DICT_DELETED) {
            table_note_place(entry, slot, seen);
            if (seen == DICT_EMPTY) {
                entry->block = NULL;
                return -ENOENT;
            }
        } else if ((seen ^ tag) >> dict->shift == 0) {
            rc = table_entry(dict, seen, entry);
            if (unlikely(rc != 0))
                return rc;
            if (likely(table_is_key(entry, key))) {
                entry->slot = slot;
                entry->was = seen;
                return 0;
            }
        }
        at = at + 1 == slots.count ? 0 : at + 1;
    }
    return -PLAIT_EFORMAT; /* since ours always has an empty one */
}

/* Are these bytes inside of what is known to be there? */
static inline bool table_knows(uint64_t known, uint64_t offset, uint64_t size)
{
    return likely(offset <= known && size <= known - offset);
}

/* The key's block, if a slot names it: 0; -ENOENT: it is another one's; -ERANGE. */
static inline int table_match(plait_dict *dict, uint64_t known, uint32_t slot,
                              const struct dict_key *key, struct dict_entry *entry)
{
    uint64_t offset = (slot & ((UINT64_C(1) << dict->shift) - 1)) << 4;
    struct dict_block *block = (struct dict_block *)(void *)(dict->memory + offset);
    __builtin_prefetch(block + 4); /* as table_entry */
    if (!table_knows(known, offset, sizeof *block))
        return -ERANGE;
    uint64_t sizes = atom_load(&block->sizes, ACQUIRE), words = words_round(sizes & DICT_KEY_MOST);
    if (!table_knows(known, offset, sizeof *block + words + words_round(sizes >> 32)))
        return -ERANGE;
    entry->block = block;
    entry->sizes = sizes;
    entry->value_size = sizes >> 32;
    entry->value = block->words + words / 8;
    return likely(table_is_key(entry, key)) ? 0 : -ENOENT;
}

/* As table_find, for who changes nothing: without the slot, and not telling where a key belongs.
 * -ERANGE: outside of what this process knows; dict_look_again tells whether there is more. That is
 * not asked here, because a get would keep all it has at hand in memory for the sake of the
 * call. */
static inline int table_look(plait_dict *dict, const struct dict_stripe *stripe,
                             const struct dict_key *key, struct dict_entry *entry)
{
    uint64_t known = atom_load(&dict->known, RELAXED), table = atom_load(&stripe->table, ACQUIRE);
    uint64_t order = table & (DICT_CHUNK - 1), bytes = (uint64_t)DICT_CHUNK << (order & 31);
    if (unlikely(table == 0))
        return -ENOENT;
    if (order >= DICT_ORDERS || !table_knows(known, table - order, bytes))
        return -ERANGE;
    const uint32_t *slots =
        (uint32_t *)(void *)(dict->memory + (table - order) + sizeof(struct dict_chunk));
    uint64_t count = (bytes - sizeof(struct dict_chunk)) / sizeof(uint32_t);
    uint64_t at = table_home(key->hash, count);
    uint32_t tag = dict_slot(dict, key->hash, 0);
    for (uint64_t left = count; left > 0; left--) {
        uint32_t seen = atom_load(&slots[at], ACQUIRE);
        if ((seen ^ tag) >> dict->shift == 0 && likely(seen > DICT_DELETED)) {
            int rc = table_match(dict, known, seen, key, entry);
            if (likely(rc != -ENOENT))
                return rc;
        }
        if (seen == DICT_EMPTY)
            return -ENOENT;
        at = at + 1 == count ? 0 : at + 1;
    }
    return -PLAIT_EFORMAT;
}

#endif
