/* The semaphore in shared memory. docs/shared-memory-sync.md argues each kill;
 * tests/models/semaphore.c explores these steps with kills.
 *
 * Problem: a releaser may be killed between the units and the wake, and who was woken before he
 * takes them; then somebody sleeps although units are there. Obvious idea: sleep on the word that
 * counts them. But the kernel passes a wake on only for a word whose lower 30 bits are zero
 * (robust.c, R2), so a count cannot be what `pending` names; and who wants five units among many
 * who want one is woken in vain again and again. So there are two words that change together: the
 * units, and Z, which holds nothing but marks, on which one sleeps: the *front*. All others sleep
 * on the lock that makes one the front, the proven one of shared_lock.c, which passes to the next
 * however the front ended.
 *
 * `z`, on which the front sleeps, and the cases of selects:
 *   bit 31 W     somebody may sleep on it. Who takes it off wakes all of them
 *   bit 30 C     a case has slept here: from then on who wakes up on Z and finds W off wakes the
 *                others, since the kernel wakes only one at a death. Never goes off
 *   bits 29..0   zero
 * `state`, in the same 8 bytes:
 *   bit 31 S     the front starves: the units are for it alone
 *   bits 30..0   units that are there
 *
 * Acquire:
 *   1.  enough units and no S: take them by compare and swap. The usual case, and nothing else.
 *       Else again for a while, as long as that has paid
 *   2.  wait for the lock of the front. At each second patrol try 1 again, because a front that was
 *       stopped keeps the lock
 *   3.  told of a dead front: S off, as in 5; mend
 *   4.  pending = Z
 *   5.  enough units: take them, S off. Was S on and W too: W off as well, and wake all of Z, whom
 *       S kept away. The same without units when deadline or cancel end the wait
 *   6.  else W on, S on if it wants more than one or has waited for STARVED; sleep while both words
 *       are what was seen. Z alone could be the same again, after a release and another's W
 *   7.  woken, with C and without W: wake the others. Not with W, since two who cannot go on would
 *       wake each other for ever; if W was put on again since the death, patrol finds the units
 *   8.  pending = NULL, release the lock
 * Release:
 *   9.  W is on: pending = Z
 *   10. add the units, W off, in one compare and swap; with release order
 *   11. W was on: wake all of Z. By address: the object is not touched any more
 *   12. pending = NULL
 * S never outlives its front but together with the lock's D: who finds S on, and the lock free,
 * gets in by 3 (semaphore_unblock). */
#include "sync/shared_semaphore.h"
#include "base/report.h"
#include "base/settings.h"
#include "sync/object.h"
#include "sync/shared_lock.h"
#include "sync/shared_spin.h"

#include <errno.h>
#include <limits.h>

#define SLEEPERS ROBUST_WAITERS /* W, of z */
#define CASES UINT32_C(0x40000000)
#define STARVES UINT32_C(0x80000000) /* S, of state */
#define STARVED INT64_C(1000000)     /* ns of waiting after which S is set */

struct shared_semaphore {
    uint64_t lock[6]; /* of the front: struct robust_word without its room */
    union {
        struct {
            uint32_t z, state; /* lower half first, as the machines of os/ have it */
        };
        uint64_t both;
    };
    uint32_t limit; /* 0: none */
    uint32_t unused;
};
_Static_assert(sizeof(struct shared_semaphore) == sizeof(plait_semaphore), "64 bytes");

struct semaphore_call {
    struct shared_semaphore *semaphore;
    uint32_t wanted;
    bool slept;
    int64_t since; /* when it began to wait */
};

static struct shared_semaphore *shared_of(const plait_semaphore *object)
{
    return (struct shared_semaphore *)object;
}

static struct robust_word *front_of(struct shared_semaphore *semaphore)
{
    return (struct robust_word *)(void *)semaphore;
}

static uint64_t pair(uint32_t z, uint32_t state)
{
    return (uint64_t)state << 32 | z;
}

static uint32_t z_in(uint64_t both)
{
    return (uint32_t)both;
}

static uint32_t state_in(uint64_t both)
{
    return (uint32_t)(both >> 32);
}

/* Step 1. */
static bool semaphore_take(struct shared_semaphore *semaphore, uint32_t wanted)
{
    uint64_t seen = atom_load(&semaphore->both, RELAXED);
    do
        if (state_in(seen) & STARVES || state_in(seen) < wanted)
            return false;
    while (!atom_cas(&semaphore->both, &seen, pair(z_in(seen), state_in(seen) - wanted),
                     ACQUIRE)); /* pairs with shared_semaphore_release */
    return true;
}

/* Steps 3 and 5: `wanted` units, 0: none; false: too few. Z must be covered, because W goes off
 * before the wake. */
