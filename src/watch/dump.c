/* plait_dump: one line a task. */
#include "base/report.h"
#include "os/os.h"
#include "task/task.h"

#include <plait/time.h>
#include <plait/watch.h>

#include <unistd.h>

enum { FRAMES = 32 };

struct dump {
    int descriptor;
    bool stacks;
    int threads; /* whose stacks are not shown */
};

static const char *const carriers[] = {"?", "process", "thread", "coroutine"};
static const char *const states[] = {"pending", "running", "waiting", "done", "failed", "canceled"};

static void dump_wait(char *line, size_t size, plait_task *task)
{
    plait_wait_info wait;
    char place[128];
    if (plait_task_waits(task, &wait) != 0)
        return;
    int used = base_format(line, size, ": %s %s for %ld ms", wait.verb, wait.object,
                           (long)((wait_now() - wait.since) / PLAIT_MILLISECOND));
    if (wait.holder && (size_t)used < size)
        used += base_format(line + used, size - (size_t)used, ", held by '%s'",
                            task_name_hint(wait.holder));
    if (wait.place && (size_t)used < size)
        base_format(line + used, size - (size_t)used, ", at %s",
                    base_place(wait.place, place, sizeof place));
}

/* Of coroutines only, because one that sleeps has left its registers on its stack, while a thread
 * has them in its CPU. */
static void dump_stack(struct dump *dump, const plait_task *task)
{
    void *frames[FRAMES];
    char line[192], place[128];
    const struct task_slot *slot = slot_find(task);
    const struct task_record *record = slot ? slot_record(slot) : NULL;
    const struct wait_carrier *carrier =
        record ? atom_load(&record->co.self.carrier, RELAXED) : NULL;
    bool fiber = carrier && carrier->is_coroutine; /* none: its record is being made another's */
    int count = fiber ? sched_co_frames(&record->co, frames, FRAMES) : 0;
    dump->threads += !fiber;
    for (int i = 0; i < count; i++) {
        int length = base_format(line, sizeof line, "      %d %s\n", i,
                                 base_place(frames[i], place, sizeof place));
        os_write(dump->descriptor, line, (size_t)length);
    }
}

static void dump_task(plait_task *task, void *arg)
{
    struct dump *dump = arg;
    char line[512];
    plait_state state = plait_task_state(task);
    int used = base_format(line, sizeof line - 1, "  %lu %s '%s' (pid %d) %s",
                           (unsigned long)plait_task_id(task), carriers[plait_task_carrier(task)],
                           plait_task_name(task), (int)plait_task_pid(task), states[state]);
    if (state == PLAIT_WAITING && (size_t)used < sizeof line - 1)
        dump_wait(line + used, sizeof line - 1 - (size_t)used, task);
    size_t length = strlen(line);
    line[length] = '\n';
    os_write(dump->descriptor, line, length + 1);
    if (dump->stacks)
        dump_stack(dump, task);
}

void plait_dump(int descriptor, bool stacks)
{
    struct dump dump = {descriptor, stacks, 0};
    char line[128];
    plait_counters counters;
    plait_counters_read(&counters);
    int length = base_format(line, sizeof line, "plait: %lu tasks, %lu workers, %lu switches\n",
                             (unsigned long)counters.tasks, (unsigned long)counters.workers,
                             (unsigned long)counters.switches);
    os_write(descriptor, line, (size_t)length);
    plait_tasks_visit(dump_task, &dump);
    if (dump.threads) {
        length = base_format(line, sizeof line,
                             "  stacks of %d threads and processes: gdb -p %d shows them\n",
                             dump.threads, (int)getpid());
        os_write(descriptor, line, (size_t)length);
    }
}
