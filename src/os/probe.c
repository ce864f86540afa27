/* What this kernel has. Each feature is tried once by a real use, because a success code alone proves nothing: under qemu every
 * madvise succeeds and guards nothing, and a container may forbid what the kernel's version promises. */
#include "os/os.h"
#include "os/syscall.h"

#include <linux/futex.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

/* One word a feature: 0 not tried, else one of these. Relaxed: it publishes nothing but itself, and two threads that try at the
 * same time find the same. */
enum { HAS = 1, LACKS = 2 };
static uint32_t found[OS_FEATURES];

static bool try_futex_waitv(void)
{
    uint32_t word = 1;
    struct {
        uint64_t seen, word;
        uint32_t flags, reserved;
    } wait = {.seen = 0, .word = (uintptr_t)&word, .flags = 2 | 128};
    return OS_CALL(futex_waitv, &wait, 1, 0, NULL, CLOCK_MONOTONIC) == -EAGAIN;
}

static bool try_pidfd(void)
{
    long self = OS_CALL(getpid, 0), file = OS_CALL(pidfd_open, self, 0);
    if (file < 0)
        return false;
    siginfo_t info;
    long r = OS_CALL_AGAIN(waitid, 3 /* P_PIDFD */, file, &info, WEXITED | WNOHANG, NULL);
    OS_CALL(close, file);
    return r == -ECHILD; /* known, and no child of its own; without the feature it is EINVAL */
}

/* Only a child that was reaped shows whether its status can still be asked for. vfork's way costs no copy of page tables; without
 * an exit signal the host notices nothing. The child must do nothing but leave, since it stands on our stack. */
static long start_brief_child(void)
{
    int file = -1;
    long child = OS_CALL(clone, CLONE_VM | CLONE_VFORK | CLONE_PIDFD, 0, &file);
    if (child == 0)
        for (;;)
            os_syscall(SYS_exit, 5, 0, 0, 0, 0, 0);
    return child < 0 ? child : file;
}

static bool try_pidfd_info(void)
{
    struct {
        uint64_t mask, cgroup;
        uint32_t ids[11];
        int32_t exit_code;
    } info = {.mask = 8 /* EXIT */};
    siginfo_t end;
    long file = start_brief_child();
    if (file < 0)
        return false;
    OS_CALL_AGAIN(waitid, 3 /* P_PIDFD */, file, &end, WEXITED | __WALL, NULL);
    long r = OS_CALL(ioctl, file, _IOWR(0xFF, 11, info), &info);
    OS_CALL(close, file);
    return r == 0 && (info.mask & 8) && info.exit_code == 5 << 8;
}

/* The kernel's own store into the page must be refused; a store of ours would be a SIGSEGV to catch. */
static bool try_guard(void)
{
    long page =
        OS_CALL(mmap, NULL, OS_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page < 0 && page > -OS_PAGE)
        return false;
    bool open = OS_CALL(clock_gettime, CLOCK_MONOTONIC, page) == 0;
    bool said = OS_CALL(madvise, page, OS_PAGE, 102 /* MADV_GUARD_INSTALL */) == 0;
    bool shut = OS_CALL(clock_gettime, CLOCK_MONOTONIC, page) == -EFAULT;
    OS_CALL(munmap, page, OS_PAGE);
    return open && said && shut;
}

static bool try_epoll_pwait2(void)
{
    char event[16];
    struct timespec none = {0};
    long file = OS_CALL(epoll_create1, 0);
    if (file < 0)
        return false;
    long r = OS_CALL(epoll_pwait2, file, event, 1, &none, NULL, OS_SIGSET);
    OS_CALL(close, file);
    return r == 0;
}

static long open_ring(void)
{
    struct io_uring_params parameters = {0};
    return OS_CALL(io_uring_setup, 2, &parameters);
}

static bool try_uring(void)
{
    long ring = open_ring();
    if (ring < 0)
        return false;
    OS_CALL(close, ring);
    return true;
}

