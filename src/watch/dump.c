/* plait_dump: one line a task. */
#include "base/report.h"
#include "os/os.h"
#include "task/task.h"

#include <plait/time.h>
#include <plait/watch.h>

struct dump {
    int descriptor;
    bool stacks;
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
}

void plait_dump(int descriptor, bool stacks)
{
    struct dump dump = {descriptor, stacks};
    char line[128];
    plait_counters counters;
    plait_counters_read(&counters);
    int length = base_format(line, sizeof line, "plait: %lu tasks, %lu workers, %lu switches\n",
                             (unsigned long)counters.tasks, (unsigned long)counters.workers,
                             (unsigned long)counters.switches);
    os_write(descriptor, line, (size_t)length);
    plait_tasks_visit(dump_task, &dump);
}
