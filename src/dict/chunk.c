/* Chunks: from the pool to a stripe and back, steps 4a and 7 of dict.h.
 *
 * Both sides of a hand-over have a guard and a journal of their own, and a death may come between
 * the two commits. So the stripe says in `taking` or `giving` which chunk is on its way, and the
 * chunk's owner, which changes with the pool's commit, says on which side it is: whoever repairs
 * the stripe gives back what is named there and owned by it, once.
 *
 * A free chunk is used for its own order, else the memory's top moves up, else a larger one is
 * halved. Halves are never put together again, because the buddy would have to be searched for in
 * a list. */
#include "dict/dict.h"

#include <errno.h>

enum { GROWTH = 65536, HALVES_MOST = 20 };

static size_t chunk_bytes(unsigned order)
{
    return (size_t)DICT_CHUNK << order;
}

/* NULL unless all of it lies inside. */
static struct dict_chunk *chunk_at(plait_dict *dict, uint64_t offset, unsigned order)
{
    if (offset % DICT_CHUNK || offset == 0 || order >= DICT_ORDERS)
        return NULL;
    return dict_at(dict, offset, chunk_bytes(order));
}

/* After a death the pool must be whole before it is looked at. */
static int pool_enter(struct dict_change *change, struct share_log *log)
{
    plait_dict *dict = change->dict;
    struct dict_pool *pool = &dict_head(dict)->pool;
    int rc = guard_take(&pool->guard, dict->shared, change->place);
    if (rc == -EOWNERDEAD) {
        rc = dict_undo(dict, pool->journal);
        if (rc == 0)
            guard_mended(&pool->guard, dict->shared, change->place);
        else
            guard_give(&pool->guard, dict->shared, change->place);
    }
    *log = dict_log(dict, pool->journal);
    return rc;
}

static void pool_leave(struct dict_change *change)
{
    guard_give(&dict_head(change->dict)->pool.guard, change->dict->shared, change->place);
}

/* Makes sure that the memory reaches up to `end`: more than that at once, so that it is asked for
 * rarely. */
static int pool_reach(plait_dict *dict, uint64_t end)
{
    size_t known = share_area_size(dict->area), more = known + known / 4 + GROWTH;
    if (end <= known)
        return 0;
    if (more > dict->limit)
        more = dict->limit;
    if (more > end && share_area_grow(dict->area, more) == 0)
        return 0;
    return share_area_grow(dict->area, end);
}

/* From the top. */
static int pool_extend(plait_dict *dict, struct share_log *log, unsigned order, uint64_t *offset)
{
    struct dict_pool *pool = &dict_head(dict)->pool;
    uint64_t top = atom_load(&pool->top, RELAXED);
    if (top > dict->limit || top % DICT_CHUNK)
        return -PLAIT_EFORMAT;
    if (chunk_bytes(order) > dict->limit - top)
        return -ENOSPC;
    int rc = pool_reach(dict, top + chunk_bytes(order));
    if (rc == 0 && !chunk_at(dict, top, order))
        rc = -PLAIT_EFORMAT;
    if (rc != 0)
        return rc;
    share_journal_set(log, &pool->top, top + chunk_bytes(order));
    *offset = top;
    return 0;
}

/* The first free one of that order. */
static int pool_pop(plait_dict *dict, struct share_log *log, unsigned order, uint64_t *offset)
{
    struct dict_pool *pool = &dict_head(dict)->pool;
    uint64_t first = atom_load(&pool->free[order], RELAXED);
    if (first == 0)
        return -ENOSPC;
    struct dict_chunk *chunk = chunk_at(dict, first, order);
    if (!chunk)
        return -PLAIT_EFORMAT;
    share_journal_set(log, &pool->free[order], atom_load(&chunk->next, RELAXED));
    *offset = first;
    return 0;
}

/* A larger one, halved until it fits. A half's head needs no journal, since it lies inside of what
 * is free. */
static int pool_halve(plait_dict *dict, struct share_log *log, unsigned order, uint64_t *offset)
{
    struct dict_pool *pool = &dict_head(dict)->pool;
    unsigned from = order + 1;
    int rc = -ENOSPC;
    while (from < DICT_ORDERS && from - order <= HALVES_MOST && rc == -ENOSPC)
        rc = pool_pop(dict, log, from++, offset);
    while (rc == 0 && --from > order) {
        uint64_t half = *offset + chunk_bytes(from - 1);
        struct dict_chunk *chunk = chunk_at(dict, half, from - 1);
        if (!chunk)
            return -PLAIT_EFORMAT;
        atom_store(&chunk->owner, 0, RELEASE);
        atom_store(&chunk->order, from - 1, RELEASE);
        atom_store(&chunk->next, atom_load(&pool->free[from - 1], RELAXED), RELEASE);
        share_journal_set(log, &pool->free[from - 1], half);
    }
    return rc;
}

static int pool_find(plait_dict *dict, struct share_log *log, unsigned order, uint64_t *offset)
{
    int rc = pool_pop(dict, log, order, offset);
    if (rc == -ENOSPC)
        rc = pool_extend(dict, log, order, offset);
    if (rc == -ENOSPC)
        rc = pool_halve(dict, log, order, offset);
    return rc;
}

int chunk_take(struct dict_change *change, unsigned order, uint64_t *offset)
{
    plait_dict *dict = change->dict;
    struct share_log log;
    if (order >= DICT_ORDERS || chunk_bytes(order) > dict->limit)
        return -ENOSPC;
    int rc = pool_enter(change, &log);
    if (rc != 0)
        return rc;
    rc = pool_find(dict, &log, order, offset);
    struct dict_chunk *chunk = rc == 0 ? chunk_at(dict, *offset, order) : NULL;
    if (chunk) {
        share_journal_set(&log, &chunk->order, order);
        atom_store(&change->stripe->taking, *offset,
                   RELEASE); /* before the owner, otherwise a death in between would lose it */
        share_journal_set(&log, &chunk->owner, change->number + 1);
        share_journal_done(&log);
    } else if (log.count) {
        rc = -PLAIT_EFORMAT;
        dict_undo(dict, dict_head(dict)->pool.journal);
    }
    pool_leave(change);
    return rc;
}

/* The pool's side of a return: nothing when the stripe does not own it any more, or not yet. */
static int pool_get_back(struct dict_change *change, struct dict_chunk *chunk, uint64_t offset)
{
    struct dict_pool *pool = &dict_head(change->dict)->pool;
    struct share_log log;
    int rc = pool_enter(change, &log);
    if (rc != 0)
        return rc;
    uint64_t order = atom_load(&chunk->order, RELAXED);
    if (atom_load(&chunk->owner, RELAXED) != change->number + 1) {
        rc = 0;
    } else if (order >= DICT_ORDERS) {
        rc = -PLAIT_EFORMAT;
    } else {
        share_journal_set(&log, &chunk->owner, 0);
        share_journal_set(&log, &chunk->next, atom_load(&pool->free[order], RELAXED));
        share_journal_set(&log, &pool->free[order], offset);
        share_journal_done(&log);
    }
    pool_leave(change);
    return rc;
}

int chunk_give(struct dict_change *change, uint64_t *word)
{
    uint64_t offset = atom_load(word, RELAXED);
    if (offset == 0)
        return 0;
    struct dict_chunk *chunk = chunk_at(change->dict, offset, 0);
    int rc = chunk ? pool_get_back(change, chunk, offset) : -PLAIT_EFORMAT;
    if (rc == 0)
        atom_store(word, 0, RELEASE);
    return rc;
}
