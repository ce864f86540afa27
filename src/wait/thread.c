/* How a plain thread sleeps: on its own state word in the kernel. */
#include "os/os.h"
#include "wait/wait.h"

#include <errno.h>

enum { USUAL_ROOM = 8 << 10 }; /* bytes of stack that any thread has */

uint64_t wait_count_waits, wait_count_wakes;

static void thread_sleep(struct wait_self *self, int64_t deadline)
{
    uint32_t armed = WAIT_ARMED, asleep = WAIT_ASLEEP;
    /* RELEASE here pairs with the ACQ_REL of who fires: it rouses only whom it saw ASLEEP. */
    if (!atom_cas(&self->state, &armed, WAIT_ASLEEP, ACQ_REL))
        return;
    atom_add(&wait_count_waits, 1, RELAXED);
    while (atom_load(&self->state, ACQUIRE) == WAIT_ASLEEP)
        if (os_futex_wait(&self->state, WAIT_ASLEEP, false, deadline) == -ETIMEDOUT) {
            atom_cas(&self->state, &asleep, WAIT_TIMEOUT, ACQ_REL);
            return;
        }
}

static void thread_rouse(struct wait_self *self)
{
    atom_add(&wait_count_wakes, 1, RELAXED);
    os_futex_wake(&self->state, 1, false);
}

/* What a thread of the least size has left is not asked for, because the answer is dear. */
static bool thread_has_room(const struct wait_self *self, size_t bytes)
{
    return bytes <= USUAL_ROOM || os_stack_room() >= bytes;
}

const struct wait_carrier wait_thread_carrier = {thread_sleep, thread_rouse, false,
                                                 thread_has_room};
