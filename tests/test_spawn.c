/* Processes in a new image of the program: what crosses, what does not, and how they end. Each case
 * by both methods. */
#include "crew.h"

#include <plait/spawn.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_METHODS(name)                                                                         \
    static void name(plait_method method);                                                         \
    static void name##_by(int method)                                                              \
    {                                                                                              \
        name((plait_method)method);                                                                \
    }                                                                                              \
    HARNESS_CASE_(name##_spawn, #name ".spawn", "process", name##_by, PLAIT_SPAWN)                 \
    HARNESS_CASE_(name##_server, #name ".forkserver", "process", name##_by, PLAIT_FORKSERVER)      \
    static void name(plait_method method)

static int global = 1;

static plait_task *begin(plait_function *function, const void *arg, size_t size,
                         plait_start_options options)
{
    plait_task *task = NULL;
    options.arg_size = size;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, function, (void *)arg, &options), 0);
    return task;
}

static int end(plait_task *task)
{
    int status = 12345;
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    return status;
}

static int run(plait_method method, plait_function *function, const void *arg, size_t size)
{
    return end(begin(function, arg, size, (plait_start_options){.method = method}));
}

/* ---- what crosses */
struct pair {
    int a, b;
    char text[40];
};

static int multiply(void *arg)
{
    struct pair *pair = arg;
    if (strcmp(pair->text, "bytes cross") != 0 || (uintptr_t)arg % 16)
        return -1;
    return pair->a * pair->b;
}

TEST_METHODS(bytes_cross_and_the_whole_status_comes_back)
{
    struct pair pair = {-1000, 77, "bytes cross"};
    ck_assert_int_eq(run(method, multiply, &pair, sizeof pair), -77000);
}

static int see_global(void *arg)
{
    return arg == NULL ? global : -1;
}

TEST_METHODS(globals_are_those_of_a_new_program)
{
    global = 99;
    ck_assert_int_eq(run(method, see_global, NULL, 0), 1);
}

static int sum_bytes(void *arg)
{
    unsigned char *bytes = arg;
    int sum = 0;
    for (int i = 0; i < 3000001; i++)
        sum += bytes[i];
    bytes[0] = 1; /* a copy: nobody else's */
    return sum;
}

TEST_METHODS(millions_of_bytes_cross)
{
    unsigned char *bytes = malloc(3000001);
    memset(bytes, 3, 3000001);
    ck_assert_int_eq(run(method, sum_bytes, bytes, 3000001), 9000003);
    free(bytes);
}

static int who_am_i(void *arg)
{
    const uint64_t *id = arg;
    return strcmp(plait_task_name(NULL), "worker") == 0 && plait_task_id(NULL) > id[0] &&
                   plait_task_carrier(NULL) == PLAIT_PROCESS && (pid_t)id[1] == getppid() &&
                   plait_now() > (int64_t)id[2] &&
                   plait_sleep((int64_t)id[2]) == 0 /* a deadline of before my own start */
               ? 0
               : 1;
}

TEST_METHODS(name_number_parent_and_time_are_those_of_a_task)
{
    uint64_t seen[3] = {plait_task_id(NULL), (uint64_t)getpid(), (uint64_t)plait_now()};
    plait_task *task = begin(who_am_i, seen, sizeof seen,
                             (plait_start_options){.method = method, .name = "worker"});
    ck_assert_int_gt(plait_task_pid(task), 0);
    ck_assert_str_eq(plait_task_name(task), "worker");
    ck_assert_int_eq(end(task), 0);
}

/* ---- ends */
static int leave_by(void *arg)
{
    switch (*(int *)arg) {
    case 0:
        exit(1000);
    case 1:
        _exit(4);
    case 2:
        raise(SIGKILL);
        return 0;
    case 3:
        plait_exit(5);
        return 0;
    default:
        return 0x12345678;
    }
}

TEST_METHODS(each_way_out_has_its_status)
{
    static const int statuses[] = {1000, 4, PLAIT_KILLED(SIGKILL), 5, 0x12345678};
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(run(method, leave_by, &i, sizeof i), statuses[i]);
}

