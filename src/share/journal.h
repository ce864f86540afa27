/* A journal of what was there before: several words of shared memory change as one, whoever is
 * killed at whatever instruction. All under one lock, whose next owner is told of a death.
 *
 * Problem: a change of several words that ends in its middle leaves them torn. Obvious idea: write
 * down the new words, then copy them into place. Then each step of the change must read through
 * what is written down but not in place yet. Instead the old words are written down (undo; Mohan and
 * others, ARIES, 1992), and the change works in place:
 *   1.  write (offset, old word) down behind those that are there
 *   2.  count them in, with release order
 *   3.  change the word in place
 *       1 to 3 again for each word
 *   4.  count = 0, with release order: the change is whole from here on
 * Who gets the lock with -EOWNERDEAD:
 *   5.  copies the old words back, the last one first, because a word may have been changed twice
 *   6.  count = 0
 * Killed in 5 the next one does it all again: copying back twice is copying back once. Only the
 * order of a thread's own stores matters, since the next owner comes through the kernel. No pointer
 * lies in it, and nothing in it is believed: an offset beyond the memory is -PLAIT_EFORMAT.
 *
 * What was not reachable before the change and is not after its undoing (a block taken off a free
 * list) may be written without the journal. */
#ifndef SHARE_JOURNAL_H
#define SHARE_JOURNAL_H

#include "base/atomic.h"

#include <plait/error.h>

#include <stddef.h>

enum { JOURNAL_ROOM = 31 };

/* In shared memory, zeroed at first. `count`: bits 63..0, how many entries are valid; 0: no change
 * is under way. */
struct journal {
    uint64_t count, unused;
    struct journal_entry {
        uint64_t where; /* from the memory's start, a multiple of 8 */
        uint64_t was;
    } entries[JOURNAL_ROOM];
};
_Static_assert(sizeof(struct journal) == 512, "eight lines");

/* One change, in the memory of who makes it: how many words it has written down is not read back
 * from where a peer could alter it. */
struct journal_use {
    struct journal *journal;
    char *memory; /* what offsets are counted from */
    uint32_t count;
};

static inline struct journal_use journal_begin(struct journal *journal, void *memory)
{
    return (struct journal_use){journal, (char *)memory, 0};
}

/* Steps 1 to 3. The caller knows that a change has no more than JOURNAL_ROOM words. Release, because
 * readers without the lock must find the guard's sequence odd when they see the new word. */
static inline void journal_set(struct journal_use *use, uint64_t *word, uint64_t value)
{
    struct journal_entry *entry = &use->journal->entries[use->count++];
    atom_store(&entry->where, (uint64_t)((char *)word - use->memory), RELAXED);
    atom_store(&entry->was, atom_load(word, RELAXED), RELAXED);
    atom_store(&use->journal->count, use->count, RELEASE); /* behind the entry, before the word */
    atom_store(word, value, RELEASE);
}

/* Step 4. */
static inline void journal_commit(struct journal_use *use)
{
    use->count = 0;
    atom_store(&use->journal->count, 0, RELEASE);
}

/* Steps 5 and 6: for the next owner after a death, and for who gives up half-way. 0, or
 * -PLAIT_EFORMAT: no journal of ours, and nothing is known to be whole. */
static inline int journal_undo(struct journal *journal, void *memory, size_t size)
{
    uint64_t count = atom_load(&journal->count, ACQUIRE);
    if (count > JOURNAL_ROOM)
        return -PLAIT_EFORMAT;
    while (count > 0) {
        const struct journal_entry *entry = &journal->entries[--count];
        uint64_t where = atom_load(&entry->where, RELAXED);
        if (where % 8 || size < 8 || where > size - 8)
            return -PLAIT_EFORMAT;
        atom_store((uint64_t *)(void *)((char *)memory + where), atom_load(&entry->was, RELAXED),
                   RELEASE);
    }
    atom_store(&journal->count, 0, RELEASE);
    return 0;
}

#endif
