/* What locks and queues ask about tasks: who they are in messages, and whether waiting for one by
 * spinning can help. */
#ifndef SYNC_WAITER_H
#define SYNC_WAITER_H

#include "task/task.h"

/* May `self` spin until `holder` (NULL: not known) does something? A coroutine must not wait that
 * way for one of its own worker, which cannot run meanwhile; nobody waits that way for a task that
 * sleeps. */
bool waiter_may_spin(const struct wait_self *self, const struct wait_self *holder);

/* A number for the task that no other has while it lives; never 0. Every wait_self begins a record.
 * */
static inline uint32_t waiter_number(const struct wait_self *self)
{
    return ((const struct task_record *)self)->slot + 1;
}

/* The task of that number; NULL: it is over, or there was none. */
struct wait_self *waiter_of(uint32_t number);

/* The task's name for messages, into `text`, returned. */
const char *waiter_name(const struct wait_self *self, char *text, size_t size);

/* Misuse of an object that a task holds (holder NULL: nobody does; place NULL: nobody ever did). */
_Noreturn void waiter_misuse(const void *object, const char *type, void *place,
                             const struct wait_self *holder, void *since, const char *what);

#endif
