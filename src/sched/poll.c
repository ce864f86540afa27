/* Descriptors: each worker has its own poller, in which it also rests; threads use the watcher's.
 *
 * Problem: what a poller tells may come late. The descriptor was closed and its file lives on under
 * another number, or the wait ended while another thread had the news in its hands. Obvious idea:
 * the poller tells a record on the sleeper's stack. Then late news is written into whatever lies
 * there now. Instead it tells the sleeper's own state, whose memory is never given back: a word in
 * it grows, the sleeper is woken, and asks the descriptor itself. Late news is one look in vain.
 *
 *   1. sleeper: asks the descriptor; reads `told`
 *   2. sleeper: registers, once, for what it waits for; the poller tells at once what is so already
 *   3. sleeper: sleeps while `told` is as it was at 1
 *   4. poller: told + 1, unparks whoever sleeps on it
 *   5. sleeper: takes the descriptor out; back to 1
 * Nothing is missed: what comes before 2 is told by 2, and 4 changes what 3 compares. */
#include "os/os.h"
#include "sched/worker.h"
#include "wait/case.h"

#include <errno.h>

void poll_tell(struct wait_self *self)
{
    atom_add(&self->told, 1, SEQ_CST);
    wait_unpark(&self->told, INT32_MAX, false);
}

int worker_poll(struct sched_worker *worker, int64_t deadline)
{
    struct os_ready ready[64];
    int count = os_poller_wait(worker->poller, ready, 64, deadline);
    atom_add(&worker->polls, 1, RELAXED); /* the watcher looks for a stuck worker */
    for (int i = 0; i < count; i++)
        if (ready[i].tag)
            poll_tell((struct wait_self *)(uintptr_t)ready[i].tag);
        else
            os_event_drain(worker->bell);
    return count;
}

/* A poller knows each number once, so the second one that waits for a descriptor there does so by a
 * number of its own: otherwise it would take the first one's place. Gives the number that was
 * registered. */
int poll_register(int poller, int descriptor, uint32_t events, uint64_t tag)
{
    int rc = os_poller_add(poller, descriptor, events | OS_ONCE, tag);
    if (rc == 0 || rc != -EEXIST)
        return rc < 0 ? rc : descriptor;
    int own = os_dup(descriptor);
    if (own < 0)
        return own;
    rc = os_poller_add(poller, own, events | OS_ONCE, tag);
    if (rc < 0)
        os_close(own);
    return rc < 0 ? rc : own;
}

void poll_withdraw(int poller, int descriptor, int registered)
{
    os_poller_remove(poller, registered);
    if (registered != descriptor)
        os_close(registered);
}

/* A case: `number` is the descriptor, `size` the events, `data` the worker whose poller has it, and
 * `reserved` the number registered + 1; below 0: why it could not be. */
static int poll_enter(plait_case *one, struct wait_self *self)
{
    struct sched_co *co = sched_current();
    if (!co)
        return sched_watch_poll((int)one->number, (uint32_t)one->size, self);
    struct sched_worker *home = co->worker;
    int registered =
        poll_register(home->poller, (int)one->number, (uint32_t)one->size, (uintptr_t)self);
    if (registered < 0)
        return registered;
    atom_add(&home->polled, 1, RELAXED);
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
