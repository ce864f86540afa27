/* The child's side of a process task: its own watcher listens to the cancel bell and, when tied, to
 * the parent's pidfd. In a fork from before the user's function begins. A new image and a child of
 * the fork server die by a signal of the kernel's (PDEATHSIG), so that they need no watcher before
 * their first wait: starting its thread costs as much as all the rest of their start. */
#include "os/child.h"
#include "base/report.h"
#include "base/spin.h"
#include "image/image.h"
#include "os/os.h"
#include "task/process.h"

#include <plait/error.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    struct task_page *page;
    struct task_record *record;
    struct sched_watch cancel, parent;
    bool listens;
    bool is_image; /* it ends by exit(): the handlers are its own */
} child;

/* The parent is gone: so are we, as promised, whatever we are doing. */
static void parent_told(struct sched_watch *watch, bool readable)
{
    os_kill(getpid());
}

static void cancel_told(struct sched_watch *watch, bool readable)
{
    os_event_drain(watch->descriptor);
    if (atom_load(&child.page->canceled, ACQUIRE))
        wait_cancel(&child.record->co.self);
}

static void child_hears(int bell, int parent)
{
    child.cancel = (struct sched_watch){.descriptor = bell, .at = WAIT_NEVER, .told = cancel_told};
    child.parent =
        (struct sched_watch){.descriptor = parent, .at = WAIT_NEVER, .told = parent_told};
}

/* 0, or the child cannot keep its promises. */
static int child_listen(void)
{
    child.listens = true;
    int rc = sched_watch_add(&child.cancel);
    if (rc == 0 && child.parent.descriptor >= 0)
        rc = sched_watch_add(&child.parent);
    if (rc < 0)
        base_report(PLAIT_REPORT_DROPPED, "process '%s' could not start its watcher",
                    record_name(child.record));
    return rc;
}

/* A loop without waits must ask whether it was cancelled, since nobody rings where nobody
 * listens. */
void child_look(const struct task_record *me)
{
    if (me != child.record || child.listens || !child.page)
        return;
    if (atom_load(&child.page->canceled, ACQUIRE) && !wait_was_canceled(&me->co.self)) {
        os_event_drain(child.cancel.descriptor);
        wait_cancel(&child.record->co.self);
    }
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
    if (unlikely(!child.listens))
        child_listen();
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

static void child_enter(struct task_record *record, struct task_page *page)
{
    child.record = record;
    child.page = page;
    wait_note_mirror = child_note;
}

void child_prepare(void)
{
    task_me();
    os_on_exit(child_exits);
    os_free(os_alloc(1));
}

void child_warm_up(struct task_page *page)
{
    struct task_record *record = task_me();
    struct image_function own;
    const void *const code[] = {(void *)dup2, (void *)fflush, (void *)_exit, (void *)memmove};
    volatile char stack[4 * OS_PAGE];
    page->state = PLAIT_RUNNING;
    record_rename(record, "child");
    image_function_describe((void (*)(void))child_warm_up, &own);
    image_function_find(&own);
    os_free(os_alloc(1));
    child.record = record;
    wait_note_mirror = NULL;
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        (void)*(volatile const char *)code[i];
    for (size_t i = 0; i < sizeof stack; i += OS_PAGE)
        stack[i] = 0;
}

/* Strings of the user's, in an array of plait's own, since setenv may change it. */
static int environment_set(const char *const *strings)
{
    size_t count = 0;
    while (strings[count])
        count++;
    const char **copy = os_alloc((count + 1) * sizeof *copy);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, strings, count * sizeof *copy);
    environ = (char **)copy;
    return 0;
}

/* What the user asked for, at the numbers 3, 4 ...; plait's own two behind them. */
static int child_place(const plait_child_options *options, int *bell, int *parent)
{
    int list[OS_DESCRIPTORS_MOST], count = options->descriptor_count;
    if (!count)
        return 0;
    memcpy(list, options->descriptors, (size_t)count * sizeof *list);
    list[count] = *bell;
    list[count + 1] = *parent;
    int rc = os_descriptors_place(list, count + 1 + (*parent >= 0), false);
    if (rc < 0)
        return rc;
    *bell = 3 + count;
    *parent = *parent >= 0 ? 4 + count : -1;
    os_descriptor_keep(*bell, false);
    return *parent >= 0 ? os_descriptor_keep(*parent, false) : 0;
}

