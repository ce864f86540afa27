/* System calls without libc: they answer -errno and leave errno alone, so that a coroutine's errno
 * and a signal handler's are never disturbed, and they are not cancellation points. Every one that
 * can fail passes the seam of fault.h. */
#ifndef OS_SYSCALL_H
#define OS_SYSCALL_H

#include "os/fault.h"

#include <errno.h>
#include <sys/syscall.h>

/* Headers older than the oldest kernel's newest calls; these numbers are the same on every CPU. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#define SYS_io_uring_register 427
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { OS_SIGSET = 8 }; /* bytes of the kernel's signal set; libc's is larger */

/* Inlined even by -O0, because a child that shares our stack (probe.c) must not return from a
 * function: its next call would overwrite the address that we are to return to. */
#define OS_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
OS_INLINE long os_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
OS_INLINE long os_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
#error "plait: no system calls for this CPU yet: src/os/syscall.h and a context_CPU.S are needed"
#endif

#define OS_SIX_(number, a, b, c, d, e, f, ...)                                                     \
    os_syscall(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* OS_CALL(futex, word, FUTEX_WAKE, 1): the result or -errno. */
#define OS_CALL(name, ...)                                                                         \
    ({                                                                                             \
        long fault_ = OS_FAULT(#name);                                                             \
        fault_ ? -fault_ : OS_SIX_(SYS_##name, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0);                  \
    })
/* Without the seam: calls that the kernel cannot refuse when their arguments are right. Making
 * these fail would show hangs that cannot happen, as a wake-up that got lost. */
#define OS_SURE(name, ...) OS_SIX_(SYS_##name, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
/* As OS_CALL until it is not EINTR; only for calls that may simply be made again. */
#define OS_CALL_AGAIN(name, ...)                                                                   \
    ({                                                                                             \
        long again_;                                                                               \
        do                                                                                         \
            again_ = OS_CALL(name, __VA_ARGS__);                                                   \
        while (again_ == -EINTR);                                                                  \
        again_;                                                                                    \
    })

#endif