static int sleep_long(void *arg)
{
    return plait_sleep(PLAIT_NEVER);
}

static int ask_long(void *arg)
{
    while (!plait_is_canceled())
        sched_yield();
    return plait_sleep(PLAIT_NEVER) == -ECANCELED ? 3 : 4;
}

TEST_METHODS(cancel_terminate_and_kill_reach_it)
{
    plait_start_options options = {.method = method, .grace = 10 * PLAIT_SECOND};
    plait_task *task = begin(sleep_long, NULL, 0, options);
    plait_cancel(task);
    ck_assert_int_eq(end(task), -ECANCELED);
    task = begin(sleep_long, NULL, 0, options);
    plait_sleep(plait_after(50 * PLAIT_MILLISECOND)); /* it sleeps by now, most likely */
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NOW), -EAGAIN);
    plait_cancel(task);
    ck_assert_int_eq(end(task), -ECANCELED);
    task = begin(ask_long, NULL, 0, options);
    plait_cancel(task);
    ck_assert_int_eq(end(task), 3);
    task = begin(sleep_long, NULL, 0, options);
    ck_assert_int_eq(plait_terminate(task), 0);
    ck_assert_int_eq(end(task), PLAIT_KILLED(SIGTERM));
    task = begin(sleep_long, NULL, 0, options);
    ck_assert_int_eq(plait_kill(task), 0);
    ck_assert_int_eq(end(task), PLAIT_KILLED(SIGKILL));
}

/* ---- options of the child */
static int see_options(void *arg)
{
    char here[100];
    cpu_set_t cpus;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    sched_getaffinity(0, sizeof cpus, &cpus);
    if (!getcwd(here, sizeof here) || strcmp(here, "/tmp") != 0)
        return 1;
    if (!getenv("PLAIT_TEST") || strcmp(getenv("PLAIT_TEST"), "seen") != 0 || getenv("HOME"))
        return 2;
    if (CPU_COUNT(&cpus) != 1 || !CPU_ISSET(*(int *)arg, &cpus))
        return 3;
    if (files.rlim_cur != 100 || files.rlim_max != 100)
        return 4;
    if (getpriority(PRIO_PROCESS, 0) != 7)
        return 5;
    if (getpgrp() != getpid())
        return 6;
    return setenv("PLAIT_TEST", "changed", 1) == 0 && getenv("PLAIT_SPAWN") == NULL ? 0 : 7;
}

static void all_options(plait_method method)
{
    int cpu = sched_getcpu();
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    plait_child_options child = {
        .directory = "/tmp",
        .environment = (const char *[]){"PLAIT_TEST=seen", "PATH=/bin", NULL},
        .cpus = &cpus,
        .cpus_size = sizeof cpus,
        .limits = &(struct plait_limit){RLIMIT_NOFILE, 100},
        .limit_count = 1,
        .nice = 7,
        .new_group = true,
    };
    ck_assert_int_eq(end(begin(see_options, &cpu, sizeof cpu,
                               (plait_start_options){.method = method, .child = &child})),
                     0);
    ck_assert_ptr_null(getenv("PLAIT_TEST"));
}

TEST_METHODS(options_of_the_child_hold)
{
    all_options(method);
}

TEST_LABELED(options_of_a_forked_child_hold, "process")
{
    all_options(PLAIT_FORK);
}

static int write_to_four(void *arg)
{
    return write(4, "x", 1) == 1 && write(3, "y", 1) < 0 ? 0 : 1;
}

static int descriptors_after_five(void *arg)
{
    int open = 0;
    for (int i = 5; i < 200; i++) {
        int flags = fcntl(i, F_GETFD);
        open += flags >= 0 && !(flags & FD_CLOEXEC);
    }
    return write_to_four(arg) ? 1000 : open;
}

