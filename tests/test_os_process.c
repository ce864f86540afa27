/* os: children and how they ended, the robust list, what the kernel has, and the seam that makes
 * calls fail. */
#include "harness.h"

#include "os/child.h"
#include "os/fault.h"
#include "os/os.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS 1000000LL

static void need(enum os_feature feature)
{
    char text[64];
    snprintf(text, sizeof text, "no %s here", os_feature_info(feature)->name);
    if (!os_has(feature))
        harness_skip(text);
}

/* ---- children */
static void leave(int how)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (how < 0) {
        signal(-how, SIG_DFL);
        raise(-how);
    }
    if (how >= 1000)
        for (;;)
            pause();
    _exit(how);
}

/* how: an exit status; or a signal, negative; or 1000: it stays. It begins when its pidfd is open,
 * since its number is gone at once where SIGCHLD is ignored. */
static pid_t child_of(int how, int *pidfd)
{
    int gate[2];
    char none;
    need(OS_PIDFD);
    fflush(NULL);
    ck_assert_int_eq(pipe(gate), 0);
    pid_t child = fork();
    if (child == 0) {
        close(gate[1]);
        leave(read(gate[0], &none, 1) == 0 ? how : 99);
    }
    *pidfd = os_pidfd_open(child);
    close(gate[0]);
    close(gate[1]);
    ck_assert_int_ge(*pidfd, 0);
    return child;
}

static struct os_exit reap(int pidfd)
{
    struct os_exit end = {.status = -1};
    int poller = os_poller_open(), r;
    struct os_ready ready;
    ck_assert_int_eq(os_poller_set(poller, pidfd, OS_READABLE, 1), 0);
    while (os_poller_wait(poller, &ready, 1, OS_NEVER) == 0)
        ;
    while ((r = os_pidfd_reap(pidfd, &end)) == 0)
        os_sleep(MS);
    ck_assert_int_eq(r, 1);
    os_close(poller);
    os_close(pidfd);
    return end;
}

TEST(reap_tells_how_a_child_ended)
{
    static const int how[] = {0, 7, 255, -SIGKILL, -SIGTERM, -SIGSEGV};
    for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
        int pidfd;
        child_of(how[i], &pidfd);
        struct os_exit end = reap(pidfd);
        ck_assert(end.known);
        if (how[i] < 0)
            ck_assert(WIFSIGNALED(end.status) && WTERMSIG(end.status) == -how[i]);
        else
            ck_assert(WIFEXITED(end.status) && WEXITSTATUS(end.status) == how[i]);
    }
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD); /* exactly those were reaped, and none is left */
}

TEST(reap_does_not_wait_and_signal_ends)
{
    int pidfd;
    struct os_exit end = {.status = 1234};
    pid_t child = child_of(1000, &pidfd);
    ck_assert_int_eq(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(os_pidfd_reap(pidfd, &end), 0);
    ck_assert_int_eq(end.status, 1234);
    ck_assert_int_eq(os_pidfd_signal(pidfd, 0), 0);
    ck_assert_int_eq(os_pidfd_signal(pidfd, SIGKILL), 0);
    int copy = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
    end = reap(pidfd);
    ck_assert(WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGKILL);
    ck_assert_int_eq(os_pidfd_signal(copy, SIGKILL), -ESRCH);
    ck_assert_int_eq(os_pidfd_open(child), -ESRCH);
    os_close(copy);
}

TEST(pidfd_calls_refuse)
{
    struct os_exit end;
    need(OS_PIDFD);
    errno = 8;
    ck_assert_int_lt(os_pidfd_open(-5), 0);
    ck_assert_int_eq(os_pidfd_signal(-1, 0), -EBADF);
    ck_assert_int_lt(os_pidfd_reap(-1, &end), 0);
    int self = os_pidfd_open(getpid());
    ck_assert_int_eq(os_pidfd_reap(self, &end), 0); /* no child, and alive */
    os_close(self);
    os_hide("-pidfd");
    ck_assert_int_eq(os_pidfd_open(getpid()), -ENOSYS);
    ck_assert_int_eq(errno, 8);
}

/* The host's own wait() was first. */
static struct os_exit reap_stolen(int how)
{
    int pidfd, status;
    pid_t child = child_of(how, &pidfd);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return reap(pidfd);
}

TEST(reap_finds_the_status_that_wait_took)
{
    need(OS_PIDFD_INFO);
    struct os_exit end = reap_stolen(7);
    ck_assert(end.known);
    ck_assert_int_eq(end.status, 7 << 8);
    end = reap_stolen(-SIGKILL);
    ck_assert(end.known && WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGKILL);
}

TEST(reap_finds_the_status_when_sigchld_is_ignored)
{
    need(OS_PIDFD_INFO);
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 20; i++) { /* each time it races with the kernel's own reaping */
        int pidfd;
        child_of(9, &pidfd);
        struct os_exit end = reap(pidfd);
        ck_assert(end.known);
        ck_assert_int_eq(end.status, 9 << 8);
    }
    signal(SIGCHLD, SIG_DFL);
}

