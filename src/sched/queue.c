/* Who may run: the worker's own queue, its inbox, what can be stolen, the global queue.
 *
 * A started coroutine stays on its worker, so its queue needs no atomics: the worker alone pushes
 * and pops. Others who wake such a coroutine push it into the inbox, a stack that they swap into
 * and the worker takes whole. What may run anywhere lies in `fresh` (not started) and `moving`
 * (movable and ready) under a spin lock: a lock-free deque was considered and is not faster here,
 * since the lock is free but for the moment of a theft, and a deque cannot turn a family round.
 *
 * Sleeping and waking, the lost wake-up argument: a worker stores SLEEPS, then looks at inbox,
 * fresh, moving and global once more; who adds work stores it first and then looks at the state.
 * All four are SEQ_CST, so one of the two sees the other. */
#include "os/os.h"
#include "os/sanitizer.h"
#include "sched/worker.h"

enum { GLOBAL_MOST = 64, STEAL_MOST = 64 };
enum { LONE_SAMPLE = 16, LONE_LEARNT = 4, PATIENCE = 128 /* looks: about 2 us */ };
#define LONE_SHORT INT64_C(10000) /* ns: about what a wake and a theft cost */

void fifo_push(struct sched_fifo *fifo, struct sched_co *co)
{
    atom_store(&co->next, NULL, RELAXED);
    if (fifo->first)
        atom_store(&fifo->last->next, co, RELEASE); /* pairs with ready_pass_on */
    else
        atom_store(&fifo->first, co, RELEASE);
    fifo->last = co;
    atom_store(&fifo->count, fifo->count + 1, RELAXED);
}

struct sched_co *fifo_pop(struct sched_fifo *fifo)
{
    struct sched_co *co = fifo->first;
    if (!co)
        return NULL;
    struct sched_co *next = co->next;
    atom_store(&fifo->first, next, RELEASE);
    if (next) { /* otherwise each switch waits for memory, since each lies on a stack of its own */
        __builtin_prefetch(next->context);
        __builtin_prefetch((char *)next->context + 64);
        __builtin_prefetch((char *)next->context + 128);
        /* not &next->next->next, which UBSan refuses where there is no third one */
        __builtin_prefetch((void *)((uintptr_t)next->next + offsetof(struct sched_co, next)));
    }
    atom_store(&fifo->count, fifo->count - 1, RELAXED);
    return co;
}

struct sched_co *fifo_take(struct sched_fifo *fifo, uint32_t before)
{
    struct sched_co *ahead = fifo->first;
    if (!before)
        return fifo_pop(fifo);
    while (--before)
        ahead = ahead->next;
    struct sched_co *co = ahead->next;
    atom_store(&ahead->next, co->next, RELAXED);
    if (fifo->last == co)
        fifo->last = ahead;
    atom_store(&fifo->count, fifo->count - 1, RELAXED);
    return co;
}

/* SLEEPS -> RUNS by whoever comes first: one ring of the bell for many wakers. */
void worker_wake(struct sched_worker *worker)
{
    uint32_t asleep = WORKER_SLEEPS;
    if (atom_load(&worker->state, SEQ_CST) == WORKER_SLEEPS &&
        atom_cas(&worker->state, &asleep, WORKER_RUNS, SEQ_CST)) {
        atom_sub(&sched.sleeping, 1, RELAXED);
        os_event_signal(worker->bell);
    }
}

/* New work that anybody may take. Nobody is woken while somebody searches: the searcher will find
 * it, and wakes the next when it has (as Go's scheduler does, so that one submission does not wake
 * all). */
