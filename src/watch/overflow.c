/* A coroutine that runs over its stack hits the guard page; the signal handler, on the worker's own
 * signal stack, says which and how large. */
#include "os/overflow.h"
#include "base/report.h"
#include "base/stack.h"
#include "task/task.h"

static void overflow_told(void *address, void *context)
{
    size_t size;
    void *stack = base_stack_of_guard(address, &size);
    if (!stack)
        return;
    struct task_record *me = (struct task_record *)wait_current;
    bool generator = me && generator_has_stack(me, stack);
    base_report(PLAIT_REPORT_OVERFLOW, "%s '%s' overflowed its %lu KB stack",
                generator ? "a generator of task" : "coroutine", me ? record_name(me) : "?",
                (unsigned long)(size / 1024));
    os_backtrace(2, context);
}

static void overflow_install(void)
{
    os_overflow_install(overflow_told);
}

/* Only programs that run coroutines get the handlers: the first worker's start calls this. */
__attribute__((constructor(103))) static void overflow_begin(void)
{
    sched_hooks.begin = overflow_install;
}
