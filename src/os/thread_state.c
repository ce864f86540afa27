/* What another thread of this process is doing, as the kernel sees it. */
#include "os/os.h"
#include "os/syscall.h"
#include "os/text.h"

#include <string.h>
#include <time.h>

/* The kernel's number of a thread's own CPU clock: the TID's complement, and two bits that say "per
 * thread" and "as scheduled" (include/linux/posix-timers.h). */
enum { PER_THREAD_AS_SCHEDULED = 6 };

int64_t os_thread_cpu(pid_t tid)
{
    struct timespec time = {0};
    clockid_t clock = (clockid_t)(~(unsigned)tid << 3 | PER_THREAD_AS_SCHEDULED);
    OS_SURE(clock_gettime, clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* "/proc/self/task/TID/stat" */
static void stat_path(char *path, pid_t tid)
{
    static const char head[] = "/proc/self/task/", tail[] = "/stat";
    char digits[12];
    size_t count = 0, at = sizeof head - 1;
    do
        digits[count++] = (char)('0' + tid % 10);
    while ((tid /= 10) > 0);
    memcpy(path, head, at);
    while (count)
        path[at++] = digits[--count];
    memcpy(path + at, tail, sizeof tail);
}

/* The state's letter stands behind the name, which may hold anything, a bracket too. */
bool os_thread_is_runnable(pid_t tid)
{
    char path[48], text[256];
    stat_path(path, tid);
    const char *end = os_text_read(path, text, sizeof text) ? strrchr(text, ')') : NULL;
    return end && end[1] == ' ' && end[2] == 'R';
}