static bool front_takes(struct shared_semaphore *semaphore, uint32_t wanted)
{
    uint64_t seen = atom_load(&semaphore->both, RELAXED);
    uint32_t z, units, kept;
    do {
        units = state_in(seen) & ~STARVES;
        if (units < wanted)
            return false;
        z = z_in(seen);
        kept = state_in(seen) & STARVES ? z & SLEEPERS : 0; /* for whom S was in the way */
    } while (!atom_cas(&semaphore->both, &seen, pair(z & ~kept, units - wanted),
                       ACQUIRE)); /* pairs with shared_semaphore_release */
    if (kept)
        wait_unpark(&semaphore->z, INT_MAX, true);
    return true;
}

/* Step 7. */
static void woken_on_z(struct shared_semaphore *semaphore)
{
    if ((atom_load(&semaphore->z, RELAXED) & (CASES | SLEEPERS)) == CASES)
        wait_unpark(&semaphore->z, INT_MAX, true);
}

static int front_attempt(void *object)
{
    struct semaphore_call *call = object;
    if (call->slept)
        woken_on_z(call->semaphore);
    call->slept = false;
    return front_takes(call->semaphore, call->wanted) ? 0 : -EAGAIN;
}

/* Step 6. */
static int front_words(void *object, struct wait_word *words)
{
    struct semaphore_call *call = object;
    struct shared_semaphore *semaphore = call->semaphore;
    bool starves = call->wanted > 1 || wait_now() - call->since > STARVED;
    uint64_t seen = atom_load(&semaphore->both, RELAXED), next;
    do {
        if ((state_in(seen) & ~STARVES) >= call->wanted)
            return 0;
        next = pair(z_in(seen) | SLEEPERS, state_in(seen) | (starves ? STARVES : 0));
    } while (next != seen && !atom_cas(&semaphore->both, &seen, next, ACQUIRE));
    call->slept = true;
    words[0] =
        (struct wait_word){.word = &semaphore->z, .seen = z_in(next), .shared = true, .all = true};
    words[1] =
        (struct wait_word){.word = &semaphore->state, .seen = state_in(next), .shared = true};
    return 2;
}

/* Step 8. */
static void front_leaves(struct shared_semaphore *semaphore, void *place)
{
    wait_uncover();
    shared_lock_release(front_of(semaphore), place);
}

/* Steps 4 to 8. */
static int semaphore_wait(struct semaphore_call *call, int64_t deadline, void *place)
{
    static const struct wait_call acquire = {front_attempt, front_words, "acquire", "semaphore"};
    struct shared_semaphore *semaphore = call->semaphore;
    wait_cover(&semaphore->z);
    int rc = wait_until(&acquire, call, semaphore, deadline, place);
    if (rc != 0)
        front_takes(semaphore, 0);
    front_leaves(semaphore, place);
    return rc;
}

/* Steps 2 and 3: 0: this is the front. */
static int semaphore_line_up(struct shared_semaphore *semaphore, int64_t deadline, void *place)
{
    struct shared_line line = {"semaphore", semaphore};
    int rc = shared_lock_line_up(front_of(semaphore), &line, deadline, place);
    if (rc != -EOWNERDEAD)
        return rc;
    wait_cover(&semaphore->z);
    front_takes(semaphore, 0);
    shared_lock_mend(front_of(semaphore), place);
    wait_uncover();
    return 0;
}

/* S must not outlive a front that was killed, so that who finds it on tries the lock, and mends.
 * True: look again. */
static bool semaphore_unblock(struct shared_semaphore *semaphore, void *place)
{
    if (!(atom_load(&semaphore->state, RELAXED) & STARVES))
        return false;
    if (semaphore_line_up(semaphore, 0, place) != 0)
        return false;
    front_leaves(semaphore, place);
    return true;
}

bool shared_semaphore_fits(const plait_semaphore *object, int units)
{
    uint32_t limit = shared_of(object)->limit;
    return units > 0 && (!limit || (uint32_t)units <= limit);
}

/* Step 1 again. */
static bool spin_look(void *object)
{
    struct semaphore_call *call = object;
    return semaphore_take(call->semaphore, call->wanted);
}

