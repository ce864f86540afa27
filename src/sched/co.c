/* Coroutines come and go: their memory, and how they are handed to the workers. */
#include "base/settings.h"
#include "base/stack.h"
#include "os/os.h"
#include "sched/worker.h"

/* The stack, with the record and the caller's `extra` bytes at its top: in the page that is dirty
 * anyway. */
struct sched_co *sched_co_new(size_t size, size_t extra)
{
    struct sched_worker *here = sched_here;
    if (!size)
        size = base_settings()->stack;
    void *stack = here ? worker_stack_kept(here, size) : NULL;
    if (!stack && !(stack = base_stack_take(&size)))
        return NULL;
    size_t record = (sizeof(struct sched_co) + extra + 63) & ~(size_t)63;
    struct sched_co *co = (void *)((char *)stack + size - record);
    wait_self_init(&co->self, &sched_carrier);
    atom_store(&co->worker, NULL, RELAXED); /* of the task before, somebody may look at it late */
    memset(&co->next, 0, record - offsetof(struct sched_co, next));
    if (unlikely(wait_deterministic)) /* it was made of the address, which is no seed's */
        co->self.random = wait_random(wait_me());
    co->stack = stack;
    co->stack_size = size;
    return co;
}

void sched_co_drop(struct sched_co *co)
{
    base_stack_give(co->stack, co->stack_size);
}

int sched_co_start(struct sched_co *co)
{
    if (!atom_load(&wait_turn, RELAXED))
        atom_store(&wait_turn, sched_turn, RELAXED);
    if (!atom_load(&sched.count, ACQUIRE)) {
        int rc = worker_start(0);
        if (rc < 0 && !atom_load(&sched.count, ACQUIRE))
            return rc;
    }
    struct sched_worker *here = sched_here;
    if (here) {
        worker_fresh_push(here, co);
        return 0;
    }
    base_spin_lock(&sched.lock);
    fifo_push(&sched.global, co);
    base_spin_unlock(&sched.lock);
    sched_wake_one();
    return 0;
}

int sched_co_frames(const struct sched_co *co, void **frames, int most)
{
    void *context;
    if (atom_load(&co->self.state, ACQUIRE) != WAIT_ASLEEP ||
        !os_peek(&co->context, &context, sizeof context))
        return 0;
    int count = os_context_frames(context, co->stack, co->stack_size, frames, most);
    return atom_load(&co->self.state, ACQUIRE) == WAIT_ASLEEP ? count : 0;
}
