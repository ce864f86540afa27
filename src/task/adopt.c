/* Threads that plait did not start become tasks at their first call of plait; the first of them is the
 * main task. */
#include "base/report.h"
#include "base/settings.h"
#include "task/task.h"

static bool has_main;
static pthread_key_t leaving; /* a foreign thread ends */

static const char *name_of_co(const struct sched_co *co)
{
    return record_name((struct task_record *)co);
}

/* A thread that plait did not start ends: its record and slot are free. */
static void foreign_leaves(void *value)
{
    struct task_record *record = value;
    locals_destroy(record);
    task_finish_children(record);
    wait_current = NULL;
    if (wait_deterministic)
        sched_real_event(-1);
    task_publish(record->slot, PLAIT_DONE, 0);
}

static void record_enter(struct task_record *record, uint32_t number, struct task_slot *slot)
{
    record->slot = number;
    record->id = slot->id = record_next_id();
    slot_set_record(slot, record);
    slot->flags = (uint32_t)record->carrier << 16;
    atom_store(&slot->state, PLAIT_RUNNING | TASK_LOOSE, RELEASE);
    wait_current = &record->co.self;
}

static void adopt_main(struct task_record *record)
{
    task_main_set(record);
    record->flags = TASK_IS_MAIN;
    record->carrier = PLAIT_PROCESS;
    wait_self_init(&record->co.self, &wait_thread_carrier);
    sched_hooks.name = name_of_co;
    pthread_key_create(&leaving, foreign_leaves);
    fork_prepare_once();
}

/* The first call of plait on a thread that it did not start. The first such thread is the main
 * task. */
struct wait_self *task_adopt(void)
{
    bool first = false;
    atom_cas(&has_main, &first, true, ACQ_REL);
    uint32_t number;
    struct task_record *record = first ? record_new() : record_of_main();
    struct task_slot *slot = record ? slot_new(&number) : NULL;
    if (!slot)
        base_misuse(NULL, "thread", NULL, "no memory for its first call of plait");
    if (first) {
        record->flags = TASK_IS_FOREIGN;
        record->carrier = PLAIT_THREAD;
        pthread_setspecific(leaving, record);
    } else {
        adopt_main(record);
    }
    record_enter(record, number, slot);
    if (wait_deterministic)
        sched_real_event(1);
    else if (!first && base_settings()->deterministic)
        sched_begin_deterministic(&record->co, base_settings()->seed);
    return &record->co.self;
}
