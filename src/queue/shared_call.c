/* How calls on a shared queue get in, wake and wait.
 *
 * Problem: a wait must end when what it waits for comes, when whoever was to bring it is killed,
 * and when nobody is left who could. Obvious idea: each end wakes the other side. But a killer asks
 * nobody. Three things work together: the kernel wakes one sleeper of the word that a dying thread
 * had pending; a sleeper lets the kernel compare the cell's stamp beside that word, because a
 * commit whose task dies at once changes nothing else; and each 20 ms a sleeper looks after those
 * who are gone (docs/shared-memory-queue.md). */
#include "base/report.h"
#include "base/settings.h"
#include "os/os.h"
#include "queue/shared_end.h"
#include "sync/waiter.h"

#include <plait/error.h>
#include <plait/time.h>

#include <errno.h>
#include <limits.h>

/* LOCK_MOST: who is inside for longer must have been stopped, since an end is held for a copy. */
#define LOCK_MOST (50 * PLAIT_MILLISECOND)
#define LOOK_EACH (15 * PLAIT_MILLISECOND)
enum { SPIN_NS = 20000, PAUSES = 16 };

enum shared_side shared_side_of(const struct queue_call *call)
{
    if (unlikely(call->joins))
        return SHARED_JOINS;
    return call->side == &call->queue->room ? SHARED_PUTS : SHARED_GETS;
}

/* ---- entering */

/* Held by somebody. A first attempt does not know its call's deadline; it is not cancelled, because
 * it would be told of a wait that it never was in. */
static __attribute__((noinline)) int enter_held(struct queue_call *call, struct robust_word *lock)
{
    struct wait_self *self = wait_me();
    int64_t most = wait_now() + LOCK_MOST;
    bool first = !call->waited;
    atom_store(&self->shield, self->shield + first, RELAXED);
    int rc = shared_lock_acquire(lock, first || call->deadline > most ? most : call->deadline,
                                 call->place);
    atom_store(&self->shield, self->shield - first, RELAXED);
    return rc == -ETIMEDOUT ? -EAGAIN : rc;
}

int shared_enter_slowly(struct queue_call *call, struct robust_word *lock, int rc)
{
    if (rc == -EAGAIN)
        rc = enter_held(call, lock);
    if (rc == -EOWNERDEAD) {
        plait_queue *queue = call->queue;
        bool gets = lock == &queue->shared.head->ends[SHARED_GETS].lock;
        queue->kind->repair(queue, gets ? SHARED_GETS : SHARED_PUTS);
        shared_lock_mend(lock, call->place);
        return 0;
    }
    return rc == -ENOTRECOVERABLE ? -PLAIT_EFORMAT : rc;
}

void shared_enter_surely(struct queue_call *call, struct robust_word *lock)
{
    int rc;
    while ((rc = shared_enter_lock(call, lock)) == -EAGAIN)
        ;
    if (rc != 0)
        base_misuse(call->queue, "queue", call->place,
                    "its memory is damaged, or no lock is left: %s", plait_strerror(rc));
}

/* ---- waking */
void shared_wake_slowly(plait_queue *queue, enum shared_side side, int count)
{
    uint32_t *word = &queue->shared.head->sleep[side].word;
    if (wait_unpark(word, count, true) == 0)
        os_futex_clear(word, ROBUST_WAITERS_BIT, true);
}

/* ---- who else is there */
void shared_mark_slowly(plait_queue *queue, enum shared_side side)
{
    struct shared *shared = &queue->shared;
    share_user_mark(shared->area, side == SHARED_PUTS ? SHARED_HAS_PUT : SHARED_HAS_GOT);
    atom_store(&shared->me, share_user_me(shared->area), RELAXED);
    atom_store(&shared->marked[side], wait_forks + 1, RELEASE); /* pairs with who enters alone */
}

bool shared_is_gone(const plait_queue *queue, uint64_t owner)
{
    return share_user_is_gone(queue->shared.area, owner);
}

/* The rule of the last one alive: -EPIPE, -EOWNERDEAD; -EAGAIN: somebody may still come. */
static int rule(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    struct share_others others;
    uint32_t helps = shared_side_of(call) == SHARED_GETS ? SHARED_HAS_PUT : SHARED_HAS_GOT;
    bool given_up = queue->shared.given_up[helps == SHARED_HAS_PUT ? SHARED_PUTS : SHARED_GETS];
    if ((!given_up && share_user_marks(queue->shared.area) & helps) ||
        !share_users_others(queue->shared.area, &others))
        return -EAGAIN;
    call->looks_after = true; /* since the last one may have left some behind */
    int rc = call->attempt(call);
    call->looks_after = false;
    return rc != -EAGAIN ? rc : others.died ? -EOWNERDEAD : -EPIPE;
}

/* Once each LOOK_EACH for all selects of this process, since it costs system calls. */
int shared_try(struct queue_call *call, bool sure)
{
    struct shared *shared = &call->queue->shared;
    int rc = call->attempt(call);
    int64_t now = rc == -EAGAIN && call->slept ? wait_now_coarse() : 0;
    if (rc == -EAGAIN && sure)
        return rule(call);
    if (rc != -EAGAIN || !now || now - atom_load(&shared->ruled, RELAXED) < LOOK_EACH)
        return rc;
    atom_store(&shared->ruled, now, RELAXED);
    return rule(call);
}

