/* A lock cannot be taken again by who holds it, and can be by others once it is free. Note
 * S0-2.5.3-nonreentrant.
 *
 * Python: the second acquire of the same thread blocks for ever. Here it is -EDEADLK at once,
 * whatever the deadline says, because nobody else could ever release it; with PLAIT_CHECK=1 the
 * program stops there and names the first acquire. */
#include "notes.h"

static plait_lock *lock;

static int other(void *arg)
{
    int rc = plait_lock_acquire(lock, in(1));
    printf("%d s  other, within 1 s: %s\n", now(), code(rc));
    rc = plait_lock_acquire(lock, PLAIT_NEVER);
    printf("%d s  other has it: %s\n", now(), code(rc));
    plait_lock_release(lock);
    return rc;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    lock = plait_share(sizeof *lock);
    plait_lock_init(lock, PLAIT_SHARED);
    int rc = plait_lock_acquire(lock, PLAIT_NEVER);
    printf("%d s  main has it: %s\n", now(), code(rc));
    rc = plait_lock_acquire(lock, PLAIT_NEVER);
    printf("%d s  main, again: %s\n", now(), code(rc));
    plait_start(NULL, carrier, other, NULL, NULL);
    plait_sleep(in(2));
    printf("%d s  main releases\n", now());
    plait_lock_release(lock);
    int failed = plait_join_all(PLAIT_NEVER);
    rc = plait_lock_acquire(lock, PLAIT_NOW);
    printf("%d s  main has it: %s\n", now(), code(rc));
    return failed;
}
