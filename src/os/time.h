/* Nanoseconds as the kernel wants them. */
#ifndef OS_TIME_H
#define OS_TIME_H

#include <stdint.h>
#include <time.h>

#define OS_SECOND 1000000000LL

static inline struct timespec os_timespec(int64_t ns)
{
    if (ns < 0) /* the kernel refuses a negative time, but one long past is what was meant */
        ns = 0;
    return (struct timespec){.tv_sec = ns / OS_SECOND, .tv_nsec = ns % OS_SECOND};
}

#endif
