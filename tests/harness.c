/* The main of every test_*.c: runs one case as a process of its own, looks for what it left over,
 * and ends a hang with a dump. */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS_MOST = 1024, SETTLE_TRIES = 200, CHILD_SECONDS = 40 };

struct traces {
    bool open[DESCRIPTORS_MOST];
    int threads;
    int shm;
    bool children;
};

static struct harness_case *cases, **cases_end = &cases;
static struct harness_case *current;
static pid_t case_pid;

/* LeakSanitizer asks this at an exit. Only the case itself is looked at: a forked child has the
 * parent's memory without the stacks that point to it, and one with few processes allowed cannot
 * start LeakSanitizer's thread. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return getpid() != case_pid;
}

void harness_add(struct harness_case *one)
{
    *cases_end = one;
    cases_end = &one->next;
}

/* Calls visit with each entry's name; the directory's own descriptor is passed so that it can be
 * left out. */
static void each_entry(const char *path, void (*visit)(const char *name, int own, void *arg),
                       void *arg)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            visit(entry->d_name, dirfd(directory), arg);
    closedir(directory);
}

static void see_descriptor(const char *name, int own, void *arg)
{
    struct traces *traces = arg;
    int number = atoi(name);
    if (number != own && number < DESCRIPTORS_MOST)
        traces->open[number] = true;
}

static void see_thread(const char *name, int own, void *arg)
{
    char path[64], text[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", name);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    ssize_t got = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    *(int *)arg += got > 0 && strncmp(text, "plait", 5) != 0;
}

/* Those of this case: harness_name put its number into their names. Other tests and programs use
 * /dev/shm beside us. */
static void see_shm(const char *name, int own, void *arg)
{
    char mine[16];
    snprintf(mine, sizeof mine, "-%d", (int)case_pid);
    *(int *)arg += strstr(name, mine) != NULL;
}

const char *harness_name(const char *text)
{
    static char names[16][80];
    static unsigned used;
    char *name = names[__atomic_fetch_add(&used, 1, __ATOMIC_RELAXED) % 16];
    char part[48];
    snprintf(part, sizeof part, "%s", text);
    size_t end = strcspn(part, "?");
    snprintf(name, sizeof names[0], "%.*s-%d%s", (int)end, part, (int)case_pid, part + end);
    return name;
}

int harness_threads(void)
{
    int count = 0;
    each_entry("/proc/self/task", see_thread, &count);
    return count;
}

int harness_descriptors(void)
{
    struct traces traces = {0};
    int count = 0;
    each_entry("/proc/self/fd", see_descriptor, &traces);
    for (int i = 0; i < DESCRIPTORS_MOST; i++)
        count += traces.open[i];
    return count;
}

static struct traces look(void)
{
    struct traces traces = {.threads = harness_threads()};
    siginfo_t info;
    each_entry("/proc/self/fd", see_descriptor, &traces);
    each_entry("/dev/shm", see_shm, &traces.shm);
    traces.children = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
    return traces;
}

/* What is there now and was not before, as text; empty when nothing is. */
static void compare(const struct traces *before, char *text, size_t size)
{
    struct traces after = look();
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < DESCRIPTORS_MOST && length < size; i++) {
        if (after.open[i] && !before->open[i]) {
            char path[64], target[128] = "";
            snprintf(path, sizeof path, "/proc/self/fd/%d", i);
            if (readlink(path, target, sizeof target - 1) < 0)
                continue; /* closed since we looked */
            length += snprintf(text + length, size - length, " descriptor %d (%s)", i, target);
        }
    }
    if (length < size && after.threads > before->threads)
        length +=
            snprintf(text + length, size - length, " %d threads", after.threads - before->threads);
    if (length < size && after.children && !before->children)
        length += snprintf(text + length, size - length, " children");
    if (length < size && after.shm > before->shm)
        snprintf(text + length, size - length, " %d objects in /dev/shm", after.shm - before->shm);
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* Ends of threads and tied children are told a little late: so it looks until it is quiet, for two
 * seconds. */
static void check_nothing_left(const struct traces *before)
{
    char left[1024];
    (void)plait_quiesce(plait_after(5 * PLAIT_SECOND));
    for (int i = 0; i < SETTLE_TRIES; i++) {
        compare(before, left, sizeof left);
        if (left[0] == '\0')
            return;
        nap();
    }
    ck_abort_msg("left over:%s", left);
}

/* The dump may hang itself when the damage is in what it reads: a second alarm then ends the
 * case. */
static void on_alarm(int signal_number)
{
    static const char text[] = "\nharness: this case hangs; who waits for what:\n";
    signal(SIGALRM, SIG_DFL);
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarms, NULL);
    alarm(10);
    if (write(STDERR_FILENO, text, sizeof text - 1) > 0)
        plait_dump(STDERR_FILENO, true);
    abort();
}

