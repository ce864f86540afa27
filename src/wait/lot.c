/* The parking lot for private words.
 *
 * Problem: a lock of 4 bytes has no room for a queue, and must serve threads and coroutines at
 * once. Obvious idea: a futex for threads and a queue inside each object for coroutines. Then a
 * release must know which kind waits, and two queues have no common order. Instead (WebKit's
 * ParkingLot, Rust's parking_lot): a fixed table of short queues, hashed by the word's address. The
 * sleeper's record lies on its stack, so that nothing is allocated while anybody waits.
 *
 * Protocol of a sleep (park.c) and a wake:
 *   1. sleeper: state = ARMED
 *   2. sleeper: under the bucket's lock: *word == seen? queue the node
 *   3. sleeper: its carrier turns ARMED into ASLEEP and stops running
 *   4. waker: changes *word; then under the bucket's lock takes the first node of this word out and
 *      fires its sleeper: ARMED or ASLEEP -> 8 + index
 *   5. waker: after the unlock, if it was ASLEEP: rouses it
 *   6. sleeper: takes its other nodes out, under their buckets' locks No wake is lost: the change
 *      of *word comes before the waker's lock, so either 2 sees the change or 4 sees the node.
 *      Between 4 and 6 a waker holds the bucket whenever it touches a node, so 6 cannot return the
 *      stack under it; after its unlock it touches only the wait_self, whose memory is never given
 *      back. */
#include "wait/lot.h"
#include "base/report.h"
#include "base/spin.h"

#include <stdlib.h>

enum { BUCKETS = 1024, BATCH = 16 };

static struct bucket {
    base_spin lock;
    struct list queue; /* next == NULL: never used */
} __attribute__((aligned(64))) buckets[BUCKETS];

static struct bucket *bucket_of(const uint32_t *word)
{
    uint64_t hash = ((uintptr_t)word >> 2) * UINT64_C(0x9e3779b97f4a7c15);
    return &buckets[hash >> 54];
}

/* A signal handler of this thread may call plait_event_set while the thread is in here; in_lot
 * tells it not to wait for a lock that its own thread holds. */
static struct bucket *lot_lock(const uint32_t *word)
{
    struct bucket *bucket = bucket_of(word);
    struct wait_self *self = wait_current;
    if (self)
        self->in_lot++;
    base_spin_lock(&bucket->lock);
    if (!bucket->queue.next)
        list_init(&bucket->queue);
    return bucket;
}

static void lot_run_later(struct wait_self *self)
{
    for (int i = 0; i < 4; i++) {
        uint32_t *word = self->later[i].word;
        int count = self->later[i].count;
        self->later[i].word = NULL;
        if (word)
            wait_unpark_marking(word, count, 0, 0);
    }
}

static void lot_unlock(struct bucket *bucket)
{
    base_spin_unlock(&bucket->lock);
    struct wait_self *self = wait_current;
    if (!self)
        return;
    self->in_lot--;
    if (unlikely(self->later[0].word) && self->in_lot == 0)
        lot_run_later(self);
}

/* Inside a handler that interrupted the lot: the interrupted code does it when it leaves. */
static void lot_defer(struct wait_self *self, uint32_t *word, int count)
{
    for (int i = 0; i < 4; i++)
        if (!self->later[i].word || self->later[i].word == word) {
            self->later[i].count = count;
            self->later[i].word = word;
            return;
        }
    base_misuse(word, "event", NULL, "more than 4 events set by handlers of one thread at once");
}

bool lot_enter(struct lot_node *node)
{
    struct bucket *bucket = lot_lock(node->word);
    bool same = atom_load(node->word, SEQ_CST) == node->seen;
    if (same)
        list_append(&bucket->queue, &node->link);
    else
        list_init(&node->link);
    lot_unlock(bucket);
    return same;
}

void lot_leave(struct lot_node *node)
{
    struct bucket *bucket = lot_lock(node->word);
    list_remove(&node->link);
    lot_unlock(bucket);
}

void lot_fill(struct lot_node *nodes, const struct wait_word *words, int count)
{
    for (int i = 0; i < count; i++)
        nodes[i] = (struct lot_node){.word = words[i].word, .index = i, .seen = words[i].seen};
}