void sched_wake_one(void)
{
    if (atom_load(&sched.searching, SEQ_CST))
        return;
    uint32_t count = atom_load(&sched.count, ACQUIRE);
    if (atom_load(&sched.sleeping, SEQ_CST)) {
        for (uint32_t i = 0; i < count; i++)
            if (atom_load(&sched.workers[i]->state, SEQ_CST) == WORKER_SLEEPS) {
                worker_wake(sched.workers[i]);
                return;
            }
    } else if (count < atom_load(&sched.wanted, RELAXED)) {
        atom_load(&sched.start, RELAXED)(count);
    }
}

static void inbox_push(struct sched_worker *worker, struct sched_co *co)
{
    struct sched_co *first = atom_load(&worker->inbox, RELAXED);
    do
        atom_store(&co->next, first, RELAXED);
    while (!atom_cas(&worker->inbox, &first, co,
                     SEQ_CST)); /* pairs with the swap of worker_inbox_take */
    worker_wake(worker);
}

static void global_push(struct sched_co *co)
{
    base_spin_lock(&sched.lock);
    fifo_push(&sched.global, co);
    base_spin_unlock(&sched.lock);
    sched_wake_one();
}

/* May another worker resume it? What it holds stands on its thread's list. */
static bool moves(const struct sched_co *co)
{
    return co->movable && !co->self.pinned;
}

static void moving_push(struct sched_worker *worker, struct sched_co *co)
{
    base_spin_lock(&worker->fresh_lock);
    fifo_push(&worker->moving, co);
    base_spin_unlock(&worker->fresh_lock);
    sched_wake_one();
}

void worker_inbox_take(struct sched_worker *worker)
{
    struct sched_co *co = atom_swap(&worker->inbox, NULL, ACQUIRE), *first = NULL;
    while (
        co) { /* newest first: turn it round, so that the order of waking is the order of running */
        struct sched_co *next = co->next;
        atom_store(&co->next, first, RELAXED);
        first = co;
        co = next;
    }
    while (first) {
        struct sched_co *next = first->next;
        if (moves(first))
            moving_push(worker, first);
        else
            fifo_push(&worker->ready, first);
        first = next;
    }
}

/* The word that it was woken on, once. */
OS_READS_HINTS static uint32_t *take_word(struct sched_co *co)
{
    return atom_load(&co->self.woken_on, RELAXED) ? atom_swap(&co->self.woken_on, NULL, RELAXED)
                                                  : NULL;
}

static void pass_on(uint32_t *word)
{
    if (word)
        wait_unpark(word, 1, false);
}

static void inbox_pass_on(struct sched_worker *worker)
{
    struct sched_co *co = atom_swap(&worker->inbox, NULL, ACQUIRE), *next;
    for (; co; co = next) {
        uint32_t *word = take_word(co);
        next = co->next;
        if (moves(co))
            global_push(co);
        else
            inbox_push(worker, co);
        pass_on(word);
    }
}

/* The queue belongs to the worker, which may go on at any moment, so the walk may stray into
 * another queue. It meets nothing but coroutines even then, because where one's record lies there
 * never lies anything else; `count` ends it. */
OS_READS_HINTS static void ready_pass_on(struct sched_worker *worker)
{
    uint32_t left = atom_load(&worker->ready.count, RELAXED);
    struct sched_co *co = atom_load(&worker->ready.first, ACQUIRE);
    for (; co && left; left--, co = atom_load(&co->next, ACQUIRE))
        pass_on(take_word(co));
}

/* Who was woken for a word and cannot run, because his worker is stuck, may be the only one who was
 * told that a lock is free. One more sleeper of that word is woken for each; a wake too many is
 * harmless. */
void worker_pass_on(struct sched_worker *worker)
{
    inbox_pass_on(worker);
    ready_pass_on(worker);
}

/* ---- a lone one. Most who start one coroutine wait for it next, and then their own worker runs it
 * at
 *  once: another one, woken for it, would come 5 us later, or, if it is searching, take it away, so
 *  that its end must be told across cores. Obvious idea: nobody is woken for a single one. Then a
 *  starter that goes on computing keeps it waiting. So thieves leave it alone for 2 us, and it is
 *  measured now and then how long it waited: as long as that is short nobody is woken. When that
 *  was wrong the watcher wakes somebody, once: the theft is learnt from, too. */

