/* What is compared in a queue by priority. */
#ifndef QUEUE_ENTRY_H
#define QUEUE_ENTRY_H

#include "base/atomic.h"
#include "queue/cell.h"

struct entry {
    int64_t priority;
    struct cell *cell;
};

typedef int entry_compare(const void *a, const void *b);

/* Only when two are equal somebody looks into the cells. */
bool entry_tie(entry_compare *compare, struct entry a, struct entry b);

/* Does *a go out before *b? */
static inline bool entry_before(entry_compare *compare, struct entry a, struct entry b)
{
    if (likely(a.priority != b.priority))
        return a.priority < b.priority;
    return entry_tie(compare, a, b);
}

#endif
