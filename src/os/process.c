#include "os/os.h"
#include "os/syscall.h"
#include "os/time.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { PIDFD_WAIT = 3 /* P_PIDFD */, ALL_CHILDREN = 0x40000000 /* __WALL: exit_signal 0 too */ };

/* PIDFD_GET_INFO as Linux 6.15 has it, own names because headers are older. */
struct pidfd_info {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid, ids[8];
    int32_t exit_code;
};
#define INFO_EXIT 8u
#define FIRST_PAUSE INT64_C(50000) /* ns */
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info)

int os_pidfd_open(pid_t pid)
{
    if (!os_has(OS_PIDFD))
        return -ENOSYS;
    return (int)OS_CALL(pidfd_open, pid, 0); /* close-on-exec by itself */
}

int os_pidfd_signal(int pidfd, int signal)
{
    return (int)OS_CALL(pidfd_send_signal, pidfd, signal, NULL, 0);
}

/* waitid tells how and how much apart; wait(2) has both in one number, which is what the rest of
 * plait and its users know. */
static int wait_status(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

static bool has_ended(int pidfd)
{
    struct pollfd poll = {.fd = pidfd, .events = POLLIN};
    struct timespec now = {0};
    return OS_SURE(ppoll, &poll, 1, &now, NULL, OS_SIGSET) > 0;
}

/* Somebody else reaped it. Its end, which the pidfd tells at once, comes before its status can be
 * read: that other wait() is still at work, most often for microseconds, but for milliseconds where
 * it lost its CPU in between. Hence looks that grow rarer, for 0.8 s (0.1 s was too short once in
 * 3,000 on a crowded machine): where nobody takes the status it never comes. */
static void ask_info(int pidfd, struct os_exit *end)
{
    struct pidfd_info info;
    *end = (struct os_exit){.known = false};
    if (!os_has(OS_PIDFD_INFO))
        return;
    for (int64_t pause = FIRST_PAUSE; pause <= FIRST_PAUSE << 13; pause *= 2) {
        info = (struct pidfd_info){.mask = INFO_EXIT};
        if (OS_CALL(ioctl, pidfd, GET_INFO, &info) < 0)
            return;
        if (info.mask & INFO_EXIT) {
            *end = (struct os_exit){.status = info.exit_code, .known = true};
            return;
        }
        os_sleep(pause);
    }
}

int os_pidfd_reap(int pidfd, struct os_exit *end)
{
    siginfo_t info = {.si_pid = 0};
    long r =
        OS_CALL_AGAIN(waitid, PIDFD_WAIT, pidfd, &info, WEXITED | WNOHANG | ALL_CHILDREN, NULL);
    if (r == 0 && info.si_pid == 0)
        return 0;
    if (r == 0)
        *end = (struct os_exit){.status = wait_status(&info), .known = true};
    else if (r != -ECHILD)
        return (int)r;
    else if (!has_ended(pidfd))
        return 0;
    else
        ask_info(pidfd, end);
    return 1;
}

int os_kill(pid_t pid)
{
    return (int)OS_SURE(kill, pid, SIGKILL);
}

/* Not by the seam of faults, because nobody could do anything about a child that stays. */
void os_reap(pid_t pid)
{
    while (OS_SURE(wait4, pid, NULL, ALL_CHILDREN, NULL) == -EINTR)
        ;
}

bool os_on_exit(void (*function)(int status, void *arg))
{
#ifdef __GLIBC__
    return on_exit(function, NULL) == 0;
#else
    return false;
#endif
}

int os_die_with_parent(pid_t parent)
{
    long r = OS_CALL(prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (r < 0)
        return (int)r;
    /* It may have died before the call above: then nobody sends the signal any more. */
    return OS_SURE(getppid, 0) == parent ? 0 : -ESRCH;
}
