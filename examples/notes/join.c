/* With join and without. Note S0-2.2-join.
 *
 * Python: with join, `end` comes after the child's line, two seconds later; without, `end` comes
 * at once, and the program still waits for the child before it ends. Here too; and join says
 * whether the task ended or my time was up. */
#include "notes.h"

static int func(void *arg)
{
    plait_sleep(in(2));
    printf("%d s  func %s\n", now(), (char *)arg);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_task *task;
    printf("%d s  main\n", now());
    plait_start(&task, carrier, func, "joined", NULL);
    int rc = plait_join(task, NULL, in(1));
    printf("%d s  join for 1 s: %s\n", now(), code(rc));
    if (rc == -ETIMEDOUT) /* otherwise the handle is no more */
        rc = plait_join(task, NULL, PLAIT_NEVER);
    printf("%d s  end: %s\n", now(), code(rc));

    printf("%d s  main again\n", now());
    plait_start(NULL, carrier, func, "not joined", NULL);
    printf("%d s  end again\n", now());
}
