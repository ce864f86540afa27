/* The child of a process pool's worker, from its worker thread: started, given jobs, replaced.
 *
 * The worker thread is the one that waits for the child, so a job's death is that of one channel,
 * and everything else of the pool is as for threads. */
#include "pool/child.h"
#include "base/report.h"
#include "os/os.h"
#include "wait/case.h"

#include <plait/case.h>
#include <plait/error.h>
#include <plait/scope.h>
#include <plait/share.h>
#include <plait/time.h>

enum { TRIES = 4 }; /* of children that die before a job, since .begin may be to blame */

static bool is_over(void *object)
{
    struct pool_child *child = object;
    return !child->task || !plait_is_alive(child->task);
}

static bool is_fork(const struct pool_worker *worker)
{
    return worker->pool->worker.method == PLAIT_FORK;
}

static int image_describe(const plait_pool_options *options, struct pool_image *image)
{
    int rc = 0;
    *image = (struct pool_image){.begins = options->begin != NULL, .ends = options->end != NULL};
    if (image->begins)
        rc = image_function_describe((void (*)(void))options->begin, &image->begin);
    if (rc == 0 && image->ends)
        rc = image_function_describe((void (*)(void))options->end, &image->end);
    return rc;
}

/* A fresh one in place of none. */
static int child_start(struct pool_worker *worker, struct pool_child *child)
{
    plait_start_options options = worker->pool->worker;
    struct pool_image image;
    void *channel = child->end.channel;
    memset(channel, 0, offsetof(struct channel, bytes));
    child->described = NULL;
    options.daemon = true;
    if (!options.grace)
        options.grace = worker->pool->options.grace;
    if (is_fork(worker))
        return plait_start(&child->task, PLAIT_PROCESS, pool_child_main, worker, &options);
    int rc = image_describe(&worker->pool->options, &image);
    options.arg_size = sizeof image;
    options.shared = &channel;
    options.shared_count = 1;
    return rc ? rc : plait_start(&child->task, PLAIT_PROCESS, pool_image_main, &image, &options);
}

static int child_make(struct pool_worker *worker)
{
    struct pool_child *child = os_alloc(sizeof *child);
    if (!child)
        return -ENOMEM;
    child->end = (struct channel_end){plait_share(sizeof(struct channel)), 0, is_over, child};
    if (!child->end.channel) {
        os_free(child);
        return -ENOMEM;
    }
    worker->child = child;
    return 0;
}

/* Its end is certain; *status is what a job's error says of it. */
static void child_bury(struct pool_child *child, int *error)
{
    int status = 0;
    int shield = plait_shield_enter();
    plait_join(child->task, &status, PLAIT_NEVER);
    plait_shield_leave(&shield);
    child->task = NULL;
    *error = plait_killed_by(status) ? status : PLAIT_EXITED(status);
}

static void tell_death(struct pool_worker *worker, const plait_future *job, pid_t pid, bool core,
                       int error)
{
    char name[64];
    base_report(PLAIT_REPORT_DROPPED, "%s: worker process %d ended in job %s: %s%s",
                base_object(worker->pool, "pool", name, sizeof name), (int)pid,
                job->name ? job->name : "(no name)", plait_strerror(error),
                core ? ", core dumped" : "");
}

/* A cancel of the job: told to the child; the second one ends it. */
static void pass_cancel(struct pool_worker *worker, struct pool_child *child)
{
    if (worker->pool->closed)
        plait_terminate(child->task);
    else
        plait_cancel(child->task);
}

/* Until the child has answered, or is dead: 0, -EPIPE, -ETIMEDOUT (killed then). */
static int child_await(struct pool_worker *worker, struct pool_child *child,
                       const plait_future *job, int64_t limit)
{
    int rc;
    while ((rc = channel_wait(&child->end, limit)) == -ECANCELED) {
        do /* at least this one, and those that came before it was heard */
            pass_cancel(worker, child);
        while (++child->passed < atom_load(&job->cancels, ACQUIRE));
    }
    if (rc == -ETIMEDOUT)
        plait_kill(child->task);
    return rc;
}

/* Its sizes are checked before they are believed, because the child may be anything by now. */
static int child_answer(struct pool_child *child, plait_future *job, int64_t limit, int *status)
{
    struct channel *channel = child->end.channel;
    uint64_t total = channel->total;
    bool other = channel->out_size != 0;
    if (total > PTRDIFF_MAX / 4 || (!other && total != job->announced))
        return -PLAIT_EFORMAT;
    void *to = job->result, *apart = NULL;
    if (other && total && !(apart = to = os_alloc(total)))
        return -ENOMEM;
    int rc = channel_read(&child->end, to, total, limit);
    *status = channel->status;
    if (rc == 0 && other) {
        os_free(job->apart);
        job->apart = job->result = apart;
        job->blocks = true;
        job->size = total;
    } else {
        os_free(apart);
    }
    return rc;
}

