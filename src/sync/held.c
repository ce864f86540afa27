/* plait_with: a lock for the length of a block, and what happens when its last holder died inside.
 * */
#include "sync/held.h"
#include "base/report.h"
#include "sync/check.h"
#include "sync/lock.h"
#include "sync/object.h"
#include "sync/repair.h"
#include "sync/shared_lock.h"
#include "sync/waiter.h"

#include <errno.h>
#include <string.h>

/* The lock is ours, what it protects is half done. */
static void held_repair(plait_lock *lock, const char *type, void *place)
{
    const struct repair *repair = repair_find(lock);
    if (!repair)
        base_misuse(
            lock, type, place,
            "its holder died inside, and there is no repair function: see plait_%s_on_death",
            strcmp(type, "rwlock") ? "lock" : type);
    repair->function(repair->arg);
    plait_lock_mend(lock);
}

/* Stops the program, because the block cannot say no and must not run. */
static _Noreturn void held_refuse(plait_lock *lock, int rc, const char *type, void *place)
{
    void *since = NULL;
    struct wait_self *holder;
    if (rc == -EDEADLK && (holder = lock_holder(lock, &since)))
        waiter_misuse(lock, type, place, holder, since,
                      holder == wait_current ? "taken twice by one task"
                                             : "in a deadlock, and a block cannot be refused");
    if (rc == -EDEADLK)
        base_misuse(lock, type, place, "taken twice by one task");
    if (rc == -ENOTRECOVERABLE)
        base_misuse(lock, type, place, "its holder died inside, and it was released unmended");
    base_misuse(lock, type, place, "cannot be taken by a block: error %d", -rc);
}

void held_settle(plait_lock *lock, int rc, const char *type, void *place)
{
    if (rc == -EOWNERDEAD)
        held_repair(lock, type, place);
    else if (rc != 0)
        held_refuse(lock, rc, type, place);
}

static void held_release(void *lock)
{
    plait_lock_release(lock);
}

plait_held plait_lock_hold(plait_lock *lock)
{
    void *place = __builtin_return_address(0);
    int rc = lock_take(lock, WAIT_NEVER, true, place);
    if (unlikely(rc != 0))
        held_settle(lock, rc, "lock", place);
    return (plait_held){lock, held_release};
}

static int acquired(plait_case *one, int rc)
{
    if (unlikely(rc == -EOWNERDEAD)) {
        held_repair(one->object, "lock", one->data);
        return 0;
    }
    return rc;
}

static int acquire_attempt(plait_case *one)
{
    return acquired(one, lock_case_attempt(one));
}

static int acquire_shared_attempt(plait_case *one)
{
    int rc = shared_lock_case_attempt(one);
    if (rc == 0 || rc == -EOWNERDEAD)
        check_acquired(one->object, lock_mark(one->object), "lock", one->data);
    return acquired(one, rc);
}

plait_case plait_on_acquire(plait_lock *lock)
{
    static const struct plait_case_kind kind = {"acquire", "lock", acquire_attempt, lock_case_words,
                                                lock_case_pass_on};
    static const struct plait_case_kind shared = {"acquire", "lock", acquire_shared_attempt,
                                                  shared_lock_case_words, shared_lock_case_pass_on};
    void *place = __builtin_return_address(0);
    bool is_shared = !sync_is_private(lock) && sync_check(lock, "lock", place);
    return (plait_case){.kind = is_shared ? &shared : &kind, .object = lock, .data = place};
}

void plait_held_end(plait_held *held)
{
    void *object = held->object;
    held->object =
        NULL; /* first, so that the cleanup behind the block's own end finds nothing to do */
    if (object)
        held->release(object);
}

void plait_lock_on_death(plait_lock *lock, void (*repair)(void *arg), void *arg)
{
    void *place = __builtin_return_address(0);
    sync_check(lock, "lock", place);
    if (!repair_set(lock, repair, arg))
        base_misuse(lock, "lock", place,
                    "plait_lock_on_death: no memory to note the repair function down");
}
