/* A process pool's worker thread and its child. */
#ifndef POOL_CHILD_H
#define POOL_CHILD_H

#include "pool/channel.h"
#include "pool/pool.h"

struct pool_child {
    struct channel_end end;
    plait_task *task; /* NULL: none runs */
    pid_t pid;
    uint32_t passed;      /* how many cancels of the job that it runs it was told of */
    plait_job *described; /* channel->image is of this one */
};

/* What crosses to a child that is no fork; .arg of the pool's options does not. */
struct pool_image {
    struct image_function begin, end;
    bool begins, ends;
};

/* jobs.c: in the child. Of a fork: arg is its struct pool_worker, as it was then; else a struct
 * pool_image, and the channel is inherited. */
int pool_child_main(void *arg);
int pool_image_main(void *arg);

#endif
