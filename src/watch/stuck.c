/* Deterministic mode: every task waits, no timer runs, and nothing real is awaited. Nobody will
 * ever wake anybody: better said than hung. */
#include "base/report.h"
#include "sched/sched.h"

#include <plait/watch.h>

#include <stdlib.h>

static void nothing_can_run(void)
{
    base_report(
        PLAIT_REPORT_DEADLOCK,
        "nothing can run any more: every task waits, and nothing is left that could wake one");
    plait_dump(2, false);
    abort();
}

__attribute__((constructor(103))) static void stuck_begin(void)
{
    sched_hooks.nothing_can_run = nothing_can_run;
}
