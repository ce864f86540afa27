/* The jobs of priority 0 that wait, in the order of coming: who submits holds the pool's lock, who
 * takes one does not.
 *
 * Obvious idea: a list under the pool's lock. Then submitter and workers take the lock from one
 * another for each job, and each of these turns costs more than the job; a list besides must be
 * walked job by job, a miss of the cache each. Here is a ring of pointers (the thieves' half of
 * Chase and Lev's deque, 2005), whose ends lie in lines of their own.
 *
 *   tail   where the next job goes; changed under the pool's lock, never back
 *   head   the next job to take; who moves it by compare-and-swap has that slot's job
 *   slots  doubled when full, under the lock. The old ones stay until the pool is gone, since a
 *          taker may still read them
 *
 * Putting, under the lock: 1. make room; 2. write the slot; 3. tail (RELEASE).
 * Taking: 1. head; 2. tail, or what a taker has known of it; 3. seen; 4. the slot; 5. head moves by
 * a compare-and-swap. If that fails, the slot may have been written again, and what was read is
 * forgotten. 3 comes behind 2 because the slots of an old tail may lack the job.
 *
 * A job in a slot is QUEUED: its memory stays until the slot is taken. Who cancels a job, or runs
 * it as its waiter, claims it by its word alone; the slot is taken at once when it is the next one,
 * else left as dead, and who takes it then drops it. When most are dead they are thrown out instead
 * of doubling the ring: head moves to tail in one step, and those alive are put again, in their
 * order. */
#ifndef POOL_LANE_H
#define POOL_LANE_H

#include "pool/future.h"

struct lane_slots {
    struct lane_slots *older;
    uint64_t count; /* a power of two */
    plait_future *slot[];
};

struct lane {
    /* the submitters' line */
    uint64_t tail FUTURE_LINE;
    uint64_t limit; /* there is room below it: head when that was looked at last, and the count */
    struct lane_slots *slots;
    /* the takers' line */
    uint64_t head FUTURE_LINE;
    struct lane_slots *seen; /* slots once more: the submitters' line is written for each job */
    uint64_t known;          /* tail as a taker saw it last */
    int64_t dead; /* slots whose job was claimed without them; a hint, for a moment one too few */
};

int lane_init(struct lane *lane, uint64_t count); /* of zeroes; 0, -ENOMEM */
void lane_free(struct lane *lane);
/* Under the pool's lock. The job is QUEUED. 0, -ENOMEM. */
int lane_put(struct lane *lane, plait_future *job);
/* The next one, QUEUED still, perhaps dead; NULL: none. */
plait_future *lane_take(struct lane *lane);
/* Of a claimed job: out of its slot, or the slot is dead. */
void lane_take_out(struct lane *lane, plait_future *job);
/* Claims what was taken. False: it was dead, and is dropped. */
bool lane_claim(struct lane *lane, plait_future *job);

/* True may be late without the lock. */
static inline bool lane_is_empty(const struct lane *lane)
{
    return atom_load(&lane->head, RELAXED) == atom_load(&lane->tail, RELAXED);
}

#endif
