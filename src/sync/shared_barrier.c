/* The barrier in shared memory: rounds that end for all at once, also when a party dies.
 * docs/shared-memory-sync.md argues each kill; tests/models/barrier.c explores these steps.
 *
 * Problem: a party that has come and is killed will never go on, so the others must not wait for
 * the rest. Obvious idea: count who has come. But a count does not say whose it is. So each party
 * that has come holds an *entry* of its own, a word on its thread's robust list, which the kernel
 * marks when it dies; and what became of its round is written there, so that who is slow to wake
 * cannot mistake a later round for his own. Entries lie beside the barrier (share/beside.h), two
 * for each party, since the fast come again while the slow still hold theirs.
 *
 * The lock, the first 48 bytes: who comes and who ends a round hold it for a moment, and never
 * while they sleep. While it is held Z is covered, so that a death inside wakes a sleeper, who
 * finds the lock's D and mends.
 * `z`, on which all sleep:
 *   bit 31 W     somebody may sleep. Who takes it off wakes all
 *   bit 30 P     changes with each round that ends
 *   bits 29..0   zero
 * `state`, in the same 8 bytes:
 *   bit 0 BROKEN
 *   bit 1 ENDING the last one has come: no time-out, no cancel, no death of a sleeper counts
 *   bit 2 ACTS   ... and runs his action, without the lock
 *   bits 8..31   number of the round, so that who leaves late does not break the next one
 * An entry: the word (W always with a TID) and its `own[0]`: 0 free, else what its holder is, and
 * his number << 8. An entry is free when nobody holds it and it is not WAITS.
 *
 * Wait:
 *   1. lock; pending = Z. Told of a death inside: end what it had begun to end (5), wake all, mend
 *   2. broken, or an entry of this round has a dead holder: break it (8), -EPIPE
 *   3. not the last one: take an entry, link it, WAITS; unlock; pending = Z; sleep on Z and on the
 *      entry of who came before. Each look: told? broken? has he died who came before, or anybody?
 *      D in the lock? then mend
 *   4. the last one: ENDING by compare and swap, since a sleeper may break it without the lock.
 *      With an action: holds an entry, unlocks, runs it, locks
 *   5. each entry that WAITS becomes GOES; then ENDING off, P changed, W off in one step; wake all
 *   6. told, or broken: D in the lock or broken: wake the others, because who ended it may have
 *      died before he could. Free the entry: unlink it, then take the TID off
 *   7. late or cancelled: unless ENDING: break it. Else sleep on: it is a matter of moments
 * 8. Break: BROKEN on, P changed, W off in one step; wake all. Without the lock
 * 9. Reset: lock; each that WAITS becomes LEFT; BROKEN off, P changed; wake all */
#include "sync/shared_barrier.h"
#include "base/report.h"
#include "share/beside.h"
#include "sync/repair.h"
#include "sync/shared_lock.h"

#include <errno.h>
#include <limits.h>

#define SLEEPERS ROBUST_WAITERS
#define PARITY UINT32_C(0x40000000)
enum { PARTIES_MOST = 120, BROKEN = 1, ENDING = 2, ACTS = 4, ROUND = 8 /* shift */ };
#define TRY_FOR (20 * INT64_C(1000000)) /* how long a try may wait for the lock, in ns */
enum { FREE, WAITS, GOES, LEFT, RUNS, KIND = 0xff, NUMBER = 8 /* shift */ };

struct shared_barrier {
    uint64_t lock[6]; /* struct robust_word without its room */
    union {
        struct {
            uint32_t z, state; /* lower half first, as the machines of os/ have it */
        };
        uint64_t both;
    };
    uint32_t parties; /* 0: never initialised */
    uint32_t where;   /* of the entries, in bytes from the barrier on */
};
_Static_assert(sizeof(struct shared_barrier) == sizeof(plait_barrier), "a barrier is 64 bytes");

struct barrier_call {
    struct shared_barrier *barrier;
    struct robust_word *entries;
    struct robust_word *mine;   /* NULL: none yet */
    struct robust_word *before; /* whose death this call is told of; NULL: nobody's */
    int count;                  /* of entries */
    uint32_t round;             /* in which it came */
    bool slept;
    int64_t deadline;
    void *place;
};

