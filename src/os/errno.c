/* errno by calls that are never inlined: compilers keep its address across a switch, and a
 * coroutine may come back on another thread. */
#include "os/os.h"

#include <errno.h>

__attribute__((noinline)) int *os_errno_at(void)
{
    return &errno;
}

__attribute__((noinline)) int os_errno_get(void)
{
    return errno;
}

__attribute__((noinline)) void os_errno_set(int value)
{
    errno = value;
}
