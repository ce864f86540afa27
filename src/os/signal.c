/* One signal that asks for something: the handler only makes a mark, whoever waits for it does the
 * work, because hardly anything may be called in a handler. */
#include "os/os.h"
#include "os/syscall.h"

#include <signal.h>

static uint32_t marks;

static void on_signal(int number)
{
    __atomic_fetch_add(&marks, 1, __ATOMIC_RELEASE);
    OS_SURE(futex, &marks, 1 | 128, INT32_MAX); /* FUTEX_WAKE, private */
}

int os_signal_catch(int number)
{
    struct sigaction old, ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
    if (sigaction(number, NULL, &old) != 0)
        return -EINVAL;
    if (old.sa_flags & SA_SIGINFO || (old.sa_handler != SIG_DFL && old.sa_handler != on_signal))
        return -EBUSY;
    return sigaction(number, &ours, NULL) == 0 ? 0 : -EINVAL;
}

uint32_t os_signal_wait(uint32_t seen)
{
    uint32_t now;
    while ((now = __atomic_load_n(&marks, __ATOMIC_ACQUIRE)) == seen)
        os_futex_wait(&marks, seen, false, OS_NEVER);
    return now;
}
