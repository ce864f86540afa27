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
#include "wait/case.h"

#include <errno.h>
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
 * tells it, since it must not wait for a lock that its own thread holds. */
static inline struct bucket *lot_lock(const uint32_t *word)
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

static __attribute__((noinline)) void lot_run_later(struct wait_self *self)
{
    for (int i = 0; i < 4; i++) {
        uint32_t *word = self->later[i].word;
        int count = self->later[i].count;
        self->later[i].word = NULL;
        if (word)
            wait_unpark_marking(word, count, 0, self->later[i].more);
    }
}

static inline void lot_unlock(struct bucket *bucket)
{
    base_spin_unlock(&bucket->lock);
    struct wait_self *self = wait_current;
    if (!self)
        return;
    self->in_lot--;
    if (unlikely(self->later[0].word) && self->in_lot == 0)
        lot_run_later(self);
}

/* Inside a handler that interrupted the lot, which must take no bucket: the interrupted code does
 * it when it leaves. */
static void lot_defer(struct wait_self *self, uint32_t *word, int count, uint32_t more)
{
    for (int i = 0; i < 4; i++)
        if (!self->later[i].word || self->later[i].word == word) {
            self->later[i].count = count;
            self->later[i].more = more;
            self->later[i].word = word;
            return;
        }
    base_misuse(word, "event", NULL, "more than 4 events set by handlers of one thread at once");
}

/* The first node of this word behind `from`; NULL: none. */
static inline struct lot_node *lot_next(struct bucket *bucket, struct list *from,
                                        const uint32_t *word)
{
    for (struct list *link = from->next; link != &bucket->queue; link = link->next) {
        struct lot_node *node = list_item(link, struct lot_node, link);
        if (node->word == word)
            return node;
    }
    return NULL;
}

static bool lot_clashes(struct bucket *bucket, const struct lot_node *node)
{
    struct lot_node *other = node->onto ? lot_next(bucket, &bucket->queue, node->word) : NULL;
    if (!other || other->onto->object == node->onto->object)
        return false;
    node->onto->clash = other->onto->object;
    return true;
}

/* The first node behind `from` that an offer of this task can meet; NULL: none. */
static struct lot_node *lot_counterpart(struct bucket *bucket, struct list *from,
                                        const uint32_t *word, const plait_case *offer)
{
    struct lot_node *node = lot_next(bucket, from, word);
    while (node && (!node->offer || node->offer->kind == offer->kind || node->self == wait_current))
        node = lot_next(bucket, &node->link, word);
    return node;
}

/* Is there one that can still be fired? Who has been fired is on its way out. */
static bool lot_can_meet(struct bucket *bucket, const struct lot_node *mine)
{
    struct list *from = &bucket->queue;
    struct lot_node *node;
    while ((node = lot_counterpart(bucket, from, mine->word, mine->offer))) {
        uint32_t state = atom_load(&node->self->state, SEQ_CST);
        if (state == WAIT_ARMED || state == WAIT_ASLEEP)
            return true;
        from = &node->link;
    }
    return false;
}

int lot_enter(struct lot_node *node)
{
    struct bucket *bucket = lot_lock(node->word);
    int rc = atom_load(node->word, SEQ_CST) == node->seen ? 0 : -EAGAIN;
    list_init(&node->link);
    if (rc == 0 && unlikely(lot_clashes(bucket, node)))
        rc = -EXDEV;
    else if (rc == 0 && unlikely(node->offer != NULL) && lot_can_meet(bucket, node))
        rc = -EAGAIN;
    else if (rc == 0 && node->first)
        list_prepend(&bucket->queue, &node->link);
    else if (rc == 0)
        list_append(&bucket->queue, &node->link);
    lot_unlock(bucket);
    return rc;
}

/* The bucket in which the node is, asked again since it may be moved until that one is locked. */
static struct bucket *lot_lock_of(const struct lot_node *node)
{
    for (;;) {
        uint32_t *word = atom_load(&node->word, RELAXED);
        struct bucket *bucket = lot_lock(word);
        if (likely(node->word == word))
            return bucket;
        lot_unlock(bucket);
    }
}

