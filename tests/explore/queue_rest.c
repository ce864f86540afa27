/* The kinds of queue that a program does not link, and what they would need. */
#include "explorer.h"
#include "queue/queue.h"

__attribute__((weak)) const struct queue_kind queue_fifo, queue_small, queue_large,
    queue_rendezvous, queue_shared_ring;

int lock_take(plait_lock *lock, int64_t deadline, bool done, void *place);
__attribute__((weak)) int lock_take(plait_lock *lock, int64_t deadline, bool done, void *place)
{
    explore_fail("a lock is taken");
    return 0;
}

__attribute__((weak)) void plait_lock_release(plait_lock *lock)
{
    explore_fail("a lock is released");
}

int stock_put_one(plait_queue *queue, const void *item, int64_t priority);
__attribute__((weak)) int stock_put_one(plait_queue *queue, const void *item, int64_t priority)
{
    explore_fail("a heap is put into");
    return 0;
}

int stock_get_one(plait_queue *queue, void *buffer);
__attribute__((weak)) int stock_get_one(plait_queue *queue, void *buffer)
{
    explore_fail("a heap is got from");
    return 0;
}
