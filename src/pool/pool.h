/* Pools inside plait: workers, and the jobs that wait for them.
 *
 * A job is its future (future.h). Who brings one takes the pool's lock, for a few instructions; a
 * worker takes the next one of the lane without (lane.h), unless `slowly` says that there is more
 * to decide. Who finds nothing comes to the lock and looks again before it rests, and submits
 * decide under it whom they call, so that none is missed. Everything else is guarded by the lock,
 * but for these words:
 *   worker.word  0: it sleeps, or is about to; 1: it is to look again
 *   room         bit 31 W: a submitter may sleep until there is room; the rest changes when there
 *                is
 *   waiting      jobs that wait, of a pool with a bound only: counted up under the lock, and down
 *                by who claims one. He then looks at W, and who sets W then looks at this (both
 *                SEQ_CST)
 *   slowly       workers are to come to the lock: too many run, a ranked job goes first, or no
 *                worker could be started
 *   lends        one more could be called: who takes a job while others wait is to call it, since a
 *                submit calls nobody while a worker looks, and whoever calls, calls one
 *   alive        workers that have not left; who closes sleeps on it
 *   references   the handle, workers, helpers, chains: the last one destroys it */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "pool/lane.h"
#include "sync/budget.h"
#include "task/task.h"

#define POOL_MAGIC UINT64_C(0x706c616974506f6f)
#define POOL_ROOM_W UINT32_C(0x80000000)

struct pool_worker {
    struct list link;       /* of pool.workers while it runs, of pool.ended when it has left */
    struct wait_self *self; /* good while it is in pool.workers */
    struct list idle;
    plait_pool *pool;
    plait_task *task;
    uint32_t word;
    int jobs;     /* done so far */
    bool awaited; /* its last job: who submitted it slept until its end */
    void *state;  /* what .begin returned */
    void *child;  /* of a process pool: pool/child.h */
};

/* One job that runs on a task's stack; lies there. */
struct pool_frame {
    struct wait_self *self;
    plait_future *job;
    plait_pool *pool;
    struct pool_worker *worker; /* NULL: a helping waiter */
    struct pool_frame *outer;   /* the one that waits for this one */
    struct task_scope started;  /* by it, without a handle */
    /* Another one runs above: a cancel waits until that is over. Guarded by the job's lock */
    bool covered;
};

struct plait_pool {
    uint64_t magic;
    plait_pool *next_free; /* while it is none */
    base_spin lock;
    /* ---- what submitters write; from here on zeroed for the next pool: POOL_FRESH */
    uint32_t alive;   /* workers, those on their way included */
    uint32_t resting; /* of them in `idle` */
    uint32_t blocked; /* of them in a job that waits */
    uint32_t references;
    bool closed;
    bool looks;  /* a worker looks for a job just now */
    bool failed; /* the last start of a worker */
    /* ---- what workers look at for each job, and nobody changes then */
    plait_carrier carrier FUTURE_LINE;
    uint32_t size; /* jobs at once */
    uint32_t most; /* workers at once, spare ones included */
    bool slowly, lends;
    bool spins; /* a worker may look for a job: there are CPUs for it */
    bool common;
    bool bounded;              /* .waiting */
    bool replaces;             /* .jobs_per_worker */
    bool in_turns;             /* a hint: who submits waits for each job, and spins */
    struct sync_budget budget; /* of waiters */
    struct lane lane;          /* jobs of priority 0 */
    uint32_t ranked;           /* jobs in `ranks`, which are those of other priorities */
    uint32_t waiting;
    uint32_t room;
    uint32_t closer; /* changes when a worker leaves, while the pool closes */
    struct heap ranks;
    struct list idle; /* the last one to rest first, because its stack is warm */
    struct list workers, ended;
    struct list chain; /* of all pools */
    struct plait_pool_options options;
    plait_start_options worker;
    char name[32];
};

#define POOL_FRESH offsetof(plait_pool, alive)

_Noreturn void pool_bad(const plait_pool *pool, void *place) __attribute__((cold));
static inline void pool_check(const plait_pool *pool, void *place)
{
    if (unlikely(!pool || (uintptr_t)pool % _Alignof(plait_pool) ||
                 pool->magic != POOL_MAGIC + wait_forks))
        pool_bad(pool, place);
}
/* After a job; `forks` is what wait_forks was before it. A child that it forked must not come back:
 * it would go on as a second worker, with the same channel. */
_Noreturn void pool_job_forked(plait_job *function);
static inline void pool_job_returned(plait_job *function, uint32_t forks)
{
    if (unlikely(forks != wait_forks))
        pool_job_forked(function);
}
static inline uint32_t pool_running(const plait_pool *pool)
{
    return pool->alive - pool->blocked - pool->resting;
}
/* Without the lock a hint. */
static inline bool pool_has_waiting(const plait_pool *pool)
{
    return !lane_is_empty(&pool->lane) || atom_load(&pool->ranked, RELAXED);
}

/* ---- queue.c: under the lock, unless it says otherwise */
/* A pending job, QUEUED when it has no priority. 0, -ENOMEM. */
int pool_push(plait_pool *pool, plait_future *job);
plait_future *pool_pop(plait_pool *pool);         /* claimed */
plait_future *pool_pop_quickly(plait_pool *pool); /* without the lock, of the lane */
/* Claims it; false: it is not pending. */
bool pool_claim(plait_pool *pool, plait_future *job);
/* Behind each claim, without the lock, since a wake takes long: there is room. */
void pool_tell_room(plait_pool *pool);
/* Behind each change of what `slowly` and `lends` are made of. */
void pool_changed(plait_pool *pool);

/* ---- worker.c */
/* Decided under the lock, but done without it, since a wake or a start takes long. */
struct pool_wake {
    struct pool_worker *worker;
    bool start;
};
/* Under the lock: one more worker for a job that waits, if there may be one. */
void pool_call_worker(plait_pool *pool, struct pool_wake *wake);
/* Without it; 0, or why no worker could be started. */
int pool_wake(plait_pool *pool, const struct pool_wake *wake);
void pool_wake_all(plait_pool *pool);
void pool_reap(plait_pool *pool); /* joins workers that have left */

/* ---- run.c */
void pool_run(plait_pool *pool, struct pool_worker *worker, plait_future *job);
/* Cancels the job where it runs. */
void pool_cancel_running(plait_future *job);
static inline struct pool_frame *pool_frame_here(void)
{
    struct wait_self *self = wait_current;
    return self ? ((struct task_record *)self)->job : NULL;
}

/* ---- submit.c */
/* Past the bound; 0, or -EPIPE, -ENOMEM, or why no worker could be started: then it is claimed. */
int pool_give(plait_pool *pool, plait_future *job);

/* ---- help.c: the calling task may do what else a worker of the pool would */
bool pool_may_help(const plait_pool *pool);
/* A job that has not begun, or a promise: ends here. False: it has begun, and goes on. */
bool pool_cancel_pending(plait_future *future);

/* ---- keep.c */
plait_pool *pool_new(void); /* zeroed but for the lock, or NULL */
void pool_keep(plait_pool *pool);
void pool_let_go(plait_pool *pool);

/* ---- child.c: the workers of a process pool are threads, each of which has a child */
int pool_child_run(struct pool_worker *worker, plait_future *job);
void pool_child_end(struct pool_worker *worker);
/* While the worker rests: what else to sleep on (0 or 1 words), and what for. */
int pool_child_words(const struct pool_worker *worker, struct wait_word *words);
bool pool_child_is_dead(const struct pool_worker *worker);
void pool_child_renew(struct pool_worker *worker);

#endif
