/* A lost update, each time. Note S0-3.L0-race.
 *
 * Python: two threads add 100,000 times, two subtract, without a lock; the note saw -15778,
 * newer versions print 0. Luck shows nothing, so here the switch between load and store is
 * forced once: the first adder has read 0 and waits while the others work; then it stores 1, and
 * all that they did is lost. */
#include "notes.h"
#include <stdatomic.h>

enum { STEPS = 100000 };
struct common {
    plait_event has_read, others_ended;
    atomic_int n; /* read and written in two steps: the note's race, without undefined behaviour */
};
static struct common *common;

static int add(void *is_first)
{
    for (int i = 0; i < STEPS; i++) {
        int seen = atomic_load(&common->n);
        if (is_first && i == 0) {
            plait_event_set(&common->has_read);
            if (plait_event_wait(&common->others_ended, PLAIT_NEVER) < 0)
                return 1;
        }
        atomic_store(&common->n, seen + 1);
    }
    return 0;
}

static int sub(void *arg)
{
    for (int i = 0; i < STEPS; i++)
        atomic_store(&common->n, atomic_load(&common->n) - 1);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_task *first;
    common = plait_share(sizeof *common);
    plait_event_init(&common->has_read, PLAIT_SHARED);
    plait_event_init(&common->others_ended, PLAIT_SHARED);
    plait_start(&first, carrier, add, "first", NULL);
    if (plait_event_wait(&common->has_read, PLAIT_NEVER) < 0)
        return 1;
    plait_start(NULL, carrier, add, NULL, NULL);
    for (int i = 0; i < 2; i++)
        plait_start(NULL, carrier, sub, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER); /* all but the first, which has a handle */
    plait_event_set(&common->others_ended);
    plait_join(first, NULL, PLAIT_NEVER);
    printf("n = %d, not 0\n", atomic_load(&common->n));
    return failed;
}
