/* Threads that run a user's function: signals as the starter has them, and joinable. */
#include "os/os.h"
#include "os/syscall.h"

#include <limits.h>
#include <pthread.h>

int os_thread_create(pthread_t *thread, void *(*main)(void *), void *arg, size_t stack)
{
    int fault = OS_FAULT("pthread_create"), saved = os_errno_get();
    pthread_attr_t attributes;
    if (fault || pthread_attr_init(&attributes))
        return fault ? -fault : -ENOMEM;
    if (stack && stack < (size_t)PTHREAD_STACK_MIN)
        stack = PTHREAD_STACK_MIN;
    stack = (stack + OS_PAGE - 1) & ~(size_t)(OS_PAGE - 1);
    int error = stack ? pthread_attr_setstacksize(&attributes, stack) : 0;
    if (!error)
        error = pthread_create(thread, &attributes, main, arg);
    pthread_attr_destroy(&attributes);
    os_errno_set(saved);
    return -error;
}