/* The ring's own list of operations; it is made from the table that runs them. */
static bool try_uring_futex(void)
{
    enum { FUTEX_WAIT_OP = 51, OPERATIONS = 64 };
    size_t size = sizeof(struct io_uring_probe) + OPERATIONS * sizeof(struct io_uring_probe_op);
    char room[size] __attribute__((aligned(8)));
    struct io_uring_probe *probe = (void *)room;
    memset(room, 0, size);
    long ring = os_has(OS_URING) ? open_ring() : -1;
    if (ring < 0)
        return false;
    long r = OS_CALL(io_uring_register, ring, IORING_REGISTER_PROBE, probe, OPERATIONS);
    OS_CALL(close, ring);
    return r == 0 && probe->last_op >= FUTEX_WAIT_OP &&
           (probe->ops[FUTEX_WAIT_OP].flags & IO_URING_OP_SUPPORTED);
}

static bool try_robust(void)
{
    void *head;
    size_t size = 0;
    return OS_CALL(get_robust_list, 0, &head, &size) == 0 &&
           size == sizeof(struct robust_list_head);
}

static const struct feature {
    struct os_feature_info info;
    bool (*try)(void);
} features[OS_FEATURES] = {
    [OS_FUTEX_WAITV] = {{"futex_waitv", "sleeping on several shared words at once",
                         "one word at a time, and a second look at the others each 20 ms",
                         "up to 20 ms until a wait on several shared words notices"},
                        try_futex_waitv},
    [OS_PIDFD] = {{"pidfd", "waiting for child processes",
                   "nothing: process tasks cannot be started", "process tasks are refused"},
                  try_pidfd},
    [OS_PIDFD_INFO] = {{"pidfd_info",
                        "the exit status of a child that the program's own wait() took",
                        "the status that the child wrote itself before it ended",
                        "the status is unknown if such a child was killed"},
                       try_pidfd_info},
    [OS_GUARD] = {{"guard", "guard pages below the stacks of coroutines", "mprotect",
                   "two mappings a stack: about 32,000 coroutines with the usual vm.max_map_count"},
                  try_guard},
    [OS_EPOLL_PWAIT2] = {{"epoll_pwait2", "timers of an idle worker",
                          "epoll_wait with milliseconds, rounded up", "timers up to 1 ms late"},
                         try_epoll_pwait2},
    [OS_URING] = {{"uring", "nothing yet; reading and writing later", "epoll", "nothing yet"},
                  try_uring},
    [OS_URING_FUTEX] = {{"uring_futex", "nothing yet; coroutines that wait on shared words later",
                         "one helper thread a process that waits for all of them", "nothing yet"},
                        try_uring_futex},
    [OS_ROBUST] = {{"robust", "noticing at once that a holder of something shared has died",
                    "a look at the holder each 20 ms",
                    "up to 50 ms instead of 1 ms until a death is noticed"},
                   try_robust},
};

bool os_has(enum os_feature feature)
{
    uint32_t state = __atomic_load_n(&found[feature], __ATOMIC_RELAXED);
    if (state == 0) {
        state = features[feature].try() ? HAS : LACKS;
        __atomic_store_n(&found[feature], state, __ATOMIC_RELAXED);
    }
    return state == HAS;
}

const struct os_feature_info *os_feature_info(enum os_feature feature)
{
    return &features[feature].info;
}

int os_feature_named(const char *name, size_t length)
{
    for (int i = 0; i < OS_FEATURES; i++)
        if (strlen(features[i].info.name) == length && !memcmp(features[i].info.name, name, length))
            return i;
    return -1;
}

void os_hide(const char *list)
{
    while (*list) {
        size_t length = strcspn(list, ",");
        int feature = *list == '-' ? os_feature_named(list + 1, length - 1) : -1;
        if (feature >= 0)
            __atomic_store_n(&found[feature], LACKS, __ATOMIC_RELAXED);
        list += length + (list[length] == ',');
    }
}
