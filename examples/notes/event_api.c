/* An event's four calls. Note S1-11-event.
 *
 * Python: starts unset; wait(timeout) is False after the time, True at once after set; clear
 * makes it unset again. Here wait says -ETIMEDOUT or 0, and PLAIT_NOW asks without waiting. */
#include "notes.h"

static int event_life(void *arg)
{
    static plait_event event; /* zeroed: private and unset */
    printf("%d s  set: %d\n", now(), plait_event_is_set(&event));
    int rc = plait_event_wait(&event, PLAIT_NOW);
    printf("%d s  wait now: %s\n", now(), code(rc));
    rc = plait_event_wait(&event, in(1));
    printf("%d s  wait for 1 s: %s\n", now(), code(rc));
    plait_event_set(&event);
    rc = plait_event_wait(&event, PLAIT_NEVER);
    printf("%d s  after set: %s\n", now(), code(rc));
    plait_event_clear(&event);
    printf("%d s  after clear, set: %d\n", now(), plait_event_is_set(&event));
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_start(NULL, carrier, event_life, NULL, NULL);
    return plait_join_all(PLAIT_NEVER);
}
