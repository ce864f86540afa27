/* What stands in for the layers beside locks, events and queues. Nobody spins: a spin is a try
 * more, and the explorer makes a task try late in any case. */
#include "base/settings.h"
#include "explorer.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Called in cases that are explored elsewhere, or not at all. */
#define NOT_HERE(name)                                                                             \
    void name(void);                                                                               \
    void name(void)                                                                                \
    {                                                                                              \
        explore_fail(#name " is called");                                                          \
    }
NOT_HERE(shared_lock_acquire)
NOT_HERE(shared_lock_release)
NOT_HERE(shared_lock_acquire_once)
NOT_HERE(shared_lock_release_over)
NOT_HERE(shared_park_nodes)
NOT_HERE(shared_lock_mend)
NOT_HERE(shared_barrier_abort)
NOT_HERE(shared_barrier_action)
NOT_HERE(shared_barrier_init)
NOT_HERE(shared_barrier_reset)
NOT_HERE(shared_barrier_wait)
NOT_HERE(shared_barrier_waiting)
NOT_HERE(shared_condition_notify)
NOT_HERE(shared_condition_sleep)
NOT_HERE(shared_semaphore_acquire)
NOT_HERE(shared_semaphore_case)
NOT_HERE(shared_semaphore_fits)
NOT_HERE(shared_semaphore_init)
NOT_HERE(shared_semaphore_release)
NOT_HERE(shared_semaphore_value)
NOT_HERE(shared_spin)
NOT_HERE(shared_spin_learn)
NOT_HERE(shared_rwlock_downgrade)
NOT_HERE(shared_rwlock_has)
NOT_HERE(shared_rwlock_read)
NOT_HERE(shared_rwlock_release)
NOT_HERE(shared_rwlock_write)
NOT_HERE(share_contains)
NOT_HERE(shared_done_add)
NOT_HERE(shared_join)
NOT_HERE(shared_open)
NOT_HERE(shared_ring_get_one)
NOT_HERE(shared_ring_put_one)
NOT_HERE(shared_task_done)
NOT_HERE(shared_lock_is_held)
NOT_HERE(shared_lock_is_mine)
NOT_HERE(shared_lock_put_back)
NOT_HERE(sync_check)
NOT_HERE(sync_init)
NOT_HERE(check_order)
NOT_HERE(check_class)
NOT_HERE(os_peek)
NOT_HERE(wait_held_push_slowly)
NOT_HERE(wait_held_pop_slowly)
NOT_HERE(wait_held_has)
NOT_HERE(wait_held_after_fork)
NOT_HERE(waiter_misuse)
NOT_HERE(waiter_name)
NOT_HERE(wait_cover)
NOT_HERE(wait_uncover)
NOT_HERE(base_format)
NOT_HERE(base_name_set)
NOT_HERE(plait_task_name)
NOT_HERE(plait_task_waits)
NOT_HERE(plait_tasks_visit)
NOT_HERE(sched_yield_now)
NOT_HERE(sync_may_spin)
NOT_HERE(sync_check_private)
NOT_HERE(sync_init_private)

/* No queue here is fed by others. */
void queue_unfed(const void *queue);
__attribute__((weak)) void queue_unfed(const void *queue)
{
}

/* Nothing is checked here. */
uint64_t (*order_known)[64];

/* A look more before a sleep. */
void os_yield(void);
void os_yield(void)
{
}

/* Plenty. */
size_t os_stack_room(void)
{
    return SIZE_MAX;
}

void base_name_forget(const void *object)
{
}

const char *base_name_of(const void *object, const char *type, char *text, size_t size)
{
    return type;
}

/* Nobody forks. */
void base_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void));
void base_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
}

/* That a queue was freed with items inside, which is allowed. */
void base_report(int kind, const char *format, ...)
{
}

const struct base_settings *base_settings(void)
{
    static const struct base_settings settings = {.workers = 1};
    return &settings;
}

bool waiter_may_spin(const struct wait_self *self, const struct wait_self *holder)
{
    return false;
}

struct wait_self *waiter_of(uint32_t number)
{
    return number ? explore_self((int)number - 1) : NULL;
}

int sync_budget_take(const void *budget)
{
    return -1;
}

void sync_budget_learn(void *budget, int64_t slept)
{
}

/* For queues. What is freed stays readable, so that a late access is a failure with a text, not a
 * crash. */
static struct block {
    struct block *next;
    size_t size;
    char bytes[] __attribute__((aligned(64)));
} * freed;

void *os_alloc(size_t size)
{
    size_t whole = (sizeof(struct block) + size + 63) & ~(size_t)63;
    struct block *block = memset(aligned_alloc(64, whole), 0, whole);
    block->size = size;
    return block->bytes;
}

void *os_alloc_lines(size_t size)
{
    return os_alloc(size);
}

void os_free(void *memory)
{
    if (!memory)
        return;
    struct block *block = (struct block *)((char *)memory - offsetof(struct block, bytes));
    explore_gone(memory, block->size);
    block->next = freed;
    freed = block;
}

/* Before each execution. */
void explore_empty(void);
void explore_empty(void)
{
    while (freed) {
        struct block *block = freed;
        freed = block->next;
        free(block);
    }
}
