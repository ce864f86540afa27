/* libstdc++ keeps what a thread is catching in 16 bytes of thread-local data. Two coroutines of one
 * worker that are inside catch blocks would mix their exceptions, so a switch swaps them. C
 * programs have no libstdc++: then this is one test of an address that the linker left at 0. */
#ifndef OS_EXCEPTIONS_H
#define OS_EXCEPTIONS_H

#include <stdbool.h>
#include <stddef.h>

void *__cxa_get_globals(void) __attribute__((weak));

struct os_exceptions {
    void *caught;
    size_t uncaught; /* an unsigned int in libstdc++'s struct, padded */
};

static inline bool os_has_exceptions(void)
{
    return __cxa_get_globals != NULL;
}

/* The calling thread's into *save, *load into the thread's. Before the switch, on the old stack. */
static inline void os_exceptions_swap(struct os_exceptions *save, const struct os_exceptions *load)
{
    if (__builtin_expect(__cxa_get_globals != NULL, 0)) {
        struct os_exceptions *now = __cxa_get_globals();
        *save = *now;
        *now = *load;
    }
}

#endif
