/* The race mended by a lock. Notes S0-3.L1-lock, S1-9-globals.
 *
 * Python: two threads add 30,000 times, two subtract, each step under a lock: exactly 0. Here
 * the same on every carrier; the number lies in shared memory so that processes see it too. */
#include "notes.h"

struct common {
    plait_lock lock;
    int n;
};
static struct common *common;

static int change(void *by)
{
    for (int i = 0; i < 30000; i++)
        plait_with (&common->lock)
            common->n += (int)(long)by;
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    common = plait_share(sizeof *common);
    if (carrier == PLAIT_PROCESS)
        plait_lock_init(&common->lock, PLAIT_SHARED); /* zeroed, it is a private lock, and faster */
    for (int i = 0; i < 2; i++) {
        plait_start(NULL, carrier, change, (void *)1L, NULL);
        plait_start(NULL, carrier, change, (void *)-1L, NULL);
    }
    int failed = plait_join_all(PLAIT_NEVER);
    printf("n = %d\n", common->n);
    return failed;
}