/* A fork whose number is this one, if it is free and we may ask for it. */
static pid_t fork_as(pid_t number)
{
    int *libc = NULL;
    if (prctl(PR_GET_TID_ADDRESS, &libc) != 0)
        harness_skip("the kernel does not tell where libc keeps a thread's number");
    struct clone_args all = {.flags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
                             .child_tid = (uintptr_t)libc,
                             .exit_signal = SIGCHLD,
                             .set_tid = (uintptr_t)&number,
                             .set_tid_size = 1};
    long pid = syscall(SYS_clone3, &all, sizeof all);
    if (pid < 0)
        harness_skip("no child with a number of our choice");
    return (pid_t)pid;
}

/* Pointers to libc's memory have its number as their upper half. */
TEST_LABELED(a_sibling_comes_whatever_its_parents_number, "process")
{
    int32_t *told = plait_share(sizeof *told);
    int status, pidfd;
    pid_t child = fork_as((pid_t)((uintptr_t)pthread_self() >> 32));
    if (child == 0) {
        int rc = os_fork_sibling(&pidfd, told);
        _exit(rc == 0 ? 7 : rc > 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(waitpid(*told, &status, 0), *told);
    ck_assert_int_eq(status, 7 << 8);
    plait_share_free(told);
}

TEST(reap_says_when_it_cannot_know)
{
    os_hide("-pidfd_info");
    struct os_exit end = reap_stolen(7);
    ck_assert(!end.known);
}

/* ---- a child that shall not outlive its parent */
static void tie(int parent_gone, int report)
{
    pid_t parent = getppid();
    if (parent_gone)
        parent++;
    int r = os_die_with_parent(parent), signal_number = 0;
    prctl(PR_GET_PDEATHSIG, &signal_number);
    int answer[2] = {r, signal_number};
    _exit(write(report, answer, sizeof answer) == sizeof answer ? 0 : 1);
}

static void check_tie(int parent_gone, int expected)
{
    int ends[2], answer[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        tie(parent_gone, ends[1]);
    ck_assert_int_eq(read(ends[0], answer, sizeof answer), sizeof answer);
    ck_assert_int_eq(answer[0], expected);
    ck_assert_int_eq(answer[1], SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
}

TEST(die_with_parent_sees_a_parent_that_is_gone)
{
    check_tie(0, 0);
    check_tie(1, -ESRCH);
}

/* The grandchild holds the pipe's only writing end: its end is what says that it died. */
TEST(tied_child_dies_with_its_parent)
{
    int ends[2];
    char byte;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        pid_t me = getpid();
        if (fork() == 0) {
            if (os_die_with_parent(me) != 0 || write(ends[1], "x", 1) != 1)
                _exit(1);
            leave(1000);
        }
        close(ends[1]);
        leave(1000);
    }
    ck_assert_int_gt(parent, 0); /* kill(-1) would end every process of this machine */
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    kill(parent, SIGKILL);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
    close(ends[0]);
}

/* ---- the robust list: a word of ours on it must be marked when its thread dies */
struct grave {
    uint64_t before[4]; /* the word, wherever the offset puts it */
    uint32_t *word;
    uint64_t link[2];
};

static void die_holding(void *arg)
{
    struct grave *grave = arg;
    struct os_robust robust;
    void **link = (void **)grave->link;
    if (os_robust_find(&robust) != 0)
        _exit(1);
    grave->word = (uint32_t *)((char *)link + robust.offset);
    *grave->word = (uint32_t)os_tid();
    *link = *robust.head;
    *robust.head = link;
    ck_assert_ptr_null(*robust.pending);
    raise(SIGKILL);
}

TEST(robust_offset_leads_the_kernel_to_the_word)
{
    struct os_robust robust;
    char text[128];
    need(OS_ROBUST);
    ck_assert_int_eq(os_robust_find(&robust), 0);
    ck_assert_int_lt(robust.offset, 0);
    struct grave *grave =
        mmap(NULL, OS_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = harness_fork(die_holding, grave, text, sizeof text);
    ck_assert(WIFSIGNALED(status));
    ck_assert_uint_eq(*grave->word, 0x40000000u);
    munmap(grave, OS_PAGE);
}

static void check_own_list(void *arg)
{
    struct os_robust *first = arg, own;
    __atomic_store_n((int *)&first->offset, os_robust_find(&own) == 0 && own.head != first->head,
                     __ATOMIC_RELEASE);
    os_futex_wake((uint32_t *)&first->offset, 1, false);
}

TEST(robust_list_is_the_threads_own)
{
    struct os_robust robust;
    need(OS_ROBUST);
    ck_assert_int_eq(os_robust_find(&robust), 0);
    robust.offset = -1;
    ck_assert_int_eq(os_thread_start(check_own_list, &robust, 0, "plait list"), 0);
    int answer;
    while ((answer = __atomic_load_n((int *)&robust.offset, __ATOMIC_ACQUIRE)) < 0)
        os_futex_wait((uint32_t *)&robust.offset, UINT32_MAX, false, os_now() + 100 * MS);
    ck_assert_int_eq(answer, 1);
    os_hide("-robust");
    ck_assert_int_eq(os_robust_find(&robust), -ENOSYS);
}

/* ---- holders */
static void tell_tid(void *arg)
{
    __atomic_store_n((uint32_t *)arg, (uint32_t)os_tid(), __ATOMIC_RELEASE);
    os_futex_wake(arg, 1, false);
}

static pid_t thread_that_ends(void)
{
    uint32_t tid = 0;
    ck_assert_int_eq(os_thread_start(tell_tid, &tid, 0, "plait short"), 0);
    while (!__atomic_load_n(&tid, __ATOMIC_ACQUIRE))
        os_futex_wait(&tid, 0, false, os_now() + 100 * MS);
    return (pid_t)tid;
}

TEST(gone_is_who_has_ended)
{
    ck_assert(!os_thread_is_gone(os_tid()));
    ck_assert(!os_thread_is_gone(getppid()));
    pid_t tid = thread_that_ends();
    for (int i = 0; i < 5000 && !os_thread_is_gone(tid); i++)
        os_sleep(MS);
    ck_assert(os_thread_is_gone(tid));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        leave(0);
    siginfo_t info; /* a zombie: ended, not reaped */
    ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    ck_assert(os_thread_is_gone(child));
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert(os_thread_is_gone(child));
}

TEST(clear_takes_one_bit)
{
    for (int bit = 0; bit < 32; bit++) {
        uint32_t word = 0xffffffffu;
        ck_assert_int_eq(os_futex_clear(&word, bit, bit % 2), 0);
        ck_assert_uint_eq(word, ~(1u << bit));
        ck_assert_int_eq(os_futex_clear(&word, bit, bit % 2), 0);
        ck_assert_uint_eq(word, ~(1u << bit));
    }
}

static void wait_for_bit(void *arg)
{
    uint32_t *words = arg, seen;
    while ((seen = __atomic_load_n(words, __ATOMIC_ACQUIRE)) & 4)
        os_futex_wait(words, seen, true, OS_NEVER);
    __atomic_add_fetch(&words[1], 1, __ATOMIC_RELEASE);
    os_futex_wake(&words[1], 1, false);
}

TEST(clear_wakes_all)
{
    uint32_t words[2] = {7, 0}, seen;
    int woken = 0;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(os_thread_start(wait_for_bit, words, 0, "plait waits"), 0);
    os_sleep(10 * MS); /* most often all sleep by now; it is right also when they do not */
    woken = os_futex_clear(words, 2, true);
    ck_assert_int_ge(woken, 0);
    ck_assert_int_le(woken, 3);
    while ((seen = __atomic_load_n(&words[1], __ATOMIC_ACQUIRE)) != 3)
        os_futex_wait(&words[1], seen, false, os_now() + 100 * MS);
    ck_assert_uint_eq(words[0], 3);
}

/* ---- probes */
TEST(features_have_names_and_words)
{
    for (int i = 0; i < OS_FEATURES; i++) {
        const struct os_feature_info *info = os_feature_info(i);
        ck_assert_int_eq(os_feature_named(info->name, strlen(info->name)), i);
        ck_assert(*info->what && *info->without && *info->cost);
        bool has = os_has(i);
        ck_assert_int_eq(os_has(i), has);
        fprintf(stderr, "%s: %s\n", info->name, has ? "yes" : "no");
    }
    ck_assert_int_eq(os_feature_named("guards", 6), -1);
    ck_assert_int_eq(os_feature_named("guards", 5), OS_GUARD);
    ck_assert_int_eq(os_feature_named("", 0), -1);
}

TEST(probes_leave_nothing_behind)
{
    int before = harness_descriptors(), children = waitpid(-1, NULL, WNOHANG | __WALL);
    for (int i = 0; i < OS_FEATURES; i++)
        os_has(i);
    ck_assert_int_eq(harness_descriptors(), before);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), children);
}

TEST(hide_takes_what_it_knows)
{
    os_hide("");
    os_hide("-nonsense,,guard,-,-robust,-uring");
    ck_assert(!os_has(OS_ROBUST));
    ck_assert(!os_has(OS_URING));
    ck_assert(!os_has(OS_URING_FUTEX)); /* useless without the ring */
    struct os_robust robust;
    ck_assert_int_eq(os_robust_find(&robust), -ENOSYS);
}

static void probe_all(void *arg)
{
    uint32_t *left = arg;
    for (int i = 0; i < OS_FEATURES; i++)
        os_has(i);
    __atomic_sub_fetch(left, 1, __ATOMIC_RELEASE);
    os_futex_wake(left, 1, false);
}

TEST(probes_may_race)
{
    uint32_t left = 8, seen;
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(os_thread_start(probe_all, &left, 0, "plait probe"), 0);
    while ((seen = __atomic_load_n(&left, __ATOMIC_ACQUIRE)) != 0)
        os_futex_wait(&left, seen, false, os_now() + 100 * MS);
    bool found[OS_FEATURES];
    for (int i = 0; i < OS_FEATURES; i++)
        found[i] = os_has(i);
    ck_assert_int_eq(os_has(OS_PIDFD_INFO), found[OS_PIDFD_INFO]);
}

/* The first use meets the limit of descriptors: the feature must not be missing for ever. */
TEST(a_full_table_does_not_hide_a_feature)
{
    need(OS_PIDFD); /* in a process of its own, which Check forks for each case */
    struct rlimit limit, none = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    none.rlim_max = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    ck_assert_int_eq(os_pidfd_open(getpid()), -EMFILE);
    ck_assert(!os_has(OS_EPOLL_PWAIT2));
    setrlimit(RLIMIT_NOFILE, &limit);
    int poller = os_poller_open();
    ck_assert_int_ge(poller, 0);
    os_close(poller);
    int first = os_has(OS_EPOLL_PWAIT2);
    ck_assert_int_eq(first, os_has(OS_EPOLL_PWAIT2));
    if (os_has(OS_FUTEX_WAITV)) /* a kernel with it (5.16) has the other (5.11) too */
        ck_assert(first);
}

/* ---- the seam */
static void need_seam(void)
{
    if (os_fault_arm(0, 0) == -ENOSYS)
        harness_skip("built without PLAIT_FAULTS");
    os_fault_disarm();
}

TEST(seam_fails_the_nth_call_once)
{
    need_seam();
    os_fault_arm(3, ENFILE);
    int first = os_event_open(), second = os_event_open(), third = os_event_open();
    int fourth = os_event_open();
    ck_assert(first >= 0 && second >= 0 && fourth >= 0);
    ck_assert_int_eq(third, -ENFILE);
    ck_assert_int_eq(os_fault_hits(), 4);
    ck_assert_str_eq(os_fault_name(), "eventfd2");
    os_fault_disarm();
    os_close(first);
    os_close(second);
    os_close(fourth);
    int after = os_event_open();
    ck_assert_int_eq(os_fault_hits(), 4);
    os_close(after);
}

static void nobody(void *arg)
{
    abort();
}

/* Each case: a call, and what it says when its first passage of the seam fails with EMFILE. */
static int call(int number)
{
    uint32_t word = 0;
    struct os_word words = {&word, 0, false};
    struct os_ready ready;
    switch (number) {
    case 0:
        return os_event_open();
    case 1:
        return os_poller_open();
    case 2:
        return os_poller_set(0, 0, OS_READABLE, 0);
    case 3:
        return os_memfd("plait-test", 1);
    case 4:
        return os_pidfd_signal(-1, 0);
    case 5:
        return os_pidfd_reap(-1, &(struct os_exit){0});
    case 6:
        return os_die_with_parent(1);
    case 7:
        return os_thread_start(nobody, NULL, 0, "plait nobody");
    case 8:
        return os_alloc(8) == NULL ? -EMFILE : 0;
    case 9:
        return os_map(OS_PAGE) == NULL ? -EMFILE : 0;
    case 10:
        return os_map_file(0, OS_PAGE) == NULL ? -EMFILE : 0;
    case 11:
        return os_futex_wait(&word, 0, false, OS_NEVER) == 0 ? -EMFILE : 0;
    case 12:
        return os_poller_wait(-1, &ready, 1, OS_NEVER) == 0 ? -EMFILE : 0;
    case 13:
        return os_futex_wait_any(&words, 1, OS_NEVER) == -EINTR ? -EMFILE : 0;
    default:
        return 1;
    }
}

TEST(every_call_fails_through_the_seam)
{
    need_seam();
    for (int i = 0; i < OS_FEATURES; i++)
        os_has(i); /* so that no probe takes the blow */
    int number = 0, calls = os_has(OS_FUTEX_WAITV) ? 14 : 13;
    for (; number < calls; number++) {
        os_fault_arm(1, EMFILE);
        int r = call(number);
        ck_assert_msg(r == -EMFILE, "call %d: %d", number, r);
        ck_assert_int_eq(os_fault_hits(), 1);
    }
    os_fault_disarm();
}

/* Calls of several steps: whichever fails, nothing is left, and the harness looks for that. */
static int one_round(void)
{
    int file = os_memfd("plait-test", 17 << 20);
    if (file >= 0)
        os_close(file);
    return file;
}

TEST(a_failing_step_leaves_nothing)
{
    need_seam();
    int failed = 0;
    for (long nth = 1; nth < 1000; nth++) {
        os_fault_arm(nth, ENOSPC);
        int r = one_round();
        bool hit = os_fault_name() != NULL;
        bool look = hit && (!strcmp(os_fault_name(), "openat") || !strcmp(os_fault_name(), "read"));
        ck_assert_int_eq(hit && !look, r == -ENOSPC); /* without /proc it asks otherwise */
        failed += hit;
        if (!hit)
            break;
    }
    os_fault_disarm();
    ck_assert_int_ge(failed, 4);
}

static void set_done(void *arg)
{
    __atomic_store_n((uint32_t *)arg, 1, __ATOMIC_RELEASE);
    os_futex_wake(arg, 1, false);
}

TEST(a_thread_starts_or_says_why)
{
    uint32_t done = 0;
    need_seam();
    for (long nth = 1; nth <= 2; nth++) {
        os_fault_arm(nth, EAGAIN);
        int r = os_thread_start(set_done, &done, 0, "plait done");
        ck_assert_int_eq(r, nth == 1 ? -EAGAIN : -ENOMEM);
    }
    os_fault_disarm();
    ck_assert_int_eq(os_thread_start(set_done, &done, 0, "plait done"), 0);
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
        os_futex_wait(&done, 0, false, os_now() + 100 * MS);
}

TEST(guard_falls_back_when_its_call_fails)
{
    need_seam();
    need(OS_GUARD);
    char *page = os_map(OS_PAGE);
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    os_fault_arm(1, EINVAL);
    ck_assert_int_eq(os_guard(page, OS_PAGE), 0);
    os_fault_disarm();
    ck_assert_int_eq(read(zero, page, 1), -1);
    ck_assert_int_eq(os_unguard(page, OS_PAGE), 0);
    ck_assert_int_eq(read(zero, page, 1), 1);
    close(zero);
    os_unmap(page, OS_PAGE);
}

TEST(a_child_is_killed_and_reaped_by_its_number)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        for (;;)
            pause();
    ck_assert_int_eq(os_kill(pid), 0);
    os_reap(pid);
    ck_assert_int_eq(os_kill(pid), -ESRCH);
    ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), -1);
    os_reap(pid); /* somebody else has done it: it comes back */
}
