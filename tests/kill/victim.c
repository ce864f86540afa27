/* The victim: a process that prepares, says so, and runs the operation when it may. */
#include "kill.h"
#include "os/os.h"

#include <stdlib.h>
#include <unistd.h>

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

/* Reports are dropped, because a worker that is single-stepped looks stuck to its watcher. */
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