static void descriptors_cross(plait_method method, plait_function *function)
{
    int ends[2];
    char byte = 0;
    ck_assert_int_eq(pipe(ends), 0);
    int extra = dup(0); /* not close-on-exec, and not asked for */
    plait_child_options child = {.descriptors = ends, .descriptor_count = 2};
    ck_assert_int_eq(
        end(begin(function, NULL, 0, (plait_start_options){.method = method, .child = &child})), 0);
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    ck_assert_int_eq(read(ends[0], &byte, 1), 0); /* nobody else has the other end */
    close(ends[0]);
    close(extra);
}

TEST_METHODS(descriptors_cross_as_three_and_four)
{
    descriptors_cross(method, descriptors_after_five);
}

TEST_LABELED(descriptors_of_a_fork_are_three_and_four, "process")
{
    descriptors_cross(PLAIT_FORK, write_to_four);
}

static void refused_options(plait_method method)
{
    static const struct plait_limit none = {9999, 1};
    plait_task *task = (plait_task *)1;
    plait_child_options no_directory = {.directory = "/no/such"};
    plait_child_options no_limit = {.limits = &none, .limit_count = 1};
    plait_child_options no_descriptor = {.descriptors = (int[]){7777}, .descriptor_count = 1};
    const struct {
        const plait_child_options *child;
        int code;
    } rows[] = {{&no_directory, -ENOENT}, {&no_limit, -EINVAL}, {&no_descriptor, -EBADF}};
    for (int i = 0; i < 3; i++) {
        plait_start_options options = {.method = method, .child = rows[i].child};
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, see_global, NULL, &options),
                         rows[i].code);
        ck_assert_ptr_null(task);
    }
    ck_assert_int_eq(end(begin(see_global, NULL, 0, (plait_start_options){.method = method})),
                     method == PLAIT_FORK ? global : 1);
}

TEST_METHODS(what_cannot_hold_is_the_code_of_the_start)
{
    refused_options(method);
}

TEST_LABELED(what_cannot_hold_in_a_fork_is_the_code, "process")
{
    refused_options(PLAIT_FORK);
}

/* ---- shared objects */
struct till {
    plait_lock lock;
    long sum;
    plait_event done;
};

static struct till *open_till(void)
{
    struct till *till = plait_share(8192 + sizeof *till);
    ck_assert_ptr_nonnull(till);
    till = (struct till *)((char *)till + 4160); /* not at the start */
    plait_lock_init(&till->lock, PLAIT_SHARED);
    plait_event_init(&till->done, PLAIT_SHARED);
    return till;
}

static int pay(void *arg)
{
    struct till *till = plait_inherited(0);
    long *second = plait_inherited(1);
    if (!till || !second || plait_inherited(2) || plait_inherited(-1))
        return 1;
    for (int i = 0; i < 1000; i++)
        plait_with (&till->lock)
            till->sum++;
    *second = 7;
    plait_event_set(&till->done);
    return 0;
}

static void shared_memory_crosses(plait_method method)
{
    struct till *till = open_till();
    long *second = plait_share(4096);
    plait_task *tasks[3];
    plait_start_options options = {
        .method = method, .shared = (void *[]){till, second}, .shared_count = 2};
    int before = harness_descriptors();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_start(&tasks[i], PLAIT_PROCESS, pay, NULL, &options), 0);
    for (int i = 0; i < 1000; i++)
        plait_with (&till->lock)
            till->sum++;
    ck_assert_int_eq(plait_event_wait(&till->done, plait_after(20 * PLAIT_SECOND)), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(end(tasks[i]), 0);
    ck_assert_int_eq(till->sum, 4000);
    ck_assert_int_eq(*second, 7);
    ck_assert_int_le(harness_descriptors(), before + 4); /* those of watcher and server */
    plait_share_free(second);
    plait_share_free((char *)till - 4160);
}

TEST_METHODS(shared_memory_crosses_with_its_locks)
{
    shared_memory_crosses(method);
}

TEST_LABELED(a_fork_has_its_shared_objects_too, "process")
{
    shared_memory_crosses(PLAIT_FORK);
}

