/* The private semaphore; the shared one is shared_semaphore.c. Units that tasks take and give back,
 * n at a time.
 *
 * Problem: one task wants five units while others take one each all the time. Obvious idea: a
 * release wakes the longest sleeper, who tries again. But five are never there at once, because
 * each single one is gone before the next comes; and whoever sleeps behind him is woken in vain.
 * The other obvious idea, to serve strictly in turn, makes each acquire wait for a wake, at 50,000
 * a second instead of millions. So whoever comes first takes what is there, until a sleeper has
 * been woken in vain: he becomes the *front*, of whom there is one. Everybody who sleeps lines up
 * behind him; and once he has waited for STARVED, or wants more than one unit, units are for him
 * alone. So each sleeper comes to the front in turn, and each front is served.
 *
 * Two words in 8 bytes that change together. `line`, on which all but the front sleep:
 *   bits 0..17   units that the front wants, at most NEED (then he is woken early); 0: no front
 *   bit 18 W     somebody may sleep in the line
 *   bit 19 S     the front starves: units are for him alone
 *   bits 20..31  generation (wait_forks) of the other bits: those of a parent speak of tasks that
 *                are not here. Without other bits 0
 * `units`, on which the front sleeps:
 *   bits 0..30   units that are there
 *   bit 31 TOLD  the front has been woken and has not looked yet: releases need not wake him again.
 *                It lies here so that a front on his way to bed notices, though the units that came
 *                have been taken again meanwhile
 *
 * Acquire:
 *   1. Enough units and no S, or this is the front: take them off, and the marks of a front with
 *      them. The usual case is this compare-and-swap alone.
 *   2. Not enough: spin while that has paid so far (budget.h).
 *   3. Who has slept finds no front: he becomes it. TOLD off, S if he starves; sleeps on `units`.
 *   4. The others: W on, sleep on `line`; who has slept already, before all others, since he keeps
 *      his place.
 *   5. Who has slept and takes or leaves: if there is no front, units are left and W stands, W off
 *      and wake as many as may take one.
 * Release:
 *   6. Add the units. A front for whom they are enough: TOLD on, and wake him. No front: W off, and
 *      wake as many as there are new units; the lot sets W again while others remain asleep.
 * No sleeper is forgotten: units that are there while somebody sleeps in the line and nobody is at
 * the front have always one on his way, whom 6 or 5 woke and who does 3 or 5. A front sleeps only
 * while there is too little for him, since 3 looks and marks in one step and each release changes
 * `units`. After 6 nothing of the semaphore is touched but by the lot while sleepers remain, so
 * that whoever sees the units may free it. */
#include "base/report.h"
#include "os/os.h"
#include "sync/budget.h"
#include "sync/object.h"
#include "sync/shared_semaphore.h"
#include "sync/waiter.h"
#include "wait/case.h"

#include <plait/semaphore.h>

#include <errno.h>
#include <limits.h>

enum {
    NEED = 0x3ffff,
    SLEEPERS = 1 << 18, /* W */
    STARVES = 1 << 19,  /* S */
    GENERATION = 20,    /* shift */
    LOOKS = 400,        /* of a spin */
    PAUSES = 16,        /* of os_relax between two looks, at most */
    YIELDS = 8          /* after the looks */
};
#define TOLD UINT32_C(0x80000000)
#define STARVED INT64_C(1000000) /* ns of waiting after which S is set */

struct semaphore {
    uint64_t head; /* zero: sync_is_private */
    union {
        struct {
            uint32_t line, units; /* lower half first, as the machines of os/ have it */
        };
        uint64_t both;
    };
    uint32_t limit; /* 0: none */
    struct sync_budget budget;
    uint64_t room[5];
};
_Static_assert(sizeof(struct semaphore) == sizeof(plait_semaphore), "a semaphore is 64 bytes");

struct semaphore_call {
    struct semaphore *semaphore;
    uint32_t wanted;
    bool slept, front;
    int64_t since; /* of the first sleep */
};

