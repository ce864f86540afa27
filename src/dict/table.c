/* A stripe's table of slots: open addressing, linear probing, at most three quarters in use. */
#include "dict/dict.h"

#include <errno.h>

int table_slots(plait_dict *dict, const struct dict_stripe *stripe, struct dict_slots *slots)
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
    slots->slot = (uint64_t *)(void *)(chunk + sizeof(struct dict_chunk));
    slots->count = (bytes - sizeof(struct dict_chunk)) / sizeof(uint64_t);
    return 0;
}

static uint64_t home_of(uint64_t hash, uint64_t count)
{
    return (uint64_t)(uint32_t)hash * count >> 32; /* count is below 2^32 */
}

int table_entry(plait_dict *dict, uint64_t slot, struct dict_entry *entry)
{
    uint64_t offset = (slot & DICT_BLOCK_MASK) << 4;
    struct dict_block *block = dict_at(dict, offset, sizeof *block);
    if (unlikely(!block))
        return -PLAIT_EFORMAT;
    uint64_t sizes = atom_load(&block->sizes, ACQUIRE), value = sizes >> 32;
    uint64_t key = words_round(sizes & DICT_KEY_MOST);
    size_t size = sizeof *block + key + words_round(value), room = block_size(sizes >> 24 & 0xff);
    if (unlikely(size > room || !dict_at(dict, offset, room)))
        return -PLAIT_EFORMAT;
    entry->block = block;
    entry->sizes = sizes;
    entry->value_size = value;
    entry->value = block->words + key / 8;
    return 0;
}

static bool is_key(const struct dict_entry *entry, const struct dict_key *key)
{
    return (entry->sizes & DICT_KEY_MOST) == key->size &&
           words_match(entry->block->words, key->bytes, key->size);
}

/* The first slot that is not in use is where a new entry goes. */
static void note_place(struct dict_entry *entry, uint64_t *slot, uint64_t seen)
{
    if (entry->slot)
        return;
    entry->slot = slot;
    entry->was = seen;
}

int table_find(plait_dict *dict, const struct dict_stripe *stripe, const struct dict_key *key,
               struct dict_entry *entry)
{
    struct dict_slots slots;
    int rc = table_slots(dict, stripe, &slots);
    entry->slot = NULL;
    entry->block = NULL;
    if (unlikely(rc != 0 || !slots.count))
        return rc ? rc : -ENOENT;
    uint64_t tag = dict_tag(key->hash), at = home_of(key->hash, slots.count);
    for (uint64_t left = slots.count; left > 0; left--) {
        uint64_t *slot = &slots.slot[at], seen = atom_load(slot, ACQUIRE);
        if (seen <= DICT_DELETED) {
            note_place(entry, slot, seen);
            if (seen == DICT_EMPTY) {
                entry->block = NULL;
                return -ENOENT;
            }
        } else if ((seen ^ tag) >> DICT_TAG_SHIFT == 0) {
            rc = table_entry(dict, seen, entry);
            if (unlikely(rc != 0))
                return rc;
            if (likely(is_key(entry, key))) {
                entry->slot = slot;
                entry->was = seen;
                return 0;
            }
        }
        at = at + 1 == slots.count ? 0 : at + 1;
    }
    return -PLAIT_EFORMAT; /* ours always has an empty one */
}

int table_visit(plait_dict *dict, const struct dict_stripe *stripe,
                int (*each)(const struct dict_entry *entry, void *arg), void *arg)
{
    struct dict_slots slots;
    int rc = table_slots(dict, stripe, &slots);
    for (uint64_t i = 0; i < slots.count && rc == 0; i++) {
        struct dict_entry entry = {.slot = &slots.slot[i]};
        entry.was = atom_load(entry.slot, ACQUIRE);
        if (entry.was <= DICT_DELETED)
            continue;
        rc = table_entry(dict, entry.was, &entry);
        if (rc == 0)
            rc = each(&entry, arg);
    }
    return rc;
}

/* ---- a new table */

/* It is nobody's yet, so nothing is written down. */
static int put_into(const struct dict_entry *entry, void *arg)
{
    const struct dict_slots *to = arg;
    uint64_t at = home_of(atom_load(&entry->block->hash, RELAXED), to->count);
    for (uint64_t left = to->count; left > 0; left--) {
        if (atom_load(&to->slot[at], RELAXED) == DICT_EMPTY) {
            atom_store(&to->slot[at], entry->was, RELEASE);
            return 0;
        }
        at = at + 1 == to->count ? 0 : at + 1;
    }
    return -PLAIT_EFORMAT;
}

static int fill(struct dict_change *change, uint64_t chunk, unsigned order)
{
    struct dict_slots to = {NULL,
                            (((uint64_t)DICT_CHUNK << order) - sizeof(struct dict_chunk)) / 8};
    char *memory = dict_at(change->dict, chunk, (size_t)DICT_CHUNK << order);
    if (!memory)
        return -PLAIT_EFORMAT;
    to.slot = (uint64_t *)(void *)(memory + sizeof(struct dict_chunk));
    for (uint64_t i = 0; i < to.count; i++)
        atom_store(&to.slot[i], DICT_EMPTY, RELEASE);
    return table_visit(change->dict, change->stripe, put_into, &to);
}

/* Twice as large unless it is mostly the deleted that fill it. */
static int rebuild(struct dict_change *change, uint64_t count)
{
    struct dict_stripe *stripe = change->stripe;
    uint64_t old = atom_load(&stripe->table, RELAXED), live = atom_load(&stripe->count, RELAXED);
    unsigned order = (unsigned)(old & (DICT_CHUNK - 1));
    uint64_t chunk;
    if (count && live * 8 >= count * 3)
        order++;
    int rc = pool_take(change, order, &chunk);
    if (rc == 0)
        rc = fill(change, chunk, order);
    if (rc != 0)
        return rc;
    change_set(change, &stripe->taking, 0);
    change_set(change, &stripe->table, chunk | order);
    change_set(change, &stripe->used, live);
    change_set(change, &stripe->giving, old & ~(uint64_t)(DICT_CHUNK - 1));
    share_journal_done(&change->log);
    return pool_give(change, &stripe->giving);
}

int table_room(struct dict_change *change)
{
    struct dict_slots slots;
    int rc = table_slots(change->dict, change->stripe, &slots);
    uint64_t used = atom_load(&change->stripe->used, RELAXED);
    if (rc != 0 || (slots.count && (used + 1) * 4 <= slots.count * 3))
        return rc;
    rc = rebuild(change, slots.count);
    return rc == 0 ? 1 : rc;
}
