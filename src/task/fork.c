/* Every fork, also one the host program makes itself, repairs the child's runtime first of all: the
 * calling task is all there is, and it is the main task. What stays valid in the child must not be
 * caught half-way by the fork, so the locks that guard it are taken around it. */
#include "base/report.h"
#include "os/os.h"
#include "task/scope.h"
#include "task/server.h"
#include "wait/robust.h"

uint64_t task_read_columns;

static void fork_before(void)
{
    /* A thread that plait has not met yet forks beside others that it has: the child must know
     * who it is */
    wait_me();
    os_threads_settle();
    slot_fork_prepare();
    record_fork_prepare();
    locals_fork_prepare();
    bell_fork_prepare();
    sched_fork_prepare();
}

static void fork_parent(void)
{
    sched_fork_parent();
    bell_fork_parent();
    locals_fork_done();
    record_fork_done();
    slot_fork_done();
}

/* A coroutine goes on as the main task on the stack it is on; it sleeps as a thread from now on. */
static void fork_child(void)
{
    struct task_record *me = (struct task_record *)wait_current;
    robust_after_fork();
    sched_after_fork(wait_current);
    bell_fork_child();
    locals_fork_done();
    record_fork_done();
    slot_fork_done();
    exit_after_fork();
    child_after_fork();
    server_after_fork();
    task_read_columns = 0;
    if (!me)
        return;
    task_main_set(me);
    me->flags = (me->flags & ~(uint32_t)TASK_IS_FOREIGN) | TASK_IS_MAIN;
    me->children = (struct task_scope){0};
    me->counted_in = NULL;
    me->counts = NULL;
    me->job = NULL; /* its pool is the parent's */
    block_after_fork(me);
    me->carrier = PLAIT_PROCESS;
    for (uint32_t i = 0; i < slot_limit(); i++) {
        struct task_slot *slot = slot_at(i);
        if (slot->serial & 1 && slot_record(slot) && slot_record(slot)->process)
            process_forget(slot_record(slot));
    }
    slot_keep_only(me->slot);
    slot_at(me->slot)->flags = (uint32_t)PLAIT_PROCESS << 16;
    atom_store(&slot_at(me->slot)->state, PLAIT_RUNNING | TASK_LOOSE, RELEASE);
}

/* Of the fork server, which has one thread: nobody holds a lock or sleeps, so that most of our
 * handlers, which write to a hundred pages, have nothing to do. But where its constructors have
 * started tasks or opened shared memory they are called by hand, since libc's fork cannot make a
 * sibling. Those of others are not called. */
int fork_sibling(int *pidfd, int32_t *told)
{
    bool full = exit_is_prepared();
    if (full) {
        fork_before();
        base_name_fork_prepare();
    }
    int pid = os_fork_sibling(pidfd, told);
    if (full)
        base_name_fork_done();
    if (pid != 0 && full)
        fork_parent();
    if (pid != 0)
        return pid;
    if (full)
        fork_child();
    else
        robust_after_fork();
    return 0;
}

void fork_prepare_once(void)
{
    base_at_fork(fork_before, fork_parent, fork_child);
}
