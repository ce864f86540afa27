/* plait/watch.h - look inside a running program. Include <plait.h>.
 *
 * What waits for what, who holds it, how often things happened, and what plait has to say. Nothing
 * here needs a special build, and nothing costs while it is not asked.
 *
 * Example:
 *     void log_it(plait_report kind, const char *text, void *file)
 *     {
 *         fprintf((FILE *)file, "plait: %s\n", text); // kind: PLAIT_REPORT_STUCK ...
 *     }
 *     void before_work(void)
 *     {
 *         plait_on_report(log_it, stderr); // instead of plait's own line on stderr
 *         plait_dump(2, false);
 *     }
 *
 * Deadlocks: a wait for a lock or for tasks that has lasted a second without a deadline looks once
 * whether it is part of a circle of such waits. If so the circle is reported, with names, places
 * and times, and the youngest wait ends with -EDEADLK; a block (plait_with) stops the program,
 * since it cannot be refused. PLAIT_DEADLOCK=report only reports, =abort stops the program;
 * PLAIT_DEADLOCK_AFTER=0.1 looks sooner, =0 never. docs/deadlock.md has examples.
 *
 * Checked mode (PLAIT_CHECK=1, plait_settings.check) also keeps the order in which locks are taken,
 * and reports one that was ever reversed, though nobody hangs: after the kernel's lockdep (Molnar
 * 2006). A lock still held at its task's end stops the program; one held across a blocking call is
 * reported.
 *
 * All calls: any carrier, in a child for the child. Since 0.1. */
#ifndef PLAIT_WATCH_H
#define PLAIT_WATCH_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Writes a line for each task: its name, state, what it waits for, since when, who holds that, from
 * where it was called. Takes no lock for long and does not allocate, so that it works in a program
 * that hangs.
 *   descriptor  where to write, 2 is stderr
 *   stacks      also the frames of coroutines that wait; for threads it says how gdb shows them
 *   errors      none; what cannot be written is dropped
 *   blocks      only as write(2) does */
void plait_dump(int descriptor, bool stacks);

/* What a task waits for: "acquire" of lock 'till', held by ..., since plait_now() was `since`,
 * called from `place`. */
typedef struct plait_wait_info {
    const char *verb, *object; /* constants and names: good until the object is freed */
    plait_task *holder;        /* borrowed; NULL: nobody, or not known */
    int64_t since;             /* nanoseconds, as plait_now */
    void *place;               /* a return address */
} plait_wait_info;

/* Fills *wait with what the task waits for.
 *   task     NULL: the calling task
 *   returns  0
 *   errors   -EAGAIN (it does not wait): *wait is untouched
 *   misuse   a handle given back before
 *   blocks   never */
int plait_task_waits(const plait_task *task, plait_wait_info *wait);

/* Counts since the program's start, but for `tasks` and `workers`, which are how many there are. */
typedef struct plait_counters {
    uint64_t tasks, workers;
    uint64_t switches, waits, wakes; /* of coroutines | that slept | of sleepers */
    uint64_t steals, stuck; /* coroutines taken from another worker | workers found stuck */
    uint64_t deaths,
        recovered;  /* process tasks that a signal ended | locks got from a dead holder */
    uint64_t polls; /* looks at the kernel's poller */
    uint64_t reserved[6];
} plait_counters;

/* Reads them, each by itself: not of one moment, because a lock for that would slow what they
 * count.
 *   errors   none
 *   blocks   never */
void plait_counters_read(plait_counters *counters);

/* What plait reports: a wrong program (an abort follows) | tasks that wait for each other | locks
 * taken in another order | a worker that has not switched for long | a failure nobody read |
 * something dropped | a coroutine's stack overflowed (an abort follows). */
typedef enum plait_report {
    PLAIT_REPORT_MISUSE,
    PLAIT_REPORT_DEADLOCK,
    PLAIT_REPORT_ORDER,
    PLAIT_REPORT_STUCK,
    PLAIT_REPORT_UNREAD,
    PLAIT_REPORT_DROPPED,
    PLAIT_REPORT_OVERFLOW
} plait_report;

/* Sends all reports to `report` instead of stderr.
 *   report   may be called on any thread, also plait's own and before an abort; must not wait.
 *            NULL: stderr again
 *   errors   none
 *   blocks   never */
void plait_on_report(void (*report)(plait_report kind, const char *text, void *arg), void *arg);

/* Records what tasks do from now on: starts, waits, wakes, ends; `plait trace PATH` prints it. With
 * PLAIT_SEED the same seed gives the same bytes.
 *   path     made or emptied
 *   returns  0
 *   errors   -EBUSY (it records already), -ENOMEM, and those of open(2)
 *   blocks   only as open(2) does */
int plait_trace_start(const char *path);

/* Ends the record and closes the file. Does nothing when none is made, so that a cleanup may call
 * it.
 *   errors   none
 *   blocks   only as write(2) does */
void plait_trace_stop(void);

#ifdef __cplusplus
}
#endif
#endif
