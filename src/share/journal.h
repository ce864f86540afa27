/* Undo journal: a change of several words in shared memory that a kill cannot leave half done.
 *
 * Under one shared lock of the noun (docs/shared-memory.md, "Several words"):
 *   1. append (offset, old value) of the word to the journal
 *   2. count + 1, with release order
 *   3. change the word; as often as needed from 1
 *   4. count = 0, with release order: the change stands
 * Who acquires the lock with -EOWNERDEAD calls share_journal_undo before anything else, then mends:
 * it writes the old values back, the newest first, and sets count = 0. Killed meanwhile, the next
 * one does it again, to the same end. The lock orders all of it between the living; of a dead one
 * only its program's order matters, so nothing is flushed.
 *
 * Readers without the lock are the noun's matter (a sequence counter). Only words that old values
 * must come back to are saved: fresh memory that nothing points to yet is written without. */
#ifndef SHARE_JOURNAL_H
#define SHARE_JOURNAL_H

#include "base/atomic.h"

#include <stddef.h>

/* In shared memory, zeroed at first. */
struct share_journal {
    uint64_t count; /* words saved: they are to be undone */
    struct share_saved {
        uint64_t offset, old; /* the first one may be SHARE_COMMIT | offset, value: see plan */
    } saved[];
};
#define SHARE_COMMIT (UINT64_C(1) << 63)
#define SHARE_JOURNAL_SIZE(words)                                                                  \
    (sizeof(struct share_journal) + (words) * sizeof(struct share_saved))

/* A process' view, under the lock: what a peer writes into the journal must not make us go
 * astray. */
struct share_log {
    struct share_journal *journal;
    uint32_t most;  /* words that fit into it */
    uint32_t count; /* this change's so far */
    char *base;     /* offsets are from here */
    size_t size;
};

/* Saves `size` bytes, whole words, aligned to 8; steps 1 and 2; the caller changes them by release
 * stores. Misuse when the journal is full: who
 * makes it knows the most that one change needs. */
void share_journal_save(struct share_log *log, const void *at, size_t size);
/* Saves one word and changes it; steps 1 to 3. */
void share_journal_set(struct share_log *log, uint64_t *word, uint64_t value);
/* For a change that others see by one word, which they read without the lock: it changes last, and
 * with it the change stands, so that no value is seen that is taken back later. Plan before the
 * first save; commit instead of done. The plan takes the place of one saved word. */
void share_journal_plan(struct share_log *log, const uint64_t *word, uint64_t value);
void share_journal_commit(struct share_log *log, uint64_t *word, uint64_t value);
/* Step 4. */
void share_journal_done(struct share_log *log);
/* Words written back, 0: nothing was under way; -PLAIT_EFORMAT: the journal is damaged, and nothing
 * was touched. Also undoes a change of one's own, which is then as if it had not begun. */
int share_journal_undo(struct share_log *log);

#endif
