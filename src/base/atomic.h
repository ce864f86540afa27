/* All atomics of plait, in one place.
 *
 * In the `explore` build each access is a point where the explorer of tests/explore chooses who
 * runs next, so that the real functions run under all interleavings of two or three tasks. No
 * fences: ThreadSanitizer does not understand them, and every pairing below is between two accesses
 * that can be named. The order is the last argument, without prefix: RELAXED, ACQUIRE, RELEASE,
 * ACQ_REL, SEQ_CST. */
#ifndef BASE_ATOMIC_H
#define BASE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef PLAIT_EXPLORE
void explore_point(const volatile void *address);
#define ATOM_POINT_(p) explore_point(p)
#else
#define ATOM_POINT_(p) ((void)0)
#endif

#define atom_load(p, order) (ATOM_POINT_(p), __atomic_load_n(p, __ATOMIC_##order))
#define atom_store(p, value, order) (ATOM_POINT_(p), __atomic_store_n(p, value, __ATOMIC_##order))
#define atom_swap(p, value, order) (ATOM_POINT_(p), __atomic_exchange_n(p, value, __ATOMIC_##order))
#define atom_add(p, value, order) (ATOM_POINT_(p), __atomic_fetch_add(p, value, __ATOMIC_##order))
#define atom_sub(p, value, order) (ATOM_POINT_(p), __atomic_fetch_sub(p, value, __ATOMIC_##order))
#define atom_or(p, value, order) (ATOM_POINT_(p), __atomic_fetch_or(p, value, __ATOMIC_##order))
#define atom_and(p, value, order) (ATOM_POINT_(p), __atomic_fetch_and(p, value, __ATOMIC_##order))
/* Strong compare and swap; on failure *seen is what was there, read with ACQUIRE. */
#define atom_cas(p, seen, value, order)                                                            \
    (ATOM_POINT_(p),                                                                               \
     __atomic_compare_exchange_n(p, seen, value, false, __ATOMIC_##order, __ATOMIC_ACQUIRE))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#endif
