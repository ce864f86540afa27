/* A worker's own free stacks of the default size: most coroutines start and end on one worker, and
 * the newest stack is the one that the cache still knows. */
#include "base/settings.h"
#include "base/stack.h"
#include "sched/worker.h"

void worker_stack_keep(struct sched_worker *worker, void *stack, size_t size)
{
    if (size == base_settings()->stack && worker->stack_count < SCHED_STACKS_KEPT)
        worker->stacks[worker->stack_count++] = stack;
    else
        base_stack_give(stack, size);
}

void *worker_stack_kept(struct sched_worker *worker, size_t size)
{
    bool kept = size == base_settings()->stack && worker->stack_count;
    return kept ? worker->stacks[--worker->stack_count] : NULL;
}
