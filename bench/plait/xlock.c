/* xlock PROCESSES PAIRS [value] - the shared lock: each process acquires and releases it PAIRS
 * times; inside, a plain shared counter goes up by one (checked). 1 process: ns a pair; more: M
 * pairs/s in all. Peers: bench/peers/ipc/xlock.h. With "value" a shared value goes up by one
 * instead, without a lock (checked): k/s in all. Peers: the counter of bench/peers/ipc/xdict.h. */
#include "bench.h"
#include <string.h>
#include <unistd.h>

enum { PROCESSES_MOST = 64 };

static struct shared {
    plait_lock lock;
    plait_value value LINE_APART;
    volatile uint64_t counter LINE_APART;
    struct {
        int64_t began, ended;
    } spans[PROCESSES_MOST] LINE_APART;
} * shared;
static int ready[2], go[2];
static uint64_t pairs;
static bool counts; /* by the value */

static void add_all(void)
{
    for (uint64_t n = 0; n < pairs; n++)
        plait_value_add(&shared->value, 1);
}

static void lock_all(void)
{
    for (uint64_t n = 0; n < pairs; n++) {
        if (plait_lock_acquire(&shared->lock, PLAIT_NEVER) != 0)
            need(false, "not acquired");
        shared->counter = shared->counter + 1;
        plait_lock_release(&shared->lock);
    }
}

static int member(void *arg)
{
    int me = (int)(intptr_t)arg;
    char c;
    close(ready[0]);
    close(go[1]);
    need(write(ready[1], "x", 1) == 1 && read(go[0], &c, 1) == 0, "start line");
    shared->spans[me].began = now_ns();
    if (counts)
        add_all();
    else
        lock_all();
    shared->spans[me].ended = now_ns();
    return 0;
}

static double span(int processes)
{
    int64_t began = INT64_MAX, ended = 0;
    for (int i = 0; i < processes; i++) {
        began = shared->spans[i].began < began ? shared->spans[i].began : began;
        ended = shared->spans[i].ended > ended ? shared->spans[i].ended : ended;
    }
    return (double)(ended - began);
}

int main(int argc, char **argv)
{
    counts = argc == 4 && strcmp(argv[3], "value") == 0;
    need(argc == 3 || counts, "usage: xlock PROCESSES PAIRS [value]");
    int processes = atoi(argv[1]);
    need(processes >= 1 && processes <= PROCESSES_MOST, "too many processes");
    pairs = strtoull(argv[2], NULL, 10);
    shared = plait_share(sizeof *shared);
    need(shared != NULL && pipe(ready) == 0 && pipe(go) == 0, "setting up");
    plait_lock_init(&shared->lock, PLAIT_SHARED);
    plait_value_init(&shared->value, PLAIT_SHARED);

    plait_task *tasks[PROCESSES_MOST];
    for (int i = 0; i < processes; i++)
        tasks[i] = start(PLAIT_PROCESS, member, (void *)(intptr_t)i, NULL);
    for (int i = 0; i < processes; i++) {
        char c;
        need(read(ready[0], &c, 1) == 1, "start line");
    }
    close(go[1]);
    for (int i = 0; i < processes; i++)
        join(tasks[i]);

    uint64_t total = pairs * (uint64_t)processes;
    need((counts ? (uint64_t)plait_value_get(&shared->value) : shared->counter) == total,
         "count is wrong");
    if (counts)
        printf("%.2f k/s\n", (double)total * 1e6 / span(processes));
    else if (processes == 1)
        printf("%.2f ns\n", span(processes) / (double)total);
    else
        printf("%.4f M/s\n", (double)total * 1e3 / span(processes));
    return 0;
}