/* Not at once: out of line, so that the usual acquire stays short. */
static __attribute__((noinline)) int acquire_slowly(struct semaphore_call *call, int64_t deadline,
                                                    void *place)
{
    struct shared_semaphore *semaphore = call->semaphore;
    int rc;
    if (semaphore_unblock(semaphore, place) && semaphore_take(semaphore, call->wanted))
        return 0;
    if (deadline == 0)
        return wait_not_now();
    if (shared_spin(semaphore, spin_look, call))
        return 0;
    call->since = wait_now();
    do {
        int64_t patrol = base_settings()->patrol, look = wait_now() + 2 * patrol;
        rc = semaphore_line_up(semaphore, patrol && look < deadline ? look : deadline, place);
        if (rc == 0) {
            rc = semaphore_wait(call, deadline, place);
            shared_spin_learn(semaphore, call->since);
            return rc;
        }
        if (rc == -ETIMEDOUT && semaphore_take(semaphore, call->wanted))
            return 0;
    } while (rc == -ETIMEDOUT && wait_now() < deadline && wait_now() < wait_me()->limit);
    return rc;
}

int shared_semaphore_acquire(plait_semaphore *object, int units, int64_t deadline, void *place)
{
    struct semaphore_call call = {.semaphore = shared_of(object), .wanted = (uint32_t)units};
    if (unlikely(!shared_semaphore_fits(object, units)))
        return -EINVAL;
    return likely(semaphore_take(call.semaphore, call.wanted))
               ? 0
               : acquire_slowly(&call, deadline, place);
}

static _Noreturn __attribute__((cold)) void
shared_semaphore_bad_release(const struct shared_semaphore *semaphore, int units, uint32_t there,
                             void *place)
{
    if (units <= 0)
        base_misuse(semaphore, "semaphore", place, "releases %d units", units);
    base_misuse(semaphore, "semaphore", place,
                "releases %d units while %u are there: more than its limit of %u", units, there,
                semaphore->limit ? semaphore->limit : (uint32_t)INT_MAX);
}

/* Steps 9 to 12. */
void shared_semaphore_release(plait_semaphore *object, int units, void *place)
{
    struct shared_semaphore *semaphore = shared_of(object);
    uint32_t limit = semaphore->limit ? semaphore->limit : INT_MAX, there;
    uint64_t seen = atom_load(&semaphore->both, RELAXED), next;
    bool covers = false;
    do {
        there = state_in(seen) & ~STARVES;
        if (unlikely(units <= 0 || there > limit || (uint32_t)units > limit - there))
            shared_semaphore_bad_release(semaphore, units, there, place);
        if (z_in(seen) & SLEEPERS && !covers) {
            wait_cover(&semaphore->z);
            covers = true;
        }
        next = pair(z_in(seen) & ~SLEEPERS, state_in(seen) + (uint32_t)units);
    } while (!atom_cas(&semaphore->both, &seen, next,
                       RELEASE)); /* pairs with semaphore_take and front_takes */
    if (z_in(seen) & SLEEPERS)
        wait_unpark(&semaphore->z, INT_MAX, true);
    if (covers)
        wait_uncover();
}

int shared_semaphore_value(const plait_semaphore *object)
{
    return (int)(atom_load(&shared_of(object)->state, RELAXED) & ~STARVES);
}

void shared_semaphore_init(plait_semaphore *object, int units, int limit)
{
    struct shared_semaphore *semaphore = shared_of(object);
    semaphore->limit = (uint32_t)limit;
    semaphore->both = pair(0, (uint32_t)units);
}

/* ---- for select. A case never lines up, because who selects has other things to wait for. It
 * sleeps on Z without cover, and looks at each patrol. */
static int case_attempt(plait_case *one)
{
    struct shared_semaphore *semaphore = one->object;
    if (one->reserved)
        woken_on_z(semaphore);
    one->reserved = 0;
    if (semaphore_take(semaphore, (uint32_t)one->number))
        return 0;
    bool again = semaphore_unblock(semaphore, one->data);
    return again && semaphore_take(semaphore, (uint32_t)one->number) ? 0 : -EAGAIN;
}

static int case_words(plait_case *one, struct wait_word *words)
{
    struct shared_semaphore *semaphore = one->object;
    uint64_t seen = atom_load(&semaphore->both, RELAXED), next;
    do {
        if (!(state_in(seen) & STARVES) && state_in(seen) >= (uint32_t)one->number)
            return 0;
        next = pair(z_in(seen) | SLEEPERS | CASES, state_in(seen));
    } while (next != seen && !atom_cas(&semaphore->both, &seen, next, ACQUIRE));
    one->reserved = 1;
    words[0] = (struct wait_word){
        .word = &semaphore->z, .seen = z_in(next), .shared = true, .all = true, .looks = true};
    return 1;
}

static void case_pass_on(plait_case *one)
{
    woken_on_z(one->object);
    one->reserved = 0;
}

plait_case shared_semaphore_case(plait_semaphore *object, int units, void *place)
{
    static const struct plait_case_kind kind = {"acquire", "semaphore", case_attempt, case_words,
                                                case_pass_on};
    return (plait_case){.kind = &kind, .object = object, .number = units, .data = place};
}
