/* A stripe's table of slots: all of its entries, and a new table when it is full. */
#include "dict/find.h"

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

/* No journal, since the table is nobody's yet. */
static int put_into(const struct dict_entry *entry, void *arg)
{
    const struct dict_slots *to = arg;
    uint64_t at = table_home(atom_load(&entry->block->hash, RELAXED), to->count);
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
                            (((uint64_t)DICT_CHUNK << order) - sizeof(struct dict_chunk)) / 4};
    char *memory = dict_at(change->dict, chunk, (size_t)DICT_CHUNK << order);
    if (!memory)
        return -PLAIT_EFORMAT;
    to.slot = (uint32_t *)(void *)(memory + sizeof(struct dict_chunk));
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
    if (count && live * 5 >= count * 2)
        order++;
    int rc = chunk_take(change, order, &chunk);
    if (rc == 0)
        rc = fill(change, chunk, order);
    if (rc != 0)
        return rc;
    change_set(change, &stripe->taking, 0);
    change_set(change, &stripe->table, chunk | order);
    change_set(change, &stripe->used, live);
    change_set(change, &stripe->giving, old & ~(uint64_t)(DICT_CHUNK - 1));
    share_journal_done(&change->log);
    return chunk_give(change, &stripe->giving);
}

int table_room(struct dict_change *change)
{
    struct dict_slots slots;
    int rc = table_slots(change->dict, change->stripe, &slots);
    uint64_t used = atom_load(&change->stripe->used, RELAXED);
    if (rc != 0 || (slots.count && (used + 1) * 5 <= slots.count * 4))
        return rc;
    rc = rebuild(change, slots.count);
    return rc == 0 ? 1 : rc;
}
