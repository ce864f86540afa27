/* Start a child process. Note S0-2.1.1-start.
 *
 * Python: main prints its parent's id and its own, then the child, whose parent is main. Here
 * the same; the note's guard `if __name__ == '__main__'` is not needed, because a child never
 * runs main. On threads and coroutines the ids stay. */
#include "notes.h"

static int func(void *arg)
{
    printf("func: ppid %d, pid %d\n", getppid(), getpid());
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    printf("main: ppid %d, pid %d\n", getppid(), getpid());
    plait_start(NULL, carrier, func, NULL, NULL);
    return plait_join_all(PLAIT_NEVER);
}
