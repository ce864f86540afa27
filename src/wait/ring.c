/* Sleeping on shared words by the worker's own ring.
 *
 * Problem: the helper thread costs two switches more for each wake: the kernel wakes it, and it
 * wakes the worker. A request of the ring is told to the worker itself, in the poller where it
 * rests. One request per word and process all the same, because requests in flight delay the notice
 * of a death: the kernel cancels them before it walks the list of held words (1.3 ms for 2,000).
 *
 * The request compares the value and lies down in one step, with the lock of entries held. So
 * between a joiner's look and its sleep nothing is missed: another value is answered at once.
 * A request may be answered while its word's last waiter leaves: `ring` stands in the entry until
 * then, so that the number is nobody else's; a wake that came so is passed on (4). */
#include "wait/ring.h"
#include "base/settings.h"
#include "os/os.h"
#include "wait/entry.h"

#include <errno.h>

static int64_t patrol_at; /* the next one; a hint that one caller takes by compare-and-swap */

/* Whoever sleeps on it already, sleeps for this one, too: a request that is in flight has been
 * enqueued, whatever value it compared. */
static bool fly(struct os_ring *ring, struct entry *entry)
{
    uint64_t tag = (uint64_t)(entry - entries.all) + 1;
    if (entry->ring)
        return true;
    int rc = os_ring_wait(ring, entry->word, entry->seen, tag);
    if (rc == 0)
        entry->ring = ring;
    else if (rc != -EBUSY)
        os_lose(OS_URING_FUTEX); /* a filter that came later */
    return rc == 0;
}

bool ring_join(struct os_ring *ring, const struct wait_word *joined)
{
    struct entry_news news = {false, false};
    base_spin_lock(&entries.lock);
    struct entry *entry = entry_join(joined, &news);
    bool sleeps = entry && (!news.fresh || fly(ring, entry));
    if (entry && !sleeps) {
        entry->waiters--;
        entry->fresh = false;
        entries_trim();
    }
    base_spin_unlock(&entries.lock);
    entry_tell(joined, &news);
    return sleeps;
}

/* The word of one answer that somebody must look at, and how many; NULL: no more answers. */
static uint32_t *answer(struct os_ring *ring, int *count)
{
    uint32_t *word = NULL;
    uint64_t tag;
    int result;
    base_spin_lock(&entries.lock);
    while (!word && os_ring_next(ring, &tag, &result)) {
        struct entry *entry = &entries.all[tag - 1];
        entry->ring = NULL;
        entry->fresh = false;
        if (result == 0 || entry->waiters)
            word = entry->word;
        *count = entry->all ? INT32_MAX : 1;
    }
    entries_trim();
    base_spin_unlock(&entries.lock);
    return word;
}

void ring_reap(struct os_ring *ring)
{
    uint32_t *word;
    int count;
    while ((word = answer(ring, &count)) != NULL)
        entry_serve(word, count);
}

bool ring_is_needed(void)
{
    return atom_load(&entries.limit, RELAXED);
}

int64_t ring_patrol(int64_t now)
{
    int64_t interval = base_settings()->patrol, due = atom_load(&patrol_at, RELAXED);
    if (!interval)
        return WAIT_NEVER;
    if (due > now)
        return due;
    if (atom_cas(&patrol_at, &due, now + interval, ACQUIRE) && due)
        entries_patrol();
    return now + interval;
}

void ring_close(struct os_ring *ring)
{
    base_spin_lock(&entries.lock);
    for (uint32_t i = 0; i < entries.limit; i++)
        if (entries.all[i].ring == ring)
            entries.all[i].ring = NULL;
    entries_trim();
    os_ring_close(ring);
    base_spin_unlock(&entries.lock);
}