int lot_enter_all(struct wait_self *self, struct lot_node *nodes, int count)
{
    for (int i = 0; i < count; i++) {
        nodes[i].self = self;
        if (!lot_enter(&nodes[i]))
            return i;
    }
    return count;
}

void lot_leave_all(struct lot_node *nodes, int count, uint32_t state)
{
    for (int i = 0; i < count; i++)
        if (state != WAIT_WORD + (uint32_t)nodes[i].index)
            lot_leave(&nodes[i]);
}

void lot_reset(void)
{
    for (int i = 0; i < BUCKETS; i++)
        buckets[i] = (struct bucket){0};
}

/* The first node of this word behind `from`; NULL: none. */
static struct lot_node *lot_next(struct bucket *bucket, struct list *from, const uint32_t *word)
{
    for (struct list *link = from->next; link != &bucket->queue; link = link->next) {
        struct lot_node *node = list_item(link, struct lot_node, link);
        if (node->word == word)
            return node;
    }
    return NULL;
}

/* Who is woken: the longest sleeper; in deterministic mode one of the first eight, by the seed. */
static struct lot_node *lot_choose(struct bucket *bucket, const uint32_t *word)
{
    struct lot_node *node = lot_next(bucket, &bucket->queue, word), *next;
    if (likely(!wait_deterministic) || !node || !wait_current)
        return node;
    for (int skip = (int)(wait_random(wait_current) % 8); skip > 0; skip--) {
        if (!(next = lot_next(bucket, &node->link, word)))
            break;
        node = next;
    }
    return node;
}

/* Takes up to `count` nodes of the word out, in the order in which they are to be woken. */
static int lot_take(struct bucket *bucket, const uint32_t *word, int count, struct lot_node **taken)
{
    int n = 0;
    while (n < count && (taken[n] = lot_choose(bucket, word)))
        list_remove(&taken[n++]->link);
    return n;
}

/* Fires those taken out; `asleep` gets those that must be roused. How many were fired. */
static int lot_fire(struct lot_node **taken, int count, struct wait_self **asleep, int *sleepers)
{
    int fired = 0;
    *sleepers = 0;
    for (int i = 0; i < count; i++) {
        struct wait_self *self = taken[i]->self;
        uint32_t outcome = WAIT_WORD + (uint32_t)taken[i]->index;
        atom_store(&self->woken_on, taken[i]->word, RELAXED);
        uint32_t seen = atom_load(&self->state, RELAXED);
        while ((seen == WAIT_ARMED || seen == WAIT_ASLEEP) &&
               !atom_cas(&self->state, &seen, outcome, ACQ_REL))
            ;
        if (seen == WAIT_ASLEEP)
            asleep[(*sleepers)++] = self;
        fired += seen == WAIT_ARMED || seen == WAIT_ASLEEP;
    }
    return fired;
}

/* The marks come before anybody is fired: a task fired while it was still on its way to sleep runs
 * at once, and if it then saw no W it would release the object without a wake, which nobody else
 * owes to those who remain. The word is there to be marked, since those taken out are inside a call
 * on its object until this bucket is released. */
int wait_unpark_marking(uint32_t *word, int count, uint32_t woken, uint32_t more)
{
    int fired = 0, taken_now, wanted, sleepers;
    struct wait_self *self = wait_current;
    if (unlikely(self && self->in_lot)) {
        lot_defer(self, word, count);
        return 0;
    }
    do {
        struct lot_node *taken[BATCH];
        struct wait_self *asleep[BATCH];
        struct bucket *bucket = lot_lock(word);
        wanted = count - fired < BATCH ? count - fired : BATCH;
        taken_now = lot_take(bucket, word, wanted, taken);
        /* Not for a coroutine: its worker may be stuck in a foreign call, and the mark would hold
         * up all the others. */
        uint32_t marks = taken_now && !taken[0]->self->carrier->is_coroutine ? woken : 0;
        if (more && lot_next(bucket, &bucket->queue, word))
            marks |= more;
        if (marks)
            atom_or(word, marks, SEQ_CST);
        fired += lot_fire(taken, taken_now, asleep, &sleepers);
        lot_unlock(bucket);
        for (int i = 0; i < sleepers; i++)
            asleep[i]->carrier->rouse(asleep[i]);
    } while (taken_now == wanted && fired < count);
    return fired;
}
