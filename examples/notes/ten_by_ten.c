/* Ten put, ten take. Note S0-2.6.2-10x10.
 *
 * Python: ten processes put their number into a Queue, ten others take one each; every number is
 * printed once, in any order, and all twenty end. (The notes' `args=(i)` is no tuple.) Here the
 * queue has room for three, so that the putters wait for the takers as well. */
#include "notes.h"

static plait_queue *queue;

static int put(void *number)
{
    int item = (int)(long)number;
    return plait_put(queue, &item, PLAIT_NEVER);
}

static int take(void *unused)
{
    int item, rc = plait_get(queue, &item, PLAIT_NEVER);
    if (rc == 0)
        printf("took %d\n", item);
    return rc;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    queue = plait_queue_open(sizeof(int), 3, &(plait_queue_options){.where = where(carrier)});
    for (long i = 0; i < 10; i++) {
        plait_start(NULL, carrier, put, (void *)i, NULL);
        plait_start(NULL, carrier, take, NULL, NULL);
    }
    int failed = plait_join_all(PLAIT_NEVER);
    printf("20 ended, %d failed, %zu left\n", failed, plait_queue_size(queue));
    plait_queue_free(queue);
}
