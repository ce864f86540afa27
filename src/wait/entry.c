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

struct entry *entry_join(const struct wait_word *joined, struct entry_news *news)
{
    struct entry *entry = find(joined->word, true);
    if (!entry)
        return NULL;
    news->others_late = joined->all && entry->waiters && entry->seen != joined->seen;
    news->fresh = entry->waiters++ == 0 || !entry->fresh;
    *entry = (struct entry){.word = joined->word,
                            .seen = joined->seen,
                            .waiters = entry->waiters,
                            .fresh = true,
                            .owned = joined->owned,
                            .all = joined->all,
                            .looks = joined->looks,
                            .ring = entry->ring};
    return entry;
}

int entry_due(struct entry *entry, const uint32_t *word, bool woken, bool patrols)
{
    bool due = woken, all = false;
    base_spin_lock(&entries.lock);
    if (entry->waiters && entry->word == word) {
        uint32_t now = atom_load(entry->word, ACQUIRE); /* pairs with whatever released it */
        due |= now != entry->seen && entry->fresh;
        if (patrols)
            due |=
                entry->looks || !entry->fresh || (entry->owned && robust_patrol(entry->word, now));
        entry->fresh &= !due;
        all = entry->all;
    }
    base_spin_unlock(&entries.lock);
    return all && due ? INT32_MAX : due;
}

void entry_tell(const struct wait_word *joined, const struct entry_news *news)
{
    if (news->others_late)
        wait_unpark_marking(joined->word, INT32_MAX, 0, 0);
}

void entry_serve(uint32_t *word, int count)
{
    if (count && wait_unpark_marking(word, count, 0, 0) == 0)
        os_futex_wake(word, count, true);
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
        entry_serve(word, entry_due(&entries.all[i], word, false, true));
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
