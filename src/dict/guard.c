/* Taking and giving back a guard. */
#include "dict/guard.h"
#include "sync/lock.h"
#include "sync/object.h"
#include "sync/shared_lock.h"

#include <errno.h>
#include <plait/error.h>

static struct robust_word *word_of(struct guard *guard)
{
    return (struct robust_word *)(void *)&guard->lock;
}

void guard_init(struct guard *guard, bool shared)
{
    if (!shared)
        return;
    word_of(guard)->behind = 1;
    word_of(guard)->before = SYNC_SHARED;
}

/* By the robust lock itself rather than plait_lock_acquire, which stops the program when the
 * object is none: here a peer may have written over it, and the caller returns a code. */
static int take_shared(struct guard *guard, void *place)
{
    struct wait_self *self = wait_me();
    int64_t limit = self->limit;
    self->limit = WAIT_NEVER;
    self->shield++;
    int rc = shared_lock_acquire(word_of(guard), WAIT_NEVER, place);
    self->shield--;
    self->limit = limit;
    return rc == -ENOTRECOVERABLE ? -PLAIT_EFORMAT : rc;
}

int guard_take(struct guard *guard, bool shared, void *place)
{
    if (shared)
        return take_shared(guard, place);
    wait_me();
    return lock_take_bare(&guard->lock, WAIT_NEVER, true, "guard", place);
}

void guard_give(struct guard *guard, bool shared, void *place)
{
    if (shared)
        shared_lock_release(word_of(guard), place);
    else
        lock_give_bare(&guard->lock, place);
}

void guard_mended(struct guard *guard, bool shared, void *place)
{
    if (shared)
        shared_lock_mend(word_of(guard), place);
    else
        plait_lock_mend(&guard->lock);
}