/* One was pushed, with the lock held: will its own worker run it soon? */
static bool lone_is_kept(struct sched_worker *worker)
{
    if (worker_offers(worker) != 1)
        return false;
    if (worker->lone_starts++ % LONE_SAMPLE == 0)
        worker->lone_since = os_now();
    return worker->lone_kept >= LONE_LEARNT;
}

/* Its own worker has taken it, with the lock held. */
static void lone_learn(struct sched_worker *worker)
{
    if (likely(!worker->lone_since))
        return;
    bool soon = os_now() - worker->lone_since < LONE_SHORT;
    worker->lone_since = 0;
    worker->lone_kept = soon ? worker->lone_kept + (worker->lone_kept < LONE_LEARNT) : 0;
}

/* Does the thief still leave what the victim offers to the victim? */
static bool lone_is_left(struct sched_worker *thief, const struct sched_worker *victim)
{
    uint32_t tick = atom_load(&victim->tick, RELAXED);
    if (worker_offers(victim) != 1)
        return false;
    if (thief->victim != victim || thief->victim_tick != tick) {
        thief->victim = victim;
        thief->victim_tick = tick;
        thief->patience = PATIENCE;
    }
    return thief->patience && thief->patience--;
}

void worker_fresh_push(struct sched_worker *worker, struct sched_co *co)
{
    base_spin_lock(&worker->fresh_lock);
    bool pushed = fresh_push(&worker->fresh, co), kept = lone_is_kept(worker);
    base_spin_unlock(&worker->fresh_lock);
    if (unlikely(!pushed))
        global_push(co);
    else if (!kept)
        sched_wake_one();
}

/* Behind what waits already. */
void worker_take_in(struct sched_worker *worker, struct sched_co *co)
{
    if (co->started) {
        worker_ready(worker, co);
        return;
    }
    base_spin_lock(&worker->fresh_lock);
    bool pushed = fresh_push_oldest(&worker->fresh, co);
    base_spin_unlock(&worker->fresh_lock);
    if (unlikely(!pushed))
        global_push(co);
}

/* Now and then the oldest, because under a steady stream of starts it would never be the
 * youngest. */
static struct sched_co *fresh_next(struct sched_worker *worker, uint32_t turn)
{
    if (!atom_load(&worker->fresh.count, RELAXED))
        return NULL;
    base_spin_lock(&worker->fresh_lock);
    struct sched_co *co =
        turn % SCHED_OLDEST == 1 ? fresh_pop_oldest(&worker->fresh) : fresh_pop(&worker->fresh);
    lone_learn(worker);
    base_spin_unlock(&worker->fresh_lock);
    return co;
}

static struct sched_co *moving_next(struct sched_worker *worker)
{
    if (!atom_load(&worker->moving.count, RELAXED))
        return NULL;
    base_spin_lock(&worker->fresh_lock);
    struct sched_co *co = fifo_pop(&worker->moving);
    base_spin_unlock(&worker->fresh_lock);
    return co;
}

/* A started one: in turns a pinned and a movable one, because both queues must move. */
static struct sched_co *started_next(struct sched_worker *worker)
{
    struct sched_co *co = ++worker->started_turn & 1 ? NULL : moving_next(worker);
    if (!co)
        co = fifo_pop(&worker->ready);
    return co ? co : moving_next(worker);
}

/* Several new ones for each started one: who waits for its children is then woken once for several
 * of them. */
struct sched_co *worker_next(struct sched_worker *worker, uint32_t turn)
{
    struct sched_co *co = turn % SCHED_FAMILY ? fresh_next(worker, turn) : NULL;
    if (!co)
        co = started_next(worker);
    return co || turn % SCHED_FAMILY ? co : fresh_next(worker, turn);
}

