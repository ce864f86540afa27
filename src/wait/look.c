#include "wait/look.h"

struct wait_look wait_look;

/* A wait with a deadline ends by itself, so nobody needs to end it. No atom_...: these are no
 * points where the explorer needs to choose. */
void wait_look_begin(struct wait_self *self, int64_t deadline)
{
    int64_t until = deadline < self->limit ? deadline : self->limit;
    int64_t after = __atomic_load_n(&wait_look.after, __ATOMIC_RELAXED);
    bool looks = self->note.holders && until == WAIT_NEVER && after;
    int64_t due = looks ? self->note.since + after : WAIT_NEVER;
    __atomic_store_n(&self->note.due, due, __ATOMIC_RELAXED);
    __atomic_store_n(&self->note.endless, looks, __ATOMIC_RELAXED);
    if (looks && self->carrier->is_coroutine)
        wait_look.later();
}

void wait_look_fire(struct wait_self *self)
{
    wait_fire(self, WAIT_LOOK);
}
