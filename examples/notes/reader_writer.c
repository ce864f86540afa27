/* One writes, one reads and is then killed. Notes S2-5-queue, S4-IPC1.
 *
 * Python: the writer puts a letter each half second, the reader prints it; the parent joins the
 * writer and terminates the reader, which sits in get(): it dies with the queue's lock, and nobody
 * can get any more. Here whoever gets next goes on. */
#include "notes.h"

static plait_queue *queue;

static int write_letters(void *unused)
{
    for (char letter = 'a'; letter <= 'e'; letter++) {
        printf("put %c\n", letter);
        if (plait_put(queue, &letter, PLAIT_NEVER) != 0)
            return 1;
        plait_sleep(in(0.5));
    }
    return 0;
}

static int read_letters(void *unused)
{
    for (char letter; plait_get(queue, &letter, PLAIT_NEVER) == 0;)
        printf("get %c\n", letter);
    return 0;
}

int main(int argc, char **argv)
{
    plait_task *writer, *reader;
    int status;
    begin(argc, argv, PLAIT_PROCESS);
    queue = plait_queue_open(1, 5, &(plait_queue_options){.where = PLAIT_SHARED});
    plait_start(&reader, PLAIT_PROCESS, read_letters, NULL, NULL);
    plait_start(&writer, PLAIT_PROCESS, write_letters, NULL, NULL);
    plait_join(writer, NULL, PLAIT_NEVER);
    plait_kill(reader);
    plait_join(reader, &status, PLAIT_NEVER);
    printf("the reader: %s\n", code(status));
    char letter = 'f';
    printf("put f: %s\n", code(plait_put(queue, &letter, in(1))));
    printf("get: %s, %c\n", code(plait_get(queue, &letter, in(1))), letter);
    plait_queue_free(queue);
    return 0;
}
