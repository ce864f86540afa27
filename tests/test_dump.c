/* The dump with stacks, and the dump by a signal. */
#include "base/report.h"
#include "crew.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static plait_event go;

static __attribute__((noinline)) int waits_inside(void)
{
    int rc = plait_event_wait(&go, PLAIT_NEVER);
    return rc + (int)plait_event_is_set(&go) - 1; /* so that the call is no jump */
}

static int sleeper(void *unused)
{
    int rc = waits_inside();
    need(rc == 0);
    return rc;
}

static void dump_into(char *text, size_t size)
{
    int file = memfd_create("dump", MFD_CLOEXEC);
    plait_dump(file, true);
    ssize_t length = pread(file, text, size - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    close(file);
}

static void wait_until_asleep(plait_task *task, plait_wait_info *wait)
{
    while (plait_task_waits(task, wait) != 0)
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    plait_sleep(plait_after(20 * PLAIT_MILLISECOND));
}

/* The frame of the user's call is the one that the dump names as the place. */
TEST(stacks_of_parked_coroutines_are_shown)
{
    plait_task *task;
    plait_wait_info wait;
    static char text[65536];
    char place[256];
    ck_assert_int_eq(plait_start(&task, PLAIT_COROUTINE, sleeper, NULL,
                                 &(plait_start_options){.name = "sleeper"}),
                     0);
    wait_until_asleep(task, &wait);
    dump_into(text, sizeof text);
    base_place(wait.place, place, sizeof place);
    char *line = strstr(text, "'sleeper'"), *frames = line ? strchr(line, '\n') : NULL;
    ck_assert_msg(frames && strstr(frames, "\n      0 "), "%s", text);
    ck_assert_msg(strstr(frames, place), "no %s in: %s", place, frames);
    ck_assert_msg(strstr(frames, "threads and processes: gdb -p "), "%s", text);
    plait_event_set(&go);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
}

static int switches(void *end)
{
    while (plait_now() < *(int64_t *)end) {
        plait_sleep(plait_after(20 * PLAIT_MICROSECOND));
        plait_yield();
    }
    return 0;
}

/* They go on while they are read: what is shown may be old, but nothing is read that is not
 * there. */
TEST(dumps_beside_coroutines_that_run)
{
    struct crew crew = {.count = 0};
    int64_t end = plait_after(PLAIT_SECOND / 5);
    static char text[65536];
    crew_start(&crew, PLAIT_COROUTINE, 30, switches, &end);
    while (plait_now() < end)
        dump_into(text, sizeof text);
    crew_join(&crew);
}

static void nap(int64_t ns)
{
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static void dumps_itself(void *number)
{
    plait_task *task;
    setenv("PLAIT_DUMP_SIGNAL", number, 1);
    plait_start(&task, PLAIT_COROUTINE, sleeper, NULL, &(plait_start_options){.name = "sleeper"});
    for (int i = 0; i < 2; i++) {
        nap(50000000);
        raise(atoi(number));
    }
    nap(100000000);
    plait_event_set(&go);
    plait_join(task, NULL, PLAIT_NEVER);
}

TEST_LABELED(a_signal_asks_for_a_dump, "process")
{
    static char text[65536];
    ck_assert_int_eq(harness_fork(dumps_itself, "12", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "coroutine 'sleeper'") && strstr(text, "wait event"), "%s", text);
    ck_assert_msg(strstr(text, "\n      0 "), "%s", text);
}

static void has_a_handler(void *number)
{
    signal(12, exit);
    setenv("PLAIT_DUMP_SIGNAL", number, 1);
    plait_now();
}

static void dumps_in_child(void *number)
{
    setenv("PLAIT_DUMP_SIGNAL", number, 1);
    plait_now();
    pid_t pid = fork();
    if (pid == 0) {
        nap(20000000);
        raise(atoi(number));
        nap(100000000);
        _exit(0);
    }
    nap(200000000);
}

TEST_LABELED(a_child_has_a_dump_of_its_own, "process")
{
    static char text[65536];
    ck_assert_int_eq(harness_fork(dumps_in_child, "10", text, sizeof text), 0);
    ck_assert_msg(strstr(text, "process 'main'"), "%s", text);
}

TEST_LABELED(no_dump_by_a_signal_that_is_taken_or_none, "process")
{
    char text[1024];
    ck_assert_int_eq(harness_fork(has_a_handler, "12", text, sizeof text), 0);
    ck_assert_str_eq(text, "plait: no dump by signal 12: the program has a handler for it\n");
    ck_assert_int_eq(harness_fork(has_a_handler, "9", text, sizeof text), 0);
    ck_assert_str_eq(text, "plait: no dump by signal 9: it cannot be caught\n");
}
