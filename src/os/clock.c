#include "os/os.h"
#include "os/syscall.h"
#include "os/time.h"

int64_t os_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* libc's: only it knows the vDSO; it cannot fail */
    return (int64_t)now.tv_sec * OS_SECOND + now.tv_nsec;
}

void os_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile(
        "isb" ::
            : "memory"); /* `yield` is a no-op on most cores, so that a spin would not slow down */
#endif
}

void os_sleep(int64_t ns)
{
    int64_t until;
    if (__builtin_add_overflow(os_now(), ns, &until))
        until = OS_NEVER;
    struct timespec time = os_timespec(until);
    while (os_now() < until) /* absolute, because a relative sleep grows with each signal */
        if (OS_CALL(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == 0)
            return;
}

int64_t os_now_coarse(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
