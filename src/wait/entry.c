#include "wait/entry.h"
#include "os/os.h"
#include "wait/robust.h"

struct entries entries;

static bool is_free(const struct entry *entry)
{
    return !entry->waiters && !entry->ring;
}

/* Written with the lock held, read without it as a hint. */
static void set_limit(uint32_t limit)
{
    atom_store(&entries.limit, limit, RELAXED);
}

void entries_trim(void)
{
    uint32_t limit = entries.limit;
    while (limit > 0 && is_free(&entries.all[limit - 1]))
        limit--;
    set_limit(limit);
}

/* With the lock held. NULL: none, or there is no room. */
static struct entry *find(uint32_t *word, bool make)
{
    struct entry *empty = NULL;
    for (uint32_t i = 0; i < entries.limit; i++) {
        struct entry *entry = &entries.all[i];
        if (!is_free(entry) && entry->word == word)
            return entry;
        if (is_free(entry) && !empty)
            empty = entry;
    }
    if (make && !empty && entries.limit < ENTRIES) {
        empty = &entries.all[entries.limit];
        set_limit(entries.limit + 1);
    }
    return make ? empty : NULL;
}

struct entry *entry_join(const struct wait_word *joined, bool *news)
{
    struct entry *entry = find(joined->word, true);
    if (!entry)
        return NULL;
    *news = entry->waiters++ == 0 || !entry->fresh;
    *entry = (struct entry){.word = joined->word,
                            .seen = joined->seen,
                            .waiters = entry->waiters,
                            .fresh = true,
                            .owned = joined->owned,
                            .ring = entry->ring};
    return entry;
}

bool entry_is_due(struct entry *entry, const uint32_t *word, bool woken, bool patrols)
{
    bool due = woken;
    base_spin_lock(&entries.lock);
    if (entry->waiters && entry->word == word) {
        uint32_t now = atom_load(entry->word, ACQUIRE); /* pairs with whatever released it */
        due |= now != entry->seen && entry->fresh;
        if (patrols)
            due |= !entry->fresh || (entry->owned && robust_patrol(entry->word, now));
        entry->fresh &= !due;
    }
    base_spin_unlock(&entries.lock);
    return due;
}

void entry_serve(uint32_t *word)
{
    if (wait_unpark_marking(word, 1, 0, 0) == 0)
        os_futex_wake(word, 1, true);
}

/* The word of entry i, or whatever it was last; NULL: no more entries. */
static uint32_t *word_at(uint32_t i)
{
    base_spin_lock(&entries.lock);
    uint32_t *word = i < entries.limit ? entries.all[i].word : NULL;
    base_spin_unlock(&entries.lock);
    return word;
}

/* Also those beyond what the kernel can wait on. */
void entries_patrol(void)
{
    uint32_t *word;
    for (uint32_t i = 0; (word = word_at(i)) != NULL; i++)
        if (entry_is_due(&entries.all[i], word, false, true))
            entry_serve(word);
}

void entry_leave(uint32_t *word)
{
    base_spin_lock(&entries.lock);
    struct entry *entry = find(word, false);
    /* A sleep that nobody needs would take others' wakes. */
    if (--entry->waiters == 0 && entry->ring)
        os_ring_cancel(entry->ring, (uint64_t)(entry - entries.all) + 1);
    entries_trim();
    base_spin_unlock(&entries.lock);
}

void entry_pass(uint32_t *word)
{
    base_spin_lock(&entries.lock);
    struct entry *entry = find(word, false);
    bool owes = entry && entry->waiters && !entry->fresh;
    base_spin_unlock(&entries.lock);
    if (owes)
        wait_unpark_marking(word, 1, 0, 0);
}
