/* Waiting until all that was put into a shared queue is done.
 *
 * `done` counts what is done, the kind what was got. All is done when nothing is inside and the two
 * are equal. A getter killed between its commit and its count leaves an item that nobody will do
 * uncounted, which is what a joiner needs; for places see shared_places.c.
 *
 * But a living one is between the two, too: its item is not inside any more and not counted yet. So
 * a joiner looks once more with the getters' lock, behind which each that was got is counted, and
 * what is half done by a dead one has been repaired. Where one getter is promised its gets have no
 * lock: there the ring counts before it moves its position on, and says that it holds something
 * while that lies behind (shared_ring.c). */
#include "queue/shared_done.h"
#include "base/report.h"
#include "queue/shared_end.h"

#include <limits.h>

static bool is_done(const plait_queue *queue)
{
    if (!queue->kind->is_drained(queue))
        return false;
    if (queue->shared.redeliver)
        return true; /* what is out stands for what is not done */
    uint64_t done = atom_load(&queue->shared.head->done, SEQ_CST); /* first, since it only grows */
    return done >= queue->kind->gets(queue);
}

void shared_done_look(plait_queue *queue)
{
    const uint32_t *word = &queue->shared.head->sleep[SHARED_JOINS].word;
    if (unlikely(atom_load(word, SEQ_CST) & SHARED_W) && is_done(queue))
        shared_wake(queue, SHARED_JOINS, INT_MAX);
}

void shared_done_add(plait_queue *queue, uint64_t count)
{
    struct queue_call call = {.queue = queue};
    shared_cover(&call, SHARED_JOINS);
    atom_add(&queue->shared.head->done, count, SEQ_CST);
    shared_done_look(queue);
    shared_uncover();
}

void shared_task_done(plait_queue *queue, void *place)
{
    bool leases = queue->kind->end_lease && queue->shared.redeliver;
    if (leases && !queue->kind->end_lease(queue))
        base_misuse(queue, "queue", place,
                    "task_done once too often: nothing that this process got "
                    "is left to be done");
    uint64_t done = atom_load(&queue->shared.head->done, RELAXED);
    if (!leases && done >= queue->kind->gets(queue))
        base_misuse(queue, "queue", place,
                    "task_done once too often: %zu items were got, and all are done", (size_t)done);
    shared_done_add(queue, 1);
}

static int join_attempt(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    bool ring = queue->kind == &queue_shared_ring; /* a stock has one lock */
    struct robust_word *lock = &queue->shared.head->ends[ring ? SHARED_GETS : SHARED_PUTS].lock;
    if (call->looks_after)
        queue->kind->patrol(call);
    if (!is_done(queue))
        return -EAGAIN;
    int rc = shared_enter_lock(call, lock);
    if (rc != 0)
        return rc;
    bool done = is_done(queue);
    shared_lock_release(lock, call->place);
    return done ? 0 : -EAGAIN;
}

static bool join_is_vain(const struct queue_call *call)
{
    return !is_done(call->queue);
}

int shared_join(plait_queue *queue, int64_t deadline, void *place)
{
    struct queue_call call = {.queue = queue,
                              .side = &queue->room,
                              .attempt = join_attempt,
                              .is_vain = join_is_vain,
                              .place = place,
                              .joins = true};
    int rc = join_attempt(&call);
    if (rc != -EAGAIN)
        return rc;
    if (deadline != 0)
        return shared_wait("join", &call, deadline, place);
    queue->kind->patrol(&call); /* since who asks again and again never sleeps */
    rc = join_attempt(&call);
    return rc == -EAGAIN ? wait_not_now() : rc;
}
