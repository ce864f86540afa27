/* Descriptors that become readable when a task ends.
 *
 * Obvious idea: a pidfd for a process, and an eventfd in each record for the others. But a process is
 * over some microseconds before its status is there, and a coroutine's record lies on its stack,
 * which goes to the next one at the end. Instead: a list of bells beside the table, and a bit in the
 * slot's word, so that tasks nobody watches pay one test.
 *   1. plait_task_descriptor puts the bell into the list, then sets TASK_BELL in slot.state
 *   2. the end swaps slot.state; it rings when it saw TASK_BELL
 *   3. whoever of 1 finds the end in what was there before rings himself: so one of the two does
 * Both numbers of the handle name a bell, since the slot may serve another task while 2 still looks.
 * A bell that was rung is kept for the next one: the watcher rings too, and never frees memory. */
#include "base/spin.h"
#include "os/os.h"
#include "task/task.h"

#include <errno.h>

struct bell {
    struct bell *next;
    uint32_t slot, serial;
    int descriptor; /* of our own, because the user may close his */
};

static struct {
    base_spin lock; /* guards all below */
    struct bell *first, *free;
} bells;

void bell_ring(uint32_t slot, uint32_t serial)
{
    base_spin_lock(&bells.lock);
    for (struct bell **at = &bells.first, *bell; (bell = *at);) {
        if (bell->slot != slot || bell->serial != serial) {
            at = &bell->next;
            continue;
        }
        os_event_signal(bell->descriptor);
        os_close(bell->descriptor);
        *at = bell->next;
        bell->next = bells.free;
        bells.free = bell;
    }
    base_spin_unlock(&bells.lock);
}

static struct bell *bell_take(void)
{
    base_spin_lock(&bells.lock);
    struct bell *bell = bells.free;
    if (bell)
        bells.free = bell->next;
    base_spin_unlock(&bells.lock);
    return bell ? bell : os_alloc(sizeof *bell);
}

static void bell_put(struct bell **list, struct bell *bell)
{
    base_spin_lock(&bells.lock);
    bell->next = *list;
    *list = bell;
    base_spin_unlock(&bells.lock);
}

/* Both numbers of one eventfd; the result is the user's. */
static int bell_open(struct bell *bell)
{
    bell->descriptor = os_event_open();
    if (bell->descriptor < 0)
        return bell->descriptor;
    int theirs = os_dup(bell->descriptor);
    if (theirs < 0)
        os_close(bell->descriptor);
    return theirs;
}

int bell_new(struct task_slot *slot, uint32_t number, uint32_t serial)
{
    struct bell *bell = bell_take();
    if (!bell)
        return -ENOMEM;
    int theirs = bell_open(bell);
    bell->slot = number;
    bell->serial = serial;
    bell_put(theirs < 0 ? &bells.free : &bells.first, bell);
    if (theirs < 0)
        return theirs;
    uint32_t old = atom_or(&slot->state, TASK_BELL, ACQ_REL);
    if ((old & TASK_STATE) >= PLAIT_DONE || atom_load(&slot->serial, ACQUIRE) != serial)
        bell_ring(number, serial);
    return theirs;
}

void bell_fork_prepare(void)
{
    base_spin_lock(&bells.lock);
}

void bell_fork_parent(void)
{
    base_spin_unlock(&bells.lock);
}

/* The tasks are the parent's, and so are their ends. */
void bell_fork_child(void)
{
    for (struct bell *bell = bells.first; bell; bell = bell->next)
        os_close(bell->descriptor);
    bells.first = NULL;
    base_spin_unlock(&bells.lock);
}
