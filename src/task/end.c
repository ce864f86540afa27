/* The end of a task, and what waits for it.
 *
 * Order at the end: task-locals are destroyed, what it started without a handle is joined, its slot
 * tells the end in one swap, its starter's scope is counted down. After each of these two
 * publications the object may be gone: a joiner may have given the slot back, a starter may have
 * ended. So the wakes go by address alone. */
#include "base/report.h"
#include "os/os.h"
#include "task/scope.h"

#include <errno.h>
#include <stdlib.h>

bool task_has_ended(const struct task_slot *slot)
{
    return (atom_load(&slot->state, ACQUIRE) & TASK_STATE) >= PLAIT_DONE;
}

/* Gives the slot of an ended task back, and the record that was kept for its handle. */
void task_give_back(uint32_t number)
{
    struct task_record *record = slot_record(slot_at(number));
    slot_set_record(slot_at(number), NULL);
    slot_free(number);
    if (record)
        record_free(record);
}

/* The end in one swap. What joiners read was written before; LOOSE decides who gives the slot back,
 * so that detach and end agree. */
void task_publish(uint32_t number, plait_state state, int status)
{
    struct task_slot *slot = slot_at(number);
    uint32_t serial = slot->serial;
    atom_store(&slot->status, status, RELAXED);
    uint32_t old = atom_load(&slot->state, RELAXED);
    while (!atom_cas(&slot->state, &old, (uint32_t)state | (old & TASK_LOOSE), ACQ_REL))
        ;
    if (unlikely(old & TASK_BELL))
        bell_ring(number, serial);
    if (old & TASK_LOOSE)
        task_give_back(number);
    if (old & TASK_JOINED)
        wait_unpark(&slot->state, INT32_MAX, false);
}

void task_tell_end(struct task_record *record, plait_state state, int status)
{
    struct task_scope *counted_in = record->counted_in;
    bool own = record->inside_own;
    struct task_block *block = block_is_inside(record) ? block_unlink(record, state) : NULL;
    task_publish(record->slot, state, status);
    if (counted_in)
        task_count_out(counted_in, status != 0);
    if (unlikely(block != NULL)) /* last, because it keeps the starter's counter where it is, too */
        block_leave(block, own && state == PLAIT_FAILED, status);
}

static plait_state state_of(const struct task_record *record, int status)
{
    if (status == 0)
        return PLAIT_DONE;
    bool canceled = status == -ECANCELED && wait_was_canceled(&record->co.self);
    return canceled ? PLAIT_CANCELED : PLAIT_FAILED;
}

/* The stack of a coroutine goes to the next one at once; who still has the handle of a named one
 * may ask for the name. */
static struct task_record *record_to_keep(const struct task_record *record, bool loose)
{
    struct task_record *kept = NULL;
    if (!loose && record->flags & TASK_IS_KEPT && (kept = record_new())) {
        kept->id = record->id;
        kept->carrier = PLAIT_COROUTINE;
        memcpy(kept->name, record->name, sizeof kept->name);
    }
    return kept;
}

void task_end(struct task_record *record, int status)
{
    struct task_slot *slot = slot_at(record->slot);
    bool loose = atom_load(&slot->state, RELAXED) & TASK_LOOSE;
    plait_state state = state_of(record, status);
    locals_destroy(record);
    task_check_end(record); /* before others are waited for, who may want what it holds */
    task_finish_children(record);
    if (unlikely(record->block != NULL))
        base_misuse(record->block, "scope", record->block->place, "task '%s' ended inside it",
                    record_name(record));
    BASE_TRACE("end", record, status);
    if (record->flags & TASK_IS_FIBER)
        slot_set_record(slot, record_to_keep(record, loose));
    else
        wait_current = NULL; /* the record may be another's as soon as the end is told */
    task_tell_end(record, state, status);
}

void task_run(struct task_record *record)
{
    BASE_TRACE("start", record, 0);
    int status = record->function(record->arg);
    if (unlikely(record->flags & TASK_IS_MAIN))
        exit(status); /* it forked, and this is the child: the task is the program now */
    task_end(record, status);
}
