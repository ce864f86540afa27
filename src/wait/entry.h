/* The shared words that coroutines of this process wait on: one entry each, however many wait, and
 * one sleeper in the kernel for all of them: the helper thread (helper.c) or a worker's ring
 * (ring.c).
 *
 *   1. coroutine: announces itself in the word (W), enters the lot, joins the entry with the value
 *      it saw, which makes the entry fresh; if it was not, somebody must sleep on it in the kernel
 *   2. kernel sleeper: sleeps on fresh entries, on the value that was joined with
 *   3. woken, or the value is another: the entry is not fresh any more, and one coroutine of the
 *      word is unparked and looks
 *   4. nobody of that word is left here: the wake is passed on in the kernel
 *   5. the coroutine sleeps again: 1. Or its wait ends, and others still wait on an entry that is
 *      not fresh: it unparks the next one, who looks (entry_pass)
 *   6. each 20 ms (R4): the values are compared, the holders asked for
 *
 * So one wake for k coroutines lets one look after the other, never all at once; and the kernel
 * sleeper sleeps only on a value that a coroutine has just seen and announced itself in. With a
 * value that it read itself it would oversleep: the word may be taken and released, with nobody to
 * wake in sight, and be the same again (tests/models/helper.c).
 *
 * Some words are woken for all who sleep on them (`all`: an event's, a barrier's). There each
 * coroutine is unparked in 3, because the first one to look may wait again, for the next round,
 * before the others have looked: it would make the entry fresh, and nobody would owe them a look.
 * For the same reason who joins such an entry with another value than the others' unparks them.
 *
 * The word belongs to the caller: it is read only under the lock while somebody who waits stands in
 * the entry, since afterwards the object may be unmapped. */
#ifndef WAIT_ENTRY_H
#define WAIT_ENTRY_H

#include "base/spin.h"
#include "os/ring.h"
#include "wait/wait.h"

enum { ENTRIES = 4096 };

struct entry {
    uint32_t *word;
    uint32_t seen;
    uint32_t waiters;
    bool fresh;           /* nobody was served since the last one joined */
    bool owned;           /* the word names its holder, which may be gone */
    bool all;             /* a wake is meant for all who wait */
    bool looks;           /* somebody looks at each patrol, whatever the word says */
    struct os_ring *ring; /* which sleeps on it; without waiters: until its cancel is answered */
};

struct entries {
    base_spin lock; /* guards all of it, and what is asked of rings */
    uint32_t limit; /* entries from here on are free: no waiters, no ring */
    struct entry all[ENTRIES];
};
extern struct entries entries;

struct entry_news {
    bool fresh;       /* it was not fresh before */
    bool others_late; /* others wait there with another value, for whom a wake was meant */
};
/* 1, with the lock held. NULL: there is no room. */
struct entry *entry_join(const struct wait_word *joined, struct entry_news *news);
void entry_tell(const struct wait_word *joined, const struct entry_news *news); /* without it */
/* 3: must somebody look? Not fresh at a patrol: who was served last has not come back in all that
 * time, and it costs little to serve another one. How many: 0, 1 or all. */
int entry_due(struct entry *entry, const uint32_t *word, bool woken, bool patrols);
void entry_serve(uint32_t *word, int count); /* 3 and 4 */
/* With the lock held: those without waiters and ring go. */
void entries_trim(void);
void entries_patrol(void); /* 6: all of them */

/* The caller has left the lot. */
void entry_leave(uint32_t *word);
/* The caller has waited on the word and waits no more, whatever came of it: the next one looks,
 * unless somebody sleeps in the kernel for them all. */
void entry_pass(uint32_t *word);

#endif
