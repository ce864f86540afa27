/* The watcher: one thread beside the workers, which sleeps for ever when nothing runs.
 *
 * It waits for descriptors and times of others (children that end), and each 4.75 ms, while workers
 * run, looks whether one has not switched since the last look. Looking more often finds a stuck
 * worker sooner, but costs a wake-up of its own each time; this keeps the promise of 10, with the
 * 0.25 ms in which a worker is asked to let others run before it counts as stuck: one that calls
 * what may wait all the time and need never wait does so at its next call. What is due at a stuck
 * worker is served from here: its timers, its descriptors; what can move is stolen by another
 * worker, a spare one if need be; what cannot is named. The thread makes raw system calls only and
 * takes no lock of libc, so that a fork beside it is safe. */
#include "base/report.h"
#include "base/settings.h"
#include "base/stack.h"
#include "os/os.h"
#include "sched/worker.h"
#include "wait/held.h"

#include <errno.h>

#define LOOK INT64_C(4750000)
#define GRACE INT64_C(250000)
#define TELL INT64_C(100000000)
enum { IDLE_LOOKS = 20 };

static struct {
    base_spin lock;
    struct list watches; /* guarded by lock */
    int poller, bell;
    uint32_t polled;                   /* descriptors of threads in the poller */
    uint32_t state;                    /* 0 none, 1 runs, 2 told to end, 3 has ended */
    uint32_t dozing;                   /* 1: not looking at workers */
    uint32_t seen[SCHED_WORKERS_MOST]; /* each worker's tick at the last look; the watcher alone */
    int64_t since[SCHED_WORKERS_MOST], cpu[SCHED_WORKERS_MOST]; /* when it had that tick first */
    bool told[SCHED_WORKERS_MOST], asked[SCHED_WORKERS_MOST];
    bool asks; /* the last look has asked one */
    int64_t cpu_asked[SCHED_WORKERS_MOST];
} watch = {.poller = -1, .bell = -1};

enum { WATCH_NONE, WATCH_RUNS, WATCH_ENDS, WATCH_ENDED };

static void watch_ring(void)
{
    os_event_signal(watch.bell);
}

static int64_t watch_first_time(void)
{
    int64_t first = WAIT_NEVER;
    base_spin_lock(&watch.lock);
    list_each (link, &watch.watches) {
        int64_t at = atom_load(&list_item(link, struct sched_watch, link)->at, RELAXED);
        first = at < first ? at : first;
    }
    base_spin_unlock(&watch.lock);
    return first;
}

/* Out of the poller while the descriptor is still open, because a forked child may hold a copy of
 * it, and then closing would leave it registered. */
void sched_watch_done(struct sched_watch *one)
{
    if (!one->link.next || one->link.next == &one->link)
        return;
    list_remove(&one->link);
    if (one->descriptor >= 0)
        os_poller_remove(watch.poller, one->descriptor);
}

/* Threads wait for their descriptors in this poller; the lowest bit tells their tags from those of
 * struct sched_watch. */
enum { TAG_THREAD = 1 };

static bool watch_tell_thread(const struct os_ready *ready)
{
    /* ACQUIRE: what the thread was before it registered, which the kernel knows and no compiler */
    if (ready->tag & TAG_THREAD && atom_load(&watch.polled, ACQUIRE))
        poll_tell((struct wait_self *)(uintptr_t)(ready->tag & ~(uint64_t)TAG_THREAD));
    return ready->tag & TAG_THREAD;
}

/* Descriptors are asked again under the lock: what this answer names cannot have been removed,
 * since removing takes the lock too. */
static void watch_descriptors(void)
{
    struct os_ready ready[32];
    base_spin_lock(&watch.lock);
    int count = os_poller_wait(watch.poller, ready, 32, 0);
    for (int i = 0; i < count; i++) {
        if (watch_tell_thread(&ready[i]))
            continue;
        if (ready[i].tag) {
            struct sched_watch *one = (struct sched_watch *)(uintptr_t)ready[i].tag;
            one->told(one, true);
        } else {
            os_event_drain(watch.bell);
        }
    }
    base_spin_unlock(&watch.lock);
}

