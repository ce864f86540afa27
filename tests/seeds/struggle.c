/* struggle SEEDS: coroutines and threads contend for a lock, a queue and an event. */
#include "seeds.h"

enum { TASKS = 4, ROUNDS = 3 };

static plait_lock lock;
static plait_event begin;
static plait_queue *queue;

static int contend(void *arg)
{
    if (plait_event_wait(&begin, PLAIT_NEVER) != 0)
        return 1;
    for (int i = 0; i < ROUNDS; i++) {
        plait_with (&lock)
            plait_yield();
        if (plait_put(queue, &i, PLAIT_NEVER) != 0)
            return 1;
    }
    return 0;
}

static int take(void *arg)
{
    for (int i = 0, item; i < ROUNDS; i++)
        if (plait_get(queue, &item, PLAIT_NEVER) != 0)
            return 1;
    return 0;
}

static int once(void)
{
    queue = plait_queue_open(sizeof(int), 2, NULL);
    for (int i = 0; i < TASKS; i++) {
        plait_carrier carrier = i % 2 ? PLAIT_THREAD : PLAIT_COROUTINE;
        if (plait_start(NULL, carrier, contend, NULL, NULL) != 0 ||
            plait_start(NULL, carrier, take, NULL, NULL) != 0)
            return 1;
    }
    plait_yield();
    plait_event_set(&begin);
    int failed = plait_join_all(PLAIT_NEVER);
    plait_queue_free(queue);
    return failed;
}
