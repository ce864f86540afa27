/* The private lock. The shared form is another protocol, in shared_lock.c.
 *
 * Problem: threads and coroutines contend for sections of 100 ns, while waking a sleeper costs
 * 10,000 ns and more. Obvious idea: hand the lock to the longest sleeper at each release. Then
 * every section waits for a wake, and the lock does 50,000 sections a second instead of millions.
 * So a release hands over nothing: whoever comes first takes the lock, and time, not order, bounds
 * how long a sleeper can lose that race.
 *
 * The word:
 *   bit 0 LOCKED  somebody holds it
 *   bit 1 W       somebody may sleep in the lot: a release must wake one. May be stale, never
 *                 missing
 *   bit 2 S       a sleeper has lost for more than STARVED: who has not slept yet queues behind
 *                 instead of taking a free lock
 *   bit 3 K       a woken thread is on its way: releases wake nobody else meanwhile, otherwise each
 *                 release of the 20 us until it runs would wake one more, who finds the lock taken
 *   bit 4 D       a fork left the holder behind, and what the lock protects has not been mended;
 *                 on a free lock: who was told has put it back, so the next one is told
 *   bit 5 R       released with D: refused to all
 *   bits 8..31    generation (wait_forks) of who locked it; S and K of another generation speak of
 *                 tasks that are not here
 * and behind it, in the same 8 bytes, the owner's number. Both change in one step, so that a
 * release is one instruction that also proves that the caller holds the lock, and "do I hold it?"
 * has an exact answer. (An owner in a word of its own costs one more transfer of the line between
 * cores at each release: whoever spins takes the line away between the two stores.)
 *
 * Acquire:
 *   1. word 0 -> LOCKED | generation. Nobody can be starving or on his way: done.
 *   2. Free with W, S or K: the same, keeping W; S only for who has slept. Who has slept clears K,
 *      who starved clears S.
 *   3. Held: spin while that has paid so far (budget.h).
 *   4. Set W, clear K, park on the word as it then stands; back to 2.
 *   5. Leaving without the lock (time-out, cancel): clear K, S as above; a free lock with W is
 *      passed on: wake one.
 * Release:
 *   6. LOCKED -> 0, keeping S and K. W without K: W off, and wake one; the lot sets K and, while
 *      others remain asleep, W again, before the woken one can run.
 * No sleeper is forgotten: W goes off only at 5 and 6, both wake afterwards, and the lot restores
 * it under its bucket's lock. K stands only for a task that is still inside 2 to 5, each of which
 * takes it off: then the next release wakes again. After 6 the lock is not touched but by the lot
 * while sleepers remain, so that the next holder may free it. */
#include "base/settings.h"
#include "os/os.h"
#include "sync/check.h"
#include "sync/lock_call.h"
#include "sync/object.h"
#include "sync/shared_lock.h"
#include "wait/look.h"

#include <errno.h>

enum {
    LOCKED = 1,
    SLEEPERS = 2, /* W */
    STARVES = 4,  /* S */
    COMING = 8,   /* K */
    DIED = 16,
    REFUSED = 32,
    GENERATION = 8, /* shift */
    PAUSES = 64     /* of os_relax between two looks, at most: 1 or 2 us */
};
#define STARVED INT64_C(1000000) /* ns of waiting after which S is set */
#define SPIN INT64_C(20000)      /* ns of spinning before a sleep: about what a wake costs */

_Static_assert(LOCK_SHUT == (LOCKED | DIED | REFUSED), "as lock_is_shut has it");

/* What both are while this task holds the lock and nobody waits. */
static inline uint64_t lock_mine(const struct wait_self *self)
{
    return LOCKED | wait_forks << GENERATION | (uint64_t)waiter_number(self) << 32;
}

static inline uint32_t owner_in(uint64_t seen)
{
    return (uint32_t)(seen >> 32);
}

static inline bool is_stale(uint32_t seen)
{
    return (seen >> GENERATION) != (wait_forks & UINT32_MAX >> GENERATION);
}

/* Held, but by a task that the last fork left behind? */
static bool is_orphaned(uint64_t seen)
{
    return seen & LOCKED && is_stale((uint32_t)seen) &&
           owner_in(seen) != waiter_number(wait_forker);
}

/* May this call take the lock as it stands? */
static bool is_open(const struct lock_call *call, uint64_t seen)
{
    if (seen & LOCKED)
        return is_orphaned(seen);
    return call->slept || !(seen & STARVES) || is_stale((uint32_t)seen);
}

