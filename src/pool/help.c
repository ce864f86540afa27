/* What a waiting job does for its pool, and a waiter for the job.
 *
 * Who waits for ever for a job that has not begun runs it himself, which takes 0.1 us where a wake
 * takes 10. The obvious rule, "run any job", is a trap: a foreign one runs under my locks and may
 * take far longer than what I wait for. So only that job (and what it waits for itself), only when
 * there is no deadline, with no lock held, with room on the stack, and on the carrier that it was
 * meant for. Otherwise who waits in a job counts as blocked, and a spare worker runs instead. */
#include "os/os.h"
#include "pool/list.h"
#include "wait/robust.h"

enum { ROOM = 128 << 10, SPIN = 20000 /* ns */ };

static bool holds_nothing(const struct wait_self *self)
{
    const struct task_record *record = (const struct task_record *)self;
    return self->locks == 0 && record->reads.count == 0 && record->reads.more == 0 &&
           self->pinned == 0 && robust_held_count((uintptr_t)self) == 0;
}

/* A coroutine's stack is smaller than a thread's: half of it. */
static bool has_room(const struct wait_self *self)
{
    size_t room = ROOM;
    const struct sched_co *co = (const struct sched_co *)self;
    if (self->carrier->is_coroutine && co->stack && co->stack_size / 2 < room)
        room = co->stack_size / 2;
    return !self->carrier->has_room || self->carrier->has_room(self, room);
}

static struct pool_worker *worker_here(const plait_pool *pool)
{
    for (struct pool_frame *frame = pool_frame_here(); frame; frame = frame->outer)
        if (frame->worker && (!pool || frame->worker->pool == pool))
            return frame->worker;
    return NULL;
}

bool pool_may_help(const plait_pool *pool)
{
    const struct wait_self *self = wait_me();
    if (pool->carrier == PLAIT_PROCESS || self->limit != WAIT_NEVER ||
        self->carrier->is_coroutine != (pool->carrier == PLAIT_COROUTINE))
        return false;
    if ((pool->options.begin || pool->options.jobs_per_worker) && !worker_here(pool))
        return false;
    return holds_nothing(self) && has_room(self);
}

static bool may_help(const plait_future *job)
{
    plait_pool *pool = atom_load(&job->pool, ACQUIRE);
    return pool && job->helps && pool_may_help(pool);
}

/* The job stays, since the waiter has its handle; so does the pool, while a job waits in it. */
static bool help(plait_future *job)
{
    if (future_state(atom_load(&job->word, RELAXED)) != PLAIT_PENDING || !may_help(job))
        return false;
    plait_pool *pool = job->pool;
    base_spin_lock(&pool->lock);
    bool mine = pool_claim(pool, job);
    if (mine)
        pool_keep(pool);
    base_spin_unlock(&pool->lock);
    if (!mine)
        return false;
    pool_tell_room(pool);
    pool_run(pool, worker_here(pool), job);
    pool_let_go(pool);
    return future_has_ended(job);
}

/* While its worker runs on another CPU: a sleep and a wake take fifty times as long as a small job.
 * Only where that has paid before, and not on a coroutine, which would hold up the others of its
 * thread. */
static bool spin(plait_future *future, int64_t *began)
{
    plait_pool *pool = atom_load(&future->pool, ACQUIRE);
    if (!pool || !pool->spins || wait_me()->carrier->is_coroutine)
        return false;
    int shift = sync_budget_take(&pool->budget);
    int64_t end = shift < 0 ? 0 : os_now() + (SPIN >> shift);
    while (end && !future_has_ended(future) && os_now() < end)
        for (int i = 0; i < 4; i++)
            os_relax();
    if (future_has_ended(future)) {
        if (!atom_load(&pool->in_turns, RELAXED))
            atom_store(&pool->in_turns, true, RELAXED);
        sync_budget_learn(&pool->budget, 0);
        return true;
    }
    *began = os_now();
    return false;
}

static void spun(plait_future *future, int64_t began)
{
    sync_budget_learn(&future->pool->budget, os_now() - began);
}

/* Calls a worker for what waits in the pool of a job that sleeps. False: it could not be
 * started. */
static bool block_more(uint32_t begins)
{
    struct pool_worker *worker = worker_here(NULL);
    struct pool_wake wake = {0};
    if (!worker || !worker->pool) /* in a worker process: its pool is the parent's */
        return true;
    base_spin_lock(&worker->pool->lock);
    worker->pool->blocked += begins;
    pool_changed(worker->pool);
    pool_call_worker(worker->pool, &wake);
    base_spin_unlock(&worker->pool->lock);
    return pool_wake(worker->pool, &wake) == 0;
}

/* The calling job sleeps from here on, if it is one: so one more may run. */
static bool block_begin(void)
{
    return block_more(1);
}

static bool block_again(void)
{
    return block_more(0);
}

static void blocking_begin(void)
{
    block_more(1);
}

static void block_end(void)
{
    struct pool_worker *worker = worker_here(NULL);
    if (!worker || !worker->pool)
        return;
    base_spin_lock(&worker->pool->lock);
    worker->pool->blocked--;
    pool_changed(worker->pool);
    base_spin_unlock(&worker->pool->lock);
}

void help_prepare(void)
{
    future_help = (struct future_help){help, spin, spun, block_begin, block_again, block_end};
    task_blocks_begin = blocking_begin;
    task_blocks_end = block_end;
}

bool pool_cancel_pending(plait_future *future)
{
    base_spin_lock(&future->lock); /* against chain.c, which gives it a pool */
    plait_pool *pool = future->pool;
    bool mine = !pool && future_claim(future, 0);
    base_spin_unlock(&future->lock);
    if (pool) {
        base_spin_lock(&pool->lock);
        mine = pool_claim(pool, future);
        base_spin_unlock(&pool->lock);
    }
    if (mine && pool)
        pool_tell_room(pool);
    if (mine)
        future_end(future, PLAIT_CANCELED, -ECANCELED);
    return mine;
}

/* Marks it first, so that the end waits for the lock. */
static bool cancel_running(plait_future *future)
{
    base_spin_lock(&future->lock);
    uint32_t seen = atom_load(&future->word, ACQUIRE);
    bool running;
    do
        running = future_state(seen) == PLAIT_RUNNING;
    while (running && !atom_cas(&future->word, &seen, seen | FUTURE_WANTED | FUTURE_SLOW, SEQ_CST));
    if (running)
        pool_cancel_running(future);
    base_spin_unlock(&future->lock);
    return running;
}

int plait_future_cancel(plait_future *future)
{
    future_check(future, __builtin_return_address(0));
    wait_me();
    while (!future_has_ended(future))
        if (pool_cancel_pending(future) || cancel_running(future))
            return 0;
    return -EALREADY;
}