static int die_holding(void *arg)
{
    struct till *till = plait_inherited(0);
    if (plait_lock_acquire(&till->lock, PLAIT_NEVER) == 0)
        plait_event_set(&till->done);
    return plait_sleep(PLAIT_NEVER);
}

TEST_METHODS(a_killed_image_gives_its_lock_back)
{
    struct till *till = open_till();
    plait_task *task = begin(
        die_holding, NULL, 0,
        (plait_start_options){.method = method, .shared = (void *[]){till}, .shared_count = 1});
    ck_assert_int_eq(plait_event_wait(&till->done, plait_after(20 * PLAIT_SECOND)), 0);
    ck_assert_int_eq(plait_kill(task), 0);
    ck_assert_int_eq(plait_lock_acquire(&till->lock, plait_after(20 * PLAIT_SECOND)), -EOWNERDEAD);
    plait_lock_mend(&till->lock);
    plait_lock_release(&till->lock);
    ck_assert_int_eq(end(task), PLAIT_KILLED(SIGKILL));
    plait_share_free((char *)till - 4160);
}

TEST_METHODS(a_private_object_does_not_cross)
{
    plait_task *task = (plait_task *)1;
    plait_lock lock = {0};
    plait_queue *queue = plait_queue_open(sizeof(int), 4, NULL);
    void *objects[] = {&lock, queue, NULL};
    for (int i = 0; i < 3; i++) {
        plait_start_options options = {.method = method, .shared = &objects[i], .shared_count = 1};
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, pay, NULL, &options), -EINVAL);
        ck_assert_ptr_null(task);
    }
    plait_queue_free(queue);
}

/* ---- bad input */
TEST_METHODS(wrong_starts_are_refused)
{
    plait_task *task = (plait_task *)1;
    int one = 1;
    const plait_child_options reserved = {.reserved = {&task}}, too_nice = {.nice = 20},
                              no_list = {.descriptor_count = 1}, negative = {.limit_count = -1},
                              no_cpus = {.cpus_size = 8},
                              many = {.descriptors = &one, .descriptor_count = 1000};
    const plait_start_options rows[] = {
        {.arg_size = 4},      {.shared_count = 1},
        {.shared_count = -1}, {.shared_count = 65, .shared = (void *[65]){NULL}},
        {.child = &reserved}, {.child = &too_nice},
        {.child = &no_list},  {.child = &negative},
        {.child = &no_cpus},  {.child = &many},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        plait_start_options options = rows[i];
        options.method = method;
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, see_global, NULL, &options), -EINVAL);
        ck_assert_ptr_null(task);
    }
    plait_start_options options = {.method = method};
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, see_global, &one, &options), -EINVAL);
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, NULL, NULL, &options), -EINVAL);
    ck_assert_int_eq(plait_start(&task, PLAIT_THREAD, see_global, NULL, &options), -EINVAL);
    options.arg_size = SIZE_MAX;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, see_global, &one, &options), -EINVAL);
    options.arg_size = (size_t)1 << 45;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, see_global, &one, &options), -ENOSPC);
    ck_assert_int_eq(plait_start(NULL, PLAIT_PROCESS, see_global, &one, &options), -ENOSPC);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 1);
}

static void without_descriptors(void *arg)
{
    plait_method method = (plait_method)(intptr_t)arg;
    plait_start_options options = {.method = method};
    plait_task *task;
    int status = 0, failed = 0, started = 0;
    need(plait_start(&task, PLAIT_PROCESS, see_global, NULL, &options) == 0);
    need(plait_join(task, &status, PLAIT_NEVER) == 0 && status == 1);
    int next = dup(0);
    close(next);
    for (int most = next; most < next + 14; most++) {
        need(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)most, 1024}) == 0);
        int rc = plait_start(&task, PLAIT_PROCESS, see_global, NULL, &options);
        need(rc == 0 || (rc == -EMFILE && !task));
        failed += rc != 0;
        started += rc == 0;
        need(rc != 0 || (plait_join(task, &status, PLAIT_NEVER) == 0 && status == 1));
        need(setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 1024}) == 0);
        int again = dup(0);
        need(again == next); /* nothing is left over */
        close(again);
    }
    need(failed > 0 && started > 0);
}

