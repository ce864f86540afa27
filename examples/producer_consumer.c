/* A producer and a consumer with a bounded queue between them. For a thread or a process change one
 * word. A producer that is killed before it closes the queue ends the consumer's wait, too. */
#include <plait.h>
#include <stdio.h>

static int produce(void *queue)
{
    for (int i = 0; i < 10 && plait_put(queue, &i, PLAIT_NEVER) == 0; i++)
        ;
    return plait_queue_close(queue);
}

int main(void)
{
    plait_queue *queue =
        plait_queue_open(sizeof(int), 4, &(plait_queue_options){.where = PLAIT_SHARED});
    plait_start(NULL, PLAIT_COROUTINE, produce, queue, NULL);
    for (int item; plait_get(queue, &item, PLAIT_NEVER) == 0;)
        printf("%d\n", item);
    plait_queue_free(queue);
}
