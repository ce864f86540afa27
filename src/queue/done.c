/* The protocol: `done` counts what is done, and what was put is counted elsewhere, so that a put
 * costs nothing for it.
 *
 * Joiner: 1. sets W, 2. looks at how many were put: as many as done: over; else sleeps while the
 * lower half of `done` is as it was at 1.
 * Who is done: a. looks at how many were put, b. adds to `done`, and takes W off in the same step
 * if by a. these were the last. Behind b he touches nothing, because a joiner may free the queue;
 * he wakes by the word's address.
 *
 * a comes before b because of that, so more may have been put meanwhile: then the joiner was woken
 * in vain, and sleeps again. Not the other way: puts only grow, so what were the last at b were so
 * at a. */
#include "queue/done.h"
#include "base/report.h"
#include "queue/shared_done.h"

#include <plait/queue_done.h>

#include <limits.h>

#define DONE_W (UINT64_C(1) << 63)

static uint32_t *word(plait_queue *queue)
{
    return (uint32_t *)&queue->finished.done; /* the lower half, as the machines of os/ have it */
}

void done_add(plait_queue *queue, uint64_t count)
{
    uint64_t puts = queue->kind->puts(queue), seen, next; /* a */
    uint32_t *sleepers = word(queue);
    bool last;
    seen = atom_load(&queue->finished.done, RELAXED);
    do {
        last = ((seen + count) & ~DONE_W) >= puts;
        next = last ? (seen + count) & ~DONE_W : seen + count;
    } while (!atom_cas(&queue->finished.done, &seen, next, SEQ_CST)); /* b */
    if (last && seen & DONE_W)
        wait_unpark(sleepers, INT_MAX, false);
}

static void check(const plait_queue *queue, void *place)
{
    queue_check_any(queue, place);
    if (!queue->kind->puts && !queue->kind->is_drained)
        base_misuse(queue, "queue", place, "it has no room inside, so it counts no items");
}

void plait_queue_task_done(plait_queue *queue)
{
    WAIT_POINT();
    check(queue, __builtin_return_address(0));
    if (queue_is_shared(queue)) {
        shared_task_done(queue, __builtin_return_address(0));
        return;
    }
    uint64_t done = atom_load(&queue->finished.done, RELAXED) & ~DONE_W;
    if (done >= queue->kind->gets(queue))
        base_misuse(queue, "queue", __builtin_return_address(0),
                    "task_done once too often: %zu items were got, and all are done", (size_t)done);
    done_add(queue, 1);
}

static bool is_done(plait_queue *queue)
{
    uint64_t done = atom_load(&queue->finished.done, SEQ_CST) & ~DONE_W;
    return done >= queue->kind->puts(queue);
}

static int join_attempt(void *object)
{
    plait_queue *queue = object;
    if (!is_done(queue))
        return -EAGAIN;
    return 0;
}

static int join_words(void *object, struct wait_word *words)
{
    plait_queue *queue = object;
    uint64_t seen = atom_or(&queue->finished.done, DONE_W, SEQ_CST) | DONE_W; /* 1 */
    if ((seen & ~DONE_W) >= queue->kind->puts(queue))                         /* 2 */
        return 0;
    words[0] = (struct wait_word){.word = word(queue), .seen = (uint32_t)seen};
    return 1;
}

int plait_queue_join(plait_queue *queue, int64_t deadline)
{
    static const struct wait_call join = {join_attempt, join_words, "join", "queue"};
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    check(queue, place);
    if (queue_is_shared(queue))
        return shared_join(queue, deadline, place);
    if (is_done(queue))
        return 0;
    atom_add(&queue->finished.waiting, 1, RELAXED);
    int rc = wait_until(&join, queue, queue, deadline, place);
    atom_sub(&queue->finished.waiting, 1, RELAXED);
    return rc;
}
