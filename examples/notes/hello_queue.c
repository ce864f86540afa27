/* One puts, one gets. Note S0-2.6.1-queue.
 *
 * Python: one child puts "hello world!", the other prints it, whichever starts first; a get more
 * than there were puts waits for ever. Here a get can have a deadline, and it ends when the
 * queue is closed and empty. */
#include "notes.h"

static int foo(void *queue)
{
    char text[16];
    int rc = plait_get(queue, &text, PLAIT_NEVER);
    printf("%d s  first get: %s, %s\n", now(), code(rc), text);
    rc = plait_get(queue, &text, in(2));
    printf("%d s  second get: %s\n", now(), code(rc));
    rc = plait_get(queue, &text, PLAIT_NEVER);
    printf("%d s  third get: %s\n", now(), code(rc));
    return 0;
}

static int bar(void *queue)
{
    char text[16] = "hello world!";
    plait_sleep(in(1));
    int rc = plait_put(queue, &text, PLAIT_NEVER);
    plait_sleep(in(4));
    plait_queue_close(queue);
    return rc;
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_THREAD);
    plait_queue *queue = plait_queue_open(16, 1, &(plait_queue_options){.where = where(carrier)});
    plait_start(NULL, carrier, foo, queue, NULL);
    plait_start(NULL, carrier, bar, queue, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    plait_queue_free(queue);
    return failed;
}
