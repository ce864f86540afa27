/* A lock's calls. Note S1-12-lock.
 *
 * Python: acquire waits while another has it, release, `with`. (Python lets another thread
 * release; plait stops the program then.) Here: acquire with PLAIT_NOW, with a deadline or for
 * ever, and plait_with for a block. */
#include "notes.h"

struct common {
    plait_lock lock;
    plait_event has_tried;
};
static struct common *common;

static int other(void *arg)
{
    plait_lock *lock = &common->lock;
    int rc = plait_lock_acquire(lock, PLAIT_NOW);
    printf("%d s  other, now: %s\n", now(), code(rc));
    rc = plait_lock_acquire(lock, in(1));
    printf("%d s  other, within 1 s: %s\n", now(), code(rc));
    plait_event_set(&common->has_tried);
    plait_with (lock) {
        printf("%d s  other has it\n", now());
        return 0; /* leaving the block releases */
    }
    return 1;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    common = plait_share(sizeof *common);
    plait_lock_init(&common->lock, PLAIT_SHARED);
    plait_event_init(&common->has_tried, PLAIT_SHARED);
    int rc = plait_lock_acquire(&common->lock, PLAIT_NEVER);
    printf("%d s  main has it: %s\n", now(), code(rc));
    plait_start(NULL, carrier, other, NULL, NULL);
    rc = plait_event_wait(&common->has_tried, PLAIT_NEVER);
    printf("%d s  main releases\n", now());
    plait_lock_release(&common->lock);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("%d s  held: %d\n", now(), plait_lock_is_held(&common->lock));
    return rc < 0 || failed;
}
