/* A clock that does not drift: the work between two ticks takes its time, and the ticks stay where
 * they are; what was missed is counted. For threads or coroutines change one word. */
#include <plait.h>
#include <stdio.h>

static int measure(void *unused)
{
    plait_ticker ticker = {.period = 200 * PLAIT_MILLISECOND};
    int64_t began = plait_now();
    for (int i = 0; i < 4; i++) {
        int missed = plait_ticker_wait(&ticker, PLAIT_NEVER);
        printf("tick at %d.%d s, %d missed\n", (int)((plait_now() - began) / PLAIT_SECOND),
               (int)((plait_now() - began) / (100 * PLAIT_MILLISECOND) % 10), missed);
        plait_sleep(plait_after(i == 1 ? 500 * PLAIT_MILLISECOND : 50 * PLAIT_MILLISECOND));
    }
    return 0;
}

int main(void)
{
    plait_start(NULL, PLAIT_PROCESS, measure, NULL, NULL);
    return plait_join_all(PLAIT_NEVER);
}
