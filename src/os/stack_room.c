/* How much stack the calling thread has left. */
#include "os/os.h"

#include <pthread.h>

static __thread char *lowest; /* of this thread's stack, once it was asked for */

static char *stack_lowest(void)
{
    pthread_attr_t attributes;
    void *stack = NULL;
    size_t size = 0, guard = 0;
    int saved = os_errno_get();
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &stack, &size);
        pthread_attr_getguardsize(&attributes, &guard);
        pthread_attr_destroy(&attributes);
    }
    os_errno_set(saved);
    /* musl counts the guard in */
    return stack ? (char *)stack + guard : NULL;
}

size_t os_stack_room(void)
{
    char *here = __builtin_frame_address(0);
    if (!lowest)
        lowest = stack_lowest();
    return lowest && here > lowest ? (size_t)(here - lowest) : 0;
}
