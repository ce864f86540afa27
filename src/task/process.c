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
#include <sys/wait.h>
#include <unistd.h>

#define GRACE INT64_C(5000000000)

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

/* The page and, for a new image, what crosses to it; the memfd, whose page is mapped here. */
static int page_new(struct task_process *process, const struct image_request *request)
{
    size_t order = request ? image_order_size(request) : 0, size = OS_PAGE + order;
    int memory = request && !order ? -EINVAL : os_memfd("plait-task", size);
    if (memory < 0)
        return memory;
    struct task_page *page = os_map_file(memory, size);
    if (!page) {
        os_close(memory);
        return -ENOMEM;
    }
    page->magic = TASK_PAGE_MAGIC;
    page->size = sizeof *page;
    page->state = PLAIT_RUNNING;
    memcpy(page->name, process->record->name, sizeof page->name);
    if (request) {
        image_order_write((void *)((char *)page + OS_PAGE), request);
        os_unmap((char *)page + OS_PAGE, order);
    }
    process->page = page;
    return memory;
}

/* All that can fail is made before the child; the memfd, to be closed when the child has it. */
static int process_new(struct task_record *record, const plait_start_options *options,
                       const struct image_request *request)
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
    };
    int rc = process->bell < 0 ? process->bell : sched_watch_begin();
    int memory = rc < 0 ? rc : page_new(process, request);
    if (memory < 0) {
        process_release(process);
        return memory;
    }
    process->page->canceled = wait_was_canceled(&record->co.self); /* before it was begun */
    atom_store(&record->process, process, RELEASE); /* pairs with the ACQUIRE of who cancels */
    return memory;
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
    if (pid == 0)
        child_main(record, parent, options);
    int rc = pid < 0 ? -errno : pid;
    os_close(parent);
    *pidfd = pid < 0 ? -1 : os_pidfd_open(pid);
    if (pid > 0 && *pidfd < 0) {
        rc = *pidfd;
        kill(pid, SIGKILL); /* since without a pidfd nobody could tell us of its end */
        waitpid(pid, NULL, 0);
    }
    return rc;
}

static int process_image(struct task_process *process, const struct spawn *spawn, int memory,
                         int *pidfd)
{
    int own[IMAGE_OWN] = {process->bell, -1, memory};
    if (spawn->options->method == PLAIT_FORKSERVER)
        return server_fork(spawn, own, process->page, pidfd);
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

/* The child's pid. */
static int process_launch(struct task_record *record, const struct spawn *spawn,
                          const plait_start_options *options)
{
    int memory = process_new(record, options, spawn && !spawn->is_brief ? &spawn->request : NULL);
    if (memory < 0)
        return memory;
    struct task_process *process = record->process;
    int pidfd = -1;
    int pid = spawn ? process_image(process, spawn, memory, &pidfd)
                    : process_fork(record, options, &pidfd);
    os_close(memory);
    process->watch.descriptor = pidfd;
    process->pid = pid > 0 ? pid : 0;
    int rc = pid > 0 ? process_adopt(process, options) : pid;
    if (rc == 0)
        return pid;
    atom_store(&record->process, NULL, RELAXED);
    process_close(process); /* who cancels all in a block may be looking at it */
    return rc;
}

static int launch_image(struct task_record *record, const plait_start_options *options)
{
    struct spawn spawn;
    record_name(record);
    int rc = spawn_prepare(&spawn, record, options);
    if (rc == 0)
        rc = process_launch(record, &spawn, options);
    spawn_sent(&spawn, rc);
    return rc < 0 ? rc : 0;
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
    rc = forks ? process_launch(record, NULL, options) : launch_image(record, options);
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
