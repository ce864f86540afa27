/* Threads that plait did not start become tasks at their first call of plait; the program's own
 * first one is the main task. */
#include "base/report.h"
#include "base/settings.h"
#include "image/image.h"
#include "os/os.h"
#include "task/task.h"
#include "wait/look.h"

#include <unistd.h>

void (*task_first_use)(void);
static pthread_key_t leaving; /* a foreign thread ends */
static bool told;             /* of its end: `leaving` is a key */

static const char *name_of_co(const struct sched_co *co)
{
    return record_name((struct task_record *)co);
}

/* A thread that plait did not start ends: its record and slot are free. */
static void foreign_leaves(void *value)
{
    struct task_record *record = value;
    locals_destroy(record);
    task_check_end(record);
    task_finish_children(record);
    wait_current = NULL;
    if (wait_deterministic)
        sched_real_event(-1);
    task_publish(record->slot, PLAIT_DONE, 0);
}

static void record_enter(struct task_record *record, uint32_t number, struct task_slot *slot)
{
    record->slot = number;
    record->id = record_next_id();
    atom_store(&slot->id, record->id, RELAXED);
    slot_set_record(slot, record);
    atom_store(&slot->flags, (uint32_t)record->carrier << 16, RELAXED);
    atom_store(&slot->state, PLAIT_RUNNING | TASK_LOOSE, RELEASE);
    wait_current = &record->co.self;
}

static void adopt_prepare(void)
{
    wait_set_modes(wait_deterministic, base_settings()->check);
    atom_store(&wait_look.after, base_settings()->deadlock_after, RELAXED);
    sched_hooks.name = name_of_co;
    told = pthread_key_create(&leaving, foreign_leaves) == 0;
    fork_prepare_once();
    if (task_first_use)
        task_first_use();
}

/* The main task is the program's first thread, whoever calls plait first: another thread ends
 * before the program does. */
static struct task_record *adopt_record(bool is_main)
{
    struct task_record *record = is_main ? record_of_main() : record_new();
    if (!record)
        return NULL;
    record->carrier = is_main ? PLAIT_PROCESS : PLAIT_THREAD;
    record->flags = is_main ? TASK_IS_MAIN : TASK_IS_FOREIGN;
    if (is_main) {
        wait_self_init(&record->co.self, &wait_thread_carrier);
        task_main_set(record);
    } else if (!told || pthread_setspecific(leaving, record) != 0) {
        /* It would be a running task for ever, and by a key that is another's plait would be the
         * one who destroys that one's value. */
        base_misuse(NULL, "thread", NULL, "no thread key for its first call of plait");
    }
    return record;
}

/* The first call of plait on a thread that it did not start. */
struct wait_self *task_adopt(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    bool is_main = os_tid() == getpid() && !task_main();
    uint32_t number;
    pthread_once(&once, adopt_prepare);
    struct task_record *record = adopt_record(is_main);
    struct task_slot *slot = record ? slot_new(&number) : NULL;
    if (!slot)
        base_misuse(NULL, "thread", NULL, "no memory for its first call of plait");
    record_enter(record, number, slot);
    if (wait_deterministic)
        sched_real_event(1);
    else if (is_main && base_settings()->deterministic && !image_is_new())
        sched_begin_deterministic(&record->co, base_settings()->seed);
    return &record->co.self;
}
