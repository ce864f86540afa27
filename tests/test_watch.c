/* Looking inside: the dump, what waits for what, counters, reports, the recorder. */
#include "crew.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static plait_lock lock;
static plait_event event;

static int give(void *arg)
{
    return (int)(intptr_t)arg;
}

static void nap(int milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0)
        ;
}

static int wait_for_lock(void *arg)
{
    return plait_lock_acquire(&lock, PLAIT_NEVER);
}

static int sleep_long(void *arg)
{
    return plait_sleep(PLAIT_NEVER);
}

static int wait_for_event(void *arg)
{
    return plait_event_wait(&event, PLAIT_NEVER);
}

static plait_task *begin(plait_carrier carrier, plait_function *function, const char *name)
{
    plait_task *task;
    const plait_start_options options = {.name = name};
    ck_assert_int_eq(plait_start(&task, carrier, function, NULL, &options), 0);
    while (plait_task_state(task) != PLAIT_WAITING)
        nap(1);
    return task;
}

static void end(plait_task *task)
{
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
}

/* ---- what waits for what */

TEST_CARRIERS(a_sleeper_tells_what_it_does)
{
    plait_wait_info wait = {.verb = "untouched"};
    int64_t before = plait_now();
    plait_task *task = begin(carrier, sleep_long, "sleeper");
    ck_assert_int_eq(plait_task_waits(task, &wait), 0);
    ck_assert_str_eq(wait.verb, "sleep");
    ck_assert_ptr_null(wait.holder);
    ck_assert_int_ge(wait.since, before - 10 * PLAIT_MILLISECOND); /* of the coarse clock */
    ck_assert_int_le(wait.since, plait_now());
    wait.verb = "untouched";
    ck_assert_int_eq(plait_task_waits(NULL, &wait), -EAGAIN);
    ck_assert_str_eq(wait.verb, "untouched");
    end(task);
}

TEST_LIGHT(who_holds_a_lock_is_told)
{
    plait_wait_info wait;
    plait_name(&lock, "till");
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), 0);
    plait_task *task = begin(carrier, wait_for_lock, "buyer");
    ck_assert_int_eq(plait_task_waits(task, &wait), 0);
    ck_assert_str_eq(wait.verb, "acquire");
    ck_assert_ptr_nonnull(strstr(wait.object, "till"));
    ck_assert_ptr_nonnull(wait.place);
    ck_assert_ptr_eq(wait.holder, plait_self());
    end(task);
    plait_lock_release(&lock);
}

/* ---- the dump */

static void dump(char *text, size_t size)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_gt(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 0);
    plait_dump(ends[1], false);
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(ends[0], text + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = '\0';
    close(ends[0]);
}

TEST_CARRIERS(the_dump_has_a_line_for_each)
{
    static char text[65536];
    plait_task *task = begin(carrier, sleep_long, "sleeper");
    dump(text, sizeof text);
    ck_assert_msg(strstr(text, "'main'") != NULL, "%s", text);
    char *line = strstr(text, "'sleeper'");
    ck_assert_msg(line && strstr(line, "waiting: sleep"), "%s", text);
    end(task);
    dump(text, sizeof text);
    ck_assert_msg(strstr(text, "'sleeper'") == NULL, "%s", text);
}

TEST_LIGHT(the_dump_names_holders_and_joiners)
{
    static char text[65536];
    plait_name(&lock, "till");
    ck_assert_int_eq(plait_lock_acquire(&lock, PLAIT_NOW), 0);
    plait_task *task = begin(carrier, wait_for_lock, "buyer");
    dump(text, sizeof text);
    ck_assert_msg(strstr(text, "till") != NULL && strstr(text, "held by 'main'") != NULL, "%s",
                  text);
    end(task);
    plait_lock_release(&lock);
}

static int kinds; /* 1: threads come and go, 2: coroutines too */

static int come_and_go(void *arg)
{
    for (int i = 0; !__atomic_load_n((int *)arg, __ATOMIC_RELAXED);) {
        plait_task *task;
        need(plait_start(&task, (plait_carrier)(2 + i++ % kinds), give, NULL, NULL) == 0);
        need(plait_join(task, NULL, PLAIT_NEVER) == 0);
        plait_with (&lock)
            plait_yield();
    }
    return 0;
}

