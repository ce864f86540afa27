/* plait_start: a slot, a record, and the carrier's own way to make it run. */
#include "base/report.h"
#include "base/settings.h"
#include "os/os.h"
#include "task/process.h"
#include "task/scope.h"

#include <plait/error.h>

#include <errno.h>
#include <unistd.h>

static void co_main(struct sched_co *co)
{
    task_run((struct task_record *)co);
}

static int co_launch(struct task_record *record)
{
    record->co.main = co_main;
    return sched_co_start(&record->co);
}

/* pthread_exit inside the task: it has ended all the same, and its joiners must hear of it. */
static void thread_left(void *record)
{
    task_end(record, -PLAIT_EFAILED);
}

static void *thread_main(void *arg)
{
    struct task_record *record = arg;
    wait_current = &record->co.self;
    os_thread_name(record_name(record));
    pthread_cleanup_push(thread_left, record);
    task_run(record);
    pthread_cleanup_pop(0);
    return NULL;
}

/* The record of a loose one may be another's before the create returns, so its thread stands here.
 */
static int thread_launch(struct task_record *record, size_t stack, bool loose)
{
    pthread_t thread;
    int rc = os_thread_create(loose ? &thread : &record->thread, thread_main, record, stack);
    if (rc == 0 && loose)
        pthread_detach(thread);
    return rc;
}

/* A thread of deterministic mode is a coroutine with the stack of a thread. */
static struct task_record *record_for(plait_carrier carrier, size_t stack)
{
    bool fiber = carrier == PLAIT_COROUTINE || (carrier == PLAIT_THREAD && wait_deterministic);
    if (!fiber)
        return record_new();
    if (carrier == PLAIT_THREAD && stack < TASK_STACK_THREAD)
        stack = TASK_STACK_THREAD;
    struct sched_co *co = sched_co_new(stack, sizeof(struct task_record) - sizeof(struct sched_co));
    struct task_record *record = (struct task_record *)co;
    if (record)
        record->flags = TASK_IS_FIBER;
    return record;
}

static void record_drop(struct task_record *record)
{
    if (record->flags & TASK_IS_FIBER)
        sched_co_drop(&record->co);
    else
        record_free(record);
}

static int launch(struct task_record *record, const plait_start_options *options, bool loose)
{
    if (record->carrier == PLAIT_PROCESS)
        return process_start(record, options);
    if (record->flags & TASK_IS_FIBER)
        return co_launch(record);
    return thread_launch(record, options->stack, loose);
}

/* Fills the record and its slot; from here on the task could be seen. */
static void record_fill(struct task_record *record, struct task_slot *slot,
                        const plait_start_options *options)
{
    record->co.movable = options->movable;
    if (options->name)
        record_rename(record, options->name);
    record->id = record_next_id();
    if (options->daemon)
        record->flags |= TASK_IS_DAEMON;
    uint32_t flags = (uint32_t)record->carrier << 16 | (options->daemon ? TASK_HAS_DAEMON : 0);
    atom_store(&slot->id, record->id, RELAXED); /* who visits all tasks may be reading both */
    atom_store(&slot->flags, flags, RELAXED);
    slot_set_record(slot, record);
}

/* A start without a handle is counted in the starter's scope before it can end, and any start is
 * listed in the block around; but for daemons. */
static void scope_count(struct task_record *record, struct task_slot *slot, bool loose)
{
    uint32_t state = PLAIT_RUNNING | (loose ? TASK_LOOSE : 0);
    struct task_record *me = task_me();
    if (loose && !(record->flags & TASK_IS_DAEMON)) {
        record->counted_in = scope_here(me);
        atom_add(&record->counted_in->running, 1, RELAXED);
    }
    bool around = unlikely(me->block != NULL) || block_is_inside(me);
    if (around && !(record->flags & TASK_IS_DAEMON))
        block_enter(record, me);
    atom_store(&slot->state, state, RELEASE);
}

static int start_failed(struct task_record *record, uint32_t number, int rc)
{
    struct task_block *block = block_is_inside(record) ? block_unlink(record, PLAIT_DONE) : NULL;
    if (record->counted_in) {
        task_count_out(record->counted_in, false);
        block_start_failed(task_me(), rc);
    }
    if (block)
        block_leave(block, false, 0);
    locals_destroy(record);
    record_drop(record);
    slot_free(number);
    return rc;
}

static int start_refused(bool loose, int rc)
{
    if (loose)
        block_start_failed(task_me(), rc);
    return rc;
}

/* A slot and a record with the values that the task inherits; NULL: no memory. */
static struct task_record *record_make(plait_carrier carrier, size_t stack, uint32_t *number)
{
    struct task_slot *slot = slot_new(number);
    struct task_record *record = slot ? record_for(carrier, stack) : NULL;
    if (record && likely(locals_inherit(task_me(), record) == 0)) {
        record->slot = *number;
        record->carrier = carrier;
        return record;
    }
    if (record) {
        locals_destroy(record);
        record_drop(record);
    }
    if (slot)
        slot_free(*number);
    return NULL;
}

int plait_start(plait_task **task, plait_carrier carrier, plait_function *function, void *arg,
                const plait_start_options *options)
{
    static const plait_start_options defaults;
    uint32_t number;
    options = options ? options : &defaults;
    if (task)
        *task = NULL;
    WAIT_POINT();
    task_me();
    exit_prepare();
    int rc = function ? start_options_check(carrier, arg, options) : -EINVAL;
    if (rc < 0)
        return start_refused(!task, rc);
    struct task_record *record = record_make(carrier, options->stack, &number);
    if (!record)
        return start_refused(!task, -ENOMEM);
    record->function = function;
    record->arg = arg;
    record_fill(record, slot_at(number), options);
    plait_task *handle = slot_handle(number);
    scope_count(record, slot_at(number), task == NULL);
    if (task)
        *task = handle;
    bool look_again = block_is_inside(record) && carrier == PLAIT_PROCESS;
    rc = launch(record, options, task == NULL);
    if (rc == 0 && look_again)
        block_look_again(record);
    if (rc == 0)
        return 0;
    if (task)
        *task = NULL;
    return start_failed(record, number, rc);
}
