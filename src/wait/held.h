/* What each task holds, noted down in checked mode only (PLAIT_CHECK=1): for the order of locks,
 * for the check at a task's end, for reports and dumps.
 *
 * The list belongs to the task: it alone changes it. Others read it as a hint; its memory is never
 * given back, so that a late look reads a list, if perhaps another task's. */
#ifndef WAIT_HELD_H
#define WAIT_HELD_H

#include "wait/wait.h"

enum { WAIT_HELD_MOST = 24 };

/* The names under which the order checker (sync/order.h) knows a lock; zero: not yet. Lies inside
 * the lock, so that a lock in memory that was used before is a new one. */
struct wait_mark {
    uint32_t class, own;
};

struct wait_held_one {
    const void *object;
    const char *type;
    void *place; /* return address of the call that took it */
    struct wait_mark *mark;
};

struct wait_held {
    struct wait_held *next_free;
    uint32_t count;
    uint32_t more; /* held beyond the list's end: counted, not known */
    struct wait_held_one one[WAIT_HELD_MOST];
};

void wait_held_push_slowly(struct wait_self *self, struct wait_held_one one);
void wait_held_pop_slowly(struct wait_self *self, const void *object);

static inline void wait_held_write(struct wait_held_one *to, const struct wait_held_one *one)
{
    atom_store(&to->object, one->object, RELAXED);
    atom_store(&to->type, one->type, RELAXED);
    atom_store(&to->place, one->place, RELAXED);
    atom_store(&to->mark, one->mark, RELAXED);
}

/* Without memory the task is not checked. */
static inline void wait_held_push(struct wait_self *self, struct wait_held_one one)
{
    struct wait_held *held = self->held;
    if (unlikely(!held || held->count == WAIT_HELD_MOST)) {
        wait_held_push_slowly(self, one);
        return;
    }
    wait_held_write(&held->one[held->count], &one);
    atom_store(&held->count, held->count + 1, RELEASE); /* pairs with wait_held_last */
}

/* The one that was taken last comes off quickly; one that is not there is ignored. */
static inline void wait_held_pop(struct wait_self *self, const void *object)
{
    struct wait_held *held = self->held;
    if (likely(held && held->count && held->one[held->count - 1].object == object))
        atom_store(&held->count, held->count - 1, RELEASE);
    else
        wait_held_pop_slowly(self, object);
}

/* The task ends: the list is the next one's. */
void wait_held_drop(struct wait_self *self);
void wait_held_after_fork(void);
/* The one taken last, copied; false: it holds none, or is not checked. Of any task, a hint. */
bool wait_held_last(const struct wait_self *self, struct wait_held_one *one);
/* Does the task hold it, as far as is known? */
bool wait_held_has(const struct wait_self *self, const void *object);

#endif