/* NULL: it is a shared one. */
static inline struct semaphore *semaphore_of(const plait_semaphore *semaphore, void *place)
{
    if (unlikely(!sync_is_private(semaphore)) && sync_check(semaphore, "semaphore", place))
        return NULL;
    return (struct semaphore *)semaphore;
}

static inline uint32_t line_in(uint64_t seen)
{
    return (uint32_t)seen;
}

static inline uint32_t units_in(uint64_t seen)
{
    return (uint32_t)(seen >> 32) & ~TOLD;
}

static inline uint32_t told_in(uint64_t seen)
{
    return (uint32_t)(seen >> 32) & TOLD;
}

static inline uint64_t semaphore_state(uint32_t units, uint32_t line)
{
    uint32_t marks = line & (NEED | SLEEPERS | STARVES);
    return (uint64_t)units << 32 | marks | (marks ? wait_forks << GENERATION : 0);
}

/* What is seen, without the marks of tasks that the last fork left behind. */
static inline uint64_t here_in(uint64_t seen)
{
    uint32_t line = line_in(seen);
    if (likely(!line) || line >> GENERATION == (wait_forks & UINT32_MAX >> GENERATION))
        return seen;
    return semaphore_state(units_in(seen), 0);
}

static inline bool is_open(const struct semaphore_call *call, uint64_t seen)
{
    return units_in(seen) >= call->wanted && (call->front || !(line_in(seen) & STARVES));
}

/* Step 5, before the change: takes W off `line`; how many to wake behind it. */
static int semaphore_passes(const struct semaphore_call *call, uint32_t units, uint32_t *line)
{
    if (!call->slept || *line & NEED || !(*line & SLEEPERS) || !units)
        return 0;
    *line &= ~(uint32_t)SLEEPERS;
    return (int)units;
}

static void semaphore_wake(struct semaphore *semaphore, int count)
{
    if (count)
        wait_unpark_marking(&semaphore->line, count, 0, SLEEPERS | wait_forks << GENERATION);
}

/* The line without this call, if it is the front. */
static inline uint32_t line_without(const struct semaphore_call *call, uint64_t seen)
{
    return call->front ? line_in(seen) & ~(uint32_t)(NEED | STARVES) : line_in(seen);
}

/* Step 1. */
static int semaphore_attempt(void *object)
{
    struct semaphore_call *call = object;
    struct semaphore *semaphore = call->semaphore;
    uint64_t seen = atom_load(&semaphore->both, RELAXED), next;
    int wake;
    do {
        uint64_t here = here_in(seen);
        if (!is_open(call, here))
            return -EAGAIN;
        uint32_t units = units_in(here) - call->wanted, line = line_without(call, here);
        wake = semaphore_passes(call, units, &line);
        next = semaphore_state(units | (call->front ? 0 : told_in(here)), line);
    } while (!atom_cas(&semaphore->both, &seen, next,
                       ACQUIRE)); /* pairs with the RELEASE of plait_semaphore_release */
    semaphore_wake(semaphore, wake);
    return 0;
}

/* Steps 3 and 4: what the two words become when this call goes to sleep. */
static uint64_t semaphore_asleep(const struct semaphore_call *call, uint64_t here)
{
    uint32_t line = line_in(here);
    if (!call->front)
        return semaphore_state((uint32_t)(here >> 32), line | SLEEPERS);
    uint32_t need = call->wanted < NEED ? call->wanted : NEED;
    if (call->wanted > 1 || wait_now() - call->since > STARVED)
        line |= STARVES;
    return semaphore_state(units_in(here), (line & (SLEEPERS | STARVES)) | need);
}

