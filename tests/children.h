/* Children that are killed or stopped, and what they share with the test. */
#ifndef TESTS_CHILDREN_H
#define TESTS_CHILDREN_H

#include "crew.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that runs `body` and then stays until it is killed; returns when body has. */
static inline pid_t child_that(int (*body)(void *arg), void *arg)
{
    int ready[2];
    char byte;
    need(pipe(ready) == 0);
    pid_t pid = fork();
    need(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (body(arg) != 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    need(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    return pid;
}

/* What a child runs for ever on a thread of its own making, and on coroutines beside it. */
struct child_work {
    int (*body)(void *arg);
    int coroutines;
};

static inline void *child_thread(void *work)
{
    ((struct child_work *)work)->body(NULL);
    return NULL;
}

static inline int child_start(void *arg)
{
    struct child_work *work = arg;
    plait_task *task;
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, child_thread, work);
    for (int i = 0; i < work->coroutines && rc == 0; i++)
        rc = plait_start(&task, PLAIT_COROUTINE, work->body, NULL, NULL);
    return rc;
}

static inline pid_t child_working(int (*body)(void *arg), int coroutines)
{
    static struct child_work work; /* the thread reads the child's copy late */
    work = (struct child_work){body, coroutines};
    return child_that(child_start, &work);
}

/* The same for a body that sleeps in a call, which the parent sees by itself. */
static inline pid_t child_in(int (*body)(void *arg), void *arg)
{
    pid_t pid = fork();
    need(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(body(arg) & 0x7f);
    }
    return pid;
}

static inline void kill_child(pid_t pid)
{
    need(kill(pid, SIGKILL) == 0);
    need(waitpid(pid, NULL, 0) == pid);
}

/* Its exit status; -1: killed. */
static inline int child_status(pid_t pid)
{
    int status;
    need(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void stop_child(pid_t pid)
{
    int status;
    need(kill(pid, SIGSTOP) == 0);
    need(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

/* Until something is so, for at most two seconds; a look costs nothing. */
#define BEFORE_LONG(condition)                                                                     \
    do {                                                                                           \
        int64_t end_ = plait_after(2 * PLAIT_SECOND);                                              \
        while (!(condition) && plait_now() < end_)                                                 \
            usleep(200);                                                                           \
        need(condition);                                                                           \
    } while (0)

#endif
