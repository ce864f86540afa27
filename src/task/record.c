/* Records of tasks that have no stack of plait's to lie on: threads, processes, the main task, and
 * foreign threads that call plait. Ids and names of all. */
#include "base/report.h"
#include "base/spin.h"
#include "os/os.h"
#include "task/task.h"

static struct {
    base_spin lock;
    struct task_record *free;
    struct task_record main;
    struct task_record *main_now; /* &main, or what a fork has made the main task */
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
    wait_self_init(&record->co.self, &wait_thread_carrier);
    memset((char *)record + sizeof record->co.self, 0, sizeof *record - sizeof record->co.self);
    record->process_memory = memory;
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

static uint64_t last_id;

uint64_t record_next_id(void)
{
    return atom_add(&last_id, 1, RELAXED) + 1;
}

void record_id_set(struct task_record *record, uint64_t id)
{
    record->id = id;
    atom_store(&slot_at(record->slot)->id, id, RELAXED);
    atom_store(&last_id, id, RELAXED);
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

void record_rename(struct task_record *record, const char *name)
{
    base_spin_lock(&records.lock); /* who asks for the name at this moment may be making one up */
    record->flags &= ~(uint32_t)TASK_IS_KEPT;
    record->name[0] = 0;
    if (name && *name) {
        base_format(record->name, sizeof record->name, "%.31s", name);
        record->flags |= TASK_IS_KEPT;
    }
    base_spin_unlock(&records.lock);
}

struct task_record *record_of_main(void)
{
    return &records.main;
}

void record_fork_prepare(void)
{
    base_spin_lock(&records.lock);
}

void record_fork_done(void)
{
    base_spin_unlock(&records.lock);
}

/* Here and not beside task_adopt, because a linker takes nothing from an archive that nobody asks
 * for: adopt.c would stay there. */
__attribute__((constructor(102))) static void record_begin(void)
{
    wait_adopt = task_adopt;
}