/* On its own worker's thread it goes straight into the queue; from anywhere else through the inbox,
 * a movable one too: the caller may be a signal handler, which must take no lock, and workers have
 * none, since they block all signals. */
void worker_ready(struct sched_worker *worker, struct sched_co *co)
{
    struct sched_worker *here = sched_here;
    if (here && moves(co))
        moving_push(here, co);
    else if (here == worker)
        fifo_push(&worker->ready, co);
    else
        inbox_push(worker, co);
}

/* Takes up to `most` of the global queue, and half of it at most, so that others find some too; the
 * first is returned. */
static struct sched_co *take_global(struct sched_worker *worker)
{
    struct sched_co *taken[GLOBAL_MOST];
    uint32_t count = 0;
    if (!atom_load(&sched.global.count, RELAXED))
        return NULL;
    base_spin_lock(&sched.lock);
    uint32_t most = (sched.global.count + 1) / 2;
    while (count < most && count < GLOBAL_MOST)
        taken[count++] = fifo_pop(&sched.global);
    base_spin_unlock(&sched.lock);
    for (uint32_t i = 1; i < count; i++)
        worker_take_in(worker, taken[i]);
    return count ? taken[0] : NULL;
}

/* Up to `most` of what a victim has; the first is returned. */
static struct sched_co *take_offered(struct sched_worker *worker, struct sched_worker *victim,
                                     uint32_t most)
{
    struct sched_co *taken[STEAL_MOST], *co;
    uint32_t count = 0;
    most = most < STEAL_MOST ? most : STEAL_MOST;
    base_spin_lock(&victim->fresh_lock);
    while (count < most &&
           ((co = fresh_pop_oldest(&victim->fresh)) || (co = fifo_pop(&victim->moving))))
        taken[count++] = co;
    if (count && !worker_offers(victim)) {
        victim->lone_kept = 0;
        victim->lone_since = 0;
    }
    base_spin_unlock(&victim->fresh_lock);
    for (uint32_t i = count; i > 1; i--) /* the oldest stays the oldest */
        worker_take_in(worker, taken[i - 1]);
    return count ? taken[0] : NULL;
}

/* Half of what a worker has more than this one, so that neither ends up with all of them. */
struct sched_co *worker_steal(struct sched_worker *worker)
{
    struct sched_co *co = take_global(worker);
    uint32_t count = atom_load(&sched.count, ACQUIRE);
    uint32_t mine = worker->ready.count + worker_offers(worker);
    for (uint32_t i = 1; i < count && !co; i++) {
        struct sched_worker *victim = sched.workers[((uint32_t)worker->index + i) % count];
        uint32_t theirs = worker_offers(victim);
        if (theirs <= mine || lone_is_left(worker, victim))
            continue;
        co = take_offered(worker, victim, (theirs - mine + 1) / 2);
        if (co)
            atom_store(&worker->steals, worker->steals + 1, RELAXED);
    }
    return co;
}

bool worker_has_work(const struct sched_worker *worker)
{
    if (atom_load(&worker->inbox, SEQ_CST) || atom_load(&sched.global.count, SEQ_CST))
        return true;
    uint32_t count = atom_load(&sched.count, ACQUIRE);
    for (uint32_t i = 0; i < count; i++)
        if (atom_load(&sched.workers[i]->fresh.count, SEQ_CST) ||
            atom_load(&sched.workers[i]->moving.count, SEQ_CST))
            return true;
    return false;
}

bool worker_finds_work(struct sched_worker *worker)
{
    if (atom_load(&worker->inbox, SEQ_CST) || atom_load(&sched.global.count, SEQ_CST))
        return true;
    uint32_t count = atom_load(&sched.count, ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        const struct sched_worker *other = sched.workers[i];
        if (worker_offers(other) && (other == worker || !lone_is_left(worker, other)))
            return true;
    }
    return false;
}
