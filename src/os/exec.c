/* Processes without fork(). A fresh image by vfork's way: the child borrows the caller's memory
 * until it executes, so that nothing is copied. fork() and posix_spawn were tried: the first copies
 * page tables (10 ms for 1 GiB), the second cannot set limits, CPUs or the tie to its parent. */
#include "os/child.h"
#include "os/os.h"
#include "os/syscall.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
enum { STACK = 64 * 1024, SIGNALS = 64, LIBC_THREAD = 1024 };

/* As the kernel has it; libc's is another. */
struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

uint64_t os_signal_mask(void)
{
    uint64_t mask = 0;
    OS_SURE(rt_sigprocmask, SIG_SETMASK, NULL, &mask, OS_SIGSET);
    return mask;
}

void os_signal_mask_set(uint64_t mask)
{
    OS_SURE(rt_sigprocmask, SIG_SETMASK, &mask, NULL, OS_SIGSET);
}

void os_outlive_parent(void)
{
    OS_SURE(prctl, PR_SET_PDEATHSIG, 0);
}

void os_give_way(bool does)
{
    struct sched_param none = {0};
    if (OS_SURE(sched_getscheduler, 0) == (does ? SCHED_OTHER : SCHED_BATCH))
        OS_SURE(sched_setscheduler, 0, does ? SCHED_BATCH : SCHED_OTHER, &none);
}

bool os_is_privileged(void)
{
    return getauxval(AT_SECURE) != 0;
}

/* A handler of the program must not run in a child that borrows its memory. What is ignored stays
 * ignored, as exec has it. */
static void forget_handlers(void)
{
    for (int number = 1; number <= SIGNALS; number++) {
        struct kernel_action action = {0};
        if (OS_SURE(rt_sigaction, number, NULL, &action, OS_SIGSET) != 0)
            continue;
        if (action.handler == SIG_DFL || action.handler == SIG_IGN)
            continue;
        action = (struct kernel_action){0};
        OS_SURE(rt_sigaction, number, &action, NULL, OS_SIGSET);
    }
}

static void write_number(char *text, long number)
{
    char digits[12];
    int count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        *text++ = digits[--count];
    *text = '\0';
}

static int image_prepare(const struct os_image *image)
{
    int rc = image->parent ? os_die_with_parent(image->parent) : 0;
    if (rc == 0 && image->change)
        rc = os_child_change(image->change);
    return rc == 0 ? os_descriptors_place(image->descriptors, image->count, true) : rc;
}

/* On a stack of its own, in the memory of the caller, which sleeps meanwhile. */
static int image_child(void *arg)
{
    const struct os_image *image = arg;
    forget_handlers();
    int rc = image_prepare(image);
    write_number(image->pid_text, OS_SURE(getpid, 0));
    os_signal_mask_set(image->mask);
    if (rc == 0)
        rc = (int)OS_CALL(execve, "/proc/self/exe", image->arguments, image->environment);
    *image->error = rc;
    OS_SURE(exit_group, 127);
    return 127;
}

void os_pidfd_end(int pidfd)
{
    struct os_exit end;
    os_pidfd_signal(pidfd, SIGKILL);
    while (os_pidfd_reap(pidfd, &end) == 0)
        os_sleep(50000);
    os_close(pidfd);
}

int os_image_start(const struct os_image *image, int *pidfd)
{
    int saved = os_errno_get(), fault = OS_FAULT("clone"), file = -1;
    char *stack = os_map(STACK);
    if (!stack)
        return -ENOMEM;
    *image->error = 0;
    int pid =
        fault ? -fault
              : clone(image_child, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                      (void *)image, &file, NULL, NULL);
    if (pid < 0 && !fault)
        pid = -os_errno_get();
    os_unmap(stack, STACK);
    if (pid > 0 && *image->error < 0) { /* what is above 0 comes from the new image itself */
        pid = *image->error;
        os_pidfd_end(file);
    }
    if (pid > 0)
        *pidfd = file;
    os_errno_set(saved);
    return pid;
}

/* Looks for the thread's number near the start of what pthread_self points to, where both libcs have
 * it, at the beginning of eight bytes. The second half of such is no place for it, but looks like
 * it in a process whose number is the upper half of libc's own pointers, 0x7f12 say. */
static int *number_found(char *thread, int own)
{
    int words[LIBC_THREAD / sizeof(int)], *found = NULL;
    size_t size = os_peek(thread, words, sizeof words) ? sizeof words : sizeof words / 4;
    if (size < sizeof words && !os_peek(thread, words, size))
        return NULL;
    for (size_t i = 0; i < size / sizeof(int); i += 2)
        if (words[i] == own) {
            if (found)
                return NULL;
            found = (int *)(thread + i * sizeof(int));
        }
    return found;
}

/* Where libc keeps the number of the calling thread. fork() has the kernel renew it in the child,
 * because libc's locks of who owns them would take the child for its parent otherwise. The kernel
 * knows where glibc has it, since it clears that word at the thread's end; musl has it clear
 * another one. */
static int *thread_number(void)
{
    char *thread = (char *)pthread_self();
    int *cleared = NULL, number = 0, own = os_tid();
    bool is_told = OS_SURE(prctl, PR_GET_TID_ADDRESS, &cleared) == 0;
    bool inside = (uintptr_t)cleared - (uintptr_t)thread < LIBC_THREAD;
    if (is_told && inside && os_peek(cleared, &number, sizeof number) && number == own)
        return cleared;
    return number_found(thread, own);
}

/* As the kernel has it; the child's signal is that of this process. */
struct clone_request {
    uint64_t flags, pidfd, child, parent, signal, stack, stack_size, tls;
};

static long clone_sibling(int *pidfd, int *number, int32_t *told)
{
    uint64_t flags = CLONE_PARENT | CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    struct clone_request all = {.flags = flags | CLONE_PARENT_SETTID,
                                .pidfd = (uintptr_t)pidfd,
                                .child = (uintptr_t)number,
                                .parent = (uintptr_t)told};
    long pid = OS_CALL(clone3, &all, sizeof all);
    if (pid != -ENOSYS)
        return pid;
#if defined(__x86_64__)
    pid = OS_CALL(clone, flags | SIGCHLD, 0, pidfd, number, 0);
#else
    pid = OS_CALL(clone, flags | SIGCHLD, 0, pidfd, 0, number);
#endif
    if (pid > 0)
        *told = (int32_t)pid;
    return pid;
}

int os_fork_sibling(int *pidfd, int32_t *told)
{
    static int *number;
    struct os_robust robust;
    if (!number && !(number = thread_number()))
        return -ENOTSUP;
    int rc = os_robust_find(&robust);
    long pid = clone_sibling(pidfd, number, told);
    if (pid == 0 && rc == 0) /* since the kernel forgets it; fork() of libc would tell it again */
        OS_SURE(set_robust_list, robust.head, 3 * sizeof(void *));
    return (int)pid;
}
