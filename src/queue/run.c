#include "queue/run.h"
#include "os/os.h"

#include <string.h>

/* Entries ahead of a run's next one: so far they are fetched, and nearer their cells. Dozens of
 * runs are more than the processor follows by itself. */
enum { AHEAD = 16, CELL_AHEAD = 6, SHORT = 12 };

/* ---- the heap of heads */
static void head_up(struct run_head *heads, size_t i, struct run_head head, entry_compare *compare)
{
    for (; i > 0 && entry_before(compare, head.first, heads[(i - 1) / 2].first); i = (i - 1) / 2)
        heads[i] = heads[(i - 1) / 2];
    heads[i] = head;
}

static void head_down(struct run_head *heads, size_t count, struct run_head head,
                      entry_compare *compare)
{
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count)
            child += entry_before(compare, heads[child + 1].first, heads[child].first);
        if (!entry_before(compare, heads[child].first, head.first))
            break;
        heads[i] = heads[child];
    }
    heads[i] = head;
}

static struct run_head head_of(struct run *run)
{
    return (struct run_head){*run->next, run};
}

/* The lowest entry of all goes; a run that is used up too, and is returned. */
static struct run *heads_advance(struct run_head *heads, size_t *count, entry_compare *compare)
{
    struct run *run = heads[0].run;
    if (++run->next < run->end) {
        head_down(heads, *count, head_of(run), compare);
        return NULL;
    }
    if (--*count)
        head_down(heads, *count, heads[*count], compare);
    return run;
}

static bool heads_have_room(struct runs *runs)
{
    if (runs->count < runs->room)
        return true;
    size_t room = runs->room ? runs->room * 2 : 64;
    struct run_head *heads = os_alloc(room * sizeof *heads);
    if (!heads)
        return false;
    if (runs->count)
        memcpy(heads, runs->heads, runs->count * sizeof *heads);
    os_free(runs->heads);
    runs->heads = heads;
    runs->room = room;
    return true;
}

static struct run *run_new(size_t count, int level)
{
    struct run *run = os_alloc(sizeof *run + count * sizeof(struct entry));
    if (run) {
        run->level = level;
        run->next = run->entries;
        run->end = run->entries + count;
    }
    return run;
}

static void runs_insert(struct runs *runs, struct run *run, entry_compare *compare)
{
    runs->of_level[run->level]++;
    head_up(runs->heads, runs->count++, head_of(run), compare);
}

void runs_remove_first(struct runs *runs, entry_compare *compare)
{
    struct run *run = runs->heads[0].run, *over;
    __builtin_prefetch(run->next + AHEAD); /* never faults, so its end does not matter */
    if (run->next + CELL_AHEAD < run->end)
        __builtin_prefetch(run->next[CELL_AHEAD].cell, 1);
    if ((over = heads_advance(runs->heads, &runs->count, compare)) != NULL) {
        runs->of_level[over->level]--;
        os_free(over);
    }
}

/* ---- merging */
/* Moves the runs of a level to the end of the array; the others are a heap again. How many entries
 * they have left. */
static size_t level_out(struct runs *runs, int level, struct run **out, entry_compare *compare)
{
    size_t kept = 0, taken = 0, left = 0;
    for (size_t i = 0; i < runs->count; i++) {
        struct run *run = runs->heads[i].run;
        if (run->level == level && taken < RUN_WAYS) {
            left += (size_t)(run->end - run->next);
            out[taken++] = run;
        } else {
            head_up(runs->heads, kept++, head_of(run), compare);
        }
    }
    runs->count = kept;
    runs->of_level[level] -= taken;
    return left;
}

/* All that is left in the runs, in order. */
static void merge_into(struct entry *to, struct run **from, entry_compare *compare)
{
    struct run_head heads[RUN_WAYS];
    size_t count = 0;
    for (int i = 0; i < RUN_WAYS; i++)
        head_up(heads, count++, head_of(from[i]), compare);
    while (count) {
        *to++ = heads[0].first;
        os_free(heads_advance(heads, &count, compare));
    }
}

static void runs_merge(struct runs *runs, int level, entry_compare *compare)
{
    struct run *from[RUN_WAYS], *to;
    size_t most = 0;
    for (size_t i = 0; i < runs->count; i++)
        if (runs->heads[i].run->level == level)
            most += (size_t)(runs->heads[i].run->end - runs->heads[i].run->next);
    if (!(to = run_new(most, level + 1)))
        return;
    to->end = to->entries + level_out(runs, level, from, compare);
    merge_into(to->entries, from, compare);
    runs_insert(runs, to, compare);
}

/* ---- sorting: by merging, because it moves each entry a fixed number of times, whatever a compare
 * function says */
static void merge_pair(struct entry *to, const struct entry *a, const struct entry *middle,
                       const struct entry *end, entry_compare *compare)
{
    const struct entry *b = middle;
    while (a < middle && b < end) {
        bool second = entry_before(compare, *b, *a);
        *to++ = *(second ? b : a);
        a += !second;
        b += second;
    }
    memcpy(to, a, (size_t)(middle - a) * sizeof *to);
    memcpy(to + (middle - a), b, (size_t)(end - b) * sizeof *to);
}

static void sort_short(struct entry *entries, size_t count, entry_compare *compare)
{
    for (size_t i = 1; i < count; i++) {
        struct entry entry = entries[i];
        size_t at = i;
        for (; at > 0 && entry_before(compare, entry, entries[at - 1]); at--)
            entries[at] = entries[at - 1];
        entries[at] = entry;
    }
}

/* Sorted into `to`; both hold the entries, both are written. */
static void sort(struct entry *to, struct entry *from, size_t count, entry_compare *compare)
{
    if (count <= SHORT) {
        sort_short(to, count, compare);
        return;
    }
    size_t half = count / 2;
    sort(from, to, half, compare);
    sort(from + half, to + half, count - half, compare);
    merge_pair(to, from, from + half, from + count, compare);
}

bool runs_add(struct runs *runs, entry_compare *compare, struct entry *entries, size_t count)
{
    struct run *run;
    if (!heads_have_room(runs) || !(run = run_new(count, 0)))
        return false;
    memcpy(run->entries, entries, count * sizeof *entries);
    sort(run->entries, entries, count, compare);
    runs_insert(runs, run, compare);
    for (int level = 0; level + 1 < RUN_LEVELS; level++)
        if (runs->of_level[level] >= RUN_WAYS)
            runs_merge(runs, level, compare);
    return true;
}

void runs_free(struct runs *runs)
{
    for (size_t i = 0; i < runs->count; i++)
        os_free(runs->heads[i].run);
    os_free(runs->heads);
}
