#include "os/fault.h"

#include <errno.h>
#include <stddef.h>

#ifdef PLAIT_FAULTS

/* Words, all relaxed: tests arm before they start what they test, and thread start orders that.
 * armed: 0 off, 1 counting; nth: which passage fails, 0 none; hits: passages so far; failed: its
 * name. */
static int armed;
static long nth;
static int error;
static long hits;
static const char *failed;

int os_fault_arm(long number, int code)
{
    __atomic_store_n(&hits, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&failed, NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&nth, number, __ATOMIC_RELAXED);
    __atomic_store_n(&error, code, __ATOMIC_RELAXED);
    __atomic_store_n(&armed, 1, __ATOMIC_RELAXED);
    return 0;
}

void os_fault_disarm(void)
{
    __atomic_store_n(&armed, 0, __ATOMIC_RELAXED);
}

long os_fault_hits(void)
{
    return __atomic_load_n(&hits, __ATOMIC_RELAXED);
}

const char *os_fault_name(void)
{
    return __atomic_load_n(&failed, __ATOMIC_RELAXED);
}

int os_fault_pass(const char *name)
{
    if (!__atomic_load_n(&armed, __ATOMIC_RELAXED))
        return 0;
    long number = __atomic_add_fetch(&hits, 1, __ATOMIC_RELAXED);
    if (number != __atomic_load_n(&nth, __ATOMIC_RELAXED))
        return 0;
    __atomic_store_n(&failed, name, __ATOMIC_RELAXED);
    return __atomic_load_n(&error, __ATOMIC_RELAXED);
}

#else

int os_fault_arm(long number, int code)
{
    return -ENOSYS;
}

void os_fault_disarm(void)
{
}

long os_fault_hits(void)
{
    return 0;
}

const char *os_fault_name(void)
{
    return NULL;
}

#endif
