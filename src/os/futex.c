#include "os/os.h"
#include "os/syscall.h"
#include "os/time.h"

#include <linux/futex.h>

/* struct futex_waitv and its flags, own ones because older kernel headers lack them. */
struct waitv {
    uint64_t seen, word;
    uint32_t flags, reserved;
};
enum { WAITV_U32 = 2, WAITV_PRIVATE = 128 };

static int private_flag(bool shared)
{
    return shared ? 0 : FUTEX_PRIVATE_FLAG;
}

/* WAIT_BITSET rather than WAIT, because only it takes an absolute deadline. */
int os_futex_wait(uint32_t *word, uint32_t seen, bool shared, int64_t deadline)
{
    struct timespec time = os_timespec(deadline);
    if (OS_FAULT("futex_wait"))
        return 0; /* the cruelty that a kernel does commit: waking nobody knows why */
    long r = OS_SURE(futex, word, FUTEX_WAIT_BITSET | private_flag(shared), seen,
                     deadline == OS_NEVER ? NULL : &time, NULL, FUTEX_BITSET_MATCH_ANY);
    return r == -EINTR ? 0 : (int)r;
}

int os_futex_wait_any(const struct os_word *words, int count, int64_t deadline)
{
    struct waitv wait[OS_WAIT_ANY_MOST];
    if (count < 1 || count > OS_WAIT_ANY_MOST)
        return -EINVAL;
    if (!os_has(OS_FUTEX_WAITV))
        return -ENOSYS;
    for (int i = 0; i < count; i++)
        wait[i] = (struct waitv){.seen = words[i].seen,
                                 .word = (uintptr_t)words[i].word,
                                 .flags = WAITV_U32 | (words[i].shared ? 0 : WAITV_PRIVATE)};
    struct timespec time = os_timespec(deadline);
    if (OS_FAULT("futex_waitv"))
        return -EINTR;
    return (int)OS_SURE(futex_waitv, wait, count, 0, deadline == OS_NEVER ? NULL : &time,
                        CLOCK_MONOTONIC);
}

int os_futex_wake(uint32_t *word, int count, bool shared)
{
    return (int)OS_SURE(futex, word, FUTEX_WAKE | private_flag(shared), count, NULL, NULL, 0);
}

int os_futex_move(uint32_t *word, uint32_t *onto)
{
    return (int)OS_SURE(futex, word, FUTEX_REQUEUE | private_flag(false), 0, 1L, onto, 0);
}
