/* Telling a child process: cancel, TERM, KILL, each after the other's grace time. Its lock guards
 * pidfd and page against the end, which the watcher notices. */
#include "base/spin.h"
#include "os/os.h"
#include "task/process.h"

#include <errno.h>
#include <signal.h>

/* A TERM begins the grace time; a later one does not begin it again, otherwise who insists often
 * enough would put the KILL off for ever. */
static int signal_locked(struct task_process *process, int signal, int64_t grace)
{
    if (process->ended)
        return 0;
    int rc = os_pidfd_signal(process->watch.descriptor, signal);
    if (grace && atom_load(&process->watch.at, RELAXED) == WAIT_NEVER)
        sched_watch_touch(&process->watch, os_now() + grace);
    return rc == -ESRCH ? 0 : rc; /* reaped this instant, and about to be told */
}

/* The first one asks, the second one insists: TERM, and KILL after the grace time. */
static void cancel_locked(struct task_process *process)
{
    if (process->ended)
        return;
    if (atom_swap(&process->page->canceled, 1, SEQ_CST))
        signal_locked(process, SIGTERM, process->grace);
    os_event_signal(process->bell);
}

/* Cancels that were asked for while the lock was held. Who asks counts `wanted` up and then tries
 * the lock; who holds it unlocks and then looks at `wanted`: so one of the two sees the other. */
static void process_settle(struct task_process *process)
{
    while (atom_load(&process->wanted, SEQ_CST) && base_spin_try(&process->lock)) {
        for (uint32_t count = atom_swap(&process->wanted, 0, SEQ_CST); count > 0; count--)
            cancel_locked(process);
        base_spin_unlock(&process->lock);
    }
}

static void process_unlock(struct task_process *process)
{
    base_spin_unlock(&process->lock);
    process_settle(process);
}

/* The grace time of a TERM is over; or that of a cancel which insists, and then the TERM begins. On
 * the watcher's thread. */
void process_overdue(struct task_process *process)
{
    base_spin_lock(&process->lock);
    atom_store(&process->watch.at, WAIT_NEVER, RELAXED);
    bool first = process->insists;
    process->insists = false;
    signal_locked(process, first ? SIGTERM : SIGKILL, first ? process->grace : 0);
    process_unlock(process);
}

/* A cancel, and if the child has not ended when the grace time is over, a TERM with another one.
 * Again: nothing, because all in a block may be told twice. */
void process_insist(struct task_record *record)
{
    struct task_process *process = record->process;
    base_spin_lock(&process->lock);
    if (!process->ended && !process->insists &&
        atom_load(&process->watch.at, RELAXED) == WAIT_NEVER) {
        process->insists = true;
        atom_store(&process->page->canceled, 1, SEQ_CST);
        os_event_signal(process->bell);
        sched_watch_touch(&process->watch, os_now() + process->grace);
    }
    process_unlock(process);
}

int process_signal(struct task_record *record, int signal, int64_t grace)
{
    struct task_process *process = record->process;
    base_spin_lock(&process->lock);
    int rc = signal_locked(process, signal, grace);
    process_unlock(process);
    return rc;
}

/* Under the lock, because the watcher unmaps the page when the child ends. */
bool process_peek(struct task_process *process, struct task_page *copy)
{
    base_spin_lock(&process->lock);
    bool there = !process->ended && process->page;
    if (there)
        *copy = *process->page;
    process_unlock(process);
    return there;
}

/* Never waits for the lock, since a signal handler may have interrupted the very thread that holds
 * it. */
void process_cancel(struct task_record *record)
{
    struct task_process *process = record->process;
    atom_add(&process->wanted, 1, SEQ_CST);
    process_settle(process);
}
