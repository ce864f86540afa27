/* plait/select.h - wait for several things at once, and do one of them. Include <plait.h>.
 *
 *     plait_case cases[] = { plait_on_get(jobs, &job), plait_on_event(&stop), plait_on_time(at) };
 *     switch (plait_select_cases(cases, 3, PLAIT_NEVER)) {
 *     case 0: work(&job); break;
 *     case 1: return 0;
 *     case 2: flush(); break;
 *     } */
#ifndef PLAIT_SELECT_H
#define PLAIT_SELECT_H

#include <plait/event.h>
#include <plait/lock.h>
#include <plait/queue.h>
#include <plait/start.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One thing to wait for; made by a plait_on_... call, and yours. */
typedef struct plait_case {
    const struct plait_case_kind *kind;
    void *object, *data;
    size_t size;
    int64_t number;
    int result, reserved;
} plait_case;

#ifdef __cplusplus
}
#endif

#endif
