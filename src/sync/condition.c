/* The private condition; the shared one sleeps in shared_condition.c. Tasks that gave a lock back
 * to wait until something under it has changed.
 *
 * Problem: between the release of the lock and the sleep somebody may notify, and a hundred that
 * are notified at once all want the lock that one can have. Obvious idea: a counter that each
 * notify changes and that a sleeper compares. Then a notify of one also ends the wait of everybody
 * who was just lying down, and each of the hundred wakes to find the lock taken. So a waiter is in
 * the lot's queue before he gives the lock back: a notify by whoever has the lock later finds him
 * there, and takes out as many as it says. Those are not woken but moved to the sleepers of the
 * lock, whose releases wake them, one each; only when nobody holds the lock one is woken.
 *
 * The word: bit 0 W, somebody may sleep on it. May be stale, never missing.
 *
 * Wait, holding the lock:
 *   1. W on; queue on the word, if W is still there; all who sleep there must have the same lock
 *   2. release the lock, however deep; sleep
 *   3. take the lock back as one who has slept on it (lock.c, K), whatever the wait came to; depth
 * Notify:
 *   4. no W: done
 *   5. under the buckets of both words (wait_move): move the longest sleepers; W off when none is
 *      left; set the lock's W; when nobody holds the lock, wake one of those who were moved
 * Who was moved has his notify, also when his time-out or a cancel comes while he waits for the
 * lock: the wait says 0. Who was fired by one of these before could be taken is not counted: the
 * next one is. After 5 the condition is not touched by anybody who was told, so that he may free
 * it.
 */
#include "base/report.h"
#include "sync/lock.h"
#include "sync/object.h"
#include "sync/shared_condition.h"
#include "sync/waiter.h"

#include <plait/condition.h>

#include <errno.h>
#include <limits.h>

#define SLEEPERS UINT32_C(1) /* W */

struct condition {
    uint64_t head; /* zero: sync_is_private */
    uint32_t word;
    uint32_t behind;
    uint64_t room[6];
};
_Static_assert(sizeof(struct condition) == sizeof(plait_condition), "a condition is 64 bytes");

static const struct wait_call waiting = {.verb = "wait", .type = "condition"};

struct condition_call {
    plait_condition *object;
    struct condition *condition; /* NULL: it is a shared one */
    plait_lock *lock;
    void *place;
    uint64_t depth; /* of a plait_rlock */
    bool released;
};

/* NULL: it is a shared one. */
static struct condition *condition_of(const plait_condition *condition, void *place)
{
    if (unlikely(!sync_is_private(condition)) && sync_check(condition, "condition", place))
        return NULL;
    return (struct condition *)condition;
}

/* Step 2. */
static void condition_leave(void *object)
{
    struct condition_call *call = object;
    call->released = true;
    call->depth = *lock_depth(call->lock);
    *lock_depth(call->lock) = 0;
    lock_give(call->lock, call->place);
}

static _Noreturn __attribute__((cold)) void condition_two_locks(const struct condition_call *call,
                                                                const void *other)
{
    char one[128], two[128];
    base_misuse(call->condition, "condition", call->place,
                "waited on with %s while others wait on it with %s",
                base_name_of(call->lock, "lock", one, sizeof one),
                base_name_of(other, "lock", two, sizeof two));
}

/* Steps 1 and 2. */
static int condition_sleep(struct condition_call *call, int64_t deadline)
{
    uint32_t *word = &call->condition->word;
    struct wait_onto onto;
    int rc;
    lock_onto(call->lock, &onto);
    do {
        struct wait_word one = {.word = word};
        one.seen = atom_or(word, SLEEPERS, SEQ_CST) | SLEEPERS;
        rc = wait_park_onto(&one, &onto, condition_leave, call, deadline);
    } while (rc == -EAGAIN && !call->released);
    if (unlikely(rc == -EXDEV))
        condition_two_locks(call, onto.clash);
    return rc == -EAGAIN ? 0 : rc;
}

