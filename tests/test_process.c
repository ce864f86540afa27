/* Processes as tasks: how they end, who reaps them, what dies with whom; and programs that fork by
 * themselves. */
#include "crew.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int give(void *arg)
{
    return (int)(intptr_t)arg;
}

static int sleep_long(void *arg)
{
    return plait_sleep(PLAIT_NEVER);
}

static void nap(int milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0)
        ;
}

static plait_task *begin(plait_function *function, void *arg, const plait_start_options *options)
{
    plait_task *task = NULL;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, function, arg, options), 0);
    return task;
}

static int end(plait_task *task)
{
    int status = 12345;
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    return status;
}

static void succeeds(void (*function)(void *arg), void *arg)
{
    char text[4096];
    int status = harness_fork(function, arg, text, sizeof text);
    ck_assert_msg(status == 0, "status %#x: %s", status, text);
}

/* ---- ends */

static int leave_by(void *arg)
{
    switch ((intptr_t)arg) {
    case 0:
        exit(3);
    case 1:
        _exit(4);
    case 2:
        signal(SIGABRT, SIG_DFL);
        abort();
    case 3:
        raise(SIGKILL);
        return 0;
    default:
        plait_exit(5);
        return 0;
    }
}

TEST_LABELED(each_way_out_has_its_status, "process")
{
    static const int statuses[] = {3, 4, PLAIT_KILLED(SIGABRT), PLAIT_KILLED(SIGKILL), 5};
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (intptr_t i = 0; i < 5; i++)
        ck_assert_int_eq(end(begin(leave_by, (void *)i, NULL)), statuses[i]);
    plait_counters counters;
    plait_counters_read(&counters);
    ck_assert_int_eq(counters.deaths, 2);
}

#ifdef __GLIBC__
static void leave_with_seven(void)
{
    _exit(7);
}

static int exit_with(void *arg)
{
    exit((int)(intptr_t)arg);
}

/* The program's own handler has the last word. */
static int exit_otherwise(void *arg)
{
    atexit(leave_with_seven);
    exit(1000);
}

/* Of plait_exit's too; the page is what the kernel cannot tell. */
TEST_LABELED(what_exit_is_given_arrives_whole, "process")
{
    static const int statuses[] = {1000, -22, 256, INT32_MIN, 0};
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(end(begin(exit_with, (void *)(intptr_t)statuses[i], NULL)), statuses[i]);
    ck_assert_int_eq(end(begin(exit_otherwise, NULL, NULL)), 7);
}
#endif

