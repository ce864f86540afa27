/* The scheduler as a whole: deterministic mode, fork, the end, counters. */
#include "base/report.h"
#include "base/settings.h"
#include "base/stack.h"
#include "os/os.h"
#include "sched/worker.h"
#include "wait/helper.h"
#include "wait/ring.h"

#include <errno.h>
#include <stdlib.h>

/* A switch that the seed decides, at each call of plait: one in four. */
static void seeded_switch(void)
{
    if (sched_current() && sched_lot(4) == 0)
        sched_yield_now();
}

static void seeded_loop(void *arg)
{
    struct sched_worker *worker = arg;
    os_fiber_arrive(&worker->loop_fiber, worker_left_fiber(worker));
    worker_settle(worker);
    worker_loop(worker);
    abort();
}

/* The calling thread is worker 0; its loop gets a stack of its own, since the thread's stack is the
 * main task's. */
void sched_begin_deterministic(struct sched_co *main_co, uint64_t seed)
{
    size_t size = base_settings()->stack;
    char *stack = base_stack_take(&size);
    struct sched_worker *worker = NULL;
    if (!stack || worker_new(0, &worker) < 0)
        base_misuse(NULL, "deterministic mode", NULL, "no memory for its worker");
    os_fiber_new(&worker->loop_fiber, stack, size, "loop");
    worker->loop = os_context(stack + size, seeded_loop, worker);
    os_fiber_adopt(&main_co->fiber);
    main_co->self.carrier = &sched_carrier;
    main_co->worker = worker;
    main_co->started = true;
    worker->current = main_co;
    sched_here = worker;
    worker->errno_at = os_errno_at();
    sched.workers[0] = worker;
    sched.count = sched.wanted = 1;
    sched.random = (uint32_t)(seed ^ seed >> 32) * 2654435761u + 1;
    sched.special |= SCHED_SEEDED;
    main_co->self.random = sched.random | 1;
    wait_virtual_now = os_now(); /* goes on from what the program has read already */
    wait_set_modes(true, wait_checked);
    atom_store(&wait_switch, seeded_switch, RELAXED);
}

void sched_real_event(int change)
{
    atom_add(&sched.real_events, change, RELAXED);
}

/* The program ends: no coroutine is resumed from here on. One that computes is left alone. */
void sched_stop(void)
{
    atom_or(&sched.special, SCHED_STOPS, SEQ_CST);
    uint32_t count = atom_load(&sched.count, ACQUIRE);
    for (uint32_t i = 0; i < count; i++)
        worker_wake(sched.workers[i]);
}

static int worker_await_end(struct sched_worker *worker, int64_t deadline, void *place)
{
    uint32_t state;
    while ((state = atom_load(&worker->state, ACQUIRE)) != WORKER_GONE) {
        worker_wake(worker);
        int rc = wait_for_change(&worker->state, state, deadline, place);
        if (rc < 0)
            return rc;
    }
    ring_close(&worker->ring);
    os_close(worker->poller);
    os_close(worker->bell);
    return 0;
}

int sched_quiesce(int64_t deadline, void *place)
{
    if (sched_here)
        return -EBUSY;
    atom_or(&sched.special, SCHED_LEAVES, SEQ_CST);
    int rc = 0;
    base_spin_lock(&sched.lock); /* a start under way ends first, otherwise it would not be seen */
    uint32_t left = sched.count;
    base_spin_unlock(&sched.lock);
    for (; left && rc == 0; left--) {
        rc = worker_await_end(sched.workers[left - 1], deadline, place);
        if (rc == 0)
            atom_store(&sched.count, left - 1, RELEASE);
    }
    atom_and(&sched.special, ~(uint32_t)SCHED_LEAVES, SEQ_CST);
    if (rc == 0)
        rc = blocking_end(deadline, place);
    if (rc == 0)
        rc = helper_end(deadline, place);
    if (rc == 0)
        rc = watch_end();
    return rc;
}

void sched_fork_prepare(void)
{
    base_spin_lock(&sched.lock);
    base_stack_fork_prepare();
}

void sched_fork_parent(void)
{
    base_stack_fork_done();
    base_spin_unlock(&sched.lock);
}

/* In the child there is one thread, and it is nobody's worker: what ran on the others is gone with
 * them. Their stacks are the parent's to give back; here they stay as they were. */
void sched_after_fork(struct wait_self *self)
{
    base_stack_fork_done();
    for (uint32_t i = 0; i < sched.count; i++) {
        os_close(sched.workers[i]->poller);
        os_close(sched.workers[i]->bell);
        os_ring_forget(&sched.workers[i]->ring);
    }
    bool seeded = sched_special() & SCHED_SEEDED;
    sched = (struct sched_state){0};
    sched_here = NULL;
    wait_set_modes(false, wait_checked);
    if (seeded)
        wait_virtual_now = 0;
    watch_reset();
    blocking_reset();
    wait_after_fork(self);
}

void sched_counters_read(struct sched_counters *counters)
{
    *counters = (struct sched_counters){.stuck = atom_load(&sched.stuck_found, RELAXED)};
    uint32_t count = atom_load(&sched.count, ACQUIRE);
    counters->workers = count;
    for (uint32_t i = 0; i < count; i++) {
        struct sched_worker *worker = sched.workers[i];
        counters->switches += atom_load(&worker->tick, RELAXED);
        counters->steals += atom_load(&worker->steals, RELAXED);
        counters->polls += atom_load(&worker->polls, RELAXED);
    }
}