/* Whom a waiter waits for who was told: the holder of the lock that he was moved to. */
static int condition_holders(const struct wait_self *waiter, const void *shown,
                             struct wait_holder *who, int most)
{
    const void *moved = atom_load(&waiter->note.moved, RELAXED);
    return moved ? lock_holders(waiter, moved, who, most) : 0;
}

static int condition_sleep_private(struct condition_call *call, int64_t deadline)
{
    struct wait_self *self = wait_me();
    wait_on_holders(self, condition_holders, false);
    wait_look_pass(self, deadline);
    int rc = condition_sleep(call, deadline);
    wait_on_holders(self, NULL, true);
    return rc;
}

static int condition_wait(struct condition_call *call, int64_t deadline)
{
    struct wait_self *self = wait_me();
    if (deadline == 0)
        return wait_not_now();
    call->released = false;
    wait_note_begin(self, &waiting, call->object, call->place);
    int rc = call->condition
                 ? condition_sleep_private(call, deadline)
                 : shared_condition_sleep(call->object, condition_leave, call, deadline);
    wait_note_end(self);
    if (!call->released)
        return rc;
    int taken = lock_take_again(call->lock, call->place);
    if (taken != -ENOTRECOVERABLE)
        *lock_depth(call->lock) = call->depth;
    if (taken != 0 && rc == -ECANCELED)
        wait_cancel_again(self);
    return taken != 0 ? taken : rc;
}

static void condition_begin(struct condition_call *call, const plait_condition *condition)
{
    call->condition = condition_of(condition, call->place);
    call->object = (plait_condition *)condition;
    bool shared =
        unlikely(!sync_is_private(call->lock)) && sync_check(call->lock, "lock", call->place);
    if (unlikely(!call->condition && !shared))
        base_misuse(condition, "condition", call->place,
                    "PLAIT_SHARED, but waited on with a private lock");
    if (lock_is_mine(call->lock))
        return;
    void *since = NULL;
    char text[128], name[128];
    struct wait_self *holder = lock_holder(call->lock, &since);
    const char *who = plait_lock_is_held(call->lock) ? "another task" : "nobody";
    base_misuse(condition, "condition", call->place,
                "waited on without its lock %s, which %s holds",
                base_name_of(call->lock, "lock", text, sizeof text),
                holder ? waiter_name(holder, name, sizeof name) : who);
}

int plait_condition_wait(plait_condition *condition, plait_lock *lock, int64_t deadline)
{
    struct condition_call call = {.lock = lock, .place = __builtin_return_address(0)};
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    condition_begin(&call, condition);
    return condition_wait(&call, deadline);
}

int plait_condition_wait_for(plait_condition *condition, plait_lock *lock,
                             bool (*predicate)(void *arg), void *arg, int64_t deadline)
{
    struct condition_call call = {.lock = lock, .place = __builtin_return_address(0)};
    int rc = 0;
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    condition_begin(&call, condition);
    if (!predicate)
        return -EINVAL;
    while (!predicate(arg)) {
        if (rc != 0)
            return rc;
        rc = condition_wait(&call, deadline);
        if (rc == -EOWNERDEAD || rc == -ENOTRECOVERABLE)
            return rc; /* what the predicate looks at is half done, or not ours */
    }
    if (rc == -ECANCELED)
        wait_cancel_again(wait_me());
    return 0;
}

/* Steps 4 and 5. */
static void condition_notify(plait_condition *object, int count, void *place)
{
    struct condition *condition = condition_of(object, place);
    WAIT_POINT();
    if (!condition)
        shared_condition_notify(object, count);
    else if (atom_load(&condition->word, SEQ_CST) & SLEEPERS)
        wait_move(&condition->word, count, SLEEPERS);
}

void plait_condition_notify(plait_condition *condition, int count)
{
    void *place = __builtin_return_address(0);
    if (count < 0)
        base_misuse(condition, "condition", place, "notifies %d", count);
    condition_notify(condition, count, place);
}

void plait_condition_notify_all(plait_condition *condition)
{
    condition_notify(condition, INT_MAX, __builtin_return_address(0));
}

void plait_condition_init(plait_condition *condition, plait_where where)
{
    sync_init(condition, "condition", where, __builtin_return_address(0));
}
