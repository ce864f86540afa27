/* A coroutine keeps the address of a local whose frame has returned, sleeps, and reads it. Its dead
 * frames lie in a list of its own, which ASan must find again after the switches; another coroutine
 * calls as deep meanwhile. */
#include "planted.h"

static int *left_behind;
static int kept;
static bool fault;
static plait_event left, done;

static PLANTED_FRAME void leave_frame(int value)
{
    int local = value;
    *(int *volatile *)&left_behind = fault ? &local : &kept;
    *left_behind = value;
}

static PLANTED_FRAME int read_dead_frame(void)
{
    return *(volatile int *)left_behind - 7;
}

static int leaver(void *unused)
{
    leave_frame(7);
    plait_event_set(&left);
    must(plait_event_wait(&done, PLAIT_NEVER));
    return read_dead_frame();
}

static int between(void *unused)
{
    int *before;
    must(plait_event_wait(&left, PLAIT_NEVER));
    before = left_behind;
    leave_frame(7);
    left_behind = before;
    plait_event_set(&done);
    return 0;
}

int main(int count, char **words)
{
    fault = planted(count, words);
    must(plait_start(NULL, PLAIT_COROUTINE, between, NULL, NULL));
    must(plait_start(NULL, PLAIT_COROUTINE, leaver, NULL, NULL));
    return plait_join_all(PLAIT_NEVER);
}
