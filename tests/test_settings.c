/* base: settings from plait_configure and the environment. Each case is a process of its own, and
 * the settings are read once a process: so a case is one reading, and those with several readings
 * fork for each. */
#include "base/atomic.h"
#include "base/settings.h"
#include "harness.h"
#include "os/os.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const variables[] = {
    "PLAIT_WORKERS", "PLAIT_SPARE_WORKERS",  "PLAIT_STACK",
    "PLAIT_POLLER",  "PLAIT_DEADLOCK",       "PLAIT_CHECK",
    "PLAIT_SEED",    "PLAIT_STRICT_FORK",    "PLAIT_PATROL",
    "PLAIT_OS",      "PLAIT_DEADLOCK_AFTER", "PLAIT_DUMP_SIGNAL"};

/* Whatever the run of the tests is given, here the cases say what is set. */
__attribute__((constructor)) static void forget_variables(void)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
}

/* ---- one reading in a child */

struct reading {
    const char *variable, *value;
    void (*check)(const struct base_settings *settings);
};

static void read_there(void *arg)
{
    struct reading *reading = arg;
    setenv(reading->variable, reading->value, 1);
    reading->check(base_settings());
}

/* The child must end well and say exactly `words` (NULL: nothing). */
static void with(const char *variable, const char *value,
                 void (*check)(const struct base_settings *), const char *words)
{
    struct reading reading = {variable, value, check};
    char text[1000];
    int status = harness_fork(read_there, &reading, text, sizeof text);
    ck_assert_msg(status == 0, "%s=%s: status %#x, said: %s", variable, value, status, text);
    ck_assert_str_eq(text, words ? words : "");
}

static void demand(bool right, const char *what)
{
    if (!right) {
        fprintf(stderr, "not %s", what);
        exit(1);
    }
}
#define DEMAND(what) demand(what, #what)

static void check_defaults(const struct base_settings *s)
{
    DEMAND(s->workers == os_cpus() || s->workers == 256);
    DEMAND(s->spare_workers == 64);
    DEMAND(s->stack == 256 << 10);
    DEMAND(strcmp(s->poller, "epoll") == 0);
    DEMAND(s->deadlock == NULL);
    DEMAND(s->dump_signal == 0);
    DEMAND(s->check == BASE_CHECK_DEFAULT);
    DEMAND(!s->strict_fork && !s->deterministic);
    DEMAND(s->deadlock_after == PLAIT_SECOND);
    DEMAND(s->patrol == 20 * PLAIT_MILLISECOND);
}

TEST_LABELED(settings_have_defaults, "process")
{
    with("PLAIT_NOTHING", "", check_defaults, NULL);
}

TEST_LABELED(settings_take_an_empty_variable_as_none, "process")
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        with(variables[i], "", check_defaults, NULL);
}

/* ---- the least, the most, and what lies between */

static void check_workers_1(const struct base_settings *s)
{
    DEMAND(s->workers == 1);
}

static void check_workers_256(const struct base_settings *s)
{
    DEMAND(s->workers == 256);
}

static void check_no_spares(const struct base_settings *s)
{
    DEMAND(s->spare_workers == 0);
}

static void check_stack_least(const struct base_settings *s)
{
    DEMAND(s->stack == 16384);
}

static void check_stack_rounded(const struct base_settings *s)
{
    DEMAND(s->stack == 32768);
}

static void check_stack_most(const struct base_settings *s)
{
    DEMAND(s->stack == (size_t)1 << 30);
}

static void check_switches(const struct base_settings *s)
{
    DEMAND(s->check != s->strict_fork);
}

static void check_report(const struct base_settings *s)
{
    DEMAND(strcmp(s->deadlock, "report") == 0);
}

static void check_off(const struct base_settings *s)
{
    DEMAND(!s->check);
}

static void check_soon(const struct base_settings *s)
{
    DEMAND(s->deadlock_after == PLAIT_SECOND / 20);
}

static void check_late(const struct base_settings *s)
{
    DEMAND(s->deadlock_after == 86400 * PLAIT_SECOND);
}

static void check_never(const struct base_settings *s)
{
    DEMAND(s->deadlock_after == 0);
}

