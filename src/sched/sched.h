/* Coroutines on workers: run queues, stealing, timers, poller, the watcher of stuck workers.
 *
 * A coroutine that has not started may run on any worker; once started it stays on its worker,
 * unless it was started as movable. sched/ knows nothing of tasks: it runs `main(co)` on a stack
 * and calls `ended` when that stack is free. */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "base/heap.h"
#include "os/exceptions.h"
#include "os/sanitizer.h"
#include "wait/wait.h"

struct sched_worker;

/* What settles a coroutine once its context is saved, done by whoever runs next on that worker. */
enum sched_after {
    SCHED_AFTER_NOTHING,
    SCHED_AFTER_READY, /* it yielded: into the run queue */
    SCHED_AFTER_PARK,  /* ARMED -> ASLEEP; if it has been fired meanwhile: ready */
    SCHED_AFTER_END    /* its stack is free */
};

struct sched_co {
    struct wait_self self;       /* must be first: a wait_self of a coroutine is its sched_co */
    struct sched_worker *worker; /* where it runs or last ran; NULL before its start */
    struct sched_co *next;       /* in a run queue or inbox */
    void *context;               /* its stack pointer while it does not run */
    /* In one cache line with the three above, because a switch needs all of them. */
    int saved_errno;
    uint8_t after; /* enum sched_after */
    bool movable, started;
    void *stack;
    size_t stack_size;
    void (*main)(struct sched_co *co); /* returns when the task is over */
    struct heap_item timer;            /* while asleep with a deadline */
    struct sched_worker *timer_home;   /* whose heap that is */
    struct os_fiber fiber;             /* what sanitizers know of the stack */
    struct os_exceptions exceptions;
    uint32_t tries; /* failed PLAIT_NOW calls */
};

/* Memory for a coroutine with `size` bytes of stack (0: default) and `extra` bytes for the caller
 * behind the sched_co, all at the top of the stack. errno-free: NULL is no memory. */
struct sched_co *sched_co_new(size_t size, size_t extra);
/* Return addresses of one that sleeps, the innermost first; 0: it does not. A hint. */
int sched_co_frames(const struct sched_co *co, void **frames, int most);
void sched_co_drop(struct sched_co *co); /* one that was never started */
/* Hands it to the workers; 0, or -EAGAIN/-ENOMEM when not even one worker could be started. */
int sched_co_start(struct sched_co *co);

void sched_yield_now(
    void); /* others run first; returns at once when there are none; threads: sched_yield(2) */
int sched_worker_index(void);         /* of the calling thread; -1: it is no worker */
struct sched_co *sched_current(void); /* NULL on a plain thread */

/* Sleeps until the descriptor is readable or writable (OS_READABLE, OS_WRITABLE): the poller's
 * seam. What is ready, or as wait_park; regular files always are. */
int sched_poll(int descriptor, uint32_t events, int64_t deadline);

/* A foreign call on a helper thread; the coroutine waits. Returns what function returned. On a
 * thread: calls it. */
int sched_blocking(int (*function)(void *), void *arg);

/* Deterministic mode, at the first start: one worker, which runs on the calling thread; that
 * thread's own stack becomes a coroutine's. The record is the caller's, type-stable as all of them.
 */
void sched_begin_deterministic(struct sched_co *main_co, uint64_t seed);
/* Something real may still happen (a child, a descriptor, a foreign thread): the virtual clock then
 * keeps to the real one. */
void sched_real_event(int change);

/* What sched/ asks of the layer above; filled in by task/, because sched/ must not include it. */
struct sched_hooks {
    void (*begin)(void);                            /* before the first worker starts */
    const char *(*name)(const struct sched_co *co); /* for reports */
    /* Deterministic mode, when nothing can run: tells waits whose time for a look has come; when to
     * ask again */
    int64_t (*look)(int64_t now);
    void (*nothing_can_run)(
        void); /* deterministic mode: everybody waits for ever; does not return */
};
extern struct sched_hooks sched_hooks;

/* ---- watcher: one thread beside the workers, raw system calls only, so that forking beside it is
 *  safe */
struct sched_watch {
    int descriptor; /* told when it is readable; -1: none */
    int64_t
        /* Told at this time; WAIT_NEVER: never. May be changed by `told`, or before
         * sched_watch_touch */
        at;
    /* On the watcher's thread, under its lock: no libc lock, no allocation, no sched_watch call but
     * sched_watch_done. */
    void (*told)(struct sched_watch *watch, bool readable);
    bool idle; /* it does not keep the watcher from ending (quiesce) */
    struct list link;
};
int sched_watch_begin(void); /* starts the thread, if there is none; -errno */
int sched_watch_add(struct sched_watch *watch);
void sched_watch_done(
    struct sched_watch *watch); /* by `told` itself, before it closes the descriptor */
void sched_watch_remove(
    struct sched_watch
        *watch); /* harmless when it was done; `told` does not run any more afterwards */
void sched_watch_touch(struct sched_watch *watch, int64_t at); /* another time */

void sched_stop(void); /* exit: workers resume no coroutine any more */
int sched_quiesce(
    int64_t deadline,
    void *place); /* ends workers, watcher and helpers; -EBUSY: coroutines live; -ETIMEDOUT */
void sched_after_fork(
    struct wait_self *
        /* The child: workers and watcher are gone; self is the main task on whatever stack it is
         * on */
        self);
void sched_fork_prepare(void);
void sched_fork_parent(void);

struct sched_counters {
    uint64_t workers, switches, steals, stuck, polls;
};
void sched_counters_read(struct sched_counters *counters);

#endif
