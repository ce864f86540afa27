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
#include <plait/latch.h>
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

/* Gets an item, as plait_get_bytes: what plait_on_get calls.
 *   returns  the case; done, its result is the item's size
 *   errors   none; select itself ends with -EPIPE when the queue is closed and empty
 *   misuse   as plait_get_bytes
 *   blocks   never */
plait_case plait_on_get_bytes(plait_queue *queue, void *buffer, size_t size);

/* Puts an item, as plait_put_bytes: what plait_on_put calls. The item is copied when the case is
 * done, so it must stay as it is until then.
 *   returns  the case; done, its result is 0
 *   errors   none; select itself ends with -EPIPE when the queue is closed
 *   misuse   as plait_put_bytes
 *   blocks   never */
plait_case plait_on_put_bytes(plait_queue *queue, const void *item, size_t size);
#define plait_on_get(queue, item) plait_on_get_bytes(queue, item, PLAIT_SIZE_OF(item))
#define plait_on_put(queue, item) plait_on_put_bytes(queue, item, PLAIT_SIZE_OF(item))

/* A latch whose count is 0. One that was raised again before the select looked is not seen.
 *   misuse   no latch
 *   errors   none
 *   blocks   never */
plait_case plait_on_latch(plait_latch *latch);

#ifdef __cplusplus
}
#endif

#endif
