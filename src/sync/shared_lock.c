/* The lock in shared memory, which survives its holder. The rules R1 to R7 are told in
 * docs/shared-memory.md, the list of held words in wait/robust.c; tests/models/lock.c explores
 * these steps with kills.
 *
 * Problem: a holder, a waker or a woken sleeper may be killed at any instruction, and nobody may
 * hang for it, nor get in untold. Obvious idea: sleep on the lock's word and on the holder's sign
 * of life. But the lock changes hands while one sleeps, and one goes on listening to the old
 * holder. Instead the word itself stands on its holder's robust list while it is held, and
 * `pending` covers the moments in which it does not (robust.c).
 *
 * The word: 31 W somebody may sleep; 30 D an owner died inside, not mended; 29..0 the holder's
 * TID. As long as somebody sleeps, W is set: only 6a takes it off, and wakes all in the same
 * step.
 *
 * Acquire:
 *   1.  pending = lock
 *   2.  word without TID: compare and swap it to word | TID
 *   2a. link it
 *   2b. pending = NULL
 *   2c. with D: given up by an earlier holder? Release it again, -ENOTRECOVERABLE. Not before 2,
 *       since it may be given up between a look and 2
 *   3.  held: spin while that has paid so far; then set W, if it is not, by compare and swap
 *   4.  sleep while the word is what was seen
 *   4a. deadline or cancel: try once more (wait_until), because a wake may have come in that
 *       instant
 *   4b. patrol: the same holder as before the sleep, and it is gone? Turn TID into D, as the
 *       kernel would have Release:
 *   5.  pending = lock
 *   5a. unlink it: before 5c, since the next holder uses the link at once
 *   5b. D is still there: mark the lock as given up
 *   5c. take the TID off, with release order
 *   6.  W: wake one
 *   6a. that woke nobody: take W off and wake all, in one step of the kernel
 *   7.  pending = NULL
 *
 * A once (once.c) is this lock, held while its function runs, until it is over:
 *   8.  over: instead of 5b to 6a the word becomes 0, W included, and `behind` OVER, in one step of
 *       64 bits, so that nothing of the object is touched once it can be seen; with W wake all
 *   9.  acquire: a look for OVER before 2, before 3, and after 2b, since between the look and 2 it
 *       may have been held and given up. Who has slept and finds OVER wakes all, since who did 8
 *       may have been killed when the kernel had woken one. Who finds it behind 2b sets W, takes D
 *       off, and releases it: it may be the reason why the kernel woke nobody at that death, and a
 *       D left over would tell the next one that the lock was given up */
#include "sync/shared_lock.h"
#include "base/report.h"
#include "os/os.h"
#include "sync/budget.h"
#include "sync/waiter.h"
#include "wait/look.h"

#include <errno.h>

/* own[0]. Written by the holder, never taken back: whoever comes later must find it. */
#define GIVEN_UP UINT64_C(1)
/* own[1]: the holder's task, for dumps of its own process; trusted by nobody, since a peer may
 * have written it. */

enum { PATROL_TRIES = 64, BUDGETS = 256, SPIN_NS = 20000, PAUSES = 16 };

struct shared_call {
    struct robust_word *lock;
    struct robust_thread *here;
    struct wait_self *self;
    uint32_t waits_for;  /* TID of the holder when this call went to sleep; 0: not yet */
    bool once;           /* steps 8 and 9 */
    const char *line_of; /* what it is the line of; NULL: it is a lock */
    const void *shown;
    int64_t asleep_since;
};

static uint64_t task_of(const struct wait_self *self)
{
    return (uint64_t)(uintptr_t)self;
}

/* ---- release, steps 5 to 7; also what undoes an acquire that must not stand */

/* Steps 5c to 7 when there may be W beside the TID. */
static void release_woken(struct robust_word *lock, struct robust_thread *here,
                          struct wait_self *self)
{
    uint32_t was = atom_and(&lock->word, ~ROBUST_OWNER, RELEASE); /* pairs with take */
    if (was & ROBUST_WAITERS && wait_unpark(&lock->word, 1, true) == 0)
        os_futex_clear(&lock->word, ROBUST_WAITERS_BIT, true);
    robust_uncover(here, self);
}

/* Steps 5b to 7 when there is W or D beside the TID. */
static __attribute__((noinline)) void
release_marked(struct robust_word *lock, struct robust_thread *here, struct wait_self *self)
{
    if (atom_load(&lock->word, RELAXED) & ROBUST_DIED)
        atom_store(&lock->own[0], GIVEN_UP, RELAXED);
    release_woken(lock, here, self);
}

