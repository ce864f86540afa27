/* Open addressing with linear probing, at most half full, so that a miss ends after two or three
 * slots of one or two cache lines. It begins small and doubles inside its block, because a table
 * spread over many pages costs a TLB miss per word.
 *
 * A full block forgets its rarest words (lossy counting: Manku, Motwani 2002) instead of growing
 * without bound: random bytes are nearly all new words. `lost` says by how much any count may
 * then be short. */
#include "table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest of a load");

enum { FIRST_SLOTS = 4096 };

static inline uint64_t load(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* The `length` (0 .. 7) bytes at `bytes`, zeroes above them. */
static inline uint64_t load_part(const uint8_t *bytes, size_t length)
{
    return load(bytes) & ~(~UINT64_C(0) << (8 * length));
}

static inline uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

static inline void describe(struct table_slot *slot, const uint8_t *word, size_t length)
{
    size_t done = 0;
    uint64_t hash = length;
    for (; length - done >= 8; done += 8)
        hash = mix(hash, load(word + done));
    if (done < length)
        hash = mix(hash, load_part(word + done, length - done));
    slot->head = length < TABLE_HEAD ? load_part(word, length) : load(word);
    slot->length = length;
    slot->hash = hash;
}

static uint8_t *text(const struct table *table)
{
    return (uint8_t *)(table->slot + table->slots_most);
}

size_t table_size(uint64_t slots_most, uint64_t text_most)
{
    return sizeof(struct table) + slots_most * sizeof(struct table_slot) + text_most;
}

struct table *table_init(void *memory, uint64_t slots_most, uint64_t text_most)
{
    struct table *table = memory;
    *table = (struct table){.slots_most = slots_most, .text_most = text_most};
    table_clear(table);
    return table;
}

void table_clear(struct table *table)
{
    table->slots = table->slots_most < FIRST_SLOTS ? table->slots_most : FIRST_SLOTS;
    table->used = table->text_used = table->lost = 0;
    memset(table->slot, 0, table->slots * sizeof *table->slot);
}

const uint8_t *table_text(const struct table *table, const struct table_slot *slot)
{
    return slot->length > TABLE_HEAD ? text(table) + slot->text : (const uint8_t *)&slot->head;
}

/* The slot of a word, or the free one where it would lie: there is one, since half are free. `word`
 * is read only when it is longer than its head. */
static inline struct table_slot *seek(const struct table *table, const struct table_slot *wanted,
                                      const uint8_t *word)
{
    uint64_t mask = table->slots - 1;
    for (uint64_t at = wanted->hash & mask;; at = (at + 1) & mask) {
        const struct table_slot *slot = &table->slot[at];
        if (!slot->count)
            return (struct table_slot *)slot;
        if (slot->head == wanted->head && slot->hash == wanted->hash &&
            slot->length == wanted->length &&
            (slot->length <= TABLE_HEAD || !memcmp(text(table) + slot->text, word, slot->length)))
            return (struct table_slot *)slot;
    }
}

uint64_t table_find(const struct table *table, const struct table *other,
                    const struct table_slot *slot)
{
    return seek(table, slot, table_text(other, slot))->count;
}

static int by_text(const void *a, const void *b)
{
    uint64_t left = ((const struct table_slot *)a)->text,
             right = ((const struct table_slot *)b)->text;
    return (left > right) - (left < right);
}

/* Moves the kept words together at the front of the text; in rising order, so that none is
 * written over. */
static void pack_text(struct table *table, struct table_slot *kept, uint64_t count)
{
    if (count)
        qsort(kept, count, sizeof *kept, by_text);
    uint64_t used = 0;
    for (uint64_t i = 0; i < count; i++)
        if (kept[i].length > TABLE_HEAD) {
            memmove(text(table) + used, text(table) + kept[i].text, kept[i].length);
            kept[i].text = used;
            used += kept[i].length;
        }
    table->text_used = used;
}

/* Lays the words out anew over `slots` slots, without those seen at most `drop` times. In a
 * copy, because their new places may hold others; where there is no memory for it, all are
 * dropped: the tally stays right, and `lost` says that the list of words is not. */
static void rebuild(struct table *table, uint64_t slots, uint64_t drop)
{
    struct table_slot *kept = malloc(table->used * sizeof *kept);
    uint64_t count = 0, most = drop;
    for (uint64_t i = 0; i < table->slots; i++) {
        const struct table_slot *slot = &table->slot[i];
        if (kept && slot->count > drop)
            kept[count++] = *slot;
        else if (slot->count > most)
            most = slot->count;
    }
    table->lost += most;
    table->slots = slots;
    table->used = count;
    if (drop || !kept)
        pack_text(table, kept, count);
    memset(table->slot, 0, slots * sizeof *table->slot);
    for (uint64_t i = 0; i < count; i++)
        *seek(table, &kept[i], table_text(table, &kept[i])) = kept[i];
    free(kept);
}

static bool is_full(const struct table *table, size_t length)
{
    return table->used >= table->slots / 2 || table->text_used + length > table->text_most;
}

/* Room for one more word: twice the slots while the block has them, then by forgetting, each
 * time more, until half is free. */
static void make_room(struct table *table, size_t length)
{
    if (table->used >= table->slots / 2 && table->slots < table->slots_most)
        rebuild(table, table->slots * 2, 0);
    if (!is_full(table, length))
        return;
    uint64_t drop = 1;
    do {
        rebuild(table, table->slots, drop);
        drop *= 2;
    } while (table->used > table->slots / 4 || table->text_used > table->text_most / 2);
}

static void insert(struct table *table, struct table_slot *wanted, const uint8_t *word)
{
    if (is_full(table, wanted->length))
        make_room(table, wanted->length);
    if (wanted->length > TABLE_HEAD) {
        wanted->text = table->text_used;
        memcpy(text(table) + wanted->text, word, wanted->length);
        table->text_used += wanted->length;
    }
    wanted->count = 1;
    *seek(table, wanted, word) = *wanted;
    table->used++;
}

void table_add(struct table *table, const uint8_t *word, size_t length)
{
    struct table_slot wanted = {.length = 0};
    describe(&wanted, word, length);
    struct table_slot *slot = seek(table, &wanted, word);
    if (slot->count)
        slot->count++;
    else
        insert(table, &wanted, word);
}
