/* What AddressSanitizer, ThreadSanitizer and Valgrind must be told of stacks. Untold, the first
 * two report false errors or crash at the first switch. Everything here is empty in plain builds.
 *
 * A switch is: os_fiber_leave(&from, &to, ends); os_switch(...); and, on the stack that goes on,
 * os_fiber_arrive(&now, &came_from). Nothing of either stack may be touched between leave and
 * os_switch. */
#ifndef OS_SANITIZER_H
#define OS_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OS_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define OS_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define OS_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define OS_TSAN 1
#endif
/* PLAIT_VALGRIND is for release builds that are to run under valgrind; the fault builds have it
 * anyway. */
#if (defined(PLAIT_VALGRIND) || defined(PLAIT_FAULTS)) && defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define OS_VALGRIND 1
#endif
#endif

/* For functions that read records which may be another task's by then: what they read is a hint,
 * and ThreadSanitizer is not told of it. */
#ifdef OS_TSAN
#define OS_READS_HINTS __attribute__((no_sanitize("thread")))
#else
#define OS_READS_HINTS
#endif

#ifdef OS_ASAN
void __sanitizer_start_switch_fiber(void **fake, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake, const void **bottom, size_t *size);
void __asan_unpoison_memory_region(const volatile void *address, size_t size);
#endif
#ifdef OS_TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_set_fiber_name(void *fiber, const char *name);
#endif

/* Does ThreadSanitizer watch? For what the kernel orders and it cannot see, and for the names of
 * fibers, which only it keeps: making one up costs more than a coroutine's start. */
static inline bool os_tsan_watches(void)
{
#ifdef OS_TSAN
    return true;
#else
    return false;
#endif
}

/* Does a tool look for memory that is used behind its end? Then none of it is kept for the next
 * one. */
static inline bool os_memory_is_watched(void)
{
#if defined(OS_ASAN) || defined(OS_VALGRIND)
    return true;
#else
    return false;
#endif
}

struct os_fiber {
    void *fake;         /* ASan: its frames on the heap while it does not run */
    void *tsan;         /* TSan: the fiber */
    const void *bottom; /* lowest address of the stack; NULL: an adopted one nobody came from yet */
    size_t size;
    unsigned valgrind; /* the stack's number */
    bool adopted;      /* a thread's own stack: its fiber is not ours to destroy */
};

/* A stack on which os_context is about to be made. `name` may be NULL. */
static inline void os_fiber_new(struct os_fiber *fiber, void *stack, size_t size, const char *name)
{
    *fiber = (struct os_fiber){.bottom = stack, .size = size};
#ifdef OS_TSAN
    fiber->tsan = __tsan_create_fiber(0);
    if (name)
        __tsan_set_fiber_name(fiber->tsan, name);
#endif
#ifdef OS_VALGRIND
    fiber->valgrind = VALGRIND_STACK_REGISTER(stack, (char *)stack + size);
#endif
}

/* The stack the calling thread stands on. */
static inline void os_fiber_adopt(struct os_fiber *fiber)
{
    *fiber = (struct os_fiber){.adopted = true};
#ifdef OS_TSAN
    fiber->tsan = __tsan_get_current_fiber();
#endif
}

/* Right before os_switch. from_ends: nobody will switch back to `from`. */
static inline __attribute__((always_inline)) void
os_fiber_leave(struct os_fiber *from, const struct os_fiber *to, bool from_ends)
{
#ifdef OS_ASAN
    __sanitizer_start_switch_fiber(from_ends ? NULL : &from->fake, to->bottom, to->size);
#endif
#ifdef OS_TSAN
    __tsan_switch_to_fiber(to->tsan,
                           0); /* also orders what was done here before what is done there */
#endif
}

/* Right after os_switch, or first in a new context. `from`: where the switch came from; may be
 * NULL. Only an adopted one is written to, and only the first time, so it may be one that has
 * ended. */
static inline __attribute__((always_inline)) void os_fiber_arrive(struct os_fiber *now,
                                                                  struct os_fiber *from)
{
#ifdef OS_ASAN
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(now->fake, &bottom, &size);
    if (from && from->adopted && !from->bottom) {
        from->bottom = bottom;
        from->size = size;
    }
#endif
}

/* The calling thread is about to step from the stack it stands on, `caller`, to `callee`, and will
 * be whoever it is on that one too: `own`, by which switches know its stack, is the callee's until
 * os_fiber_take_back. */
struct os_fiber_loan {
    struct os_fiber *caller;
    struct os_fiber own;
};
static inline void os_fiber_lend(struct os_fiber_loan *loan, struct os_fiber *caller,
                                 struct os_fiber *own, const struct os_fiber *callee)
{
#if defined(OS_ASAN) || defined(OS_TSAN)
    os_fiber_adopt(caller);
    loan->caller = caller;
    loan->own = *own;
    *own = *callee;
#endif
}
static inline void os_fiber_take_back(const struct os_fiber_loan *loan, struct os_fiber *own)
{
#if defined(OS_ASAN) || defined(OS_TSAN)
    *own = loan->own;
#endif
}

/* The stack is not used any more; not by who stands on it. The record may lie on that stack. */
static inline void os_fiber_end(struct os_fiber *fiber)
{
#ifdef OS_ASAN
    /* Its last user never returned from its frames. Here and not at the next os_fiber_new, because
     * the memory is written to before that one, or given back. */
    if (!fiber->adopted)
        __asan_unpoison_memory_region(fiber->bottom, fiber->size);
#endif
#ifdef OS_TSAN
    if (!fiber->adopted)
        __tsan_destroy_fiber(fiber->tsan);
#endif
#ifdef OS_VALGRIND
    /* What lay below the last stack pointer is no stack's any more: the next user's record may lie
     * there, since coroutines and generators have records of different sizes. */
    if (!fiber->adopted)
        VALGRIND_MAKE_MEM_DEFINED(fiber->bottom, fiber->size);
    if (!fiber->adopted)
        VALGRIND_STACK_DEREGISTER(fiber->valgrind);
#endif
}

#endif
