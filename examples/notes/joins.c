/* Three threads, joined. Notes S0-3.3-join, S4-T4-join.
 *
 * Python: start:0 1 2, a second later the ends in any order, and main's line last: join is how
 * main waits for the others. */
#include "notes.h"

static int func(void *i)
{
    printf("%d s  start:%ld\n", now(), (long)i);
    plait_sleep(in(1));
    printf("%d s  end:%ld\n", now(), (long)i);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_task *tasks[3];
    for (long i = 0; i < 3; i++)
        plait_start(&tasks[i], carrier, func, (void *)i, NULL);
    for (int i = 0; i < 3; i++)
        plait_join(tasks[i], NULL, PLAIT_NEVER);
    printf("%d s  all have ended\n", now());
}
