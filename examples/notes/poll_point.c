/* A loop that can be stopped. Note S4-T3-poll.
 *
 * Python: an object with `_running`, a terminate() that clears it, and a loop that looks at it
 * every 2 s (the "poll point"). In C a plain bool would be a race; plait has the flag built in,
 * and a cancelled sleep ends at once, not 2 s later. */
#include "notes.h"

static int run(void *arg)
{
    while (!plait_is_canceled()) {
        printf("%d s  running\n", now());
        if (plait_sleep(in(2)) < 0)
            break;
    }
    printf("%d s  stopped\n", now());
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_task *task;
    plait_start(&task, carrier, run, NULL, NULL);
    plait_sleep(in(5));
    plait_cancel(task);
    plait_join(task, NULL, PLAIT_NEVER);
    printf("%d s  joined\n", now());
}
