/* One producer, one consumer, queues of every kind. Note S0-2.6-kinds.
 *
 * The note: processes talk by files or sockets on one machine, and by memcached, redis, rabbitmq,
 * kafka over a network, each with calls of its own. Here the two functions are the same for all
 * kinds, and the open says which one it is. One of a private kind does not cross to a process: its
 * first use there is told at once. */
#include "notes.h"

struct talk {
    plait_queue *queue;
    const char *url; /* opened by its name, as a stranger would, instead */
};

static plait_queue *get_queue(const struct talk *talk)
{
    plait_queue_options named = {.url = talk->url};
    return talk->url ? plait_queue_open(sizeof(int), 2, &named) : talk->queue;
}

static void give_back(const struct talk *talk, plait_queue *queue)
{
    if (talk->url)
        plait_queue_free(queue);
}

static int produce(void *talk)
{
    plait_queue *queue = get_queue(talk);
    int rc = queue == NULL ? -errno : 0;
    for (int i = 1; i <= 5 && rc == 0; i++)
        rc = plait_put(queue, &i, PLAIT_NEVER);
    if (rc == 0)
        rc = plait_queue_close(queue);
    give_back(talk, queue);
    return rc;
}

static int consume(void *talk)
{
    plait_queue *queue = get_queue(talk);
    int item, sum = 0, count = 0, rc = queue == NULL ? -errno : 0;
    while (rc == 0 && (rc = plait_get(queue, &item, PLAIT_NEVER)) == 0) {
        count += item == count + 1; /* in order */
        sum += item;
    }
    printf("  %d in order, sum %d, then %s\n", count, sum, code(rc));
    give_back(talk, queue);
    return 0;
}

static void run(const char *kind, plait_carrier carrier, const plait_queue_options *options)
{
    plait_queue *queue = plait_queue_open(sizeof(int), 2, options);
    struct talk talk = {queue, options->url};
    plait_task *tasks[2];
    int status[2] = {-1, -1};
    printf("%s\n", kind);
    plait_start(&tasks[0], carrier, consume, &talk, NULL);
    plait_start(&tasks[1], carrier, produce, &talk, NULL);
    for (int i = 0; i < 2; i++)
        if (plait_join(tasks[i], &status[i], PLAIT_NEVER) == 0 && status[i] != 0)
            printf("  %s: %s\n", i ? "producer" : "consumer", code(status[i]));
    plait_queue_free(queue);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    char name[40];
    snprintf(name, sizeof name, "shm:kinds-%d", (int)getpid());
    run("private", carrier, &(plait_queue_options){.where = PLAIT_PRIVATE});
    run("shared with children", carrier, &(plait_queue_options){.where = PLAIT_SHARED});
    run("met by its name", carrier, &(plait_queue_options){.url = name});
    return 0;
}