/* Tasks end, locks change hands and slots are used again while it is written. */
static void dump_beside_ends(int carrier)
{
    static char text[65536];
    int stop = 0;
    struct crew crew = {.count = 0};
    kinds = carrier == PLAIT_THREAD ? 1 : 2;
    crew_start(&crew, carrier, 6, come_and_go, &stop);
    for (int i = 0; i < 300; i++) {
        dump(text, sizeof text);
        ck_assert_msg(strstr(text, "'main'") != NULL, "%s", text);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    crew_join(&crew);
}

/* Not under ThreadSanitizer: the dump reads records that may be the next task's by then, as
 * hints. */
TEST_LABELED(dumps_beside_ends_of_threads, "notsan")
{
    dump_beside_ends(PLAIT_THREAD);
}

TEST_LABELED(dumps_beside_ends_of_coroutines, "notsan")
{
    dump_beside_ends(CREW_MIXED);
}

TEST(a_dump_to_nowhere_does_no_harm)
{
    plait_dump(-1, true);
    int closed[2];
    ck_assert_int_eq(pipe(closed), 0);
    close(closed[0]);
    plait_dump(closed[1], false); /* no SIGPIPE */
    close(closed[1]);
}

/* ---- counters */

TEST_CARRIERS(counters_count)
{
    plait_counters before, after;
    plait_counters_read(&before);
    ck_assert_int_eq(before.tasks, 1);
    plait_task *task = begin(carrier, wait_for_event, "waiter");
    plait_counters_read(&after);
    ck_assert_int_eq(after.tasks, 2);
    ck_assert_int_eq(after.workers > 0, carrier == PLAIT_COROUTINE);
    end(task);
    plait_counters_read(&after);
    ck_assert_int_eq(after.tasks, 1);
    ck_assert_int_ge(after.waits, before.waits);
    if (carrier == PLAIT_COROUTINE)
        ck_assert_int_gt(after.switches, before.switches);
}

/* ---- reports */

static char heard[256];

static void hear(plait_report kind, const char *text, void *arg)
{
    snprintf(arg, sizeof heard, "%d %s", (int)kind, text);
}

static void misuse(void *arg)
{
    plait_on_report(hear, heard);
    plait_name(&lock, "till");
    signal(SIGABRT, SIG_DFL);
    if (fork() == 0) {
        plait_on_report(NULL, NULL); /* stderr again */
        plait_lock_release(&lock);
    }
    (void)!wait(NULL);
    plait_on_report(hear, arg);
    plait_lock_release(&lock);
}

TEST_LABELED(reports_go_where_they_are_sent, "process")
{
    harness_dies(misuse, heard, "till");
}

/* ---- the recorder */

static const char *trace_path(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/plait-trace-%d", (int)getpid());
    return path;
}

static size_t read_trace(const char *path, char *text, size_t size)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(descriptor, 0);
    ssize_t got = read(descriptor, text, size - 1);
    ck_assert_int_ge(got, 0);
    close(descriptor);
    text[got] = '\0';
    return (size_t)got;
}

TEST_LIGHT(the_record_has_starts_and_ends)
{
    static char text[65536];
    const char *path = trace_path();
    ck_assert_int_eq(plait_trace_start(NULL), -EINVAL);
    ck_assert_int_eq(plait_trace_start("/nowhere/at/all"), -ENOENT);
    ck_assert_int_eq(plait_trace_start(path), 0);
    ck_assert_int_eq(plait_trace_start(path), -EBUSY);
    end(begin(carrier, sleep_long, "sleeper"));
    plait_trace_stop();
    plait_trace_stop();
    ck_assert_int_gt(read_trace(path, text, sizeof text), 0);
    ck_assert_msg(strstr(text, "\tsleeper\tstart\t") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "\tsleeper\tsleep\t") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "\tsleeper\tend\t") != NULL, "%s", text);
    unlink(path);
}

static void end_by_exit(void *arg)
{
    (void)!plait_sleep(plait_after(PLAIT_MILLISECOND)); /* not into the parent's record */
    exit(0);
}

TEST_LABELED(a_child_leaves_the_record_alone, "process")
{
    static char text[65536], said[1024];
    const char *path = trace_path();
    ck_assert_int_eq(plait_trace_start(path), 0);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    ck_assert_msg(harness_fork(end_by_exit, NULL, said, sizeof said) == 0, "%s", said);
    plait_trace_stop();
    (void)read_trace(path, text, sizeof text);
    char *first = strstr(text, "\tsleep\t");
    ck_assert_msg(first && strstr(first + 1, "\tsleep\t") == NULL, "%s", text);
    unlink(path);
}
