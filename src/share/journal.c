#include "share/journal.h"
#include "base/report.h"
#include "wait/robust.h"

#include <plait/error.h>

static __attribute__((noinline, cold)) void is_full(const struct share_log *log, const void *at,
                                                    void *place)
{
    base_misuse(at, "journal", place, "a change of more than %u words", log->most);
}

static inline void save_word(struct share_saved *saved, uint64_t offset, const uint64_t *word)
{
    atom_store(&saved->offset, offset, RELAXED);
    atom_store(&saved->old, atom_load(word, RELAXED), RELAXED);
}

/* Step 2, of all that was saved. */
static inline void count_saved(struct share_log *log, size_t words)
{
    log->count += (uint32_t)words;
    atom_store(&log->journal->count, log->count, RELEASE); /* pairs with the acquire of undo */
    robust_in_order(); /* a word that is changed before it counts as saved would stay changed */
}

void share_journal_save(struct share_log *log, const void *at, size_t size)
{
    const uint64_t *word = at;
    size_t words = size / sizeof *word;
    if (unlikely(words > log->most - log->count))
        is_full(log, at, __builtin_return_address(0));
    struct share_saved *saved = &log->journal->saved[log->count];
    uint64_t offset = (uint64_t)((const char *)at - log->base);
    for (size_t i = 0; i < words; i++, offset += sizeof *word)
        save_word(&saved[i], offset, &word[i]);
    count_saved(log, words);
}

void share_journal_set(struct share_log *log, uint64_t *word, uint64_t value)
{
    if (unlikely(log->count >= log->most))
        is_full(log, word, __builtin_return_address(0));
    save_word(&log->journal->saved[log->count], (uint64_t)((const char *)word - log->base), word);
    count_saved(log, 1);
    atom_store(word, value, RELEASE); /* also for readers with a sequence: it is odd before this */
}

void share_journal_done(struct share_log *log)
{
    log->count = 0;
    atom_store(&log->journal->count, 0, RELEASE);
}

void share_journal_plan(struct share_log *log, const uint64_t *word, uint64_t value)
{
    struct share_saved *saved = &log->journal->saved[0];
    atom_store(&saved->offset, (uint64_t)((const char *)word - log->base) | SHARE_COMMIT, RELAXED);
    atom_store(&saved->old, value, RELAXED);
    log->count = 1;
    atom_store(&log->journal->count, 1, RELEASE);
    robust_in_order();
}

void share_journal_commit(struct share_log *log, uint64_t *word, uint64_t value)
{
    robust_in_order(); /* all the other words come before it */
    atom_store(word, value, RELEASE);
    robust_in_order();
    share_journal_done(log);
}

static bool is_inside(const struct share_log *log, uint64_t offset)
{
    return offset % sizeof(uint64_t) == 0 && log->size >= sizeof(uint64_t) &&
           offset <= log->size - sizeof(uint64_t);
}

/* The first word that is to be written back: 1 behind a plan. *committed: its word has changed. */
static uint64_t first_saved(const struct share_log *log, uint64_t count, bool *committed)
{
    const struct share_saved *saved = &log->journal->saved[0];
    uint64_t offset = count ? atom_load(&saved->offset, RELAXED) : 0;
    *committed = false;
    if (!(offset & SHARE_COMMIT))
        return 0;
    offset &= ~SHARE_COMMIT;
    *committed = is_inside(log, offset) && atom_load((uint64_t *)(log->base + offset), RELAXED) ==
                                               atom_load(&saved->old, RELAXED);
    return 1;
}

int share_journal_undo(struct share_log *log)
{
    uint64_t count = atom_load(&log->journal->count, ACQUIRE);
    bool committed;
    log->count = 0;
    if (count > log->most)
        return -PLAIT_EFORMAT;
    uint64_t first = first_saved(log, count, &committed);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t mark = i < first ? SHARE_COMMIT : 0; /* a plan's target must lie inside, too */
        if (!is_inside(log, atom_load(&log->journal->saved[i].offset, RELAXED) & ~mark))
            return -PLAIT_EFORMAT;
    }
    for (uint64_t i = count; i-- > first && !committed;) {
        uint64_t offset = atom_load(&log->journal->saved[i].offset, RELAXED);
        if (is_inside(log, offset)) /* still: a peer may have changed it since the look above */
            atom_store((uint64_t *)(log->base + offset),
                       atom_load(&log->journal->saved[i].old, RELAXED), RELAXED);
    }
    share_journal_done(log);
    return committed ? 0 : (int)(count - first);
}
