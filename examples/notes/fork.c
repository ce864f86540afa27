/* fork itself. Note S2-8-fork.
 *
 * Python: os.fork returns twice, 0 in the child, the child's id in the parent; getppid leads
 * back. The note asks what replaces it: plait_start. But fork is allowed, also while tasks run:
 * plait is repaired in the child, and both go on with timers, locks and tasks. What ran beside
 * the caller runs on in the parent only; a lock that it held is left in the child by a holder
 * who is not there. */
#include "notes.h"
#include <sys/wait.h>

static plait_lock lock;
static plait_event is_held;

static int hold(void *arg)
{
    plait_with (&lock) {
        plait_event_set(&is_held);
        plait_sleep(in(1));
    }
    printf("coroutine: had the lock for a second\n");
    return 0;
}

static int work(void *who)
{
    plait_sleep(in(1));
    printf("%s: a new coroutine slept\n", (char *)who);
    return 7;
}

int main(int argc, char **argv)
{
    begin(argc, argv, PLAIT_PROCESS);
    plait_task *task;
    int status = 0;
    pid_t main_pid = getpid();
    plait_start(NULL, PLAIT_COROUTINE, hold, NULL, NULL);
    if (plait_event_wait(&is_held, PLAIT_NEVER) < 0)
        return 1;

    pid_t pid = fork();
    const char *who = pid == 0 ? "child" : "parent";
    if (pid == 0)
        printf("child: my parent is %s\n", getppid() == main_pid ? "main" : "somebody else");
    int rc = plait_lock_acquire(&lock, PLAIT_NEVER);
    printf("%s: the lock: %s\n", who, code(rc));
    plait_lock_mend(&lock);
    plait_lock_release(&lock);
    plait_start(&task, PLAIT_COROUTINE, work, (char *)who, NULL);
    plait_join(task, &status, PLAIT_NEVER);
    printf("%s: joined, status %d\n", who, status);
    return pid == 0 ? 0 : waitpid(pid, &status, 0) != pid || status != 0;
}
