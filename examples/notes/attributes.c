/* Name, pid, is it alive; end it by force. Note S0-2.3-attrs.
 *
 * Python: name "MyProcess-1", ident equal to pid, is_alive True; terminate is asynchronous, 10
 * ms later is_alive is False, and the exit code is -15. Here the status tells a signal from a
 * return. A thread or coroutine cannot be killed safely: terminate cancels it, that is, its wait
 * ends with -ECANCELED. */
#include "notes.h"

static int func(void *arg)
{
    return plait_sleep(PLAIT_NEVER);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_task *task;
    int status = 0;
    plait_start(&task, carrier, func, NULL, NULL);
    printf("name %s\n", plait_task_name(task));
    printf("pid %d, main's pid %d\n", plait_task_pid(task), getpid());
    printf("alive: %s\n", plait_is_alive(task) ? "yes" : "no");
    printf("status now: %s\n", code(plait_task_status(task, &status)));
    plait_terminate(task);
    while (plait_is_alive(task))
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    printf("alive: %s\n", plait_is_alive(task) ? "yes" : "no");
    plait_join(task, &status, PLAIT_NEVER);
    printf("status: %s\n", code(status));
}
