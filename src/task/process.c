/* Starting, watching and ending child processes: the parent's side.
 *
 * The watcher thread must exist before the fork, so that the child is reaped also while main
 * computes; it learns of the end by the pidfd. The child does not begin before its parent has that
 * pidfd, otherwise a host that ignores SIGCHLD could lose the status of a short one. Whole status:
 * the child writes it into the page before it leaves; when the page has none, the kernel's status
 * tells exit or signal. */
#include "task/process.h"
#include "base/report.h"
#include "base/settings.h"
#include "base/spin.h"
#include "os/os.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE INT64_C(5000000000)

static uint64_t deaths; /* children killed by a signal, for plait_counters_read */

uint64_t process_deaths(void)
{
    return atom_load(&deaths, RELAXED);
}

/* Gives back what a process task holds, but for the struct itself: it stays with the record. */
static void process_release(struct task_process *process)
{
    if (process->page)
        os_unmap(process->page, OS_PAGE);
    os_close(process->bell);
    os_close(process->watch.descriptor);
    process->page = NULL;
}

static int status_of(const struct task_process *process, const struct os_exit *end)
{
    uint32_t ended = atom_load(&process->page->ended, ACQUIRE); /* pairs with page_end */
    int status = process->page->status;
    if (ended == PAGE_RETURNED || (ended == PAGE_EXITED && !end->known))
        return status;
    if (!end->known)
        return -ESTALE;
    if (WIFSIGNALED(end->status))
        return PLAIT_KILLED(WTERMSIG(end->status));
    /* The lower eight bits agree unless an exit handler left with another status. */
    bool whole = ended == PAGE_EXITED && (status & 0xff) == WEXITSTATUS(end->status);
    return whole ? status : WEXITSTATUS(end->status);
}

static void process_close(struct task_process *process)
{
    base_spin_lock(&process->lock);
    process->ended = true;
    process_release(process);
    base_spin_unlock(&process->lock);
}

/* The child has ended: on the watcher's thread, so no allocation and no libc lock. The task_process
 * stays with the record, since cancel and kill may be looking at it; its lock tells them that it
 * has ended. */
static void process_ended(struct task_process *process, const struct os_exit *end)
{
    struct task_record *record = process->record;
    struct task_slot *slot = slot_at(record->slot);
    int status = status_of(process, end);
    plait_state state = status == 0 ? PLAIT_DONE : PLAIT_FAILED;
    if (status == -ECANCELED && process->page->canceled)
        state = PLAIT_CANCELED;
    if (plait_killed_by(status))
        atom_add(&deaths, 1, RELAXED);
    if (end->known && WIFSIGNALED(end->status) && WCOREDUMP(end->status))
        slot->flags |= TASK_HAS_CORE;
    process_close(process);
    BASE_TRACE("end", record, status);
    if (wait_deterministic)
        sched_real_event(-1);
    task_tell_end(record, state, status);
}

/* The watcher tells: the pidfd is readable, or the grace after a TERM is over. */
static void process_told(struct sched_watch *watch, bool readable)
{
    struct task_process *process = list_item(watch, struct task_process, watch);
    struct os_exit end = {0};
    if (!readable) {
        process_overdue(process);
        return;
    }
    int rc = os_pidfd_reap(watch->descriptor, &end);
    if (rc == 0 || (rc < 0 && ++process->failures < 3))
        return; /* told again at once, since the pidfd stays readable */
    sched_watch_done(watch);
    process_ended(process, &end);
}

static struct task_page *page_new(const struct task_record *record)
{
    int descriptor = os_memfd("plait-task", OS_PAGE);
    if (descriptor < 0)
        return NULL;
    struct task_page *page = os_map_file(descriptor, OS_PAGE);
    os_close(descriptor);
    if (!page)
        return NULL;
    page->magic = TASK_PAGE_MAGIC;
    page->size = sizeof *page;
    page->state = PLAIT_RUNNING;
    memcpy(page->name, record->name, sizeof page->name);
    return page;
}

