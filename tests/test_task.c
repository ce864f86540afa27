/* The life of a task on each carrier: start, join, detach, cancel, what it tells of itself, misuse.
 * What only processes do is in test_process.c. */
#include "crew.h"

#include <poll.h>
#include <signal.h>
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

static int nap(void *arg)
{
    return plait_sleep(plait_after((intptr_t)arg * PLAIT_MILLISECOND));
}

static plait_task *begin(plait_carrier carrier, plait_function *function, void *arg)
{
    plait_task *task = NULL;
    ck_assert_int_eq(plait_start(&task, carrier, function, arg, NULL), 0);
    ck_assert_ptr_nonnull(task);
    return task;
}

static int end(plait_task *task)
{
    int status = 12345;
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    return status;
}

static void wait_until_state(plait_task *task, plait_state state)
{
    while (plait_task_state(task) != state)
        ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
}

/* ---- start and join */

TEST_CARRIERS(whole_statuses_arrive)
{
    static const int statuses[] = {0, 1, -1, -22, 255, 256, 1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        ck_assert_int_eq(end(begin(carrier, give, (void *)(intptr_t)statuses[i])), statuses[i]);
}

TEST_CARRIERS(join_tells_how_my_wait_ended)
{
    int status = 12345;
    plait_task *task = begin(carrier, nap, (void *)60000);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NOW), -EAGAIN);
    int64_t deadline = plait_after(5 * PLAIT_MILLISECOND);
    ck_assert_int_eq(plait_join(task, &status, deadline), -ETIMEDOUT);
    ck_assert_int_ge(plait_now(), deadline);
    ck_assert_int_eq(plait_join(task, &status, plait_now() - 1), -ETIMEDOUT);
    ck_assert_int_eq(status, 12345);
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
}

TEST_CARRIERS(state_follows_its_life)
{
    int status = 12345;
    plait_task *task = begin(carrier, sleep_long, NULL);
    wait_until_state(task, PLAIT_WAITING);
    ck_assert(plait_is_alive(task));
    ck_assert_int_eq(plait_task_status(task, &status), -EAGAIN);
    ck_assert_int_eq(status, 12345);
    plait_cancel(task);
    wait_until_state(task, PLAIT_CANCELED);
    ck_assert(!plait_is_alive(task));
    ck_assert_int_eq(plait_task_status(task, &status), 0);
    ck_assert_int_eq(status, -ECANCELED);
    ck_assert(!plait_task_dumped_core(task));
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NOW), 0);
    task = begin(carrier, give, (void *)3);
    wait_until_state(task, PLAIT_FAILED);
    ck_assert_int_eq(end(task), 3);
    task = begin(carrier, give, NULL);
    wait_until_state(task, PLAIT_DONE);
    ck_assert_int_eq(end(task), 0);
}

/* A result that looks like a cancel is none. */
TEST_CARRIERS(who_was_not_cancelled_has_failed)
{
    plait_task *task = begin(carrier, give, (void *)(intptr_t)-ECANCELED);
    wait_until_state(task, PLAIT_FAILED);
    ck_assert_int_eq(end(task), -ECANCELED);
}

/* ---- identity */

static int tell_of_itself(void *arg)
{
    need(plait_task_carrier(NULL) == (plait_carrier)(intptr_t)arg);
    need(plait_task_pid(NULL) == getpid());
    need(plait_task_id(NULL) > 0);
    need(plait_task_state(NULL) == PLAIT_RUNNING);
    need(plait_is_alive(NULL));
    need(plait_self() != NULL);
    need(plait_task_id(plait_self()) == plait_task_id(NULL));
    need(strcmp(plait_task_name(NULL), "worker") == 0);
    need(plait_task_is_daemon(NULL) == false);
    return 0;
}

TEST_CARRIERS(it_knows_itself)
{
    plait_task *task;
    const plait_start_options options = {.name = "worker"};
    ck_assert_int_eq(
        plait_start(&task, carrier, tell_of_itself, (void *)(intptr_t)carrier, &options), 0);
    ck_assert_int_eq(plait_task_carrier(task), carrier);
    ck_assert_int_eq(plait_task_pid(task) != getpid(), carrier == PLAIT_PROCESS);
    ck_assert_str_eq(plait_task_name(task), "worker");
    ck_assert_int_eq(end(task), 0);
}