static int semaphore_words(void *object, struct wait_word *words)
{
    struct semaphore_call *call = object;
    struct semaphore *semaphore = call->semaphore;
    uint64_t seen = atom_load(&semaphore->both, RELAXED), next;
    bool front = call->front;
    do {
        uint64_t here = here_in(seen);
        call->front = front || (call->slept && !(line_in(here) & NEED));
        if (is_open(call, here)) {
            call->front = front;
            return 0;
        }
        next = semaphore_asleep(call, here);
    } while (next != seen && !atom_cas(&semaphore->both, &seen, next, ACQUIRE));
    if (!call->slept)
        call->since = wait_now();
    if (call->front)
        words[0] = (struct wait_word){.word = &semaphore->units, .seen = (uint32_t)(next >> 32)};
    else
        words[0] = (struct wait_word){
            .word = &semaphore->line, .seen = line_in(next), .first = call->slept};
    call->slept = true;
    return 1;
}

/* Step 5 for who leaves with nothing. */
static void semaphore_give_up(struct semaphore_call *call)
{
    struct semaphore *semaphore = call->semaphore;
    uint64_t seen = atom_load(&semaphore->both, RELAXED), next;
    int wake;
    do {
        uint64_t here = here_in(seen);
        uint32_t units = units_in(here), line = line_without(call, here);
        wake = semaphore_passes(call, units, &line);
        next = semaphore_state(units | (call->front ? 0 : told_in(here)), line);
    } while (next != seen && !atom_cas(&semaphore->both, &seen, next, ACQUIRE));
    semaphore_wake(semaphore, wake);
}

/* Step 2. First by pauses, in case another CPU releases; looks become rare soon, because each takes
 * the line away from it. Then by giving the CPU to whoever wants it, most likely who is to release:
 * a switch costs half of what a sleep and a wake do. */
static int semaphore_spin(struct semaphore_call *call)
{
    struct semaphore *semaphore = call->semaphore;
    int shift = sync_budget_take(&semaphore->budget);
    if (wait_me()->carrier->is_coroutine || wait_deterministic || shift < 0)
        return -EAGAIN;
    int looks = sync_may_spin() ? LOOKS >> shift : 0, all = looks + (YIELDS >> shift);
    for (int look = 0, pause = 1; look < all; look++) {
        if (look >= looks)
            os_yield();
        for (int i = 0; look < looks && i < pause; i++)
            os_relax();
        pause = pause < PAUSES ? pause * 2 : pause;
        if (semaphore_attempt(call) == 0) {
            sync_budget_learn(&semaphore->budget, 0);
            return 0;
        }
    }
    return -EAGAIN;
}

static __attribute__((noinline)) int semaphore_wait(struct semaphore_call *call, int64_t deadline,
                                                    void *place)
{
    static const struct wait_call acquire = {semaphore_attempt, semaphore_words, "acquire",
                                             "semaphore"};
    struct semaphore *semaphore = call->semaphore;
    if (deadline == 0)
        return wait_not_now();
    int rc = semaphore_spin(call);
    if (rc != -EAGAIN)
        return rc;
    rc = wait_until(&acquire, call, semaphore, deadline, place);
    if (!call->slept)
        return rc;
    if (rc != 0)
        semaphore_give_up(call);
    sync_budget_learn(&semaphore->budget, wait_now() - call->since);
    return rc;
}

int plait_semaphore_acquire(plait_semaphore *object, int units, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    struct semaphore *semaphore = semaphore_of(object, place);
    if (unlikely(!semaphore))
        return shared_semaphore_acquire(object, units, deadline, place);
    if (unlikely(units <= 0 || (semaphore->limit && (uint32_t)units > semaphore->limit)))
        return -EINVAL;
    struct semaphore_call call = {.semaphore = semaphore, .wanted = (uint32_t)units};
    int rc = semaphore_attempt(&call);
    return likely(rc == 0) ? 0 : semaphore_wait(&call, deadline, place);
}

static _Noreturn __attribute__((cold)) void
semaphore_bad_release(const struct semaphore *semaphore, int units, uint32_t there, void *place)
{
    if (units <= 0)
        base_misuse(semaphore, "semaphore", place, "releases %d units", units);
    base_misuse(semaphore, "semaphore", place,
                "releases %d units while %u are there: more than its limit of %u", units, there,
                semaphore->limit ? semaphore->limit : (uint32_t)INT_MAX);
}

