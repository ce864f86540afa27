/* xpingpong OBJECT ROUNDS | idle OBJECT SECONDS - one token goes to a second process and back.
 * OBJECT: semaphore, event, queue. Prints the wall time of a round trip, and the CPU time that both
 * burnt in it; idle: the CPU time of both in a second in which nothing comes. Each round is
 * checked. Peers: bench/peers/ipc/xpp.h. */
#include "bench.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { WARM = 20 };

struct board {
    plait_semaphore semaphores[2];
    plait_event events[2];
    uint64_t seen, cpu;
};
static struct board *board;
static plait_queue *queues[2];
static uint64_t rounds;

static void semaphore_pass(int side)
{
    plait_semaphore_release(&board->semaphores[!side], 1);
}

static int semaphore_await(int side, int64_t deadline)
{
    return plait_semaphore_acquire(&board->semaphores[side], 1, deadline);
}

static void event_pass(int side)
{
    plait_event_set(&board->events[!side]);
}

static int event_await(int side, int64_t deadline)
{
    return plait_event_take(&board->events[side], deadline);
}

static void queue_pass(int side)
{
    char token = 't';
    need(plait_put(queues[!side], &token, PLAIT_NEVER) == 0, "not put");
}

static int queue_await(int side, int64_t deadline)
{
    char token;
    return plait_get(queues[side], &token, deadline);
}

static const struct object {
    const char *name;
    void (*pass)(int side);
    int (*await)(int side, int64_t deadline);
} objects[] = {{"semaphore", semaphore_pass, semaphore_await},
               {"event", event_pass, event_await},
               {"queue", queue_pass, queue_await}},
  *object;

static int other(void *unused)
{
    int64_t began = 0;
    for (uint64_t i = 0; i < rounds + WARM; i++) {
        if (i == WARM)
            began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        need(object->await(1, PLAIT_NEVER) == 0, "no token");
        board->seen++;
        object->pass(1);
    }
    board->cpu = (uint64_t)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began);
    return 0;
}

static void play(void)
{
    plait_task *task = start(PLAIT_PROCESS, other, NULL, NULL);
    struct usage begin = {0};
    for (uint64_t i = 0; i < rounds + WARM; i++) {
        if (i == WARM)
            begin = usage_now();
        object->pass(0);
        need(object->await(0, PLAIT_NEVER) == 0, "no token");
        need(*(volatile uint64_t *)&board->seen == i + 1, "the other side was not there");
    }
    struct usage used = usage_since(&begin);
    join(task);
    printf("%.1f ns cpu=%.0f\n", (double)used.wall / (double)rounds,
           (double)((uint64_t)used.cpu + board->cpu) / (double)rounds);
}

static int idle_other(void *seconds)
{
    struct usage begin = usage_now();
    need(object->await(1, plait_after((intptr_t)seconds * PLAIT_SECOND)) == -ETIMEDOUT, "a token");
    board->cpu = (uint64_t)usage_since(&begin).cpu;
    return 0;
}

static void idle(int seconds)
{
    plait_task *task = start(PLAIT_PROCESS, idle_other, (void *)(intptr_t)seconds, NULL);
    struct usage begin = usage_now();
    need(object->await(0, plait_after(seconds * PLAIT_SECOND)) == -ETIMEDOUT, "a token");
    struct usage used = usage_since(&begin);
    join(task);
    printf("%.1f us\n", (double)((uint64_t)used.cpu + board->cpu) / 1e3 / seconds);
}

int main(int argc, char **argv)
{
    bool idles = argc == 4 && strcmp(argv[1], "idle") == 0;
    need(argc == 3 + idles, "usage: xpingpong OBJECT ROUNDS | idle OBJECT SECONDS");
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        if (strcmp(objects[i].name, argv[1 + idles]) == 0)
            object = &objects[i];
    rounds = strtoull(argv[2 + idles], NULL, 10);
    board = plait_share(sizeof *board);
    need(object && rounds && board, "no such object, or no memory");
    for (int i = 0; i < 2; i++) {
        plait_queue_options options = {.where = PLAIT_SHARED};
        plait_semaphore_init(&board->semaphores[i], 0, 1, PLAIT_SHARED);
        plait_event_init(&board->events[i], PLAIT_SHARED);
        need((queues[i] = plait_queue_open(1, 2, &options)) != NULL, "no queue");
    }
    if (idles)
        idle((int)rounds);
    else
        play();
    return 0;
}
