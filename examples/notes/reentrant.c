/* One re-entrant lock under two names. Note S0-3.L3-rlock.
 *
 * Python: mutexA = mutexB = RLock(); func1 takes A and B, func2 B and A, and nobody hangs, since
 * the first one has both with the first acquire. As many releases as acquires, by the holder alone.
 * Here the same; plait_rlock_depth tells how often it is held. */
#include "notes.h"

struct common {
    plait_rlock lock;
    plait_event taken;
};
static struct common *common;

static int take_twice(const char *name, const char *names)
{
    plait_rlock *lock = &common->lock;
    int rc = plait_rlock_acquire(lock, PLAIT_NEVER);
    printf("%d s  %s has %c: depth %d\n", now(), name, names[0], plait_rlock_depth(lock));
    plait_event_set(&common->taken);
    plait_sleep(in(2));
    rc |= plait_rlock_acquire(lock, PLAIT_NEVER);
    printf("%d s  %s has %c: depth %d\n", now(), name, names[1], plait_rlock_depth(lock));
    plait_rlock_release(lock);
    plait_rlock_release(lock);
    return rc;
}

static int func1(void *arg)
{
    return take_twice("func1", "AB");
}

static int func2(void *arg)
{
    int rc = plait_event_wait(&common->taken, PLAIT_NEVER);
    return rc ? rc : take_twice("func2", "BA");
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    common = plait_share(sizeof *common);
    plait_rlock_init(&common->lock, PLAIT_SHARED);
    plait_event_init(&common->taken, PLAIT_SHARED);
    plait_start(NULL, carrier, func1, NULL, NULL);
    plait_start(NULL, carrier, func2, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%d s  main: depth %d\n", now(), plait_rlock_depth(&common->lock));
    return failed;
}
