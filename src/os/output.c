/* Writing messages. stderr may be a pipe whose reader is gone: SIGPIPE would then kill the host
 * program because of a message that it did not ask for, so that signal is held back for this thread
 * and, if it came from here, taken away again. */
#include "os/os.h"
#include "os/syscall.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>

enum { FULL_TRIES = 20 }; /* 1 ms each */
#define MILLISECOND 1000000
#define ONLY_SIGPIPE (UINT64_C(1) << (SIGPIPE - 1))

static int write_all(int descriptor, const char *text, size_t size)
{
    for (int full = 0; size > 0;) {
        long done = OS_CALL_AGAIN(write, descriptor, text, size);
        if (done > 0) {
            text += done;
            size -= (size_t)done;
        } else if (done == -EAGAIN && full++ < FULL_TRIES) {
            /* Somebody made it non-blocking and it is full: a little patience, but never for ever.
             */
            os_sleep(MILLISECOND);
        } else {
            return done ? (int)done : -EIO;
        }
    }
    return 0;
}

int os_write(int descriptor, const char *text, size_t size)
{
    uint64_t sigpipe = ONLY_SIGPIPE, before = 0, pending = 0;
    struct timespec none = {0};
    OS_CALL(rt_sigpending, &pending, OS_SIGSET);
    bool blocked = OS_CALL(rt_sigprocmask, SIG_BLOCK, &sigpipe, &before, OS_SIGSET) == 0;
    int result = write_all(descriptor, text, size);
    if (blocked && result == -EPIPE && !(pending & ONLY_SIGPIPE)) /* an older one is the host's */
        OS_SURE(rt_sigtimedwait, &sigpipe, NULL, &none, OS_SIGSET);
    if (blocked)
        OS_SURE(rt_sigprocmask, SIG_SETMASK, &before, NULL, OS_SIGSET);
    return result;
}

int os_open(const char *path, int flags, unsigned mode)
{
    long descriptor;
    do
        descriptor = OS_CALL(openat, AT_FDCWD, path, flags, mode);
    while (descriptor == -EINTR);
    return (int)descriptor;
}

bool os_is_terminal(int descriptor)
{
    struct termios settings;
    return OS_CALL(ioctl, descriptor, TCGETS, &settings) == 0;
}
