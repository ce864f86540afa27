/* A lock's calls. Note S1-12-lock.
 *
 * Python: acquire waits while another has it, release, `with`. (Python lets another thread
 * release; plait stops the program then.) Here: acquire with PLAIT_NOW, with a deadline or for
 * ever, and plait_with for a block. */
#include "notes.h"

static plait_lock *lock;

static int other(void *arg)
{
    int rc = plait_lock_acquire(lock, PLAIT_NOW);
    printf("%d s  other, now: %s\n", now(), code(rc));
    rc = plait_lock_acquire(lock, in(1));
    printf("%d s  other, within 1 s: %s\n", now(), code(rc));
    plait_with (lock) {
        printf("%d s  other has it\n", now());
        return 0; /* leaving the block releases */
    }
    return 1;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    lock = plait_share(sizeof *lock);
    plait_lock_init(lock, PLAIT_SHARED);
    int rc = plait_lock_acquire(lock, PLAIT_NEVER);
    printf("%d s  main has it: %s\n", now(), code(rc));
    plait_start(NULL, carrier, other, NULL, NULL);
    plait_sleep(in(2));
    printf("%d s  main releases\n", now());
    plait_lock_release(lock);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%d s  held: %d\n", now(), plait_lock_is_held(lock));
    return failed;
}
