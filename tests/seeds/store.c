/* store SEEDS: tasks put, reserve, take and get on a queue under a lock and on a ring, and somebody
 * joins all of it. */
#include "seeds.h"

enum { ROUNDS = 4, MAKERS = 3 };

static plait_queue *queues[2];

static int make(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        plait_queue *queue = queues[i % 2];
        int *place = plait_queue_reserve(queue, sizeof(int), PLAIT_NEVER);
        if (!place)
            return 1;
        *place = i;
        plait_yield();
        if (i == 2)
            plait_queue_give_up(queue, place);
        else
            plait_queue_commit(queue, place);
        if (plait_put(queue, &i, PLAIT_NEVER) != 0)
            return 1;
    }
    return 0;
}

static int use(void *arg)
{
    plait_queue *queue = arg;
    const int *item;
    while ((item = plait_queue_take(queue, NULL, PLAIT_NEVER)) != NULL) {
        plait_yield();
        plait_queue_release(queue, item);
        plait_queue_task_done(queue);
        int other;
        if (plait_get(queue, &other, PLAIT_NOW) == 0)
            plait_queue_task_done(queue);
    }
    return 0;
}

static int once(void)
{
    int rc = 0;
    plait_task *makers[MAKERS];
    queues[0] = plait_queue_open(sizeof(int), 2, NULL);
    queues[1] = plait_queue_open(sizeof(int), 2, &(plait_queue_options){.order = PLAIT_LIFO});
    for (int i = 0; i < 4; i++)
        rc |= plait_start(NULL, i / 2 ? PLAIT_THREAD : PLAIT_COROUTINE, use, queues[i % 2], NULL);
    for (int i = 0; i < MAKERS; i++)
        rc |= plait_start(&makers[i], i % 2 ? PLAIT_THREAD : PLAIT_COROUTINE, make, NULL, NULL);
    for (int i = 0, status; i < MAKERS; i++)
        rc |= plait_join(makers[i], &status, PLAIT_NEVER) || status;
    for (int i = 0; i < 2; i++) {
        rc |= plait_queue_join(queues[i], PLAIT_NEVER);
        plait_queue_close(queues[i]);
    }
    rc |= plait_join_all(PLAIT_NEVER);
    plait_queue_free(queues[0]);
    plait_queue_free(queues[1]);
    return rc;
}
