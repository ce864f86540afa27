/* lock_uncontended PAIRS SECOND - ns per acquire and release of a private lock by one thread;
 * SECOND=1: another thread is alive and asleep. Peers:
 * bench/peers/sync/cpp/lock_uncontended.cpp. */
#include "bench.h"

static plait_event leave;

static int sleeper(void *arg)
{
    return plait_event_wait(&leave, PLAIT_NEVER);
}

int main(int argc, char **argv)
{
    need(argc == 3, "usage: lock_uncontended PAIRS SECOND");
    long pairs = atol(argv[1]);
    bool second = atoi(argv[2]) != 0;
    plait_lock lock = {0};
    plait_task *other = second ? start(PLAIT_THREAD, sleeper, NULL, NULL) : NULL;

    long count = 0;
    volatile long *counter = &count;
    int64_t began = now_ns();
    for (long i = 0; i < pairs; i++) {
        if (plait_lock_acquire(&lock, PLAIT_NEVER) != 0)
            need(false, "not acquired");
        *counter = *counter + 1;
        plait_lock_release(&lock);
    }
    double ns = (double)(now_ns() - began) / (double)pairs;

    if (second) {
        plait_event_set(&leave);
        join(other);
    }
    need(count == pairs, "count is wrong");
    printf("%.2f ns\n", ns);
    return 0;
}