TEST_CARRIERS(names_are_told_after_the_end)
{
    static const char *const kinds[] = {"", "process", "thread", "coroutine"};
    char expected[64];
    plait_task *task = begin(carrier, give, NULL);
    snprintf(expected, sizeof expected, "%s-%d", kinds[carrier], (int)plait_task_id(task) - 1);
    wait_until_state(task, PLAIT_DONE);
    ck_assert_str_eq(plait_task_name(task), expected);
    plait_task_set_name(task, "a name that is longer than the 31 bytes that are kept");
    ck_assert_str_eq(plait_task_name(task), "a name that is longer than the ");
    plait_task_set_name(task, NULL);
    ck_assert_str_eq(plait_task_name(task), expected);
    ck_assert_int_eq(end(task), 0);
}

TEST(main_and_plain_threads_are_tasks)
{
    ck_assert_str_eq(plait_task_name(NULL), "main");
    ck_assert_int_eq(plait_task_state(NULL), PLAIT_RUNNING);
    uint64_t id = plait_task_id(plait_self());
    plait_task *task = begin(PLAIT_THREAD, give, NULL);
    ck_assert_int_gt(plait_task_id(task), id);
    ck_assert_int_eq(end(task), 0);
}

static void count_one(plait_task *task, void *arg)
{
    need(plait_task_name(task)[0] != '\0');
    ++*(int *)arg;
}

TEST_CARRIERS(visits_see_each)
{
    int seen = 0;
    struct crew crew = {.count = 0};
    int before = plait_tasks_visit(NULL, NULL);
    for (int i = 0; i < 5; i++)
        crew_add(&crew, carrier, nap, (void *)100);
    ck_assert_int_eq(plait_tasks_visit(count_one, &seen), before + 5);
    ck_assert_int_eq(seen, before + 5);
    crew_join(&crew);
    ck_assert_int_eq(plait_tasks_visit(NULL, NULL), before);
}

static void ask_all(plait_task *task, void *arg)
{
    plait_wait_info wait;
    int status;
    (void)plait_task_state(task);
    (void)plait_task_id(task);
    (void)plait_task_carrier(task);
    (void)plait_task_pid(task);
    (void)plait_task_name(task);
    (void)plait_task_is_daemon(task);
    (void)plait_task_status(task, &status);
    (void)plait_task_waits(task, &wait);
}

/* The tasks end and their slots go to others while they are visited. */
static void visit_beside_ends(plait_carrier carrier)
{
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 20; k++)
            ck_assert_int_eq(plait_start(NULL, carrier, give, NULL, NULL), 0);
        plait_tasks_visit(ask_all, NULL);
    }
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
}

/* Not under ThreadSanitizer: records are read that may be the next task's by then, as hints. */
TEST_LABELED(visits_beside_ends_of_threads, "notsan")
{
    visit_beside_ends(PLAIT_THREAD);
}

TEST_LABELED(visits_beside_ends_of_coroutines, "notsan")
{
    visit_beside_ends(PLAIT_COROUTINE);
}

static int leave_by_pthread_exit(void *arg)
{
    pthread_exit(arg);
}

/* It has ended, whatever it ended by: nobody who joins it hangs. */
TEST(a_thread_that_leaves_by_pthread_exit_has_failed)
{
    plait_task *task = begin(PLAIT_THREAD, leave_by_pthread_exit, NULL);
    ck_assert_int_eq(end(task), -PLAIT_EFAILED);
    ck_assert_int_eq(plait_start(NULL, PLAIT_THREAD, leave_by_pthread_exit, NULL, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 1);
}

/* ---- without a handle */

TEST_CARRIERS(join_all_counts_failures)
{
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(plait_start(NULL, carrier, give, (void *)(intptr_t)(i % 3), NULL), 0);
    ck_assert_int_eq(plait_start(NULL, carrier, NULL, NULL, NULL), -EINVAL);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 6 + 1);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
}

TEST_CARRIERS(join_all_forgets_nothing_when_it_is_late)
{
    ck_assert_int_eq(plait_start(NULL, carrier, give, (void *)1, NULL), 0);
    ck_assert_int_eq(plait_start(NULL, carrier, nap, (void *)100, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_join_all(plait_after(PLAIT_MILLISECOND)), -ETIMEDOUT);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 1);
}

static int grandchildren; /* of threads and coroutines */

static int count_later(void *arg)
{
    (void)plait_sleep(plait_after(20 * PLAIT_MILLISECOND));
    __atomic_add_fetch(&grandchildren, 1, __ATOMIC_RELAXED);
    return 0;
}

