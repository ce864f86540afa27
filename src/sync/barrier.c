/* The private barrier; the shared one is shared_barrier.c. Rounds of waiting, each of which ends
 * for all at once.
 *
 * Problem: who is let through may free the barrier, or begin the next round, while others of his
 * round have not even fallen asleep. Obvious idea: a count and the number of the round in one word,
 * on which all sleep. But then the slow ones look at the word of a barrier that is perhaps gone;
 * and a slow one who finds a later round cannot tell whether his own was completed or broken,
 * unless nobody may come in before all have left (as in Python), which costs the fast ones a sleep.
 *
 * So each call has a record on its own stack: the word on which it sleeps, and its result. The
 * barrier is only a list of them. What guards the list is a spin lock that does not lie in the
 * barrier, but in a table, chosen by its address: who was late or cancelled can take it even if the
 * barrier is gone, and learns from his own record whether that may be.
 *
 *   1. under the lock: broken: -EPIPE. Not the last one: append the record, sleep (3)
 *   2. the last one, under the lock: marks all records as taken and takes the list. Then, without
 *      the lock: runs the action; tells each record its result, and wakes it
 *   3. a sleeper returns when it was told, and touches nothing but its record
 *   4. late or cancelled: under the lock: not taken: takes its record out, marks the others as
 *      taken with -EPIPE, the barrier as broken; tells them without the lock. Taken: it is let
 *      through or the barrier was broken by another, so wait until told
 * Nothing of the barrier is touched after the first record was told: not by 2 or 4, which have
 * given the lock back before, and not by the others, who read `taken` in their own record. A record
 * is on its owner's stack until told, so who tells reads the next link first and wakes by address.
 *
 * While the action runs without the lock nobody can begin a new round, since two rounds' actions
 * must not overlap: who comes meanwhile lies on the list too, and is told to come again. */
#include "base/list.h"
#include "base/report.h"
#include "base/spin.h"
#include "sync/object.h"
#include "sync/shared_barrier.h"
#include "sync/waiter.h"

#include <plait/barrier.h>

#include <errno.h>

enum { LOCKS = 64, SLEEPS = 1 << 30 };
enum { WAITS, TOLD };

/* All but the head is guarded by its lock of the table, because no word could hold at once who
 * waits and what became of his round. */
struct barrier {
    uint64_t head; /* zero: sync_is_private */
    int parties;   /* 0: never initialised */
    int arrived;
    struct list
        inside;     /* calls: those that have arrived; while an action runs, those to come again */
    uint32_t actor; /* number of the task that runs the action, 0: none */
    uint32_t forks; /* generation (wait_forks) of those inside */
    bool broken;
    struct barrier_action {
        void (*function)(void *arg);
        void *arg;
    } action;
};
_Static_assert(sizeof(struct barrier) == sizeof(plait_barrier), "a barrier is 64 bytes");

struct barrier_call {
    struct list link; /* guarded by the lock until taken, then who took it */
    uint32_t word;    /* WAITS or TOLD */
    int result;       /* its number; negative: why not; -EAGAIN: come again */
    bool taken;       /* guarded by the lock */
};

/* What the last one has to do. Ended by a cleanup, so that the others are told also when an
 * exception leaves the action. */
struct barrier_round {
    struct barrier *barrier;
    struct list calls;
    uint32_t forks;
    bool acts, completed;
};

static struct barrier_lock {
    base_spin spin;
} __attribute__((aligned(64))) locks[LOCKS];

static base_spin *lock_of(const struct barrier *barrier)
{
    return &locks[((uintptr_t)barrier >> 6) % LOCKS].spin;
}

/* A child must not find a lock that a thread of its parent held. */
static void locks_before_fork(void)
{
    for (int i = 0; i < LOCKS; i++)
        base_spin_lock(&locks[i].spin);
}

static void locks_after_fork(void)
{
    for (int i = LOCKS; i-- > 0;)
        base_spin_unlock(&locks[i].spin);
}

__attribute__((constructor)) static void locks_prepare(void)
{
    base_at_fork(locks_before_fork, locks_after_fork, locks_after_fork);
}

/* In a child of a fork: whoever was inside is not here, but for one who forked in the action. Their
 * records are not touched, since their stacks may be gone. */
