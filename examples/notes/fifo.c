/* First in, first out, three places. Note S0-3.Q1-fifo.
 *
 * Python: Queue(3), put 1 2 3, get 1 2 3, get_nowait raises Empty, and a fourth put would wait.
 * Here PLAIT_NOW says -EAGAIN, a deadline -ETIMEDOUT, and what could not be put stays with the
 * caller. */
#include "notes.h"

static plait_event has_tried;

static int put_fourth(void *queue)
{
    int four = 4;
    int rc = plait_put(queue, &four, PLAIT_NOW);
    printf("%d s  put 4 now: %s\n", now(), code(rc));
    rc = plait_put(queue, &four, in(1));
    printf("%d s  put 4 within 1 s: %s\n", now(), code(rc));
    plait_event_set(&has_tried);
    rc = plait_put(queue, &four, PLAIT_NEVER);
    printf("%d s  put 4: %s\n", now(), code(rc));
    return rc;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_queue *queue = plait_queue_open(sizeof(int), 3, NULL);
    int rc = 0, item = 0;
    for (int i = 1; i <= 3; i++)
        rc |= plait_put(queue, &i, PLAIT_NEVER);
    printf("%d s  put 1 2 3: %s\n", now(), code(rc));
    plait_start(NULL, carrier, put_fourth, queue, NULL);
    if (plait_event_wait(&has_tried, PLAIT_NEVER) == 0 && plait_get(queue, &item, PLAIT_NOW) == 0)
        printf("%d s  get: %d\n", now(), item);
    int failed = plait_join_all(PLAIT_NEVER);
    while ((rc = plait_get(queue, &item, PLAIT_NOW)) == 0)
        printf("%d s  get: %d\n", now(), item);
    printf("%d s  get now: %s\n", now(), code(rc));
    plait_queue_free(queue);
    return failed;
}
