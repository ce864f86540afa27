/* Closing a queue when the last of its feeders has ended, however it ended.
 *
 * Problem: a getter waits for ever when its putters are gone and did not close. Obvious idea: each
 * putter closes at its end. But who is killed does not, and of several only the last one may. So
 * the ends of tasks are counted here, by whoever tells them, which for a process is the watcher.
 *
 * Each feeder that lives holds the queue (keep.h), because its end may come while the queue is
 * freed. */
#include "queue/feed.h"
#include "base/report.h"
#include "queue/keep.h"
#include "task/task.h"

#include <plait/queue_done.h>

#include <errno.h>

static void feeder_ended(void *arg)
{
    plait_queue *queue = arg;
    /* ACQ_REL: what each of them put comes before the close */
    if (atom_sub(&queue->feeders, 1, ACQ_REL) == 1 &&
        !(atom_load(&queue->holders, ACQUIRE) & QUEUE_FREED) && !queue->kind->is_closed(queue))
        queue->kind->close(queue);
    queue_let_go(queue);
}

/* A child of a fork has other tasks than its parent. */
static void forget_parents(plait_queue *queue)
{
    if (!queue_is_shared(queue) || queue->shared.forks == wait_forks)
        return;
    queue->shared.forks = wait_forks;
    queue->feeders = queue->holders = 0;
    queue->items.waiting = queue->room.waiting = queue->finished.waiting = 0;
}

int plait_queue_fed_by(plait_queue *queue, plait_task *task)
{
    void *place = __builtin_return_address(0);
    WAIT_POINT();
    queue_check_any(queue, place);
    if (!task)
        return -EINVAL;
    forget_parents(queue);
    queue_hold(queue);
    atom_add(&queue->feeders, 1, RELAXED);
    int rc = task_on_end(task, feeder_ended, queue, place);
    if (rc == 0)
        return 0;
    atom_sub(&queue->feeders, 1, RELAXED);
    queue_let_go(queue);
    return rc;
}

void queue_unfed(plait_queue *queue)
{
    for (int count = bells_forget(queue); count > 0; count--)
        queue_let_go(queue);
}
