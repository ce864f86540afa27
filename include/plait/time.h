/* plait/time.h - deadlines and sleeping. Include <plait.h>. */
#ifndef PLAIT_TIME_H
#define PLAIT_TIME_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

#define PLAIT_NOW INT64_C(0)
#define PLAIT_NEVER INT64_MAX
#define PLAIT_MICROSECOND INT64_C(1000)
#define PLAIT_MILLISECOND INT64_C(1000000)
#define PLAIT_SECOND INT64_C(1000000000)

int64_t plait_now(void);
int64_t plait_after(int64_t duration);
int plait_sleep(int64_t deadline);
void plait_yield(void);

#ifdef __cplusplus
}
#endif
#endif
