/* What a task's end rings: descriptors that become readable, and functions of queues.
 *
 * Obvious idea: a pidfd for a process, and an eventfd in each record for the others. But a process
 * is over some microseconds before its status is there, and a coroutine's record lies on its stack,
 * which goes to the next one at the end. Instead: a list of bells beside the table, and a bit in
 * the slot's word, so that tasks nobody watches pay one test.
 *   1. plait_task_descriptor puts the bell into the list, then sets TASK_BELL in slot.state
 *   2. the end swaps slot.state; it rings when it saw TASK_BELL
 *   3. whoever of 1 finds the end in what was there before rings himself: so one of the two does
 * Both numbers of the handle name a bell, since the slot may serve another task while 2 still
 * looks. A bell that was rung is kept for the next one: the watcher rings too, and never frees
 * memory. */
#include "base/spin.h"
#include "os/os.h"
#include "task/task.h"

#include <errno.h>

struct bell {
    struct bell *next;
    uint32_t slot, serial;
    int descriptor;              /* of our own, because the user may close his */
    void (*function)(void *arg); /* instead of a descriptor; NULL: there is one */
    void *arg;
};

static struct {
    base_spin lock; /* guards all below */
    struct bell *first, *free;
} bells;

static bool bell_is(const struct bell *bell, uint32_t slot, uint32_t serial, const void *arg)
{
    return arg ? bell->arg == arg : bell->slot == slot && bell->serial == serial;
}

/* The first of that task, or else of that argument, out of the list; NULL: none is left. */
static struct bell *bell_pick(uint32_t slot, uint32_t serial, const void *arg)
{
    base_spin_lock(&bells.lock);
    struct bell **at = &bells.first, *bell;
    while ((bell = *at) && !bell_is(bell, slot, serial, arg))
        at = &bell->next;
    if (bell)
        *at = bell->next;
    base_spin_unlock(&bells.lock);
    return bell;
}

static void bell_put(struct bell **list, struct bell *bell)
{
    base_spin_lock(&bells.lock);
    bell->next = *list;
    *list = bell;
    base_spin_unlock(&bells.lock);
}

/* One by one, because a function must not be called under the lock. */
void bell_ring(uint32_t slot, uint32_t serial)
{
    struct bell *bell;
    while ((bell = bell_pick(slot, serial, NULL))) {
        void (*function)(void *arg) = bell->function;
        void *arg = bell->arg;
        if (!function) {
            os_event_signal(bell->descriptor);
            os_close(bell->descriptor);
        }
        bell_put(&bells.free, bell);
        if (function)
            function(arg);
    }
}

int bells_forget(const void *arg)
{
    int count = 0;
    for (struct bell *bell; (bell = bell_pick(0, 0, arg)); count++)
        bell_put(&bells.free, bell);
    return count;
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

/* Steps 1 and 3. */
static void bell_hang(struct bell *bell, struct task_slot *slot, uint32_t number, uint32_t serial)
{
    bell->slot = number;
    bell->serial = serial;
    bell_put(&bells.first, bell);
    uint32_t old = atom_or(&slot->state, TASK_BELL, ACQ_REL);
    if ((old & TASK_STATE) >= PLAIT_DONE || atom_load(&slot->serial, ACQUIRE) != serial)
        bell_ring(number, serial);
}

int bell_new(struct task_slot *slot, uint32_t number, uint32_t serial)
{
    struct bell *bell = bell_take();
    if (!bell)
        return -ENOMEM;
    bell->function = NULL;
    bell->arg = NULL;
    int theirs = bell_open(bell);
    if (theirs < 0)
        bell_put(&bells.free, bell);
    else
        bell_hang(bell, slot, number, serial);
    return theirs;
}

int task_on_end(plait_task *task, void (*function)(void *arg), void *arg, void *place)
{
    struct task_slot *slot = slot_of(task, "watch", place);
    struct bell *bell = bell_take();
    if (!bell)
        return -ENOMEM;
    bell->function = function;
    bell->arg = arg;
    bell_hang(bell, slot, slot_number(task), atom_load(&slot->serial, RELAXED));
    return 0;
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
        if (!bell->function)
            os_close(bell->descriptor);
    bells.first = NULL;
    base_spin_unlock(&bells.lock);
}
