/* The worker's loop: where it comes to when its own queue is empty, and each 53rd switch.
 *
 * Order of looking: timers, descriptors, inbox, global queue, own queues, theft. Then it spins a
 * little, because a wake across cores costs 5 to 20 us and a hand-over through memory a tenth of
 * one; the length is learnt (doubled when something came, halved when not). Then it sleeps in its
 * poller, until its bell rings, a descriptor is ready, or its first timer is due. */
#include "base/settings.h"
#include "base/stack.h"
#include "os/os.h"
#include "os/overflow.h"
#include "sched/worker.h"

#include <errno.h>

enum { SPIN_LEAST = 16, SPIN_MOST = 1024 };

/* What must be served at each visit, however much there is to run. */
static void loop_serve(struct sched_worker *worker)
{
    if (atom_load(&worker->next_timer, RELAXED) != WAIT_NEVER)
        timer_run(worker, wait_now());
    if (atom_load(&worker->polled, RELAXED))
        worker_poll(worker, 0);
    (void)worker_ring(worker);
}

static struct sched_co *loop_find(struct sched_worker *worker)
{
    /* Also while it has something to run: started ones stay here, so a worker that never falls idle
     * would otherwise leave all new ones to the worker they were started on. */
    struct sched_co *co = worker_steal(worker);
    if (co)
        worker_take_in(worker, co);
    return worker_pick(worker);
}

static bool loop_spin(struct sched_worker *worker)
{
    bool found = false;
    if (!atom_load(&sched.parallel, RELAXED))
        return false;
    atom_store(&worker->state, WORKER_SEARCHES, RELAXED);
    atom_add(&sched.searching, 1, SEQ_CST);
    for (uint32_t i = 0; i < worker->spin && !found; i++) {
        os_relax();
        found = worker_finds_work(worker) || sched_special();
    }
    atom_sub(&sched.searching, 1, SEQ_CST);
    atom_store(&worker->state, WORKER_RUNS, SEQ_CST);
    worker->spin = found ? worker->spin * 2 : worker->spin / 2;
    if (worker->spin < SPIN_LEAST)
        worker->spin = SPIN_LEAST;
    if (worker->spin > SPIN_MOST)
        worker->spin = SPIN_MOST;
    return found;
}

/* SLEEPS, then one more look, then the poller (queue.c has the argument). */
static void loop_sleep(struct sched_worker *worker, int64_t deadline)
{
    uint32_t asleep = WORKER_SLEEPS;
    atom_store(&worker->state, WORKER_SLEEPS, SEQ_CST);
    atom_add(&sched.sleeping, 1, SEQ_CST);
    if (!worker_has_work(worker) && !(atom_load(&sched.special, SEQ_CST) & ~SCHED_SEEDED))
        worker_poll(worker, deadline);
    if (atom_cas(&worker->state, &asleep, WORKER_RUNS, SEQ_CST))
        atom_sub(&sched.sleeping, 1, RELAXED);
    watch_workers();
}

/* Deterministic mode: nothing can run. Time jumps to the next timer, unless something real is
 * awaited: then it goes as fast as the real one. */
static void loop_jump(struct sched_worker *worker)
{
    int64_t next = worker->next_timer, before = os_now();
    int64_t look = sched_hooks.look ? sched_hooks.look(wait_virtual_now) : WAIT_NEVER;
    if (worker->ready.count)
        return; /* a look is due */
    next = look < next ? look : next;
    if (!atom_load(&sched.real_events, RELAXED)) {
        if (next == WAIT_NEVER)
            sched_hooks.nothing_can_run();
        wait_virtual_now = next;
        return;
    }
    loop_sleep(worker, next == WAIT_NEVER ? WAIT_NEVER : before + (next - wait_virtual_now));
    wait_virtual_now += os_now() - before;
}

static int64_t loop_rest(struct sched_worker *worker)
{
    int64_t timer = timer_rest(worker), patrol = worker_ring(worker);
    return timer < patrol ? timer : patrol;
}