/* Marks of the word that outlive this call's leaving the race. */
static uint32_t marks_left(const struct lock_call *call, uint32_t seen)
{
    uint32_t marks = seen & (SLEEPERS | STARVES | COMING);
    if (is_stale(seen))
        marks &= SLEEPERS;
    if (call->slept)
        marks &= ~(uint32_t)COMING;
    if (call->starved)
        marks &= ~(uint32_t)STARVES;
    return marks;
}

int lock_attempt(void *object)
{
    struct lock_call *call = object;
    struct lock *lock = call->lock;
    if (call->rc != -EAGAIN)
        return call->rc;
    uint64_t seen = atom_load(&lock->both, RELAXED);
    for (;;) {
        if (unlikely(seen & REFUSED))
            return -ENOTRECOVERABLE;
        if (!is_open(call, seen))
            return -EAGAIN;
        uint32_t died = seen & LOCKED ? DIED : (uint32_t)seen & DIED;
        uint64_t next = lock_mine(call->self) | marks_left(call, (uint32_t)seen) | died;
        if (atom_cas(&lock->both, &seen, next,
                     ACQUIRE)) { /* pairs with the RELEASE of plait_lock_release */
            atom_store(&lock->place, call->place, RELAXED);
            call->self->locks++;
            return died ? -EOWNERDEAD : 0;
        }
    }
}

static void wake_one(struct lock *lock)
{
    wait_unpark_marking(&lock->word, 1, COMING | wait_forks << GENERATION, SLEEPERS);
}

/* Step 3. The lock's result, or -EAGAIN: it did not pay. Looks become rare soon: each takes the
 * line away from the holder, who then releases later, and where a transfer is dear it is better to
 * let him have two sections. */
static int lock_spin(struct lock_call *call)
{
    struct lock *lock = call->lock;
    int64_t end = 0, now;
    int shift;
    if (!waiter_may_spin(call->self, waiter_of(atom_load(&lock->owner, RELAXED))) ||
        (shift = sync_budget_take(&lock->budget)) < 0)
        return -EAGAIN;
    for (unsigned round = 1, pause = 1;; round++) {
        for (unsigned i = 0; i < pause; i++)
            os_relax();
        pause = pause < PAUSES ? pause * 2 : pause;
        uint32_t seen = atom_load(&lock->word, RELAXED);
        int rc = seen & LOCKED ? -EAGAIN : lock_attempt(call);
        if (rc != -EAGAIN) {
            sync_budget_learn(&lock->budget, 0);
            return rc;
        }
        if (seen & STARVES && !call->slept)
            return -EAGAIN;
        if (round % 4 == 0 && (now = os_now()) >= end) {
            if (end)
                break;
            end = now + (SPIN >> shift);
        }
    }
    return -EAGAIN;
}

/* Step 4: how long this call has been losing, and W. */
int lock_words(void *object, struct wait_word *words)
{
    struct lock_call *call = object;
    struct lock *lock = call->lock;
    if (call->slept && !call->spun) {
        call->spun = true; /* once a sleep: the loop comes here again when the try after it fails */
        if ((call->rc = lock_spin(call)) != -EAGAIN)
            return 0;
    }
    int64_t now = wait_now();
    if (!call->slept)
        call->since = now;
    else if (now - call->since > STARVED)
        call->starved = true;
    uint64_t both;
    uint32_t seen, next;
    do {
        /* One load for the look and the comparison: with two, the lock could be free at the first,
         * held at the second and free again at the change, and all would sleep. */
        both = atom_load(&lock->both, RELAXED);
        seen = (uint32_t)both;
        if (seen & REFUSED || is_open(call, both))
            return 0;
        next = (seen & ~(call->slept ? COMING : 0)) | SLEEPERS | (call->starved ? STARVES : 0);
    } while (next != seen && !atom_cas(&lock->word, &seen, next, ACQUIRE));
    call->slept = true;
    call->spun = false;
    words[0] = (struct wait_word){.word = &lock->word, .seen = next};
    return 1;
}

/* Step 5. */
void lock_give_up(struct lock_call *call)
{
    struct lock *lock = call->lock;
    uint32_t seen = atom_load(&lock->word, RELAXED), next;
    bool wake;
    do {
        wake = !(seen & LOCKED) && seen & SLEEPERS;
        next = (seen & ~(uint32_t)(SLEEPERS | STARVES | COMING)) | marks_left(call, seen);
        if (wake)
            next &= ~(uint32_t)SLEEPERS;
    } while (next != seen && !atom_cas(&lock->word, &seen, next, ACQUIRE));
    if (wake)
        wake_one(lock);
}