static int start_three(void *arg)
{
    for (int i = 0; i < 3; i++)
        need(plait_start(NULL, (plait_carrier)(intptr_t)arg, count_later, NULL, NULL) == 0);
    return 0;
}

TEST_LIGHT(its_end_waits_for_its_own)
{
    ck_assert_int_eq(end(begin(carrier, start_three, (void *)(intptr_t)carrier)), 0);
    ck_assert_int_eq(grandchildren, 3);
}

TEST_CARRIERS(detached_tasks_give_their_slots_back)
{
    for (int i = 0; i < 50; i++) {
        plait_task *task = begin(carrier, give, (void *)7);
        if (i % 2)
            while (plait_is_alive(task))
                plait_yield();
        plait_detach(task);
    }
    while (plait_tasks_visit(NULL, NULL) > 1)
        ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
}

/* ---- cancel */

static int count_cancels(void *arg)
{
    int first = plait_sleep(PLAIT_NEVER);
    int second = plait_sleep(plait_after(10 * PLAIT_MILLISECOND));
    return first == -ECANCELED && second == 0 && plait_is_canceled() ? 77 : 1;
}

TEST_CARRIERS(a_sleeper_is_cancelled_once)
{
    plait_task *task = begin(carrier, count_cancels, NULL);
    wait_until_state(task, PLAIT_WAITING);
    plait_cancel(task);
    ck_assert_int_eq(end(task), 77);
}

static int wait_when_canceled(void *arg)
{
    while (!plait_is_canceled())
        plait_yield();
    return count_cancels(arg);
}

TEST_CARRIERS(a_cancel_before_the_wait_ends_the_wait)
{
    plait_task *task = begin(carrier, wait_when_canceled, NULL);
    plait_cancel(task);
    ck_assert_int_eq(end(task), 77);
}

static plait_event results_there;

static int take_result_then_cancel(void *arg)
{
    while (!plait_is_canceled())
        plait_yield();
    need(plait_event_wait(&results_there, PLAIT_NEVER) == 0); /* it is there: no wait */
    return plait_sleep(PLAIT_NEVER);
}

TEST_CARRIERS(a_result_outranks_a_cancel)
{
    plait_event_set(&results_there);
    plait_task *task = begin(carrier, take_result_then_cancel, NULL);
    plait_cancel(task);
    ck_assert_int_eq(end(task), -ECANCELED);
}

static int join_long(void *arg)
{
    plait_task *task;
    int status;
    need(plait_start(&task, (plait_carrier)(intptr_t)arg, sleep_long, NULL, NULL) == 0);
    need(plait_join(task, &status, PLAIT_NEVER) == -ECANCELED);
    plait_cancel(task); /* the handle is still ours */
    need(plait_join(task, &status, PLAIT_NEVER) == 0);
    need(status == -ECANCELED);
    return 0;
}

TEST_CARRIERS(who_waits_in_a_join_is_cancelled_alone)
{
    plait_task *task = begin(carrier, join_long, (void *)PLAIT_THREAD);
    wait_until_state(task, PLAIT_WAITING);
    plait_cancel(task);
    ck_assert_int_eq(end(task), 0);
}

TEST_LIGHT(terminate_cancels_and_kill_is_refused)
{
    plait_task *task = begin(carrier, sleep_long, NULL);
    ck_assert_int_eq(plait_kill(task), -ENOTSUP);
    ck_assert_int_eq(plait_terminate(task), 0);
    ck_assert_int_eq(end(task), -ECANCELED);
}

TEST_CARRIERS(what_has_ended_is_left_alone)
{
    plait_task *task = begin(carrier, give, (void *)4);
    wait_until_state(task, PLAIT_FAILED);
    plait_cancel(task);
    ck_assert_int_eq(plait_terminate(task), 0);
    ck_assert_int_eq(plait_kill(task), 0);
    ck_assert_int_eq(end(task), 4);
}

/* Cancels that race with the end of what they cancel. */
TEST_CARRIERS(cancels_beside_ends)
{
    int rounds = carrier == PLAIT_PROCESS ? 20 : 500;
    for (int i = 0; i < rounds; i++) {
        plait_task *task = begin(carrier, nap, (void *)(intptr_t)(i % 2));
        for (int k = 0; k < i % 50; k++)
            plait_yield();
        plait_cancel(task);
        int status = end(task);
        ck_assert(status == 0 || status == -ECANCELED);
    }
}

