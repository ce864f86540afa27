/* Start a task, wait for it at most two seconds, and learn what it returned. For a thread or a
 * coroutine change one word. */
#include <plait.h>
#include <stdio.h>

static int work(void *arg)
{
    printf("%s says %s\n", plait_task_name(NULL), (char *)arg);
    return 7;
}

int main(void)
{
    plait_task *task;
    int status;
    plait_start(&task, PLAIT_PROCESS, work, "hello", &(plait_start_options){.name = "worker"});
    if (plait_join(task, &status, plait_after(2 * PLAIT_SECOND)) == 0)
        printf("worker returned %d\n", status);
}
