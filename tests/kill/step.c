/* Single steps by ptrace. Only one thread of the victim is traced; the others run freely. */
#include "kill.h"
#include "os/os.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKED_NS = 1000000 };

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

/* Waits for the thread's next stop. */
static bool wait_stop(struct victim *victim, void (*blocked)(void))
{
    int64_t look_at = os_now() + BLOCKED_NS;
    for (;;) {
        int status;
        pid_t pid = waitpid(victim->tid, &status, __WALL | WNOHANG);
        if (pid == victim->tid)
            return WIFSTOPPED(status);
        if (pid < 0)
            return false;
        if (blocked && os_now() > look_at) {
            if (thread_sleeps(victim->pid, victim->tid)) {
                blocked();
                blocked = NULL;
            }
            look_at = os_now() + BLOCKED_NS;
        }
        sched_yield();
    }
}

bool victim_seize(struct victim *victim, pid_t pid, pid_t tid)
{
    *victim = (struct victim){pid, tid};
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
        return false;
    return wait_stop(victim, NULL);
}

bool victim_step(struct victim *victim, void (*blocked)(void))
{
    return ptrace(PTRACE_SINGLESTEP, victim->tid, NULL, NULL) == 0 && wait_stop(victim, blocked);
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

void *victim_place(const struct victim *victim)
{
    struct __ptrace_syscall_info info = {0};
    ptrace(PTRACE_GET_SYSCALL_INFO, victim->tid, sizeof info, &info);
    return (void *)(uintptr_t)info.instruction_pointer;
}
