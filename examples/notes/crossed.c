/* Two locks in opposite order. Note S0-3.L2-deadlock.
 *
 * Python: func1 takes A, then B; func2 takes B, then A: two lines, then silence. Here each gives
 * the second lock a second, and both fail; then each takes the two as a set, in its own order
 * still, and both get through. (Without deadlines plait names the circle after a second, and with
 * PLAIT_CHECK=1 the reversed order even when nobody hangs: docs/deadlock.md.) */
#include "notes.h"

struct common {
    plait_lock a, b;
};
static struct common *common;

static int take_both(const char *name, plait_lock *first, plait_lock *next, const char *names)
{
    plait_lock *both[] = {first, next};
    int rc = plait_lock_acquire(first, PLAIT_NEVER);
    printf("%d s  %s has %c: %s\n", now(), name, names[0], code(rc));
    plait_sleep(in(2));
    rc = plait_lock_acquire(next, in(1));
    printf("%d s  %s, %c within 1 s: %s\n", now(), name, names[1], code(rc));
    plait_sleep(in(1)); /* so that the other one has failed, too */
    plait_lock_release(first);
    rc = plait_locks_acquire(both, 2, PLAIT_NEVER);
    printf("%d s  %s has both: %s\n", now(), name, code(rc));
    plait_locks_release(both, 2);
    return rc;
}

static int func1(void *arg)
{
    return take_both("func1", &common->a, &common->b, "AB");
}

static int func2(void *arg)
{
    return take_both("func2", &common->b, &common->a, "BA");
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    common = plait_share(sizeof *common);
    plait_lock_init(&common->a, PLAIT_SHARED);
    plait_lock_init(&common->b, PLAIT_SHARED);
    plait_start(NULL, carrier, func1, NULL, NULL);
    plait_start(NULL, carrier, func2, NULL, NULL);
    return plait_join_all(PLAIT_NEVER);
}
