/* The child's side of a process task: its own watcher listens to the cancel bell and, when tied, to
 * the parent's pidfd, from before the user's function begins. */
#include "base/report.h"
#include "base/spin.h"
#include "os/os.h"
#include "task/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    struct task_page *page;
    struct task_record *record;
    struct sched_watch cancel, parent;
} child;

/* The parent is gone: so are we, as promised, whatever we are doing. */
static void parent_told(struct sched_watch *watch, bool readable)
{
    kill(getpid(), SIGKILL);
}

static void cancel_told(struct sched_watch *watch, bool readable)
{
    os_event_drain(watch->descriptor);
    if (atom_load(&child.page->canceled, ACQUIRE))
        wait_cancel(&child.record->co.self);
}

/* 0, or the child cannot keep its promises and must not begin. */
static int child_listen(int bell, int parent)
{
    child.cancel = (struct sched_watch){.descriptor = bell, .at = WAIT_NEVER, .told = cancel_told};
    child.parent =
        (struct sched_watch){.descriptor = parent, .at = WAIT_NEVER, .told = parent_told};
    int rc = sched_watch_add(&child.cancel);
    if (rc == 0 && parent >= 0)
        rc = sched_watch_add(&child.parent);
    return rc;
}

/* The parent has our pidfd. A parent that died before it could say so ends us through child.parent.
 */
static void child_await_go(struct task_page *page, pid_t parent, bool tied)
{
    while (!atom_load(&page->go, ACQUIRE)) {
        if (!tied && getppid() != parent)
            return; /* untied: goes on alone */
        os_futex_wait(&page->go, 0, true, os_now() + INT64_C(20000000));
    }
}

/* What the main task waits for, where the parent and `plait top` can read it. */
static void child_note(const struct wait_self *self)
{
    struct task_page *page = child.page;
    if (self != &child.record->co.self)
        return;
    if (self->note.verb) {
        base_format(page->verb, sizeof page->verb, "%s", self->note.verb);
        base_name_of(self->note.object, self->note.type, page->object, sizeof page->object);
        page->since = self->note.since;
    }
    atom_store(&page->state, self->note.verb ? PLAIT_WAITING : PLAIT_RUNNING, RELEASE);
}

/* From now on the record is this process' main task. */
static void child_become(struct task_record *record)
{
    uint32_t number;
    struct task_slot *slot = slot_new(&number);
    if (!slot)
        _exit(127);
    record->slot = number;
    record->counted_in = NULL;
    record->block = NULL;
    record->inside = 0;
    record->generator = NULL;
    record->children = (struct task_scope){0};
    record->process = NULL;
    record->flags |= TASK_IS_MAIN;
    slot_set_record(slot, record);
    slot->id = record->id;
    slot->flags = (uint32_t)PLAIT_PROCESS << 16;
    atom_store(&slot->state, PLAIT_RUNNING | TASK_LOOSE, RELEASE);
    task_main_set(record);
    wait_current = &record->co.self;
    child.record = record;
    wait_note_mirror = child_note;
}

static void page_end(int status, uint32_t how)
{
    if (child.page) {
        child.page->status = status;
        atom_store(&child.page->ended, how, RELEASE); /* pairs with the ACQUIRE of status_of */
    }
}

/* exit() in the child, of which the kernel hands over eight bits. Registered first, so that it runs
 * after the child's own handlers. */
static void child_exits(int status, void *unused)
{
    page_end(status, PAGE_EXITED);
}

_Noreturn void child_main(struct task_record *record, int parent)
{
    struct task_process *process = record->process;
    pid_t process_parent = process->parent;
    child.page = process->page;
    record_name(record);
    slot_keep_only(UINT32_MAX);
    child_become(record);
    if (child_listen(process->bell, parent) < 0) {
        base_report(PLAIT_REPORT_DROPPED, "process '%s' could not start its watcher",
                    record_name(record));
        child_leave(127);
    }
    os_on_exit(child_exits);
    child_await_go(child.page, process_parent, parent >= 0);
    child_leave(record->function(record->arg));
}

/* A fork of the user's own inside a child: the page tells of the child, not of what it forked. */
void child_after_fork(void)
{
    child.page = NULL;
    wait_note_mirror = NULL;
}

/* The end of a child: everything it started is joined, output is out, then _exit: the parent's exit
 * handlers are not ours. Without a page it is a fork of a child, which returned from its function.
 */
_Noreturn void child_leave(int status)
{
    struct task_record *record = child.record;
    locals_destroy(record);
    task_finish_children(record);
    exit_finish();
    process_tell_leaving();
    fflush(NULL);
    page_end(status, PAGE_RETURNED);
    _exit(status & 0xff);
}
