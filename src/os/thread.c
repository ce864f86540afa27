#include "os/cgroup.h"
#include "os/os.h"
#include "os/sanitizer.h"
#include "os/syscall.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

enum { STACK = 256 * 1024, NAME = 16 };

pid_t os_tid(void)
{
    return (pid_t)OS_SURE(gettid, 0);
}

void os_yield(void)
{
    OS_SURE(sched_yield, 0);
}

static int allowed_now(void)
{
    uint64_t mask[128]; /* 8,192 CPUs; the kernel refuses a mask smaller than its own */
    long bytes = OS_CALL(sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (long i = 0; i < bytes / (long)sizeof mask[0]; i++)
        count += __builtin_popcountll(mask[i]);
    return count > 0 ? count : 1;
}

static int allowed_at_start;

__attribute__((constructor(101))) static void thread_begin(void)
{
    allowed_at_start = allowed_now();
}

/* Of the program, not of the calling thread: one that has pinned itself to a CPU must not decide
 * for all others that nobody else can run. */
int os_cpus_allowed(void)
{
    return allowed_at_start ? allowed_at_start : allowed_now();
}

int os_cpus(void)
{
    int allowed = os_cpus_allowed();
    int quota = os_cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
    return quota > 0 && quota < allowed ? quota : allowed;
}

void os_thread_name(const char *name)
{
    OS_SURE(prctl, PR_SET_NAME, name); /* the kernel cuts it to 15 characters */
}

/* What the new thread needs, on the heap because a detached thread may begin after its starter has
 * gone on. */
struct start {
    void (*main)(void *);
    void *arg;
    char name[NAME];
};

/* Threads created that have not begun. AddressSanitizer allocates on their way there, and its
 * allocator, unlike libc's, does not mend its locks in the child of a fork: a child would hang. */
static uint32_t coming;

void os_threads_settle(void)
{
#ifdef OS_ASAN
    for (int looks = 0; __atomic_load_n(&coming, __ATOMIC_ACQUIRE) && looks < 1000; looks++)
        os_sleep(100000);
#endif
}

static void *begin(void *p)
{
    struct start start = *(struct start *)p;
    os_free(p);
    __atomic_sub_fetch(&coming, 1, __ATOMIC_RELEASE); /* pairs with os_threads_settle */
    os_thread_name(start.name);
    start.main(start.arg);
    return NULL;
}

/* A thread's own faults must stay open: a blocked one kills the process without its handler. */
static void plait_mask(sigset_t *mask)
{
    static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigfillset(mask);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        sigdelset(mask, open[i]);
}

static int create(struct start *start, size_t stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error = pthread_attr_init(&attributes);
    if (error)
        return error;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    error = pthread_attr_setstacksize(&attributes, stack);
    if (!error)
        error = pthread_create(&thread, &attributes, begin, start);
    pthread_attr_destroy(&attributes);
    return error;
}

int os_thread_start(void (*thread_main)(void *), void *arg, size_t stack, const char *name)
{
    int fault = OS_FAULT("pthread_create"), saved = os_errno_get();
    struct start *start = fault ? NULL : os_alloc(sizeof *start);
    if (!start)
        return fault ? -fault : -ENOMEM;
    *start = (struct start){.main = thread_main, .arg = arg};
    strncpy(start->name, name, NAME - 1);
    sigset_t mask, before;
    plait_mask(&mask);
    /* Blocked here and inherited, because a signal could otherwise reach the new thread before it
     * blocks them itself. */
    pthread_sigmask(SIG_SETMASK, &mask, &before);
    __atomic_add_fetch(&coming, 1, __ATOMIC_RELAXED);
    int error = create(start, stack > STACK ? stack : STACK);
    if (error ==
        EINVAL) /* thread-local data of the program does not fit: glibc takes it from the stack */
        error = create(start, 32 * STACK);
    if (error)
        __atomic_sub_fetch(&coming, 1, __ATOMIC_RELAXED);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    os_errno_set(saved);
    if (error)
        os_free(start);
    return -error;
}
