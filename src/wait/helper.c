/* The helper thread: the kernel sleeper of all coroutines of this process where there is no ring
 * (ring.c).
 *
 * Problem: a coroutine that calls the kernel to sleep takes its worker with it. Obvious idea: a
 * thread for each such wait. Then a thousand coroutines at one lock are a thousand threads, and a
 * death is told to the last of them late. Instead one thread sleeps on up to 127 words at once
 * (futex_waitv) and on a doorbell of its own. The steps are those of entry.h; its part in them:
 *
 *   2a. it reads the doorbell, collects the fresh entries, sleeps on them; who makes an entry fresh
 *       rings the doorbell
 *   3a. the kernel tells only one of several words that were woken, so the values of all are
 *       compared */
#include "wait/helper.h"
#include "base/settings.h"
#include "os/os.h"
#include "wait/entry.h"

#include <errno.h>
#include <string.h>

enum { SLEEPS_ON = OS_WAIT_ANY_MOST - 1 };
enum { HELPER_NONE, HELPER_RUNS, HELPER_LEAVES };

static struct helper {
    uint32_t doorbell; /* counts rings */
    uint32_t state;    /* HELPER_...: what quiesce sleeps on; guarded by entries.lock */
} helper;

/* What the helper sleeps on at the moment; entry i for word i, the doorbell last. Its thread's
 * own. */
struct round {
    struct os_word words[SLEEPS_ON + 1];
    struct entry *entries[SLEEPS_ON];
    int count;
};

static void ring_doorbell(void)
{
    atom_add(&helper.doorbell, 1, SEQ_CST);
    os_futex_wake(&helper.doorbell, 1, false);
}

/* 2a. What a ring sleeps on is its own. */
static void collect(struct round *round)
{
    round->count = 0;
    base_spin_lock(&entries.lock);
    for (uint32_t i = 0; i < entries.limit && round->count < SLEEPS_ON; i++) {
        struct entry *entry = &entries.all[i];
        if (!entry->waiters || !entry->fresh || entry->ring)
            continue;
        round->entries[round->count] = entry;
        round->words[round->count++] = (struct os_word){entry->word, entry->seen, true};
    }
    base_spin_unlock(&entries.lock);
}

static void look_at_round(const struct round *round, int woken)
{
    for (int i = 0; i < round->count; i++) {
        uint32_t *word = round->words[i].word;
        entry_serve(word, entry_due(round->entries[i], word, i == woken, false));
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

/* True once: the helper was asked to end, and nobody has come who needs it. */
static bool leaves(void)
{
    base_spin_lock(&entries.lock);
    bool ends = helper.state == HELPER_LEAVES && !entries.limit;
    if (ends)
        atom_store(&helper.state, HELPER_NONE, RELEASE); /* pairs with wait_for_change */
    base_spin_unlock(&entries.lock);
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
            entries_patrol();
        else
            look_at_round(&round, woken);
    }
}

/* Outside of the lock, since a new thread takes locks of libc. */
static bool start(void)
{
    base_spin_lock(&entries.lock);
    bool first = helper.state == HELPER_NONE;
    atom_store(&helper.state, HELPER_RUNS, RELAXED);
    base_spin_unlock(&entries.lock);
    if (!first || os_thread_start(helper_main, NULL, 0, "plait-helper") == 0)
        return true;
    atom_store(&helper.state, HELPER_NONE, RELAXED);
    return false;
}

int helper_end(int64_t deadline, void *place)
{
    base_spin_lock(&entries.lock);
    bool runs = helper.state != HELPER_NONE;
    if (runs)
        atom_store(&helper.state, HELPER_LEAVES, RELAXED);
    base_spin_unlock(&entries.lock);
    if (!runs)
        return 0;
    ring_doorbell();
    return wait_for_change(&helper.state, HELPER_LEAVES, deadline, place);
}

bool helper_join(const struct wait_word *joined)
{
    struct entry_news news = {false, false};
    if (unlikely(atom_load(&helper.state, RELAXED) != HELPER_RUNS) && !start())
        return false;
    base_spin_lock(&entries.lock);
    struct entry *entry = entry_join(joined, &news);
    base_spin_unlock(&entries.lock);
    if (news.fresh)
        ring_doorbell();
    entry_tell(joined, &news);
    return entry;
}

void helper_after_fork(void)
{
    helper = (struct helper){0};
    entries.lock = (base_spin){0};
    memset(entries.all, 0, entries.limit * sizeof entries.all[0]);
    entries.limit = 0;
}