static void check_dump_signal(const struct base_settings *s)
{
    DEMAND(s->dump_signal == 10);
}

static void check_no_patrol(const struct base_settings *s)
{
    DEMAND(s->patrol == 0);
}

TEST_LABELED(settings_take_the_ends_of_ranges, "process")
{
    with("PLAIT_WORKERS", "1", check_workers_1, NULL);
    with("PLAIT_WORKERS", "0x100", check_workers_256, NULL);
    with("PLAIT_WORKERS", "00000000256", check_workers_256, NULL);
    with("PLAIT_SPARE_WORKERS", "0", check_no_spares, NULL);
    with("PLAIT_STACK", "16384", check_stack_least, NULL);
    with("PLAIT_STACK", "16385", check_stack_rounded, NULL);
    with("PLAIT_STACK", "0X40000000", check_stack_most, NULL);
    with("PLAIT_CHECK", "1", check_switches, NULL);
    with("PLAIT_STRICT_FORK", "1", check_switches, NULL);
    with("PLAIT_CHECK", "0", check_off, NULL);
    with("PLAIT_POLLER", "epoll", check_defaults, NULL);
    with("PLAIT_DEADLOCK", "report", check_report, NULL);
    with("PLAIT_PATROL", "0", check_no_patrol, NULL);
    with("PLAIT_DEADLOCK_AFTER", "0.05", check_soon, NULL);
    with("PLAIT_DEADLOCK_AFTER", "86400", check_late, NULL);
    with("PLAIT_DEADLOCK_AFTER", "0", check_never, NULL);
    with("PLAIT_DUMP_SIGNAL", "10", check_dump_signal, NULL);
}

static void check_seed_0(const struct base_settings *s)
{
    DEMAND(s->deterministic && s->seed == 0 && s->workers == 1);
}

static void check_seed_most(const struct base_settings *s)
{
    DEMAND(s->deterministic && s->seed == UINT64_MAX && s->workers == 1);
}

TEST_LABELED(settings_take_a_seed, "process")
{
    with("PLAIT_SEED", "0", check_seed_0, NULL);
    with("PLAIT_SEED", "18446744073709551615", check_seed_most, NULL);
    with("PLAIT_SEED", "0xFFFFffffFFFFffff", check_seed_most, NULL);
}

/* ---- nonsense: the default, and one line that says what was wrong */

static void nonsense(const char *variable, const char *value, const char *told)
{
    char line[500];
    snprintf(line, sizeof line, "plait: %s=\"%s\" is not %s\n", variable, value, told);
    with(variable, value, check_defaults, line);
}

TEST_LABELED(settings_tell_of_nonsense_in_numbers, "process")
{
    static const char *const bad[] = {"0",    "257", "-1",  " 2",
                                      "2 ",   "abc", "1.5", "0x",
                                      "0x1g", "1e2", "++1", "99999999999999999999999999"};
    char told[100];
    snprintf(told, sizeof told, "a number from 1 to 256; taking %d", os_cpus());
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        nonsense("PLAIT_WORKERS", bad[i], told);
    nonsense("PLAIT_SPARE_WORKERS", "65", "a number from 0 to 64; taking 64");
    nonsense("PLAIT_STACK", "1", "a number from 16384 to 1073741824; taking 262144");
    nonsense("PLAIT_STACK", "1099511627776", "a number from 16384 to 1073741824; taking 262144");
    nonsense("PLAIT_CHECK", "yes", "a number from 0 to 1; taking 0");
    nonsense("PLAIT_STRICT_FORK", "2", "a number from 0 to 1; taking 0");
    nonsense("PLAIT_PATROL", "60001", "a number from 0 to 60000; taking 20");
    static const char *const seconds[] = {"86401", "1.2345", "-1", "1s", "0x1.0x2", "1.2.3", " 1"};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++)
        nonsense("PLAIT_DEADLOCK_AFTER", seconds[i],
                 "a number of seconds from 0 to 86400, as 0.5; taking 1.000");
    nonsense("PLAIT_DUMP_SIGNAL", "65", "a number from 1 to 64; taking 0");
    nonsense("PLAIT_SEED", "99999999999999999999",
             "a number from 0 to 18446744073709551615; taking none");
    nonsense("PLAIT_SEED", "18446744073709551616",
             "a number from 0 to 18446744073709551615; taking none");
}

