/* plait/event.h - a flag that tasks can wait for. Include <plait.h>. */
#ifndef PLAIT_EVENT_H
#define PLAIT_EVENT_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_event {
    uint64_t own[8];
} plait_event;

void plait_event_init(plait_event *event, plait_where where);
void plait_event_set(plait_event *event);
void plait_event_clear(plait_event *event);
bool plait_event_is_set(const plait_event *event);
PLAIT_MUST_USE int plait_event_wait(plait_event *event, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
