/* One interface for all carriers. Note S2-2-gil.
 *
 * The note: the lock is CPython's, not Python's; multiprocessing copies threading's interface to
 * get around it. Here there is no such lock, and not two interfaces alike but one: the same
 * function, the same lock, on processes, threads and coroutines. */
#include "notes.h"

struct common {
    plait_lock lock;
    int sum;
};
static struct common *common;

static int add(void *number)
{
    plait_with (&common->lock)
        common->sum += (int)(long)number;
    return 1000;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"", "processes", "threads", "coroutines"};
    begin(argc, argv, PLAIT_PROCESS);
    common = plait_share(sizeof *common);
    plait_lock_init(&common->lock, PLAIT_SHARED);
    for (plait_carrier carrier = PLAIT_PROCESS; carrier <= PLAIT_COROUTINE; carrier++) {
        plait_task *tasks[4];
        int right = 0;
        common->sum = 0;
        for (long i = 0; i < 4; i++)
            plait_start(&tasks[i], carrier, add, (void *)(i + 1), NULL);
        for (int i = 0, status; i < 4; i++)
            right += plait_join(tasks[i], &status, PLAIT_NEVER) == 0 && status == 1000;
        printf("%s: sum %d, %d statuses right\n", names[carrier], common->sum, right);
    }
}
