/* Last in, first out. Note S0-3.Q2-lifo.
 *
 * Python: LifoQueue, put 0 1 2, get 2 1 0. Here it is an order of the one kind of queue: bounds,
 * waiting and close are the same, and what was taken can be put back on top. */
#include "notes.h"

static int put_three(void *queue)
{
    int rc = 0;
    for (int i = 0; i < 3; i++)
        rc |= plait_put((plait_queue *)queue, &i, PLAIT_NEVER);
    printf("%d s  put 0 1 2: %s\n", now(), code(rc));
    rc |= plait_sleep(in(1));
    return rc | plait_queue_close((plait_queue *)queue);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_queue *queue =
        plait_queue_open(sizeof(int), PLAIT_UNBOUNDED, &(plait_queue_options){.order = PLAIT_LIFO});
    plait_start(NULL, carrier, put_three, queue, NULL);
    while (plait_queue_size(queue) < 3)
        plait_yield();
    const int *top = plait_queue_take(queue, NULL, PLAIT_NEVER);
    if (top) {
        printf("%d s  took %d and put it back\n", now(), *top);
        plait_queue_put_back(queue, top);
    }
    int item, rc;
    while ((rc = plait_get(queue, &item, PLAIT_NEVER)) == 0)
        printf("%d s  get: %d\n", now(), item);
    printf("%d s  closed: %s\n", now(), code(rc));
    int failed = plait_join_all(PLAIT_NEVER);
    plait_queue_free(queue);
    return failed;
}