/* Who holds it as it stood when it was copied, because the lock itself may be gone by now. */
static struct wait_self *holder_in(const struct lock *copy)
{
    if (copy->head != SYNC_PRIVATE_HEAD || !(copy->word & LOCKED) || is_orphaned(copy->both))
        return NULL;
    return waiter_of(copy->owner);
}

int lock_holders(const struct wait_self *waiter, const void *shown, struct wait_holder *who,
                 int most)
{
    struct lock copy;
    if (!os_peek(shown, &copy, sizeof copy))
        return 0;
    *who = (struct wait_holder){holder_in(&copy), copy.place};
    return who->self != NULL;
}

static __attribute__((noinline)) int lock_wait(struct lock *lock, int64_t deadline, bool done,
                                               const char *type, void *place)
{
    const struct wait_call how = {lock_attempt, lock_words, "acquire", type};
    struct lock_call call = {.lock = lock, .self = wait_me(), .place = place, .rc = -EAGAIN};
    int rc = lock_attempt(&call);
    if (rc != -EAGAIN)
        return rc;
    if (atom_load(&lock->owner, RELAXED) == waiter_number(call.self)) {
        if (base_settings()->check)
            waiter_misuse(lock, type, place, call.self, lock->place, "taken twice by one task");
        return -EDEADLK;
    }
    if (deadline == 0)
        return wait_not_now();
    call.rc = lock_spin(&call);
    if (call.rc != -EAGAIN)
        return call.rc;
    wait_on_holders(call.self, lock_holders, true);
    rc = done ? wait_until_done(&how, &call, lock, place)
              : wait_until(&how, &call, lock, deadline, place);
    wait_on_holders(call.self, NULL, true);
    if (call.slept)
        sync_budget_learn(&lock->budget, wait_now() - call.since);
    if (call.slept && rc != 0 && rc != -EOWNERDEAD)
        lock_give_up(&call);
    return rc;
}

__attribute__((noinline)) int lock_take_shared(plait_lock *object, int64_t deadline, bool done,
                                               void *place)
{
    struct robust_word *lock = (struct robust_word *)object;
    sync_check(object, "lock", place);
    if (!done)
        return shared_lock_acquire(lock, deadline, place);
    struct wait_self *self = wait_me();
    int64_t limit = self->limit;
    self->limit = WAIT_NEVER;
    self->shield++;
    int rc = shared_lock_acquire(lock, WAIT_NEVER, place);
    self->shield--;
    self->limit = limit;
    return rc;
}

/* As one who has slept on the lock: it was perhaps woken there, with K set for it. */
static int lock_wait_again(struct lock *lock, void *place)
{
    static const struct wait_call acquire = {lock_attempt, lock_words, "acquire", "lock"};
    struct lock_call call = {
        .lock = lock, .self = wait_me(), .place = place, .rc = -EAGAIN, .slept = true};
    call.since = wait_now();
    wait_on_holders(call.self, lock_holders, false);
    int rc = wait_until_done(&acquire, &call, lock, place);
    wait_on_holders(call.self, NULL, true);
    if (rc != 0 && rc != -EOWNERDEAD)
        lock_give_up(&call);
    return rc;
}

int lock_take_again(plait_lock *object, void *place)
{
    int rc = sync_is_private(object) ? lock_wait_again((struct lock *)object, place)
                                     : lock_take_shared(object, WAIT_NEVER, true, place);
    if (rc == 0 || rc == -EOWNERDEAD)
        check_acquired(object, lock_mark(object), "lock", place);
    return rc;
}

void lock_onto(const plait_lock *object, struct wait_onto *onto)
{
    struct lock *lock = (struct lock *)object;
    *onto = (struct wait_onto){.object = object};
    if (!sync_is_private(object))
        return;
    onto->word = &lock->word;
    onto->held = LOCKED;
    onto->sleepers = SLEEPERS;
    onto->woken = COMING | wait_forks << GENERATION;
}

/* One step from free to this task's. Its caller has found the lock private and the task known. */
static inline bool lock_try(struct lock *lock, struct wait_self *self, void *place)
{
    uint64_t open = 0;
    if (unlikely(
            !atom_cas(&lock->both, &open, lock_mine(self), ACQUIRE))) /* pairs as in lock_attempt */
        return false;
    atom_store(&lock->place, place, RELAXED);
    self->locks++;
    return true;
}

