/* Starting, watching and ending child processes: the parent's side.
 *
 * The watcher thread must exist before the fork, so that the child is reaped also while main
 * computes; it learns of the end by the pidfd. The child does not begin before its parent has that
 * pidfd, otherwise a host that ignores SIGCHLD could lose the status of a short one. Whole status:
 * the child writes it into the page before it leaves; when the page has none, the kernel's status
 * tells exit or signal. */
#include "base/report.h"
#include "base/settings.h"
#include "base/spin.h"
#include "os/os.h"
#include "task/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE INT64_C(5000000000)
enum { TRIES = 3 }; /* to find a child of the fork server that lives until it is told */

static uint64_t deaths; /* children killed by a signal, for plait_counters_read */

uint64_t process_deaths(void)
{
    return atom_load(&deaths, RELAXED);
}

/* Gives back what a process task holds, but for the struct itself, which stays with the record
 * because others may look at it late. */
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

static void page_begin(struct task_process *process, struct task_page *page)
{
    page->magic = TASK_PAGE_MAGIC;
    page->size = sizeof *page;
    page->state = PLAIT_RUNNING;
    memcpy(page->name, process->record->name, sizeof page->name);
    page->canceled = wait_was_canceled(&process->record->co.self); /* before it was begun */
    process->page = page;
}

/* NULL: no memory */
static struct task_process *process_new(struct task_record *record,
                                        const plait_start_options *options)
{
    struct task_process *process = record->process_memory;
    if (!process && !(process = os_alloc(sizeof *process)))
        return NULL;
    record->process_memory = process;
    *process = (struct task_process){
        .watch = {.descriptor = -1, .at = WAIT_NEVER, .told = process_told},
        .record = record,
        .parent = getpid(),
        .grace = options->grace ? options->grace : GRACE,
        .bell = -1,
    };
    return process;
}

/* Output that waits in stdio's buffers goes out first: otherwise it would be written by both. A
 * thread that sits in a read of stdin holds that stream's lock, so then only the two usual outputs
 * are flushed: better than to wait for the user's next line. */
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

struct process_hooks process_hooks;
__thread bool process_forking __attribute__((tls_model("initial-exec")));

static pid_t fork_telling(void)
{
    process_forking = true;
    pid_t pid = fork();
    process_forking = false;
    if (pid != 0 && process_hooks.forked)
        process_hooks.forked(pid);
    return pid;
}

static int process_fork(struct task_record *record, const plait_start_options *options, int *pidfd)
{
    bool tied = !options->untied && !(options->child && options->child->unix_daemon);
    int parent = tied ? os_pidfd_open(getpid()) : -1;
    if (tied && parent < 0)
        return parent;
    flush_output();
    pid_t pid = fork_telling();
    if (pid == 0) {
        __fpurge(stdout); /* what another thread printed since the flush is the parent's */
        child_main(record, parent, options);
    }
    int rc = pid < 0 ? -errno : pid;
    os_close(parent);
    *pidfd = pid < 0 ? -1 : os_pidfd_open(pid);
    if (pid > 0 && *pidfd < 0) {
        rc = *pidfd;
        os_kill(pid); /* since without a pidfd nobody could tell us of its end */
        os_reap(pid);
    }
    return rc;
}

static int process_image(struct task_process *process, const struct spawn *spawn, int memory,
                         int *pidfd)
{
    int own[IMAGE_OWN] = {process->bell, -1, memory};
    int rc = own[IMAGE_PARENT] = os_pidfd_open(getpid());
    if (rc >= 0)
        rc = spawn_image(spawn, own, process->page, pidfd);
    os_close(own[IMAGE_PARENT]);
    return rc;
}

/* A child that has options says when they hold, or why not. */
static int process_await(struct task_process *process)
{
    int32_t *began = &process->page->began;
    int pidfd = process->watch.descriptor;
    while (!atom_load(began, ACQUIRE) && os_descriptor_ready(pidfd, OS_READABLE) == 0)
        os_futex_wait((uint32_t *)began, 0, true, os_now() + INT64_C(20000000));
    int rc = atom_load(began, ACQUIRE); /* pairs with child_tell */
    return rc < 0 ? rc : 0;
}

/* From here on the child belongs to the watcher. */
static int process_adopt(struct task_process *process, const plait_start_options *options)
{
    atom_store(&process->page->go, 1, RELEASE);
    if (options->method <= PLAIT_FORK)
        os_futex_wake(&process->page->go, 1, true);
    int rc = options->child && options->method != PLAIT_SPAWN ? process_await(process) : 0;
    if (rc == 0) /* last, since the page may be gone as soon as the watcher knows the child */
        rc = sched_watch_add(&process->watch);
    if (rc < 0) {
        os_pidfd_end(process->watch.descriptor);
        process->watch.descriptor = -1;
    }
    return rc;
}