void lot_leave(struct lot_node *node)
{
    struct bucket *bucket = node->onto ? lot_lock_of(node) : lot_lock(node->word);
    list_remove(&node->link);
    lot_unlock(bucket);
}

void lot_reset(void)
{
    for (int i = 0; i < BUCKETS; i++)
        buckets[i] = (struct bucket){0};
}

static __attribute__((noinline)) struct lot_node *
lot_choose_seeded(struct bucket *bucket, const uint32_t *word, struct lot_node *node)
{
    struct lot_node *next;
    for (int skip = (int)(wait_random(wait_current) % 8); skip > 0; skip--) {
        if (!(next = lot_next(bucket, &node->link, word)))
            break;
        node = next;
    }
    return node;
}

/* Who is woken: the longest sleeper; in deterministic mode one of the first eight, by the seed. */
static inline struct lot_node *lot_choose(struct bucket *bucket, const uint32_t *word)
{
    struct lot_node *node = lot_next(bucket, &bucket->queue, word);
    if (likely(!wait_deterministic) || !node || !wait_current)
        return node;
    return lot_choose_seeded(bucket, word, node);
}

/* Takes up to `count` nodes of the word out, in the order in which they are to be woken. */
static int lot_take(struct bucket *bucket, const uint32_t *word, int count, struct lot_node **taken)
{
    int n = 0;
    while (n < count && (taken[n] = lot_choose(bucket, word)))
        list_remove(&taken[n++]->link);
    return n;
}

/* The word of an object whose sleepers are woken, and what is set in it. */
struct lot_marks {
    uint32_t *word;
    uint32_t woken, more;
};

/* Those fired so far, and of the last batch those who must be roused. */
struct lot_woken {
    struct lot_sleeper {
        struct wait_self *self;
        const struct wait_carrier *carrier; /* read before it was fired, since then it may end */
    } asleep[BATCH];
    int sleepers, fired;
};

/* Fires one that was taken out. WAIT_ASLEEP: it must be roused; WAIT_ARMED: it need not; else
 * somebody else was first. */
static inline uint32_t lot_fire_one(const struct lot_node *taken)
{
    struct wait_self *self = taken->self;
    uint32_t outcome = WAIT_WORD + (uint32_t)taken->index;
    atom_store(&self->woken_on, taken->word, RELAXED);
    uint32_t seen = atom_load(&self->state, RELAXED);
    while ((seen == WAIT_ARMED || seen == WAIT_ASLEEP) &&
           !atom_cas(&self->state, &seen, outcome, ACQ_REL))
        ;
    return seen;
}

/* Fires those taken out; `asleep` gets those that must be roused. How many were fired. */
static int lot_fire(struct lot_node **taken, int count, struct lot_sleeper *asleep, int *sleepers)
{
    int fired = 0;
    *sleepers = 0;
    for (int i = 0; i < count; i++) {
        struct lot_sleeper sleeper = {taken[i]->self, taken[i]->self->carrier};
        uint32_t seen = lot_fire_one(taken[i]);
        if (seen == WAIT_ASLEEP)
            asleep[(*sleepers)++] = sleeper;
        fired += seen == WAIT_ARMED || seen == WAIT_ASLEEP;
    }
    return fired;
}

/* What is set in a word before those taken out are fired; `first` is the first of them. */
static inline void lot_mark(struct bucket *bucket, const struct lot_marks *marks,
                            const struct lot_node *first)
{
    /* Not for a coroutine, because its worker may be stuck in a foreign call, and the mark would
     * hold up all the others. */
    uint32_t set = first && !first->self->carrier->is_coroutine ? marks->woken : 0;
    if (marks->more && lot_next(bucket, &bucket->queue, marks->word))
        set |= marks->more;
    if (set)
        atom_or(marks->word, set, SEQ_CST);
}