static inline int lock_take_any(plait_lock *object, int64_t deadline, bool done, void *place)
{
    struct lock *lock = (struct lock *)object;
    if (!sync_is_private(object))
        return lock_take_shared(object, deadline, done, place);
    return lock_try(lock, wait_current, place) ? 0 : lock_wait(lock, deadline, done, "lock", place);
}

int lock_take_bare(plait_lock *object, int64_t deadline, bool done, const char *type, void *place)
{
    struct lock *lock = (struct lock *)object;
    return likely(lock_try(lock, wait_current, place))
               ? 0
               : lock_wait(lock, deadline, done, type, place);
}

struct wait_mark *lock_mark(plait_lock *object)
{
    return sync_is_private(object) ? &((struct lock *)object)->mark : NULL;
}

static __attribute__((noinline)) int lock_take_odd(plait_lock *object, int64_t deadline, bool done,
                                                   void *place)
{
    WAIT_POINT_OF_WAIT();
    if (deadline != 0 && wait_is_checked())
        check_acquiring(object, lock_mark(object), "lock", place);
    int rc = lock_take_any(object, deadline, done, place);
    if (rc == 0 || rc == -EOWNERDEAD)
        check_acquired(object, lock_mark(object), "lock", place);
    return rc;
}

int lock_take(plait_lock *object, int64_t deadline, bool done, void *place)
{
    wait_me(); /* the modes are known from here on */
    if (wait_is_odd())
        return lock_take_odd(object, deadline, done, place);
    return lock_take_any(object, deadline, done, place);
}

int lock_take_of_set(plait_lock *object, int64_t deadline, void *place)
{
    WAIT_POINT();
    int rc = lock_take_any(object, deadline, false, place);
    if (rc == 0 || rc == -EOWNERDEAD)
        check_acquired(object, lock_mark(object), "lock", place);
    return rc;
}

static __attribute__((noinline)) int lock_acquire_oddest(plait_lock *lock, int64_t deadline,
                                                         void *place)
{
    if (deadline < wait_epoch && deadline != 0)
        wait_bad_deadline(deadline, place);
    return lock_take(lock, deadline, false, place);
}

/* The usual case of checked mode, straight for the same reason as below: a lock that is free, and
 * an order that is known. */
static __attribute__((noinline)) int lock_acquire_odd(plait_lock *object, int64_t deadline,
                                                      void *place)
{
    struct lock *lock = (struct lock *)object;
    struct wait_self *self = wait_current;
    struct wait_held *held = self ? self->held : NULL;
    if (unlikely(!held || wait_deterministic || deadline < wait_epoch || !sync_is_private(object) ||
                 held->count == WAIT_HELD_MOST || !check_order_is_known(held, &lock->mark) ||
                 !lock_try(lock, self, place)))
        return lock_acquire_oddest(object, deadline, place);
    wait_held_write(&held->one[held->count],
                    &(struct wait_held_one){object, "lock", place, &lock->mark});
    atom_store(&held->count, held->count + 1, RELEASE); /* pairs with wait_held_last */
    return 0;
}

/* The usual case and nothing else: whatever is odd leaves by a jump, so that no register has to be
 * saved. */
int plait_lock_acquire(plait_lock *object, int64_t deadline)
{
    struct lock *lock = (struct lock *)object;
    void *place = __builtin_return_address(0);
    struct wait_self *self = wait_current;
    if (unlikely(deadline < wait_epoch || wait_is_odd() || !self))
        return lock_acquire_odd(object, deadline, place);
    if (unlikely(!sync_is_private(object))) {
        if (sync_is_shared(object)) /* not by way of the odd cases, which cost it 4 ns of 12 */
            return shared_lock_acquire((struct robust_word *)object, deadline, place);
        return lock_acquire_odd(object, deadline, place);
    }
    return likely(lock_try(lock, self, place)) ? 0
                                               : lock_wait(lock, deadline, false, "lock", place);
}

static _Noreturn void lock_not_mine(struct lock *lock, const char *what, void *place)
{
    waiter_misuse(lock, "lock", place, waiter_of(atom_load(&lock->owner, RELAXED)),
                  atom_load(&lock->place, RELAXED), what);
}