static struct barrier_call call_of(plait_barrier *object, void *place)
{
    struct shared_barrier *barrier = (struct shared_barrier *)object;
    struct barrier_call call = {.barrier = barrier, .place = place};
    uint32_t parties = atom_load(&barrier->parties, ACQUIRE);
    if (unlikely(!parties))
        base_misuse(object, "barrier", place, "never initialised: call plait_barrier_init");
    call.count = parties <= PARTIES_MOST ? 2 * (int)parties : 0;
    call.entries =
        share_beside_at(object, barrier->where, (size_t)call.count * sizeof *call.entries);
    if (unlikely(!call.count || !call.entries))
        base_misuse(object, "barrier", place, "damaged: its entries lie nowhere");
    return call;
}

static struct robust_word *lock_of(struct shared_barrier *barrier)
{
    return (struct robust_word *)(void *)barrier;
}

static uint32_t kind_of(const struct robust_word *entry)
{
    return (uint32_t)atom_load(&entry->own[0], ACQUIRE) & KIND; /* pairs with entry_becomes */
}

static void entry_becomes(struct robust_word *entry, uint32_t kind)
{
    uint64_t number = atom_load(&entry->own[0], RELAXED) & ~(uint64_t)KIND;
    atom_store(&entry->own[0], number | kind, RELEASE);
}

static bool is_held(const struct robust_word *entry)
{
    return atom_load(&entry->word, ACQUIRE) & ROBUST_OWNER;
}

static bool has_died(const struct robust_word *entry)
{
    uint32_t kind = kind_of(entry);
    return (kind == WAITS || kind == RUNS) && !is_held(entry);
}

static void wake_all(struct shared_barrier *barrier)
{
    wait_unpark(&barrier->z, INT_MAX, true);
}

/* The change of step 5 and of step 9: `off` and `on` of the state; P; the next round. */
static void barrier_turn(struct shared_barrier *barrier, uint32_t off, uint32_t on)
{
    uint64_t seen = atom_load(&barrier->both, RELAXED), next;
    do {
        uint32_t state = (uint32_t)(seen >> 32) + (1u << ROUND), z = (uint32_t)seen;
        next = (uint64_t)((state & ~off) | on) << 32 | ((z ^ PARITY) & ~SLEEPERS);
    } while (!atom_cas(&barrier->both, &seen, next, ACQ_REL)); /* pairs with sleep_words */
    if (seen & SLEEPERS)
        wake_all(barrier);
}

/* Step 8. False: it was broken already, or its round has ended, or is about to (`unless` 0: abort).
 * Z must be covered, because the sleepers lose W before their wake. */
static bool barrier_break(struct shared_barrier *barrier, uint32_t round, uint32_t unless)
{
    uint64_t seen = atom_load(&barrier->both, RELAXED), next;
    do {
        uint32_t state = (uint32_t)(seen >> 32), z = (uint32_t)seen;
        if (state & (unless | BROKEN) || (unless && state >> ROUND != round))
            return false;
        next = (uint64_t)(state | BROKEN) << 32 | ((z ^ PARITY) & ~SLEEPERS);
    } while (!atom_cas(&barrier->both, &seen, next, ACQ_REL)); /* pairs with sleep_words */
    if (seen & SLEEPERS)
        wake_all(barrier);
    return true;
}

static uint32_t state_of(const struct shared_barrier *barrier)
{
    return atom_load(&barrier->state, ACQUIRE);
}

/* Step 5, and the same for who are not let go on. Z must be covered and the lock held, so that
 * after a death in the midst somebody wakes up and ends it for the rest. */
static void barrier_end(struct barrier_call *call, uint32_t kind, uint32_t off, uint32_t on)
{
    for (int i = 0; i < call->count; i++)
        if (kind_of(&call->entries[i]) == WAITS)
            entry_becomes(&call->entries[i], kind);
    barrier_turn(call->barrier, off, on);
}

/* An action's task is gone when nobody holds its entry, since the kernel takes a dead one's TID
 * off. */