/* Takes up to `count` sleepers of the word out of its locked bucket, marks the word, fires them;
 * `asleep` are to be roused after the unlock. How many were taken.
 *
 * The marks come before anybody is fired: a task fired while it was still on its way to sleep runs
 * at once, and if it then saw no W it would release the object without a wake, which nobody else
 * owes to those who remain. The word is there to be marked, since those taken out are inside a call
 * on its object until this bucket is released. */
static int lot_wake(struct bucket *bucket, const struct lot_marks *marks, int count,
                    struct lot_woken *woken)
{
    struct lot_node *taken[BATCH];
    int n = lot_take(bucket, marks->word, count, taken);
    lot_mark(bucket, marks, n ? taken[0] : NULL);
    woken->fired += lot_fire(taken, n, woken->asleep, &woken->sleepers);
    return n;
}

static void lot_rouse(const struct lot_woken *woken)
{
    struct wait_self *many[BATCH];
    const struct wait_carrier *carrier = NULL; /* of these: only one kind has a way for many */
    int count = 0;
    for (int i = 0; i < woken->sleepers; i++) {
        const struct lot_sleeper *one = &woken->asleep[i];
        if (one->carrier->rouse_many) {
            many[count++] = one->self;
            carrier = one->carrier;
        } else {
            one->carrier->rouse(one->self);
        }
    }
    if (count == 1)
        carrier->rouse(many[0]);
    else if (count)
        carrier->rouse_many(many, count);
}

/* As lot_wake for one, with all of it in registers: most wakes are such. `rest`: others sleep. */
static int lot_wake_one(const struct lot_marks *marks, bool *rest)
{
    for (;;) {
        struct bucket *bucket = lot_lock(marks->word);
        struct lot_node *node = lot_choose(bucket, marks->word);
        if (node)
            list_remove(&node->link);
        lot_mark(bucket, marks, node);
        struct wait_self *self = node ? node->self : NULL;
        const struct wait_carrier *carrier = node ? self->carrier : NULL; /* as lot_sleeper's */
        uint32_t seen = node ? lot_fire_one(node) : WAIT_AWAKE;
        *rest = lot_next(bucket, &bucket->queue, marks->word) != NULL;
        lot_unlock(bucket);
        if (likely(seen == WAIT_ASLEEP))
            carrier->rouse(self);
        if (seen == WAIT_ASLEEP || seen == WAIT_ARMED)
            return 1;
        if (!node)
            return 0;
    }
}

static __attribute__((noinline)) int lot_wake_many(const struct lot_marks *marks, int count)
{
    uint32_t *word = marks->word;
    struct lot_woken batch;
    int taken, wanted;
    batch.fired = 0;
    do {
        struct bucket *bucket = lot_lock(word);
        wanted = count - batch.fired < BATCH ? count - batch.fired : BATCH;
        taken = lot_wake(bucket, marks, wanted, &batch);
        lot_unlock(bucket);
        lot_rouse(&batch);
    } while (taken == wanted && batch.fired < count);
    return batch.fired;
}

int wait_unpark_marking(uint32_t *word, int count, uint32_t woken, uint32_t more)
{
    struct lot_marks marks = {word, woken, more};
    struct wait_self *self = wait_current;
    if (unlikely(self && self->in_lot)) {
        lot_defer(self, word, count, more);
        return 0;
    }
    if (unlikely(count < 1)) /* nobody, but `more` must be true */
        return lot_wake_many(&marks, count);
    bool rest;
    int fired = lot_wake_one(&marks, &rest);
    return unlikely(rest && count > 1) ? fired + lot_wake_many(&marks, count - fired) : fired;
}

/* ---- moving sleepers from one word to another */

/* Both buckets, in the order of their places, because two that move in opposite directions would
 * otherwise wait for each other. */
