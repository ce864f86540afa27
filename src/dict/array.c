/* The calls on an array's elements; array.h tells the steps. */
#include "dict/array.h"
#include "base/report.h"
#include "os/os.h"
#include "wait/wait.h"

#include <errno.h>
#include <string.h>

/* Elements up to this size are read without the guard, by way of the reader's stack, because the
 * user's buffer must be untouched when the call fails after all. */
enum { FAST = 256, TRIES = 16, PAUSES = 20 };

void array_check(const plait_array *array, void *place)
{
    if (likely(array && (uintptr_t)array % 8 == 0 &&
               (array->magic == ARRAY_MAGIC || array->magic == ARRAY_PRIVATE + wait_forks)))
        return;
    if (!array)
        base_misuse(NULL, "array", place, "NULL is no array");
    if ((uintptr_t)array % 8 == 0 && array->magic - ARRAY_PRIVATE < wait_forks)
        base_misuse(array, "array", place,
                    "opened before a fork: a private array is of the process that opened it");
    base_misuse(array, "array", place, "no array, or freed before");
}

static inline void check_item(const plait_array *array, const void *item, size_t size, void *place)
{
    array_check(array, place);
    if (unlikely(!item))
        base_misuse(array, "array", place, "NULL is no element");
    if (unlikely(size != array->element && size != PLAIT_UNSIZED))
        base_misuse(array, "array", place, "an element of %zu bytes, but its own have %zu", size,
                    array->element);
}

/* By units, because a store writes one whole: acquire and release as in words.h. */
#define COPY(type)                                                                                 \
    for (size_t i = 0; i < size / sizeof(type); i++)                                               \
    atom_store((type *)to + i, atom_load((const type *)from + i, ACQUIRE), RELEASE)

static void copy(void *to, const void *from, size_t size, unsigned unit)
{
    if (unit == 8)
        COPY(uint64_t);
    else if (unit == 4)
        COPY(uint32_t);
    else if (unit == 2)
        COPY(uint16_t);
    else
        COPY(uint8_t);
}

/* By way of a word, since the user's buffer need not be aligned. */
static void copy_out(void *to, const char *from, size_t size, unsigned unit)
{
    uint64_t word;
    for (size_t done = 0; done < size; done += unit) {
        copy(&word, from + done, unit, unit);
        memcpy((char *)to + done, &word, unit);
    }
}

static void copy_in(char *to, const void *from, size_t size, unsigned unit)
{
    uint64_t word;
    for (size_t done = 0; done < size; done += unit) {
        memcpy(&word, (const char *)from + done, unit);
        copy(to + done, &word, unit, unit);
    }
}

static char *element_at(const plait_array *array, size_t index)
{
    return array->elements + index * array->element;
}

static struct array_part *part_of(const plait_array *array, size_t index)
{
    return &array->part[index % array->parts];
}

static char *spare_of(const plait_array *array, size_t index)
{
    return array->spares + index % array->parts * array->stride;
}

/* What the dead one was writing is taken back, because it may be half written. */
static int repair(const plait_array *array, struct array_part *part)
{
    uint64_t half = atom_load(&part->half, RELAXED);
    if (half > array->count || (half && part_of(array, half - 1) != part))
        return -PLAIT_EFORMAT;
    if (half)
        copy(element_at(array, half - 1), spare_of(array, half - 1), array->element, array->unit);
    atom_store(&part->half, 0, RELEASE);
    guard_changed(&part->guard);
    return 0;
}

/* Step 1. */
static int take(const plait_array *array, struct array_part *part, void *place)
{
    int rc = guard_take(&part->guard, array->shared, place);
    if (likely(rc != -EOWNERDEAD))
        return rc;
    rc = repair(array, part);
    if (rc == 0)
        guard_mended(&part->guard, array->shared, place);
    else
        guard_give(&part->guard, array->shared, place);
    return rc;
}

/* One look without the guard; false unless it belongs together. */
static bool read_once(const plait_array *array, size_t index, void *out)
{
    const struct guard *guard = &part_of(array, index)->guard;
    uint64_t local[FAST / 8], looked = guard_look(guard);
    if (looked & 1)
        return false;
    copy_out(local, element_at(array, index), array->element, array->unit);
    if (!guard_is_same(guard, looked))
        return false;
    memcpy(out, local, array->element);
    return true;
}

static int read_guarded(const plait_array *array, size_t index, void *out, void *place)
{
    struct array_part *part = part_of(array, index);
    int rc = take(array, part, place);
    if (rc != 0)
        return rc;
    copy_out(out, element_at(array, index), array->element, array->unit);
    guard_give(&part->guard, array->shared, place);
    return 0;
}

int plait_array_get_bytes(plait_array *array, size_t index, void *out, size_t size)
{
    void *place = __builtin_return_address(0);
    check_item(array, out, size, place);
    if (unlikely(index >= array->count))
        return -ERANGE;
    if (!array->parts) {
        copy_out(out, element_at(array, index), array->element, array->unit);
        return 0;
    }
    for (int tries = 0; tries < TRIES && array->element <= FAST; tries++) {
        if (likely(read_once(array, index, out)))
            return 0;
        for (int i = 0; i < PAUSES; i++)
            os_relax();
    }
    return read_guarded(array, index, out, place);
}

int plait_array_set_bytes(plait_array *array, size_t index, const void *in, size_t size)
{
    void *place = __builtin_return_address(0);
    check_item(array, in, size, place);
    if (unlikely(index >= array->count))
        return -ERANGE;
    char *element = element_at(array, index);
    if (!array->parts) {
        copy_in(element, in, array->element, array->unit);
        return 0;
    }
    struct array_part *part = part_of(array, index);
    int rc = take(array, part, place);
    if (rc != 0)
        return rc;
    copy(spare_of(array, index), element, array->element,
         array->unit); /* step 2: before `half` says so, because the repair believes it */
    atom_store(&part->half, index + 1, RELEASE);
    guard_change(&part->guard);
    copy_in(element, in, array->element, array->unit);
    atom_store(&part->half, 0, RELEASE); /* step 5 */
    guard_changed(&part->guard);
    guard_give(&part->guard, array->shared, place);
    return 0;
}

size_t plait_array_count(const plait_array *array)
{
    array_check(array, __builtin_return_address(0));
    return array->count;
}

void *plait_array_memory(plait_array *array)
{
    array_check(array, __builtin_return_address(0));
    return array->elements;
}

plait_lock *plait_array_lock(plait_array *array)
{
    array_check(array, __builtin_return_address(0));
    return &((struct array_head *)(void *)array->memory)->lock;
}
