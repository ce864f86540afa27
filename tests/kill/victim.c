/* What the victims do, and which cases there are. */
#include "kill.h"
#include "os/os.h"
#include "sync/shared_lock.h"

#include <stdlib.h>
#include <unistd.h>

static void acquire(void)
{
    if (plait_lock_acquire(&common->lock, PLAIT_NEVER))
        _exit(1);
}

static void release(void)
{
    plait_lock_release(&common->lock);
}

static void warm(void)
{
    acquire();
    release();
}

static void register_thread(void)
{
    robust_tid();
}

static void section(void)
{
    acquire();
    common->first++;
    common->second++;
    release();
}

/* A release with a window of one instruction: unlinked and not yet covered. */
static void release_planted(void)
{
    struct robust_word *lock = lock_word();
    struct robust_thread *here = robust_current;
    void *volatile *newest = robust_link_of(here, &here->newest);
    void *volatile *pending = here->pending;
    void *oldest = robust_link_of(here, &here->oldest), *link = robust_link_of(here, lock);
    here->count--;
    *newest = oldest;
    *pending = link;
    atom_and(&lock->word, ~ROBUST_OWNER, RELEASE);
    *pending = NULL;
}

const struct kill_case kill_cases[] = {
    {.name = "planted window", .prepare = acquire, .operate = release_planted, .planted = true},
    {.name = "first acquire of a thread", .operate = acquire},
    {.name = "acquire", .prepare = warm, .operate = acquire},
    {.name = "release", .prepare = acquire, .operate = release},
    {.name = "section", .prepare = warm, .operate = section},
    {.name = "release to a waiter", .prepare = acquire, .operate = release, .waited = true},
    {.name = "contended acquire",
     .prepare = register_thread,
     .operate = acquire,
     .contended = true},
    {.name = "acquire, coroutine", .prepare = warm, .operate = acquire, .coroutine = true},
    {.name = "release to a waiter, coroutine",
     .prepare = acquire,
     .operate = release,
     .waited = true,
     .coroutine = true},
    {.name = "contended acquire, coroutine",
     .operate = acquire,
     .contended = true,
     .coroutine = true},
    {.name = "contended acquire, its helper",
     .operate = acquire,
     .contended = true,
     .coroutine = true,
     .helper = true},
    {0},
};

/* The stages are what the harness goes by: it steps from READY to DONE. */
static int run(void *arg)
{
    const struct kill_case *one = arg;
    if (one->prepare)
        one->prepare();
    common->tid = os_tid();
    __atomic_store_n(&common->stage, STAGE_READY, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&common->go, __ATOMIC_ACQUIRE))
        os_relax();
    __atomic_store_n(&common->stage, STAGE_GOES, __ATOMIC_RELEASE);
    one->operate();
    __atomic_store_n(&common->stage, STAGE_DONE, __ATOMIC_RELEASE);
    for (;;)
        pause();
    return 0;
}

/* A worker that is single-stepped looks stuck to its watcher. */
static void say_nothing(plait_report kind, const char *text, void *arg)
{
    (void)kind, (void)text, (void)arg;
}

static void run_on_coroutine(const struct kill_case *one)
{
    plait_task *task;
    plait_on_report(say_nothing, NULL);
    if (plait_start(&task, PLAIT_COROUTINE, run, (void *)(uintptr_t)one, NULL))
        _exit(1);
    for (;;)
        pause();
}

pid_t victim_start(const struct kill_case *one)
{
    common->stage = STAGE_NONE;
    common->go = 0;
    pid_t pid = fork();
    if (pid == 0) {
        os_die_with_parent(getppid());
        if (one->coroutine)
            run_on_coroutine(one);
        run((void *)(uintptr_t)one);
    }
    while (__atomic_load_n(&common->stage, __ATOMIC_ACQUIRE) == STAGE_NONE)
        os_sleep(20000);
    return pid;
}
