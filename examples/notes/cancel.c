/* A thread ends only by itself. Note S0-3.1-props.
 *
 * Python: the fifth property of threads; there is no way to stop one. Here too nobody can kill a
 * thread or a coroutine, because it may hold locks and memory; but cancel ends its current or
 * next wait, and the loop sees that at once. */
#include "notes.h"

static int work(void *arg)
{
    int rc;
    while ((rc = plait_sleep(in(1))) == 0)
        printf("%d s  works\n", now());
    printf("%d s  sleep said %s\n", now(), code(rc));
    return 7;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_task *task;
    int status = 0;
    plait_start(&task, carrier, work, NULL, NULL);
    if (carrier != PLAIT_PROCESS)
        printf("%d s  kill: %s\n", now(), code(plait_kill(task)));
    plait_sleep(in(2.5));
    plait_cancel(task);
    plait_join(task, &status, PLAIT_NEVER);
    printf("%d s  it returned %d\n", now(), status);
}