TEST_METHODS(without_a_free_descriptor_it_says_so)
{
    char text[2000];
    int status = harness_fork(without_descriptors, (void *)(intptr_t)method, text, sizeof text);
    ck_assert_msg(status == 0, "status %#x: %s", status, text);
}

static void out_of_processes(void *arg)
{
    plait_method method = (plait_method)(intptr_t)arg;
    plait_task *task = (plait_task *)1;
    plait_start_options options = {.method = method};
    if (setuid(65534) != 0)
        _exit(77);
    need(setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0}) == 0);
    int rc = plait_start(&task, PLAIT_PROCESS, see_global, NULL, &options);
    need(rc == -EAGAIN && !task);
}

TEST_METHODS(out_of_processes_is_a_code)
{
    char text[2000];
    if (getuid() != 0)
        harness_skip("only root can become somebody else");
    int status = harness_fork(out_of_processes, (void *)(intptr_t)method, text, sizeof text);
    ck_assert_msg(status == 0, "status %#x: %s", status, text);
}

/* The limit holds before the exec, which then finds no room for its arguments. */
TEST_LABELED(an_exec_that_fails_is_a_code, "process")
{
    plait_task *task = (plait_task *)1;
    static char long_value[300000] = "X=";
    memset(long_value + 2, 'x', sizeof long_value - 3); /* one string: at most 128 KB */
    plait_child_options child = {.environment = (const char *[]){long_value, NULL}};
    plait_start_options options = {.method = PLAIT_SPAWN, .child = &child};
    int before = harness_descriptors();
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, see_global, NULL, &options), -E2BIG);
    ck_assert_ptr_null(task);
    ck_assert_int_le(harness_descriptors(), before + 2); /* the watcher's */
}

static int put_one(void *queue)
{
    return plait_put((plait_queue *)queue, &(int){1}, PLAIT_NOW);
}

static void use_in_child(void *arg)
{
    plait_queue *queue = plait_queue_open(sizeof(int), 4, &(plait_queue_options){.name = "orders"});
    plait_task *task;
    int status = 0;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    need(plait_start(&task, PLAIT_PROCESS, put_one, queue, NULL) == 0);
    need(plait_join(task, &status, PLAIT_NEVER) == 0);
    need(status == PLAIT_KILLED(SIGABRT));
    plait_queue_free(queue);
}

/* It would put into a copy that nobody reads. */
TEST_LABELED(a_private_queue_in_a_child_stops_it_by_name, "process")
{
    char text[2000];
    int status = harness_fork(use_in_child, NULL, text, sizeof text);
    ck_assert_msg(status == 0, "status %#x: %s", status, text);
    ck_assert_ptr_nonnull(strstr(text, "orders"));
}

static int take_sum(void *arg)
{
    plait_queue *queue = plait_inherited(0);
    int sum = 0;
    for (int item; queue && plait_get(queue, &item, plait_after(20 * PLAIT_SECOND)) == 0;)
        sum += item;
    plait_queue_free(queue);
    return sum;
}

TEST_METHODS(a_shared_queue_crosses)
{
    plait_queue *queue =
        plait_queue_open(sizeof(int), 4, &(plait_queue_options){.where = PLAIT_SHARED});
    ck_assert_ptr_nonnull(queue);
    plait_task *task = begin(
        take_sum, NULL, 0,
        (plait_start_options){.method = method, .shared = (void *[]){queue}, .shared_count = 1});
    for (int i = 1; i <= 100; i++)
        ck_assert_int_eq(plait_put(queue, &i, plait_after(20 * PLAIT_SECOND)), 0);
    ck_assert_int_eq(plait_queue_close(queue), 0);
    ck_assert_int_eq(end(task), 5050);
    plait_queue_free(queue);
}