/* ---- waiting */

/* Asked behind each attempt in vain, because a call that is kept out by somebody who was stopped
 * inside, although there is something to be had, never lies down, where else deadlines are looked
 * at. */
static bool is_too_late(const struct queue_call *call)
{
    struct wait_self *self = wait_me();
    int64_t now = wait_now();
    self->cut |= now >= self->limit && self->limit < call->deadline;
    return now >= call->deadline || now >= self->limit;
}

static int shared_attempt(void *object)
{
    struct queue_call *call = object;
    int64_t now = wait_now();
    call->looks_after = call->since && now - call->since >= LOOK_EACH;
    int rc = call->attempt(call);
    if (rc == -EAGAIN && call->looks_after) {
        call->since = now;
        rc = rule(call);
    }
    call->looks_after = false;
    return rc == -EAGAIN && is_too_late(call) ? -ETIMEDOUT : rc;
}

/* What the kernel compares beside the side's own word. */
static bool second_word(struct queue_call *call, struct wait_word *word)
{
    if (!call->joins)
        return call->queue->kind->vain_word(call, word);
    word->word = (uint32_t *)(void *)&call->queue->shared.head->done;
    word->seen = atom_load(word->word, SEQ_CST);
    return true;
}

/* Steps 10 to 13. */
static int shared_words(void *object, struct wait_word *words)
{
    struct queue_call *call = object;
    uint32_t *word = &call->queue->shared.head->sleep[shared_side_of(call)].word;
    if (!call->since)
        call->since = wait_now();
    wait_cover(word);
    words[1] = (struct wait_word){.shared = true}; /* since the side sets the rest as it needs it */
    if (!second_word(call, &words[1]))
        return 0;
    uint32_t seen = atom_or(word, SHARED_W, SEQ_CST) | SHARED_W;
    if (!call->is_vain(call))
        return 0;
    words[0] = (struct wait_word){.word = word, .seen = seen, .shared = true};
    return 2;
}

/* The other side may be in another process, so whether it runs is not known but by whether spinning
 * has paid. Only looks, because attempts would take the lock away from who is to bring
 * something. */
static int spin(struct queue_call *call)
{
    int shift = sync_budget_take(&call->side->budget);
    sync_budget_learn(&call->side->budget, 0); /* a sleep behind it teaches otherwise */
    if (shift < 0 || !waiter_may_spin(wait_me(), NULL))
        return -EAGAIN;
    int64_t end = os_now() + (SPIN_NS >> shift);
    for (int pause = 1; os_now() < end; pause += pause < PAUSES ? pause : 0) {
        for (int i = 0; i < pause; i++)
            os_relax();
        int rc = call->is_vain(call) ? -EAGAIN : call->attempt(call);
        if (rc != -EAGAIN)
            return rc;
    }
    return -EAGAIN;
}

/* A coroutine sleeps to its deadline, because its helper's patrol looks after words, not after
 * processes that are gone: so it sleeps in slices. */
static int wait_sliced(const struct wait_call *wait, struct queue_call *call, int64_t deadline)
{
    struct wait_self *self = wait_me();
    int64_t patrol = base_settings()->patrol, until = deadline;
    if (self->limit < until)
        until = self->limit;
    for (;;) {
        int64_t slice = self->carrier->is_coroutine && patrol ? wait_now() + patrol : until;
        bool last = slice >= until;
        int rc = wait_until_tried(wait, call, call->queue, last ? deadline : slice, call->place);
        if (rc != -ETIMEDOUT || last)
            return rc;
        call->since = 1; /* long ago, so that it looks after those who are gone */
        if ((rc = shared_attempt(call)) != -EAGAIN)
            return rc;
    }
}

/* In a fork's child they begin at 0, because the counts are those of the parent's tasks. */
static void count_in(struct queue_call *call)
{
    struct shared *shared = &call->queue->shared;
    if (unlikely(shared->forks != wait_forks)) {
        shared->forks = wait_forks;
        call->queue->items.waiting = call->queue->room.waiting = 0;
        call->queue->finished.waiting = 0;
    }
    atom_add(&call->side->waiting, 1, RELAXED);
    call->counted = true;
}

void shared_over_slowly(struct queue_call *call)
{
    call->counted = false;
    sync_budget_learn(&call->side->budget, os_now() - call->began);
    atom_sub(&call->side->waiting, 1, RELEASE); /* pairs with the look of plait_queue_free */
}

int shared_wait(const char *verb, struct queue_call *call, int64_t deadline, void *place)
{
    struct wait_call wait = {shared_attempt, shared_words, verb, "queue"};
    call->deadline = deadline;
    call->place = place;
    call->waited = true;
    int rc = spin(call);
    if (rc == -EAGAIN) {
        count_in(call);
        call->began = os_now();
        rc = wait_sliced(&wait, call, deadline);
        if (call->counted)
            shared_over_slowly(call);
        for (int side = SHARED_PUTS; rc == -EPIPE && side <= SHARED_GETS; side++)
            shared_wake(call->queue, side, INT_MAX); /* since who closed may have been killed */
        wait_uncover();
    }
    return rc;
}
