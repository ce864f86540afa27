/* One job runs: on a worker's stack, or on that of a waiter who helps.
 *
 * A cancel must end a wait of this job and of no other. So the job's frame names its task while it
 * runs there, guarded by the job's lock: who cancels sets WANTED and SLOW first, by which the end
 * waits for him. Below a helped job lies the one that waits for it: its cancel is kept until it is
 * on top again. */
#include "base/report.h"
#include "pool/pool.h"
#include "wait/self.h"

/* What of the task is the outer job's, or the waiter's, and not this one's. */
struct saved {
    uint32_t cancel;
    int64_t limit;
    bool cut;
    struct task_block *block;
    struct task_scope *counts;
};

static void cover(struct pool_frame *outer, struct wait_self *self, struct saved *saved)
{
    plait_future *below = outer ? outer->job : NULL; /* NULL: it has ended, and calls back */
    if (below)
        base_spin_lock(&below->lock);
    saved->cancel = atom_swap(&self->cancel, 0, ACQ_REL);
    if (below) {
        outer->covered = true;
        base_spin_unlock(&below->lock);
    }
    saved->limit = self->limit;
    saved->cut = self->cut;
    self->cut = false;
}

static void uncover(struct pool_frame *outer, struct wait_self *self, const struct saved *saved)
{
    self->limit = saved->limit;
    plait_future *below = outer ? outer->job : NULL;
    self->cut = saved->cut;
    if (below)
        base_spin_lock(&below->lock);
    atom_store(&self->cancel, saved->cancel, SEQ_CST);
    if (below) {
        outer->covered = false;
        if (below->cancels && !(saved->cancel & (WAIT_CANCEL_PENDING | WAIT_CANCEL_TOLD)))
            wait_cancel(self);
        base_spin_unlock(&below->lock);
    }
}

/* Counted in the job and not where it runs, because one that comes while the frame begins is seen
 * from both sides, and is still one. A process is told at each cancel, because the second one is
 * the stronger one. */
void pool_cancel_running(plait_future *job)
{
    /* RELEASE: pairs with child_await, which a second cancel that comes soon does not wake again. */
    uint32_t before = atom_add(&job->cancels, 1, RELEASE);
    struct pool_frame *frame = atom_load(&job->frame, SEQ_CST);
    if (frame && !frame->covered && (!before || frame->pool->carrier == PLAIT_PROCESS))
        wait_cancel(frame->self);
}

static void frame_begin(struct pool_frame *frame)
{
    plait_future *job = frame->job;
    atom_store(&job->frame, frame, SEQ_CST); /* before the look: one of the two sees the other */
    if (unlikely(atom_load(&job->word, SEQ_CST) & FUTURE_WANTED)) {
        base_spin_lock(&job->lock);
        wait_cancel(frame->self);
        base_spin_unlock(&job->lock);
    }
}

static int run_function(struct pool_frame *frame)
{
    plait_future *job = frame->job;
    if (frame->pool->carrier == PLAIT_PROCESS)
        return pool_child_run(frame->worker, job);
    if (job->limited) {
        int64_t limit = wait_now() + job->limit;
        frame->self->limit = limit < frame->self->limit ? limit : frame->self->limit;
    }
    uint32_t forks = wait_forks;
    int rc = job->function(job->in, job->announced ? job->result : NULL);
    pool_job_returned(job->function, forks);
    if (unlikely(atom_load(&frame->started.running, ACQUIRE)))
        wait_until_done(&count_call, &frame->started.running, NULL, NULL);
    return rc;
}

/* Puts it back for another try, which this worker goes on to, so nobody is woken; false: it ends
 * now. */
static bool try_again(const struct pool_frame *frame, plait_future *job)
{
    plait_pool *pool = frame->pool;
    if (job->retries == 0 || wait_was_canceled(frame->self))
        return false;
    base_spin_lock(&pool->lock);
    atom_store(&job->frame, NULL, RELAXED);
    uint32_t queued = job->priority ? 0 : FUTURE_QUEUED;
    bool again = future_unclaim(job, queued);
    if (again && pool_push(pool, job) != 0)
        again = !future_claim(job, queued);
    job->retries -= again;
    base_spin_unlock(&pool->lock);
    return again;
}

static void finish(const struct pool_frame *frame, plait_future *job, int rc)
{
    bool canceled = rc == -ECANCELED && wait_was_canceled(frame->self);
    bool awaited = false;
    if (rc == 0)
        awaited = future_end(job, PLAIT_DONE, 0);
    else if (!try_again(frame, job))
        awaited = future_end(job, canceled ? PLAIT_CANCELED : PLAIT_FAILED, rc);
    if (frame->worker)
        frame->worker->awaited = awaited;
}

void pool_run(plait_pool *pool, struct pool_worker *worker, plait_future *job)
{
    struct task_record *record = task_me();
    struct pool_frame *outer = record->job;
    struct pool_frame frame = {
        .self = &record->co.self, .job = job, .pool = pool, .worker = worker, .outer = outer};
    struct saved saved = {.block = record->block, .counts = record->counts};
    cover(outer, frame.self, &saved);
    record->block = NULL;
    record->counts = &frame.started;
    frame_begin(&frame);
    record->job = &frame;
    BASE_TRACE("job", job, 0);
    int rc = run_function(&frame);
    if (rc != 0 && frame.self->cut && job->limited)
        rc = -ETIMEDOUT;
    /* Callbacks run as part of the job, so that a close inside does not wait for itself; but the
     * job may be gone by then. */
    frame.job = NULL;
    finish(&frame, job, rc);
    record->job = outer;
    record->block = saved.block;
    record->counts = saved.counts;
    uncover(outer, frame.self, &saved);
}

int plait_job_result(const void *data, size_t size)
{
    struct pool_frame *frame = pool_frame_here();
    if (!frame || !frame->job || (!data && size))
        return -EINVAL;
    return future_set_result(frame->job, data, size);
}

void *plait_worker_state(void)
{
    struct pool_frame *frame = pool_frame_here();
    return frame && frame->worker ? frame->worker->state : NULL;
}