/* All that can fail is made before the fork. */
static int process_new(struct task_record *record, const plait_start_options *options)
{
    struct task_process *process = record->process_memory;
    if (!process && !(process = os_alloc(sizeof *process)))
        return -ENOMEM;
    record->process_memory = process;
    *process = (struct task_process){
        .watch = {.descriptor = -1, .at = WAIT_NEVER, .told = process_told},
        .record = record,
        .parent = getpid(),
        .grace = options->grace ? options->grace : GRACE,
        .bell = os_event_open(),
        .page = page_new(record),
    };
    int rc = process->bell < 0 ? process->bell : process->page ? sched_watch_begin() : -ENOMEM;
    if (rc < 0) {
        process_release(process);
        return rc;
    }
    process->page->canceled = wait_was_canceled(&record->co.self); /* before it was begun */
    atom_store(&record->process, process, RELEASE); /* pairs with the ACQUIRE of who cancels */
    return 0;
}

/* Output that waits in stdio's buffers would be written by both. A thread that sits in a read of
 * stdin holds that stream's lock, so then only the two usual outputs are flushed: better than to
 * wait for the user's next line. */
static void flush_output(void)
{
    if (ftrylockfile(stdin) == 0) {
        funlockfile(stdin);
        fflush(NULL);
        return;
    }
    fflush(stdout);
    fflush(stderr);
}

static int fork_refused(void)
{
    struct sched_counters counters;
    if (!base_settings()->strict_fork)
        return 0;
    sched_counters_read(&counters);
    if (!counters.workers)
        return 0;
    base_report(PLAIT_REPORT_MISUSE,
                "a process was to be started beside %d workers; strict mode refuses",
                (int)counters.workers);
    return -EBUSY;
}

/* The parent after the fork: from here on the child belongs to the watcher. */
static int process_adopt(struct task_process *process, pid_t pid)
{
    process->pid = pid;
    process->watch.descriptor = os_pidfd_open(pid);
    int rc = process->watch.descriptor;
    if (rc >= 0) {
        /* Before the watcher knows the child: it may end and its page be gone at once. */
        atom_store(&process->page->go, 1, RELEASE);
        os_futex_wake(&process->page->go, 1, true);
        rc = sched_watch_add(&process->watch);
    }
    if (rc < 0) {
        kill(pid, SIGKILL); /* no memory in the kernel: nobody could tell us of its end */
        waitpid(pid, NULL, 0);
        return rc;
    }
    return 0;
}

struct process_hooks process_hooks;
__thread bool process_forking __attribute__((tls_model("initial-exec")));

static pid_t process_fork(void)
{
    process_forking = true;
    pid_t pid = fork();
    process_forking = false;
    if (pid != 0 && process_hooks.forked)
        process_hooks.forked(pid);
    return pid;
}

int process_start(struct task_record *record, const plait_start_options *options)
{
    int rc = fork_refused();
    if (rc == 0)
        rc = process_new(record, options);
    if (rc < 0)
        return rc;
    struct task_process *process = record->process;
    int parent = options->untied ? -1 : os_pidfd_open(getpid());
    if (!options->untied && parent < 0)
        rc = parent;
    flush_output();
    if (wait_deterministic)
        sched_real_event(1);
    pid_t pid = rc < 0 ? -1 : process_fork();
    if (pid == 0)
        child_main(record, parent);
    if (rc == 0 && pid < 0)
        rc = -errno;
    os_close(parent);
    locals_destroy(record); /* the child has its copies of what was inherited */
    if (rc == 0)
        rc = process_adopt(process, pid);
    if (rc < 0) {
        if (wait_deterministic)
            sched_real_event(-1);
        atom_store(&record->process, NULL, RELAXED);
        process_close(process); /* who cancels all in a block may be looking at it */
    }
    return rc;
}

/* In a child of a fork: descriptors and pages of its parent's other children. One that is being
 * started at this moment (no pid yet) is left alone: it may be the very child that runs this. */
void process_forget(struct task_record *record)
{
    struct task_process *process = record->process;
    process->lock = (base_spin){0};
    if (process->pid && !process->ended)
        process_release(process);
    process->ended = true;
}
