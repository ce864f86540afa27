/* A worker's own free stacks of the default size: most coroutines start and end on one worker, and
 * the newest stack is the one that the cache still knows. */
#include "base/settings.h"
#include "base/stack.h"
#include "sched/worker.h"

#include <string.h>

void worker_stack_keep(struct sched_worker *worker, void *stack, size_t size)
{
    enum { GIVEN = SCHED_STACKS_KEPT / 2 };
    if (size != base_settings()->stack) {
        base_stack_give(stack, size);
        return;
    }
    if (worker->stack_count == SCHED_STACKS_KEPT) {
        base_stack_give_some(worker->stacks, GIVEN, size); /* the coldest */
        worker->stack_count -= GIVEN;
        memmove(worker->stacks, worker->stacks + GIVEN, GIVEN * sizeof *worker->stacks);
    }
    worker->stacks[worker->stack_count++] = stack;
}

void *worker_stack_kept(struct sched_worker *worker, size_t size)
{
    if (size != base_settings()->stack)
        return NULL;
    if (!worker->stack_count)
        worker->stack_count = base_stack_take_used(worker->stacks, SCHED_STACKS_KEPT / 2, size);
    return worker->stack_count ? worker->stacks[--worker->stack_count] : NULL;
}