static bool actor_is_gone(const struct barrier_call *call)
{
    for (int i = 0; i < call->count; i++)
        if (kind_of(&call->entries[i]) == RUNS)
            return !is_held(&call->entries[i]);
    return true;
}

static void actor_forget(struct barrier_call *call)
{
    for (int i = 0; i < call->count; i++)
        if (kind_of(&call->entries[i]) == RUNS)
            entry_becomes(&call->entries[i], FREE);
    barrier_end(call, LEFT, ENDING | ACTS, BROKEN);
}

/* With the lock. What a dead one had begun to end must be ended, since some may have gone on by
 * now. */
static void barrier_repair(struct barrier_call *call)
{
    uint32_t state = state_of(call->barrier);
    if (state & ENDING && !(state & ACTS))
        barrier_end(call, GOES, ENDING, 0);
    else if (state & ENDING && actor_is_gone(call))
        actor_forget(call);
}

static int barrier_lock(struct barrier_call *call, int64_t deadline)
{
    int rc = shared_lock_acquire(lock_of(call->barrier), deadline, call->place);
    if (rc != 0 && rc != -EOWNERDEAD)
        return rc;
    wait_cover(&call->barrier->z);
    barrier_repair(call);
    if (rc == -EOWNERDEAD) {
        wake_all(call->barrier); /* since the dead one may have been about to */
        shared_lock_mend(lock_of(call->barrier), call->place);
    }
    return 0;
}

static void barrier_unlock(struct barrier_call *call)
{
    wait_uncover();
    shared_lock_release(lock_of(call->barrier), call->place);
}

/* The lock whatever comes, because who ends an action, or resets, cannot go back. */
static void barrier_lock_surely(struct barrier_call *call)
{
    struct wait_self *self = wait_me();
    int64_t limit = self->limit;
    self->limit = WAIT_NEVER;
    atom_store(&self->shield, self->shield + 1, RELAXED);
    int rc = barrier_lock(call, WAIT_NEVER);
    atom_store(&self->shield, self->shield - 1, RELAXED);
    self->limit = limit;
    if (rc != 0)
        base_misuse(call->barrier, "barrier", call->place, "damaged: no lock of it can be had");
}

/* ---- entries */

/* 0, -ENOLCK, -EAGAIN: all are held by those who are slow to leave. Z is covered again. */
static int entry_take(struct barrier_call *call, uint32_t kind, uint32_t number)
{
    struct wait_self *self = wait_me();
    struct robust_thread *here = robust_here();
    if (!here || robust_is_full(here))
        return -ENOLCK;
    for (int i = 0; i < call->count && !call->mine; i++) {
        struct robust_word *entry = &call->entries[i];
        uint32_t seen = atom_load(&entry->word, RELAXED);
        if (seen & ROBUST_OWNER || kind_of(entry) == WAITS || kind_of(entry) == RUNS)
            continue;
        robust_cover(here, self, &entry->word);
        if (atom_cas(&entry->word, &seen, here->tid | SLEEPERS,
                     ACQUIRE)) /* pairs with entry_free */
            call->mine = entry;
    }
    if (!call->mine)
        return wait_cover(&call->barrier->z), -EAGAIN;
    robust_link(here, call->mine, (uint64_t)(uintptr_t)self);
    self->pinned++;
    wait_cover(&call->barrier->z);
    atom_store(&call->mine->own[0], (uint64_t)number << NUMBER | kind, RELEASE); /* it has come */
    return 0;
}

/* Step 6, the second half. */
static void entry_free(struct barrier_call *call)
{
    struct robust_word *entry = call->mine;
    struct wait_self *self = wait_me();
    struct robust_thread *here = robust_current;
    if (!entry)
        return;
    atom_store(&entry->own[0], FREE, RELAXED);
    robust_cover(here, self, &entry->word);
    robust_unlink(here, entry);
    self->pinned--;
    atom_store(&entry->word, 0, RELEASE); /* pairs with entry_take */
    robust_uncover(here, self);
    call->mine = NULL;
}

/* ---- the sleep */

/* How many have come; -EPIPE: one of them has died. `before`: who came last, on whose entry the
 * next one sleeps, so that a death is told to somebody. */
