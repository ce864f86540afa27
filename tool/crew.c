#include "crew.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

const char *crew_name(plait_carrier carrier)
{
    static const char *const names[] = {
        [CREW_SEQUENCE] = "sequence",
        [PLAIT_PROCESS] = "processes",
        [PLAIT_THREAD] = "threads",
        [PLAIT_COROUTINE] = "coroutines",
    };
    return names[carrier];
}

static void *argument(const struct crew *crew, int i)
{
    return crew->arguments + i * crew->size;
}

static int run_in_sequence(const struct crew *crew)
{
    int failed = 0;
    for (int i = 0; i < crew->count; i++) {
        int status = crew->function(argument(crew, i));
        failed = failed ? failed : status;
    }
    return failed;
}

static int run_on_carrier(const struct crew *crew)
{
    plait_task **tasks = calloc(crew->count, sizeof *tasks);
    int started = 0, failed = tasks ? 0 : -ENOMEM;
    while (!failed && started < crew->count) {
        failed = plait_start(&tasks[started], crew->carrier, crew->function,
                             argument(crew, started), NULL);
        started += !failed;
    }
    for (int i = 0; i < started; i++) {
        int status = 0, error = plait_join(tasks[i], &status, PLAIT_NEVER);
        failed = failed ? failed : error ? error : status;
    }
    free(tasks);
    return failed;
}

int crew_run(const struct crew *crew)
{
    return crew->carrier ? run_on_carrier(crew) : run_in_sequence(crew);
}

static void add_usage(struct crew_clock *clock, int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    clock->cpu += (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * PLAIT_SECOND +
                  (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * PLAIT_MICROSECOND;
    clock->disk += usage.ru_inblock * INT64_C(512);
}

struct crew_clock crew_clock_start(void)
{
    struct crew_clock clock = {.time = plait_now()};
    add_usage(&clock, RUSAGE_SELF);
    add_usage(&clock, RUSAGE_CHILDREN);
    return clock;
}

struct crew_clock crew_clock_since(struct crew_clock start)
{
    struct crew_clock now = crew_clock_start();
    return (struct crew_clock){now.time - start.time, now.cpu - start.cpu, now.disk - start.disk};
}
