/* The helper thread: the kernel sleeper of all coroutines of this process.
 *
 * Problem: a coroutine that calls the kernel to sleep takes its worker with it. Obvious idea: a
 * thread for each such wait. Then a thousand coroutines at one lock are a thousand threads, and a
 * death is told to the last of them late. Instead one thread sleeps on up to 127 words at once
 * (futex_waitv) and on a doorbell of its own. Coroutines lie in the lot under their word's
 * address; all that wait on one word share one entry here, and one wait in the kernel.
 *
 *   1. coroutine: announces itself in the word (W), enters the lot, joins the entry with the
 *      value it saw, which makes the entry fresh; rings the doorbell if it was not
 *   2. helper: reads the doorbell, collects the fresh entries, sleeps on them
 *   3. woken, or the value is another: the entry is not fresh any more, and one coroutine of the
 *      word is unparked and looks. The kernel tells only one of several words that were woken, so
 *      the values of all are compared
 *   4. nobody of that word is left here: the wake is passed on in the kernel
 *   5. the coroutine sleeps again: 1. Or its wait ends, and others still wait on an entry that is
 *      not fresh: it unparks the next one, who looks (helper_pass)
 *   6. each 20 ms (R4): the values are compared, the holders asked for
 *
 * So one wake for k coroutines lets one look after the other, never all at once; and the helper
 * sleeps only on a value that a coroutine has just seen and announced itself in. With a value
 * that the helper read itself it would oversleep: the word may be taken and released, with nobody
 * to wake in sight, and be the same again (tests/models/helper.c).
 *
 * The word belongs to the caller: it is read only under `lock` while somebody who waits stands in
 * the entry, since afterwards the object may be unmapped. */
#include "wait/helper.h"
#include "base/settings.h"
#include "base/spin.h"
#include "os/os.h"
#include "wait/robust.h"

#include <errno.h>

enum { ENTRIES = 4096, SLEEPS_ON = OS_WAIT_ANY_MOST - 1 };

struct entry {
    uint32_t *word;
    uint32_t seen;
    uint32_t waiters; /* 0: free */
    bool fresh;       /* nobody was served since the last one joined */
    bool owned;       /* the word names its holder, which may be gone */
};

enum { HELPER_NONE, HELPER_RUNS, HELPER_LEAVES };

/* What the lock guards: everything but the doorbell. */
static struct helper {
    base_spin lock;
    uint32_t doorbell; /* counts rings */
    uint32_t limit;    /* entries from here on are free */
    uint32_t state;    /* HELPER_...: what quiesce sleeps on */
    struct entry entries[ENTRIES];
} helper;

/* What the helper sleeps on at the moment; entry i for word i, the doorbell last. Its thread's
 * own. */
struct round {
    struct os_word words[SLEEPS_ON + 1];
    struct entry *entries[SLEEPS_ON];
    int count;
};

static void ring(void)
{
    atom_add(&helper.doorbell, 1, SEQ_CST);
    os_futex_wake(&helper.doorbell, 1, false);
}

/* 2. */
static void collect(struct round *round)
{
    round->count = 0;
    base_spin_lock(&helper.lock);
    for (uint32_t i = 0; i < helper.limit && round->count < SLEEPS_ON; i++) {
        struct entry *entry = &helper.entries[i];
        if (!entry->waiters || !entry->fresh)
            continue;
        round->entries[round->count] = entry;
        round->words[round->count++] = (struct os_word){entry->word, entry->seen, true};
    }
    base_spin_unlock(&helper.lock);
}

/* 3: must somebody look? Not fresh at a patrol: who was served last has not come back in all that
 * time, and it costs little to serve another one. */
static bool is_due(struct entry *entry, const uint32_t *word, bool woken, bool patrols)
{
    bool due = woken;
    base_spin_lock(&helper.lock);
    if (entry->waiters && entry->word == word) {
        uint32_t now = atom_load(entry->word, ACQUIRE); /* pairs with whatever released it */
        due |= now != entry->seen && entry->fresh;
        if (patrols)
            due |= !entry->fresh || (entry->owned && robust_patrol(entry->word, now));
        entry->fresh &= !due;
    }
    base_spin_unlock(&helper.lock);
    return due;
}

/* 3 and 4. */
static void serve(uint32_t *word)
{
    if (wait_unpark_marking(word, 1, 0, 0) == 0)
        os_futex_wake(word, 1, true);
}

static void look_at_round(const struct round *round, int woken)
{
    for (int i = 0; i < round->count; i++) {
        uint32_t *word = round->words[i].word;
        if (is_due(round->entries[i], word, i == woken, false))
            serve(word);
    }
}

