/* A coroutine that has slept writes behind an array on its stack, while another one is parked. */
#include "planted.h"

static int last; /* index of the array's last element, or one more */
static plait_event over;

static PLANTED_FRAME int write_behind(void)
{
    volatile int numbers[4] = {0};
    for (int i = 0; i <= last; i++)
        numbers[i] = i;
    return numbers[0];
}

static PLANTED_FRAME int sleep_and_write(void *unused)
{
    must(plait_sleep(plait_after(PLAIT_MILLISECOND)));
    int status = write_behind();
    plait_event_set(&over);
    return status;
}

static int stay_parked(void *unused)
{
    return plait_event_wait(&over, PLAIT_NEVER);
}

int main(int count, char **words)
{
    last = planted(count, words) ? 4 : 3;
    must(plait_start(NULL, PLAIT_COROUTINE, stay_parked, NULL, NULL));
    must(plait_start(NULL, PLAIT_COROUTINE, sleep_and_write, NULL, NULL));
    return plait_join_all(PLAIT_NEVER);
}