static void watch_times(void)
{
    int64_t now = os_now();
    base_spin_lock(&watch.lock);
    for (struct list *link = watch.watches.next, *next; link != &watch.watches; link = next) {
        struct sched_watch *one = list_item(link, struct sched_watch, link);
        next = link->next;
        if (atom_load(&one->at, RELAXED) <= now)
            one->told(one, false);
    }
    base_spin_unlock(&watch.lock);
}

/* In checked mode, because whoever wants what a stuck coroutine holds is stuck, too. */
static const char *watch_held_text(const struct sched_co *co, char *text, size_t size)
{
    struct wait_held_one one;
    char object[128], place[128];
    text[0] = '\0';
    if (co && wait_held_last(&co->self, &one))
        base_format(text, size, "; it holds %s, taken at %s",
                    base_object(one.object, one.type, object, sizeof object),
                    base_place(one.place, place, sizeof place));
    return text;
}

static void watch_name_stuck(struct sched_worker *worker, int64_t now)
{
    char held[300];
    struct sched_co *co = atom_load(&worker->current, RELAXED);
    watch.told[worker->index] = true;
    base_report(PLAIT_REPORT_STUCK,
                "worker %d has not switched for %d ms: coroutine '%s'; %u wait behind it%s",
                worker->index, (int)((now - watch.since[worker->index]) / 1000000),
                co ? sched_hooks.name(co) : "?", atom_load(&worker->ready.count, RELAXED),
                watch_held_text(co, held, sizeof held));
}

/* Not switched since the last look: serves what is due there, and lets others take what can move.
 */
static void watch_serve_stuck(struct sched_worker *worker, int64_t now)
{
    if (!worker->stuck) {
        worker->stuck = 1;
        atom_add(&sched.stuck_found, 1, RELAXED);
    }
    worker_pass_on(worker);
    timer_run(worker, wait_now());
    if (atom_load(&worker->polled, ACQUIRE)) /* pairs with poll_enter */
        worker_poll(worker, 0);
    (void)worker_ring(worker);
    if (worker_offers(worker) || atom_load(&sched.global.count, RELAXED))
        sched_wake_one();
    if (now - watch.since[worker->index] >= TELL && !watch.told[worker->index])
        watch_name_stuck(worker, now);
}

/* Not switched since the last look, nor when asked: because it computes, or because it is blocked.
 * One that the kernel has taken off the CPU is neither, and may not have heard: on a busy machine a
 * spare worker would only take more of what is short. */
static bool watch_is_stuck(const struct sched_worker *worker)
{
    pid_t tid = atom_load(&worker->tid, RELAXED);
    int64_t cpu = os_thread_cpu(tid);
    bool computes = cpu - watch.cpu[worker->index] >= LOOK / 2 &&
                    cpu - watch.cpu_asked[worker->index] >= GRACE / 2;
    return computes || !os_thread_is_runnable(tid);
}

/* Its CPU time is read once it can hear, because the watcher may be taken off the CPU in between:
 * what the worker computes until then does not show that it is deaf. */
static void watch_ask(struct sched_worker *worker)
{
    watch.asked[worker->index] = watch.asks = true;
    atom_store(&worker->asked, 1, RELAXED);
    wait_ask(true);
    watch.cpu_asked[worker->index] = os_thread_cpu(atom_load(&worker->tid, RELAXED));
}

/* Has not switched since the last look: asked first, then looked at. A stuck one that has run since
 * is asked again at each look: it may compute, be found stuck, and then take free locks for ever,
 * and without a spare worker nobody else would run the others. Obvious idea: it stays asked. Then
 * one long computation takes the fast path of each lock from all tasks. */
static bool watch_is_found(struct sched_worker *worker)
{
    int64_t cpu = os_thread_cpu(atom_load(&worker->tid, RELAXED));
    bool *asked = &watch.asked[worker->index];
    if (!*asked && (!worker->stuck || cpu != watch.cpu_asked[worker->index])) {
        watch_ask(worker);
        return worker->stuck;
    }
    if (*asked && !watch_is_stuck(worker))
        return worker->stuck;
    *asked = false; /* it does not hear */
    atom_store(&worker->asked, 0, RELAXED);
    return true;
}

