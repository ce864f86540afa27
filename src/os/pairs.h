/* Bytes that others may be changing, copied sixteen at a time through registers: for who looks
 * afterwards whether they belong together, and throws them away when they do not.
 *
 * No atomics: a load may be torn, and only its order matters. On x86-64 loads are in the order of
 * the program; elsewhere a fence stands behind them, which ThreadSanitizer does not understand, so
 * that its builds must do without (OS_PAIRS is 0). */
#ifndef OS_PAIRS_H
#define OS_PAIRS_H

#include "os/sanitizer.h"

#include <stddef.h>

#ifdef OS_TSAN
#define OS_PAIRS 0
#else
#define OS_PAIRS 1
#endif

typedef long long os_pair __attribute__((vector_size(16), aligned(1), may_alias));

/* Sizes 16 to 64: no branch depends on the size, because it comes from memory, and a branch guessed
 * wrong would let all that follows wait for it. Pairs overlap instead. */
enum { OS_PAIRS_LEAST = 16, OS_PAIRS_MOST = 64 };
struct os_pairs {
    os_pair first, second, third, last;
};

static inline size_t os_pair_at(size_t offset, size_t size)
{
    return offset < size - sizeof(os_pair) ? offset : size - sizeof(os_pair);
}

static inline struct os_pairs os_pairs_load(const void *from, size_t size)
{
    const volatile char *at = from;
    struct os_pairs pairs = {
        *(const volatile os_pair *)at,
        *(const volatile os_pair *)(at + os_pair_at(16, size)),
        *(const volatile os_pair *)(at + os_pair_at(32, size)),
        *(const volatile os_pair *)(at + size - sizeof(os_pair)),
    };
#if defined(__x86_64__)
    __atomic_signal_fence(__ATOMIC_ACQUIRE);
#elif !defined(OS_TSAN)
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
    return pairs;
}

static inline void os_pairs_store(void *to, struct os_pairs pairs, size_t size)
{
    char *at = to;
    *(os_pair *)at = pairs.first;
    *(os_pair *)(at + os_pair_at(16, size)) = pairs.second;
    *(os_pair *)(at + os_pair_at(32, size)) = pairs.third;
    *(os_pair *)(at + size - sizeof(os_pair)) = pairs.last;
}

#endif
