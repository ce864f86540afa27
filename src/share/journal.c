#include "share/journal.h"
#include "base/report.h"
#include "wait/robust.h"

#include <plait/error.h>

void share_journal_save(struct share_log *log, const void *at, size_t size)
{
    const uint64_t *word = at;
    size_t words = size / sizeof *word;
    if (words > log->most - log->count)
        base_misuse(at, "journal", __builtin_return_address(0), "a change of more than %u words",
                    log->most);
    for (size_t i = 0; i < words; i++) {
        struct share_saved *saved = &log->journal->saved[log->count++];
        atom_store(&saved->offset, (uint64_t)((const char *)&word[i] - log->base), RELAXED);
        atom_store(&saved->old, atom_load(&word[i], RELAXED), RELAXED);
    }
    atom_store(&log->journal->count, log->count, RELEASE); /* pairs with the acquire of undo */
    robust_in_order(); /* a word that is changed before it counts as saved would stay changed */
}

void share_journal_set(struct share_log *log, uint64_t *word, uint64_t value)
{
    share_journal_save(log, word, sizeof *word);
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
