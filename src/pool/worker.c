/* A worker's life, and who calls one.
 *
 * `alive - blocked - resting` of them run, at most `size`. Whoever brings a job, or blocks while
 * jobs wait, calls one more where that leaves room: an idle one, else a new one. A worker that
 * finds itself too many, because one that was blocked goes on, rests; he calls nobody, since those
 * who run go on taking jobs. So a job never waits while fewer than `size` run, which
 * tests/models/calls.c explores. */
#include "os/os.h"
#include "pool/pool.h"

#include <limits.h>

#define LINGER INT64_C(1000000000)
#define LOOK INT64_C(10000) /* ns: less than a sleep and a wake cost */
enum { PAUSES = 64, SEEK = 4, TURN = 50 };

static int sleep_attempt(void *object)
{
    struct pool_worker *worker = object;
    if (atom_load(&worker->word, ACQUIRE)) /* pairs with wake_worker */
        return 0;
    return pool_child_is_dead(worker) ? -ECHILD : -EAGAIN;
}

static int sleep_words(void *object, struct wait_word *words)
{
    struct pool_worker *worker = object;
    words[0] = (struct wait_word){.word = &worker->word};
    return 1 + pool_child_words(worker, words + 1);
}

static void wake_worker(plait_pool *pool, struct pool_worker *worker)
{
    list_remove(&worker->idle);
    pool->resting--;
    pool_changed(pool);
    atom_store(&worker->word, 1, RELEASE);
}

/* Not cancelled, since it is no job that sleeps here. */
static int worker_sleep(struct pool_worker *worker, int64_t deadline)
{
    static const struct wait_call call = {sleep_attempt, sleep_words, "rest", "pool"};
    struct wait_self *self = wait_me();
    atom_store(&self->shield, self->shield + 1, RELAXED);
    int rc = wait_until(&call, worker, worker->pool, deadline, NULL);
    atom_store(&self->shield, self->shield - 1, RELAXED);
    return rc;
}

/* Under the lock, given back meanwhile. False: nobody wanted it for a second. */
static bool worker_rest(plait_pool *pool, struct pool_worker *worker)
{
    bool lingers = pool->options.on_demand || pool->alive > pool->size;
    worker->word = 0;
    list_prepend(&pool->idle, &worker->idle);
    pool->resting++;
    pool_changed(pool);
    base_spin_unlock(&pool->lock);
    int64_t end = lingers ? wait_now() + LINGER : WAIT_NEVER;
    int rc;
    while ((rc = worker_sleep(worker, end)) == -ECHILD)
        pool_child_renew(worker);
    base_spin_lock(&pool->lock);
    if (rc == 0 || worker->word)
        return true;
    wake_worker(pool, worker);
    return false;
}

static bool worker_is_over(const plait_pool *pool, const struct pool_worker *worker)
{
    int most = pool->options.jobs_per_worker;
    return (most && worker->jobs >= most) || (pool->closed && !pool_has_waiting(pool));
}

/* The last things under the lock; the worker is who reaps' from here on. */
static void worker_leave(plait_pool *pool, struct pool_worker *worker)
{
    struct pool_wake wake = {0};
    list_remove(&worker->link);
    list_append(&pool->ended, &worker->link);
    atom_store(&pool->alive, pool->alive - 1, RELAXED);
    pool_changed(pool);
    atom_store(&pool->closer, pool->closer + 1, RELEASE); /* pairs with close.c */
    pool_call_worker(pool, &wake);
    if (pool->closed)
        pool_wake_all(pool);
    base_spin_unlock(&pool->lock);
    pool_wake(pool, &wake);
    wait_unpark(&pool->closer, INT_MAX, false);
    pool_let_go(pool);
}

static void relax(int pauses)
{
    while (pauses--)
        os_relax();
}

/* Looks for a job for a while before it rests, because who submits one after the other would else
 * pay for a wake each time. One at a time; who submits calls nobody meanwhile (pool_call_worker).
 * When it sees one it leaves the submitter a moment, who may wait for it and run it himself. Not
 * when its last job was waited for: then the two take turns, and the kernel keeps them on one CPU
 * if this one sleeps; between two CPUs each turn costs twice as much. */
static bool worker_looks(plait_pool *pool, const struct pool_worker *worker)
{
    if (worker->awaited || pool->looks || !pool->spins)
        return false;
    pool->looks = true;
    pool_changed(pool);
    base_spin_unlock(&pool->lock);
    int64_t end = os_now() + LOOK;
    while (!pool_has_waiting(pool) && os_now() < end)
        relax(PAUSES);
    relax(pool_has_waiting(pool) ? PAUSES : 0);
    base_spin_lock(&pool->lock);
    pool->looks = false;
    pool_changed(pool);
    return pool_has_waiting(pool);
}

/* Under the lock, and calls others; NULL: it is to leave. */
static plait_future *worker_next_slowly(plait_pool *pool, struct pool_worker *worker)
{
    plait_future *job = NULL;
    struct pool_wake wake = {0};
    base_spin_lock(&pool->lock);
    while (!worker_is_over(pool, worker)) {
        bool too_many = pool_running(pool) > pool->size;
        if (!too_many && (job = pool_pop(pool)))
            break;
        if (!too_many && !pool->closed && worker_looks(pool, worker))
            continue;
        if (!too_many && (pool_has_waiting(pool) || worker_is_over(pool, worker)))
            continue; /* it came to that while it looked */
        if (!worker_rest(pool, worker))
            break;
    }
    if (job) /* since another may have come while this one was looked for */
        pool_call_worker(pool, &wake);
    base_spin_unlock(&pool->lock);
    pool_wake(pool, &wake);
    return job;
}

