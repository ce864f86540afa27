/* The once: a lock that is never taken again when what it protects has been made.
 *
 * The obvious form, a flag and a lock around the function, makes each later caller read two words,
 * and holds a failed run against nobody: who comes next must look at the flag again under the lock.
 * One word is both:
 *   0             it has not run
 *   bit 0 RUNS    somebody runs it; bits 8..31: generation (wait_forks) of that task, whose number
 *                 stands behind the word, in the same 8 bytes
 *   bit 1 DONE    alone: it has run
 *   bit 2 W       somebody may sleep; set by sleepers, and only DONE takes it off
 *
 *   1. DONE: nothing to do; the ACQUIRE pairs with 3
 *   2. 0 -> RUNS with the own number, keeping W: run the function. RUNS of a task that a fork left
 *      behind is taken over in the same way
 *   3. it returned 0 -> DONE, W off; with W: wake all by the word's address, since who sees DONE
 *      may free the object
 *   4. it failed -> 0, keeping W; with W: wake one, who takes it by 2, or finds that another has
 *   5. RUNS by another: set W, sleep on the word
 * Nobody is forgotten: a wake of 4 is only lost on one who finds RUNS, and then W is there for the
 * runner to see. A woken one that is late or cancelled tries once more before he leaves (wait.h),
 * so he finds 0 and runs it himself.
 *
 * A shared once is a shared lock that is held while the function runs, so that a killed runner is
 * found out; what tells that it has run is published by its last release (shared_lock.c, 8 and
 * 9). */
#include "base/report.h"
#include "os/os.h"
#include "sync/object.h"
#include "sync/shared_lock.h"
#include "sync/waiter.h"
#include "wait/look.h"

#include <plait/error.h>
#include <plait/once.h>

#include <errno.h>
#include <limits.h>

enum { RUNS = 1, DONE = 2, SLEEPERS = 4, GENERATION = 8 };

struct once {
    uint64_t head; /* zero: sync_is_private */
    union {
        struct {
            uint32_t
                word; /* what sleepers sleep on: the lower half, as the machines of os/ have it */
            uint32_t runner;
        };
        uint64_t both;
    };
    uint64_t room[6];
};
_Static_assert(sizeof(struct once) == sizeof(plait_once), "a once is 64 bytes");

struct once_call {
    struct once *once;
    uint64_t mine; /* `both` while this task runs it */
    bool runs;
};

/* May it be run as it stands? In a fork's child also when a thread of the parent was at it, since
 * only the one that forked is here. */
static bool is_open(uint64_t seen)
{
    uint32_t word = (uint32_t)seen;
    if (!(word & RUNS))
        return true;
    return word >> GENERATION != (wait_forks & UINT32_MAX >> GENERATION) &&
           (uint32_t)(seen >> 32) != waiter_number(wait_forker);
}

/* Steps 1 and 2 in one loop, so that a DONE between the look and the taking is seen. */
static int once_attempt(void *object)
{
    struct once_call *call = object;
    struct once *once = call->once;
    uint64_t seen = atom_load(&once->both, ACQUIRE);
    do {
        if ((uint32_t)seen == DONE)
            return 0;
        if (!is_open(seen))
            return -EAGAIN;
    } while (!atom_cas(&once->both, &seen, call->mine | (seen & SLEEPERS),
                       ACQUIRE)); /* pairs with step 4: what a failed run left is seen */
    call->runs = true;
    return 0;
}

/* Step 5. W is set together with one more look, otherwise a DONE between the two would wake
 * nobody. */
static int once_words(void *object, struct wait_word *words)
{
    struct once_call *call = object;
    struct once *once = call->once;
    uint64_t seen = atom_load(&once->both, ACQUIRE);
    do
        if ((uint32_t)seen == DONE || is_open(seen))
            return 0;
    while (!(seen & SLEEPERS) && !atom_cas(&once->both, &seen, seen | SLEEPERS, ACQUIRE));
    words[0] = (struct wait_word){.word = &once->word, .seen = (uint32_t)seen | SLEEPERS};
    return 1;
}