/* It stays with the record, since who cancels all in a block may be looking at it. */
static int process_failed(struct task_process *process, int rc)
{
    atom_store(&process->record->process, NULL, RELAXED);
    process_close(process);
    return rc;
}

/* Its pid or -errno, as it was given. */
static int process_begun(struct task_process *process, const plait_start_options *options, int pid,
                         int pidfd)
{
    process->watch.descriptor = pidfd;
    process->pid = pid > 0 ? pid : 0;
    int rc = pid > 0 ? process_adopt(process, options) : pid;
    return rc == 0 ? pid : process_failed(process, rc);
}

/* By fork or exec: all that can fail is made before the child. */
static int process_launch(struct task_process *process, const struct spawn *spawn,
                          const plait_start_options *options)
{
    struct task_record *record = process->record;
    struct task_page *page;
    int pidfd = -1, memory = process->bell = os_event_open();
    if (memory >= 0)
        memory = spawn_memory(spawn ? &spawn->request : NULL, &page);
    if (memory < 0)
        return process_failed(process, memory);
    page_begin(process, page);
    atom_store(&record->process, process, RELEASE); /* pairs with the ACQUIRE of who cancels */
    int pid = spawn ? process_image(process, spawn, memory, &pidfd)
                    : process_fork(record, options, &pidfd);
    os_close(memory);
    return process_begun(process, options, pid, pidfd);
}

/* Its pid. -ENOLINK: it was gone, and another one may be there; nothing is left of it, so that the
 * process is as before. */
static int serve_once(struct task_process *process, const struct spawn *spawn, struct spare *spare)
{
    int rc = server_take(spare);
    if (rc < 0)
        return rc;
    struct task_page *page = spare_page(spare);
    if (page)
        page_begin(process, page);
    rc = page ? server_send(spare, spawn) : -ENOMEM;
    if (rc < 0) {
        spare_end(spare);
        if (page)
            os_unmap(page, OS_PAGE);
        process->page = NULL;
    }
    return rc;
}

/* By the fork server, whose child is there already. */
static int process_serve(struct task_process *process, const struct spawn *spawn)
{
    struct spare spare;
    int rc = -ENOLINK;
    for (int tries = 0; tries < TRIES && rc == -ENOLINK; tries++)
        rc = serve_once(process, spawn, &spare);
    if (rc < 0)
        return process_failed(process, rc == -ENOLINK ? -EAGAIN : rc);
    process->bell = spare.has[SPARE_BELL];
    atom_store(&process->record->process, process, RELEASE);
    return process_begun(process, spawn->options, rc, spare.has[SPARE_PIDFD]);
}

static int launch_image(struct task_process *process, const plait_start_options *options)
{
    struct spawn spawn;
    record_name(process->record);
    int rc = spawn_prepare(&spawn, process->record, options);
    if (rc == 0)
        rc = options->method == PLAIT_FORKSERVER ? process_serve(process, &spawn)
                                                 : process_launch(process, &spawn, options);
    spawn_sent(&spawn, rc);
    return rc;
}

static int launch(struct task_record *record, const plait_start_options *options)
{
    struct task_process *process = process_new(record, options);
    int rc = process ? sched_watch_begin() : -ENOMEM;
    if (rc < 0)
        return rc;
    return options->method > PLAIT_FORK ? launch_image(process, options)
                                        : process_launch(process, NULL, options);
}

int process_start(struct task_record *record, const plait_start_options *options)
{
    bool forks = options->method <= PLAIT_FORK;
    int rc = image_is_booting() ? -EBUSY : forks ? fork_refused() : 0;
    if (!forks && !image_is_catchable())
        rc = -ENOTSUP;
    if (rc < 0)
        return rc;
    if (wait_deterministic)
        sched_real_event(1);
    rc = launch(record, options);
    locals_destroy(record); /* a fork has its copies of what was inherited */
    if (rc < 0 && wait_deterministic)
        sched_real_event(-1);
    return rc < 0 ? rc : 0;
}

/* In a child of a fork: descriptors and pages of its parent's other children. One that is being
 * started at this moment (no pid yet) is left alone, because it may be the very child that runs
 * this. */
void process_forget(struct task_record *record)
{
    struct task_process *process = record->process;
    process->lock = (base_spin){0};
    if (process->pid && !process->ended)
        process_release(process);
    process->ended = true;
}
