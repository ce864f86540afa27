/* plait_counters_read: gathered from where they are counted. */
#include "task/process.h"

#include <plait/watch.h>

void plait_counters_read(plait_counters *counters)
{
    struct sched_counters sched;
    sched_counters_read(&sched);
    *counters = (plait_counters){
        .tasks = (uint64_t)plait_tasks_visit(NULL, NULL),
        .workers = sched.workers,
        .switches = sched.switches,
        .waits = atom_load(&wait_count_waits, RELAXED),
        .wakes = atom_load(&wait_count_wakes, RELAXED),
        .steals = sched.steals,
        .stuck = sched.stuck,
        .deaths = process_deaths(),
        .polls = sched.polls,
    };
}
