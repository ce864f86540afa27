/* The victim under ptrace: single steps, and at full speed up to an instruction. Only one thread is
 * traced; the others run freely.
 *
 * A step costs two switches of context, so that a walk of 10,000 from the start to each point was
 * what the harness spent its time on. A breakpoint of the processor, which the kernel counts, costs
 * one exception a hit and one stop for all of them. The kernel's interface for it is perf's and not
 * ptrace's debug registers, because it counts by itself and is the same on each machine. */
#include "kill.h"
#include "os/os.h"

#include <dirent.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Looks at who does not stop: sleeping at two in a row it is asleep. */
enum { YIELDS = 20, LOOK_NS = 200000, LOOKS = 20000 };

static char state_of(pid_t pid, pid_t tid)
{
    char path[64], text[256], state = '?';
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 'X';
    if (fgets(text, sizeof text, file)) {
        char *end = strrchr(text, ')');
        if (end && end[1])
            state = end[2];
    }
    fclose(file);
    return state;
}

bool thread_sleeps(pid_t pid, pid_t tid)
{
    return state_of(pid, tid) == 'S';
}

pid_t thread_named(pid_t pid, const char *name)
{
    char path[300], comm[32];
    pid_t found = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    for (struct dirent *entry; tasks && !found && (entry = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/comm", pid, entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        if (fgets(comm, sizeof comm, file) && strncmp(comm, name, strlen(name)) == 0)
            found = atoi(entry->d_name);
        fclose(file);
    }
    if (tasks)
        closedir(tasks);
    return found;
}

/* A stop is told by SIGCHLD, which must be blocked to be waited for. */
static int next_status(const struct victim *victim, int *status, bool patiently)
{
    const struct timespec look = {0, LOOK_NS};
    sigset_t told;
    int pid = waitpid(victim->tid, status, __WALL | WNOHANG);
    if (pid)
        return pid;
    sigemptyset(&told);
    sigaddset(&told, SIGCHLD);
    sigprocmask(SIG_BLOCK, &told, NULL);
    pid = waitpid(victim->tid, status,
                  __WALL | WNOHANG); /* one may have come before it was blocked */
    if (pid == 0 && patiently)
        sigtimedwait(&told, NULL, &look);
    else if (pid == 0)
        sched_yield();
    return pid;
}

static bool is_over(void)
{
    return __atomic_load_n(&common->stage, __ATOMIC_ACQUIRE) == STAGE_DONE;
}

/* Waits for the thread's next stop, and passes signals on that are not ours. False: it is gone, or,
 * at full speed, has ended its operation or sleeps for ever. */
static bool wait_stop(struct victim *victim, int request, void (*blocked)(void))
{
    int status, pid, asleep = 0;
    for (int looks = 0; looks < LOOKS; looks++) {
        while ((pid = next_status(victim, &status, looks >= YIELDS)) == victim->tid) {
            int signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
            if (!signal || signal == SIGTRAP || status >> 16)
                return signal;
            ptrace(request, victim->tid, NULL, signal);
        }
        if (pid < 0 || (request == PTRACE_CONT && is_over()))
            return false;
        asleep = looks >= YIELDS && thread_sleeps(victim->pid, victim->tid) ? asleep + 1 : 0;
        if (asleep == 2 && blocked)
            blocked();
    }
    return false;
}

bool victim_seize(struct victim *victim, pid_t pid, pid_t tid)
{
    *victim = (struct victim){pid, tid};
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
        return false;
    return wait_stop(victim, PTRACE_SINGLESTEP, NULL);
}

bool victim_step(struct victim *victim, void (*blocked)(void))
{
    return ptrace(PTRACE_SINGLESTEP, victim->tid, NULL, NULL) == 0 &&
           wait_stop(victim, PTRACE_SINGLESTEP, blocked);
}

/* It stops there before the instruction at `place` is executed for the `times`th time from now. */
static int breakpoint(const struct victim *victim, uint64_t place, int times)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_BREAKPOINT,
                                   .size = sizeof attr,
                                   .bp_type = HW_BREAKPOINT_X,
                                   .bp_addr = place,
                                   .bp_len = sizeof(long),
                                   .sample_period = (uint64_t)times,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1,
                                   .sigtrap = 1,
                                   .remove_on_exec = 1};
    return (int)syscall(SYS_perf_event_open, &attr, victim->tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static bool step_to(struct victim *victim, uint64_t place, int times, void (*blocked)(void))
{
    uint64_t before = 0, here;
    while (!is_over()) {
        here = victim_place(victim);
        if (here == place && here != before && --times == 0)
            return true;
        before = here;
        if (!victim_step(victim, blocked))
            return false;
    }
    return false;
}

bool victim_run_to(struct victim *victim, uint64_t place, int times, void (*blocked)(void))
{
    int events = breakpoint(victim, place, times);
    if (events < 0)
        return step_to(victim, place, times, blocked);
    bool there = ptrace(PTRACE_CONT, victim->tid, NULL, NULL) == 0 &&
                 wait_stop(victim, PTRACE_CONT, blocked) && victim_place(victim) == place;
    close(events);
    return there;
}

void victim_kill(struct victim *victim)
{
    int status;
    kill(victim->pid, SIGKILL);
    if (victim->tid && victim->tid != victim->pid)
        while (waitpid(victim->tid, &status, __WALL) > 0 && WIFSTOPPED(status))
            ;
    while (waitpid(victim->pid, &status, __WALL) > 0 && WIFSTOPPED(status))
        ;
}

uint64_t victim_place(const struct victim *victim)
{
    struct __ptrace_syscall_info info = {0};
    ptrace(PTRACE_GET_SYSCALL_INFO, victim->tid, sizeof info, &info);
    return info.instruction_pointer;
}
