/* What a semaphore offers. Note S1-4-procsem.
 *
 * Python: Semaphore(2) of multiprocessing: acquire takes one and waits at 0, release adds one,
 * get_value tells how many are there; Python's is not bounded, so that release goes beyond the 2.
 * Here the limit is asked for, several units are one step, and who is to get units of the dead back
 * uses plait_permits (examples/readers.c). */
#include "notes.h"

static plait_semaphore *semaphore, *timed_out; /* the second one: main need not guess when */

static int take_them(void *unused)
{
    int rc = plait_semaphore_acquire(semaphore, 1, PLAIT_NOW);
    printf("%d s  child takes one: %s, %d left\n", now(), code(rc),
           plait_semaphore_value(semaphore));
    rc = plait_semaphore_acquire(semaphore, 2, PLAIT_NOW);
    printf("%d s  two at once: %s, %d left\n", now(), code(rc), plait_semaphore_value(semaphore));
    rc = plait_semaphore_acquire(semaphore, 1, PLAIT_NOW);
    printf("%d s  one more: %s, %d left\n", now(), code(rc), plait_semaphore_value(semaphore));
    rc = plait_semaphore_acquire(semaphore, 1, in(1));
    printf("%d s  another within 1 s: %s\n", now(), code(rc));
    plait_semaphore_release(timed_out, 1);
    rc = plait_semaphore_acquire(semaphore, 1, PLAIT_NEVER);
    printf("%d s  another: %s\n", now(), code(rc));
    plait_sleep(in(2));
    plait_semaphore_release(semaphore, 3);
    return rc;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    semaphore = plait_share(2 * sizeof *semaphore);
    if (semaphore == NULL)
        return 1;
    timed_out = semaphore + 1;
    plait_semaphore_init(semaphore, 2, 0, PLAIT_SHARED);
    plait_semaphore_init(timed_out, 0, 0, PLAIT_SHARED);
    printf("at first %d\n", plait_semaphore_value(semaphore));
    plait_start(NULL, carrier, take_them, NULL, NULL);
    int rc = plait_semaphore_acquire(timed_out, 1, PLAIT_NEVER);
    plait_sleep(in(2));
    printf("%d s  main sees %d and adds one\n", now(), plait_semaphore_value(semaphore));
    plait_semaphore_release(semaphore, 1);
    rc |= plait_semaphore_acquire(semaphore, 3, PLAIT_NEVER);
    printf("%d s  main takes three: %s\n", now(), code(rc));
    plait_semaphore_release(semaphore, 2);
    plait_semaphore_release(semaphore, 1);
    printf("at last %d\n", plait_semaphore_value(semaphore));
    int failed = plait_join_all(PLAIT_NEVER);
    plait_share_free(semaphore);
    return failed;
}