TEST_LABELED(settings_tell_of_nonsense_in_words, "process")
{
    nonsense("PLAIT_POLLER", "kqueue", "\"epoll\"; taking epoll");
    nonsense("PLAIT_POLLER", "EPOLL", "\"epoll\"; taking epoll");
    nonsense("PLAIT_DEADLOCK", "repor", "\"report\", \"error\" or \"abort\"; taking the default");
    nonsense("PLAIT_POLLER", "a b", "\"epoll\"; taking epoll");
}

TEST_LABELED(settings_tell_of_nonsense_in_one_line, "process")
{
    with("PLAIT_POLLER", "a\nb\033[31m", check_defaults,
         "plait: PLAIT_POLLER=\"a b [31m\" is not \"epoll\"; taking epoll\n");
}

/* ---- PLAIT_OS */

static void check_guard_hidden(const struct base_settings *s)
{
    DEMAND(!os_has(OS_GUARD));
    DEMAND(!os_has(OS_URING));
}

#define FEATURES                                                                                   \
    "-futex_waitv, -pidfd, -pidfd_info, -guard, -epoll_pwait2, -uring, -uring_futex, -robust"

TEST_LABELED(settings_hide_features, "process")
{
    with("PLAIT_OS", "-guard,-uring", check_guard_hidden, NULL);
    with("PLAIT_OS", "-guard,-uring,", check_guard_hidden, NULL);
    with("PLAIT_OS", ",,", check_defaults, NULL);
    with("PLAIT_OS", "-guard,-foo,-uring", check_guard_hidden,
         "plait: PLAIT_OS: \"-foo\" is none of " FEATURES "; ignored\n");
    with("PLAIT_OS", "guard", check_defaults,
         "plait: PLAIT_OS: \"guard\" is none of " FEATURES "; ignored\n");
    with("PLAIT_OS", "-", check_defaults,
         "plait: PLAIT_OS: \"-\" is none of " FEATURES "; ignored\n");
}

/* ---- plait_configure */

TEST(configure_is_taken)
{
    char poller[] = "epoll", deadlock[] = "abort";
    plait_settings wanted = {.workers = 3,
                             .spare_workers = 5,
                             .dump_signal = 10,
                             .stack = 40000,
                             .poller = poller,
                             .deadlock = deadlock,
                             .check = true,
                             .strict_fork = true};
    ck_assert_int_eq(plait_configure(&wanted), 0);
    memset(&wanted, 0xA5, sizeof wanted);
    memset(poller, 'x', sizeof poller - 1);
    memset(deadlock, 'x', sizeof deadlock - 1);
    const struct base_settings *s = base_settings();
    ck_assert_int_eq(s->workers, 3);
    ck_assert_int_eq(s->spare_workers, 5);
    ck_assert_int_eq(s->dump_signal, 10);
    ck_assert_uint_eq(s->stack, 65536);
    ck_assert_str_eq(s->poller, "epoll");
    ck_assert_str_eq(s->deadlock, "abort");
    ck_assert(s->check && s->strict_fork && !s->deterministic);
}

static void configure_beside_variables(void *arg)
{
    plait_settings wanted = {
        .workers = 3, .stack = 65536, .check = true, .seed = 7, .deadlock = "abort"};
    setenv("PLAIT_STACK", "131072", 1);
    setenv("PLAIT_CHECK", "0", 1);
    setenv("PLAIT_SEED", "9", 1);
    setenv("PLAIT_DEADLOCK", "error", 1);
    DEMAND(plait_configure(&wanted) == 0);
    const struct base_settings *s = base_settings();
    DEMAND(s->stack == 131072);
    DEMAND(!s->check && s->deterministic);
    DEMAND(s->seed == 9);
    DEMAND(strcmp(s->deadlock, "error") == 0);
    DEMAND(s->workers == 1); /* a seed means one worker, whoever asked for more */
}

/* In a child, because with a seed the harness' own calls would be deterministic too. */
TEST_LABELED(configure_yields_to_the_environment, "process")
{
    char text[500];
    int status = harness_fork(configure_beside_variables, NULL, text, sizeof text);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(status, 0);
}