/* 0, or the child could not find it. */
static int function_write(const struct pool_worker *worker, struct pool_child *child,
                          plait_job *function)
{
    struct channel *channel = child->end.channel;
    channel->function = 0;
    if (is_fork(worker))
        channel->function = (int64_t)((intptr_t)function - (intptr_t)pool_child_main);
    else if (child->described != function)
        if (image_function_describe((void (*)(void))function, &channel->image) != 0)
            return -PLAIT_EFUNCTION;
    child->described = function;
    return 0;
}

/* One job to the living child: 0 and what it returned; else the child is to be buried. Only the
 * answer's coming is waited for with an ear for cancels, because a message is read or written
 * whole. */
static int child_ask(struct pool_worker *worker, struct pool_child *child, plait_future *job,
                     int *status)
{
    struct channel *channel = child->end.channel;
    int64_t limit = job->limit ? wait_now() + job->limit : WAIT_NEVER;
    channel->out_size = job->announced;
    int shield = plait_shield_enter();
    int rc = channel_write(&child->end, CHANNEL_JOB, job->in, job->in_size, limit);
    plait_shield_leave(&shield);
    if (rc == 0)
        rc = child_await(worker, child, job, limit);
    shield = plait_shield_enter();
    if (rc == 0)
        rc = child_answer(child, job, limit, status);
    plait_shield_leave(&shield);
    return rc;
}

/* What a death in the middle means for the job; -EAGAIN: it had not begun. */
static int child_died(struct pool_worker *worker, struct pool_child *child, const plait_future *job,
                      int rc)
{
    int error;
    pid_t pid = child->pid;
    bool begun = atom_load(&child->end.channel->taken, ACQUIRE), core;
    plait_kill(child->task); /* since it may have damaged the channel only */
    int shield = plait_shield_enter();
    (void)!plait_select(PLAIT_NEVER, plait_on_end(child->task));
    plait_shield_leave(&shield);
    core = plait_task_dumped_core(child->task);
    child_bury(child, &error);
    if (rc != -EPIPE) /* it was ended from here, for that reason */
        return rc;
    if (child->passed)
        return -ECANCELED;
    if (!begun)
        return -EAGAIN;
    tell_death(worker, job, pid, core, error);
    return error;
}

/* Asks it to leave, and ends it if it does not. It has the turn of no job. */
static void child_stop(struct pool_worker *worker, struct pool_child *child)
{
    int error;
    int64_t patience = plait_after(worker->pool->options.grace);
    if (!child->task)
        return;
    if (!is_over(child))
        channel_send(&child->end, CHANNEL_LEAVE);
    int shield = plait_shield_enter();
    if (plait_join(child->task, NULL, patience) == 0)
        child->task = NULL;
    plait_shield_leave(&shield);
    if (child->task) {
        plait_kill(child->task);
        child_bury(child, &error);
    }
}

/* A living child, or why there is none. */
static int child_ready(struct pool_worker *worker)
{
    int rc = worker->child ? 0 : child_make(worker), error;
    struct pool_child *child = worker->child;
    if (rc != 0)
        return rc;
    if (child->task && is_over(child))
        child_bury(child, &error);
    rc = child->task ? 0 : child_start(worker, child);
    if (rc == 0)
        child->pid = plait_task_pid(child->task);
    child->passed = 0;
    child->end.channel->taken = 0;
    return rc;
}

int pool_child_run(struct pool_worker *worker, plait_future *job)
{
    int rc = -EAGAIN, status = 0;
    for (int tries = 0; rc == -EAGAIN && tries < TRIES; tries++) {
        rc = child_ready(worker);
        struct pool_child *child = worker->child;
        if (rc != 0)
            return rc;
        if (function_write(worker, child, job->function) != 0)
            return -PLAIT_EFUNCTION;
        rc = child_ask(worker, child, job, &status);
        if (rc != 0) {
            rc = child_died(worker, child, job, rc);
            continue;
        }
        if (child->passed) /* since the next cancel would be its second, which is stronger */
            child_stop(worker, child);
        return status;
    }
    return rc == -EAGAIN ? -ECHILD : rc;
}

/* While the worker rests: its child's end is a word to sleep on, too, so that a dead one is
 * replaced before there is a job. */
int pool_child_words(const struct pool_worker *worker, struct wait_word *words)
{
    const struct pool_child *child = worker->child;
    if (!child || !child->task)
        return 0;
    plait_case end = plait_on_end(child->task);
    return end.kind->words(&end, words);
}

bool pool_child_is_dead(const struct pool_worker *worker)
{
    struct pool_child *child = worker->child;
    return child && child->task && is_over(child);
}

/* Without a report, because one that was idle touched no job: another takes its place. */
void pool_child_renew(struct pool_worker *worker)
{
    struct pool_child *child = worker->child;
    int error;
    child_bury(child, &error);
    child_start(worker, child); /* failed: the next job tries again */
}

void pool_child_end(struct pool_worker *worker)
{
    struct pool_child *child = worker->child;
    if (!child)
        return;
    child_stop(worker, child);
    plait_share_free(child->end.channel);
    os_free(child);
    worker->child = NULL;
}
