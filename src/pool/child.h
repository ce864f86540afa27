/* A process pool's worker thread and its child. */
#ifndef POOL_CHILD_H
#define POOL_CHILD_H

#include "pool/channel.h"
#include "pool/pool.h"

struct pool_child {
    struct channel_end end;
    plait_task *task; /* NULL: none runs */
    pid_t pid;
    bool canceled; /* the job that it runs */
};

/* jobs.c: in the child; arg is its struct pool_worker, as it was at the fork */
int pool_child_main(void *arg);

#endif