/* The next job comes when the one before has ended; at once, or it was the last. */
static void worker_takes_turns(plait_pool *pool)
{
    for (int i = 0; i < TURN && lane_is_empty(&pool->lane); i++)
        relax(2);
    bool one = atom_load(&pool->lane.tail, RELAXED) - atom_load(&pool->lane.head, RELAXED) == 1;
    if (!one)
        atom_store(&pool->in_turns, false, RELAXED);
}

/* Without the lock, also what comes a moment later. Looks seldom, because a submitter who makes one
 * job after the other is held up by each look at the lane's end, and goes on in his own cache
 * meanwhile. */
static plait_future *worker_next_quickly(plait_pool *pool)
{
    if (atom_load(&pool->in_turns, RELAXED))
        worker_takes_turns(pool);
    for (int i = 0; !atom_load(&pool->slowly, RELAXED); i++) {
        plait_future *job = lane_is_empty(&pool->lane) ? NULL : pool_pop_quickly(pool);
        if (job || i == SEEK || !pool->spins)
            return job;
        relax(PAUSES);
    }
    return NULL;
}

static void call_another(plait_pool *pool)
{
    struct pool_wake wake = {0};
    base_spin_lock(&pool->lock);
    pool_call_worker(pool, &wake);
    base_spin_unlock(&pool->lock);
    pool_wake(pool, &wake);
}

/* The next job, already RUNNING; NULL: it is to leave. */
static plait_future *worker_next(plait_pool *pool, struct pool_worker *worker)
{
    plait_future *job = NULL;
    if (!pool->replaces && !worker->awaited)
        job = worker_next_quickly(pool);
    if (!job)
        job = worker_next_slowly(pool, worker);
    else if (atom_load(&pool->lends, RELAXED) && pool_has_waiting(pool))
        call_another(pool);
    if (job)
        pool_tell_room(pool);
    worker->jobs++;
    return job;
}

static int worker_main(void *arg)
{
    struct pool_worker *worker = arg;
    plait_pool *pool = worker->pool;
    worker->self = wait_me();
    base_spin_lock(&pool->lock);
    list_append(&pool->workers, &worker->link);
    base_spin_unlock(&pool->lock);
    if (pool->options.begin && pool->carrier != PLAIT_PROCESS)
        worker->state = pool->options.begin(pool->options.arg);
    for (plait_future *job; (job = worker_next(pool, worker));)
        pool_run(pool, worker, job);
    if (pool->carrier == PLAIT_PROCESS)
        pool_child_end(worker);
    else if (pool->options.end)
        pool->options.end(worker->state);
    base_spin_lock(&pool->lock);
    worker_leave(pool, worker);
    return 0;
}

/* Counted in already. */
static int worker_start(plait_pool *pool)
{
    struct pool_worker *worker = os_alloc(sizeof *worker);
    if (!worker)
        return -ENOMEM;
    list_init(&worker->link);
    list_init(&worker->idle);
    worker->pool = pool;
    bool process = pool->carrier == PLAIT_PROCESS; /* whose options are for the child */
    plait_start_options thread = {.name = pool->worker.name, .daemon = true};
    int rc = plait_start(&worker->task, process ? PLAIT_THREAD : pool->carrier, worker_main, worker,
                         process ? &thread : &pool->worker);
    if (rc != 0)
        os_free(worker);
    return rc;
}

void pool_call_worker(plait_pool *pool, struct pool_wake *wake)
{
    if (pool_running(pool) >= pool->size || pool->looks || !pool_has_waiting(pool))
        return;
    if (!list_is_empty(&pool->idle)) {
        wake->worker = list_item(pool->idle.next, struct pool_worker, idle);
        wake_worker(pool, wake->worker);
    } else if (pool->alive < pool->most) {
        atom_store(&pool->alive, pool->alive + 1, RELAXED);
        pool->failed = false;
        pool_changed(pool);
        pool_keep(pool);
        wake->start = true;
    }
}

int pool_wake(plait_pool *pool, const struct pool_wake *wake)
{
    if (wake->worker)
        wait_unpark(&wake->worker->word, 1, false);
    if (!wake->start)
        return 0;
    pool_reap(pool);
    int rc = worker_start(pool);
    if (rc == 0)
        return 0;
    base_spin_lock(&pool->lock);
    atom_store(&pool->alive, pool->alive - 1, RELAXED);
    pool->failed = true;
    pool_changed(pool);
    base_spin_unlock(&pool->lock);
    pool_let_go(pool);
    return rc;
}

/* Under the lock. */
void pool_wake_all(plait_pool *pool)
{
    while (!list_is_empty(&pool->idle)) {
        struct pool_worker *worker = list_item(pool->idle.next, struct pool_worker, idle);
        wake_worker(pool, worker);
        wait_unpark(&worker->word, 1, false);
    }
}
