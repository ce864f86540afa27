/* Closing a shared queue, for all; and giving back this process' handle. */
#include "os/os.h"
#include "queue/shared_end.h"

#include <plait/time.h>

#include <limits.h>

bool shared_is_closed(const plait_queue *queue)
{
    return atom_load(&queue->shared.head->closed, SEQ_CST);
}

/* Under the putters' lock, even where one puts alone and has none, so that who finds it closed and
 * empty knows that no put is on its way. A stopped putter is not waited for; what he puts when he
 * goes on is found by who gets once more.
 *
 * There are two words to wake and one may be pending: that of the side which sleeps. Who is woken
 * by our death finds the queue closed, and wakes all others (shared_wait). */
void shared_close(plait_queue *queue)
{
    struct shared_head *head = queue->shared.head;
    struct queue_call call = {.queue = queue, .side = &queue->room};
    struct robust_word *lock = &head->ends[SHARED_PUTS].lock;
    bool inside = shared_enter_lock(&call, lock) == 0;
    bool full = atom_load(&head->sleep[SHARED_PUTS].word, RELAXED) & SHARED_W;
    shared_cover(&call, full ? SHARED_PUTS : SHARED_GETS);
    atom_store(&head->closed, 1, SEQ_CST);
    for (int side = SHARED_PUTS; side <= SHARED_GETS; side++) {
        atom_or(&head->sleep[side].word, SHARED_CLOSED, SEQ_CST);
        shared_wake(queue, side, INT_MAX);
    }
    shared_uncover();
    if (inside)
        shared_lock_release(lock, NULL);
}

/* Who has seen the effect of a call may free the handle while the call gives its end back, which
 * must be waited for: a matter of nanoseconds. A task of another process that is stopped inside is
 * not waited for. */
static void wait_for_end(const struct shared *shared, enum shared_side side)
{
    const struct shared_end *at = &shared->head->ends[side];
    uint64_t me = share_user_me(shared->area);
    for (int64_t end = 0; (shared->alone[side] && atom_load(&at->user, ACQUIRE) == me) ||
                          atom_load(&at->lock.word, ACQUIRE) & ROBUST_OWNER;) {
        end = end ? end : os_now() + 50 * PLAIT_MILLISECOND;
        if (os_now() > end)
            return;
        os_yield();
    }
}

void shared_destroy(plait_queue *queue)
{
    wait_for_end(&queue->shared, SHARED_PUTS);
    wait_for_end(&queue->shared, SHARED_GETS);
    share_area_close(queue->shared.area);
}
