/* plait/value.h - one number that many tasks change. Include <plait.h>.
 *
 * A value is a 64-bit integer, or a double, that is read, set and added to in one step each: no
 * reader sees half a change, and no change is lost between two that add. For counters, marks of
 * progress, positions, flags of your own; what must change together with something else belongs
 * under a plait_lock.
 *
 * Example:
 *     static plait_value done; // zeroed: private and 0, no init needed
 *     int one_file(void *name)
 *     {
 *         return plait_value_add(&done, 1) == 100 ? puts("that was the last one") : 0;
 *     }
 *     int show_progress(void)
 *     {
 *         for (int64_t seen = 0; seen < 100; seen = plait_value_get(&done)) {
 *             printf("%ld of 100\n", (long)seen);
 *             int rc = plait_value_wait(&done, seen, plait_after(10 * PLAIT_SECOND));
 *             if (rc < 0)
 *                 return rc;
 *         }
 *         return 0;
 *     }
 *
 * Threads, coroutines and plain pthreads may use one value at the same moment; with PLAIT_SHARED
 * processes too. What was written before a change is seen by whoever sees the change: by get, add,
 * swap or the end of a wait. A process killed at any instruction leaves the number as it was before
 * its change or as it is after it; nobody is told, for nothing is half done.
 *
 * The number has no type of its own: one value is used either with the calls for integers or with
 * those for doubles, and what one kind wrote the other reads as bits. That is also how a change of
 * a double is waited for: `plait_value_wait(&v, plait_value_get(&v), deadline)`.
 *
 * The struct is 64 bytes, yours, and may be freed as soon as nobody uses it any more: a private one
 * is not touched once its change can be seen. A shared one is looked at once more, so its memory
 * must not be unmapped (plait_share_free) while a call is under way. After fork a private value is
 * the child's own copy. An add costs what the processor's own atomic add does. Since 0.1; after
 * Python's multiprocessing.Value, whose `+=` needs a lock. */
#ifndef PLAIT_VALUE_H
#define PLAIT_VALUE_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_value {
    uint64_t own[8];
} plait_value;

/* Makes a value of 0, which is 0.0 as well. Needed for PLAIT_SHARED only: zeroes are a private one.
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED in memory from plait_share
 *   errors   none
 *   misuse   PLAIT_SHARED in other memory: children would not see it
 *   blocks   never */
void plait_value_init(plait_value *value, plait_where where);

/* The number now. It may have changed when you look at it.
 *   returns  the number
 *   errors   none
 *   blocks   never */
int64_t plait_value_get(const plait_value *value);

/* Overwrites the number.
 *   errors   none
 *   blocks   never */
void plait_value_set(plait_value *value, int64_t number);

/* Adds to the number. What grows beyond INT64_MAX goes on from INT64_MIN.
 *   number   what to add, also negative
 *   returns  the new number, which no other add that changes it is given
 *   errors   none
 *   blocks   never */
int64_t plait_value_add(plait_value *value, int64_t number);

/* Compare and swap: overwrites the number if it is what was expected.
 *   expected what it should be; on false overwritten by what it is
 *   returns  true: it was, and is `wanted` now
 *   errors   none
 *   misuse   expected NULL
 *   blocks   never */
bool plait_value_swap(plait_value *value, int64_t *expected, int64_t wanted);

/* Waits until the number is another one.
 *   seen     what the caller knows already
 *   returns  0: it is another one, or was; one that changed back before the waiter could look is
 *            not noticed
 *   errors   -EAGAIN (PLAIT_NOW, and it is still the same), -ETIMEDOUT, -ECANCELED
 *   misuse   a duration where a deadline belongs
 *   blocks   until it changes or the deadline */
PLAIT_MUST_USE int plait_value_wait(plait_value *value, int64_t seen, int64_t deadline);

/* As plait_value_get, for a double.
 *   returns  the number
 *   errors   none
 *   blocks   never */
double plait_value_get_double(const plait_value *value);

/* As plait_value_set, for a double.
 *   errors   none
 *   blocks   never */
void plait_value_set_double(plait_value *value, double number);

/* As plait_value_add, for a double. Sums of doubles are rounded, so their order may show.
 *   returns  the new number
 *   errors   none
 *   blocks   never */
double plait_value_add_double(plait_value *value, double number);

/* What plait_value_add is where a shared value is changed on which nobody sleeps: the atomic add
 * between two looks for sleepers, in place, because a call would cost a third as much again. All
 * else, misuse too, is for the function in the library. Bits: own[0] says what the object is;
 * own[1] has bit 31 when somebody may sleep; own[2] is the number.
 *   errors   none
 *   blocks   never */
#define PLAIT_VALUE_SHARED_ (UINT64_C(0x80) << 32)
#define PLAIT_VALUE_SLEEPS_ (UINT64_C(1) << 31)
void plait_value_wake_(plait_value *value);
int64_t plait_value_add_(plait_value *value, int64_t number) __asm__("plait_value_add");
extern inline __attribute__((gnu_inline)) int64_t plait_value_add(plait_value *value,
                                                                  int64_t number)
{
    if (__builtin_expect(
            !value || (uintptr_t)value & 7 ||
                __atomic_load_n(&value->own[0], __ATOMIC_RELAXED) != PLAIT_VALUE_SHARED_ ||
                __atomic_load_n(&value->own[1], __ATOMIC_RELAXED) & PLAIT_VALUE_SLEEPS_,
            0))
        return plait_value_add_(value, number);
    uint64_t sum = __atomic_add_fetch(&value->own[2], (uint64_t)number, __ATOMIC_SEQ_CST);
    if (__builtin_expect(
            (__atomic_load_n(&value->own[1], __ATOMIC_SEQ_CST) & PLAIT_VALUE_SLEEPS_) != 0, 0))
        plait_value_wake_(value);
    return (int64_t)sum;
}

#ifdef __cplusplus
}
#endif
#endif