/* A fork of its own returns from the child's function too: that is not the child's end. */
static int fork_and_return(void *arg)
{
    pid_t pid = fork();
    need(pid >= 0);
    if (pid == 0)
        return 5;
    int status;
    need(waitpid(pid, &status, 0) == pid);
    need(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    raise(SIGKILL);
    return 0;
}

TEST_LABELED(what_a_child_forks_is_not_the_child, "process")
{
    ck_assert_int_eq(end(begin(fork_and_return, NULL, NULL)), PLAIT_KILLED(SIGKILL));
}

static void *send_signals(void *arg)
{
    void **pair = arg;
    while (*(volatile int *)pair[1] < 300) {
        pthread_kill((pthread_t)pair[0], SIGUSR1);
        nap(1);
    }
    return NULL;
}

static int ignore_term(void *arg)
{
    signal(SIGTERM, SIG_IGN);
    *(volatile int *)arg = 1;
    for (;;)
        nap(1000);
    return 0;
}

static volatile int *shared_word(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    return page;
}

TEST_LABELED(kill_follows_a_term_that_is_ignored, "process")
{
    const plait_start_options options = {.grace = 50 * PLAIT_MILLISECOND};
    volatile int *ready = shared_word();
    plait_task *task = begin(ignore_term, (void *)ready, &options);
    while (!*ready)
        nap(1);
    ck_assert_int_eq(plait_terminate(task), 0);
    ck_assert_int_eq(end(task), PLAIT_KILLED(SIGKILL));
}

TEST_LABELED(a_second_cancel_is_stronger, "process")
{
    const plait_start_options options = {.grace = 50 * PLAIT_MILLISECOND};
    volatile int *ready = shared_word();
    plait_task *task = begin(ignore_term, (void *)ready, &options);
    while (!*ready)
        nap(1);
    plait_cancel(task);
    nap(100);
    ck_assert(plait_is_alive(task));
    plait_cancel(task);
    ck_assert_int_eq(end(task), PLAIT_KILLED(SIGKILL));
}

/* Who insists again and again does not put the end off. */
TEST_LABELED(more_cancels_do_not_prolong_the_grace, "process")
{
    const plait_start_options options = {.grace = 50 * PLAIT_MILLISECOND};
    volatile int *ready = shared_word();
    plait_task *task = begin(ignore_term, (void *)ready, &options);
    while (!*ready)
        nap(1);
    for (int i = 0; plait_is_alive(task) && i < 2000; i++) {
        plait_cancel(task);
        nap(5);
    }
    ck_assert(!plait_is_alive(task));
    ck_assert_int_eq(end(task), PLAIT_KILLED(SIGKILL));
}

static plait_task *target;
static volatile int cancels;

static void cancel_target(int number)
{
    plait_cancel(target);
    cancels++;
}

/* The handler comes while its own thread looks at the same process. */
TEST_LABELED(a_handler_may_cancel_what_is_looked_at, "process")
{
    const plait_start_options options = {.grace = 60 * PLAIT_SECOND};
    volatile int *ready = shared_word();
    target = begin(ignore_term, (void *)ready, &options);
    while (!*ready)
        nap(1);
    signal(SIGUSR1, cancel_target);
    pthread_t thread;
    void *pair[2] = {(void *)pthread_self(), (void *)&cancels};
    ck_assert_int_eq(pthread_create(&thread, NULL, send_signals, pair), 0);
    while (cancels < 300)
        (void)plait_task_state(target);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    signal(SIGUSR1, SIG_IGN);
    ck_assert_int_eq(plait_kill(target), 0);
    ck_assert_int_eq(end(target), PLAIT_KILLED(SIGKILL));
}

static int compute_for_ever(void *arg)
{
    signal(SIGTERM, SIG_DFL); /* Check has a handler */
    *(volatile int *)arg = 1;
    for (;;)
        nap(1000);
    return 0;
}

TEST_LABELED(terminate_and_kill_are_told_apart, "process")
{
    volatile int *ready = shared_word();
    plait_task *task = begin(compute_for_ever, (void *)ready, NULL);
    while (!*ready)
        nap(1);
    ck_assert_int_eq(plait_terminate(task), 0);
    ck_assert_int_eq(end(task), PLAIT_KILLED(SIGTERM));
    task = begin(compute_for_ever, (void *)ready, NULL);
    ck_assert_int_eq(plait_kill(task), 0);
    ck_assert_int_eq(end(task), PLAIT_KILLED(SIGKILL));
}

/* ---- reaping */

enum { CHILDREN = 50 };

static int zombies(void)
{
    char path[64], text[512];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    for (int pid; fscanf(file, "%d", &pid) == 1;) {
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *stat = fopen(path, "re");
        if (!stat)
            continue;
        char *state = fgets(text, sizeof text, stat) ? strrchr(text, ')') : NULL;
        count += state && state[2] == 'Z';
        fclose(stat);
    }
    fclose(file);
    return count;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Main computes and never calls plait, until no zombie is left. */
static void children_beside_a_busy_main(void)
{
    plait_task *tasks[CHILDREN];
    for (intptr_t i = 0; i < CHILDREN; i++)
        tasks[i] = begin(give, (void *)(i * 100), NULL);
    double begun = seconds();
    volatile unsigned work = 0;
    for (int left = 1; left > 0; left = zombies()) {
        for (int i = 0; i < 10000000; i++)
            work++;
        ck_assert_msg(seconds() < begun + 20, "%d zombies", zombies());
    }
    for (intptr_t i = 0; i < CHILDREN; i++)
        ck_assert_int_eq(end(tasks[i]), (int)i * 100);
}

TEST_LABELED(a_busy_main_leaves_no_zombies, "process")
{
    children_beside_a_busy_main();
}

static volatile int handled;

static void on_child(int number)
{
    int saved = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    handled++;
    errno = saved;
}

TEST_LABELED(a_handler_of_the_host_does_no_harm, "process")
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);
    children_beside_a_busy_main();
    ck_assert_int_gt(handled, 0);
    sigaction(SIGCHLD, NULL, &action);
    ck_assert_ptr_eq((void *)action.sa_handler, (void *)on_child);
}

TEST_LABELED(ignored_children_do_no_harm, "process")
{
    signal(SIGCHLD, SIG_IGN);
    children_beside_a_busy_main();
}

