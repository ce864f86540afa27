/* A wait that has lasted long looks once whether it can end at all.
 *
 * Problem: tasks that wait for each other in a circle wait for ever, and nobody is left who would
 * notice. Obvious idea: keep the graph of who waits for whom at each wait, and look for a circle
 * before each sleep. That makes every contended acquire pay for what hardly ever happens. Instead a
 * wait notes down who could tell its holders, and when it has lasted PLAIT_DEADLOCK_AFTER (1 s) its
 * own task walks from holder to holder (watch/deadlock.c). One look is enough: what closes a circle
 * is always the start of a wait, and that wait, the youngest, looks after all others have begun.
 *
 * A thread sleeps until its look is due, looks, and sleeps on where it lies (wait/thread.c): it
 * does not try again, otherwise a wake that plait itself forgot would be healed and never found. A
 * coroutine has no timer for it, because one more timer for each contended lock would cost a tenth
 * of the switch: it asks for a round of the watcher (later), which looks for all coroutines whose
 * time has come. */
#ifndef WAIT_LOOK_H
#define WAIT_LOOK_H

#include "wait/wait.h"

/* Who must act before a wait can end, and where that task took what is waited for (NULL: it is the
 * task itself that is waited for). */
struct wait_holder {
    struct wait_self *self;
    void *place;
};

/* For the next wait of this task: `holders` tells who holds `shown`. It is called by any task while
 * the wait may be over and the object gone, so it reads the object through os_peek. All that it
 * names must act, not one of them. may_fail: the wait may end with -EDEADLK; otherwise another one
 * of the circle ends. After the wait: NULL. */
static inline void wait_on_holders(struct wait_self *self, wait_holders *holders, bool may_fail)
{
    __atomic_store_n(&self->note.may_fail, may_fail, __ATOMIC_RELAXED);
    __atomic_store_n(&self->note.holders, holders, __ATOMIC_RELAXED);
}

/* Filled in by watch/. */
struct wait_look {
    int64_t after;                       /* ns; 0: nobody looks */
    int (*look)(struct wait_self *self); /* -EDEADLK: this wait ends with it; -EAGAIN: goes on */
    void (*later)(void);                 /* a coroutine wants to be looked after */
};
extern struct wait_look wait_look;

/* A wait begins: when its look is due, into the note. */
void wait_look_begin(struct wait_self *self, int64_t deadline);
/* A wait that cannot be looked after, since it is no wait_until, but is part of others' ways: it
 * has no end of its own unless there is a deadline. */
static inline void wait_look_pass(struct wait_self *self, int64_t deadline)
{
    __atomic_store_n(&self->note.due, WAIT_NEVER, __ATOMIC_RELAXED);
    __atomic_store_n(&self->note.endless, deadline == WAIT_NEVER && self->limit == WAIT_NEVER,
                     __ATOMIC_RELAXED);
}
/* Wakes a task that belongs to a circle, so that it looks itself; harmless when its wait is
 * over. */
void wait_look_fire(struct wait_self *self);

#endif
