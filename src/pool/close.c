/* The end of a pool, and of what waits in it. */
#include "base/report.h"
#include "pool/list.h"

#include <plait/time.h>

#include <limits.h>

struct closing {
    plait_pool *pool;
    uint32_t own; /* workers that are not waited for: the caller's */
};

static bool is_over(const struct closing *closing)
{
    plait_pool *pool = closing->pool;
    base_spin_lock(&pool->lock);
    bool over = pool->alive <= closing->own;
    base_spin_unlock(&pool->lock);
    return over;
}

static int close_attempt(void *object)
{
    return is_over(object) ? 0 : -EAGAIN;
}

static int close_words(void *object, struct wait_word *words)
{
    struct closing *closing = object;
    uint32_t *word = &closing->pool->closer;
    words[0] = (struct wait_word){.word = word, .seen = atom_load(word, ACQUIRE)};
    return !is_over(closing);
}

int plait_pool_cancel_waiting(plait_pool *pool)
{
    int count = 0;
    pool_check(pool, __builtin_return_address(0));
    for (;;) {
        base_spin_lock(&pool->lock);
        plait_future *job = pool_pop(pool);
        base_spin_unlock(&pool->lock);
        if (!job)
            return count;
        pool_tell_room(pool);
        future_end(job, PLAIT_CANCELED, -ECANCELED);
        count++;
    }
}

/* No more jobs; who rests ends, who waits for room is told. */
static void shut(plait_pool *pool)
{
    base_spin_lock(&pool->lock);
    pool->closed = true;
    pool_wake_all(pool);
    uint32_t seen = atom_load(&pool->room, RELAXED);
    while (
        !atom_cas(&pool->room, &seen, (seen + 1) & ~POOL_ROOM_W, RELEASE)) /* pairs with submit.c */
        ;
    base_spin_unlock(&pool->lock);
    wait_unpark(&pool->room, INT_MAX, false);
}

/* Cancels what runs but for the caller's own; how many. */
static int cancel_workers(plait_pool *pool)
{
    int count = 0;
    const struct wait_self *me = wait_me();
    base_spin_lock(&pool->lock);
    list_each (link, &pool->workers) {
        struct wait_self *self = list_item(link, struct pool_worker, link)->self;
        if (self == me)
            continue;
        wait_cancel(self);
        count++;
    }
    base_spin_unlock(&pool->lock);
    return count;
}

static uint32_t workers_of_mine(const plait_pool *pool)
{
    for (struct pool_frame *frame = pool_frame_here(); frame; frame = frame->outer)
        if (frame->worker && frame->worker->pool == pool)
            return 1;
    return 0;
}

/* Neither a cancel nor a scope's deadline ends it. */
static int wait_for_workers(struct closing *closing, int64_t deadline, void *place)
{
    static const struct wait_call call = {close_attempt, close_words, "close", "pool"};
    struct wait_self *self = wait_me();
    int64_t limit = self->limit;
    self->limit = WAIT_NEVER;
    atom_store(&self->shield, self->shield + 1, RELAXED);
    int rc = future_wait_as_job(&call, closing, closing->pool, deadline, place);
    atom_store(&self->shield, self->shield - 1, RELAXED);
    self->limit = limit;
    return rc;
}

int plait_pool_close(plait_pool *pool, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    pool_check(pool, place);
    if (pool->common)
        return -EINVAL;
    struct closing closing = {pool, workers_of_mine(pool)};
    int dropped = 0;
    shut(pool);
    pools_remove(pool);
    if (wait_for_workers(&closing, deadline, place) != 0) {
        dropped = plait_pool_cancel_waiting(pool) + cancel_workers(pool);
        wait_for_workers(&closing, plait_after(pool->options.grace), place);
    }
    pool_reap(pool);
    return dropped;
}

void plait_pool_free(plait_pool *pool)
{
    if (!pool)
        return;
    void *place = __builtin_return_address(0);
    pool_check(pool, place);
    if (pool->common && !pool->closed)
        base_misuse(pool, "pool", place, "the program's own: it is freed at exit");
    if (!pool->closed) {
        char name[64];
        shut(pool);
        pools_remove(pool);
        base_spin_lock(&pool->lock);
        uint32_t running = pool->alive - pool->resting;
        base_spin_unlock(&pool->lock);
        int waiting = plait_pool_cancel_waiting(pool);
        if (running)
            cancel_workers(pool);
        if (waiting)
            base_report(PLAIT_REPORT_DROPPED, "%s was freed with %d jobs inside: cancelled",
                        base_object(pool, "pool", name, sizeof name), waiting);
    }
    pool_let_go(pool);
}
