/* Ended children do not stay as zombies. Note S0-1.1-zombie.
 *
 * Python: children that nobody joins stay in the process table (`Z` in ps) until the next start.
 * Here each is reaped when it ends, also while main computes without a call to plait, and its
 * status waits for a later join. */
#include "notes.h"

static int end(void *number)
{
    return (int)(long)number;
}

/* Processes of these that the kernel still lists, as zombies or alive. */
static int listed(const pid_t *pids, int count)
{
    char path[40];
    int found = 0;
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/proc/%d", pids[i]);
        found += access(path, F_OK) == 0;
    }
    return found;
}

int main(int argc, char **argv)
{
    plait_task *tasks[50];
    pid_t pids[50];
    begin(argc, argv, PLAIT_PROCESS);
    for (long i = 0; i < 50; i++) {
        plait_start(&tasks[i], PLAIT_PROCESS, end, (void *)i, NULL);
        pids[i] = plait_task_pid(tasks[i]);
    }
    for (int look = 0; look < 200 && listed(pids, 50) > 0; look++)
        usleep(10000);
    printf("left in the process table: %d\n", listed(pids, 50));
    int right = 0;
    for (int i = 0, status; i < 50; i++)
        right += plait_join(tasks[i], &status, PLAIT_NEVER) == 0 && status == i;
    printf("statuses still right: %d\n", right);
}