static void lot_lock_two(const uint32_t *one, const uint32_t *two)
{
    struct bucket *a = bucket_of(one), *b = bucket_of(two);
    lot_lock(a < b ? one : two);
    if (a != b)
        lot_lock(a < b ? two : one);
}

static void lot_unlock_two(const uint32_t *one, const uint32_t *two)
{
    struct bucket *a = bucket_of(one), *b = bucket_of(two);
    lot_unlock(a);
    if (a != b)
        lot_unlock(b);
}

/* Where sleepers of the word may be moved, into *onto. False: there are none, and the mark is off:
 * who has set it and is not in the queue yet finds the word changed. */
static bool lot_onto(uint32_t *word, uint32_t mark, struct wait_onto *onto)
{
    struct bucket *bucket = lot_lock(word);
    struct lot_node *first = lot_next(bucket, &bucket->queue, word);
    if (first)
        *onto = *first->onto;
    else
        atom_and(word, ~mark, RELAXED);
    lot_unlock(bucket);
    return first != NULL;
}

/* With both buckets locked: moves them, tells the lock, and when nobody holds that wakes one. The
 * nodes keep their order. How many were moved. */
static int lot_move(uint32_t *word, int count, uint32_t mark, const struct wait_onto *onto,
                    struct lot_woken *woken)
{
    struct bucket *from = bucket_of(word), *to = bucket_of(onto->word);
    struct lot_marks marks = {onto->word, onto->woken, onto->sleepers};
    struct lot_node *node;
    int moved = 0;
    for (; moved < count && (node = lot_choose(from, word)); moved++) {
        list_remove(&node->link);
        atom_store(&node->word, onto->word, RELAXED);
        __atomic_store_n(&node->self->note.moved, onto->object, __ATOMIC_RELAXED);
        list_append(&to->queue, &node->link);
    }
    if (!lot_next(from, &from->queue, word))
        atom_and(word, ~mark, RELAXED);
    if (!moved || atom_or(onto->word, onto->sleepers, SEQ_CST) & onto->held)
        return moved;
    lot_wake(to, &marks, 1, woken); /* one that has just given up takes the lock all the same */
    return moved;
}

int wait_move(uint32_t *word, int count, uint32_t mark)
{
    struct wait_onto onto = {0}, again;
    struct lot_woken woken = {.fired = 0, .sleepers = 0};
    int moved = 0;
    if (!lot_onto(word, mark, &onto))
        return 0;
    if (!onto.word)
        return wait_unpark_marking(word, count, 0, mark);
    lot_lock_two(word, onto.word);
    struct lot_node *first = lot_next(bucket_of(word), &bucket_of(word)->queue, word);
    again = first ? *first->onto : onto;
    if (again.word == onto.word)
        moved = lot_move(word, count, mark, &onto, &woken);
    lot_unlock_two(word, onto.word);
    lot_rouse(&woken);
    return again.word == onto.word ? moved : wait_move(word, count, mark);
}

bool wait_meet(uint32_t *word, plait_case *mine, void (*hand)(plait_case *mine, plait_case *theirs))
{
    struct lot_sleeper asleep[1];
    int sleepers = 0;
    wait_me();
    struct bucket *bucket = lot_lock(word);
    struct lot_node *node = lot_counterpart(bucket, &bucket->queue, word, mine);
    while (node && lot_fire(&node, 1, asleep, &sleepers) == 0)
        node = lot_counterpart(bucket, &node->link, word, mine);
    if (node) {
        hand(mine, node->offer);
        list_remove(&node->link);
    }
    lot_unlock(bucket);
    if (sleepers)
        asleep[0].carrier->rouse(asleep[0].self);
    return node != NULL;
}

uint32_t wait_sleepers(uint32_t *word)
{
    uint32_t count = 0;
    struct bucket *bucket = lot_lock(word);
    struct lot_node *node = lot_next(bucket, &bucket->queue, word);
    for (; node; node = lot_next(bucket, &node->link, word))
        count++;
    lot_unlock(bucket);
    return count;
}
