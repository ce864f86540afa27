/* Five cars at a traffic light. Note S0-3.E-event.
 *
 * Python: red; five cars wait for the event; at 3 s green, set wakes all five, in any order.
 * (The note says that wait clears the flag: only clear does.) A car that comes late finds the
 * flag set and does not wait. */
#include "notes.h"

static plait_event *green;

static int light(void *arg)
{
    printf("%d s  red\n", now());
    plait_sleep(in(3));
    printf("%d s  green\n", now());
    plait_event_set(green);
    return 0;
}

static int car(void *number)
{
    printf("%d s  car %ld waits\n", now(), (long)number);
    if (plait_event_wait(green, PLAIT_NEVER) < 0)
        return 1;
    printf("%d s  car %ld passes\n", now(), (long)number);
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    green = plait_share(sizeof *green);
    plait_event_init(green, PLAIT_SHARED);
    plait_start(NULL, carrier, light, NULL, NULL);
    for (long i = 0; i < 5; i++)
        plait_start(NULL, carrier, car, (void *)i, NULL);
    plait_sleep(in(4));
    plait_start(NULL, carrier, car, (void *)5L, NULL);
    return plait_join_all(PLAIT_NEVER);
}
