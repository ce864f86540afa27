/* base: reports, misuse, places. */
#include "base/atomic.h"
#include "base/report.h"
#include "harness.h"
#include "os/os.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char heard[2000];
static plait_report heard_kind;
static void *heard_arg;
static int heard_count;

static void hear(plait_report kind, const char *text, void *arg)
{
    heard_kind = kind;
    heard_arg = arg;
    heard_count++;
    snprintf(heard, sizeof heard, "%s", text);
}

/* ---- where reports go */

static void report_once(void *arg)
{
    base_report(PLAIT_REPORT_STUCK, "worker %d is stuck in %s", 3, "read");
}

TEST_LABELED(report_goes_to_stderr, "process")
{
    char text[200];
    ck_assert_int_eq(harness_fork(report_once, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "plait: worker 3 is stuck in read\n");
}

TEST(report_goes_to_the_function)
{
    plait_on_report(hear, heard);
    base_report(PLAIT_REPORT_UNREAD, "%s was lost", "x");
    ck_assert_str_eq(heard, "x was lost");
    ck_assert_int_eq(heard_kind, PLAIT_REPORT_UNREAD);
    ck_assert_ptr_eq(heard_arg, heard);
}

static void back_to_stderr(void *arg)
{
    for (int i = 0; i < 20; i++)
        plait_on_report(hear, NULL);
    plait_on_report(NULL, heard);
    report_once(NULL);
    fprintf(stderr, "heard %d", heard_count);
}

TEST_LABELED(report_goes_back_to_stderr, "process")
{
    char text[200];
    ck_assert_int_eq(harness_fork(back_to_stderr, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "plait: worker 3 is stuck in read\nheard 0");
}

static void report_from_inside(plait_report kind, const char *text, void *arg)
{
    base_report(PLAIT_REPORT_DROPPED, "from inside");
    fprintf(stderr, "first: %s\n", text);
}

static void report_twice(void *arg)
{
    plait_on_report(report_from_inside, NULL);
    report_once(NULL);
    report_once(NULL);
}

/* Otherwise a function that itself does something wrong would be called again without end. */
TEST_LABELED(report_from_the_function_goes_to_stderr, "process")
{
    char text[400];
    ck_assert_int_eq(harness_fork(report_twice, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "plait: from inside\nfirst: worker 3 is stuck in read\n"
                           "plait: from inside\nfirst: worker 3 is stuck in read\n");
}

static void replace_from_inside(plait_report kind, const char *text, void *arg)
{
    plait_on_report(hear, arg);
}

TEST(report_function_may_replace_itself)
{
    plait_on_report(replace_from_inside, &heard_count);
    report_once(NULL);
    ck_assert_int_eq(heard_count, 0);
    report_once(NULL);
    ck_assert_int_eq(heard_count, 1);
    ck_assert_ptr_eq(heard_arg, &heard_count);
}

/* ---- one line, however long */

TEST(report_is_one_line)
{
    plait_on_report(hear, NULL);
    base_report(PLAIT_REPORT_STUCK, "a\nb\tc\033[0m%s", "\r\303\251");
    ck_assert_str_eq(heard, "a b c [0m \303\251");
    base_report(PLAIT_REPORT_STUCK, "%s", "");
    ck_assert_str_eq(heard, "");
}

static void report_long(void *arg)
{
    char text[5000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    base_report(PLAIT_REPORT_STUCK, "%s", text);
}

TEST_LABELED(report_cuts_what_is_too_long, "process")
{
    char text[3000];
    ck_assert_int_eq(harness_fork(report_long, NULL, text, sizeof text), 0);
    size_t length = strlen(text);
    ck_assert_uint_gt(length, 900);
    ck_assert_uint_lt(length, 1100);
    ck_assert_int_eq(text[length - 1], '\n');
    ck_assert_int_eq(text[length - 2], 'x');
}

/* ---- a stderr that is closed, full or without reader */

TEST(write_raises_no_sigpipe)
{
    int ends[2];
    sigset_t pending;
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    errno = 77;
    ck_assert_int_eq(os_write(ends[1], "x", 1), -EPIPE);
    ck_assert_int_eq(errno, 77);
    sigpending(&pending);
    ck_assert(!sigismember(&pending, SIGPIPE));
    close(ends[1]);
    ck_assert_int_eq(os_write(ends[1], "x", 1), -EBADF);
}

TEST(write_leaves_the_hosts_sigpipe)
{
    int ends[2];
    sigset_t only, pending;
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &only, NULL);
    raise(SIGPIPE);
    ck_assert_int_eq(os_write(ends[1], "x", 1), -EPIPE);
    sigpending(&pending);
    ck_assert(sigismember(&pending, SIGPIPE));
    close(ends[1]);
}

TEST(write_gives_up_on_a_full_pipe)
{
    int ends[2];
    static char block[1 << 20];
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_eq(os_write(ends[1], block, sizeof block), -EAGAIN);
    close(ends[0]);
    close(ends[1]);
}

static void *read_slowly(void *arg)
{
    char piece[5000];
    size_t all = 0;
    ssize_t got;
    while ((got = read(*(int *)arg, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR)) {
        all += got > 0 ? (size_t)got : 0;
        usleep(100);
    }
    return (void *)all;
}

static void do_nothing(int signal_number)
{
}

static timer_t interrupt_often(void (*handler)(int signal_number), long ns)
{
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART */
    struct timespec often = {.tv_nsec = ns};
    struct itimerspec each = {.it_interval = often, .it_value = often};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_t timer;
    sigaction(SIGUSR1, &action, NULL);
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    timer_settime(timer, 0, &each, NULL);
    return timer;
}

TEST(write_goes_on_after_signals_and_short_writes)
{
    int ends[2];
    static char block[1 << 20];
    pthread_t reader;
    void *all;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
    timer_t timer = interrupt_often(do_nothing, 300000);
    int result = os_write(ends[1], block, sizeof block);
    timer_delete(timer);
    close(ends[1]);
    pthread_join(reader, &all);
    close(ends[0]);
    ck_assert_int_eq(result, 0);
    ck_assert_uint_eq((size_t)all, sizeof block);
}

/* ---- function and argument stay together */

static bool torn;

static void check_pair_a(plait_report kind, const char *text, void *arg)
{
    torn |= arg != (void *)1;
}

static void check_pair_b(plait_report kind, const char *text, void *arg)
{
    torn |= arg != (void *)2;
}

static void check_pair_c(plait_report kind, const char *text, void *arg)
{
    torn |= arg != (void *)3;
}

/* Three, because two would meet each slot of a power of two with the same function each time. */
static void change_thrice(void)
{
    plait_on_report(check_pair_a, (void *)1);
    plait_on_report(check_pair_b, (void *)2);
    plait_on_report(check_pair_c, (void *)3);
}

static void *change_often(void *arg)
{
    for (int i = 0; i < 200000; i++)
        change_thrice();
    atom_store((bool *)arg, true, RELEASE);
    return NULL;
}

TEST(report_never_mixes_two_functions)
{
    bool done = false;
    pthread_t changer;
    change_thrice();
    ck_assert_int_eq(pthread_create(&changer, NULL, change_often, &done), 0);
    while (!atom_load(&done, ACQUIRE))
        base_report(PLAIT_REPORT_STUCK, "x");
    pthread_join(changer, NULL);
    ck_assert(!torn);
}

static volatile int interruptions;

static void change_in_handler(int signal_number)
{
    plait_on_report(check_pair_a, (void *)1);
    plait_on_report(check_pair_b, (void *)2);
    for (int i = 0; i < 5; i++)
        change_thrice();
    interruptions++;
}

/* The changes come in the middle of the report, where another thread's would be a rare accident. */
TEST(report_bears_changes_at_any_instruction)
{
    change_thrice();
    timer_t timer = interrupt_often(change_in_handler, 50000);
    while (interruptions < 1500 && !torn)
        base_report(PLAIT_REPORT_STUCK, "x");
    timer_delete(timer);
    ck_assert(!torn);
}

/* ---- misuse */

static void misuse(void *object)
{
    base_misuse(object, "lock", __builtin_return_address(0), "released by %s, held by %s", "bob",
                "eve");
}

TEST_LABELED(misuse_names_object_and_place, "process")
{
    int object = 0;
    char text[200];
    plait_name(&object, "accounts");
    harness_dies(misuse, &object, "plait: lock accounts: released by bob, held by eve (at ");
    plait_name(&object, NULL);
    snprintf(text, sizeof text, "plait: lock@%p: released by bob, held by eve (at ",
             (void *)&object);
    harness_dies(misuse, &object, text);
    harness_dies(misuse, NULL, "plait: lock: released by bob, held by eve (at ");
    harness_dies(misuse, &stdout, "plait: lock stdout: released by bob");
}

static void print_report(plait_report kind, const char *text, void *arg)
{
    fprintf(stderr, "mine: %d %s %s\n", kind, text, (char *)arg);
}

static void misuse_heard(void *object)
{
    plait_on_report(print_report, "end");
    misuse(object);
}

TEST_LABELED(misuse_tells_the_function_and_aborts, "process")
{
    harness_dies(misuse_heard, NULL, "mine: 0 lock: released by bob, held by eve (at ");
}

static void misuse_inside(plait_report kind, const char *text, void *arg)
{
    misuse(NULL);
}

static void misuse_in_misuse(void *object)
{
    plait_on_report(misuse_inside, NULL);
    misuse(object);
}

TEST_LABELED(misuse_inside_the_function_ends, "process")
{
    harness_dies(misuse_in_misuse, NULL, "plait: lock: released by bob");
}

static void misuse_long(void *object)
{
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    base_misuse(object, "lock", (void *)0x1234, "%s", text);
}

static void misuse_nowhere(void *object)
{
    base_misuse(object, "task", NULL, "ended badly");
}

TEST_LABELED(misuse_may_have_no_place, "process")
{
    harness_dies(misuse_nowhere, NULL, "plait: task: ended badly\n");
}

TEST_LABELED(misuse_tells_the_place_after_a_long_text, "process")
{
    harness_dies(misuse_long, NULL, "xxx (at 0x1234)\n");
}

static void misuse_without_stderr(void *object)
{
    close(STDERR_FILENO);
    misuse(object);
}

TEST_LABELED(misuse_aborts_without_stderr, "process")
{
    harness_dies(misuse_without_stderr, NULL, "");
}

/* ---- places */

static const char *place_of(void *address)
{
    static char text[200];
    return base_place(address, text, sizeof text);
}

TEST(place_knows_symbols_and_modules)
{
    int here = 0;
    char number[40];
    const char *text = place_of((char *)(uintptr_t)&qsort + 4);
    ck_assert_msg(strstr(text, "qsort+0x4 (") != NULL, "%s", text);
    snprintf(number, sizeof number, "%p", (void *)&here);
    ck_assert_str_eq(place_of(&here), number);
    ck_assert_str_eq(place_of(NULL), "0x0");
    ck_assert_str_eq(place_of((void *)1), "0x1");
}

/* A static function has no symbol that the loader knows; the number must be one that addr2line
 * turns into its name. */
TEST_LABELED(place_serves_addr2line, "process")
{
    char command[400], path[200] = "", line[200] = "";
    const char *text = place_of((char *)(uintptr_t)&report_long + 4), *plus = strrchr(text, '+');
    ck_assert_msg(strstr(text, "(test_report+0x") != NULL, "%s", text);
    ck_assert_int_gt((int)readlink("/proc/self/exe", path, sizeof path - 1), 0);
    snprintf(command, sizeof command, "addr2line -f -e %s %#lx 2>/dev/null", path,
             strtoul(plus, NULL, 16));
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    bool answered = fgets(line, sizeof line, pipe) != NULL;
    pclose(pipe);
    if (!answered)
        harness_skip("no addr2line here");
    ck_assert_msg(strcmp(line, "report_long\n") == 0, "%s gives %s", command, line);
}
