/* A daemon that would loop for ever. Notes S3-1.1-daemon, S4-T2-flags.
 *
 * Python: p.daemon = True before start, and the loop ends with main's code, perhaps in mid-task.
 * The note's `p.deamon` is accepted in silence, and that program never ends; here a misspelt
 * field does not compile, and there is no setter to call too late. */
#include "notes.h"

static int son(void *arg)
{
    do
        printf("%d s  start\n", now());
    while (plait_sleep(in(1)) == 0);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_task *task;
    plait_start(&task, carrier, son, NULL, &(plait_start_options){.daemon = true});
    plait_sleep(in(5));
    printf("%d s  main: daemon %d, alive %d\n", now(), plait_task_is_daemon(task),
           plait_is_alive(task));
    plait_detach(task);
}
