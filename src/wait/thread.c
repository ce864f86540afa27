/* How a plain thread sleeps: on its own state word in the kernel. */
#include "os/os.h"
#include "wait/look.h"

#include <errno.h>

enum { USUAL_ROOM = 8 << 10, YIELDS_LEFT_OUT = 64 }; /* bytes of stack that any thread has */
#define DEAR_YIELD INT64_C(20000)                    /* ns: about what a wake costs */

uint64_t wait_count_waits, wait_count_wakes;

static void thread_sleep(struct wait_self *self, int64_t deadline)
{
    uint32_t armed = WAIT_ARMED, asleep = WAIT_ASLEEP, outcome = WAIT_TIMEOUT;
    int64_t due = self->note.holders ? self->note.due : WAIT_NEVER,
            end = due < deadline ? due : deadline;
    /* RELEASE here pairs with the ACQ_REL of who fires: it rouses only whom it saw ASLEEP. */
    if (!atom_cas(&self->state, &armed, WAIT_ASLEEP, ACQ_REL))
        return;
    atom_add(&wait_count_waits, 1, RELAXED);
    while (atom_load(&self->state, ACQUIRE) == WAIT_ASLEEP)
        if (os_futex_wait(&self->state, WAIT_ASLEEP, false, end) == -ETIMEDOUT) {
            if (end < deadline) {
                end = deadline; /* one look */
                __atomic_store_n(&self->note.due, deadline, __ATOMIC_RELAXED);
                if (wait_look.look(self) != -EDEADLK)
                    continue;
                outcome = WAIT_LOOK;
            }
            atom_cas(&self->state, &asleep, outcome, ACQ_REL);
            return;
        }
}

static void thread_rouse(struct wait_self *self)
{
    atom_add(&wait_count_wakes, 1, RELAXED);
    os_futex_wake(&self->state, 1, false);
}

/* Each sleeps on a word of its own, and the kernel switches to whoever is woken: a hundred calls
 * are a hundred switches and more. So they are first moved to one word, which lies here, because of
 * a private word the kernel takes the address only. Who is not asleep there any more, or has begun
 * another sleep meanwhile, looks at his state and sleeps on. */
static void thread_rouse_many(struct wait_self *const *selves, int count)
{
    uint32_t crowd = 0;
    int moved = 0;
    for (int i = 0; i < count; i++) {
        int rc = os_futex_move(&selves[i]->state, &crowd);
        if (unlikely(rc < 0)) /* a sandbox that knows waits and wakes alone */
            os_futex_wake(&selves[i]->state, 1, false);
        else
            moved += rc;
    }
    atom_add(&wait_count_wakes, (uint64_t)count, RELAXED);
    if (moved)
        os_futex_wake(&crowd, moved, false);
}

/* What a thread of the least size has left is not asked for, because the answer is dear. */
static bool thread_has_room(const struct wait_self *self, size_t bytes)
{
    return bytes <= USUAL_ROOM || os_stack_room() >= bytes;
}

/* With more threads than CPUs whoever we wait for is most likely among them. Where other programs
 * want the CPU too a yield may last a slice of each: then it is left for a while, because a sleeper
 * who is woken comes sooner. */
static bool thread_give_way(struct wait_self *self)
{
    static __thread unsigned refused;
    if (refused) {
        refused--;
        return false;
    }
    int64_t began = os_now();
    os_yield();
    if (os_now() - began > DEAR_YIELD)
        refused = YIELDS_LEFT_OUT;
    return true;
}

const struct wait_carrier wait_thread_carrier = {
    thread_sleep, thread_rouse, thread_rouse_many, false, thread_has_room, thread_give_way, NULL};
