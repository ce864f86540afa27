#include "plan.h"

#include <errno.h>
#include <stdlib.h>

enum { PIECE = 4 << 20, SLOTS_LEAST = 4096, SLOTS_MOST = 4 << 20, TEXT_LEAST = 64 << 10 };
static const uint64_t MEMORY_MOST = UINT64_C(1) << 30; /* for the tables of all workers */

static uint64_t pieces_of(uint64_t size)
{
    return size <= PIECE ? 1 : (size + PIECE - 1) / PIECE;
}

/* The last piece of each file goes on to its end, because the file may have grown since the
 * walk. */
static int cut(struct plan *plan)
{
    const struct walk *walk = plan->walk;
    uint64_t count = 0;
    for (size_t i = 0; i < walk->file_count; i++)
        count += pieces_of(walk->files[i].size);
    plan->pieces = malloc((count ? count : 1) * sizeof *plan->pieces);
    if (!plan->pieces)
        return -ENOMEM;
    for (size_t i = 0; i < walk->file_count; i++) {
        uint64_t last = pieces_of(walk->files[i].size) - 1;
        for (uint64_t p = 0; p <= last; p++)
            plan->pieces[plan->piece_count++] =
                (struct plan_piece){i, p * PIECE, p < last ? (p + 1) * PIECE : COUNT_TO_END};
    }
    return 0;
}

static uint64_t power_of_two(uint64_t least)
{
    uint64_t power = SLOTS_LEAST;
    while (power < least && power < SLOTS_MOST)
        power *= 2;
    return power;
}

static int add_table(struct plan *plan, uint64_t slots, uint64_t text)
{
    void *memory = plait_share(table_size(slots, text));
    if (!memory)
        return -ENOMEM;
    plan->tables[plan->tables_made++] = table_init(memory, slots, text);
    return 0;
}

int plan_make(struct plan *plan, const struct walk *walk)
{
    *plan = (struct plan){.walk = walk, .deadline = PLAIT_NEVER};
    plan->shared = plait_share(sizeof *plan->shared);
    plan->errors = calloc(walk->file_count + 1, sizeof *plan->errors);
    if (!plan->shared || !plan->errors || cut(plan) < 0)
        return -ENOMEM;
    uint64_t slots = power_of_two(walk->bytes / 4), text = walk->bytes + TEXT_LEAST;
    if (text > slots * sizeof(struct table_slot))
        text = slots * sizeof(struct table_slot);
    return add_table(plan, slots, text < TEXT_LEAST ? TEXT_LEAST : text);
}

/* As large as the first table has become, because no worker meets more words than that one did
 * alone; where it was stopped, or files change, a table forgets some. */
int plan_add_tables(struct plan *plan, int count)
{
    const struct table *first = plan->tables[0];
    uint64_t slots = power_of_two(first->used * 2 + 2), text = first->text_used + TEXT_LEAST;
    int error = 0;
    for (; slots > SLOTS_LEAST && table_size(slots, text) * count > MEMORY_MOST; slots /= 2)
        text = text / 2 + TEXT_LEAST / 2;
    while (!error && plan->tables_made < count)
        error = add_table(plan, slots, text);
    return error;
}

void plan_free(struct plan *plan)
{
    for (int i = 0; i < plan->tables_made; i++)
        plait_share_free(plan->tables[i]);
    plait_share_free(plan->shared);
    free(plan->errors);
    free(plan->pieces);
    *plan = (struct plan){0};
}
