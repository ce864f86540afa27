/* struggle SEEDS: coroutines and threads contend for a lock, a queue and an event, once for each seed, each in a child of its own.
 * The first seed under which they hang is printed, status 1; other ends than by a hang that was told are status 2. tests/seeds.py
 * builds this with faults planted in the library, which must be found. */
#include <plait.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS = 4, ROUNDS = 3 };

static plait_lock lock;
static plait_event begin;
static plait_queue *queue;

static int contend(void *arg)
{
    if (plait_event_wait(&begin, PLAIT_NEVER) != 0)
        return 1;
    for (int i = 0; i < ROUNDS; i++) {
        plait_with (&lock)
            plait_yield();
        if (plait_put(queue, &i, PLAIT_NEVER) != 0)
            return 1;
    }
    return 0;
}

static int take(void *arg)
{
    for (int i = 0, item; i < ROUNDS; i++)
        if (plait_get(queue, &item, PLAIT_NEVER) != 0)
            return 1;
    return 0;
}

static int struggle(void)
{
    queue = plait_queue_open(sizeof(int), 2, NULL);
    for (int i = 0; i < TASKS; i++) {
        plait_carrier carrier = i % 2 ? PLAIT_THREAD : PLAIT_COROUTINE;
        if (plait_start(NULL, carrier, contend, NULL, NULL) != 0 ||
            plait_start(NULL, carrier, take, NULL, NULL) != 0)
            return 1;
    }
    plait_yield();
    plait_event_set(&begin);
    int failed = plait_join_all(PLAIT_NEVER);
    plait_queue_free(queue);
    return failed;
}

static int run(int seed)
{
    char text[16];
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        snprintf(text, sizeof text, "%d", seed);
        setenv("PLAIT_SEED", text, 1);
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        exit(struggle());
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

int main(int count, char **words)
{
    int seeds = count > 1 ? atoi(words[1]) : 1000;
    for (int seed = 0; seed < seeds; seed++) {
        int status = run(seed);
        if (status == 0)
            continue;
        printf("PLAIT_SEED=%d: status %#x\n", seed, status);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? 1 : 2;
    }
    return 0;
}
