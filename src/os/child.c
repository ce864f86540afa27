/* What a child changes of itself before it goes on, and descriptors in messages. */
#include "os/child.h"
#include "os/os.h"
#include "os/syscall.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
enum { FIRST = 3, CLOSE_MOST = 65536 };

static int set_limits(const plait_child_options *options)
{
    for (int i = 0; i < options->limit_count; i++) {
        uint64_t both[2] = {options->limits[i].value, options->limits[i].value};
        int rc = (int)OS_CALL(prlimit64, 0, options->limits[i].resource, both, NULL);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int os_child_change(const plait_child_options *options)
{
    long rc = options->new_group ? OS_CALL(setpgid, 0, 0) : 0;
    if (rc == 0 && options->cpus)
        rc = OS_CALL(sched_setaffinity, 0, options->cpus_size, options->cpus);
    if (rc == 0 && options->nice)
        rc = OS_CALL(setpriority, PRIO_PROCESS, 0, options->nice);
    if (rc == 0 && options->directory)
        rc = OS_CALL(chdir, options->directory);
    return rc == 0 ? set_limits(options) : (int)rc; /* last, because they may hinder the others */
}

static void close_from(int first)
{
    if (OS_SURE(close_range, first, UINT32_MAX, 0) == 0)
        return;
    for (int i = first; i < CLOSE_MOST; i++)
        OS_SURE(close, i);
}

/* First out of the way, because one may stand where another shall be. */
int os_descriptors_place(const int *from, int count, bool only)
{
    int copies[OS_DESCRIPTORS_MOST];
    if (count > OS_DESCRIPTORS_MOST)
        return -EINVAL;
    for (int i = 0; i < count; i++) {
        copies[i] = (int)OS_CALL(fcntl, from[i], F_DUPFD_CLOEXEC, FIRST + count);
        if (copies[i] < 0)
            return copies[i];
    }
    for (int i = 0; i < count; i++) {
        long rc = OS_CALL(dup3, copies[i], FIRST + i, 0);
        if (rc < 0)
            return (int)rc;
        os_close(copies[i]);
    }
    if (only)
        close_from(FIRST + count);
    return 0;
}

int os_descriptor_keep(int descriptor, bool over_exec)
{
    return (int)OS_CALL(fcntl, descriptor, F_SETFD, over_exec ? 0 : FD_CLOEXEC);
}

bool os_descriptor_stays(int descriptor)
{
    return OS_SURE(fcntl, descriptor, F_GETFD) == 0;
}

void os_descriptors_silence(void)
{
    int nothing = os_open("/dev/null", O_RDWR, 0);
    for (int i = 0; i < FIRST && nothing >= 0; i++)
        OS_SURE(dup3, nothing, i, 0); /* refused where it is that one already */
    if (nothing >= FIRST)
        os_close(nothing);
}

int os_message_pair(int ends[2])
{
    return (int)OS_CALL(socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(OS_DESCRIPTORS_MOST * sizeof(int))];
};

int os_message_send(int socket, const void *data, size_t size, const int *descriptors, int count)
{
    union control control;
    struct iovec piece = {(void *)data, size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (count > OS_DESCRIPTORS_MOST)
        return -EINVAL;
    if (count > 0) {
        size_t bytes = (size_t)count * sizeof(int);
        control.align = (struct cmsghdr){CMSG_LEN(bytes), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.align), descriptors, bytes);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(bytes);
    }
    long rc = OS_CALL_AGAIN(sendmsg, socket, &message, MSG_NOSIGNAL);
    return rc < 0 ? (int)rc : 0;
}

static int take_descriptors(struct msghdr *message, int *descriptors, int room)
{
    int count = 0;
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
            continue;
        int came = (int)((one->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < came; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(one) + (size_t)i * sizeof(int), sizeof descriptor);
            if (count < room)
                descriptors[count++] = descriptor;
            else
                os_close(descriptor);
        }
    }
    return count;
}

void os_message_end(int socket)
{
    OS_SURE(shutdown, socket, SHUT_WR);
}

int os_message_await(int socket, int64_t deadline)
{
    while (deadline != OS_NEVER) {
        struct pollfd one = {.fd = socket, .events = POLLIN};
        int64_t left = deadline - os_now();
        struct timespec time = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
        long rc = OS_SURE(ppoll, &one, 1, &time, NULL, OS_SIGSET);
        if (rc > 0)
            return 0;
        if (rc == 0)
            return -ETIMEDOUT;
        if (rc != -EINTR)
            return (int)rc;
    }
    return 0;
}

bool os_message_ready(int socket)
{
    return os_message_await(socket, 0) == 0;
}

/* Again when the other side went away without reading what it was sent: that is told once, before
 * the messages which it sent itself. */
static int receive(int socket, struct msghdr *message, int flags)
{
    struct msghdr copy = *message;
    int rc = (int)OS_CALL_AGAIN(recvmsg, socket, message, MSG_CMSG_CLOEXEC | flags);
    if (rc != -ECONNRESET)
        return rc;
    *message = copy;
    return (int)OS_CALL_AGAIN(recvmsg, socket, message, MSG_CMSG_CLOEXEC | flags);
}

int os_message_receive(int socket, void *data, size_t size, int *descriptors, int *count,
                       int64_t deadline)
{
    union control control;
    struct iovec piece = {data, size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    int room = *count;
    *count = 0;
    int rc = receive(socket, &message, deadline == OS_NEVER ? 0 : MSG_DONTWAIT);
    if (rc == -EAGAIN && (rc = os_message_await(socket, deadline)) == 0)
        rc = receive(socket, &message, 0);
    if (rc < 0)
        return rc;
    *count = take_descriptors(&message, descriptors, room);
    if (!(message.msg_flags & MSG_CTRUNC))
        return rc;
    while (*count > 0)
        os_close(descriptors[--*count]);
    return -EMFILE;
}
