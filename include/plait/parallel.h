/* plait/parallel.h - one computation on all CPUs: fork-join and loops. Include <plait.h>.
 *
 * plait_branch_fork says that a call may run beside the caller, plait_branch_merge asks for its
 * result. Where no CPU is idle the merge is the call itself, and the pair costs a nanosecond or
 * two: cheap enough for every call of a recursion, so programs need no cut-off.
 *
 * Example:
 *     intptr_t fib(intptr_t n)
 *     {
 *         plait_branch left; // on the stack
 *         if (n < 2)
 *             return n;
 *         plait_branch_fork(&left, fib, n - 1);
 *         intptr_t right = fib(n - 2);
 *         return plait_branch_merge(&left) + right;
 *     }
 *     int half(long first, long end, void *numbers)
 *     {
 *         for (long i = first; i < end; i++)
 *             ((double *)numbers)[i] *= 0.5;
 *         return 0;
 *     }
 *     int halves(double *numbers, long count)
 *     {
 *         return plait_for(0, count, half, numbers, NULL, PLAIT_NEVER);
 *     }
 *
 * Branches may be forked by any thread and coroutine, with no pool opened. A program-wide gang of
 * threads, one less than PLAIT_WORKERS, takes the oldest branches of whoever has some; the gang's
 * threads are started when there is something to take, and sleep when there is not: idle, they use
 * no CPU. With PLAIT_SEED there is no gang, and every branch runs in its merge.
 *
 * A branch that another thread has taken runs as that thread's task: with its name, task-locals and
 * thread-locals, outside of the blocks (plait_scoped) around the fork. It may wait for locks,
 * queues and all else, but not for something that a branch forked before it must do, which might
 * not have begun. Locks that it takes it must give back. Whoever merges a branch that runs
 * elsewhere runs branches that the same one has forked meanwhile; when there are none he waits, a
 * coroutine without holding up its worker.
 *
 * After fork() branches that nobody had taken are the child's as well; the merge of one that
 * another thread was running stops the child. Since 0.1; the origin is Lace (van Dijk and van de
 * Pol, 2014) and lazy task creation (Mohr, Kranz and Halstead, 1991). */
#ifndef PLAIT_PARALLEL_H
#define PLAIT_PARALLEL_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Yours, 64 bytes: in use from the fork to its merge. */
typedef struct plait_branch {
    uint64_t own[8];
} plait_branch;

/* What the two calls below touch, and nobody else: the calling task's slots. One from `split` on is
 * its own; from `limit` on the next fork must be told to the gang. */
struct plait_branch_slot_ {
    intptr_t (*function)(intptr_t);
    intptr_t arg;
    uint64_t own[2];
};
struct plait_branches_ {
    struct plait_branch_slot_ *top, *limit, *split;
};
extern __thread struct plait_branches_ *plait_branches_here_
    __attribute__((tls_model("initial-exec")));
/* What the two calls are where they are more than that: not for programs. Neither gets a branch's
 * address, so that compilers know which function a merge calls.
 *   errors   none
 *   blocks   never; plait_branch_merge_: until it has run */
struct plait_branch_slot_ *plait_branch_tell_(intptr_t (*function)(intptr_t), intptr_t arg);
intptr_t plait_branch_merge_(struct plait_branch_slot_ *slot);

/* function(arg) may run from now on, here or on another thread.
 *   branch   yours, until its merge
 *   function runs once, at the latest in the merge
 *   errors   none: where there is no memory to tell others, it runs in the merge
 *   misuse   a branch forked, but not merged before its function returns or its task ends; a
 *            generator's yield between the two (found in checked mode)
 *   blocks   never */
static inline void plait_branch_fork(plait_branch *branch, intptr_t (*function)(intptr_t),
                                     intptr_t arg)
{
    struct plait_branches_ *here = plait_branches_here_;
    struct plait_branch_slot_ *slot = here->top;
    branch->own[1] = (uint64_t)(uintptr_t)function;
    branch->own[2] = (uint64_t)arg;
    if (__builtin_expect(slot >= __atomic_load_n(&here->limit, __ATOMIC_RELAXED), 0)) {
        branch->own[0] = (uint64_t)(uintptr_t)plait_branch_tell_(function, arg);
        return;
    }
    slot->function = function;
    slot->arg = arg;
    here->top = slot + 1;
    branch->own[0] = (uint64_t)(uintptr_t)slot;
}

/* The result of a branch: runs it, unless another thread has taken it; then waits for that.
 *   branch   the youngest that this task has forked and not merged yet
 *   returns  what function returned
 *   errors   none; a cancel is told by the task's next wait
 *   misuse   another one is younger, merged twice, merged by another task (found in checked mode)
 *   blocks   until it has run */
static inline intptr_t plait_branch_merge(plait_branch *branch)
{
    struct plait_branches_ *here = plait_branches_here_;
    struct plait_branch_slot_ *slot = (struct plait_branch_slot_ *)(uintptr_t)branch->own[0];
    intptr_t (*function)(intptr_t) = (intptr_t(*)(intptr_t))(uintptr_t)branch->own[1];
    if (__builtin_expect(slot >= here->split, 1)) {
        here->top = slot;
        return function((intptr_t)branch->own[2]);
    }
    return slot ? plait_branch_merge_(slot) : function((intptr_t)branch->own[2]);
}

/* How a loop is dealt out. PLAIT_STEALING: equal parts, whoever is done takes half of another's
 * rest; for bodies of any cost. PLAIT_STATIC: equal parts and no more, or chunk by chunk; for equal
 * costs. PLAIT_GUIDED: chunks from the front, large ones first; where iterations must begin nearly
 * in order. */
typedef enum plait_schedule { PLAIT_STEALING, PLAIT_STATIC, PLAIT_GUIDED } plait_schedule;

/* Zeroes are the defaults. */
typedef struct plait_for_options {
    plait_pool
        *pool; /* of threads or coroutines, whose workers run all bodies; NULL: the caller and
                         the gang */
    plait_schedule schedule;
    long chunk;  /* iterations of a body at most (PLAIT_GUIDED: at least); 0: as it likes */
    void *total; /* what the parts are added to, by combine; all three or none */
    size_t total_size;
    void (*combine)(void *total, const void *part);
    PLAIT_OPTIONS(plait_for_options)
} plait_for_options;

/* Runs body for all of first, first + 1 ... end - 1, in ranges that body is given, on the calling
 * task and the gang. Bodies may wait, and may call plait_for.
 *   body     0; else it failed: no more bodies begin, those under way end
 *   options  NULL: defaults. With total each who takes part adds to a plait_for_part of his own;
 *            when all is done combine adds these to *total, one after the other, on the calling
 *            task
 *   returns  0: all iterations are done; above 0: how many bodies failed. total is left as it was
 *            unless 0
 *   errors   -ETIMEDOUT, -ECANCELED (no more bodies begin; those under way were waited for),
 *            -EAGAIN (PLAIT_NOW: none began), -EINVAL (first > end, a field out of range, a pool of
 *            processes, some of total, total_size, combine), -ENOMEM; what plait_submit says of the
 *            pool
 *   misuse   a duration where a deadline belongs
 *   blocks   until all bodies that began have ended */
PLAIT_MUST_USE int plait_for(long first, long end, int (*body)(long first, long end, void *arg),
                             void *arg, const plait_for_options *options, int64_t deadline);

/* In a body: the part of the total of who runs it, zeroes at first, aligned to 64 bytes.
 *   returns  NULL: the innermost plait_for has no total, or there is none
 *   errors   none
 *   blocks   never */
void *plait_for_part(void);

#ifdef __cplusplus
}
#endif
#endif
