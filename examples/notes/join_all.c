/* Four children, joined in turn. Note S0-2.2-joinall.
 *
 * Python: four processes sleep for 2 s at the same time, so all lines come at 2 s (not 8), in
 * any order; then main sleeps for 1 s and ends. */
#include "notes.h"

static int func(void *number)
{
    plait_sleep(in(2));
    printf("%d s  func%ld\n", now(), (long)number);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    plait_task *tasks[4];
    printf("%d s  main\n", now());
    for (long i = 0; i < 4; i++)
        plait_start(&tasks[i], carrier, func, (void *)(i + 1), NULL);
    for (int i = 0; i < 4; i++)
        plait_join(tasks[i], NULL, PLAIT_NEVER);
    plait_sleep(in(1));
    printf("%d s  end\n", now());
}
