/* Foreign blocking calls: run on helper threads, so that the coroutine's worker goes on.
 *
 * A helper takes jobs from one list; an idle one waits a second for the next and then ends. A job's
 * record lies on the caller's stack, which the caller leaves only after `done`; the helper does not
 * touch it after that store (the wake goes by address). */
#include "base/spin.h"
#include "os/os.h"
#include "sched/worker.h"

#include <errno.h>

enum { HELPERS_MOST = 512 };
#define LINGER INT64_C(1000000000)

struct job {
    struct list link;
    int (*function)(void *);
    void *arg;
    int result;
    uint32_t done; /* 0, 1 */
};

static struct {
    base_spin lock;
    struct list jobs;  /* guarded by lock, as the counts */
    uint32_t helpers;  /* threads; blocking_end sleeps on it */
    int idle, waiting; /* helpers asleep, jobs in the list */
    bool leaves;       /* quiesce: who is idle ends */
    uint32_t bell;     /* counts new jobs: idle helpers sleep on it */
} pool;

static struct job *job_take(void)
{
    struct list *link = list_take_first(&pool.jobs);
    if (!link)
        return NULL;
    pool.waiting--;
    return list_item(link, struct job, link);
}

/* The next job, or NULL after a second without one: then the helper is counted out already, under
 * the same lock, so that no job can be left to a helper that has decided to go. The caller rings
 * for it. */
static struct job *job_wait(void)
{
    int64_t deadline = os_now() + LINGER;
    base_spin_lock(&pool.lock);
    struct job *job = job_take();
    while (!job) {
        uint32_t seen = atom_load(&pool.bell, RELAXED);
        pool.idle++;
        base_spin_unlock(&pool.lock);
        int rc = os_futex_wait(&pool.bell, seen, false, deadline);
        base_spin_lock(&pool.lock);
        pool.idle--;
        job = job_take();
        if (!job && (rc == -ETIMEDOUT || pool.leaves)) {
            atom_sub(&pool.helpers, 1, RELEASE);
            break;
        }
    }
    base_spin_unlock(&pool.lock);
    return job;
}

static void helper_main(void *arg)
{
    for (struct job *job; (job = job_wait());) {
        job->result = job->function(job->arg);
        atom_store(&job->done, 1, RELEASE); /* pairs with the ACQUIRE of job_attempt */
        wait_unpark(&job->done, 1, false);
    }
    wait_unpark(&pool.helpers, INT32_MAX, false);
}

static void blocking_leave(bool leaves)
{
    base_spin_lock(&pool.lock);
    pool.leaves = leaves;
    atom_add(&pool.bell, 1, RELAXED);
    base_spin_unlock(&pool.lock);
    os_futex_wake(&pool.bell, INT32_MAX, false);
}

int blocking_end(int64_t deadline, void *place)
{
    uint32_t left;
    int rc = 0;
    blocking_leave(true);
    while (rc == 0 && (left = atom_load(&pool.helpers, ACQUIRE)))
        rc = wait_for_change(&pool.helpers, left, deadline, place);
    blocking_leave(false);
    return rc;
}

static int job_attempt(void *object)
{
    struct job *job = object;
    return atom_load(&job->done, ACQUIRE) ? 0 : -EAGAIN;
}

static int job_words(void *object, struct wait_word *words)
{
    struct job *job = object;
    words[0] = (struct wait_word){.word = &job->done};
    return 1;
}

/* Queues the job; true when a helper will take it. */
static bool job_put(struct job *job)
{
    bool start = false, sure = true;
    base_spin_lock(&pool.lock);
    if (!pool.jobs.next)
        list_init(&pool.jobs);
    list_append(&pool.jobs, &job->link);
    atom_add(&pool.bell, 1, RELAXED);
    /* One helper for each job that waits: an idle one may have been woken for an earlier job and
     * not have run yet. */
    pool.waiting++;
    if (pool.waiting > pool.idle && pool.helpers < HELPERS_MOST) {
        atom_add(&pool.helpers, 1, RELAXED);
        start = true;
    }
    base_spin_unlock(&pool.lock);
    if (!start) {
        os_futex_wake(&pool.bell, 1, false);
    } else if (os_thread_start(helper_main, NULL, 256 * 1024, "plait-blocking") < 0) {
        base_spin_lock(&pool.lock);
        atom_sub(&pool.helpers, 1, RELAXED);
        sure = pool.helpers > 0; /* some helper will come to it */
        if (!sure) {
            list_remove(&job->link);
            pool.waiting--;
        }
        base_spin_unlock(&pool.lock);
    }
    return sure;
}

int sched_blocking(int (*function)(void *), void *arg)
{
    static const struct wait_call call = {job_attempt, job_words, "run", "blocking call"};
    struct job job = {.function = function, .arg = arg};
    struct sched_co *co = sched_current();
    if (!co || sched_special() & SCHED_SEEDED || !job_put(&job))
        return function(arg); /* no thread to be had: better late than never */
    wait_until_done(&call, &job, arg, __builtin_return_address(0));
    return job.result;
}

void blocking_reset(void)
{
    pool.lock = (base_spin){0};
    list_init(&pool.jobs);
    pool.helpers = 0;
    pool.idle = pool.waiting = 0;
    pool.leaves = false;
}
