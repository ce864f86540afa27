/* Records of tasks that have no stack of plait's to lie on: threads, processes, the main task, and
 * foreign threads that call plait. */
#include "base/report.h"
#include "base/settings.h"
#include "base/spin.h"
#include "os/os.h"
#include "task/task.h"

#include <stdlib.h>

static struct {
    base_spin lock;
    struct task_record *free;
    struct task_record main;
    struct task_record *main_now; /* &main, or what a fork has made the main task */
    bool has_main;
    pthread_key_t leaving; /* a foreign thread ends */
} records;

struct task_record *task_main(void)
{
    return records.main_now;
}

void task_main_set(struct task_record *record)
{
    records.main_now = record;
}

/* From the list of those used before: their memory stays what it is for ever, because a waker may
 * look at a wait_self late. */
struct task_record *record_new(void)
{
    base_spin_lock(&records.lock);
    struct task_record *record = records.free;
    if (record)
        records.free = record->next_free;
    base_spin_unlock(&records.lock);
    if (!record && !(record = os_alloc(sizeof *record)))
        return NULL;
    struct task_process *memory = record->process_memory;
    *record = (struct task_record){.process_memory = memory};
    wait_self_init(&record->co.self, &wait_thread_carrier);
    return record;
}

void record_free(struct task_record *record)
{
    if (record->flags & TASK_IS_MAIN)
        return;
    base_spin_lock(&records.lock);
    record->next_free = records.free;
    records.free = record;
    base_spin_unlock(&records.lock);
}

struct task_record *task_me(void)
{
    return (struct task_record *)wait_me();
}

const char *record_name(struct task_record *record)
{
    static const char *const kinds[] = {"task", "process", "thread", "coroutine"};
    if (atom_load(&record->name[0], ACQUIRE))
        return record->name;
    if (record->flags & TASK_IS_MAIN)
        return "main";
    base_spin_lock(&records.lock); /* so that two who ask at once do not write at once */
    if (!record->name[0]) {
        char name[TASK_NAME];
        base_format(name, sizeof name, "%s-%lu", kinds[record->carrier],
                    (unsigned long)record->id - 1);
        memcpy(record->name + 1, name + 1, sizeof name - 1);
        atom_store(&record->name[0], name[0], RELEASE);
    }
    base_spin_unlock(&records.lock);
    return record->name;
}

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
    slot_free(record->slot);
    record_free(record);
}

static void record_enter(struct task_record *record, uint32_t number, struct task_slot *slot)
{
    record->slot = number;
    record->id = slot->id = task_next_id();
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
    pthread_key_create(&records.leaving, foreign_leaves);
    fork_prepare_once();
}

/* The first call of plait on a thread that it did not start. The first such thread is the main
 * task. */
static struct wait_self *adopt(void)
{
    bool first = false;
    atom_cas(&records.has_main, &first, true, ACQ_REL);
    uint32_t number;
    struct task_record *record = first ? record_new() : &records.main;
    struct task_slot *slot = record ? slot_new(&number) : NULL;
    if (!slot)
        base_misuse(NULL, "thread", NULL, "no memory for its first call of plait");
    if (first) {
        record->flags = TASK_IS_FOREIGN;
        record->carrier = PLAIT_THREAD;
        pthread_setspecific(records.leaving, record);
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

__attribute__((constructor(102))) static void record_begin(void)
{
    wait_adopt = adopt;
}
