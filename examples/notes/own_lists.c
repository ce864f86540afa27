/* The same function appends to a list, in ten tasks one after the other. Note S2-7-proc-vs-thr.
 *
 * Python: processes print [0], [1] ... [9], each has a list of its own, and the parent's is empty;
 * threads print [0], [0, 1] ..., since there is one. The note guards it by threading.Lock, which
 * protects nothing between processes: each has its copy. Here a private lock is a copy, too; but
 * who finds in it a holder that did not come along with the fork is told so, and does not wait for
 * ever. */
#include "notes.h"

static plait_lock lock;
static plait_event held, tried;
static int list[10], length;

static void print(const char *who)
{
    char line[64] = "";
    for (int i = 0; i < length; i++)
        sprintf(line + strlen(line), i ? ", %d" : "%d", list[i]);
    printf("%s: [%s]\n", who, line);
}

static int append(void *number)
{
    plait_with (&lock) {
        list[length++] = (int)(long)number;
        print("task");
    }
    return 0;
}

static int try_lock(void *unused)
{
    int rc = plait_lock_acquire(&lock, in(0.1));
    printf("the lock that another task holds: %s\n", code(rc));
    if (rc != -EOWNERDEAD)
        return 0;
    plait_lock_mend(&lock);
    plait_lock_release(&lock);
    return 0;
}

static int hold(void *unused)
{
    int rc = plait_lock_acquire(&lock, PLAIT_NEVER);
    plait_event_set(&held);
    if (rc == 0 && (rc = plait_event_wait(&tried, PLAIT_NEVER)) == 0)
        plait_lock_release(&lock);
    return rc;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    int failed = 0;
    for (long i = 0; i < 10; i++) {
        plait_start(NULL, carrier, append, (void *)i, NULL);
        failed += plait_join_all(PLAIT_NEVER);
    }
    print("main");
    plait_task *holder;
    plait_start(&holder, PLAIT_THREAD, hold, NULL, NULL);
    failed += plait_event_wait(&held, PLAIT_NEVER);
    plait_start(NULL, carrier, try_lock, NULL, NULL);
    failed += plait_join_all(PLAIT_NEVER);
    plait_event_set(&tried);
    return failed + plait_join(holder, NULL, PLAIT_NEVER);
}
