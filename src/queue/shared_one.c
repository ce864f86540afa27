/* A shared ring's put and get of one item, in the usual case: the steps of shared_ring.c in one
 * piece, because the calls between them would cost as much as they do. Whatever is odd gives
 * everything back and goes the long way. */
#include "os/os.h"
#include "queue/shared_end.h"
#include "queue/shared_ring.h"

#include <errno.h>

/* Step 1. */
static inline bool begin(plait_queue *queue, enum shared_side side)
{
    struct shared *shared = &queue->shared;
    struct robust_word *lock = &shared->head->ends[side].lock;
    if (unlikely(!robust_current || !wait_current ||
                 atom_load(&shared->marked[side], ACQUIRE) != wait_forks + 1))
        return false;
    if (shared->alone[side]) {
        atom_store(&shared->head->ends[side].user, atom_load(&shared->me, RELAXED),
                   RELAXED); /* the commit publishes it */
        return true;
    }
    if (unlikely(atom_load(&lock->word, RELAXED) != 0))
        return false;
    int rc = shared_lock_acquire(lock, 0, NULL);
    if (unlikely(rc == -EOWNERDEAD)) /* died since the look, and it is held: the long way repairs */
        shared_lock_put_back(lock);
    return likely(rc == 0);
}

/* Step 9. */
static inline void end(plait_queue *queue, enum shared_side side)
{
    if (queue->shared.alone[side])
        atom_store(&queue->shared.head->ends[side].user, 0,
                   RELEASE); /* pairs with shared_destroy */
    else
        shared_lock_release(&queue->shared.head->ends[side].lock, NULL);
}

/* Steps 4 to 8. */
static inline void commit(plait_queue *queue, enum shared_side side, uint64_t position,
                          uint64_t stamp)
{
    struct shared_head *head = queue->shared.head;
    uint32_t *word = &head->sleep[1 - side].word;
    robust_cover(robust_current, wait_current, word);
    atom_swap(&shared_slot_at(&queue->shared, position)->stamp, stamp, SEQ_CST);
    if (side == SHARED_GETS) /* before the position: holds_nothing */
        atom_store(&head->ends[side].count, head->ends[side].count + 1, RELEASE);
    atom_store(&head->ends[side].position, shared_next_of(queue, position), RELEASE);
    if (unlikely(atom_load(word, SEQ_CST) & SHARED_W))
        shared_wake(queue, 1 - side, 1);
    robust_uncover(robust_current, wait_current);
}

int shared_ring_put_one(plait_queue *queue, const void *item)
{
    struct shared *shared = &queue->shared;
    if (unlikely(!begin(queue, SHARED_PUTS)))
        return -EAGAIN;
    uint64_t position = shared_position_of(queue, SHARED_PUTS),
             lap = shared_lap_of(shared, position);
    struct ring_slot *slot = shared_slot_at(shared, position);
    bool goes_on = likely(atom_load(&slot->stamp, ACQUIRE) == lap) &&
                   likely(!atom_load(&shared->head->closed, SEQ_CST));
    if (goes_on) {
        ring_copy(slot->item, item, queue->element);
        commit(queue, SHARED_PUTS, position, lap | RING_ITEM);
    }
    end(queue, SHARED_PUTS);
    return goes_on ? 0 : -EAGAIN;
}

int shared_ring_get_one(plait_queue *queue, void *buffer)
{
    struct shared *shared = &queue->shared;
    struct shared_head *head = shared->head;
    if (unlikely(!begin(queue, SHARED_GETS)))
        return -EAGAIN;
    uint64_t position = shared_position_of(queue, SHARED_GETS),
             lap = shared_lap_of(shared, position);
    struct ring_slot *slot = shared_slot_at(shared, position);
    bool goes_on = likely(atom_load(&slot->stamp, ACQUIRE) == (lap | RING_ITEM)) &&
                   likely(!atom_load(&head->backs, RELAXED)) &&
                   likely(!atom_load(&head->skips, RELAXED));
    if (goes_on) {
        ring_copy(buffer, slot->item, queue->element);
        commit(queue, SHARED_GETS, position, lap + shared->lap);
    }
    end(queue, SHARED_GETS);
    return goes_on ? 0 : -EAGAIN;
}