static void *wait_for_all(void *stop)
{
    while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
        if (wait(NULL) < 0)
            nap(1);
    return NULL;
}

TEST_LABELED(a_host_that_waits_does_no_harm, "process noasan")
{
    int stop = 0;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_all, &stop), 0);
    children_beside_a_busy_main();
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* ---- what dies with whom */

struct family {
    pid_t children[8];
};

static int be_a_child(void *arg)
{
    volatile pid_t *mine = arg;
    *mine = getpid();
    for (;;)
        nap(1000);
    return 0;
}

/* A parent that does nothing but start children until it is killed. */
static void start_children(struct family *family, bool untied)
{
    const plait_start_options options = {.untied = untied};
    for (int i = 0; i < 8; i++)
        if (plait_start(NULL, PLAIT_PROCESS, be_a_child, &family->children[i], &options) != 0)
            _exit(9);
    for (;;)
        nap(1000);
}

/* Reaps what came to us by the subreaper's right, until there is none; how many did not end by
 * SIGKILL. */
static int reap_orphans(double limit)
{
    int wrong = 0, status;
    double begun = seconds();
    for (;;) {
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0)
            return wrong;
        if (pid > 0)
            wrong += !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
        else if (seconds() > begun + limit)
            return -1;
        else
            nap(1);
    }
}

static void kill_parent_after(int microseconds, struct family *family)
{
    pid_t parent = fork();
    ck_assert_int_ge(parent, 0);
    if (parent == 0)
        start_children(family, false);
    struct timespec pause = {0, microseconds * 1000L};
    nanosleep(&pause, NULL);
    kill(parent, SIGKILL);
    int left = reap_orphans(10);
    ck_assert_msg(left == 0, "killed after %d us: %d", microseconds, left);
}

TEST_LABELED(no_tied_child_outlives_its_parent, "process")
{
    unsigned random = (unsigned)getpid();
    struct family *family = (struct family *)shared_word();
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    for (int i = 0; i < 200; i++)
        kill_parent_after((int)(crew_random(&random) % 6000), family);
}

TEST_LABELED(untied_children_outlive_their_parent, "process")
{
    struct family *family = (struct family *)shared_word();
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    pid_t parent = fork();
    if (parent == 0)
        start_children(family, true);
    for (int i = 0; i < 8; i++)
        while (!__atomic_load_n(&family->children[i], __ATOMIC_RELAXED))
            nap(1);
    kill(parent, SIGKILL);
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
    nap(100);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(kill(family->children[i], SIGKILL), 0);
    ck_assert_int_eq(reap_orphans(10), 0);
}

/* Untied ones whose parent dies in the moment of the fork begin all the same, and end. */
static int count_and_end(void *arg)
{
    __atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED);
    return 0;
}

TEST_LABELED(an_untied_child_begins_without_its_parent, "process")
{
    unsigned random = (unsigned)getpid();
    volatile int *count = shared_word();
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    for (int i = 0; i < 50; i++) {
        pid_t parent = fork();
        if (parent == 0) {
            const plait_start_options options = {.untied = true};
            for (;;)
                (void)!plait_start(NULL, PLAIT_PROCESS, count_and_end, (void *)count, &options);
        }
        struct timespec pause = {0, crew_random(&random) % 4000 * 1000L};
        nanosleep(&pause, NULL);
        kill(parent, SIGKILL);
        ck_assert_int_ge(reap_orphans(10), 0);
    }
}

static int start_one(void *arg)
{
    return plait_start(arg, PLAIT_PROCESS, sleep_long, NULL, NULL);
}

TEST_LIGHT(a_starter_that_ends_harms_no_child)
{
    plait_task *child, *starter;
    ck_assert_int_eq(plait_start(&starter, carrier, start_one, &child, NULL), 0);
    ck_assert_int_eq(end(starter), 0);
    nap(50);
    ck_assert(plait_is_alive(child));
    plait_cancel(child);
    ck_assert_int_eq(end(child), -ECANCELED);
}

static int start_grandchild(void *arg)
{
    plait_task *task;
    need(plait_start(&task, PLAIT_PROCESS, be_a_child, arg, NULL) == 0);
    for (;;)
        nap(1000);
    return 0;
}

TEST_LABELED(grandchildren_die_with_children, "process")
{
    volatile int *word = shared_word();
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    plait_task *task = begin(start_grandchild, (void *)word, NULL);
    while (!*word)
        nap(1);
    ck_assert_int_eq(plait_kill(task), 0);
    ck_assert_int_eq(end(task), PLAIT_KILLED(SIGKILL));
    ck_assert_int_eq(reap_orphans(10), 0);
}

