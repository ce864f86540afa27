/* The thread's interface, and its mistakes. Note S1-7-thrapi.
 *
 * Python: a default name, name get and set, current_thread, is_alive, join(timeout); errors for
 * a daemon flag set too late, a join of oneself, a second start, a join before the start. Here a
 * late flag, a second start and an early join cannot be written; to wait for oneself is an
 * error; a second join stops the program and says so: `thread_api thread twice`. */
#include "notes.h"

static int work(void *arg)
{
    printf("join of myself: %s\n", code(plait_join(plait_self(), NULL, PLAIT_NEVER)));
    return plait_sleep(PLAIT_NEVER);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_task *task;
    plait_start(&task, carrier, work, NULL, NULL);
    printf("default name %s\n", plait_task_name(task));
    plait_task_set_name(NULL, "boss");
    printf("my name %s\n", plait_task_name(NULL));
    int rc = plait_join(task, NULL, in(1));
    printf("join for 1 s: %s, alive %d\n", code(rc), plait_is_alive(task));
    printf("daemon %d\n", plait_task_is_daemon(task));
    plait_cancel(task);
    rc = plait_join(task, NULL, PLAIT_NEVER);
    printf("join: %s\n", code(rc));
    if (argc > 2 && strcmp(argv[2], "twice") == 0)
        rc = plait_join(task, NULL, PLAIT_NEVER);
}
