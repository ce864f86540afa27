/* Join, detach, cancel, terminate, kill. */
#include "base/report.h"
#include "os/os.h"
#include "task/process.h"
#include "task/scope.h"
#include "wait/look.h"

#include <errno.h>
#include <signal.h>

struct join {
    struct task_slot *slot;
    uint32_t serial;
    void *place;
};

static int join_attempt(void *object)
{
    struct join *join = object;
    if (atom_load(&join->slot->serial, ACQUIRE) != join->serial)
        base_misuse(join->slot, "task", join->place, "joined twice at the same time");
    return task_has_ended(join->slot) ? 0 : -EAGAIN;
}

static int join_words(void *object, struct wait_word *words)
{
    struct join *join = object;
    uint32_t seen = atom_or(&join->slot->state, TASK_JOINED, ACQ_REL);
    words[0] = (struct wait_word){.word = &join->slot->state, .seen = seen | TASK_JOINED};
    return (seen & TASK_STATE) < PLAIT_DONE;
}

/* The pthread is joined too: shortly, because the task's end was its last act but for libc's own
 * clean-up. */
static void give_back(struct task_slot *slot, uint32_t number)
{
    struct task_record *record = slot_record(slot);
    if (record && record->carrier == PLAIT_THREAD && !(record->flags & TASK_IS_FIBER))
        pthread_join(record->thread, NULL);
    task_give_back(number);
}

/* One that runs on after a detach has its slot still; whoever asks has no part in it any more. */
static void check_given(const struct task_slot *slot, const plait_task *task, const char *verb,
                        void *place)
{
    if (unlikely(atom_load(&slot->state, RELAXED) & TASK_LOOSE))
        base_misuse(task, "task", place,
                    "%s with a handle that is none: it was given back by a detach, or is borrowed",
                    verb);
}

int plait_join(plait_task *task, int *status, int64_t deadline)
{
    static const struct wait_call call = {join_attempt, join_words, "join", "task"};
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    if (!task)
        return -EINVAL;
    struct task_slot *slot = slot_of(task, "join", place);
    if (slot_record(slot) == task_me())
        return -EDEADLK;
    check_given(slot, task, "join", place);
    struct join join = {slot, atom_load(&slot->serial, RELAXED), place};
    wait_on_holders(wait_current, task_holders, true);
    int rc = wait_until(&call, &join, task, deadline, place);
    wait_on_holders(wait_current, NULL, true);
    if (rc < 0)
        return rc;
    if (status)
        *status = slot->status;
    give_back(slot, slot_number(task));
    return 0;
}

void plait_detach(plait_task *task)
{
    void *place = __builtin_return_address(0);
    if (!task)
        return;
    struct task_slot *slot = slot_of(task, "detach", place);
    struct task_record *record = slot_record(slot);
    check_given(slot, task, "detach", place);
    if (record && record->carrier == PLAIT_THREAD && !(record->flags & TASK_IS_FIBER))
        pthread_detach(record->thread);
    struct task_record *me = task_me();
    if (unlikely(me->block != NULL) || block_is_inside(me))
        block_let_go(slot, me);
    uint32_t old = atom_or(&slot->state, TASK_LOOSE, ACQ_REL);
    if ((old & TASK_STATE) >= PLAIT_DONE && !(old & TASK_LOOSE))
        task_give_back(slot_number(task));
}

/* The record of a task that still runs; NULL: it has ended, nothing is left to do. */
static struct task_record *running(plait_task *task, const char *verb, void *place)
{
    struct task_slot *slot = slot_of(task, verb, place);
    return task_has_ended(slot) ? NULL : slot_record(slot);
}

void plait_cancel(plait_task *task)
{
    struct task_record *record = running(task, "cancel", __builtin_return_address(0));
    if (!record)
        return;
    if (record->carrier == PLAIT_PROCESS && record->process)
        process_cancel(record);
    else
        wait_cancel(&record->co.self);
}

int plait_terminate(plait_task *task)
{
    struct task_record *record = running(task, "terminate", __builtin_return_address(0));
    if (!record)
        return 0;
    if (record->process)
        return process_signal(record, SIGTERM, record->process->grace);
    wait_cancel(&record->co.self);
    return 0;
}

int plait_kill(plait_task *task)
{
    struct task_record *record = running(task, "kill", __builtin_return_address(0));
    if (!record)
        return 0;
    return record->process ? process_signal(record, SIGKILL, 0) : -ENOTSUP;
}