TEST(configure_comes_first_or_not_at_all)
{
    plait_settings three = {.workers = 3}, four = {.workers = 4};
    ck_assert_int_eq(plait_configure(&three), 0);
    ck_assert_int_eq(plait_configure(&four), 0);
    ck_assert_int_eq(base_settings()->workers, 4);
    ck_assert_int_eq(plait_configure(&three), -EBUSY);
    ck_assert_int_eq(plait_configure(NULL), -EBUSY);
    ck_assert_int_eq(base_settings()->workers, 4);
}

TEST(configure_takes_null_as_defaults)
{
    plait_settings three = {.workers = 3};
    ck_assert_int_eq(plait_configure(&three), 0);
    ck_assert_int_eq(plait_configure(NULL), 0);
    check_defaults(base_settings());
}

TEST(configure_refuses_what_is_out_of_range)
{
    const plait_settings bad[] = {
        {.workers = -1},       {.workers = 257},     {.spare_workers = -1},
        {.spare_workers = 65}, {.dump_signal = -1},  {.dump_signal = 65},
        {.stack = 1},          {.stack = 16383},     {.stack = ((size_t)1 << 30) + 1},
        {.stack = SIZE_MAX},   {.stack = 1UL << 40}, {.stack = (size_t)INT64_MAX + 1},
        {.poller = "kqueue"},  {.poller = ""},       {.deadlock = "Report"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(plait_configure(&bad[i]) == -EINVAL, "row %zu", i);
    for (int i = 0; i < 4; i++) {
        plait_settings newer = {.workers = 1};
        newer.reserved[i] = &newer;
        ck_assert_int_eq(plait_configure(&newer), -EINVAL);
    }
    check_defaults(base_settings());
}

/* ---- the first reading by several threads at once */

static void *read_settings(void *arg)
{
    return (void *)base_settings();
}

TEST(settings_are_the_same_for_all_threads)
{
    enum { THREADS = 8 };
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, read_settings, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *seen;
        pthread_join(thread[i], &seen);
        ck_assert_ptr_eq(seen, base_settings());
    }
    check_defaults(base_settings());
}

/* ---- the first reading beside a fork */

static int full[2]; /* a pipe in stderr's place, whose room is used up */
static pid_t reader;

static void fill(void)
{
    char text[4096] = "";
    ck_assert_int_eq(pipe2(full, O_NONBLOCK | O_CLOEXEC), 0);
    while (write(full[1], text, sizeof text) > 0)
        ;
    fcntl(full[1], F_SETFL, 0);
    fcntl(full[0], F_SETFL, 0);
}

static void *read_with_a_warning(void *arg)
{
    atom_store(&reader, os_tid(), RELEASE);
    return (void *)base_settings();
}

static void *make_room_later(void *arg)
{
    char text[4096];
    os_sleep(50000000);
    while (read(full[0], text, sizeof text) > 0)
        ;
    return NULL;
}

static void read_in_child(void *arg)
{
    DEMAND(base_settings()->workers > 0 && base_settings()->stack == 262144);
    DEMAND(plait_configure(NULL) == -EBUSY);
}

/* The fork comes while the other thread is in the middle of the reading: its warning waits for room
 * in the pipe. */
TEST_LABELED(settings_pass_a_fork, "process")
{
    pthread_t thread, drain;
    char text[500];
    int error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    setenv("PLAIT_WORKERS", "many", 1);
    fill();
    dup2(full[1], STDERR_FILENO);
    close(full[1]);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_with_a_warning, NULL), 0);
    while (!atom_load(&reader, ACQUIRE) || os_thread_is_runnable(reader))
        os_sleep(1000000);
    ck_assert_int_eq(pthread_create(&drain, NULL, make_room_later, NULL), 0);
    int status = harness_fork(read_in_child, NULL, text, sizeof text);
    pthread_join(thread, NULL);
    dup2(error, STDERR_FILENO); /* the pipe's last writer: so the reading of it ends */
    close(error);
    pthread_join(drain, NULL);
    close(full[0]);
    ck_assert_msg(status == 0, "%#x %s", status, text);
}
