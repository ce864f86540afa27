/* From one coroutine to the next.
 *
 * Problem: a coroutine that parks must not be run by a waker on another worker before its registers
 * are saved. Obvious idea: switch to the worker's loop each time, which then publishes it. That is
 * two switches for each wait. Instead: the coroutine picks its successor itself and switches
 * straight to it; whoever arrives *settles* the one that left: only then is it put to sleep (ARMED
 * -> ASLEEP), queued, or its stack given back.
 *   1. leaver: state ARMED, its records in the lot; after = PARK; picks the next; switches
 *   2. arriver: worker_settle: CAS ARMED -> ASLEEP. It fails when somebody fired meanwhile: then
 *      the arriver queues it itself
 *   3. waker, who saw ASLEEP: worker_ready. Its ACQ_REL on the state pairs with 2: the saved
 *      context is visible to who runs it next A yield is settled the same way, since a movable
 *      coroutine could be stolen from the queue while it still runs. */
#include "base/report.h"
#include "base/settings.h"
#include "os/os.h"
#include "sched/worker.h"

#include <stdlib.h>

struct sched_state sched;
struct sched_hooks sched_hooks;
__thread struct sched_worker *sched_here __attribute__((tls_model("initial-exec")));

struct sched_co *sched_current(void)
{
    struct sched_worker *worker = sched_here;
    return worker ? worker->current : NULL;
}

/* The stack that was left last on this worker. */
struct os_fiber *worker_left_fiber(struct sched_worker *worker)
{
    return worker->leaving ? &worker->leaving->fiber : &worker->loop_fiber;
}

int sched_worker_index(void)
{
    struct sched_worker *worker = sched_here;
    return worker ? worker->index : -1;
}

void worker_settle(struct sched_worker *worker)
{
    struct sched_co *co = worker->leaving;
    uint32_t armed = WAIT_ARMED;
    worker->leaving = NULL;
    if (!co)
        return;
    switch (co->after) {
    case SCHED_AFTER_NOTHING:
        break;
    case SCHED_AFTER_PARK:
        if (atom_cas(&co->self.state, &armed, WAIT_ASLEEP, ACQ_REL))
            break; /* it is its waker's now: not touched any more */
        /* fall through */
    case SCHED_AFTER_READY:
        worker_ready(worker, co);
        break;
    case SCHED_AFTER_END:
        os_fiber_end(&co->fiber);
        worker_stack_keep(worker, co->stack, co->stack_size);
        break;
    }
}

/* `from` or `to` NULL is the worker's loop. wait_current is set before the switch: compilers keep
 * addresses of thread-locals, and a movable coroutine may come back on another thread. */
static inline __attribute__((always_inline)) void
switch_to(struct sched_worker *worker, struct sched_co *from, struct sched_co *to)
{
    struct os_fiber *here = from ? &from->fiber : &worker->loop_fiber;
    struct os_fiber *there = to ? &to->fiber : &worker->loop_fiber;
    atom_store(&worker->current, to, RELAXED);
    worker->leaving = from;
    atom_store(&worker->tick, worker->tick + 1, RELAXED);
    wait_current = to ? &to->self : NULL;
    BASE_TRACE("run", to, 0);
    os_exceptions_swap(from ? &from->exceptions : &worker->exceptions,
                       to ? &to->exceptions : &worker->exceptions);
    os_fiber_leave(here, there, from && from->after == SCHED_AFTER_END);
    os_switch(from ? &from->context : &worker->loop, to ? to->context : worker->loop);
    if (from)
        worker = from->worker;
    os_fiber_arrive(here, worker_left_fiber(worker));
    worker_settle(worker);
}

/* In deterministic mode: one of the first eight that could run, by the seed; but each fourth time
 * the one that waits longest, because a choice by lot alone serves nobody within a bound. */
static struct sched_co *pick_seeded(struct sched_worker *worker)
{
    for (struct sched_co *co; (co = fresh_pop(&worker->fresh));)
        fifo_push(&worker->ready, co);
    for (struct sched_co *co; (co = fifo_pop(&worker->moving));)
        fifo_push(&worker->ready, co);
    uint32_t most = worker->ready.count < 8 ? worker->ready.count : 8;
    uint32_t skip = sched_lot(most);
    return most ? fifo_take(&worker->ready, worker->turn % 4 ? skip : 0) : NULL;
}

/* The next coroutine of this worker, or NULL. */
struct sched_co *worker_pick(struct sched_worker *worker)
{
    uint32_t turn = ++worker->turn;
    if (unlikely(atom_load(&worker->inbox, RELAXED)))
        worker_inbox_take(worker);
    uint32_t special = sched_special();
    if (unlikely(special))
        return special & SCHED_SEEDED && !(special & SCHED_STOPS) ? pick_seeded(worker) : NULL;
    return worker_next(worker, turn);
}

/* To `next`, or to the loop when it is NULL. */
static inline __attribute__((always_inline)) void
leave_to(struct sched_co *co, struct sched_co *next, enum sched_after after)
{
    struct sched_worker *worker = co->worker;
    co->after = after;
    if (unlikely(next && next->worker != worker))
        co_prepare(next, worker);
    co->saved_errno = *worker->errno_at;
    switch_to(worker, co, next);
    *co->worker->errno_at = co->saved_errno;
}

