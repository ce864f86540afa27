/* Adding up all words of all tables would cost as much as counting did. A word among the first
 * twenty of the sum must have at least a count-th of the twentieth's number in one of the
 * tables, and the sum's twentieth is not below any single table's: so few words need be looked
 * up in all tables. */
#include "top.h"

#include <stdbool.h>
#include <string.h>

static bool is_before(const struct top_word *a, const struct top_word *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);
    return order ? order < 0 : a->length < b->length;
}

static int insert(struct top_word *top, int used, struct top_word word)
{
    int at = used < TOP_MOST ? used : TOP_MOST - 1;
    if (used == TOP_MOST && !is_before(&word, &top[at]))
        return used;
    for (; at > 0 && is_before(&word, &top[at - 1]); at--)
        top[at] = top[at - 1];
    top[at] = word;
    return used < TOP_MOST ? used + 1 : used;
}

static struct top_word of_slot(const struct table *table, const struct table_slot *slot,
                               uint64_t count)
{
    return (struct top_word){table_text(table, slot), slot->length, count};
}

/* The count of a table's twentieth word; 0 when it has fewer. */
static uint64_t twentieth(const struct table *table)
{
    struct top_word top[TOP_MOST];
    int used = 0;
    for (uint64_t i = 0; i < table->slots; i++)
        if (table->slot[i].count)
            used = insert(top, used, of_slot(table, &table->slot[i], table->slot[i].count));
    return used == TOP_MOST ? top[TOP_MOST - 1].count : 0;
}

/* The word's sum over all tables; 0 when an earlier table has offered it, since none may be listed
 * twice. */
static uint64_t sum(const struct table *const *tables, int count, int from,
                    const struct table_slot *slot, uint64_t least)
{
    uint64_t total = slot->count;
    for (int i = 0; i < count; i++) {
        uint64_t there = i == from ? 0 : table_find(tables[i], tables[from], slot);
        if (i < from && there >= least)
            return 0;
        total += there;
    }
    return total;
}

int top_words(const struct table *const *tables, int count, struct top_word *top)
{
    uint64_t least = 0;
    int used = 0;
    for (int i = 0; i < count; i++) {
        uint64_t local = twentieth(tables[i]);
        least = local > least ? local : least;
    }
    least = least ? (least + count - 1) / count : 1;
    for (int i = 0; i < count; i++)
        for (uint64_t s = 0; s < tables[i]->slots; s++) {
            const struct table_slot *slot = &tables[i]->slot[s];
            uint64_t total = slot->count >= least ? sum(tables, count, i, slot, least) : 0;
            if (total)
                used = insert(top, used, of_slot(tables[i], slot, total));
        }
    return used;
}
