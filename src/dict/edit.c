/* An entry's change, inside of a stripe's (dict.h). */
#include "dict/edit.h"
#include "base/report.h"
#include "dict/find.h"

#include <errno.h>

/* A value of at most so many bytes is journaled where it lies; a block of four times what is needed
 * is given back. */
enum { IN_PLACE = 128, WASTE = 4 };

void edit_no_key(const plait_dict *dict, void *place)
{
    base_misuse(dict, "dict", place, "NULL is no key");
}

/* Is the block as large as its class says, and all of it inside? Otherwise it must not go onto a
 * list. */
static bool has_class(plait_dict *dict, const struct dict_entry *entry)
{
    size_t room = block_size(entry->sizes >> 24 & 0xff);
    size_t size = sizeof *entry->block + words_round(entry->sizes & DICT_KEY_MOST) +
                  words_round(entry->value_size);
    return size <= room && dict_at(dict, (uint64_t)((char *)entry->block - dict->memory), room);
}

int edit_begin(struct dict_change *change, plait_dict *dict, const struct dict_key *key,
               struct dict_entry *entry, void *place)
{
    int rc = change_begin(change, dict, dict_stripe_of(key->hash), place);
    if (unlikely(rc == -EDEADLK))
        base_misuse(dict, "dict", place, "used by the function of its own plait_dict_update");
    if (rc != 0)
        return rc;
    rc = table_find(dict, change->stripe, key, entry);
    if (rc == 0 && unlikely(!has_class(dict, entry)))
        rc = -PLAIT_EFORMAT;
    if (likely(rc == 0 || rc == -ENOENT))
        return rc;
    return change_end(change, rc);
}

static void count_bytes(struct dict_change *change, uint64_t more, uint64_t less)
{
    uint64_t *bytes = &change->stripe->bytes;
    if (more != less)
        change_set(change, bytes, atom_load(bytes, RELAXED) + more - less);
}

static bool fits(const struct dict_entry *entry, size_t key_size, size_t size)
{
    if (!entry->block || size > IN_PLACE)
        return false;
    size_t needs = sizeof *entry->block + words_round(key_size) + words_round(size);
    size_t room = block_size(entry->sizes >> 24 & 0xff);
    return needs <= room && needs * WASTE >= room;
}

static void put_in_place(struct dict_change *change, struct dict_entry *entry, const void *value,
                         size_t size)
{
    uint64_t sizes = (entry->sizes & 0xffffffff) | (uint64_t)size << 32;
    if (sizes != entry->sizes)
        change_set(change, &entry->block->sizes, sizes);
    share_journal_save(&change->log, entry->value, words_round(size));
    words_write(entry->value, value, size);
    count_bytes(change, words_round(size), words_round(entry->value_size));
}

/* The block's first word is journaled, because in a free block it is a link. */
static int fill_block(struct dict_change *change, uint64_t offset, unsigned class,
                      const struct dict_key *key, const void *value, size_t size)
{
    struct dict_block *block = dict_at(change->dict, offset, block_size(class));
    if (!block)
        return -PLAIT_EFORMAT;
    change_set(change, &block->hash, key->hash);
    atom_store(&block->sizes, (uint64_t)size << 32 | (uint64_t) class << 24 | key->size, RELEASE);
    words_write(block->words, key->bytes, key->size);
    words_write(block->words + words_round(key->size) / 8, value, size);
    return 0;
}

static int put_elsewhere(struct dict_change *change, const struct dict_key *key,
                         struct dict_entry *entry, const void *value, size_t size)
{
    struct dict_stripe *stripe = change->stripe;
    uint64_t offset, data = words_round(key->size) + words_round(size), less = 0;
    unsigned class;
    int rc = block_take(change, sizeof *entry->block + data, &offset, &class);
    if (rc == 0)
        rc = fill_block(change, offset, class, key, value, size);
    if (rc != 0)
        return rc;
    change_set_slot(change, entry->slot, dict_slot(change->dict, key->hash, offset));
    if (entry->block) {
        less = words_round(key->size) + words_round(entry->value_size);
        block_give(change, entry->block, entry->sizes >> 24 & 0xff);
    } else {
        change_set(change, &stripe->count, atom_load(&stripe->count, RELAXED) + 1);
        if (entry->was == DICT_EMPTY)
            change_set(change, &stripe->used, atom_load(&stripe->used, RELAXED) + 1);
    }
    count_bytes(change, data, less);
    return 0;
}

int edit_put(struct dict_change *change, const struct dict_key *key, struct dict_entry *entry,
             const void *value, size_t size)
{
    if (key->size > DICT_KEY_MOST || size > DICT_VALUE_MOST)
        return -EMSGSIZE;
    change_open(change);
    if (fits(entry, key->size, size)) {
        put_in_place(change, entry, value, size);
        return 0;
    }
    int rc = entry->block ? 0 : table_room(change);
    if (rc > 0)
        rc = table_find(change->dict, change->stripe, key, entry);
    if (rc == -ENOENT)
        rc = entry->slot ? 0 : -PLAIT_EFORMAT;
    return rc == 0 ? put_elsewhere(change, key, entry, value, size) : rc;
}

int edit_remove(struct dict_change *change, struct dict_entry *entry)
{
    struct dict_stripe *stripe = change->stripe;
    change_open(change);
    change_set_slot(change, entry->slot, DICT_DELETED);
    change_set(change, &stripe->count, atom_load(&stripe->count, RELAXED) - 1);
    count_bytes(change, 0,
                words_round(entry->sizes & DICT_KEY_MOST) + words_round(entry->value_size));
    block_give(change, entry->block, entry->sizes >> 24 & 0xff);
    return 0;
}
