/* plait/watch.h - look inside a running program. Include <plait.h>. */
#ifndef PLAIT_WATCH_H
#define PLAIT_WATCH_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

void plait_dump(int descriptor, bool stacks);

typedef struct plait_wait_info {
    const char *verb, *object;
    plait_task *holder;
    int64_t since;
    void *place;
} plait_wait_info;
int plait_task_waits(const plait_task *task, plait_wait_info *wait);

typedef struct plait_counters {
    uint64_t tasks, workers, switches, waits, wakes, steals, stuck, deaths, recovered, polls;
    uint64_t reserved[6];
} plait_counters;
void plait_counters_read(plait_counters *counters);

typedef enum plait_report {
    PLAIT_REPORT_MISUSE,
    PLAIT_REPORT_DEADLOCK,
    PLAIT_REPORT_ORDER,
    PLAIT_REPORT_STUCK,
    PLAIT_REPORT_UNREAD,
    PLAIT_REPORT_DROPPED,
    PLAIT_REPORT_OVERFLOW
} plait_report;
void plait_on_report(void (*report)(plait_report kind, const char *text, void *arg), void *arg);

int plait_trace_start(const char *path);
void plait_trace_stop(void);

#ifdef __cplusplus
}
#endif
#endif