static void barrier_forget(struct barrier *barrier)
{
    bool acts = barrier->actor && barrier->actor == waiter_number(wait_forker);
    if (barrier->arrived || (barrier->actor && !acts))
        barrier->broken = true;
    if (!acts)
        barrier->actor = 0;
    barrier->arrived = 0;
    barrier->forks = wait_forks;
    list_init(&barrier->inside);
}

/* NULL: it is a shared one. */
static struct barrier *barrier_of(const plait_barrier *object, void *place)
{
    struct barrier *barrier = (struct barrier *)object;
    if (unlikely(!sync_is_private(object)) && sync_check(object, "barrier", place))
        return NULL;
    if (unlikely(!barrier->parties))
        base_misuse(object, "barrier", place, "never initialised: call plait_barrier_init");
    return barrier;
}

static void barrier_enter(struct barrier *barrier)
{
    base_spin_lock(lock_of(barrier));
    if (unlikely(barrier->forks != wait_forks))
        barrier_forget(barrier);
}

static void barrier_leave(struct barrier *barrier)
{
    base_spin_unlock(lock_of(barrier));
}

/* Moves all records to `calls`; `why`: 0, or the result of all. */
static void barrier_take(struct barrier *barrier, struct list *calls, int why)
{
    list_init(calls);
    list_each (link, &barrier->inside) {
        struct barrier_call *call = list_item(link, struct barrier_call, link);
        call->taken = true;
        if (why)
            call->result = why;
    }
    list_append_all(calls, &barrier->inside);
    barrier->arrived = 0;
}

/* The round will not be completed. While an action runs those on the list are left alone, because
 * they are of no round yet. */
static void barrier_dismiss(struct barrier *barrier, struct list *calls)
{
    list_init(calls);
    if (!barrier->actor)
        barrier_take(barrier, calls, -EPIPE);
}

static void calls_tell(struct list *calls)
{
    struct list *link;
    while ((link = list_take_first(calls))) {
        uint32_t *word = &list_item(link, struct barrier_call, link)->word;
        /* Pairs with call_attempt. By address from here on, since the record may be gone. */
        atom_store(word, TOLD, RELEASE);
        wait_unpark(word, 1, false);
    }
}

static void round_end(struct barrier_round *round)
{
    struct barrier *barrier = round->barrier;
    if (round->forks != wait_forks)
        list_init(&round->calls); /* forked in the action: not touched, since they are not here */
    if (round->acts) {
        struct list again;
        barrier_enter(barrier);
        barrier->actor = 0;
        barrier->broken |= !round->completed;
        barrier_take(barrier, &again, 0);
        barrier_leave(barrier);
        list_each (link, &round->calls) {
            if (!round->completed)
                list_item(link, struct barrier_call, link)->result = -EPIPE;
        }
        list_append_all(&round->calls, &again);
    }
    calls_tell(&round->calls);
}

/* The lock is held, and given back before the action, which must not run under it. */
static int barrier_complete(struct barrier *barrier)
{
    int number = barrier->arrived;
    struct barrier_action action = barrier->action;
    struct barrier_round round __attribute__((cleanup(round_end))) = {
        .barrier = barrier, .forks = wait_forks, .acts = action.function != NULL};
    barrier_take(barrier, &round.calls, 0);
    if (round.acts)
        barrier->actor = waiter_number(wait_me());
    barrier_leave(barrier);
    if (round.acts)
        action.function(action.arg);
    round.completed = true;
    return number;
}

static int call_attempt(void *object)
{
    struct barrier_call *call = object;
    return atom_load(&call->word, ACQUIRE) == TOLD ? 0 : -EAGAIN;
}

static int call_words(void *object, struct wait_word *words)
{
    struct barrier_call *call = object;
    words[0] = (struct wait_word){.word = &call->word, .seen = WAITS};
    return 1;
}