static void watch_take_back(struct sched_worker *worker)
{
    watch.asked[worker->index] = false;
    atom_store(&worker->asked, 0, RELAXED);
    worker->stuck = 0;
}

/* One look at all workers; how many run. */
static int watch_look(int64_t now)
{
    int run = 0, stuck = 0;
    bool asked = false;
    uint32_t count = atom_load(&sched.count, ACQUIRE);
    watch.asks = false;
    for (uint32_t i = 0; i < count; i++) {
        struct sched_worker *worker = sched.workers[i];
        uint32_t tick = atom_load(&worker->tick, RELAXED);
        if (atom_load(&worker->state, RELAXED) == WORKER_SLEEPS) {
            watch.seen[i] = tick - 1; /* so that its next run counts as new */
            watch_take_back(worker);
            continue;
        }
        run++;
        if (tick == watch.seen[i] && atom_load(&worker->current, RELAXED)) {
            if (watch_is_found(worker)) {
                stuck++;
                watch_serve_stuck(worker, now);
            }
        } else {
            watch.seen[i] = tick;
            watch.since[i] = now;
            watch.cpu[i] = os_thread_cpu(atom_load(&worker->tid, RELAXED));
            watch.told[i] = false;
            watch_take_back(worker);
        }
        asked |= atom_load(&worker->asked, RELAXED);
    }
    wait_ask(asked);
    int spare = stuck < base_settings()->spare_workers ? stuck : base_settings()->spare_workers;
    atom_store(&sched.wanted, (uint32_t)(base_settings()->workers + spare), RELAXED);
    return run;
}

/* When to look next: WAIT_NEVER once nothing has run for a while. A worker that begins to run rings
 * then (watch_workers), and only then, because a ring costs more than the work of a short run. */
static int64_t watch_next_look(int64_t now, int *idle)
{
    if (watch_look(now) == 0)
        ++*idle;
    else
        *idle = 0;
    if (watch.asks)
        return now + GRACE;
    /* Memory of stacks that nobody needs goes back while nobody is held up by it. */
    int64_t trim = *idle ? base_stack_trim(now) : WAIT_NEVER;
    if (*idle < IDLE_LOOKS)
        return now + LOOK;
    atom_store(&watch.dozing, 1, SEQ_CST);
    if (watch_look(now) ==
        0) /* one more: a worker that began before it could see `dozing` is seen here */
        return trim > now + LOOK ? trim : now + LOOK;
    atom_store(&watch.dozing, 0, RELAXED);
    *idle = 0;
    return now + LOOK;
}

static void watch_main(void *arg)
{
    int idle = 0;
    atom_store(&watch.state, WATCH_RUNS, RELEASE);
    os_futex_wake(&watch.state, INT32_MAX, false);
    while (atom_load(&watch.state, ACQUIRE) == WATCH_RUNS) {
        bool dozed = atom_load(&watch.dozing, RELAXED);
        int64_t look = wait_deterministic ? WAIT_NEVER : watch_next_look(os_now(), &idle);
        int64_t first = watch_first_time();
        struct os_ready ready;
        if (os_poller_wait(watch.poller, &ready, 1, look < first ? look : first) == 1)
            watch_tell_thread(&ready); /* who registers once is told once, so it must be now */
        if (dozed && !atom_load(&watch.dozing, RELAXED))
            idle = 0;
        watch_descriptors();
        watch_times();
    }
    atom_store(&watch.state, WATCH_ENDED, RELEASE);
    os_futex_wake(&watch.state, INT32_MAX, false);
}

void watch_workers(void)
{
    uint32_t dozing = 1;
    if (unlikely(atom_load(&watch.dozing, SEQ_CST)) && atom_cas(&watch.dozing, &dozing, 0, SEQ_CST))
        watch_ring();
}

/* A worker is new: it may find its first coroutine queued already, and then never come to
 * watch_workers, because that one never waits. */
void watch_new_worker(void)
{
    watch_ring();
}

