/* A queue that is full, and one that is empty. Notes S3-3-queue, S3-3-isolation.
 *
 * Python: put waits when the queue is full, get when it is empty; put_nowait and get_nowait raise,
 * and "the data is lost" when nobody catches that. Here the code says it, and the item stays with
 * the caller. What a process put is there at once: no feeder thread delays it. */
#include "notes.h"

static plait_queue *queue;

static int put_five(void *unused)
{
    for (int i = 1; i <= 5; i++)
        if (plait_put(queue, &i, PLAIT_NOW) != 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    queue = plait_queue_open(sizeof(int), 5, &(plait_queue_options){.where = where(carrier)});
    int item = 6, failed;
    plait_start(NULL, carrier, put_five, NULL, NULL);
    failed = plait_join_all(PLAIT_NEVER);
    printf("size %zu\n", plait_queue_size(queue));
    printf("put %d now: %s\n", item, code(plait_put(queue, &item, PLAIT_NOW)));
    printf("put %d for a while: %s\n", item, code(plait_put(queue, &item, in(0.1))));
    printf("still have %d\n", item);
    while (plait_get(queue, &item, PLAIT_NOW) == 0)
        printf("get %d\n", item);
    printf("get now: %s\n", code(plait_get(queue, &item, PLAIT_NOW)));
    plait_queue_close(queue);
    printf("get of a closed one: %s\n", code(plait_get(queue, &item, PLAIT_NEVER)));
    plait_queue_free(queue);
    return failed;
}