static int barrier_count(struct barrier_call *call)
{
    int count = 0;
    uint64_t latest = 0;
    call->before = NULL;
    for (int i = 0; i < call->count; i++) {
        struct robust_word *entry = &call->entries[i];
        if (kind_of(entry) != WAITS)
            continue;
        if (!is_held(entry))
            return -EPIPE;
        uint64_t number = atom_load(&entry->own[0], RELAXED) >> NUMBER;
        if (!call->before || number > latest) {
            call->before = entry;
            latest = number;
        }
        count++;
    }
    return count;
}

/* A death that the kernel has marked, or has not (R4): of who came before this one, and, since
 * nobody comes after the latest, of that one by the first. */
static bool somebody_died(struct barrier_call *call)
{
    bool first = !call->before;
    int died = 0;
    if (first && call->mine)
        died = barrier_count(call);
    struct robust_word *asked = call->before;
    if (asked && call->slept && robust_patrol(&asked->word, atom_load(&asked->word, RELAXED)))
        died = -EPIPE;
    if (first)
        call->before = NULL;
    for (int i = 0; i < call->count && died >= 0; i++)
        if (has_died(&call->entries[i]))
            died = -EPIPE;
    return died < 0;
}

/* Only who has the lock may mend. It is tried rather than waited for, since the next look tries
 * again. */
static void barrier_mend(struct barrier_call *call)
{
    uint32_t *covered = wait_me()->covered;
    if (barrier_lock(call, 0) == 0)
        barrier_unlock(call);
    if (covered)
        wait_cover(covered);
}

static int sleep_attempt(void *object)
{
    struct barrier_call *call = object;
    struct shared_barrier *barrier = call->barrier;
    bool died_inside = atom_load(&lock_of(barrier)->word, ACQUIRE) & ROBUST_DIED;
    uint32_t state = state_of(barrier);
    uint64_t mine = atom_load(&call->mine->own[0], ACQUIRE); /* pairs with entry_becomes */
    if ((mine & KIND) == GOES) {
        if (died_inside)
            wake_all(barrier);
        return (int)(mine >> NUMBER) & KIND;
    }
    if ((mine & KIND) == LEFT || (state & BROKEN && !(state & ENDING))) {
        wake_all(barrier);
        return -EPIPE;
    }
    if (died_inside || (state & ACTS && actor_is_gone(call)))
        barrier_mend(call);
    else if (!(state & ENDING) && somebody_died(call))
        barrier_break(barrier, call->round, ENDING);
    return -EAGAIN;
}

static int sleep_words(void *object, struct wait_word *words)
{
    struct barrier_call *call = object;
    struct shared_barrier *barrier = call->barrier;
    uint64_t seen = atom_load(&barrier->both, ACQUIRE); /* pairs with barrier_turn */
    do
        if (kind_of(call->mine) != WAITS || ((seen >> 32) & (BROKEN | ENDING)) == BROKEN)
            return 0;
    while (!(seen & SLEEPERS) && !atom_cas(&barrier->both, &seen, seen | SLEEPERS, ACQUIRE));
    call->slept = true;
    words[0] = (struct wait_word){.word = &barrier->z,
                                  .seen = (uint32_t)seen | SLEEPERS,
                                  .shared = true,
                                  .all = true,
                                  .looks = true};
    if (!call->before)
        return 1;
    uint32_t holder = atom_load(&call->before->word, RELAXED);
    words[1] = (struct wait_word){
        .word = &call->before->word, .seen = holder, .shared = true, .owned = true};
    return holder & ROBUST_OWNER ? 2 : 1;
}

/* Steps 6 and 7. The entry is held, Z covered. */
static int barrier_sleep(struct barrier_call *call)
{
    static const struct wait_call wait = {sleep_attempt, sleep_words, "wait", "barrier"};
    struct shared_barrier *barrier = call->barrier;
    int rc = wait_until(&wait, call, barrier, call->deadline, call->place);
    bool late = rc == -ETIMEDOUT || rc == -ECANCELED;
    if (late && !barrier_break(barrier, call->round, ENDING)) {
        if (rc == -ECANCELED)
            wait_cancel_again(wait_me()); /* the result came first, so the next wait tells it */
        rc = wait_until_done(&wait, call, barrier, call->place);
    }
    wait_uncover();
    entry_free(call);
    return rc;
}

