/* Writing messages. stderr may be a pipe whose reader is gone: SIGPIPE would then kill the host program because of a message that
 * it did not ask for, so that signal is held back for this thread and, if it came from here, taken away again. */
#include "os/os.h"
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { FULL_TRIES = 20 }; /* ms in all */

static int write_all(int descriptor, const char *text, size_t size)
{
    for (int full = 0; size > 0;) {
        ssize_t done = write(descriptor, text, size);
        if (done >= 0) {
            text += done;
            size -= (size_t)done;
        } else if (errno == EAGAIN && full++ < FULL_TRIES) {
            os_sleep(
                1000000); /* somebody made it non-blocking and it is full: wait a little, but never for ever */
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

static int write_without_sigpipe(int descriptor, const char *text, size_t size)
{
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    int result = write_all(descriptor, text, size);
    if (result == -EPIPE &&
        !sigismember(&pending, SIGPIPE)) /* one that was pending before is the host's and stays */
        sigtimedwait(&pipe_only, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int os_write(int descriptor, const char *text, size_t size)
{
    int before = errno;
    int result = write_without_sigpipe(descriptor, text, size);
    errno = before;
    return result;
}
