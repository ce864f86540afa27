/* Checked mode (PLAIT_CHECK=1): what locks of every kind tell the checker. Costs one hidden bool
 * where it is off.
 *
 * An acquire that may wait:                  A try (PLAIT_NOW), which cannot wait for ever and so
 *     check_acquiring(lock, ...)             makes no order:
 *     take it, or fail
 *     check_acquired(lock, ...)                  check_acquired(lock, ...)
 * Taking a set of locks, none of which is waited for while another of the set is held:
 * check_acquiring for all of them first, then check_acquired for each. Re-entering what the task
 * holds already is told neither at the acquire nor at the release. Readers are told as writers are,
 * because a reader waits behind a writer that waits.
 *
 * `mark` is 8 bytes in the lock itself that begin as zeroes and are touched by nobody else; NULL
 * for one in shared memory, where other processes keep other books. */
#ifndef SYNC_CHECK_H
#define SYNC_CHECK_H

#include "sync/order.h"

void check_order(const void *object, struct wait_mark *mark, const char *type, void *place);
void check_class(const void *object, struct wait_mark *mark, void *place);

/* Was the lock of this mark waited for before with all of these held? */
static inline bool check_order_is_known(const struct wait_held *held, const struct wait_mark *mark)
{
    for (uint32_t i = 0; i < held->count; i++)
        if (!held->one[i].mark || !order_is_known(held->one[i].mark, mark))
            return false;
    return true;
}

/* Before an acquire that may wait. Reports an order that is the reverse of an earlier one. */
static inline void check_acquiring(const void *object, struct wait_mark *mark, const char *type,
                                   void *place)
{
    struct wait_self *self = wait_current; /* NULL: it holds nothing */
    if (wait_is_checked() && self && self->held && self->held->count)
        check_order(object, mark, type, place);
}

/* This task has it now. */
static inline void check_acquired(const void *object, struct wait_mark *mark, const char *type,
                                  void *place)
{
    if (wait_is_checked())
        wait_held_push(wait_me(), (struct wait_held_one){object, type, place, mark});
}

/* This task gives it back; while it still has it. */
static inline void check_released(const void *object)
{
    if (wait_is_checked())
        wait_held_pop(wait_me(), object);
}

/* It was initialised at `place`: all that were initialised there are one class. */
static inline void check_initialised(const void *object, struct wait_mark *mark, void *place)
{
    wait_me();
    if (wait_is_checked())
        check_class(object, mark, place);
}

/* Does the calling task hold it, as far as the checker was told? True where nothing is checked. */
static inline bool check_holds(const void *object)
{
    return !wait_is_checked() || wait_held_has(wait_me(), object);
}

#endif