/* ---- the last one */

static void action_end(struct barrier_call *call)
{
    bool completed = !call->before;
    barrier_lock_surely(call);
    atom_store(&call->mine->own[0], FREE, RELAXED);
    barrier_end(call, completed ? GOES : LEFT, ENDING | ACTS, completed ? 0 : BROKEN);
    barrier_unlock(call);
    entry_free(call);
}

/* With the lock, which is given back so that the user's code cannot hold it up. `before` tells
 * action_end that the action was left. */
static void barrier_act(struct barrier_call *call, const struct repair *action)
{
    struct barrier_call ending __attribute__((cleanup(action_end))) = *call;
    barrier_unlock(call);
    ending.before = ending.mine;
    action->function(action->arg);
    ending.before = NULL;
}

/* Step 4. */
static int barrier_complete(struct barrier_call *call)
{
    struct shared_barrier *barrier = call->barrier;
    const struct repair *action = repair_find(barrier);
    uint32_t state = state_of(barrier);
    int rc = action ? entry_take(call, RUNS, 0) : 0;
    while (rc == 0 && !(state & BROKEN))
        if (atom_cas(&barrier->state, &state, state | ENDING | (action ? ACTS : 0), ACQ_REL)) {
            if (action) {
                barrier_act(call, action);
                return (int)barrier->parties - 1;
            }
            barrier_end(call, GOES, ENDING, 0);
            break;
        }
    if (call->mine)
        atom_store(&call->mine->own[0], FREE, RELAXED);
    barrier_unlock(call);
    entry_free(call);
    return rc != 0 ? rc : state & BROKEN ? -EPIPE : (int)barrier->parties - 1;
}

/* ---- coming */

/* Steps 2 to 4, with the lock, which is given back. -EAGAIN: not yet, try again. */
static int barrier_come(struct barrier_call *call)
{
    struct shared_barrier *barrier = call->barrier;
    uint32_t state = state_of(barrier);
    int count = barrier_count(call), rc = -EPIPE;
    call->round = state >> ROUND;
    if (!(state & (BROKEN | ENDING)) && count == (int)barrier->parties - 1)
        return barrier_complete(call);
    if (state & ENDING)
        rc = -EAGAIN;
    else if (count < 0)
        barrier_break(barrier, call->round, ENDING);
    else if (!(state & BROKEN))
        rc = call->deadline == 0 ? -EAGAIN : entry_take(call, WAITS, (uint32_t)count);
    barrier_unlock(call);
    if (rc != 0 || !call->mine)
        return rc;
    wait_cover(&barrier->z);
    return barrier_sleep(call);
}

/* Does this task run the action? Then a wait must fail, because the round ends with its return. */
static bool barrier_is_acting(const struct barrier_call *call)
{
    uint64_t me = (uint64_t)(uintptr_t)wait_me();
    for (int i = 0; i < call->count; i++)
        if (kind_of(&call->entries[i]) == RUNS)
            return robust_holds(&call->entries[i], me);
    return false;
}

static int turn_attempt(void *object)
{
    struct barrier_call *call = object;
    if (!(state_of(call->barrier) & ENDING))
        return 0;
    if (actor_is_gone(call))
        barrier_mend(call);
    return state_of(call->barrier) & ENDING ? -EAGAIN : 0;
}

static int turn_words(void *object, struct wait_word *words)
{
    struct shared_barrier *barrier = ((struct barrier_call *)object)->barrier;
    uint64_t seen = atom_load(&barrier->both, ACQUIRE); /* pairs with barrier_turn */
    do
        if (!((seen >> 32) & ENDING))
            return 0;
    while (!(seen & SLEEPERS) && !atom_cas(&barrier->both, &seen, seen | SLEEPERS, ACQUIRE));
    words[0] = (struct wait_word){.word = &barrier->z,
                                  .seen = (uint32_t)seen | SLEEPERS,
                                  .shared = true,
                                  .all = true,
                                  .looks = true};
    return 1;
}

