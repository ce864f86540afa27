/* What can be asked of a task. */
#include "base/report.h"
#include "os/os.h"
#include "task/server.h"

#include <plait/time.h>

#include <errno.h>
#include <unistd.h>

#define PLACE __builtin_return_address(0)

void (*task_blocks_begin)(void), (*task_blocks_end)(void);

plait_task *plait_self(void)
{
    return slot_handle(task_me()->slot);
}

bool plait_is_canceled(void)
{
    child_look(task_me());
    return wait_was_canceled(wait_me());
}

/* RUNNING or WAITING of a task that has not ended. A process tells by its page. */
static plait_state state_now(const struct task_record *record)
{
    struct task_page page;
    if (record && record->process)
        return process_peek(record->process, &page) && page.state == PLAIT_WAITING ? PLAIT_WAITING
                                                                                   : PLAIT_RUNNING;
    return record && atom_load(&record->co.self.note.verb, ACQUIRE) ? PLAIT_WAITING : PLAIT_RUNNING;
}

plait_state plait_task_state(const plait_task *task)
{
    struct task_slot *slot = slot_of(task, "state", PLACE);
    plait_state state = atom_load(&slot->state, ACQUIRE) & TASK_STATE;
    return state == PLAIT_RUNNING ? state_now(slot_record(slot)) : state;
}

bool plait_is_alive(const plait_task *task)
{
    return !task_has_ended(slot_of(task, "is_alive", PLACE));
}

uint64_t plait_task_id(const plait_task *task)
{
    return atom_load(&slot_of(task, "id", PLACE)->id, RELAXED);
}

int plait_task_descriptor(plait_task *task)
{
    struct task_slot *slot = slot_of(task, "descriptor", PLACE);
    return bell_new(slot, slot_number(task ? task : plait_self()), slot->serial);
}

pid_t plait_task_pid(const plait_task *task)
{
    struct task_record *record = slot_record(slot_of(task, "pid", PLACE));
    return record && record->process ? record->process->pid : getpid();
}

plait_carrier plait_task_carrier(const plait_task *task)
{
    return (plait_carrier)(atom_load(&slot_of(task, "carrier", PLACE)->flags, RELAXED) >> 16);
}

/* A coroutine that has ended has no record any more: one is made for who still wants its name, and
 * goes with the handle. Not for a visitor, because the handle is not his: it may be given back
 * before the record comes to lie in the slot, and then nobody would free it. */
static struct task_record *record_again(const plait_task *task, struct task_slot *slot)
{
    struct task_record *record = slot_record(slot), *none = NULL;
    if (record || !task_has_ended(slot) || slot_is_visited(task) || !(record = record_new()))
        return record;
    record->id = slot->id;
    record->carrier = (plait_carrier)(slot->flags >> 16);
    record->flags = TASK_IS_FIBER;
    if (!atom_cas(&slot->record, &none, record, ACQ_REL)) {
        record_free(record); /* another one asked at the same time */
        record = none;
    }
    return record;
}

const char *task_name_hint(const plait_task *task)
{
    struct task_slot *slot = slot_find(task);
    struct task_record *record = slot ? slot_record(slot) : NULL;
    return record ? record_name(record) : "(ended)";
}

const char *plait_task_name(const plait_task *task)
{
    struct task_record *record = record_again(task, slot_of(task, "name", PLACE));
    return record ? record_name(record) : "(ended)";
}

void plait_task_set_name(plait_task *task, const char *name)
{
    struct task_record *record = record_again(task, slot_of(task, "set_name", PLACE));
    if (record)
        record_rename(record, name);
}

bool plait_task_is_daemon(const plait_task *task)
{
    return atom_load(&slot_of(task, "is_daemon", PLACE)->flags, RELAXED) & TASK_HAS_DAEMON;
}

int plait_task_status(const plait_task *task, int *status)
{
    struct task_slot *slot = slot_of(task, "status", PLACE);
    if (!task_has_ended(slot))
        return -EAGAIN;
    if (status)
        *status = atom_load(&slot->status, RELAXED);
    return 0;
}

bool plait_task_dumped_core(const plait_task *task)
{
    struct task_slot *slot = slot_of(task, "dumped_core", PLACE);
    return task_has_ended(slot) && slot->flags & TASK_HAS_CORE;
}

static bool visit_one(plait_task *task, const struct task_slot *slot,
                      void (*visit)(plait_task *task, void *arg), void *arg)
{
    struct task_visit **visits = slot_visits(), one = {.task = task, .outer = *visits};
    one.copy.state = PLAIT_DONE;
    one.copy.flags = atom_load(&slot->flags, RELAXED);
    one.copy.id = atom_load(&slot->id, ACQUIRE); /* before the look at the serial */
    if (slot_find(task) != slot)
        return false; /* it left meanwhile, and what was copied may be another's */
    *visits = &one;
    visit(task, arg);
    *visits = one.outer;
    return true;
}

int plait_tasks_visit(void (*visit)(plait_task *task, void *arg), void *arg)
{
    int count = 0;
    if (!slot_limit())
        task_me(); /* the caller is a task too, but for plait's own threads */
    for (uint32_t i = 0; i < slot_limit(); i++) {
        plait_task *task = slot_handle(i);
        struct task_slot *slot = slot_find(task);
        if (!slot || !slot_record(slot) || task_has_ended(slot))
            continue;
        count += !visit || visit_one(task, slot, visit, arg);
    }
    return count;
}

void plait_yield(void)
{
    task_me();
    wait_pass_time();
    sched_yield_now();
}

int plait_blocking(plait_function *function, void *arg)
{
    if (!function)
        return -EINVAL;
    struct task_record *me = task_me();
    task_check_blocking(me, PLACE);
    if (likely(!me->job))
        return sched_blocking(function, arg);
    task_blocks_begin();
    int rc = sched_blocking(function, arg);
    task_blocks_end();
    return rc;
}

static void see_coroutine(plait_task *task, void *arg)
{
    *(bool *)arg |= plait_task_carrier(task) == PLAIT_COROUTINE;
}

int (*task_quiesce)(int64_t deadline, void *place);

int plait_quiesce(int64_t deadline)
{
    bool coroutines = false;
    WAIT_CHECK_DEADLINE(deadline);
    plait_tasks_visit(see_coroutine, &coroutines);
    if (coroutines)
        return -EBUSY;
    server_end();
    int rc = sched_quiesce(deadline, PLACE);
    return rc == 0 && task_quiesce ? task_quiesce(deadline, PLACE) : rc;
}
