/* Who sees whose writes? Notes S0-1.1-process, S0-1.2-thread, S0-2.7-isolation, S0-3.5-shared.
 *
 * Python: 100 processes add to a global and the parent still prints 0; 100 threads count it down
 * from 100 to 0, though only by luck, since nothing guards it. Here: the same globals, and
 * beside them memory that children see too, behind a lock. */
#include "notes.h"

static int num, left = 100;
struct common {
    plait_lock lock;
    int num;
};
static struct common *common;

static int count(void *arg)
{
    plait_with (&common->lock) {
        num += 1;
        left -= 1;
        common->num += 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    common = plait_share(sizeof *common);
    plait_lock_init(&common->lock, PLAIT_SHARED);
    for (int i = 0; i < 100; i++)
        plait_start(NULL, carrier, count, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("globals %d and %d, shared %d\n", num, left, common->num);
    plait_share_free(common);
    return failed;
}
