/* Descriptors as cases of plait_select; poll.c has the protocol. */
#include "os/os.h"
#include "sched/worker.h"
#include "wait/case.h"

#include <errno.h>

/* A case: `number` is the descriptor, `size` the events, `data` the worker whose poller has it, and
 * `reserved` the number registered + 1; below 0: why it could not be. */
static int poll_enter(plait_case *one, struct wait_self *self)
{
    struct sched_co *co = sched_current();
    if (!co)
        return sched_watch_poll((int)one->number, (uint32_t)one->size, self);
    struct sched_worker *home = co->worker;
    atom_add(&home->polled, 1, RELEASE); /* pairs with the watcher's look at a stuck worker */
    int registered =
        poll_register(home->poller, (int)one->number, (uint32_t)one->size, (uintptr_t)self);
    if (registered < 0) {
        atom_sub(&home->polled, 1, RELAXED);
        return registered;
    }
    if (wait_deterministic)
        sched_real_event(1);
    one->data = home;
    return registered;
}

static void poll_leave(plait_case *one)
{
    struct sched_worker *home = one->data;
    int registered = one->reserved - 1;
    if (one->reserved <= 0)
        return;
    one->reserved = 0;
    if (!home) {
        sched_watch_unpoll((int)one->number, registered);
        return;
    }
    poll_withdraw(home->poller, (int)one->number, registered);
    atom_sub(&home->polled, 1, RELAXED);
    if (wait_deterministic)
        sched_real_event(-1);
    one->data = NULL;
}

static int poll_attempt(plait_case *one)
{
    if (one->reserved < 0)
        return one->reserved;
    int ready = os_descriptor_ready((int)one->number, (uint32_t)one->size);
    if (ready > 0)
        poll_leave(one);
    return ready ? ready : -EAGAIN;
}

static int poll_words(plait_case *one, struct wait_word *words)
{
    struct wait_self *self = wait_me();
    words[0] = (struct wait_word){.word = &self->told, .seen = atom_load(&self->told, SEQ_CST)};
    int registered = poll_enter(one, self);
    one->reserved = registered < 0 ? registered : registered + 1;
    return registered >= 0;
}

static const struct plait_case_kind poll_kind = {"wait for", "descriptor", poll_attempt, poll_words,
                                                 poll_leave};

plait_case plait_on_readable(int descriptor)
{
    return (plait_case){.kind = &poll_kind, .number = descriptor, .size = OS_READABLE};
}

plait_case plait_on_writable(int descriptor)
{
    return (plait_case){.kind = &poll_kind, .number = descriptor, .size = OS_WRITABLE};
}

int sched_poll(int descriptor, uint32_t events, int64_t deadline)
{
    static const struct wait_call polling = {.verb = "wait for", .type = "descriptor"};
    plait_case one = {.kind = &poll_kind, .number = descriptor, .size = events};
    int rc = wait_select(&one, 1, deadline, &polling, NULL, __builtin_return_address(0));
    return rc < 0 ? rc : one.result;
}
