/* Which iterations of a loop come next, for several that run it at once.
 *
 * The range is counted in units: one iteration, the user's chunk, or more where 2^31 units would
 * not do. For PLAIT_STEALING each part of the loop has a range of its own, one word: bits 31-0 its
 * first unit, 63-32 behind its last. Its owner takes from the front, thieves the half behind, both
 * by compare-and-swap, after which the units are theirs alone: no word guards anything else, so
 * values that come again do no harm. The other two schedules count in `next`. */
#ifndef POOL_LOOP_H
#define POOL_LOOP_H

#include "base/atomic.h"

#include <plait/parallel.h>

struct loop_part {
    uint64_t range __attribute__((aligned(64)));
};

struct loop_units {
    plait_schedule schedule;
    bool chunked; /* the user said how long a chunk is: one unit */
    uint32_t count, parts;
    uint32_t next; /* PLAIT_STATIC: the next piece; PLAIT_GUIDED: the next unit */
    struct loop_part *part;
};

void loop_units_init(struct loop_units *units, struct loop_part *part);
/* The next ones for whoever runs `mine`: false when none are left. */
bool loop_units_take(struct loop_units *units, uint32_t mine, uint32_t *first, uint32_t *end);

#endif
