/* start and terminate do not wait, join does. Notes S3-1.2-terminate, S3-1.S-summary.
 *
 * Python: is_alive after start True; after 1 s terminate, is_alive still True, because the
 * system has not yet acted; 10 ms later False. Here too terminate only asks; the join that
 * follows waits for the end and says how it came. */
#include "notes.h"

static int son(void *arg)
{
    do
        printf("%d s  in son\n", now());
    while (plait_sleep(in(1)) == 0);
    return -ECANCELED;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_task *task;
    int status = 0;
    plait_start(&task, carrier, son, NULL, NULL);
    printf("%d s  alive: %d\n", now(), plait_is_alive(task));
    plait_sleep(in(2.5));
    plait_terminate(task);
    printf("%d s  right after terminate: %d\n", now(), plait_is_alive(task));
    int rc = plait_join(task, &status, PLAIT_NEVER);
    printf("%d s  join: %s, status %s\n", now(), code(rc), code(status));
}
