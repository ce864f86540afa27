/* What only the kernel can say or do about a shared word and its holder. */
#include "os/os.h"
#include "os/syscall.h"

#include <limits.h>
#include <linux/futex.h>

/* FUTEX_WAKE_OP holds the futex's queue while it changes the word, so nobody can compare and queue
 * in between, and a kill comes before or after it. Two calls would leave a moment in which somebody
 * sleeps without the bit, and a kill there loses him. */
int os_futex_clear(uint32_t *word, int bit, bool shared)
{
    int flag = shared ? 0 : FUTEX_PRIVATE_FLAG;
    unsigned clear = FUTEX_OP_ANDN | FUTEX_OP_OPARG_SHIFT; /* its place is the sign bit of an int */
    unsigned change = FUTEX_OP(clear, bit, FUTEX_OP_CMP_LT, 0);
    return (int)OS_SURE(futex, word, FUTEX_WAKE_OP | flag, INT_MAX, 0, word, change);
}

/* To lock a PI futex that names a thread as its owner, the kernel must find that thread, and it
 * knows better than any signal or /proc entry would tell: a zombie is gone, a dying thread is
 * waited for until its robust list has been walked, no permission is asked and nothing is sent. */
bool os_thread_is_gone(pid_t tid)
{
    uint32_t word = (uint32_t)tid;
    long r = OS_SURE(futex, &word, FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
    if (r == -ENOSYS) /* a kernel without PI; this one takes a zombie for a living thread */
        return OS_SURE(sched_getscheduler, tid) == -ESRCH;
    return r == -ESRCH; /* EPERM: it lives in another process, or in the kernel */
}
