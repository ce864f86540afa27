/* plait/macros.h - what the other headers are made of. Include <plait.h>. */
#ifndef PLAIT_MACROS_H
#define PLAIT_MACROS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLAIT_MUST_USE __attribute__((warn_unused_result))
#define PLAIT_CLEANUP(function) __attribute__((cleanup(function), unused))
#define PLAIT_PASTE_(a, b) a##b
#define PLAIT_PASTE(a, b) PLAIT_PASTE_(a, b)
#define PLAIT_UNIQUE(name) PLAIT_PASTE(plait_##name##_, __LINE__)
#define PLAIT_UNSIZED ((size_t)-1)

#ifdef __cplusplus
#define PLAIT_OPTIONS(type)                                                                        \
    void *reserved[4];                                                                             \
    const type *operator&() const { return this; }
extern "C++" template <class T> constexpr size_t plait_size_of(T *) { return sizeof(T); }
extern "C++" constexpr size_t plait_size_of(const void *) { return PLAIT_UNSIZED; }
extern "C++" template <> constexpr size_t plait_size_of<void>(void *) { return PLAIT_UNSIZED; }
#define PLAIT_SIZE_OF(pointer) plait_size_of(pointer)
#else
#define PLAIT_OPTIONS(type) void *reserved[4];
#define PLAIT_SIZE_OF(pointer)                                                                     \
    _Generic((pointer), void *: PLAIT_UNSIZED, const void *: PLAIT_UNSIZED, default: sizeof *(pointer))
#endif

PLAIT_MUST_USE static inline int plait_zero_(ssize_t size)
{
    return size < 0 ? (int)size : 0;
}

typedef enum plait_carrier { PLAIT_PROCESS = 1, PLAIT_THREAD, PLAIT_COROUTINE } plait_carrier;
typedef enum plait_where { PLAIT_PRIVATE, PLAIT_SHARED } plait_where;
typedef int plait_function(void *arg);
typedef struct plait_task plait_task;
typedef struct plait_queue plait_queue;

#ifdef __cplusplus
}
#endif
#endif
