/* What another thread is doing, as the kernel sees it. */
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

/* "/proc/self/task/TID/stat", where `head` is what stands before the number. */
static void stat_path(char *path, const char *head, pid_t tid)
{
    static const char tail[] = "/stat";
    char digits[12];
    size_t count = 0, at = strlen(head);
    do
        digits[count++] = (char)('0' + tid % 10);
    while ((tid /= 10) > 0);
    memcpy(path, head, at + 1);
    while (count)
        path[at++] = digits[--count];
    memcpy(path + at, tail, sizeof tail);
}

/* The state's letter stands behind the name, which may hold anything, a bracket too. */
bool os_thread_is_runnable(pid_t tid)
{
    char path[48], text[256];
    stat_path(path, "/proc/self/task/", tid);
    const char *end = os_text_read(path, text, sizeof text) ? strrchr(text, ')') : NULL;
    return end && end[1] == ' ' && end[2] == 'R';
}

enum { FIELDS_TO_BORN = 20 }; /* behind the name */

/* Of any process: a thread has a place in /proc that is not listed. */
uint64_t os_thread_born(pid_t tid)
{
    char path[48], text[512];
    uint64_t born = 0;
    stat_path(path, "/proc/", tid);
    const char *at = os_text_read(path, text, sizeof text) ? strrchr(text, ')') : NULL;
    for (int field = 0; at && field < FIELDS_TO_BORN; field++)
        at = strchr(at + 1, ' ');
    while (at && *++at >= '0' && *at <= '9')
        born = born * 10 + (uint64_t)(*at - '0');
    return born;
}