/* Steps 3 and 4. By compare-and-swap, because a sleeper may set W at this moment. */
static void once_publish(struct once *once, uint64_t mine, bool done)
{
    uint64_t seen = mine, next;
    do
        next = done ? DONE : seen & SLEEPERS;
    while (!atom_cas(&once->both, &seen, next, RELEASE)); /* pairs with once_attempt */
    if (unlikely(seen & SLEEPERS))
        wait_unpark(&once->word, done ? INT_MAX : 1, false);
}

/* Does nothing in a child that the function forked, because it is the parent's to end. */
static void once_publish_shared(struct robust_word *once, bool done)
{
    if (!shared_lock_is_mine(once))
        return;
    if (done)
        shared_lock_release_over(once);
    else
        shared_lock_release(once, NULL);
}

struct once_run {
    struct once *once; /* NULL: over, so that the cleanup does nothing */
    uint64_t mine;     /* 0: a shared one */
};

static void once_end(struct once_run *run, bool done)
{
    struct once *once = run->once;
    run->once = NULL;
    if (once && run->mine)
        once_publish(once, run->mine, done);
    else if (once)
        once_publish_shared((struct robust_word *)once, done);
}

/* The function was left without a return: the others must not wait for one. */
static void once_left(struct once_run *run)
{
    once_end(run, false);
}

static int once_run(struct once *once, uint64_t mine, plait_function *function, void *arg)
{
    struct once_run run __attribute__((cleanup(once_left))) = {once, mine};
    int rc = function(arg);
    once_end(&run, rc == 0);
    return rc == 0 ? 0 : -PLAIT_EFAILED;
}

/* Nobody is told of a death inside, because who was killed has not run it: it is run again. */
static int once_run_shared(struct robust_word *once, plait_function *function, void *arg,
                           int64_t deadline, void *place)
{
    if (shared_lock_is_over(once))
        return 0;
    int rc = shared_lock_acquire_once(once, deadline, place);
    if (rc == -EOWNERDEAD)
        shared_lock_mend(once, place);
    else if (rc != 0)
        return rc == SHARED_LOCK_OVER ? 0 : rc;
    return once_run((struct once *)once, 0, function, arg);
}

/* Who runs it (wait/look.h). From a copy, because the once may be gone. */
static int once_holders(const struct wait_self *waiter, const void *shown, struct wait_holder *who,
                        int most)
{
    struct once copy;
    if (!os_peek(shown, &copy, sizeof copy) || copy.head != SYNC_PRIVATE_HEAD || is_open(copy.both))
        return 0;
    *who = (struct wait_holder){.self = waiter_of(copy.runner)};
    return who->self != NULL;
}

static __attribute__((noinline)) int once_wait(plait_once *object, plait_function *function,
                                               void *arg, int64_t deadline, void *place)
{
    static const struct wait_call wait = {once_attempt, once_words, "run", "once"};
    struct wait_self *self = wait_me();
    bool shared = !sync_is_private(object) && sync_check(object, "once", place);
    if (!function)
        base_misuse(object, "once", place, "NULL is no function");
    if (shared)
        return once_run_shared((struct robust_word *)object, function, arg, deadline, place);
    uint64_t mine = RUNS | wait_forks << GENERATION | (uint64_t)waiter_number(self) << 32;
    struct once_call call = {.once = (struct once *)object, .mine = mine};
    uint64_t seen = atom_load(&call.once->both, RELAXED);
    if (!is_open(seen) && seen >> 32 == waiter_number(self))
        return -EDEADLK;
    wait_on_holders(self, once_holders, true);
    int rc = wait_until(&wait, &call, object, deadline, place);
    wait_on_holders(self, NULL, true);
    return call.runs ? once_run(call.once, call.mine, function, arg) : rc;
}

/* It has run in the usual case, which must not cost more than one load. */
int plait_once_run(plait_once *object, plait_function *function, void *arg, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    const struct once *once = (const struct once *)object;
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    if (likely(sync_is_private(object)) &&
        likely(atom_load(&once->word, ACQUIRE) == DONE)) /* pairs with step 3 */
        return 0;
    return once_wait(object, function, arg, deadline, place);
}

void plait_once_init(plait_once *once, plait_where where)
{
    sync_init(once, "once", where, __builtin_return_address(0));
}