/* ---- forks of the host's own */

static int add_one(void *arg)
{
    return __atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED) < 0;
}

/* Without a word to Check, whose lock may have been held when this process was forked. */
static void add_three(plait_carrier carrier, int *sum)
{
    for (int i = 0; i < 3; i++)
        need(plait_start(NULL, carrier, add_one, sum, NULL) == 0);
    need(plait_join_all(PLAIT_NEVER) == 0);
}

/* Threads, coroutines and processes can be started again, whatever ran in the parent. */
static void use_all(void *arg)
{
    int sum = 0, status;
    plait_task *task;
    add_three(PLAIT_THREAD, &sum);
    add_three(PLAIT_COROUTINE, &sum);
    need(sum == 6);
    need(plait_start(&task, PLAIT_PROCESS, give, (void *)1000, NULL) == 0);
    need(plait_join(task, &status, PLAIT_NEVER) == 0);
    need(status == 1000);
    need(plait_tasks_visit(NULL, NULL) == 1);
    need(plait_quiesce(plait_after(5 * PLAIT_SECOND)) == 0);
}

static int fork_and_use(void *arg)
{
    succeeds(use_all, NULL);
    return 0;
}

static int spin_and_sleep(void *arg)
{
    while (!__atomic_load_n((int *)arg, __ATOMIC_RELAXED)) {
        plait_yield();
        if (plait_sleep(plait_after(100 * PLAIT_MICROSECOND)) != 0)
            return 0;
        (void)!plait_start(NULL, PLAIT_COROUTINE, give, NULL, NULL);
    }
    return plait_join_all(PLAIT_NEVER);
}

