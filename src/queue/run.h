/* Sorted runs: where the many entries of a large queue by priority lie.
 *
 * Problem: a heap of a million entries is 16 MB and more, and each removal walks from its top to
 * its bottom; the lower half of the way is a cache miss a step, 1 to 2 us in all. Obvious idea:
 * nodes with more children. That saves levels, but each of them is one more line to read.
 *
 * So only the newest entries are a heap, small enough for the first cache (rank.c). When it is full
 * it is sorted into a run; eight runs of a size are merged into one of the next size. A removal
 * takes the lowest of the runs' heads, of which there are a few dozen; runs are read and written
 * from one end to the other, as memory likes it best. (Sanders, Fast priority queues for cached
 * memory, 2000, does so on all levels.) The largest runs are not merged, because a merge holds up
 * everybody else: 32,768 entries are half a millisecond.
 *
 * Runs are allocated under the queue's lock. Without memory nothing happens: the heap grows
 * instead, and there are more runs; slower, never wrong. */
#ifndef QUEUE_RUN_H
#define QUEUE_RUN_H

#include "queue/entry.h"

enum { RUN_FIRST = 4096, RUN_WAYS = 8, RUN_LEVELS = 2 };

struct run {
    int level; /* RUN_FIRST * RUN_WAYS ^ level entries at most */
    struct entry *next, *end;
    struct entry entries[];
};

/* A heap of runs by their next entry, which is kept beside the run because each step looks at
 * it. */
struct run_head {
    struct entry first;
    struct run *run;
};

struct runs {
    struct run_head *heads;
    size_t count, room;
    size_t of_level[RUN_LEVELS];
};

/* Sorts the entries into a run. False: no memory, nothing was done. */
bool runs_add(struct runs *runs, entry_compare *compare, struct entry *entries, size_t count);
/* The lowest of all; there must be one. */
static inline struct entry runs_first(const struct runs *runs)
{
    return runs->heads[0].first;
}
void runs_remove_first(struct runs *runs, entry_compare *compare);
void runs_free(struct runs *runs);

#endif