/* The number of the last one, an error, or SLEEPS: the record is on the list. */
static int barrier_arrive(struct barrier *barrier, struct barrier_call *call, int64_t deadline)
{
    int rc = SLEEPS;
    uint32_t me = waiter_number(wait_me());
    barrier_enter(barrier);
    if (barrier->broken)
        rc = -EPIPE;
    else if (barrier->actor == me)
        rc = -EDEADLK;
    else if (!barrier->actor && barrier->arrived == barrier->parties - 1)
        return barrier_complete(barrier);
    else if (deadline == 0)
        rc = -EAGAIN;
    else {
        call->result = barrier->actor ? -EAGAIN : barrier->arrived++;
        list_append(&barrier->inside, &call->link);
    }
    barrier_leave(barrier);
    return rc;
}

/* Step 4. False: it was taken. Only the barrier's address is used before that is known, because the
 * barrier may be gone. */
static bool barrier_desert(struct barrier *barrier, struct barrier_call *call)
{
    struct list others;
    base_spin_lock(lock_of(barrier));
    bool taken = call->taken;
    if (!taken) {
        list_remove(&call->link);
        barrier->broken = true;
        barrier_dismiss(barrier, &others);
    }
    base_spin_unlock(lock_of(barrier));
    if (!taken)
        calls_tell(&others);
    return !taken;
}

static int barrier_sleep(struct barrier *barrier, struct barrier_call *call, int64_t deadline,
                         void *place)
{
    static const struct wait_call wait = {call_attempt, call_words, "wait", "barrier"};
    int rc = wait_until(&wait, call, barrier, deadline, place);
    if (rc != 0) {
        if (barrier_desert(barrier, call))
            return rc;
        if (rc == -ECANCELED)
            wait_cancel_again(wait_me()); /* the result came first, so the next wait must tell it */
        wait_until_done(&wait, call, barrier, place);
    }
    return call->result;
}

int plait_barrier_wait(plait_barrier *object, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    struct barrier *barrier = barrier_of(object, place);
    int rc;
    if (!barrier)
        return shared_barrier_wait(object, deadline, place);
    do {
        struct barrier_call call = {.word = WAITS};
        rc = barrier_arrive(barrier, &call, deadline);
        if (rc == SLEEPS)
            rc = barrier_sleep(barrier, &call, deadline, place);
    } while (rc == -EAGAIN && deadline != 0);
    return rc == -EAGAIN ? wait_not_now() : rc;
}

static void barrier_end_round(plait_barrier *object, bool broken, void *place)
{
    struct list others;
    WAIT_POINT();
    struct barrier *barrier = barrier_of(object, place);
    if (!barrier) {
        (broken ? shared_barrier_abort : shared_barrier_reset)(object, place);
        return;
    }
    barrier_enter(barrier);
    barrier->broken = broken;
    barrier_dismiss(barrier, &others);
    barrier_leave(barrier);
    calls_tell(&others);
}

void plait_barrier_abort(plait_barrier *barrier)
{
    barrier_end_round(barrier, true, __builtin_return_address(0));
}

void plait_barrier_reset(plait_barrier *barrier)
{
    barrier_end_round(barrier, false, __builtin_return_address(0));
}

int plait_barrier_waiting(const plait_barrier *object)
{
    void *place = __builtin_return_address(0);
    WAIT_POINT();
    struct barrier *barrier = barrier_of(object, place);
    if (!barrier)
        return shared_barrier_waiting((plait_barrier *)object, place);
    barrier_enter(barrier);
    int arrived = barrier->arrived;
    barrier_leave(barrier);
    return arrived;
}

void plait_barrier_action(plait_barrier *object, void (*action)(void *arg), void *arg)
{
    void *place = __builtin_return_address(0);
    struct barrier *barrier = barrier_of(object, place);
    if (!barrier) {
        shared_barrier_action(object, action, arg, place);
        return;
    }
    barrier_enter(barrier);
    barrier->action = (struct barrier_action){action, arg};
    barrier_leave(barrier);
}

int plait_barrier_init(plait_barrier *object, int parties, plait_where where)
{
    struct barrier *barrier = (struct barrier *)object;
    if (parties < 1)
        return -EINVAL;
    sync_init(object, "barrier", where, __builtin_return_address(0));
    if (where == PLAIT_SHARED)
        return shared_barrier_init(object, parties);
    barrier->parties = parties;
    barrier->forks = wait_forks;
    list_init(&barrier->inside);
    return 0;
}
