/* The array's memory.
 *
 *     head      what it is, and the lock of plait_array_lock
 *     parts     only for elements that no single store writes: a guard each
 *     spares    room for one element, for each part
 *     elements  one behind the other, as a C array has them, aligned to 64
 *
 * An element of 1, 2, 4 or 8 bytes is one store, whole whoever is killed. A larger one is kept
 * before it is written over (undo, as share/journal.h, but bytes instead of words, because elements
 * need not be aligned to words, and may be large):
 *   1. take the part's guard; told of a death, repair
 *   2. copy the old element into the spare
 *   3. `half` = index + 1, with release order
 *   4. make the sequence odd; write the new element
 *   5. `half` = 0, with release order: it is whole from here on
 *   6. make the sequence even; give the guard back
 * Repair: `half` not 0: copy the spare back, `half` = 0; sequence even; mended. Killed in it, the
 * next one does it again. A get reads without the guard, between two looks at the sequence. */
#ifndef DICT_ARRAY_H
#define DICT_ARRAY_H

#include "dict/guard.h"
#include "share/area.h"

#include <plait/array.h>
#include <plait/error.h>

/* Parts, so that writers seldom meet; one where a spare is large. */
enum { ARRAY_PARTS = 16, ARRAY_LARGE = 65536 };

struct array_head {
    uint64_t magic, element, count; /* written once, before anybody attaches */
    plait_lock lock __attribute__((aligned(64)));
};

struct array_part {
    struct guard guard;
    uint64_t half; /* bits 63..0: index + 1 of the element that is being written; 0: none */
} __attribute__((aligned(128)));

/* What this process knows of it, copied, since the head may be written over. */
struct plait_array {
    uint64_t magic;
    struct share_area *area;
    char *memory, *elements, *spares;
    struct array_part *part;
    size_t element, count;
    size_t parts;  /* 0: none is needed, because an element is one store */
    size_t stride; /* of spares */
    unsigned unit; /* bytes that elements are copied by: 1, 2, 4 or 8 */
    bool shared;
};

/* Plus wait_forks in a private one, as a dict's. */
#define ARRAY_MAGIC UINT64_C(0x706c616974617272)
#define ARRAY_PRIVATE UINT64_C(0x706c614974617272)

/* Stops the program unless `array` can be used here. */
void array_check(const plait_array *array, void *place);

#endif
