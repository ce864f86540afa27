#include "sync/waiter.h"
#include "base/report.h"
#include "sync/budget.h"

/* The holder may have ended meanwhile. Its memory stays, but if it is a stack that was given back it
 * reads as zeroes. */
bool waiter_may_spin(const struct wait_self *self, const struct wait_self *holder)
{
    if (!sync_may_spin())
        return false;
    if (holder && atom_load(&holder->state, RELAXED) == WAIT_ASLEEP)
        return false;
    const struct wait_carrier *carrier = holder ? atom_load(&holder->carrier, RELAXED) : NULL;
    if (!self->carrier->is_coroutine || !carrier)
        return !self->carrier->is_coroutine;
    if (!carrier->is_coroutine)
        return true;
    const struct sched_co *mine = (const struct sched_co *)self;
    const struct sched_co *other = (const struct sched_co *)holder;
    return atom_load(&other->worker, RELAXED) != mine->worker;
}

struct wait_self *waiter_of(uint32_t number)
{
    bool is_one = number && number - 1 < slot_limit(); /* hints may be anything */
    struct task_record *record = is_one ? slot_record(slot_at(number - 1)) : NULL;
    return record ? &record->co.self : NULL;
}

const char *waiter_name(const struct wait_self *self, char *text, size_t size)
{
    base_format(text, size, "%s",
                record_name((struct task_record *)self)); /* every wait_self begins a record */
    return text;
}

void waiter_misuse(const void *object, const char *type, void *place,
                   const struct wait_self *holder, void *since, const char *what)
{
    char who[128], where[256];
    if (holder)
        base_misuse(object, type, place, "%s; held by %s since %s", what,
                    waiter_name(holder, who, sizeof who), base_place(since, where, sizeof where));
    if (since)
        base_misuse(object, type, place, "%s; nobody holds it, last taken at %s", what,
                    base_place(since, where, sizeof where));
    base_misuse(object, type, place, "%s; nobody ever took it", what);
}