static void watch_over(unsigned seconds)
{
    signal(SIGALRM, on_alarm);
    alarm(seconds);
}

static void start_watchdog(void)
{
    const char *seconds = getenv("PLAIT_TEST_SECONDS");
    watch_over(seconds != NULL && atoi(seconds) > 0 ? (unsigned)atoi(seconds) : 60);
}

#ifdef __SANITIZE_THREAD__
static void *nothing(void *arg)
{
    return arg;
}

/* ThreadSanitizer starts a thread of its own at the first one of the program: it shall be there
 * before the case begins. */
static void let_sanitizer_start(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) == 0)
        pthread_join(thread, NULL);
}
#else
static void let_sanitizer_start(void)
{
}
#endif

static void run_current(int unused)
{
    let_sanitizer_start();
    case_pid = getpid();
    struct traces before = look();
    start_watchdog();
    current->body(current->argument);
    alarm(30); /* the rest is bounded, unless plait_quiesce hangs */
    check_nothing_left(&before);
    alarm(0);
}

_Noreturn void harness_skip(const char *reason)
{
    fprintf(stderr, "skipped: %s\n", reason);
    fflush(NULL);
    _exit(77);
}

static void drain(int descriptor, char *text, size_t size)
{
    size_t length = 0;
    char spill[256];
    for (;;) {
        bool room = length + 1 < size;
        ssize_t got =
            read(descriptor, room ? text + length : spill, room ? size - 1 - length : sizeof spill);
        if (got <= 0)
            break;
        length += room ? (size_t)got : 0;
    }
    if (size > 0)
        text[length] = '\0';
}

int harness_fork(void (*function)(void *arg), void *arg, char *text, size_t size)
{
    int ends[2], status;
    fflush(NULL);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) { /* without a word to Check: another thread may have held its lock */
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        signal(SIGABRT, SIG_DFL);
        watch_over(CHILD_SECONDS); /* before the parent's, so that its dump is in the text */
        function(arg);
        exit(0);
    }
    close(ends[1]);
    ck_assert_int_ge(child, 0);
    drain(ends[0], text, size);
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

void harness_dies(void (*function)(void *arg), void *arg, const char *words)
{
    char text[4096];
    int status = harness_fork(function, arg, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
                  "status %#x, not SIGABRT; it said: %s", status, text);
    ck_assert_msg(strstr(text, words) != NULL, "it said: %s\ninstead of: %s", text, words);
}

/* Check forks for each case and tells how the child ended: so a crash is a failure with the last
 * line that was checked. */
static int run(struct harness_case *one)
{
    const TTest test = {one->name, run_current, one->file, one->line};
    Suite *suite = suite_create(one->name);
    TCase *tcase = tcase_create(one->name);
    current = one;
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, &test);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    TestResult **failures = srunner_failures(runner);
    int failed = srunner_ntests_failed(runner);
    bool skipped = failed == 1 && strstr(tr_msg(failures[0]), "return value 77") != NULL;
    free(failures);
    srunner_free(runner);
    return skipped ? 77 : failed != 0;
}

static int list(void)
{
    for (struct harness_case *one = cases; one != NULL; one = one->next)
        printf("%s\t%s\n", one->name, one->labels);
    return 0;
}

int main(int count, char **words)
{
    int result = 0;
    if (count > 1 && strcmp(words[1], "--list") == 0)
        return list();
    for (struct harness_case *one = cases; one != NULL; one = one->next)
        if (count < 2 || strcmp(words[1], one->name) == 0) {
            int rc = run(one);
            if (count > 1)
                return rc;
            result |= rc != 0 && rc != 77;
        }
    if (count > 1)
        fprintf(stderr, "no case is named %s\n", words[1]);
    return count > 1 ? 2 : result;
}