/* Steps 5c to 7. */
static inline void release_word(struct robust_word *lock, struct robust_thread *here,
                                struct wait_self *self)
{
    uint32_t mine = here->tid;
    self->pinned--;
    if (likely(atom_cas(&lock->word, &mine, 0, RELEASE))) /* pairs with take */
        robust_uncover(here, self);
    else
        release_marked(lock, here, self);
}

static void release(struct robust_word *lock, struct robust_thread *here, struct wait_self *self)
{
    robust_cover(here, self, &lock->word);
    robust_unlink(here, lock);
    release_word(lock, here, self);
}

/* ---- acquire */

/* Steps 2a and 2b. */
static inline void own(struct robust_word *lock, struct robust_thread *here, struct wait_self *self)
{
    robust_link(here, lock, task_of(self));
    robust_uncover(here, self);
    self->pinned++;
    atom_store(&lock->own[1], task_of(self), RELAXED);
}

/* Steps 2a to 2c. `word` is what the word was before. */
static int taken(struct robust_word *lock, struct robust_thread *here, struct wait_self *self,
                 uint32_t word)
{
    own(lock, here, self);
    if (!(word & ROBUST_DIED))
        return 0;
    if (!(atom_load(&lock->own[0], RELAXED) & GIVEN_UP))
        return -EOWNERDEAD;
    release(lock, here, self);
    return -ENOTRECOVERABLE;
}

/* Step 2. */
static int take(struct shared_call *call)
{
    struct robust_word *lock = call->lock;
    uint32_t seen = atom_load(&lock->word, RELAXED);
    while (!(seen & ROBUST_OWNER))
        if (atom_cas(&lock->word, &seen, seen | call->here->tid,
                     ACQUIRE)) /* pairs with release_word */
            return taken(lock, call->here, call->self, seen);
    return -EAGAIN;
}

/* Step 4b. Without a sleep in between only each 64th failed try of a thread asks, because asking
 * costs a system call. */
static bool patrol(struct shared_call *call)
{
    uint32_t seen = atom_load(&call->lock->word, RELAXED), holder = seen & ROBUST_OWNER;
    bool asks =
        call->waits_for ? call->waits_for == holder : ++call->here->tries % PATROL_TRIES == 0;
    return holder && asks && robust_patrol(&call->lock->word, seen);
}

/* Step 9. */
static bool is_over(const struct shared_call *call)
{
    return unlikely(call->once) && shared_lock_is_over(call->lock);
}

static int found_over(struct shared_call *call)
{
    if (call->waits_for)
        wait_unpark(&call->lock->word, INT32_MAX, true);
    return SHARED_LOCK_OVER;
}

static int lock_attempt(void *object)
{
    struct shared_call *call = object;
    if (is_over(call))
        return found_over(call);
    call->here = robust_here(); /* again, since a movable task may be elsewhere after a sleep */
    if (unlikely(!call->here || robust_is_full(call->here)))
        return -ENOLCK;
    int rc = take(call);
    while (rc == -EAGAIN && patrol(call))
        rc = take(call);
    return rc;
}

/* Step 3, the second half. */
static int lock_words(void *object, struct wait_word *words)
{
    struct shared_call *call = object;
    uint32_t *word = &call->lock->word, seen = atom_load(word, RELAXED);
    do {
        if (!(seen & ROBUST_OWNER) || is_over(call))
            return 0;
    } while (!(seen & ROBUST_WAITERS) && !atom_cas(word, &seen, seen | ROBUST_WAITERS, ACQUIRE));
    if (!call->waits_for)
        call->asleep_since = os_now();
    call->waits_for = seen & ROBUST_OWNER;
    words[0] = (struct wait_word){
        .word = word, .seen = seen | ROBUST_WAITERS, .shared = true, .owned = true};
    return 1;
}

/* Learnt per object, but kept in this process, because what a peer writes must not make us spin. */
static struct sync_budget *budget_of(const struct robust_word *lock)
{
    static struct sync_budget budgets[BUDGETS];
    return &budgets[((uintptr_t)lock >> 6) % BUDGETS];
}

/* Step 3, the first half. Whether the holder runs is known only by whether spinning has paid,
 * since it may be in another process. */
static int lock_spin(struct shared_call *call)
{
    struct robust_word *lock = call->lock;
    uint32_t holder = atom_load(&lock->word, RELAXED) & ROBUST_OWNER;
    int shift = sync_budget_take(budget_of(lock)), rc = -EAGAIN;
    if (holder == call->here->tid || shift < 0 || !waiter_may_spin(call->self, NULL))
        return -EAGAIN;
    int64_t end = os_now() + (SPIN_NS >> shift);
    for (int pause = 1; rc == -EAGAIN && os_now() < end; pause += pause < PAUSES ? pause : 0) {
        for (int i = 0; i < pause; i++)
            os_relax();
        if (!(atom_load(&lock->word, RELAXED) & ROBUST_OWNER))
            rc = take(call);
    }
    return rc;
}

