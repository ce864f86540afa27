/* A killed parent leaves no orphan. Note S0-1.1-orphan.
 *
 * Python: `daemon=True` does not survive a crash: SIGKILL the parent, and the child lives on
 * with init as its parent. Here a child is tied to its parent's life unless it is started as
 * .untied. How main sees the end: the writing side of a pipe closes when the last process that
 * has it is gone. */
#include "notes.h"
#include <poll.h>

static int ends[2];

static int child(void *arg)
{
    pid_t pid = getpid();
    return write(ends[1], &pid, sizeof pid) == sizeof pid ? plait_sleep(PLAIT_NEVER) : 1;
}

static int parent(void *untied)
{
    plait_start(NULL, PLAIT_PROCESS, child, NULL, &(plait_start_options){.untied = untied != NULL});
    return plait_sleep(PLAIT_NEVER);
}

static void orphan(const char *kind, void *untied)
{
    plait_task *task;
    pid_t pid;
    int status;
    if (pipe(ends) < 0)
        exit(1);
    plait_start(&task, PLAIT_PROCESS, parent, untied, NULL);
    close(ends[1]);
    if (read(ends[0], &pid, sizeof pid) != sizeof pid)
        exit(1);
    plait_kill(task);
    plait_join(task, &status, PLAIT_NEVER);
    printf("parent of the %s child: %s\n", kind, code(status));
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    printf("%s child %s\n", kind, poll(&end, 1, untied ? 200 : 1000) ? "is gone too" : "lives on");
    if (untied)
        kill(pid, SIGKILL);
    close(ends[0]);
}

int main(int argc, char **argv)
{
    begin(argc, argv, PLAIT_PROCESS);
    orphan("tied", NULL);
    orphan("untied", "yes");
}
