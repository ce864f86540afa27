/* Waiting until all that was put into a shared queue is done.
 *
 * `done` counts what is done, `count` of the getters' end what was got. All is done when nothing is
 * inside and the two are equal. A getter killed between its commit and its count leaves an item that
 * nobody will do uncounted, which is what a joiner needs. */
#include "queue/shared_done.h"
#include "base/report.h"
#include "queue/shared_end.h"

#include <limits.h>

static bool is_done(const plait_queue *queue)
{
    const struct shared_head *head = queue->shared.head;
    bool counts = !queue->shared.redeliver; /* else what is out stands for what is not done */
    return (!counts || atom_load(&head->done, SEQ_CST) >= queue->kind->gets(queue)) &&
           queue->kind->is_drained(queue);
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
    if (call->looks_after)
        call->queue->kind->patrol(call);
    return is_done(call->queue) ? 0 : -EAGAIN;
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
                              .joins = true};
    int rc = join_attempt(&call);
    if (rc != -EAGAIN)
        return rc;
    return deadline == 0 ? wait_not_now() : shared_wait("join", &call, deadline, place);
}