static plait_task *target;

static void on_signal(int number)
{
    plait_cancel(target);
}

TEST_CARRIERS(a_signal_handler_may_cancel)
{
    target = begin(carrier, sleep_long, NULL);
    wait_until_state(target, PLAIT_WAITING);
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    ck_assert_int_eq(end(target), -ECANCELED);
}

/* ---- descriptors */

static bool is_readable(int descriptor, int milliseconds)
{
    struct pollfd one = {.fd = descriptor, .events = POLLIN};
    return poll(&one, 1, milliseconds) == 1;
}

TEST_CARRIERS(a_descriptor_tells_the_end)
{
    int status;
    plait_task *task = begin(carrier, sleep_long, NULL);
    int first = plait_task_descriptor(task), second = plait_task_descriptor(task);
    ck_assert_int_ge(first, 0);
    ck_assert_int_ge(second, 0);
    ck_assert(!is_readable(first, 20));
    plait_cancel(task);
    ck_assert(is_readable(first, 10000));
    ck_assert_int_eq(plait_task_status(task, &status), 0); /* it is there already */
    ck_assert_int_eq(status, -ECANCELED);
    ck_assert(is_readable(second, 10000));
    int late = plait_task_descriptor(task);
    ck_assert(is_readable(late, 0));
    ck_assert_int_eq(end(task), -ECANCELED);
    ck_assert(is_readable(late, 0));
    close(first);
    close(second);
    close(late);
}

TEST_CARRIERS(a_descriptor_may_be_closed_before_the_end)
{
    plait_task *task = begin(carrier, sleep_long, NULL);
    close(plait_task_descriptor(task));
    plait_cancel(task);
    ck_assert_int_eq(end(task), -ECANCELED);
}

/* The bell is hung up at the very moment of the end. */
TEST_CARRIERS(descriptors_beside_ends)
{
    int rounds = carrier == PLAIT_PROCESS ? 20 : 500;
    for (int i = 0; i < rounds; i++) {
        plait_task *task = begin(carrier, give, NULL);
        for (int k = 0; k < i % 20; k++)
            plait_yield();
        int descriptor = plait_task_descriptor(task);
        ck_assert_int_ge(descriptor, 0);
        ck_assert(is_readable(descriptor, 10000));
        close(descriptor);
        ck_assert_int_eq(end(task), 0);
    }
}

/* ---- refused */

TEST_CARRIERS(wrong_arguments_are_refused)
{
    plait_task *task = (plait_task *)1;
    const plait_start_options reserved = {.reserved = {NULL, NULL, &target}},
                              huge = {.stack = SIZE_MAX}, later = {.arg_size = 1},
                              method = {.method = (plait_method)4}, grace = {.grace = -1};
    ck_assert_int_eq(plait_start(&task, carrier, NULL, NULL, NULL), -EINVAL);
    ck_assert_ptr_null(task);
    ck_assert_int_eq(plait_start(&task, (plait_carrier)0, give, NULL, NULL), -EINVAL);
    ck_assert_int_eq(plait_start(&task, (plait_carrier)4, give, NULL, NULL), -EINVAL);
    ck_assert_int_eq(plait_start(&task, (plait_carrier)-1, give, NULL, NULL), -EINVAL);
    ck_assert_int_eq(plait_start(&task, carrier, give, NULL, &reserved), -EINVAL);
    ck_assert_int_eq(plait_start(&task, carrier, give, NULL, &huge), -EINVAL);
    ck_assert_int_eq(plait_start(&task, carrier, give, NULL, &grace), -EINVAL);
    ck_assert_int_eq(plait_start(&task, carrier, give, NULL, &later), -EINVAL);
    ck_assert_int_eq(plait_start(&task, carrier, give, NULL, &method), -EINVAL);
    ck_assert_ptr_null(task);
    ck_assert_int_eq(plait_join(NULL, NULL, PLAIT_NOW), -EINVAL);
    plait_detach(NULL);
}

TEST_CARRIERS(a_stack_of_one_byte_is_enlarged)
{
    plait_task *task;
    const plait_start_options options = {.stack = 1};
    ck_assert_int_eq(plait_start(&task, carrier, give, (void *)5, &options), 0);
    ck_assert_int_eq(end(task), 5);
}