/* Step 6. */
void plait_semaphore_release(plait_semaphore *object, int units)
{
    void *place = __builtin_return_address(0);
    WAIT_POINT();
    struct semaphore *semaphore = semaphore_of(object, place);
    if (unlikely(!semaphore)) {
        shared_semaphore_release(object, units, place);
        return;
    }
    uint32_t limit = semaphore->limit ? semaphore->limit : INT_MAX;
    uint64_t seen = atom_load(&semaphore->both, RELAXED), next;
    bool front;
    int behind;
    do {
        uint64_t here = here_in(seen);
        uint32_t there = units_in(here), line = line_in(here), need = line & NEED;
        if (unlikely(units <= 0 || there > limit || (uint32_t)units > limit - there))
            semaphore_bad_release(semaphore, units, there, place);
        uint32_t sum = there + (uint32_t)units;
        front = need && sum >= need && !told_in(here);
        behind = !need && line & SLEEPERS ? units : 0;
        line &= ~(uint32_t)(behind ? SLEEPERS : 0);
        next = semaphore_state(sum | told_in(here) | (front ? TOLD : 0), line);
    } while (!atom_cas(&semaphore->both, &seen, next,
                       RELEASE)); /* pairs with the ACQUIRE of semaphore_attempt */
    if (unlikely(front))
        wait_unpark(&semaphore->units, 1, false);
    semaphore_wake(semaphore, behind);
}

int plait_semaphore_value(const plait_semaphore *object)
{
    const struct semaphore *semaphore = semaphore_of(object, __builtin_return_address(0));
    return semaphore ? (int)units_in(atom_load(&semaphore->both, RELAXED))
                     : shared_semaphore_value(object);
}

void plait_semaphore_init(plait_semaphore *object, int units, int limit, plait_where where)
{
    void *place = __builtin_return_address(0);
    struct semaphore *semaphore = (struct semaphore *)object;
    sync_init(object, "semaphore", where, place);
    if (units < 0 || limit < 0 || (limit && units > limit))
        base_misuse(object, "semaphore", place, "%d units with a limit of %d", units, limit);
    if (where == PLAIT_SHARED) {
        shared_semaphore_init(object, units, limit);
        return;
    }
    semaphore->limit = (uint32_t)limit;
    semaphore->both = semaphore_state((uint32_t)units, 0);
}

/* ---- for select. A case is never the front, because who selects has other things to wait for:
 * it is served while nobody else starves, and passes on what it was woken for in vain. */
static struct semaphore_call call_of_case(const plait_case *one)
{
    return (struct semaphore_call){
        .semaphore = one->object, .wanted = (uint32_t)one->number, .slept = one->reserved};
}

static int semaphore_case_attempt(plait_case *one)
{
    struct semaphore_call call = call_of_case(one);
    return semaphore_attempt(&call);
}

static int semaphore_case_words(plait_case *one, struct wait_word *words)
{
    struct semaphore_call call = call_of_case(one);
    call.slept = false; /* otherwise it might become the front */
    one->reserved = 1;
    return semaphore_words(&call, words);
}

static void semaphore_case_pass_on(plait_case *one)
{
    struct semaphore_call call = call_of_case(one);
    semaphore_give_up(&call);
}

plait_case plait_on_semaphore(plait_semaphore *object, int units)
{
    static const struct plait_case_kind kind = {"acquire", "semaphore", semaphore_case_attempt,
                                                semaphore_case_words, semaphore_case_pass_on};
    void *place = __builtin_return_address(0);
    const struct semaphore *semaphore = semaphore_of(object, place);
    bool fits = semaphore ? units > 0 && (!semaphore->limit || (uint32_t)units <= semaphore->limit)
                          : shared_semaphore_fits(object, units);
    if (!fits)
        base_misuse(object, "semaphore", place,
                    "a case for %d units can never be done: more than its limit", units);
    if (!semaphore)
        return shared_semaphore_case(object, units, place);
    return (plait_case){.kind = &kind, .object = object, .number = units};
}