TEST_LABELED(children_of_fork_can_start_tasks, "process noasan")
{
    int stop = 0;
    struct crew workers = {.count = 0};
    fork_and_use(NULL);
    crew_start(&workers, PLAIT_COROUTINE, 8, spin_and_sleep, &stop);
    crew_start(&workers, PLAIT_THREAD, 2, spin_and_sleep, &stop);
    for (int i = 0; i < 5; i++) {
        fork_and_use(NULL);
        crew_run(CREW_MIXED, 3, fork_and_use, NULL);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    crew_join(&workers);
}

static int fork_and_go_on(void *arg)
{
    pid_t pid = fork();
    need(pid >= 0);
    if (pid == 0) {
        int sum = 0;
        add_three(PLAIT_COROUTINE, &sum);
        return 40 + sum; /* the child is the program now: this is its exit status */
    }
    int status;
    need(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_LIGHT(a_task_that_forked_returns_from_the_child)
{
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, carrier, fork_and_go_on, NULL, NULL), 0);
    ck_assert_int_eq(end(task), 43);
}

/* ---- output */

/* What function(arg), run in a child of fork(), writes to its stdout. */
static int output_of(void (*function)(void *arg), void *arg, char *text, size_t size)
{
    int ends[2], status;
    size_t length = 0;
    fflush(NULL);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        static char buffer[65536];
        setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
        function(arg);
        exit(0);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], text + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static int print_child(void *arg)
{
    printf("child;");
    if (arg)
        exit(0);
    return 0;
}

static void print_around(void *arg)
{
    printf("before;");
    need(end(begin(print_child, NULL, NULL)) == 0);
    need(end(begin(print_child, (void *)1, NULL)) == 0);
    printf("after;");
}

static int print_around_task(void *arg)
{
    print_around(arg);
    return 0;
}

static void print_around_coroutine(void *arg)
{
    crew_run(PLAIT_COROUTINE, 1, print_around_task, NULL);
}

TEST_LABELED(output_is_neither_lost_nor_doubled, "process")
{
    char text[1024];
    ck_assert_int_eq(output_of(print_around, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "before;child;child;after;");
    ck_assert_int_eq(output_of(print_around_coroutine, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "before;child;child;after;");
}

static void print_at_fork(void)
{
    printf("late;");
}

/* As another thread might: behind the flush, before the fork. */
static void print_in_between(void *arg)
{
    need(pthread_atfork(print_at_fork, NULL, NULL) == 0);
    need(end(begin(print_child, NULL, NULL)) == 0);
    printf("after;");
}

TEST_LABELED(what_is_printed_at_a_fork_is_not_doubled, "process")
{
    char text[1024];
    ck_assert_int_eq(output_of(print_in_between, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "child;late;after;");
}

static int leave_program(void *arg)
{
    printf("task;");
    if (arg)
        exit(17);
    plait_exit(18);
    return 0;
}

static void print_at_exit(void)
{
    printf("handler;");
}

struct leaver {
    plait_carrier carrier;
    bool by_exit;
};

static void leave_from_task(void *arg)
{
    struct leaver *leaver = arg;
    atexit(print_at_exit);
    printf("main;");
    plait_task *task;
    need(plait_start(&task, leaver->carrier, leave_program, leaver->by_exit ? "" : NULL, NULL) ==
         0);
    (void)!plait_join(task, NULL, PLAIT_NEVER);
    for (;;)
        need(plait_sleep(PLAIT_NEVER) != 0);
}

TEST_LIGHT(a_task_may_end_the_program)
{
    char text[1024];
    for (int by_exit = 0; by_exit < 2; by_exit++) {
        struct leaver leaver = {carrier, by_exit};
        int status = output_of(leave_from_task, &leaver, text, sizeof text);
        ck_assert_str_eq(text, "main;task;handler;");
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), by_exit ? 17 : 18);
    }
}

static int print_late(void *arg)
{
    (void)plait_sleep(plait_after(50 * PLAIT_MILLISECOND));
    printf("late;");
    return 0;
}

static void end_with_tasks_running(void *arg)
{
    const plait_start_options daemon = {.daemon = true};
    plait_task *task;
    plait_carrier carrier = (plait_carrier)(intptr_t)arg;
    need(plait_start(&task, carrier, sleep_long, NULL, &daemon) == 0);
    need(plait_task_is_daemon(task));
    need(plait_start(NULL, carrier, sleep_long, NULL, &daemon) == 0);
    need(plait_start(&task, carrier, print_late, NULL, NULL) == 0);
    need(plait_start(NULL, carrier, print_late, NULL, NULL) == 0);
    need(plait_start(&task, carrier, print_late, NULL, NULL) == 0);
    plait_detach(task);
}

TEST_CARRIERS(the_end_joins_all_but_daemons)
{
    char text[1024];
    ck_assert_int_eq(
        output_of(end_with_tasks_running, (void *)(intptr_t)carrier, text, sizeof text), 0);
    ck_assert_str_eq(text, "late;late;late;");
}

static int child_with_tasks(void *arg)
{
    end_with_tasks_running((void *)PLAIT_COROUTINE);
    end_with_tasks_running((void *)PLAIT_THREAD);
    return 6;
}

static void end_of_child(void *arg)
{
    need(end(begin(child_with_tasks, NULL, NULL)) == 6);
}

TEST_LABELED(the_end_of_a_child_joins_its_own, "process")
{
    char text[1024];
    ck_assert_int_eq(output_of(end_of_child, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "late;late;late;late;late;late;");
}

/* ---- limits */

static void few_descriptors(void *arg)
{
    plait_task *task;
    need(end(begin(give, NULL, NULL)) == 0);
    int used = harness_descriptors();
    for (int more = 0; more < 8; more++) {
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)(used + more), 1024});
        int rc = plait_start(&task, PLAIT_PROCESS, give, (void *)6, NULL);
        need(rc == 0 || rc == -EMFILE);
        need((rc == 0) == (task != NULL));
        if (rc == 0)
            need(end(task) == 6);
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 1024});
        need(harness_descriptors() == used);
    }
}

TEST_LABELED(too_few_descriptors_are_told, "process")
{
    succeeds(few_descriptors, NULL);
}

static void no_more_tasks(void *arg)
{
    plait_carrier carrier = (plait_carrier)(intptr_t)arg;
    plait_task *task;
    if (setuid(54321) != 0)
        _exit(0);
    setrlimit(RLIMIT_NPROC, &(struct rlimit){1, 1});
    int rc = plait_start(&task, carrier, give, NULL, NULL);
    need(rc == -EAGAIN);
    need(task == NULL);
    need(plait_start(NULL, carrier, give, NULL, NULL) == -EAGAIN);
    need(plait_join_all(PLAIT_NEVER) == 1);
    need(plait_tasks_visit(NULL, NULL) == 1);
}

TEST_CARRIERS(too_many_processes_are_told)
{
    if (geteuid() != 0)
        harness_skip("only root can become somebody without processes");
    succeeds(no_more_tasks, (void *)(intptr_t)carrier);
}
