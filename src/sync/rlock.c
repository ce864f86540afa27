/* The re-entrant lock: a lock, and behind it how often its holder has taken it again. The count is
 * touched by the holder alone, so it needs no order of its own; who gets the lock anew starts from
 * zero, because a holder that died inside left its count behind. */
#include "base/report.h"
#include "sync/held.h"
#include "sync/lock.h"
#include "sync/object.h"

#include <plait/rlock.h>

#include <errno.h>
#include <limits.h>

_Static_assert(sizeof(plait_rlock) == sizeof(plait_lock), "the count has its place in the lock");

static uint64_t *again_of(plait_rlock *rlock)
{
    return lock_depth(&rlock->lock);
}

static void rlock_check(const plait_rlock *rlock, void *place)
{
    if (!sync_is_private(rlock))
        sync_check(rlock, "rlock", place);
}

static int rlock_take(plait_rlock *rlock, int64_t deadline, bool done, void *place)
{
    rlock_check(rlock, place);
    if (lock_is_mine(&rlock->lock)) {
        if (*again_of(rlock) >= INT_MAX - 1)
            base_misuse(rlock, "rlock", place, "taken %d times and not released", INT_MAX);
        ++*again_of(rlock);
        return 0;
    }
    int rc = lock_take(&rlock->lock, deadline, done, place);
    if (rc == 0 || rc == -EOWNERDEAD)
        *again_of(rlock) = 0;
    return rc;
}

int plait_rlock_acquire(plait_rlock *rlock, int64_t deadline)
{
    WAIT_CHECK_DEADLINE(deadline);
    return rlock_take(rlock, deadline, false, __builtin_return_address(0));
}

static void rlock_give(plait_rlock *rlock, void *place)
{
    rlock_check(rlock, place);
    if (lock_is_mine(&rlock->lock) && *again_of(rlock) > 0)
        --*again_of(rlock);
    else
        lock_give(&rlock->lock, place);
}

void plait_rlock_release(plait_rlock *rlock)
{
    rlock_give(rlock, __builtin_return_address(0));
}

int plait_rlock_depth(const plait_rlock *rlock)
{
    rlock_check(rlock, __builtin_return_address(0));
    if (!lock_is_mine(&rlock->lock))
        return 0;
    return (int)*lock_depth((plait_lock *)&rlock->lock) + 1;
}

static void rlock_end(void *rlock)
{
    rlock_give(rlock, __builtin_return_address(0));
}

plait_held plait_rlock_hold(plait_rlock *rlock)
{
    void *place = __builtin_return_address(0);
    int rc = rlock_take(rlock, WAIT_NEVER, true, place);
    if (unlikely(rc != 0))
        held_settle(&rlock->lock, rc, "rlock", place);
    return (plait_held){rlock, rlock_end};
}

void plait_rlock_init(plait_rlock *rlock, plait_where where)
{
    lock_init(&rlock->lock, "rlock", where, __builtin_return_address(0));
}
