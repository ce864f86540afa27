/* Processes under a filter of system calls, as containers have them, that does not want any. */
#include "crew.h"

#include <plait/spawn.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int seven(void *unused)
{
    return 7;
}

static void forbid(struct sock_filter *steps, unsigned short count)
{
    const struct sock_fprog filter = {count, steps};
    need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        _exit(77);
}

static void forbid_exec(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    forbid(steps, sizeof steps / sizeof *steps);
}

/* Threads are allowed: their flags tell them. */
static void forbid_clone(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 435 /* clone3 */, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 2, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    forbid(steps, sizeof steps / sizeof *steps);
}

static void start_forbidden(plait_method method, int wanted)
{
    plait_task *task = (plait_task *)1;
    plait_start_options options = {.method = method};
    int next = -1;
    for (int i = 0; i < 3; i++) {
        int rc = plait_start(&task, PLAIT_PROCESS, seven, NULL, &options);
        need(rc == wanted && !task);
        int now = dup(0);
        close(now);
        need(next < 0 || now == next); /* nothing is left over but what the first start opened */
        next = now;
    }
    need(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    need(plait_start(NULL, PLAIT_THREAD, seven, NULL, NULL) == 0);
    need(plait_join_all(PLAIT_NEVER) == 1);
}

static void exec_is_forbidden(void *method)
{
    forbid_exec();
    start_forbidden((plait_method)(intptr_t)method, -EACCES);
}

static void clone_is_forbidden(void *method)
{
    forbid_clone();
    start_forbidden((plait_method)(intptr_t)method, -EPERM);
}

static void both_are_codes(plait_method method)
{
    void (*const ways[])(void *) = {exec_is_forbidden, clone_is_forbidden};
    for (int i = 0; i < 2; i++) {
        char text[2000];
        int status = harness_fork(ways[i], (void *)(intptr_t)method, text, sizeof text);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            harness_skip("no filters here");
        ck_assert_msg(status == 0, "way %d: status %#x: %s", i, status, text);
    }
}

TEST_LABELED(what_a_filter_says_to_a_spawn_is_its_code, "process")
{
    both_are_codes(PLAIT_SPAWN);
}

TEST_LABELED(what_a_filter_says_to_the_fork_server_is_its_code, "process")
{
    both_are_codes(PLAIT_FORKSERVER);
}
