/* Six kinds of talk between processes. Note S4-IPC6.
 *
 * The notes: message queue, simplex pipe, half-duplex pipe, named pipe, shared memory, semaphore.
 * Each carries a ball to another process here, and back where it can. A message queue that selects
 * by type is one queue for each type, and a select of those that one wants. The named pipe is the
 * kernel's. */
#include "notes.h"
#include <fcntl.h>
#include <sys/stat.h>

static plait_queue *types[2], *answers;
static plait_pipe *there[2], *duplex[2];
static char fifo[64];
static struct table {
    plait_semaphore served, returned;
    int ball;
} * table;

static int other_side(void *unused)
{
    int ball = 0, in = open(fifo, O_RDONLY);
    /* the second type first, though the first came first */
    if (plait_select(PLAIT_NEVER, plait_on_get(types[1], &ball)) != 0 ||
        plait_put(answers, &ball, PLAIT_NEVER) != 0)
        return 1;
    if (plait_pipe_receive(there[0], &ball, PLAIT_NEVER) != 0 ||
        plait_put(answers, &ball, PLAIT_NEVER) != 0)
        return 1;
    if (plait_pipe_receive(duplex[1], &ball, PLAIT_NEVER) != 0 || ++ball == 0 ||
        plait_pipe_send(duplex[1], &ball, PLAIT_NEVER) != 0)
        return 1;
    if (read(in, &ball, sizeof ball) != sizeof ball || plait_put(answers, &ball, PLAIT_NEVER) != 0)
        return 1;
    close(in);
    if (plait_semaphore_acquire(&table->served, 1, PLAIT_NEVER) != 0)
        return 1;
    table->ball++;
    plait_semaphore_release(&table->returned, 1);
    return 0;
}

static int answer(void)
{
    int ball = -1;
    return plait_get(answers, &ball, PLAIT_NEVER) == 0 ? ball : -1;
}

static int open_all(void)
{
    plait_queue_options shared = {.where = PLAIT_SHARED};
    plait_pipe_options one_way = {.where = PLAIT_SHARED, .one_way = true},
                       both = {.where = PLAIT_SHARED};
    types[0] = plait_queue_open(sizeof(int), 4, &shared);
    types[1] = plait_queue_open(sizeof(int), 4, &shared);
    answers = plait_queue_open(sizeof(int), 4, &shared);
    table = plait_share(sizeof *table);
    if (!types[0] || !types[1] || !answers || !table || plait_pipe_open(there, &one_way) != 0 ||
        plait_pipe_open(duplex, &both) != 0)
        return 1;
    plait_semaphore_init(&table->served, 0, 0, PLAIT_SHARED);
    plait_semaphore_init(&table->returned, 0, 0, PLAIT_SHARED);
    snprintf(fifo, sizeof fifo, "/tmp/plait-six-%d", (int)getpid());
    return mkfifo(fifo, 0600);
}

int main(int argc, char **argv)
{
    plait_carrier carrier = begin(argc, argv, PLAIT_PROCESS);
    int ball = 1, failed;
    if (open_all() != 0)
        return 1;
    plait_start(NULL, carrier, other_side, NULL, NULL);
    int out = open(fifo, O_WRONLY);
    unlink(fifo);
    failed = plait_put(types[0], &(int){10}, PLAIT_NEVER) + plait_put(types[1], &ball, PLAIT_NEVER);
    printf("message queue, by type: %d\n", answer());
    ball = 2;
    failed += plait_pipe_send(there[1], &ball, PLAIT_NEVER);
    printf("simplex pipe: %d\n", answer());
    failed += plait_pipe_send(duplex[0], &ball, PLAIT_NEVER);
    failed += plait_pipe_receive(duplex[0], &ball, PLAIT_NEVER);
    printf("duplex pipe: %d\n", ball);
    ball = 4;
    failed += write(out, &ball, sizeof ball) != sizeof ball;
    close(out);
    printf("named pipe: %d\n", answer());
    table->ball = 5;
    plait_semaphore_release(&table->served, 1);
    failed += plait_semaphore_acquire(&table->returned, 1, PLAIT_NEVER);
    printf("shared memory and semaphore: %d\n", table->ball);
    return failed + plait_join_all(PLAIT_NEVER);
}