static void loop_idle(struct sched_worker *worker)
{
    if (sched_special() & SCHED_SEEDED)
        loop_jump(worker);
    else if (!loop_spin(worker))
        loop_sleep(worker, loop_rest(worker));
}

void worker_loop(struct sched_worker *worker)
{
    while (!(sched_special() & SCHED_LEAVES)) {
        if (unlikely(sched_special() & SCHED_STOPS)) {
            os_sleep(OS_NEVER); /* the program ends: this thread resumes nobody */
            continue;
        }
        loop_serve(worker);
        struct sched_co *co = loop_find(worker);
        if (co)
            worker_run(worker, co);
        else
            loop_idle(worker);
    }
}

static void worker_main(void *arg)
{
    struct sched_worker *worker = arg;
    sched_here = worker;
    worker->errno_at = os_errno_at();
    atom_store(&worker->tid, os_tid(), RELAXED);
    os_overflow_stack();
    os_fiber_adopt(&worker->loop_fiber);
    worker_loop(worker);
    for (int i = 0; i < worker->stack_count; i++)
        base_stack_give(worker->stacks[i], base_settings()->stack);
    worker->stack_count = 0;
    os_overflow_drop();
    atom_store(&worker->state, WORKER_GONE, RELEASE);
    wait_unpark(&worker->state, INT32_MAX, false);
}

static void worker_drop(struct sched_worker *worker)
{
    os_close(worker->poller);
    os_close(worker->bell);
    os_unmap(worker, sizeof *worker);
}

/* A worker without a thread. */
int worker_new(uint32_t index, struct sched_worker **made)
{
    struct sched_worker *worker = os_map(sizeof *worker);
    if (!worker)
        return -ENOMEM;
    worker->index = (int)index;
    worker->next_timer = WAIT_NEVER;
    worker->wheel.next = WAIT_NEVER;
    worker->spin = SPIN_MOST / 4;
    worker->ring.descriptor = -1;
    worker->poller = os_poller_open();
    worker->bell = os_event_open();
    int rc = worker->poller < 0 ? worker->poller : worker->bell < 0 ? worker->bell : 0;
    if (rc == 0)
        rc = os_poller_set(worker->poller, worker->bell, OS_READABLE, 0);
    if (rc < 0)
        worker_drop(worker);
    else
        *made = worker;
    return rc;
}

/* Starts worker number `index` if it is the next one. */
int worker_start(uint32_t index)
{
    int rc = index == 0 ? sched_watch_begin() : 0;
    if (rc < 0)
        return rc;
    base_spin_lock(&sched.lock);
    atom_store(&sched.start, worker_start, RELAXED);
    if (!wait_deterministic)
        atom_store(&wait_switch, sched_point, RELAXED);
    if (!atom_load(&sched.wanted, RELAXED))
        atom_store(&sched.wanted, (uint32_t)base_settings()->workers, RELAXED);
    atom_store(&sched.parallel, os_cpus_allowed() > 1, RELAXED);
    uint32_t count = atom_load(&sched.count, RELAXED); /* quiesce writes it without the lock */
    if (index == 0 && count == 0 && sched_hooks.begin)
        sched_hooks.begin();
    /* While the workers leave, the watcher must not add one behind quiesce's back. */
    bool leaves = index && sched_special() & SCHED_LEAVES;
    if (count == index && index < SCHED_WORKERS_MOST && !leaves) {
        struct sched_worker *worker = NULL;
        rc = worker_new(index, &worker);
        if (rc == 0)
            rc = os_thread_start(worker_main, worker, 0, "plait-worker");
        if (rc == 0) {
            sched.workers[index] = worker;
            /* pairs with the ACQUIRE of who walks the workers */
            atom_store(&sched.count, index + 1, RELEASE);
            watch_new_worker();
        } else if (worker) {
            worker_drop(worker);
        }
    }
    base_spin_unlock(&sched.lock);
    return rc;
}
