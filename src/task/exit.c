/* The program's end.
 *
 * plait's handler is registered by the first start, so that it runs before what was registered
 * earlier. It joins all that is no daemon, but not the task that called exit, which may be a
 * coroutine whose stack the handlers run on; then no coroutine is resumed any more. A daemon that
 * computes is left alone, as in plain C. */
#include "base/report.h"
#include "os/os.h"
#include "task/process.h"
#include "wait/look.h"

#include <plait/time.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    uint32_t registered;
    uint32_t wanted; /* plait_exit was called off the main task */
    int status;
    struct wait_self *caller; /* of exit */
    pid_t pid;
} leaving;

void (*task_drain)(void);

static bool is_awaited(uint32_t number, const struct task_record *me)
{
    struct task_slot *slot = slot_at(number);
    if (!(atom_load(&slot->serial, ACQUIRE) & 1) || task_has_ended(slot))
        return false;
    struct task_record *record = slot_record(slot);
    return record && record != me && !(record->flags & (TASK_IS_MAIN | TASK_IS_FOREIGN)) &&
           !(slot->flags & (TASK_HAS_DAEMON | TASK_HAS_EXIT));
}

struct awaited {
    struct task_slot *slot;
    uint32_t serial;
};

static int awaited_attempt(void *object)
{
    struct awaited *one = object;
    bool gone = atom_load(&one->slot->serial, ACQUIRE) != one->serial;
    return gone || task_has_ended(one->slot) ? 0 : -EAGAIN;
}

static int awaited_words(void *object, struct wait_word *words)
{
    struct awaited *one = object;
    uint32_t seen = atom_load(&one->slot->state, ACQUIRE);
    if ((seen & TASK_STATE) == PLAIT_PENDING)
        return 0; /* its start is about to store RUNNING, which would take our JOINED away */
    while ((seen & TASK_STATE) < PLAIT_DONE &&
           !atom_cas(&one->slot->state, &seen, seen | TASK_JOINED, ACQ_REL))
        ;
    words[0] = (struct wait_word){.word = &one->slot->state, .seen = seen | TASK_JOINED};
    return (seen & TASK_STATE) < PLAIT_DONE;
}

/* Until no task but daemons and the caller runs. New ones may be started meanwhile, so from the
 * beginning again until a whole pass finds none. */
void exit_join_all(void)
{
    static const struct wait_call call = {awaited_attempt, awaited_words, "join", "task"};
    struct task_record *me = task_me();
    for (uint32_t i = 0; i < slot_limit(); i++) {
        /* The serial first: if the slot changes hands after the look, it is not waited for. */
        struct awaited one = {slot_at(i), atom_load(&slot_at(i)->serial, ACQUIRE)};
        if (!is_awaited(i, me))
            continue;
        wait_on_holders(&me->co.self, task_holders, false);
        wait_until_done(&call, &one, slot_handle(i), NULL);
        wait_on_holders(&me->co.self, NULL, true);
        i = UINT32_MAX; /* again from 0 */
    }
}

void exit_finish(void)
{
    exit_join_all();
    if (task_drain)
        task_drain();
    exit_join_all(); /* what the last jobs have started */
}

/* Ctrl-C while the end waits: says for whom, then does what it always did. */
static void exit_interrupted(int signal_number)
{
    for (uint32_t i = 0; i < slot_limit(); i++)
        if (is_awaited(i, NULL))
            base_report(PLAIT_REPORT_STUCK, "interrupted while the program's end waits for '%s'",
                        record_name(slot_record(slot_at(i))));
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* A daemon thread stops at its next wait, as a coroutine does: it must not touch what later
 * handlers and destructors take apart. */
static void exit_stop_daemon(struct wait_self *self)
{
    const struct task_record *record = (struct task_record *)self;
    if (record->flags & TASK_IS_DAEMON && self != leaving.caller)
        os_sleep(OS_NEVER);
}

static void exit_handler(void)
{
    struct sigaction old, ours = {.sa_handler = exit_interrupted, .sa_flags = SA_NODEFER};
    if (getpid() != leaving.pid)
        return; /* a child that called exit has been here by child_leave, or is foreign */
    sigaction(SIGINT, NULL, &old);
    bool is_default = !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_DFL;
    if (is_default)
        sigaction(SIGINT, &ours, NULL);
    exit_finish();
    leaving.caller = wait_current;
    atom_store(&wait_interrupted, exit_stop_daemon, RELEASE);
    sched_stop();
    process_tell_leaving();
    if (is_default)
        sigaction(SIGINT, &old, NULL);
}

bool exit_is_prepared(void)
{
    return atom_load(&leaving.registered, RELAXED);
}

void exit_prepare(void)
{
    uint32_t no = 0;
    if (likely(atom_load(&leaving.registered, RELAXED)))
        return;
    if (atom_cas(&leaving.registered, &no, 1, ACQ_REL)) {
        leaving.pid = getpid();
        if (atexit(exit_handler) != 0)
            base_misuse(NULL, "program", NULL, "no memory to end its tasks when it exits");
    }
}

void exit_after_fork(void)
{
    leaving.pid = getpid();
    leaving.wanted = 0; /* the parent's end is not ours */
    atom_store(&wait_interrupted, NULL, RELAXED);
}

/* On the main task, at its next wait. */
static void exit_if_wanted(struct wait_self *self)
{
    struct task_record *main = task_main();
    if (!main || self != &main->co.self || !atom_load(&leaving.wanted, ACQUIRE))
        return;
    atom_store(&wait_interrupted, NULL, RELAXED);
    exit(leaving.status);
}

/* Hands over to main, which is woken where it waits; the caller waits for the end. */
void plait_exit(int status)
{
    struct task_record *me = task_me();
    if (me->flags & TASK_IS_MAIN || !task_main()) /* main does not know plait: nobody to tell */
        exit(status);
    leaving.status = status;
    slot_at(me->slot)->flags |= TASK_HAS_EXIT;
    atom_store(&wait_interrupted, exit_if_wanted, RELEASE);
    atom_store(&leaving.wanted, 1, SEQ_CST);
    wait_cancel(&task_main()->co.self);
    for (;;)
        plait_sleep(PLAIT_NEVER);
}
