/* Futures of futures: a job on another's result, and all of several as one.
 *
 * Both are HELD by what watches the first ones, since they may be cancelled and freed before those
 * end. */
#include "base/report.h"
#include "os/os.h"
#include "pool/pool.h"

/* ---- plait_future_next */
struct next {
    struct future_watch watch;
    plait_future *job;
    plait_pool *pool;
};

/* The first one's failure is told by the second from here on. */
static int failure_of(plait_future *future)
{
    if (future_state(atom_load(&future->word, ACQUIRE)) == PLAIT_DONE)
        return 0;
    atom_or(&future->word, FUTURE_READ, RELAXED);
    return future->error;
}

static int input_of(plait_future *job, const plait_future *from)
{
    if (!from->size)
        return 0;
    if (!(job->in_apart = os_alloc(from->size)))
        return -ENOMEM;
    memcpy(job->in_apart, from->result, from->size);
    job->in = job->in_apart;
    job->blocks = true;
    job->in_size = from->size;
    return 0;
}

static void next_go(struct next *next, plait_future *from)
{
    plait_future *job = next->job;
    int rc = failure_of(from);
    if (rc == 0)
        rc = input_of(job, from);
    base_spin_lock(&job->lock); /* against a cancel, which asks for the pool */
    bool mine = rc != 0 && future_claim(job, 0);
    if (rc == 0 && future_state(atom_load(&job->word, ACQUIRE)) == PLAIT_PENDING)
        mine = (rc = pool_give(next->pool, job)) != 0;
    base_spin_unlock(&job->lock);
    if (mine)
        future_fail(job, rc);
    future_release(job, FUTURE_HELD);
    pool_let_go(next->pool);
    os_free(next);
}

static void next_call(struct future_watch *watch, plait_future *future)
{
    next_go((struct next *)watch, future);
}

plait_future *plait_future_next(plait_future *future, plait_pool *pool, plait_job *function,
                                size_t out_size)
{
    void *place = __builtin_return_address(0);
    future_check(future, place);
    pool_check(pool, place);
    if (!function) {
        errno = EINVAL;
        return NULL;
    }
    plait_future *job = future_new(0, out_size);
    if (!job)
        return NULL;
    struct next *next = os_alloc(sizeof *next);
    if (!next) {
        future_destroy(job);
        errno = ENOMEM;
        return NULL;
    }
    job->function = function;
    job->helps = true;
    job->word = FUTURE_HELD | FUTURE_SLOW;
    *next = (struct next){{.call = next_call}, job, pool};
    pool_keep(pool);
    if (!future_watch(future, &next->watch))
        next_go(next, future);
    return job;
}

/* ---- plait_futures_all */
struct piece {
    struct future_watch watch;
    struct all *all;
    void *bytes;
    size_t size;
};

struct all {
    plait_future *future;
    size_t count;
    uint32_t left;
    struct piece pieces[];
};

static void all_free(struct all *all)
{
    for (size_t i = 0; i < all->count; i++)
        os_free(all->pieces[i].bytes);
    os_free(all);
}

static int all_assemble(const struct all *all)
{
    size_t size = 0, at = 0;
    for (size_t i = 0; i < all->count; i++)
        size += all->pieces[i].size;
    char *bytes = size ? os_alloc(size) : NULL;
    if (size && !bytes)
        return -ENOMEM;
    for (size_t i = 0; i < all->count; i++) {
        const struct piece *piece = &all->pieces[i];
        if (piece->size)
            memcpy(bytes + at, piece->bytes, piece->size);
        at += piece->size;
    }
    all->future->apart = all->future->result = bytes;
    all->future->blocks = true;
    all->future->size = size;
    return 0;
}

/* The last one of them. */
static void all_done(struct all *all)
{
    if (future_claim(all->future, 0)) {
        int rc = all_assemble(all);
        if (rc == 0)
            future_end(all->future, PLAIT_DONE, 0);
        else
            future_fail(all->future, rc);
    }
    future_release(all->future, FUTURE_HELD);
    all_free(all);
}

static void piece_call(struct future_watch *watch, plait_future *future)
{
    struct piece *piece = (struct piece *)watch;
    struct all *all = piece->all;
    int rc = failure_of(future);
    if (rc == 0 && future->size && !(piece->bytes = os_alloc(future->size)))
        rc = -ENOMEM;
    if (rc == 0 && future->size) {
        memcpy(piece->bytes, future->result, future->size);
        piece->size = future->size;
    }
    if (rc != 0 && future_claim(all->future, 0))
        future_fail(all->future, rc);
    if (atom_sub(&all->left, 1, ACQ_REL) == 1)
        all_done(all);
}

static struct all *all_new(size_t count)
{
    size_t size;
    if (count >= UINT32_MAX || __builtin_mul_overflow(count, sizeof(struct piece), &size))
        return NULL;
    struct all *all = os_alloc(sizeof *all + size);
    plait_future *future = all ? future_new(0, 0) : NULL;
    if (!future) {
        os_free(all);
        return NULL;
    }
    future->word = FUTURE_HELD | FUTURE_SLOW;
    *all = (struct all){future, count, (uint32_t)count + 1};
    return all;
}

plait_future *plait_futures_all(plait_future *const *futures, size_t count)
{
    void *place = __builtin_return_address(0);
    wait_me();
    for (size_t i = 0; i < count; i++) {
        if (!futures[i]) {
            errno = EINVAL;
            return NULL;
        }
        future_check(futures[i], place);
    }
    struct all *all = all_new(count);
    if (!all) {
        errno = ENOMEM;
        return NULL;
    }
    plait_future *future = all->future;
    for (size_t i = 0; i < count; i++) {
        all->pieces[i] = (struct piece){.watch = {.call = piece_call}, .all = all};
        if (!future_watch(futures[i], &all->pieces[i].watch))
            piece_call(&all->pieces[i].watch, futures[i]);
    }
    if (atom_sub(&all->left, 1, ACQ_REL) == 1)
        all_done(all);
    return future;
}
