/* The coroutines of one worker that have not started yet. Its own lock guards all of it.
 *
 * Which of them runs next? The obvious answer, first come first served, walks a tree of coroutines
 * in its breadth: a million leaves are all alive before the first one ends, each with its stack.
 * So the youngest family goes first: what one coroutine starts in one go runs in the order of its
 * starts, but before everything older. The tree is walked in its depth, as by calls of functions,
 * and few are alive at a time. Thieves take the oldest, which lead to the most work.
 *
 * A ring of pointers, not a list through the records: a thief would otherwise wait for the cold
 * memory of each one that it takes, with the lock held.
 *
 *   first ... last - open ... last
 *   oldest           | the family that is being started, in the order of the starts
 *
 * The rest, from the old end to the young one, stands in the reverse of the order of running: a
 * family is turned round at the first pop after its starts, so that each pop takes from the young
 * end. */
#include "sched/worker.h"

static struct sched_co **slot_of(struct sched_fresh *fresh, uint32_t position)
{
    return &fresh->slots[position % SCHED_FRESH];
}

static uint32_t count_of(const struct sched_fresh *fresh)
{
    return fresh->last - fresh->first;
}

static void note_count(struct sched_fresh *fresh)
{
    atom_store(&fresh->count, count_of(fresh), RELAXED);
}

bool fresh_push(struct sched_fresh *fresh, struct sched_co *co)
{
    if (count_of(fresh) == SCHED_FRESH)
        return false;
    *slot_of(fresh, fresh->last++) = co;
    fresh->open++;
    note_count(fresh);
    return true;
}

bool fresh_push_oldest(struct sched_fresh *fresh, struct sched_co *co)
{
    if (count_of(fresh) == SCHED_FRESH)
        return false;
    *slot_of(fresh, --fresh->first) = co;
    note_count(fresh);
    return true;
}

/* A family has been started: its first becomes the youngest. */
static void family_close(struct sched_fresh *fresh)
{
    uint32_t size = fresh->open < count_of(fresh) ? fresh->open : count_of(fresh);
    uint32_t low = fresh->last - size;
    for (uint32_t i = 0; i < size / 2; i++) {
        struct sched_co **a = slot_of(fresh, low + i), **b = slot_of(fresh, fresh->last - 1 - i);
        struct sched_co *co = *a;
        *a = *b;
        *b = co;
    }
    fresh->open = 0;
}

struct sched_co *fresh_pop(struct sched_fresh *fresh)
{
    if (!count_of(fresh))
        return NULL;
    if (fresh->open)
        family_close(fresh);
    struct sched_co *co = *slot_of(fresh, --fresh->last);
    if (count_of(fresh)) /* otherwise each start waits for memory */
        __builtin_prefetch(*slot_of(fresh, fresh->last - 1));
    note_count(fresh);
    return co;
}

struct sched_co *fresh_pop_oldest(struct sched_fresh *fresh)
{
    if (!count_of(fresh))
        return NULL;
    struct sched_co *co = *slot_of(fresh, fresh->first++);
    note_count(fresh);
    return co;
}
