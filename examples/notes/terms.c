/* What the words mean. Note S1-10-terms.
 *
 * The notes: a shared resource is used by several; a critical section is the code that uses it;
 * synchronisation is cooperation in an order, mutual exclusion the constraint that one is inside at
 * a time. Here both, with the smallest examples of the Little Book of Semaphores: a rendezvous (two
 * events make each one's second step come after the other's first) and a lock. */
#include "notes.h"

struct shared {
    plait_event came[2];
    plait_lock lock;
    int resource, inside, most;
};
static struct shared *shared;

/* The critical section: without the lock two would read the same number. */
static int use(void)
{
    plait_with (&shared->lock) {
        if (++shared->inside > shared->most)
            shared->most = shared->inside;
        int number = shared->resource;
        plait_sleep(in(1));
        shared->resource = number + 1;
        shared->inside--;
    }
    return 0;
}

static int meet_and_use(void *arg)
{
    long me = (long)arg;
    printf("%ld: first step\n", me);
    plait_event_set(&shared->came[me]);
    int rc = plait_event_wait(&shared->came[!me], PLAIT_NEVER);
    printf("%ld: second step\n", me);
    return rc ? rc : use();
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    shared = plait_share(sizeof *shared);
    plait_event_init(&shared->came[0], PLAIT_SHARED);
    plait_event_init(&shared->came[1], PLAIT_SHARED);
    plait_lock_init(&shared->lock, PLAIT_SHARED);
    plait_start(NULL, carrier, meet_and_use, (void *)0, NULL);
    plait_start(NULL, carrier, meet_and_use, (void *)1, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%d s  used %d times, at most %d inside, %d failed\n", now(), shared->resource,
           shared->most, failed);
}
