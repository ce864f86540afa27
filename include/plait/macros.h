/* plait/macros.h - what the other headers are made of. Include <plait.h>.
 *
 * Nothing to call. The words that all nouns share stand here - the carrier, the place of an object,
 * the function that a task runs - and the few macros under plait_put, plait_get and plait_with.
 *
 * Example:
 *     int work(void *arg) // a plait_function: 0, or a status of its own
 *     {
 *         return printf("%s\n", (char *)arg) < 0;
 *     }
 *     int run(plait_carrier carrier) // one word: the rest of a program stays as it is
 *     {
 *         return plait_start(NULL, carrier, work, (void *)"hello", NULL);
 *     }
 *
 * Options: each call that has some takes a pointer to a struct last but for the deadline; NULL is
 * all defaults, a zero field is its default, and four reserved words at its end must be zero, so
 * that an older library answers a newer field with -EINVAL instead of ignoring it. Write them as
 * `&(plait_start_options){ .name = "a" }`: in C++ it is the same text. Since 0.1. */
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

/* On what hands over or takes: an ignored result is a lost item or a lock that is not held. */
#define PLAIT_MUST_USE __attribute__((warn_unused_result))
/* A variable whose function runs when its block is left, however it is left. */
#define PLAIT_CLEANUP(function) __attribute__((cleanup(function), unused))
/* A name of its own for each line, so that nested blocks do not shadow each other. */
#define PLAIT_PASTE_(a, b) a##b
#define PLAIT_PASTE(a, b) PLAIT_PASTE_(a, b)
#define PLAIT_UNIQUE(name) PLAIT_PASTE(plait_##name##_, __LINE__)
/* Size of what a void pointer points to: it is not checked, because there is no type; the object's
 * own size is taken. */
#define PLAIT_UNSIZED ((size_t)-1)

/* PLAIT_OPTIONS ends every options struct. PLAIT_SIZE_OF is the size of what a pointer points to:
 * _Generic in C and an overload in C++, rather than typeof and statement expressions, because those
 * are neither C++ nor constant. The unary operator& lets C++ take the address of a temporary, so
 * that options are written in both languages alike. */
#ifdef __cplusplus
#define PLAIT_OPTIONS(type)                                                                        \
    void *reserved[4];                                                                             \
    const type *operator&() const                                                                  \
    {                                                                                              \
        return this;                                                                               \
    }
extern "C++" template <class T> constexpr size_t plait_size_of(T *)
{
    return sizeof(T);
}
extern "C++" constexpr size_t plait_size_of(const void *)
{
    return PLAIT_UNSIZED;
}
extern "C++" template <> constexpr size_t plait_size_of<void>(void *)
{
    return PLAIT_UNSIZED;
}
#define PLAIT_SIZE_OF(pointer) plait_size_of(pointer)
#else
#define PLAIT_OPTIONS(type) void *reserved[4];
#define PLAIT_SIZE_OF(pointer)                                                                     \
    _Generic((pointer), void *: PLAIT_UNSIZED, const void *: PLAIT_UNSIZED,                        \
             default: sizeof *(pointer))
#endif

/* For the short form of what returns a size: an error stays what it is, any size becomes 0. */
PLAIT_MUST_USE static inline int plait_zero_(ssize_t size)
{
    return size < 0 ? (int)size : 0;
}

/* What runs a task. 0 is no carrier (-EINVAL), because the choice is to be read in the program.
 *   PLAIT_PROCESS    a child by fork: memory of its own, safe from the others' crashes; the dearest
 *                    to start
 *   PLAIT_THREAD     an OS thread: memory in common, runs beside the others on another CPU
 *   PLAIT_COROUTINE  a stack on plait's own workers: a hundred thousand of them are fine, and the
 *                    cheapest to start; a computation without plait calls keeps its worker to
 *                    itself */
typedef enum plait_carrier { PLAIT_PROCESS = 1, PLAIT_THREAD, PLAIT_COROUTINE } plait_carrier;

/* Whose an object is: of one process, or of all that have the memory it lies in. One word for all
 * nouns: the last parameter of an _init, the field .where of options. */
typedef enum plait_where { PLAIT_PRIVATE, PLAIT_SHARED } plait_where;

/* What a task runs. 0 is success; every other int is a status of your own, given whole to
 * plait_join on all carriers, and counts as failed in plait_join_all. */
typedef int plait_function(void *arg);
/* What a pool's worker runs: `in` is a copy of the bytes that were submitted, `out` room for the
 * result. 0: done, and *out is the result; else failed with that. */
typedef int plait_job(const void *in, void *out);

/* Handles. They are opaque, and known by number rather than by address: one that was given back is
 * recognized. */
typedef struct plait_task plait_task;
typedef struct plait_queue plait_queue;
typedef struct plait_future plait_future;
typedef struct plait_pool plait_pool;

#ifdef __cplusplus
}
#endif
#endif