/* Each 53rd time to the loop, which looks at timers, descriptors and other queues, so that nobody
 * who always has work starves those. A prime, so as not to fall in step with the program; Go's 61
 * left a ready descriptor waiting for 65 switches, since who is made ready stands at the queue's
 * end. */
static bool loop_is_due(const struct sched_worker *worker)
{
    if (unlikely(sched_special() & SCHED_SEEDED))
        return worker->turn % SCHED_ROUND_SEEDED == 0;
    return worker->turn % SCHED_ROUND == 0;
}

void worker_leave(struct sched_co *co, enum sched_after after)
{
    struct sched_worker *worker = co->worker;
    leave_to(co, loop_is_due(worker) ? NULL : worker_pick(worker), after);
}

void worker_run(struct sched_worker *worker, struct sched_co *co)
{
    if (co->worker != worker)
        co_prepare(co, worker);
    switch_to(worker, NULL, co);
}

/* The first frame of each coroutine. */
static void co_entry(void *arg)
{
    struct sched_co *co = arg;
    os_fiber_arrive(&co->fiber, worker_left_fiber(co->worker));
    worker_settle(co->worker);
    co->main(co);
    worker_leave(co, SCHED_AFTER_END);
    abort(); /* nobody switches to a coroutine that has ended */
}

static const char *fiber_name(const struct sched_co *co)
{
    return os_tsan_watches() && sched_hooks.name ? sched_hooks.name(co) : NULL;
}

void co_prepare(struct sched_co *co, struct sched_worker *worker)
{
    atom_store(&co->worker, worker, RELAXED);
    if (co->started)
        return;
    co->started = true;
    os_fiber_new(&co->fiber, co->stack, co->stack_size, fiber_name(co));
    co->context = os_context(co, co_entry, co); /* the stack begins below the record */
}

static void co_sleep(struct wait_self *self, int64_t deadline)
{
    struct sched_co *co = (struct sched_co *)self;
    if (deadline != WAIT_NEVER)
        timer_add(co->worker, co, deadline);
    worker_leave(co, SCHED_AFTER_PARK);
    if (co->timer_home)
        timer_remove(co);
}

static void co_rouse(struct wait_self *self)
{
    struct sched_co *co = (struct sched_co *)self;
    worker_ready(co->worker, co);
}

/* In deterministic mode main's coroutine stands on its thread's own stack. */
static bool co_has_room(const struct wait_self *self, size_t bytes)
{
    const struct sched_co *co = (const struct sched_co *)self;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), guard = (uintptr_t)co->stack + OS_PAGE;
    if (!co->stack)
        return os_stack_room() >= bytes;
    return here > guard && here - guard >= bytes;
}

static bool co_give_way(struct wait_self *self)
{
    const struct sched_co *co = (const struct sched_co *)self;
    if (wait_deterministic || !co->worker->ready.count)
        return false;
    sched_yield_now();
    return true;
}

const struct wait_carrier sched_carrier = {co_sleep,    co_rouse,    NULL,   true,
                                           co_has_room, co_give_way, co_ring};

void sched_yield_now(void)
{
    struct sched_co *co = sched_current();
    if (!co) {
        os_yield();
        return;
    }
    struct sched_worker *worker = co->worker;
    bool due = loop_is_due(worker);
    struct sched_co *next = due ? NULL : worker_pick(worker);
    if (next || due)
        leave_to(co, next, SCHED_AFTER_READY);
    else /* a switch to itself: otherwise the watcher would take who yields alone for stuck */
        atom_store(&worker->tick, worker->tick + 1, RELAXED);
}

/* The watcher has asked: a coroutine that takes free locks and fills queues with room for
 * milliseconds never waits, and only looks stuck. Another one may be asked while this one takes the
 * request back: then that one does not hear, is found stuck, and is asked again.
 *
 * By way of the loop, because who waits for the global queue, a timer or a descriptor would
 * otherwise wait for 53 requests: a quarter of a second. Not while the program ends, since nobody
 * comes back from there then. */
void sched_point(void)
{
    struct sched_worker *here = sched_here;
    bool others = false;
    if (!here || !atom_load(&here->asked, RELAXED))
        return;
    atom_store(&here->asked, 0, RELAXED);
    uint32_t count = atom_load(&sched.count, ACQUIRE);
    for (uint32_t i = 0; i < count; i++)
        others |= atom_load(&sched.workers[i]->asked, RELAXED);
    wait_ask(others);
    if (here->current && !sched_special())
        leave_to(here->current, NULL, SCHED_AFTER_READY);
    else
        sched_yield_now();
}

/* Every 8th failed try of PLAIT_NOW: a loop of tries would otherwise hold its worker for ever. */
void sched_turn(void)
{
    struct sched_co *co = sched_current();
    if (co && ++co->tries % 8 == 0)
        sched_yield_now();
}
