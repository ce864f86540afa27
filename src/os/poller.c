#include "os/os.h"
#include "os/syscall.h"
#include "os/time.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { BATCH = 64 };

int os_event_open(void)
{
    return (int)OS_CALL(eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void os_event_signal(int descriptor)
{
    uint64_t one = 1;
    OS_SURE(write, descriptor, &one,
            sizeof one); /* EAGAIN: it is full, so it is readable already; it never blocks */
}

void os_event_drain(int descriptor)
{
    uint64_t count;
    OS_SURE(read, descriptor, &count, sizeof count);
}

int os_poller_open(void)
{
    return (int)OS_CALL(epoll_create1, EPOLL_CLOEXEC);
}

static uint32_t to_epoll(uint32_t events)
{
    return (events & OS_READABLE ? EPOLLIN | EPOLLRDHUP : 0) |
           (events & OS_WRITABLE ? EPOLLOUT : 0) | (events & OS_ONCE ? EPOLLONESHOT : 0);
}

/* Errors and hang-ups wake both directions, because either one's next call is what tells the
 * error. */
static uint32_t from_epoll(uint32_t events)
{
    uint32_t both = events & (EPOLLERR | EPOLLHUP) ? OS_READABLE | OS_WRITABLE : 0;
    return both | (events & (EPOLLIN | EPOLLRDHUP) ? OS_READABLE : 0) |
           (events & EPOLLOUT ? OS_WRITABLE : 0);
}

int os_poller_add(int poller, int descriptor, uint32_t events, uint64_t tag)
{
    struct epoll_event event = {.events = to_epoll(events), .data.u64 = tag};
    return (int)OS_CALL(epoll_ctl, poller, EPOLL_CTL_ADD, descriptor, &event);
}

int os_poller_set(int poller, int descriptor, uint32_t events, uint64_t tag)
{
    struct epoll_event event = {.events = to_epoll(events), .data.u64 = tag};
    /* Change first: a descriptor is set again far more often than it is new. */
    long r = OS_CALL(epoll_ctl, poller, EPOLL_CTL_MOD, descriptor, &event);
    return r == -ENOENT ? os_poller_add(poller, descriptor, events, tag) : (int)r;
}

int os_poller_remove(int poller, int descriptor)
{
    struct epoll_event event = {0};
    return (int)OS_CALL(epoll_ctl, poller, EPOLL_CTL_DEL, descriptor, &event);
}

static long wait_exact(int poller, struct epoll_event *events, int most, int64_t left)
{
    struct timespec time = os_timespec(left);
    return OS_SURE(epoll_pwait2, poller, events, most, left == OS_NEVER ? NULL : &time, NULL,
                   OS_SIGSET);
}

static long wait_rounded(int poller, struct epoll_event *events, int most, int64_t left)
{
    int ms = -1;
    if (left != OS_NEVER) /* up, because a wait of 0 ms until 0.9 ms have passed would spin */
        ms = left / 1000000 < INT_MAX - 1 ? (int)((left + 999999) / 1000000) : INT_MAX;
    return OS_SURE(epoll_pwait, poller, events, most, ms, NULL, OS_SIGSET);
}

/* The kernel takes a duration here, not a time. */
static int64_t time_left(int64_t deadline)
{
    if (deadline == OS_NEVER || deadline <= 0)
        return deadline == OS_NEVER ? OS_NEVER : 0;
    int64_t left = deadline - os_now();
    return left > 0 ? left : 0;
}

int os_poller_wait(int poller, struct os_ready *ready, int most, int64_t deadline)
{
    struct epoll_event events[BATCH];
    int64_t left = time_left(deadline);
    if (OS_FAULT("epoll_wait"))
        return 0;
    if (most > BATCH)
        most = BATCH;
    long count = os_has(OS_EPOLL_PWAIT2) ? wait_exact(poller, events, most, left) : -ENOSYS;
    if (count == -ENOSYS || count == -EPERM) { /* never there, or a seccomp filter came later */
        os_lose(OS_EPOLL_PWAIT2);
        count = wait_rounded(poller, events, most, left);
    }
    for (long i = 0; i < count; i++)
        ready[i] =
            (struct os_ready){.tag = events[i].data.u64, .events = from_epoll(events[i].events)};
    return count == -EINTR ? 0 : (int)count;
}

/* poll(2) with no patience. Errors and hang-ups are news for both directions, as in from_epoll. */
int os_descriptor_ready(int descriptor, uint32_t events)
{
    struct pollfd one = {.fd = descriptor};
    struct timespec none = {0};
    one.events = (short)((events & OS_READABLE ? POLLIN | POLLRDHUP : 0) |
                         (events & OS_WRITABLE ? POLLOUT : 0));
    if (descriptor < 0) /* which poll(2) skips in silence */
        return -EBADF;
    long count = OS_CALL_AGAIN(ppoll, &one, 1, &none, NULL, OS_SIGSET);
    if (count <= 0)
        return (int)count;
    if (one.revents & POLLNVAL)
        return -EBADF;
    uint32_t both = one.revents & (POLLERR | POLLHUP) ? OS_READABLE | OS_WRITABLE : 0;
    return (int)((both | (one.revents & (POLLIN | POLLRDHUP) ? OS_READABLE : 0) |
                  (one.revents & POLLOUT ? OS_WRITABLE : 0)) &
                 events);
}

int os_dup(int descriptor)
{
    return (int)OS_CALL(fcntl, descriptor, F_DUPFD_CLOEXEC, 0);
}

void os_close(int descriptor)
{
    /* Never again after EINTR: it is closed by then, and its number may be another's already. */
    OS_SURE(close, descriptor);
}
