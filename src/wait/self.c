/* A task's own state: how it is armed, fired, cancelled.
 *
 * Cancel is a flag and a fired state. The canceller sets the flag, then fires; the sleeper arms,
 * then reads the flag. Both pairs are SEQ_CST, so at least one of them sees the other: a cancel
 * between the look and the sleep is never missed. The flag stays until a wait has returned
 * -ECANCELED, so a wait that had its result in the same instant returns the result and the next
 * one is cancelled.
 *
 * A block (plait_scoped) is cancelled by a bit of its own, because that must not outlive the block:
 * as one more cancel of the task it would end some wait behind it. */
#include "wait/self.h"

#include <errno.h>
#include <string.h>

#ifdef PLAIT_EXPLORE
struct wait_self *wait_current;
#else
__thread struct wait_self *wait_current __attribute__((tls_model("initial-exec")));
#endif
struct wait_self *(*wait_adopt)(void);
void (*wait_interrupted)(struct wait_self *self);

/* The memory may have been another task's, at whose state and carrier somebody looks late
 * (sync/waiter.c): these two are never anything but one's or the other's. */
void wait_self_init(struct wait_self *self, const struct wait_carrier *carrier)
{
    char *first = (char *)&self->cancel, *then = (char *)&self->carrier,
         *last = (char *)(&self->carrier + 1);
    atom_store(&self->state, WAIT_AWAKE, RELAXED);
    memset(first, 0, (size_t)(then - first));
    atom_store(&self->carrier, carrier, RELAXED);
    memset(last, 0, sizeof *self - (size_t)(last - (char *)self));
    self->limit = WAIT_NEVER;
    /* Under a seed from its starter's sequence, because addresses differ from run to run. */
    uint32_t start = wait_deterministic && wait_current ? wait_random(wait_current)
                                                        : (uint32_t)((uintptr_t)self >> 6);
    self->random = start * 2654435761u | 1;
}

bool wait_cancel_is_due(const struct wait_self *self)
{
    uint32_t due = WAIT_CANCEL_PENDING | WAIT_CANCEL_BLOCK;
    return atom_load(&self->cancel, SEQ_CST) & due && !self->shield;
}

/* The block's first: the task's own cancel must still be told where the block has been left. */
static int cancel_take(struct wait_self *self)
{
    if (atom_load(&self->cancel, RELAXED) & WAIT_CANCEL_BLOCK) {
        self->taken = WAIT_CANCEL_BLOCK;
    } else {
        self->taken = WAIT_CANCEL_PENDING;
        atom_or(&self->cancel, WAIT_CANCEL_TOLD, RELAXED);
    }
    atom_and(&self->cancel, ~self->taken, RELAXED);
    return -ECANCELED;
}

void wait_cancel_again(struct wait_self *self)
{
    atom_or(&self->cancel, self->taken, SEQ_CST);
}

bool wait_self_arm(struct wait_self *self)
{
    atom_store(&self->state, WAIT_ARMED, SEQ_CST);
    return !wait_cancel_is_due(self);
}

/* What the wait came to, once nobody can fire it any more. */
int wait_self_disarmed(struct wait_self *self, uint32_t state)
{
    void (*interrupted)(struct wait_self *) = atom_load(&wait_interrupted, ACQUIRE);
    if (unlikely(interrupted != NULL))
        interrupted(self);
    if (state >= WAIT_WORD)
        return (int)(state - WAIT_WORD);
    if (wait_cancel_is_due(self))
        return cancel_take(self); /* outranks the time-out */
    if (unlikely(state == WAIT_LOOK && self->note.holders))
        return -EDEADLK;
    return state == WAIT_TIMEOUT ? -ETIMEDOUT : -EAGAIN;
}

bool wait_fire(struct wait_self *self, uint32_t outcome)
{
    const struct wait_carrier *carrier = self->carrier; /* now: once fired it may end */
    uint32_t seen = atom_load(&self->state, SEQ_CST);
    while (seen == WAIT_ARMED || seen == WAIT_ASLEEP)
        if (atom_cas(&self->state, &seen, outcome, ACQ_REL)) {
            if (seen == WAIT_ASLEEP)
                carrier->rouse(self);
            return true;
        }
    return false;
}

static void cancel_because(struct wait_self *self, uint32_t why)
{
    atom_or(&self->cancel, why, SEQ_CST);
    if (!atom_load(&self->shield, SEQ_CST))
        wait_fire(self, WAIT_CANCEL);
}

void wait_cancel(struct wait_self *self)
{
    cancel_because(self, WAIT_CANCEL_PENDING);
}

void wait_cancel_block(struct wait_self *self)
{
    cancel_because(self, WAIT_CANCEL_BLOCK);
}

void wait_cancel_block_forget(struct wait_self *self)
{
    atom_and(&self->cancel, ~(uint32_t)WAIT_CANCEL_BLOCK, SEQ_CST);
}

bool wait_cancel_block_is_due(const struct wait_self *self)
{
    return atom_load(&self->cancel, RELAXED) & WAIT_CANCEL_BLOCK;
}

bool wait_was_canceled(const struct wait_self *self)
{
    return atom_load(&self->cancel, ACQUIRE) != 0;
}
