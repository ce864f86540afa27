/* The first frame of a new context: what os_switch of context_CPU.S pops, with registers that its
 * os_context_start understands. */
#include "os/os.h"

#include <string.h>

void os_context_start(void); /* context_CPU.S; never called from C, it has no return address */

#if defined(__x86_64__)
struct frame {
    void *r15, *r14, *r13, *r12, *rbx, *rbp, *rip;
};
static void *place_of(const struct frame *frame, const void **pointer)
{
    *pointer = frame->rbp;
    return frame->rip;
}
static void fill(struct frame *frame, void (*entry)(void *), void *arg)
{
    frame->r12 = (void *)entry;
    frame->r13 = arg;
    frame->rip = (void *)os_context_start;
}
#else
struct frame {
    void *x29, *x30, *x19, *x20, *rest[8];
    double d[8];
};
static void *place_of(const struct frame *frame, const void **pointer)
{
    *pointer = frame->x29;
    return frame->x30;
}
static void fill(struct frame *frame, void (*entry)(void *), void *arg)
{
    frame->x19 = (void *)entry;
    frame->x20 = arg;
    frame->x30 = (void *)os_context_start;
}
#endif

void *os_context(void *top, void (*entry)(void *), void *arg)
{
    struct frame *frame = (struct frame *)((uintptr_t)top & ~(uintptr_t)15) - 1;
    memset(frame, 0, sizeof *frame); /* a zero frame pointer is where backtraces end */
    fill(frame, entry, arg);
    return frame;
}

/* A frame pointer points to the caller's one, behind which lies the return address. A function that
 * keeps none may have left anything there: only what lies further up on this stack is followed. */
int os_context_frames(const void *context, const void *stack, size_t size, void **frames, int most)
{
    struct frame saved;
    const char *end = (const char *)stack + size;
    const void *pointer, *pair[2];
    int count = 0;
    if (most < 1 || !os_peek(context, &saved, sizeof saved))
        return 0;
    frames[count++] = place_of(&saved, &pointer);
    for (const void *below = context; count < most && pointer > below;
         below = pointer, pointer = pair[0]) {
        bool inside = (const char *)pointer <= end - sizeof pair && ((uintptr_t)pointer & 7) == 0;
        if (!inside || !os_peek(pointer, pair, sizeof pair) || !pair[1])
            break;
        frames[count++] = (void *)pair[1];
    }
    return count;
}