static int watch_open(void)
{
    watch.poller = os_poller_open();
    watch.bell = os_event_open();
    int rc = watch.poller < 0 ? watch.poller : watch.bell < 0 ? watch.bell : 0;
    if (rc == 0)
        rc = os_poller_set(watch.poller, watch.bell, OS_READABLE, 0);
    if (rc == 0)
        rc = os_thread_start(watch_main, NULL, 0, "plait-watcher");
    if (rc < 0) {
        os_close(watch.poller);
        os_close(watch.bell);
        watch.poller = watch.bell = -1;
    }
    return rc;
}

/* Starts the thread if there is none, and waits until it runs, because a fork is likely to
 * follow, and beside a thread that is still on its way AddressSanitizer's own lock may be copied
 * as held. */
static int watch_begin(void)
{
    int rc = 0;
    if (likely(atom_load(&watch.state, ACQUIRE) == WATCH_RUNS))
        return 0;
    base_spin_lock(&watch.lock);
    if (watch.state != WATCH_RUNS) {
        if (!watch.watches.next)
            list_init(&watch.watches);
        rc = watch_open();
        while (rc == 0 && atom_load(&watch.state, ACQUIRE) == WATCH_NONE)
            os_futex_wait(&watch.state, WATCH_NONE, false, OS_NEVER);
    }
    base_spin_unlock(&watch.lock);
    return rc;
}

int sched_watch_begin(void)
{
    return watch_begin();
}

int sched_watch_poll(int descriptor, uint32_t events, struct wait_self *self)
{
    int rc = watch_begin();
    if (rc < 0)
        return rc;
    atom_add(&watch.polled, 1, RELEASE);
    rc = poll_register(watch.poller, descriptor, events, (uintptr_t)self | TAG_THREAD);
    if (rc < 0)
        atom_sub(&watch.polled, 1, RELAXED);
    return rc;
}

void sched_watch_unpoll(int descriptor, int registered)
{
    poll_withdraw(watch.poller, descriptor, registered);
    atom_sub(&watch.polled, 1, RELAXED);
}

int sched_watch_add(struct sched_watch *one)
{
    int rc = watch_begin();
    if (rc < 0)
        return rc;
    base_spin_lock(&watch.lock);
    if (one->descriptor >= 0)
        rc = os_poller_set(watch.poller, one->descriptor, OS_READABLE, (uintptr_t)one);
    if (rc == 0)
        list_append(&watch.watches, &one->link);
    base_spin_unlock(&watch.lock);
    if (rc == 0 && atom_load(&one->at, RELAXED) != WAIT_NEVER)
        watch_ring();
    return rc;
}

void sched_watch_remove(struct sched_watch *one)
{
    base_spin_lock(&watch.lock);
    sched_watch_done(one);
    base_spin_unlock(&watch.lock);
}

/* Without the lock, so that a caller may hold its own, which `told` takes too. */
void sched_watch_touch(struct sched_watch *one, int64_t at)
{
    atom_store(&one->at, at, RELAXED);
    watch_ring();
}

void watch_reset(void)
{
    os_close(watch.poller);
    os_close(watch.bell);
    watch.poller = watch.bell = -1;
    watch.lock = (base_spin){0};
    watch.state = WATCH_NONE;
    watch.dozing = 0;
    watch.polled = 0;
    wait_ask(false);
    list_init(&watch.watches);
}

/* Takes out the watches that do not keep the watcher, so that they can be added to the next one;
 * false: there are others. */
static bool watch_clear(void)
{
    struct list *first;
    while (watch.watches.next && (first = watch.watches.next) != &watch.watches) {
        struct sched_watch *one = list_item(first, struct sched_watch, link);
        if (!one->idle)
            return false;
        sched_watch_done(one);
    }
    return true;
}

int watch_end(void)
{
    base_spin_lock(&watch.lock);
    bool busy = !watch_clear() || atom_load(&watch.polled, RELAXED);
    bool runs = watch.state == WATCH_RUNS && !busy;
    if (runs)
        atom_store(&watch.state, WATCH_ENDS, RELEASE);
    base_spin_unlock(&watch.lock);
    if (busy)
        return -EBUSY;
    if (!runs)
        return 0;
    watch_ring();
    while (atom_load(&watch.state, ACQUIRE) != WATCH_ENDED)
        os_futex_wait(&watch.state, WATCH_ENDS, false, OS_NEVER);
    watch_reset();
    return 0;
}
