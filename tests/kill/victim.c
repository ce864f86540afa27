/* The victim: a process that prepares, says so, and runs the operation when it may. */
#include "base/settings.h"
#include "kill.h"
#include "os/os.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Plait's threads block all signals, this one, too. */
static void let_breakpoints_tell(void)
{
    sigset_t trap;
    sigemptyset(&trap);
    sigaddset(&trap, SIGTRAP);
    pthread_sigmask(SIG_UNBLOCK, &trap, NULL);
}

static void tell(uint32_t stage)
{
    __atomic_store_n(&common->stage, stage, __ATOMIC_RELEASE);
    os_futex_wake(&common->stage, 1, true);
}

/* The stages are what the harness goes by: it steps from READY to DONE. */
static int run(void *arg)
{
    const struct kill_case *one = arg;
    if (one->prepare)
        one->prepare();
    let_breakpoints_tell();
    common->tid = os_tid();
    tell(STAGE_READY);
    while (!__atomic_load_n(&common->go, __ATOMIC_ACQUIRE))
        os_relax();
    __atomic_store_n(&common->stage, STAGE_GOES, __ATOMIC_RELEASE);
    one->operate();
    __atomic_store_n(&common->stage, STAGE_DONE, __ATOMIC_RELEASE);
    for (;;)
        pause();
    return 0;
}

/* Reports are dropped, because a worker that is single-stepped looks stuck to its watcher. */
static void say_nothing(plait_report kind, const char *text, void *arg)
{
    (void)kind, (void)text, (void)arg;
}

/* Its own patrol would come while it is stepped through, and is not what the others go on by. */
static void patrol_seldom(void)
{
    struct base_settings *settings = (struct base_settings *)(uintptr_t)base_settings();
    if (settings->patrol)
        settings->patrol = PLAIT_SECOND;
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
        patrol_seldom();
        if (one->path != PATH_THREAD)
            run_on_coroutine(one);
        run((void *)(uintptr_t)one);
    }
    while (__atomic_load_n(&common->stage, __ATOMIC_ACQUIRE) == STAGE_NONE)
        os_futex_wait(&common->stage, STAGE_NONE, true, plait_after(PLAIT_SECOND));
    return pid;
}
