/* Between threads a queue is the best choice. Note S4-TC.
 *
 * Python: queue.Queue, put in one thread and get in another; the end needs a value that means the
 * end. Here the queue is closed: what is in it can still be taken, then -EPIPE. */
#include "notes.h"

static plait_queue *queue;

static int produce(void *arg)
{
    for (int i = 0; i < 5; i++)
        if (plait_put(queue, &i, PLAIT_NEVER) < 0)
            return 1;
    return plait_queue_close(queue);
}

static int consume(void *arg)
{
    int i, rc;
    while ((rc = plait_get(queue, &i, PLAIT_NEVER)) == 0)
        printf("got %d\n", i);
    return printf("the end: %s\n", code(rc)), 0;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    queue = plait_queue_open(sizeof(int), 2, NULL);
    plait_start(NULL, carrier, consume, NULL, NULL);
    plait_start(NULL, carrier, produce, NULL, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    plait_queue_free(queue);
    return failed;
}
