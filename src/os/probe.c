/* What this kernel has. Each feature is tried once by a real use, because a success code alone
 * proves nothing: under qemu every madvise succeeds and guards nothing, and a container may forbid
 * what the kernel's version promises. */
#include "os/os.h"
#include "os/syscall.h"

#include <linux/futex.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

/* One word a feature. Relaxed: it publishes nothing but itself, and two threads that try at the
 * same time find the same. UNSURE is tried again, because a program without a free descriptor now
 * must not be without the feature for ever. */
enum { UNSURE = 0, HAS = 1, LACKS = 2 };
static uint32_t found[OS_FEATURES];

static uint32_t verdict(long result, bool good)
{
    if (good)
        return HAS;
    bool passing = result == -EMFILE || result == -ENFILE || result == -ENOMEM ||
                   result == -EAGAIN || result == -EINTR;
    return passing ? UNSURE : LACKS;
}

static uint32_t try_futex_waitv(void)
{
    uint32_t word = 1;
    struct {
        uint64_t seen, word;
        uint32_t flags, reserved;
    } wait = {.seen = 0, .word = (uintptr_t)&word, .flags = 2 | 128};
    long r = OS_CALL(futex_waitv, &wait, 1, 0, NULL, CLOCK_MONOTONIC);
    return verdict(r, r == -EAGAIN);
}

static uint32_t try_pidfd(void)
{
    long self = OS_SURE(getpid, 0), file = OS_CALL(pidfd_open, self, 0);
    if (file < 0) /* who complains of something else than the call itself, knows the call */
        return verdict(file, false) == UNSURE ? HAS : LACKS;
    siginfo_t info;
    long r = OS_CALL_AGAIN(waitid, 3 /* P_PIDFD */, file, &info, WEXITED | WNOHANG, NULL);
    OS_SURE(close, file);
    return verdict(r, r == -ECHILD); /* no child of its own; a kernel without P_PIDFD: EINVAL */
}

/* Only a child that was reaped shows whether its status can still be asked for. vfork's way costs
 * no copy of page tables; without an exit signal the host notices nothing. The child must do
 * nothing but leave, since it stands on our stack; a signal for the whole process group would run
 * the host's handler there, so all are blocked. */
static long start_brief_child(void)
{
    uint64_t all = UINT64_MAX, before;
    OS_SURE(rt_sigprocmask, SIG_SETMASK, &all, &before, OS_SIGSET);
    long child = OS_CALL(clone, CLONE_VM | CLONE_VFORK, 0);
    if (child == 0)
        for (;;)
            OS_SURE(exit, 5);
    OS_SURE(rt_sigprocmask, SIG_SETMASK, &before, NULL, OS_SIGSET);
    return child;
}

static uint32_t try_pidfd_info(void)
{
    struct {
        uint64_t mask, cgroup;
        uint32_t ids[11];
        int32_t exit_code;
    } info = {.mask = 8 /* EXIT */};
    siginfo_t end;
    if (!os_has(OS_PIDFD))
        return LACKS;
    long child = start_brief_child();
    if (child < 0)
        return verdict(child, false);
    long file = OS_CALL(pidfd_open, child, 0);
    while (OS_SURE(waitid, P_PID, child, &end, WEXITED | __WALL, NULL) == -EINTR)
        ; /* vfork lets us go on a little before the child has ended */
    if (file < 0)
        return verdict(file, false);
    long r = OS_CALL(ioctl, file, _IOWR(0xFF, 11, info), &info);
    OS_SURE(close, file);
    return verdict(r, r == 0 && (info.mask & 8) && info.exit_code == 5 << 8);
}

/* The kernel's own store into the page must be refused; one of ours would be a SIGSEGV to catch. */
static uint32_t try_guard(void)
{
    long page =
        OS_CALL(mmap, NULL, OS_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page < 0 && page > -OS_PAGE)
        return UNSURE;
    bool open = OS_SURE(clock_gettime, CLOCK_MONOTONIC, page) == 0;
    long r = OS_CALL(madvise, page, OS_PAGE, 102 /* MADV_GUARD_INSTALL */);
    bool shut = OS_SURE(clock_gettime, CLOCK_MONOTONIC, page) == -EFAULT;
    OS_SURE(munmap, page, OS_PAGE);
    return verdict(r, open && r == 0 && shut);
}

static uint32_t try_epoll_pwait2(void)
{
    struct epoll_event event;
    struct timespec none = {0};
    long file = OS_CALL(epoll_create1, 0);
    if (file < 0)
        return verdict(file, false);
    long r = OS_CALL(epoll_pwait2, file, &event, 1, &none, NULL, OS_SIGSET);
    OS_SURE(close, file);
    return verdict(r, r == 0);
}

static long open_ring(void)
{
    struct io_uring_params parameters = {0};
    return OS_CALL(io_uring_setup, 2, &parameters);
}

static uint32_t try_uring(void)
{
    long ring = open_ring();
    if (ring >= 0)
        OS_SURE(close, ring);
    return verdict(ring, ring >= 0);
}

/* The ring's own list of operations; it is made from the table that runs them. */
static uint32_t try_uring_futex(void)
{
    enum { FUTEX_WAIT_OP = 51, OPERATIONS = 64 };
    char room[sizeof(struct io_uring_probe) + OPERATIONS * sizeof(struct io_uring_probe_op)]
        __attribute__((aligned(8))) = {0};
    struct io_uring_probe *probe = (void *)room;
    long ring = os_has(OS_URING) ? open_ring() : -ENOSYS;
    if (ring < 0)
        return verdict(ring, false);
    long r = OS_CALL(io_uring_register, ring, IORING_REGISTER_PROBE, probe, OPERATIONS);
    OS_SURE(close, ring);
    return verdict(r, r == 0 && probe->last_op >= FUTEX_WAIT_OP &&
                          (probe->ops[FUTEX_WAIT_OP].flags & IO_URING_OP_SUPPORTED));
}

static uint32_t try_robust(void)
{
    void *head;
    size_t size = 0;
    long r = OS_CALL(get_robust_list, 0, &head, &size);
    return verdict(r, r == 0 && size == sizeof(struct robust_list_head));
}

static const struct feature {
    struct os_feature_info info;
    uint32_t (*try)(void);
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
    [OS_URING_FUTEX] = {{"uring_futex", "coroutines that wait on shared words",
                         "one helper thread a process that waits for all of them",
                         "two switches more for each wake from another process"},
                        try_uring_futex},
    [OS_ROBUST] = {{"robust", "noticing at once that a holder of something shared has died",
                    "a look at the holder each 20 ms",
                    "up to 50 ms instead of 1 ms until a death is noticed"},
                   try_robust},
};

bool os_has(enum os_feature feature)
{
    uint32_t state = __atomic_load_n(&found[feature], __ATOMIC_RELAXED);
    if (state == UNSURE) {
        state = features[feature].try();
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

void os_lose(enum os_feature feature)
{
    __atomic_store_n(&found[feature], LACKS, __ATOMIC_RELAXED);
}

void os_hide(const char *list)
{
    while (*list) {
        size_t length = strcspn(list, ",");
        int feature = *list == '-' ? os_feature_named(list + 1, length - 1) : -1;
        if (feature >= 0)
            os_lose((enum os_feature)feature);
        list += length + (list[length] == ',');
    }
}