/* The word of entry i, or whatever it was last; NULL: no more entries. */
static uint32_t *word_at(uint32_t i)
{
    base_spin_lock(&helper.lock);
    uint32_t *word = i < helper.limit ? helper.entries[i].word : NULL;
    base_spin_unlock(&helper.lock);
    return word;
}

/* 6: all entries, also those beyond what the kernel can wait on. */
static void patrol(void)
{
    uint32_t *word;
    for (uint32_t i = 0; (word = word_at(i)) != NULL; i++)
        if (is_due(&helper.entries[i], word, false, true))
            serve(word);
}

static int sleep_on(struct round *round, uint32_t rings)
{
    int64_t interval = base_settings()->patrol;
    int64_t end = round->count && interval ? os_now() + interval : OS_NEVER;
    struct os_word *doorbell = &round->words[round->count];
    *doorbell = (struct os_word){&helper.doorbell, rings, false};
    int woken = os_futex_wait_any(round->words, round->count + 1, end);
    if (woken == -ENOSYS || woken == -EFAULT) /* EFAULT: the last one left and unmapped its word */
        woken =
            os_futex_wait(&helper.doorbell, rings, false, end) == -ETIMEDOUT ? -ETIMEDOUT : -EINTR;
    return woken;
}

/* True once: the helper was asked to end, and nobody has come who needs it. */
static bool leaves(void)
{
    base_spin_lock(&helper.lock);
    bool ends = helper.state == HELPER_LEAVES && !helper.limit;
    if (ends)
        atom_store(&helper.state, HELPER_NONE, RELEASE); /* pairs with wait_for_change */
    base_spin_unlock(&helper.lock);
    if (ends)
        wait_unpark(&helper.state, INT32_MAX, false);
    return ends;
}

static void helper_main(void *unused)
{
    static struct round round; /* 4 KB, and there is one helper */
    while (!leaves()) {
        uint32_t rings = atom_load(&helper.doorbell, SEQ_CST);
        collect(&round);
        int woken = sleep_on(&round, rings);
        if (woken == -ETIMEDOUT)
            patrol();
        else
            look_at_round(&round, woken);
    }
}

/* The caller's entry; NULL: there is no room. */
static struct entry *find(uint32_t *word, bool make)
{
    struct entry *empty = NULL;
    for (uint32_t i = 0; i < helper.limit; i++) {
        struct entry *entry = &helper.entries[i];
        if (entry->waiters && entry->word == word)
            return entry;
        if (!entry->waiters && !empty)
            empty = entry;
    }
    if (make && !empty && helper.limit < ENTRIES) {
        empty = &helper.entries[helper.limit];
        helper.limit++;
    }
    return make ? empty : NULL;
}

/* Outside of the lock, since a new thread takes locks of libc. */
static bool start(void)
{
    base_spin_lock(&helper.lock);
    bool first = helper.state == HELPER_NONE;
    atom_store(&helper.state, HELPER_RUNS, RELAXED);
    base_spin_unlock(&helper.lock);
    if (!first || os_thread_start(helper_main, NULL, 0, "plait-helper") == 0)
        return true;
    atom_store(&helper.state, HELPER_NONE, RELAXED);
    return false;
}

int helper_end(int64_t deadline, void *place)
{
    base_spin_lock(&helper.lock);
    bool runs = helper.state != HELPER_NONE;
    if (runs)
        atom_store(&helper.state, HELPER_LEAVES, RELAXED);
    base_spin_unlock(&helper.lock);
    if (!runs)
        return 0;
    ring();
    return wait_for_change(&helper.state, HELPER_LEAVES, deadline, place);
}

bool helper_join(const struct wait_word *joined)
{
    if (unlikely(atom_load(&helper.state, RELAXED) != HELPER_RUNS) && !start())
        return false;
    base_spin_lock(&helper.lock);
    struct entry *entry = find(joined->word, true);
    if (!entry) {
        base_spin_unlock(&helper.lock);
        return false;
    }
    bool rings = entry->waiters++ == 0 || !entry->fresh;
    *entry = (struct entry){joined->word, joined->seen, entry->waiters, true, joined->owned};
    base_spin_unlock(&helper.lock);
    if (rings)
        ring();
    return true;
}

void helper_leave(uint32_t *word)
{
    base_spin_lock(&helper.lock);
    find(word, false)->waiters--;
    while (helper.limit > 0 && !helper.entries[helper.limit - 1].waiters)
        helper.limit--;
    base_spin_unlock(&helper.lock);
}

void helper_pass(uint32_t *word)
{
    base_spin_lock(&helper.lock);
    struct entry *entry = find(word, false);
    bool owes = entry && !entry->fresh;
    base_spin_unlock(&helper.lock);
    if (owes)
        wait_unpark_marking(word, 1, 0, 0);
}

void helper_after_fork(void)
{
    helper = (struct helper){0};
}
