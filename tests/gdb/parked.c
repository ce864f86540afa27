/* For tests/gdb.py: when `stop_here` is reached, one coroutine runs, one is parked three calls
 * deep, one has not started. */
#include <plait.h>

#include <stddef.h>

#define FRAME __attribute__((noinline))

static plait_event never, parked;

static FRAME int wait_deeper(int depth)
{
    volatile int here = depth;
    if (here > 0)
        return wait_deeper(here - 1) + 1;
    plait_event_set(&parked);
    return plait_event_wait(&never, PLAIT_NEVER) + here;
}

static FRAME int park_here(void *unused)
{
    return wait_deeper(2) - 2;
}

static int start_later(void *unused)
{
    return 0;
}

FRAME void stop_here(void)
{
    __asm__ volatile("");
}

static FRAME int run(void *unused)
{
    int rc = plait_event_wait(&parked, PLAIT_NEVER);
    if (rc == 0)
        rc = plait_start(NULL, PLAIT_COROUTINE, start_later, NULL,
                         &(plait_start_options){.name = "fresh one"});
    stop_here();
    plait_event_set(&never);
    return rc;
}

int main(void)
{
    plait_start(NULL, PLAIT_COROUTINE, park_here, NULL,
                &(plait_start_options){.name = "parked one"});
    plait_start(NULL, PLAIT_COROUTINE, run, NULL, &(plait_start_options){.name = "running one"});
    return plait_join_all(PLAIT_NEVER);
}
