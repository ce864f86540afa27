/* Handing a job over. */
#include "base/report.h"
#include "os/os.h"
#include "pool/pool.h"

struct submit {
    plait_pool *pool;
    plait_future *job;
    struct pool_wake wake;
    bool past_the_bound;
};

static bool is_full(const plait_pool *pool)
{
    return pool->bounded && atom_load(&pool->waiting, SEQ_CST) >= pool->options.waiting;
}

static int submit_attempt(void *object)
{
    struct submit *submit = object;
    plait_pool *pool = submit->pool;
    int rc = 0;
    base_spin_lock(&pool->lock);
    if (pool->closed)
        rc = -EPIPE;
    else if (!submit->past_the_bound && is_full(pool))
        rc = -EAGAIN;
    if (rc == 0) {
        atom_store(&submit->job->pool, pool, RELEASE); /* pairs with may_help */
        rc = pool_push(pool, submit->job);
    }
    if (rc == 0)
        pool_call_worker(pool, &submit->wake);
    base_spin_unlock(&pool->lock);
    return rc;
}

/* W before the look, and who claims a job looks at W behind it: one of the two sees the other. */
static int submit_words(void *object, struct wait_word *words)
{
    plait_pool *pool = ((struct submit *)object)->pool;
    base_spin_lock(&pool->lock);
    uint32_t seen = atom_or(&pool->room, POOL_ROOM_W, SEQ_CST) | POOL_ROOM_W;
    bool full = is_full(pool) && !pool->closed;
    base_spin_unlock(&pool->lock);
    words[0] = (struct wait_word){.word = &pool->room, .seen = seen};
    return full;
}

/* A worker could not be started: the job comes out again, unless others will come to it. */
static bool take_back(plait_pool *pool, plait_future *job)
{
    base_spin_lock(&pool->lock);
    bool mine = pool->alive == 0 && pool_claim(pool, job);
    base_spin_unlock(&pool->lock);
    return mine;
}

/* Of one taken back, which may lie in the lane still. */
static void drop(plait_future *job)
{
    atom_or(&job->word, FUTURE_LOOSE, RELAXED);
    future_end(job, PLAIT_CANCELED, 0);
}

int pool_give(plait_pool *pool, plait_future *job)
{
    struct submit submit = {.pool = pool, .job = job, .past_the_bound = true};
    atom_or(&job->word, FUTURE_QUEUED, RELAXED);
    int rc = submit_attempt(&submit);
    if (rc < 0) {
        future_release(job, FUTURE_QUEUED);
        rc = future_claim(job, 0) ? rc : 0;
    } else if ((rc = pool_wake(pool, &submit.wake)) < 0 && !take_back(pool, job)) {
        rc = 0;
    }
    return rc;
}

static int options_check(const plait_submit_options *options)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return EINVAL;
    return options->retries < 0 || options->limit < 0 ? EINVAL : 0;
}

static plait_future *job_new(plait_job *function, const void *in, size_t in_size, size_t out_size,
                             const plait_submit_options *options)
{
    int why = function && (in || !in_size) ? 0 : EINVAL;
    if (!why && options)
        why = options_check(options);
    if (why) {
        errno = why;
        return NULL;
    }
    plait_future *job = future_new(in_size, out_size);
    if (!job)
        return NULL;
    if (in_size)
        memcpy(job->in, in, in_size);
    job->function = function;
    job->helps = true;
    job->word = FUTURE_QUEUED;
    if (options) {
        job->name = options->name;
        job->priority = options->priority;
        job->retries = options->retries;
        job->limit = options->limit;
        job->limited = options->limit != 0;
        job->helps = !options->limit && !options->retries;
        job->word = options->priority ? 0 : FUTURE_QUEUED;
    }
    return job;
}

plait_future *plait_submit_bytes(plait_pool *pool, plait_job *function, const void *in,
                                 size_t in_size, size_t out_size,
                                 const plait_submit_options *options, int64_t deadline)
{
    static const struct wait_call call = {submit_attempt, submit_words, "submit", "pool"};
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    pool_check(pool, place);
    if (!in)
        in_size = 0;
    if (in_size == PLAIT_UNSIZED)
        base_misuse(pool, "pool", place, "nobody says how many bytes the input has");
    plait_future *job = job_new(function, in, in_size, out_size, options);
    if (!job)
        return NULL;
    struct submit submit = {.pool = pool, .job = job};
    int rc = future_wait_as_job(&call, &submit, pool, deadline, place);
    if (unlikely(rc < 0))
        future_destroy(job);
    else if (likely((rc = pool_wake(pool, &submit.wake)) == 0) || !take_back(pool, job))
        return job;
    else
        drop(job);
    errno = -rc;
    return NULL;
}
