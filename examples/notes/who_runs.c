/* Who runs? Note S0-3.4-introspect.
 *
 * Python: current_thread().name and ident, enumerate(), active_count(): main and two more are 3.
 * Here one call lists the tasks of every carrier with their states. */
#include "notes.h"

static int func(void *arg)
{
    printf("%s --> %s, id %s\n", (char *)arg, plait_task_name(NULL),
           plait_task_id(NULL) == plait_task_id(plait_self()) ? "its own" : "wrong");
    return plait_sleep(in(2));
}

static void show(plait_task *task, void *arg)
{
    if (task != plait_self())
        printf("  %s, %s\n", plait_task_name(task), plait_is_alive(task) ? "alive" : "ended");
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_start(NULL, carrier, func, "0", &(plait_start_options){.name = "first"});
    plait_start(NULL, carrier, func, "1", &(plait_start_options){.name = "second"});
    plait_sleep(in(1));
    int count = plait_tasks_visit(show, NULL);
    printf("alive: %d\n", count);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("all have ended\n");
    return failed;
}