static void one_terabyte(void *arg)
{
    plait_task *task;
    const plait_start_options options = {.stack = (size_t)1 << 40};
    int rc = plait_start(&task, (plait_carrier)(intptr_t)arg, give, (void *)5, &options);
    int status = 5;
    if (rc == 0)
        need(plait_join(task, &status, PLAIT_NEVER) == 0);
    need(rc == 0 || rc == -ENOMEM || rc == -EAGAIN);
    need(status == 5);
}

TEST_LIGHT(a_stack_of_a_terabyte_is_mapped_or_refused)
{
    char text[1024];
    ck_assert_msg(harness_fork(one_terabyte, (void *)(intptr_t)carrier, text, sizeof text) == 0,
                  "%s", text);
}

static int join_itself(void *arg)
{
    return plait_join(plait_self(), NULL, PLAIT_NEVER);
}

TEST_CARRIERS(joining_oneself_is_a_deadlock)
{
    ck_assert_int_eq(end(begin(carrier, join_itself, NULL)), -EDEADLK);
    ck_assert_int_eq(plait_join(plait_self(), NULL, PLAIT_NEVER), -EDEADLK);
}

/* ---- misuse */

static void join_twice(void *arg)
{
    plait_task *task = begin((plait_carrier)(intptr_t)arg, give, NULL);
    (void)end(task);
    (void)!plait_join(task, NULL, PLAIT_NEVER);
}

static void detach_then_join(void *arg)
{
    plait_task *task = begin((plait_carrier)(intptr_t)arg, nap, (void *)50);
    plait_detach(task);
    (void)!plait_join(task, NULL, PLAIT_NEVER);
}

static void detach_twice(void *arg)
{
    plait_task *task = begin((plait_carrier)(intptr_t)arg, nap, (void *)50);
    plait_detach(task);
    plait_detach(task);
}

static void name_after_join(void *arg)
{
    plait_task *task = begin((plait_carrier)(intptr_t)arg, give, NULL);
    (void)end(task);
    (void)plait_task_name(task);
}

static void cancel_after_detach(void *arg)
{
    plait_task *task = begin((plait_carrier)(intptr_t)arg, give, NULL);
    plait_detach(task);
    while (plait_tasks_visit(NULL, NULL) > 1)
        (void)plait_sleep(plait_after(PLAIT_MILLISECOND));
    plait_cancel(task);
}

TEST_CARRIERS(handles_given_back_are_recognized)
{
    void *arg = (void *)(intptr_t)carrier;
    harness_dies(join_twice, arg, "join with a handle that is none: it was given back");
    harness_dies(detach_then_join, arg, "join with a handle that is none: it was given back");
    harness_dies(detach_twice, arg, "detach with a handle that is none: it was given back");
    harness_dies(name_after_join, arg, "name with a handle that is none");
    harness_dies(cancel_after_detach, arg, "cancel with a handle that is none");
}

static void join_garbage(void *arg)
{
    plait_task *task;
    memset(&task, 0xa5, sizeof task);
    (void)!plait_join(task, NULL, PLAIT_NEVER);
}

static void join_of_the_parent(void *arg)
{
    (void)!plait_join(arg, NULL, PLAIT_NEVER);
}

static void duration(void *arg)
{
    (void)!plait_join(arg, NULL, 5 * PLAIT_MILLISECOND);
}

static void sleep_duration(void *arg)
{
    (void)!plait_sleep(5 * PLAIT_MILLISECOND);
}

static void all_duration(void *arg)
{
    (void)!plait_join_all(5 * PLAIT_MILLISECOND);
}

static void quiesce_duration(void *arg)
{
    (void)!plait_quiesce(5 * PLAIT_MILLISECOND);
}

TEST_CARRIERS(what_is_no_handle_is_recognized)
{
    plait_task *task = begin(carrier, sleep_long, NULL);
    harness_dies(join_garbage, NULL, "join with a handle that is none");
    harness_dies(join_of_the_parent, task, "join with a handle that is none");
    harness_dies(duration, task, "a duration where a deadline belongs");
    plait_cancel(task);
    ck_assert_int_eq(end(task), -ECANCELED);
}

TEST_LABELED(durations_are_recognized, "process")
{
    harness_dies(sleep_duration, NULL, "a duration where a deadline belongs");
    harness_dies(all_duration, NULL, "a duration where a deadline belongs");
    harness_dies(quiesce_duration, NULL, "a duration where a deadline belongs");
}
