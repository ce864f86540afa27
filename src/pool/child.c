#include "pool/pool.h"

int child_run(struct pool_worker *worker, plait_future *job)
{
    return -ENOTSUP;
}

void child_end(struct pool_worker *worker)
{
}