/* A task of this process, if one holds it: what others' wait for is not seen from here. */
static int lock_holders(const struct wait_self *waiter, const void *shown, struct wait_holder *who,
                        int most)
{
    *who = (struct wait_holder){.self = robust_holder(shown)};
    return who->self != NULL;
}

static int lock_wait(struct shared_call *call, int64_t deadline, void *place)
{
    static const struct wait_call acquire = {lock_attempt, lock_words, "acquire", "lock"},
                                  run = {lock_attempt, lock_words, "run", "once"};
    wait_on_holders(call->self, lock_holders, true);
    int rc = wait_until(call->once ? &run : &acquire, call, call->lock, deadline, place);
    wait_on_holders(call->self, NULL, true);
    return rc;
}

/* Who is first in the line does not hold what the others wait for, so nobody is named as its
 * holder. */
static int line_wait(struct shared_call *call, int64_t deadline, void *place)
{
    const struct wait_call acquire = {lock_attempt, lock_words, "acquire", call->line_of};
    return wait_until(&acquire, call, call->shown, deadline, place);
}

/* Step 1 is done. */
static int acquire_waiting(struct shared_call *call, int64_t deadline, void *place)
{
    struct robust_word *lock = call->lock;
    int rc = take(call);
    if (rc == -EAGAIN && deadline != 0)
        rc = lock_spin(call);
    if (rc == -EAGAIN)
        rc = call->line_of ? line_wait(call, deadline, place) : lock_wait(call, deadline, place);
    if (rc != 0 && rc != -EOWNERDEAD)
        wait_uncover();
    else
        sync_budget_learn(budget_of(lock), call->waits_for ? os_now() - call->asleep_since : 0);
    return rc;
}

/* The word was not simply free: `seen`. */
static __attribute__((noinline)) int acquire_slowly(struct robust_word *lock, int64_t deadline,
                                                    void *place, uint32_t seen)
{
    struct shared_call call = {.lock = lock, .here = robust_current, .self = wait_current};
    if ((seen & ROBUST_OWNER) == call.here->tid && robust_holds(lock, task_of(call.self))) {
        wait_uncover();
        return -EDEADLK;
    }
    return acquire_waiting(&call, deadline, place);
}

/* The first shared object of this thread, or one too many. */
static __attribute__((noinline)) int acquire_first(struct robust_word *lock, int64_t deadline,
                                                   void *place)
{
    struct wait_self *self = wait_me();
    struct robust_thread *here = robust_here();
    if (!self || !here || robust_is_full(here))
        return -ENOLCK;
    return shared_lock_acquire(lock, deadline, place);
}

/* The usual case and nothing else: whatever is odd leaves by a jump, so that no register is
 * saved. */
int shared_lock_acquire(struct robust_word *lock, int64_t deadline, void *place)
{
    struct wait_self *self = wait_current;
    struct robust_thread *here = robust_current;
    uint32_t seen = 0;
    if (unlikely(!self || !here || robust_is_full(here)))
        return acquire_first(lock, deadline, place);
    robust_cover(here, self, &lock->word);
    if (unlikely(!atom_cas(&lock->word, &seen, here->tid, ACQUIRE))) /* pairs with release_word */
        return acquire_slowly(lock, deadline, place, seen);
    own(lock, here, self);
    return 0;
}

int shared_lock_line_up(struct robust_word *lock, const struct shared_line *line, int64_t deadline,
                        void *place)
{
    struct shared_call call = {.lock = lock,
                               .here = robust_here(),
                               .self = wait_me(),
                               .line_of = line->type,
                               .shown = line->object};
    if (!call.here || robust_is_full(call.here))
        return -ENOLCK;
    robust_cover(call.here, call.self, &lock->word);
    return acquire_waiting(&call, deadline, place);
}

int shared_lock_acquire_once(struct robust_word *lock, int64_t deadline, void *place)
{
    struct shared_call call = {
        .lock = lock, .here = robust_here(), .self = wait_me(), .once = true};
    if (!call.here || robust_is_full(call.here))
        return -ENOLCK;
    if (robust_holds(lock, task_of(call.self)))
        return -EDEADLK;
    robust_cover(call.here, call.self, &lock->word);
    int rc = lock_wait(&call, deadline, place);
    if (rc != 0 && rc != -EOWNERDEAD) {
        wait_uncover();
    } else if (is_over(&call)) {
        atom_or(&lock->word, ROBUST_WAITERS, RELAXED);
        atom_and(&lock->word, ~ROBUST_DIED, RELAXED);
        release(lock, robust_current, call.self);
        return SHARED_LOCK_OVER;
    }
    return rc;
}

