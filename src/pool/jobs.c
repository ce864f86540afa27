/* In the child of a process pool's worker: takes jobs from the channel and runs them. The pool and
 * all else that it finds in its memory are the parent's, and stay untouched. */
#include "os/os.h"
#include "pool/child.h"

#include <plait/error.h>

struct jobs {
    struct channel_end end;
    plait_future stub;
    struct pool_worker worker;
    struct pool_frame frame;
    struct image_function last; /* found as `found` */
    plait_job *found;
};

/* A search goes through all symbols, so the last one is kept. */
static plait_job *function_of(struct jobs *jobs, const struct channel *channel)
{
    if (channel->function)
        return (plait_job *)((intptr_t)pool_child_main + (intptr_t)channel->function);
    if (memcmp(&jobs->last, &channel->image, sizeof jobs->last) != 0 || !jobs->found) {
        memcpy(&jobs->last, &channel->image, sizeof jobs->last);
        jobs->found = (plait_job *)image_function_find(&jobs->last);
    }
    return jobs->found;
}

/* 0, or why the job cannot be run. */
static int take(struct jobs *jobs)
{
    struct channel *channel = jobs->end.channel;
    plait_future *stub = &jobs->stub;
    size_t in = channel->total;
    stub->announced = channel->out_size;
    stub->in = in ? os_alloc(in) : NULL;
    stub->result = stub->announced ? os_alloc(stub->announced) : NULL;
    stub->size = stub->announced;
    if ((in && !stub->in) || (stub->announced && !stub->result))
        return -ENOMEM;
    int rc = channel_read(&jobs->end, stub->in, in, WAIT_NEVER);
    stub->function = function_of(jobs, channel);
    return rc == 0 && !stub->function ? -PLAIT_EFUNCTION : rc;
}

static void give_back(plait_future *stub, void *own)
{
    os_free(stub->in);
    os_free(own);
    os_free(stub->apart);
    *stub = (plait_future){0};
}

/* Of a job that could not be taken the rest of the input is left unread: the parent is told. */
static int run_one(struct jobs *jobs)
{
    struct channel *channel = jobs->end.channel;
    plait_future *stub = &jobs->stub;
    struct task_record *me = (struct task_record *)jobs->frame.self;
    int status = take(jobs);
    void *own = stub->result;
    if (status == 0) {
        atom_store(&channel->taken, 1, RELEASE);
        me->job = &jobs->frame;
        uint32_t forks = wait_forks;
        status = stub->function(stub->in, own);
        pool_job_returned(stub->function, forks);
        task_finish_children(me);
        me->job = NULL;
        atom_store(&me->co.self.cancel, 0, RELAXED);
    }
    bool other = stub->apart || status != 0;
    uint64_t size = status == 0 ? stub->size : 0;
    channel->status = status;
    channel->out_size = other;
    int rc = channel_write(&jobs->end, CHANNEL_DONE, stub->result, size, WAIT_NEVER);
    give_back(stub, own);
    return rc;
}

static int jobs_main(struct channel *channel, const plait_pool_options *options)
{
    struct jobs jobs = {.end = {channel, 1, NULL, NULL}};
    struct wait_self *self = wait_me();
    jobs.frame = (struct pool_frame){.self = self, .job = &jobs.stub, .worker = &jobs.worker};
    channel_live(channel);
    if (options->begin)
        jobs.worker.state = options->begin(options->arg);
    for (int rc = 0; rc == 0;) {
        atom_store(&self->shield, self->shield + 1, RELAXED);
        rc = channel_wait(&jobs.end, WAIT_NEVER);
        atom_store(&self->shield, self->shield - 1, RELAXED);
        if (rc == 0 && channel->kind == CHANNEL_LEAVE)
            break;
        if (rc == 0)
            rc = run_one(&jobs);
    }
    if (options->end)
        options->end(jobs.worker.state);
    channel_leave(channel);
    return 0;
}

int pool_child_main(void *arg)
{
    const struct pool_worker *parent = arg;
    const struct pool_child *child = parent->child;
    return jobs_main(child->end.channel, &parent->pool->options);
}

int pool_image_main(void *arg)
{
    const struct pool_image *image = arg;
    plait_pool_options options = {0};
    if (image->begins)
        options.begin = (void *(*)(void *))image_function_find(&image->begin);
    if (image->ends)
        options.end = (void (*)(void *))image_function_find(&image->end);
    struct channel *channel = plait_inherited(0);
    return channel ? jobs_main(channel, &options) : -ENOMEM;
}
