/* choose SEEDS: coroutines and threads select among queues with and without room, a lock and an
 * event. */
#include "seeds.h"

enum { QUEUES = 3, ROUNDS = 3 };

static plait_queue *queues[QUEUES], *exchange;
static plait_lock lock;
static plait_event begin;

static int put_any(void *arg)
{
    int item = 1;
    for (int i = 0; i < ROUNDS; i++)
        if (plait_select(PLAIT_NEVER, plait_on_put(queues[0], &item),
                         plait_on_put(queues[1], &item), plait_on_put(queues[2], &item)) < 0)
            return 1;
    return 0;
}

static int get_any(void *arg)
{
    int item;
    if (plait_select(PLAIT_NEVER, plait_on_event(&begin)) != 0)
        return 1;
    for (int i = 0; i < ROUNDS; i++)
        if (plait_select(PLAIT_NEVER, plait_on_get(queues[0], &item),
                         plait_on_get(queues[1], &item), plait_on_get(queues[2], &item)) < 0)
            return 1;
    return 0;
}

/* Two of these give and take among themselves. */
static int swap(void *arg)
{
    int in = 1, out;
    for (int i = 0; i < ROUNDS; i++)
        if (plait_select(PLAIT_NEVER, plait_on_put(exchange, &in), plait_on_get(exchange, &out)) <
            0)
            return 1;
    return 0;
}

static int hold(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (plait_select(PLAIT_NEVER, plait_on_time(PLAIT_NEVER), plait_on_acquire(&lock)) != 1)
            return 1;
        plait_yield();
        plait_lock_release(&lock);
    }
    return 0;
}

static int once(void)
{
    static plait_function *const functions[] = {put_any, get_any, swap, hold};
    for (size_t i = 0; i < QUEUES; i++)
        queues[i] = plait_queue_open(sizeof(int), i, NULL);
    exchange = plait_queue_open(sizeof(int), 0, NULL);
    for (int i = 0; i < 8; i++)
        if (plait_start(NULL, i < 4 ? PLAIT_COROUTINE : PLAIT_THREAD, functions[i % 4], NULL,
                        NULL) != 0)
            return 1;
    plait_yield();
    plait_event_set(&begin);
    int failed = plait_join_all(PLAIT_NEVER);
    for (int i = 0; i < QUEUES; i++)
        plait_queue_free(queues[i]);
    plait_queue_free(exchange);
    return failed;
}
