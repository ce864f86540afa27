/* readers SEEDS: readers, writers and sets of locks get in each other's way. */
#include "seeds.h"

enum { TASKS = 5, ROUNDS = 3 };

static plait_rwlock rwlock;
static plait_lock locks[3];
static plait_rlock rlock;
static int inside; /* readers; -1: a writer */
static long sum;

static int read_some(void)
{
    if (plait_rwlock_acquire_read(&rwlock, PLAIT_NEVER) != 0 || inside++ < 0)
        return 1;
    plait_yield();
    int rc = inside-- <= 0;
    plait_rwlock_release(&rwlock);
    return rc;
}

static int write_some(void)
{
    if (plait_rwlock_acquire_write(&rwlock, PLAIT_NEVER) != 0 || inside != 0)
        return 1;
    inside = -1;
    plait_yield();
    inside = 1;
    plait_rwlock_downgrade(&rwlock);
    plait_yield();
    inside--;
    plait_rwlock_release(&rwlock);
    return 0;
}

static int take_set(int number)
{
    plait_lock *set[] = {&locks[number % 3], &locks[(number + 1) % 3]};
    if (plait_locks_acquire(set, 2, PLAIT_NEVER) != 0)
        return 1;
    plait_yield();
    plait_locks_release(set, 2);
    plait_with (&rlock)
        plait_with (&rlock)
            sum++;
    return 0;
}

static int contend(void *arg)
{
    int number = (int)(long)arg;
    for (int i = 0; i < ROUNDS; i++)
        if (((number + i) % 3 ? read_some() : write_some()) || take_set(number + i))
            return 1;
    return 0;
}

static int once(void)
{
    for (long i = 0; i < TASKS; i++) {
        plait_carrier carrier = i % 2 ? PLAIT_THREAD : PLAIT_COROUTINE;
        if (plait_start(NULL, carrier, contend, (void *)i, NULL) != 0)
            return 1;
    }
    int failed = plait_join_all(PLAIT_NEVER);
    return failed || sum != TASKS * ROUNDS;
}
