/* Coroutines on workers: run queues, stealing, timers, poller, the watcher of stuck workers.
 *
 * A coroutine that has not started may run on any worker; once started it stays on its worker, unless it was started as movable. sched/ knows nothing of tasks:
 * it runs `main(co)` on a stack and calls `ended` when that stack is free. */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "base/heap.h"
#include "wait/wait.h"

struct sched_worker;

struct sched_co {
    struct wait_self self; /* first: a wait_self of a coroutine is its sched_co */
    struct sched_worker *worker; /* where it runs or last ran; NULL before its start */
    struct sched_co *next;  /* in a run queue or inbox */
    void *context;          /* its stack pointer while it does not run */
    void *stack;
    size_t stack_size;
    void (*main)(struct sched_co *co); /* returns when the task is over */
    struct heap_item timer; /* when asleep with a deadline */
    int64_t wake_at;
    void *sanitizer;        /* fake stack (ASan) or fiber (TSan) */
    void *exceptions[2];    /* libstdc++'s per-thread exception state */
    uint32_t tries;         /* failed PLAIT_NOW calls */
    int saved_errno;
    bool movable, ending, started;
};

/* Memory for a coroutine with `size` bytes of stack (0: default) and `extra` bytes for the caller behind the sched_co, all at the top of the stack.
 * errno-free: NULL is no memory. */
struct sched_co *sched_co_new(size_t size, size_t extra);
void sched_co_drop(struct sched_co *co); /* one that was never started */
/* Hands it to the workers; 0, or -EAGAIN/-ENOMEM when not even one worker could be started. */
int sched_co_start(struct sched_co *co);
/* Has this coroutine's stack this much left? For waiters that help, and for messages. */
size_t sched_stack_left(const struct sched_co *co);

void sched_yield_now(void);  /* others run first; returns at once when there are none; threads: sched_yield(2) */
struct sched_co *sched_current(void); /* NULL on a plain thread */

/* A foreign call on a helper thread; the coroutine waits. Returns what function returned. On a thread: calls it. */
int sched_blocking(int (*function)(void *), void *arg);

/* Deterministic mode: called once by the first start; the calling thread becomes a coroutine of worker 0. */
void sched_begin_deterministic(struct wait_self *main_self, uint64_t seed);
struct sched_co *sched_main_co(void);
/* Something real may still happen (a child, a descriptor, a foreign thread): the virtual clock then waits for it. */
void sched_real_event(int change);

/* ---- watcher: one thread beside the workers, raw system calls only, so that forking beside it is safe */
struct sched_watch {            /* a descriptor that the watcher waits for */
    int descriptor;
    void (*ready)(struct sched_watch *watch); /* on the watcher's thread: no libc lock, no allocation */
    int64_t at;                 /* or a time: WAIT_NEVER without */
    struct list link;
};
int sched_watch_add(struct sched_watch *watch); /* starts the watcher; -errno */
void sched_watch_remove(struct sched_watch *watch); /* returns when `ready` does not run any more */
void sched_watch_touch(void);   /* look at the times again */

void sched_stop(void);               /* exit: workers resume no coroutine any more */
int sched_quiesce(int64_t deadline); /* ends workers, watcher and helpers; -EBUSY: coroutines live; -ETIMEDOUT */
void sched_after_fork(struct wait_self *self); /* the child: workers and watcher are gone; self is the main task on whatever stack it is on */
void sched_fork_prepare(void);
void sched_fork_parent(void);

struct sched_counters {
    uint64_t workers, switches, steals, stuck, polls;
};
void sched_counters_read(struct sched_counters *counters);

#endif
