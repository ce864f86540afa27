/* The first frame of a new context: what os_switch of context_CPU.S pops, with registers that its
 * os_context_start understands. */
#include "os/os.h"

#include <string.h>

void os_context_start(void); /* context_CPU.S; never called from C, it has no return address */

#if defined(__x86_64__)
struct frame {
    void *r15, *r14, *r13, *r12, *rbx, *rbp, *rip;
};
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
