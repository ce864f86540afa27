/* A hundred thousand asleep at once. Note S0-4.0-claims.
 *
 * Python's gevent: concurrency in one thread, little load for the system. Here coroutines run on
 * a few workers, as many as there are CPUs; asleep they cost a page each and no thread. */
#include "notes.h"
#include <stdatomic.h>

enum { COUNT = 100000 };
static atomic_int asleep, awake;
static plait_event all_asleep, morning;

static int sleeper(void *arg)
{
    if (atomic_fetch_add(&asleep, 1) + 1 == COUNT)
        plait_event_set(&all_asleep);
    int rc = plait_event_wait(&morning, PLAIT_NEVER);
    atomic_fetch_add(&awake, 1);
    return rc;
}

static int threads_of_this_process(void)
{
    char line[200];
    int count = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        sscanf(line, "Threads: %d", &count);
    if (file != NULL)
        fclose(file);
    return count;
}

/* 0, or why the next one could not be started: those that sleep are woken. */
static int start_all(void)
{
    int rc = 0, count = 0;
    while (count < COUNT && (rc = plait_start(NULL, PLAIT_COROUTINE, sleeper, NULL, NULL)) == 0)
        count++;
    if (rc < 0) {
        fprintf(stderr, "no more than %d: %s\n", count, plait_strerror(rc));
        plait_event_set(&morning);
    }
    return rc;
}

int main(int argc, char **argv)
{
    plait_counters counters;
    begin(argc, argv, PLAIT_COROUTINE);
    if (start_all() < 0)
        return 1;
    if (plait_event_wait(&all_asleep, PLAIT_NEVER) < 0)
        return 1;
    plait_counters_read(&counters);
    int more = threads_of_this_process() - (int)counters.workers;
    printf("asleep: %d\n", atomic_load(&asleep));
    printf("threads beside the workers: %s\n", more <= 3 ? "3 at most" : "too many");
    plait_event_set(&morning);
    int failed = plait_join_all(PLAIT_NEVER);
    printf("awake: %d, failed: %d\n", atomic_load(&awake), failed);
    return failed;
}