/* The action of the round before is under way, or all entries are still held by those who leave:
 * these are asked each millisecond, since an entry is freed without a wake. */
static int barrier_await_turn(struct barrier_call *call)
{
    static const struct wait_call wait = {turn_attempt, turn_words, "wait", "barrier"};
    if (!(state_of(call->barrier) & ENDING)) {
        int64_t moment = wait_now() + 1000000;
        int rc = wait_park(NULL, 0, moment < call->deadline ? moment : call->deadline);
        return rc == -ECANCELED ? rc : wait_now() >= call->deadline ? -ETIMEDOUT : 0;
    }
    wait_cover(&call->barrier->z);
    int rc = wait_until(&wait, call, call->barrier, call->deadline, call->place);
    wait_uncover();
    return rc;
}

/* Step 1, and what comes before it. 0: has the lock; otherwise it cannot come, which breaks the
 * round unless it was a try. */
static int barrier_begin(struct barrier_call *call)
{
    bool tries = call->deadline == 0;
    uint32_t round = state_of(call->barrier) >> ROUND;
    int rc = barrier_lock(call, tries ? wait_now() + TRY_FOR : call->deadline);
    if (rc == 0 || tries)
        return rc == -ETIMEDOUT ? -EAGAIN : rc;
    wait_cover(&call->barrier->z);
    barrier_break(call->barrier, round, ENDING);
    wait_uncover();
    return rc;
}

int shared_barrier_wait(plait_barrier *object, int64_t deadline, void *place)
{
    struct barrier_call call = call_of(object, place);
    int rc;
    call.deadline = deadline;
    if (barrier_is_acting(&call))
        return -EDEADLK;
    do {
        rc = barrier_begin(&call);
        if (rc == 0)
            rc = barrier_come(&call);
        if (rc == -EAGAIN && deadline == 0)
            return wait_not_now();
    } while (rc == -EAGAIN && (rc = barrier_await_turn(&call)) == 0);
    return rc;
}

/* Step 8. */
void shared_barrier_abort(plait_barrier *object, void *place)
{
    struct barrier_call call = call_of(object, place);
    wait_cover(&call.barrier->z);
    barrier_break(call.barrier, 0, 0);
    wait_uncover();
}

/* Step 9. While a round ends only BROKEN goes off, because who WAITS then must be let go on. */
void shared_barrier_reset(plait_barrier *object, void *place)
{
    struct barrier_call call = call_of(object, place);
    barrier_lock_surely(&call);
    if (state_of(call.barrier) & ENDING)
        atom_and(&call.barrier->state, ~(uint32_t)BROKEN, SEQ_CST);
    else
        barrier_end(&call, LEFT, BROKEN, 0);
    barrier_unlock(&call);
}

int shared_barrier_waiting(plait_barrier *object, void *place)
{
    struct barrier_call call = call_of(object, place);
    int count = state_of(call.barrier) & (BROKEN | ENDING) ? 0 : barrier_count(&call);
    return count < 0 ? 0 : count;
}

void shared_barrier_action(plait_barrier *object, void (*action)(void *arg), void *arg, void *place)
{
    struct barrier_call call = call_of(object, place);
    if (!repair_set(call.barrier, action, arg))
        base_misuse(object, "barrier", place, "no memory for its action");
}

int shared_barrier_init(plait_barrier *object, int parties)
{
    struct shared_barrier *barrier = (struct shared_barrier *)object;
    if (parties > PARTIES_MOST)
        return -E2BIG;
    size_t size = 2 * (size_t)parties * sizeof(struct robust_word);
    uint64_t where = share_beside_take(object, size);
    struct robust_word *entries = where <= UINT32_MAX ? share_beside_at(object, where, size) : NULL;
    if (!entries)
        return -ENOSPC;
    for (int i = 0; i < 2 * parties; i++)
        entries[i] = (struct robust_word){.before = 0x80, .behind = 1}; /* for musl, robust.h */
    barrier->where = (uint32_t)where;
    atom_store(&barrier->parties, (uint32_t)parties, RELEASE); /* pairs with call_of */
    return 0;
}
