/* A worker: an OS thread that runs coroutines, and what it owns. Private to sched/. */
#ifndef SCHED_WORKER_H
#define SCHED_WORKER_H

#include "base/spin.h"
#include "os/ring.h"
#include "sched/sched.h"

/* Buckets of 1 ms: 2 s. So many in one are a crowd. */
enum { TIMER_SHIFT = 20, TIMER_BUCKETS = 2048, TIMER_CROWD = 16 };
enum {
    SCHED_WORKERS_MOST = 256,
    SCHED_STACKS_KEPT = 256,
    SCHED_FRESH = 8192, /* a power of two */
    SCHED_FAMILY = 8,
    SCHED_OLDEST = 1024,
    SCHED_ROUND = 53,
    SCHED_ROUND_SEEDED = 17
};

/* First in, first out, linked by sched_co.next. */
struct sched_fifo {
    struct sched_co *first, *last;
    uint32_t count; /* written by who may change the queue, read by all as a hint */
};

/* Coroutines that have not started yet: fresh.c tells their order. */
struct sched_fresh {
    uint32_t first, last; /* positions, modulo SCHED_FRESH: the oldest, behind the youngest */
    uint32_t open;        /* so many of the youngest are a family that is being started */
    uint32_t count;       /* read by all as a hint */
    struct sched_co *slots[SCHED_FRESH];
};

/* worker.state, one word:
 *   0 RUNS      it runs coroutines or looks for them
 *   1 SEARCHES  it has none and spins: who adds work need not wake anybody
 *   2 SLEEPS    in its poller: who adds work for it must ring its bell; SLEEPS -> RUNS by
 *   compare-and-swap, so that one rings
 *   3 GONE      its thread has ended (quiesce) */
enum { WORKER_RUNS, WORKER_SEARCHES, WORKER_SLEEPS, WORKER_GONE };
enum { RING_UNTRIED, RING_REFUSED, RING_OPEN };

struct sched_worker {
    /* the worker's own thread alone */
    struct sched_co *current, *leaving; /* who runs; who has just switched away */
    void *loop;                         /* context of worker_loop */
    int *errno_at;           /* of its thread, since asking libc at each switch costs 5 ns */
    struct sched_fifo ready; /* started coroutines, pinned here */
    uint32_t turn, started_turn;
    uint32_t spin; /* learnt: how long a search spins before it sleeps */
    void *stacks[SCHED_STACKS_KEPT];
    int stack_count;
    struct os_fiber loop_fiber;
    struct os_exceptions exceptions; /* of the loop */
    int index;
    /* As a thief: for so many looks more it leaves that victim's only one alone, which has not
     * switched since this tick */
    uint32_t patience, victim_tick;
    const struct sched_worker *victim;
    pid_t tid;
    /* read by the watcher */
    uint32_t tick __attribute__((aligned(64))); /* switches */
    uint32_t stuck;                             /* the watcher found it stuck at this tick */
    uint32_t asked;                             /* to let others run at its next call of plait */
    uint64_t steals, polls;
    /* guarded by fresh_lock; stolen from */
    base_spin fresh_lock __attribute__((aligned(64)));
    struct sched_fifo moving; /* movable and ready */
    /* Of those started while no other one was there, queue.c: how many; when the one that is being
     * measured was; how many in a row its own worker ran soon */
    uint32_t lone_starts, lone_kept;
    int64_t lone_since;
    /* guarded by timer_lock; the watcher serves them while the worker is stuck */
    base_spin timer_lock;
    struct heap timers; /* due in this millisecond, or after the wheel's end */
    struct timer_wheel {
        int64_t at;   /* buckets up to this one have been poured into the heap */
        int64_t next; /* the first deadline in the buckets, or earlier; WAIT_NEVER: none */
        bool crowded; /* the last bucket that came due held a crowd */
        uint64_t used[TIMER_BUCKETS / 64]; /* a bit each: may have timers */
        struct timer_bucket {
            struct heap_item *first;
            int64_t earliest; /* or earlier, when that one has been taken out */
        } buckets[TIMER_BUCKETS];
    } wheel;
    int64_t next_timer; /* the first deadline, or WAIT_NEVER; a hint */
    /* anybody */
    struct sched_co *inbox __attribute__((aligned(64))); /* made ready by others, newest first */
    uint32_t state;
    int poller, bell;
    int polled;               /* descriptors in the poller */
    struct os_ring ring;      /* guarded by wait/'s entries; its descriptor is in the poller */
    uint32_t has_ring;        /* RING_... */
    struct sched_fresh fresh; /* guarded by fresh_lock; the last one, because it is large */
};

struct sched_state {
    struct sched_worker *workers[SCHED_WORKERS_MOST];
    uint32_t count;           /* workers started */
    uint32_t wanted;          /* workers allowed; grows when some are stuck */
    uint32_t searching;       /* workers in SEARCHES */
    uint32_t sleeping;        /* workers in SLEEPS */
    uint32_t special;         /* SCHED_...: what the usual paths need not look at one by one */
    base_spin lock;           /* starting workers, the global queue */
    struct sched_fifo global; /* started from plain threads, not yet taken */
    uint64_t stuck_found;
    uint32_t random;
    int (*start)(uint32_t index); /* worker_start; a pointer, because queues lie below the loop */
    bool parallel;                /* more than one CPU: spinning may help */
    int real_events;
};
/* sched.special: bit 0 deterministic mode; bit 1 the program ends: nothing is resumed any more; bit
 * 2 workers leave (quiesce) */
