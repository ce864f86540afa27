/* The helper thread: the kernel sleeper of all coroutines of this process.
 *
 * Problem: a coroutine that calls the kernel to sleep takes its worker with it. Obvious idea: a
 * thread for each such wait. Then a thousand coroutines at one lock are a thousand threads, and a
 * death is told to the last of them late. Instead one thread sleeps on up to 127 words at once
 * (futex_waitv) and on a doorbell of its own. Coroutines lie in the lot under their word's
 * address; all that wait on one word share one entry here, and one wait in the kernel.
 *
 *   1. coroutine: announces itself in the word (W), enters the lot, joins the entry; the first of
 *      a
 *      word rings the doorbell
 *   2. helper: collects the entries and sleeps on them, each with the value that was joined with
 *   3. woken, or the value is another: one coroutine of that word is unparked and looks. The
 *      kernel
 *      tells only one of several words that were woken, so each is looked at
 *   4. nobody of that word is left here: the wake is passed on in the kernel
 *   5. each 20 ms (R4): every entry is looked at as in 3, and its holder is asked for
 *
 * A wake for k coroutines of a process wakes the helper once, and the helper wakes one. So who
 * was woken here owes the others: it sets W when it takes the word, and wakes the next one when
 * it leaves without (sync/shared_lock.c).
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
};

/* What the lock guards: everything but the doorbell. */
static struct helper {
    base_spin lock;
    uint32_t doorbell; /* counts rings */
    uint32_t limit;    /* entries from here on are free */
    bool started;
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
        if (!entry->waiters)
            continue;
        round->entries[round->count] = entry;
        round->words[round->count++] = (struct os_word){entry->word, entry->seen, true};
    }
    base_spin_unlock(&helper.lock);
}

/* 3 to 5 for one word, which was woken in the kernel or is looked at for another reason. */
static void serve(uint32_t *word, bool woken)
{
    if (wait_unpark_marking(word, 1, 0, 0) == 0 && woken)
        os_futex_wake(word, 1, true);
}

/* Has the word changed under those who wait on it? Then the new value is what the helper sleeps
 * on. */
static bool has_changed(struct entry *entry, const uint32_t *word, bool patrols)
{
    bool changed = false;
    base_spin_lock(&helper.lock);
    if (entry->waiters && entry->word == word) {
        uint32_t now = atom_load(entry->word, ACQUIRE); /* pairs with whatever released it */
        changed = now != entry->seen || (patrols && robust_patrol(entry->word, now));
        entry->seen = now;
    }
    base_spin_unlock(&helper.lock);
    return changed;
}

static void look_at_round(const struct round *round, int woken)
{
    for (int i = 0; i < round->count; i++) {
        uint32_t *word = round->words[i].word;
        bool changed = has_changed(round->entries[i], word, false);
        if (changed || i == woken)
            serve(word, true);
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

/* 5: all entries, also those beyond what the kernel can wait on. */
static void patrol(void)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint32_t *word = word_at(i);
        if (!word)
            break;
        if (has_changed(&helper.entries[i], word, true))
            serve(word, false);
    }
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

static void helper_main(void *unused)
{
    static struct round round; /* 4 KB, and there is one helper */
    for (;;) {
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
    bool first;
    base_spin_lock(&helper.lock);
    first = !helper.started;
    helper.started = true;
    base_spin_unlock(&helper.lock);
    if (!first || os_thread_start(helper_main, NULL, 0, "plait-helper") == 0)
        return true;
    helper.started = false;
    return false;
}

bool helper_join(uint32_t *word, uint32_t seen)
{
    bool first;
    if (unlikely(!atom_load(&helper.started, RELAXED)) && !start())
        return false;
    base_spin_lock(&helper.lock);
    struct entry *entry = find(word, true);
    if (!entry) {
        base_spin_unlock(&helper.lock);
        return false;
    }
    first = entry->waiters++ == 0;
    entry->word = word;
    entry->seen = seen;
    base_spin_unlock(&helper.lock);
    if (first)
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

void helper_after_fork(void)
{
    helper = (struct helper){0};
}