/* Whoever started it waits for this word. */
static void child_tell(int rc)
{
    if (child.page) {
        atom_store(&child.page->began, rc < 0 ? rc : 1, RELEASE); /* pairs with process_await */
        os_futex_wake((uint32_t *)&child.page->began, 1, true);
    }
    if (rc < 0)
        _exit(127);
}

/* A daemon of Unix has no terminal and is nobody's child: it leads no session, and its parent is
 * gone. The task is the one that ends here. */
static void child_go_alone(const plait_child_options *options)
{
    setsid();
    pid_t pid = fork();
    child_tell(pid < 0 ? -errno : 0);
    if (pid > 0) {
        page_end(0, PAGE_RETURNED);
        _exit(0);
    }
    child.page = NULL;
    wait_note_mirror = NULL;
    os_descriptors_silence();
    if (!options->directory && chdir("/") < 0)
        base_report(PLAIT_REPORT_DROPPED, "a daemon could not go to /");
}

/* A page of its own is the daemon's no more: what it was told of is over. */
static void child_change(const plait_child_options *options)
{
    int rc = options->environment ? environment_set(options->environment) : 0;
    if (rc == 0)
        rc = os_child_change(options);
    if (rc < 0 || !options->unix_daemon)
        child_tell(rc);
    else
        child_go_alone(options);
}

_Noreturn void child_main(struct task_record *record, int parent,
                          const plait_start_options *options)
{
    struct task_process *process = record->process;
    const plait_child_options *change = options->child;
    pid_t process_parent = process->parent;
    int bell = process->bell;
    record_name(record);
    slot_keep_only(UINT32_MAX);
    child_become(record);
    child_enter(record, process->page);
    os_on_exit(child_exits);
    child_inherit(options->shared, options->shared_count);
    if (change) {
        int rc = child_place(change, &bell, &parent);
        if (rc < 0)
            child_tell(rc);
        child_change(change);
    }
    child_hears(bell, parent);
    if (child.page && child_listen() < 0)
        child_leave(127);
    if (child.page)
        child_await_go(child.page, process_parent, parent >= 0);
    child_leave(record->function(record->arg));
}

static void order_change(const struct image_order *order)
{
    plait_child_options options;
    const char **strings = NULL;
    image_order_options(order, &options);
    if (order->environment.at &&
        (strings = os_alloc((order->environment.count + 1) * sizeof *strings)))
        image_environment(order, strings);
    options.environment = (const char *const *)strings;
    child_change(&options);
}

/* In a process that was not forked off by who started it: what it is comes with the order. */
_Noreturn void child_arrive(const struct image_order *order, struct task_page *page, const int *own,
                            bool is_image)
{
    struct task_record *record = task_me();
    const int *ends = own + order->handles;
    record_id_set(record, order->task);
    record_rename(record, page->name);
    child.is_image = is_image;
    if (is_image) {
        os_on_exit(child_exits);
        os_thread_name(program_invocation_short_name);
    }
    child_enter(record, page);
    child_hears(ends[IMAGE_BELL], order->tied ? ends[IMAGE_PARENT] : -1);
    if (order->changes && !is_image)
        order_change(order);
    else if (order->unix_daemon)
        child_go_alone(
            &(plait_child_options){.directory = image_order_at(order, order->directory.at)});
    child_open_handles(order, own);
    plait_function *function = (plait_function *)image_function_find(&order->function);
    if (!function) {
        base_report(PLAIT_REPORT_MISUSE,
                    "process '%s': its function is not in a new image of this program: its library "
                    "is loaded later, or another file by now",
                    record_name(record));
        child_leave(-PLAIT_EFUNCTION);
    }
    child_leave(function(image_order_at(order, order->arg_size ? order->arg : 0)));
}

/* A fork of the user's own inside a child tells nothing, because the page is that of the child. */
void child_after_fork(void)
{
    child.page = NULL;
    wait_note_mirror = NULL;
}

/* The end of a child: everything it started is joined, output is out, then _exit, because the
 * parent's exit handlers are not ours. Without a page it is a fork of a child, which returned from
 * its function. */
_Noreturn void child_leave(int status)
{
    struct task_record *record = child.record;
    locals_destroy(record);
    task_finish_children(record);
    exit_finish();
    process_tell_leaving();
    if (child.is_image) {
        page_end(status, PAGE_EXITED);
        exit(status);
    }
    fflush(NULL);
    page_end(status, PAGE_RETURNED);
    _exit(status & 0xff);
}