enum { SCHED_SEEDED = 1, SCHED_STOPS = 2, SCHED_LEAVES = 4 };
extern struct sched_state sched;

/* Deterministic mode: a number below `most`. Of the upper bits, because the lower ones of Numerical
 * Recipes' generator repeat so soon that a coroutine could lose each time. */
static inline uint32_t sched_lot(uint32_t most)
{
    sched.random = sched.random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)sched.random * most >> 32);
}
static inline uint32_t sched_special(void)
{
    return atom_load(&sched.special, RELAXED);
}
extern __thread struct sched_worker *sched_here __attribute__((tls_model("initial-exec")));

/* fresh.c; false: it is full */
bool fresh_push(struct sched_fresh *fresh, struct sched_co *co);
bool fresh_push_oldest(struct sched_fresh *fresh, struct sched_co *co);
struct sched_co *fresh_pop(struct sched_fresh *fresh); /* NULL: none */
struct sched_co *fresh_pop_oldest(struct sched_fresh *fresh);

/* queue.c */
void fifo_push(struct sched_fifo *fifo, struct sched_co *co);
struct sched_co *fifo_pop(struct sched_fifo *fifo);
/* That many stand before it; 0: as fifo_pop */
struct sched_co *fifo_take(struct sched_fifo *fifo, uint32_t before);
void worker_ready(struct sched_worker *worker,
                  struct sched_co *co); /* a started one, from any thread */
void worker_inbox_take(struct sched_worker *worker);
void worker_pass_on(struct sched_worker *worker); /* by the watcher: it is stuck */
void worker_fresh_push(struct sched_worker *worker, struct sched_co *co);
void worker_take_in(struct sched_worker *worker,
                    struct sched_co *co); /* a stolen one, to run later */
struct sched_co *worker_next(struct sched_worker *worker, uint32_t turn);
static inline uint32_t
worker_offers(const struct sched_worker *worker) /* a hint: how many may be stolen */
{
    return atom_load(&worker->fresh.count, RELAXED) + atom_load(&worker->moving.count, RELAXED);
}
struct sched_co *worker_steal(struct sched_worker *worker);
bool worker_has_work(const struct sched_worker *worker);
/* The same for a search: one that its own worker is about to run is none. */
bool worker_finds_work(struct sched_worker *worker);
void worker_wake(struct sched_worker *worker); /* if it sleeps */
void sched_wake_one(void);                     /* somebody idle, for new work */

/* timer.c */
void timer_add(struct sched_worker *worker, struct sched_co *co, int64_t deadline);
void timer_remove(struct sched_co *co);
void timer_run(struct sched_worker *worker, int64_t now);
int64_t timer_rest(struct sched_worker *worker);

/* switch.c */
void sched_turn(void);
struct sched_co *worker_pick(struct sched_worker *worker);
void worker_run(struct sched_worker *worker,
                struct sched_co *co); /* from the loop, until it comes back to it */
void worker_settle(struct sched_worker *worker);
struct os_fiber *worker_left_fiber(struct sched_worker *worker);
void worker_leave(struct sched_co *co,
                  enum sched_after after); /* to the next coroutine or the loop */
void sched_point(void);                    /* wait_switch where no seed decides */
void co_prepare(struct sched_co *co, struct sched_worker *worker); /* before its first run */
extern const struct wait_carrier sched_carrier;

/* keep.c */
void worker_stack_keep(struct sched_worker *worker, void *stack, size_t size);
void *worker_stack_kept(struct sched_worker *worker, size_t size);

/* poll.c */
int worker_poll(struct sched_worker *worker, int64_t deadline);
struct os_ring *co_ring(struct wait_self *self); /* of the calling worker; NULL: none */
/* Sleeps on shared words: what is told, what is to be patrolled. When to look again. */
int64_t worker_ring(struct sched_worker *worker);
void poll_tell(struct wait_self *self);
int poll_register(int poller, int descriptor, uint32_t events, uint64_t tag);
void poll_withdraw(int poller, int descriptor, int registered);

/* loop.c */
int worker_start(uint32_t index);
void worker_loop(struct sched_worker *worker);
int worker_new(uint32_t index, struct sched_worker **made);

/* watch.c */
void watch_workers(void); /* a worker runs again: look at them */
void watch_new_worker(void);
void watch_reset(void); /* in the child of a fork: there is no watcher */
int watch_end(void);    /* quiesce */
/* A thread waits for a descriptor: as poll_register and poll_withdraw in the watcher's poller. */
int sched_watch_poll(int descriptor, uint32_t events, struct wait_self *self);
void sched_watch_unpoll(int descriptor, int registered);
/* blocking.c */
void blocking_reset(void);
int blocking_end(int64_t deadline, void *place); /* quiesce: idle helpers need not linger */

#endif