/* Step 6 when the word is not plainly LOCKED by this task. `unmended`: what becomes of D. */
static void lock_release_marked(struct lock *lock, uint32_t unmended, void *place)
{
    uint64_t seen = atom_load(&lock->both, RELAXED);
    uint32_t next, me = wait_current ? waiter_number(wait_current) : 0;
    bool wake;
    do {
        if (!(seen & LOCKED) || owner_in(seen) != me || is_orphaned(seen))
            lock_not_mine(lock, "released by a task that does not hold it", place);
        uint32_t word = (uint32_t)seen, keep = is_stale(word) ? 0 : word & (STARVES | COMING);
        wake = word & SLEEPERS && !(keep & COMING);
        next = keep | (wake ? 0 : word & SLEEPERS);
        if (word & DIED)
            next = unmended | (next & SLEEPERS);
        if (next)
            next |= wait_forks << GENERATION;
    } while (!atom_cas(&lock->both, &seen, next, RELEASE));
    wait_current->locks--;
    if (wake)
        wake_one(lock);
}

void lock_give(plait_lock *object, void *place)
{
    struct wait_self *self = wait_current;
    check_released(object);
    if (likely(sync_is_private(object) && self && !wait_deterministic)) {
        uint64_t mine = lock_mine(self);
        if (likely(atom_cas(&((struct lock *)object)->both, &mine, 0, RELEASE))) {
            self->locks--; /* the cas pairs with the ACQUIRE of who takes it */
            return;
        }
    }
    if (sync_is_private(object)) {
        lock_release_marked((struct lock *)object, REFUSED, place);
    } else {
        sync_check(object, "lock", place);
        shared_lock_release((struct robust_word *)object, place);
    }
    WAIT_POINT();
}

void plait_lock_release(plait_lock *object)
{
    struct lock *lock = (struct lock *)object;
    struct wait_self *self = wait_current;
    if (likely(sync_is_private(object) && self && !wait_is_odd())) {
        uint64_t mine = lock_mine(self);
        if (likely(atom_cas(&lock->both, &mine, 0,
                            RELEASE))) { /* pairs with the ACQUIRE of who takes it */
            self->locks--;
            return;
        }
    } else if (sync_is_shared(object) && !wait_is_odd()) {
        shared_lock_release((struct robust_word *)object, __builtin_return_address(0));
        return;
    }
    lock_give(object, __builtin_return_address(0));
}

void lock_give_bare(plait_lock *object, void *place)
{
    struct lock *lock = (struct lock *)object;
    uint64_t mine = lock_mine(wait_current);
    if (likely(atom_cas(&lock->both, &mine, 0, RELEASE))) /* pairs as in plait_lock_release */
        wait_current->locks--;
    else
        lock_release_marked(lock, REFUSED, place);
}

void lock_put_back_bare(plait_lock *object, void *place)
{
    lock_release_marked((struct lock *)object, DIED, place);
}

void lock_put_back(plait_lock *object, void *place)
{
    check_released(object);
    if (sync_is_private(object))
        lock_release_marked((struct lock *)object, DIED, place);
    else
        shared_lock_put_back((struct robust_word *)object);
}

bool lock_is_mine(const plait_lock *object)
{
    const struct wait_self *self = wait_current;
    if (unlikely(!self))
        return false;
    if (unlikely(!sync_is_private(object)))
        return shared_lock_is_mine((const struct robust_word *)object);
    uint64_t seen = atom_load(&((const struct lock *)object)->both, RELAXED);
    return seen & LOCKED && owner_in(seen) == waiter_number(self) && !is_orphaned(seen);
}

bool plait_lock_is_held(const plait_lock *object)
{
    if (unlikely(!sync_is_private(object))) {
        sync_check(object, "lock", __builtin_return_address(0));
        return shared_lock_is_held((const struct robust_word *)object);
    }
    return atom_load(&((const struct lock *)object)->word, RELAXED) & LOCKED;
}

void plait_lock_mend(plait_lock *object)
{
    struct lock *lock = (struct lock *)object;
    void *place = __builtin_return_address(0);
    if (unlikely(!sync_is_private(object))) {
        sync_check(object, "lock", place);
        shared_lock_mend((struct robust_word *)object, place);
        return;
    }
    if (!wait_current || atom_load(&lock->owner, RELAXED) != waiter_number(wait_current))
        lock_not_mine(lock, "mended by a task that does not hold it", place);
    atom_and(&lock->word, ~(uint32_t)DIED, RELAXED);
}

struct wait_self *lock_holder(const plait_lock *object, void **place)
{
    struct wait_holder who;
    if (!lock_holders(NULL, object, &who, 1))
        return NULL;
    *place = who.place;
    return who.self;
}

void lock_init(plait_lock *lock, const char *type, plait_where where, void *place)
{
    sync_init(lock, type, where, place);
    check_initialised(lock, lock_mark(lock), place);
}

void plait_lock_init(plait_lock *lock, plait_where where)
{
    lock_init(lock, "lock", where, __builtin_return_address(0));
}
