/* Stacks of coroutines: carved from large mappings, a guard page below each, used again newest
 * first.
 *
 * A stack is `size` bytes of address space whose lowest page is the guard. The owner keeps its
 * control block at the top, in the page that is dirty anyway, so a parked coroutine costs one page.
 */
#ifndef BASE_STACK_H
#define BASE_STACK_H

#include <stddef.h>
#include <stdint.h>

enum { BASE_STACK_LEAST = 16 << 10, BASE_STACK_MOST = 1 << 30 };

/* What base_stack_take makes of a size up to BASE_STACK_MOST: the class that is large enough. */
static inline size_t base_stack_size(size_t size)
{
    size_t class = BASE_STACK_LEAST;
    while (class < size)
        class *= 2;
    return class;
}

/* Lowest address of a stack of at least `size` bytes (rounded up to whole pages, then to the
 * cache's classes; *size gets the result), guard included; NULL: no memory. Not zeroed when it was
 * used before. */
void *base_stack_take(size_t *size);
void base_stack_give(void *stack, size_t size);
/* Several for the price of one lock, because workers whose own caches run full or empty would
 * otherwise meet here at each coroutine. take_used: only stacks that were in use before; how
 * many. */
void base_stack_give_some(void *const *stacks, int count, size_t size);
int base_stack_take_used(void **stacks, int most, size_t size);
/* Gives back memory (not address space) of stacks that nobody needed in the last second; the 64
 * used last of each class stay as they are. For a scheduler that falls idle, at most about half a
 * millisecond. When to call again (in the past: as soon as it is idle); OS_NEVER: all is given. */
int64_t base_stack_trim(int64_t now);
/* Is the address in the guard page of a stack in use? Its lowest address, else NULL.
 * Async-signal-safe. */
void *base_stack_of_guard(const void *address, size_t *size);
void base_stack_fork_prepare(void);
void base_stack_fork_done(void); /* parent and child */

#endif