/* Step 8. */
void shared_lock_release_over(struct robust_word *lock)
{
    struct wait_self *self = wait_current;
    struct robust_thread *here = robust_current;
    uint64_t *both = (uint64_t *)(void *)&lock->word, seen = atom_load(both, RELAXED);
    robust_cover(here, self, &lock->word);
    robust_unlink(here, lock);
    self->pinned--;
    while (!atom_cas(both, &seen, (uint64_t)SHARED_LOCK_OVER << 32, RELEASE)) /* pairs with 9 */
        ;
    if (seen & ROBUST_WAITERS)
        wait_unpark(&lock->word, INT32_MAX, true);
    robust_uncover(here, self);
}

/* ---- a case of a select: `number` is the holder that it slept behind */

static struct shared_call call_of(const plait_case *one)
{
    return (struct shared_call){.lock = one->object,
                                .here = robust_here(),
                                .self = wait_me(),
                                .waits_for = (uint32_t)one->number};
}

int shared_lock_case_attempt(plait_case *one)
{
    struct shared_call call = call_of(one);
    if (robust_holds(call.lock, task_of(call.self)))
        return -EDEADLK;
    if (call.here)
        robust_cover(call.here, call.self, &call.lock->word);
    int rc = lock_attempt(&call);
    if (rc != 0 && rc != -EOWNERDEAD)
        wait_uncover();
    return rc;
}

int shared_lock_case_words(plait_case *one, struct wait_word *words)
{
    struct shared_call call = call_of(one);
    int count = lock_words(&call, words);
    one->number = call.waits_for;
    return count;
}

/* A wake must be passed on, since it may have come from a release, which woke nobody else. */
void shared_lock_case_pass_on(plait_case *one)
{
    struct robust_word *lock = one->object;
    one->number = 0;
    if ((atom_load(&lock->word, RELAXED) & (ROBUST_OWNER | ROBUST_WAITERS)) != ROBUST_WAITERS)
        return;
    wait_cover(&lock->word);
    if (wait_unpark(&lock->word, 1, true) == 0)
        os_futex_clear(&lock->word, ROBUST_WAITERS_BIT, true);
    wait_uncover();
}

static __attribute__((noinline, cold)) void not_mine(struct robust_word *lock, const char *what,
                                                     void *place)
{
    uint32_t holder = atom_load(&lock->word, RELAXED) & ROBUST_OWNER;
    if (holder)
        base_misuse(lock, "lock", place, "%s; thread %u holds it", what, holder);
    base_misuse(lock, "lock", place, "%s; nobody holds it", what);
}

/* Not the one that was taken last, or not held at all. */
static __attribute__((noinline)) void release_older(struct robust_word *lock, void *place)
{
    struct wait_self *self = wait_me();
    if (!robust_holds(lock, task_of(self)))
        not_mine(lock, "released by a task that does not hold it", place);
    release(lock, robust_current, self);
}

void shared_lock_release(struct robust_word *lock, void *place)
{
    struct wait_self *self = wait_current;
    struct robust_thread *here = robust_current;
    if (unlikely(!self || !here || !robust_holds_newest(here, lock, task_of(self)))) {
        release_older(lock, place);
        return;
    }
    robust_cover(here, self, &lock->word);
    robust_unlink_newest(here);
    release_word(lock, here, self);
}

/* As a release without 5b: D stays, as if this task had died, and the next one is told. */
void shared_lock_put_back(struct robust_word *lock)
{
    struct wait_self *self = wait_current;
    struct robust_thread *here = robust_current;
    robust_cover(here, self, &lock->word);
    robust_unlink(here, lock);
    self->pinned--;
    release_woken(lock, here, self);
}

bool shared_lock_is_mine(const struct robust_word *lock)
{
    return robust_holds(lock, task_of(wait_current));
}

void shared_lock_mend(struct robust_word *lock, void *place)
{
    if (!robust_holds(lock, task_of(wait_me())))
        not_mine(lock, "mended by a task that does not hold it", place);
    atom_and(&lock->word, ~ROBUST_DIED, RELAXED);
}

bool shared_lock_is_held(const struct robust_word *lock)
{
    return atom_load(&lock->word, RELAXED) & ROBUST_OWNER;
}
