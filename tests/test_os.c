/* os: clock, futex, threads, memory, poller, robust list, probes. Each call the good way and the
 * failing one. */
#include "harness.h"

#include "os/fault.h"
#include "os/os.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <unistd.h>

#define MS 1000000LL

/* ---- clock */
TEST(now_goes_forward_and_sleep_lasts)
{
    int64_t start = os_now();
    os_sleep(3 * MS);
    os_relax();
    ck_assert_int_ge(os_now(), start + 3 * MS);
    os_sleep(0);
    os_sleep(-5);
}

static void on_alarm(int number)
{
}

/* A signal every 2 ms for the duration of `body`. */
static void with_signals(void (*body)(void))
{
    struct sigaction action = {.sa_handler = on_alarm}, before;
    struct itimerval often = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}}, watchdog;
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &often, &watchdog);
    body();
    setitimer(ITIMER_REAL, &off, NULL);
    sigaction(SIGALRM, &before, NULL);
    setitimer(ITIMER_REAL, &watchdog, NULL);
}

static void sleep_long(void)
{
    int64_t start = os_now();
    os_sleep(30 * MS);
    ck_assert_int_ge(os_now(), start + 30 * MS);
}

TEST(sleep_outlasts_signals)
{
    with_signals(sleep_long);
}

/* ---- futex */
TEST(futex_wait_tells_why_it_ended)
{
    uint32_t word = 7;
    errno = 77;
    ck_assert_int_eq(os_futex_wait(&word, 8, false, OS_NEVER), -EAGAIN);
    ck_assert_int_eq(os_futex_wait(&word, 8, true, OS_NEVER), -EAGAIN);
    int64_t deadline = os_now() + 5 * MS;
    ck_assert_int_eq(os_futex_wait(&word, 7, false, deadline), -ETIMEDOUT);
    ck_assert_int_ge(os_now(), deadline);
    ck_assert_int_eq(os_futex_wait(&word, 7, true, 0), -ETIMEDOUT);
    ck_assert_int_eq(os_futex_wait(&word, 7, true, -1), -ETIMEDOUT);
    ck_assert_int_eq(os_futex_wake(&word, 1, false), 0);
    ck_assert_int_eq(errno, 77);
}

TEST(futex_refuses_a_bad_address)
{
    ck_assert_int_eq(os_futex_wait((uint32_t *)16, 0, false, os_now() + MS), -EFAULT);
}

static void wait_through_signals(void)
{
    uint32_t word = 1;
    int64_t deadline = os_now() + 30 * MS;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(os_futex_wait(&word, 1, false, OS_NEVER), 0);
    int r;
    while ((r = os_futex_wait(&word, 1, false, deadline)) == 0)
        ;
    ck_assert_int_eq(r, -ETIMEDOUT);
    ck_assert_int_ge(os_now(), deadline);
}

TEST(futex_wait_shows_a_signal_as_a_wake)
{
    with_signals(wait_through_signals);
}

struct sleeper {
    uint32_t words[3];
    bool shared;
    int count;
    int result;
    uint32_t done;
};

static void sleep_on_words(void *arg)
{
    struct sleeper *sleeper = arg;
    struct os_word words[3];
    for (int i = 0; i < 3; i++)
        words[i] = (struct os_word){&sleeper->words[i], 5, sleeper->shared};
    do
        sleeper->result = sleeper->count == 1
                              ? os_futex_wait(sleeper->words, 5, sleeper->shared, OS_NEVER)
                              : os_futex_wait_any(words, sleeper->count, os_now() + 20000 * MS);
    while (sleeper->result == -EINTR);
    __atomic_store_n(&sleeper->done, 1, __ATOMIC_RELEASE);
    os_futex_wake(&sleeper->done, 1, false);
}

static void wait_done(uint32_t *done)
{
    while (__atomic_load_n(done, __ATOMIC_ACQUIRE) == 0)
        os_futex_wait(done, 0, false, os_now() + 100 * MS);
}

/* Wakes until it woke somebody, since the sleeper may not sleep yet. */
static void wake_one(uint32_t *word, bool shared)
{
    int woken;
    while ((woken = os_futex_wake(word, 1, shared)) == 0)
        os_sleep(MS);
    ck_assert_int_eq(woken, 1);
}

static int result_of_waking(int count, int which, bool shared)
{
    struct sleeper sleeper = {.words = {5, 5, 5}, .shared = shared, .count = count};
    ck_assert_int_eq(os_thread_start(sleep_on_words, &sleeper, 0, "plait sleeper"), 0);
    wake_one(&sleeper.words[which], shared);
    wait_done(&sleeper.done);
    return sleeper.result;
}

TEST(futex_wake_wakes_private_and_shared)
{
    ck_assert_int_eq(result_of_waking(1, 0, false), 0);
    ck_assert_int_eq(result_of_waking(1, 0, true), 0);
}

static void need(enum os_feature feature)
{
    char text[64];
    snprintf(text, sizeof text, "no %s here", os_feature_info(feature)->name);
    if (!os_has(feature))
        harness_skip(text);
}

TEST(wait_any_tells_which_word)
{
    need(OS_FUTEX_WAITV);
    for (int which = 0; which < 3; which++) {
        ck_assert_int_eq(result_of_waking(3, which, false), which);
        ck_assert_int_eq(result_of_waking(3, which, true), which);
    }
}

TEST(wait_any_tells_why_it_ended)
{
    uint32_t word = 1;
    struct os_word many[OS_WAIT_ANY_MOST + 1];
    for (int i = 0; i <= OS_WAIT_ANY_MOST; i++)
        many[i] = (struct os_word){&word, 1, i % 2};
    ck_assert_int_eq(os_futex_wait_any(many, 0, OS_NEVER), -EINVAL);
    ck_assert_int_eq(os_futex_wait_any(many, OS_WAIT_ANY_MOST + 1, OS_NEVER), -EINVAL);
    need(OS_FUTEX_WAITV);
    int64_t deadline = os_now() + 5 * MS;
    ck_assert_int_eq(os_futex_wait_any(many, OS_WAIT_ANY_MOST, deadline), -ETIMEDOUT);
    ck_assert_int_ge(os_now(), deadline);
    many[77].seen = 2;
    ck_assert_int_eq(os_futex_wait_any(many, OS_WAIT_ANY_MOST, OS_NEVER), -EAGAIN);
    os_hide("-futex_waitv");
    ck_assert_int_eq(os_futex_wait_any(many, 3, OS_NEVER), -ENOSYS);
}

/* ---- threads */
struct seen {
    sigset_t mask;
    size_t stack;
    pid_t tid;
    char name[32];
    uint32_t done;
};

static void look(void *arg)
{
    struct seen *seen = arg;
    pthread_attr_t attributes;
    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &seen->stack);
    pthread_attr_destroy(&attributes);
    seen->tid = os_tid();
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    __atomic_store_n(&seen->done, 1, __ATOMIC_RELEASE);
    os_futex_wake(&seen->done, 1, false);
}

TEST(thread_has_its_mask_stack_and_name)
{
    struct seen seen = {.done = 0};
    sigset_t before, after;
    sigprocmask(SIG_SETMASK, NULL, &before);
    ck_assert_int_eq(os_thread_start(look, &seen, 1 << 20, "plait with a long name"), 0);
    sigprocmask(SIG_SETMASK, NULL, &after);
    wait_done(&seen.done);
    for (int number = 1; number < 32; number++) {
        bool open = number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL ||
                    number == SIGABRT || number == SIGKILL || number == SIGSTOP;
        ck_assert_msg(sigismember(&seen.mask, number) == !open, "signal %d", number);
        ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
    }
    ck_assert_uint_ge(seen.stack, 1 << 20);
    ck_assert_int_ne(seen.tid, os_tid());
    ck_assert_str_eq(seen.name, "plait with a lo");
}

TEST(tid_and_name_are_the_threads)
{
    char name[32];
    ck_assert_int_eq(os_tid(), getpid());
    os_thread_name("plait main");
    pthread_getname_np(pthread_self(), name, sizeof name);
    ck_assert_str_eq(name, "plait main");
}

/* uid 65534 with no process to spare: only root can arrange it, and only root's limits do not
 * count. */
static void start_without_room(void *arg)
{
    struct seen seen;
    struct rlimit none = {1, 1};
    setrlimit(RLIMIT_NPROC, &none);
    if (setuid(65534) != 0)
        _exit(77);
    errno = 5;
    int r = os_thread_start(look, &seen, 0, "plait none");
    _exit(r == -EAGAIN && errno == 5 ? 0 : 1);
}

TEST_LABELED(thread_start_tells_that_there_is_no_room, "process")
{
    char text[256];
    int status = harness_fork(start_without_room, NULL, text, sizeof text);
    if (status == 77 << 8)
        harness_skip("not root");
    ck_assert_msg(status == 0, "%#x %s", status, text);
}

TEST(yield_leaves_errno)
{
    errno = 5;
    os_yield();
    ck_assert_int_eq(errno, 5);
}

/* Runs below, as a program that was started on one CPU; by itself it has nothing to say. */
TEST(a_program_on_one_cpu_knows)
{
    cpu_set_t mask;
    ck_assert_int_eq(sched_getaffinity(0, sizeof mask, &mask), 0);
    ck_assert_int_eq(os_cpus_allowed(), CPU_COUNT(&mask));
    if (CPU_COUNT(&mask) == 1)
        ck_assert_int_eq(os_cpus(), 1);
}

static void run_pinned(void *arg)
{
    execl("/proc/self/exe", "test_os", "a_program_on_one_cpu_knows", (char *)NULL);
    _exit(2);
}

/* Of the program: a thread that pins itself does not decide for the others. */
TEST_LABELED(cpus_are_those_of_the_programs_mask, "noqemu")
{
    cpu_set_t all, one;
    char text[1024];
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    ck_assert_int_eq(os_cpus_allowed(), CPU_COUNT(&all));
    ck_assert_int_ge(os_cpus(), 1);
    ck_assert_int_le(os_cpus(), CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_int_eq(os_cpus_allowed(), CPU_COUNT(&all));
    ck_assert_int_eq(harness_fork(run_pinned, NULL, text, sizeof text), 0);
    sched_setaffinity(0, sizeof all, &all);
}

/* ---- memory */
TEST(map_gives_zero_pages)
{
    errno = 3;
    char *memory = os_map(1 << 20);
    ck_assert_ptr_nonnull(memory);
    for (int i = 0; i < 1 << 20; i += 4096)
        ck_assert_int_eq(memory[i], 0);
    memset(memory, 1, 1 << 20);
    os_discard(memory, 1 << 20);
    memory[5] = 2;
    ck_assert_int_eq(memory[5], 2);
    os_unmap(memory, 1 << 20);
    ck_assert_ptr_null(os_map((size_t)1 << 60));
    ck_assert_ptr_null(os_map_file(-1, 4096));
    ck_assert_int_eq(errno, 3);
}

/* Both kinds of guard: a system call must be refused, an access be a SIGSEGV, and all be as before
 * afterwards. */
static void touch(void *page)
{
    *(volatile char *)page = 1;
}

/* A sanitizer catches SIGSEGV and reports; here the bare signal is wanted. */
static void touch_bare(void *page)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGSEGV, SIG_DFL);
    touch(page);
}

static void check_guard(void)
{
    char text[512], *memory = os_map(4 * OS_PAGE);
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    memory[OS_PAGE] = 1;
    ck_assert_int_eq(os_guard(memory, OS_PAGE), 0);
    ck_assert_int_eq(read(zero, memory, 16), -1);
    ck_assert_int_eq(errno, EFAULT);
    int status = harness_fork(touch_bare, memory, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "%#x %s", status, text);
    ck_assert_int_eq(memory[OS_PAGE], 1);
    ck_assert_int_eq(os_unguard(memory, OS_PAGE), 0);
    ck_assert_int_eq(read(zero, memory, 16), 16);
    close(zero);
    os_unmap(memory, 4 * OS_PAGE);
}

TEST_LABELED(guard_refuses_and_unguard_allows, "process")
{
    check_guard();
    os_hide("-guard");
    check_guard();
}

static int mappings(void)
{
    int count = 0, c;
    FILE *maps = fopen("/proc/self/maps", "r");
    while ((c = fgetc(maps)) != EOF)
        count += c == '\n';
    fclose(maps);
    return count;
}

TEST(guards_cost_no_mapping)
{
    need(OS_GUARD);
    char *memory = os_map(2000 * OS_PAGE);
    int before = mappings();
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(os_guard(memory + 2L * i * OS_PAGE, OS_PAGE), 0);
    ck_assert_int_lt(mappings(), before + 100);
    os_unmap(memory, 2000 * OS_PAGE);
}

TEST(guard_works_in_locked_memory)
{
    char *memory = os_map(2 * OS_PAGE);
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (mlock(memory, 2 * OS_PAGE) != 0)
        harness_skip("no memory may be locked");
    ck_assert_int_eq(os_guard(memory, OS_PAGE), 0);
    ck_assert_int_eq(read(zero, memory, 16), -1);
    close(zero);
    os_unmap(memory, 2 * OS_PAGE);
}

TEST(memfd_has_its_pages_and_is_shared)
{
    int file = os_memfd("plait-test", 3 * OS_PAGE + 1);
    struct stat stat;
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(fstat(file, &stat), 0);
    ck_assert_int_eq(stat.st_size, 3 * OS_PAGE + 1);
    ck_assert_int_ge(stat.st_blocks * 512, 3 * OS_PAGE + 1);
    ck_assert_int_eq(fcntl(file, F_GETFD), FD_CLOEXEC);
    char *one = os_map_file(file, OS_PAGE), *other = os_map_file(file, OS_PAGE);
    one[100] = 9;
    ck_assert_int_eq(other[100], 9);
    os_unmap(one, OS_PAGE);
    os_unmap(other, OS_PAGE);
    os_close(file);
}

TEST(memfd_refuses_what_cannot_be)
{
    ck_assert_int_eq(os_memfd("plait-test", 0), -EINVAL);
    ck_assert_int_eq(os_memfd("plait-test", (size_t)1 << 62), -ENOSPC);
    ck_assert_int_eq(os_memfd("plait-test", SIZE_MAX), -EINVAL);
}

/* The code must refuse before it allocates: a memfd of this size would take all memory of the
 * machine, which has no limit for it, and its processes with it. So all that must hold is put into
 * a child that may be killed first. */
static void ask_for_too_much(void *arg)
{
    struct rlimit most = {300 << 20, 300 << 20};
    struct sysinfo all;
    FILE *first = fopen("/proc/self/oom_score_adj", "w");
    if (first && fputs("1000", first) >= 0)
        fclose(first);
    setrlimit(RLIMIT_FSIZE, &most); /* counts for a memfd as well: a second net */
    signal(SIGXFSZ, SIG_DFL);
    sysinfo(&all);
    errno = 5;
    int whole = os_memfd("plait-test", (size_t)all.totalram * all.mem_unit);
    int left = os_memfd("plait-test", 32 << 20);
    _exit(whole == -ENOSPC && left >= 0 && errno == 5 ? 0 : 1);
}

TEST_LABELED(memfd_refuses_more_than_there_is, "process")
{
    char text[256];
    int status = harness_fork(ask_for_too_much, NULL, text, sizeof text);
    ck_assert_msg(status == 0, "%#x %s", status, text);
}

TEST(a_full_table_is_told)
{
    struct rlimit limit, none = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    none.rlim_max = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    errno = 5;
    int small = os_memfd("plait-test", 1), large = os_memfd("plait-test", 32 << 20);
    int poller = os_poller_open(), event = os_event_open(), cpus = os_cpus();
    int saved = errno;
    setrlimit(RLIMIT_NOFILE, &limit);
    ck_assert_int_eq(small, -EMFILE);
    ck_assert_int_eq(large, -EMFILE);
    ck_assert_int_eq(poller, -EMFILE);
    ck_assert_int_eq(event, -EMFILE);
    ck_assert_int_ge(cpus, 1);
    ck_assert_int_eq(saved, 5);
}

static void memfd_large(void)
{
    int file = os_memfd("plait-test", (64 << 20) + 5);
    struct stat stat;
    ck_assert_int_ge(file, 0);
    fstat(file, &stat);
    ck_assert_int_eq(stat.st_size, (64 << 20) + 5);
    os_close(file);
}

TEST(memfd_is_whole_under_signals)
{
    with_signals(memfd_large);
}

TEST(alloc_is_zeroed_and_refuses)
{
    errno = 4;
    for (int round = 0; round < 3; round++) {
        char *memory = os_alloc(500);
        for (int i = 0; i < 500; i++)
            ck_assert_int_eq(memory[i], 0);
        memset(memory, 1, 500);
        os_free(memory);
    }
    os_free(NULL);
    void *volatile none = os_alloc(SIZE_MAX / 4);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(errno, 4);
}

/* ---- poller */
static void check_times(int poller)
{
    struct os_ready ready[2];
    ck_assert_int_eq(os_poller_wait(poller, ready, 2, 0), 0);
    int64_t deadline = os_now() + 5 * MS + 300000;
    ck_assert_int_eq(os_poller_wait(poller, ready, 2, deadline), 0);
    ck_assert_int_ge(os_now(), deadline);
}

static void check_poller(void)
{
    struct os_ready ready[80] = {{0}};
    int poller = os_poller_open(), event = os_event_open();
    ck_assert_int_ge(poller, 0);
    ck_assert_int_eq(fcntl(poller, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(event, F_GETFD), FD_CLOEXEC);
    check_times(poller);
    ck_assert_int_eq(os_poller_set(poller, event, OS_READABLE, 0x123456789abcdefULL), 0);
    check_times(poller);
    os_event_signal(event);
    os_event_signal(event);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(os_poller_wait(poller, ready, 80, OS_NEVER), 1);
        ck_assert_uint_eq(ready[0].tag, 0x123456789abcdefULL);
        ck_assert_uint_eq(ready[0].events, OS_READABLE);
    }
    os_event_drain(event);
    os_event_drain(event); /* empty: returns at once */
    check_times(poller);
    ck_assert_int_eq(os_poller_remove(poller, event), 0);
    ck_assert_int_eq(os_poller_remove(poller, event), -ENOENT);
    os_close(event);
    os_close(poller);
}

TEST(poller_tells_what_is_ready)
{
    check_poller();
    os_hide("-epoll_pwait2");
    check_poller();
}

TEST(poller_tells_once_or_always)
{
    struct os_ready ready;
    int poller = os_poller_open(), event = os_event_open();
    os_event_signal(event);
    for (uint64_t tag = 1; tag < 4; tag++) { /* setting it again arms it again */
        ck_assert_int_eq(os_poller_set(poller, event, OS_READABLE | OS_ONCE, tag), 0);
        ck_assert_int_eq(os_poller_wait(poller, &ready, 1, OS_NEVER), 1);
        ck_assert_uint_eq(ready.tag, tag);
        ck_assert_int_eq(os_poller_wait(poller, &ready, 1, 0), 0);
    }
    ck_assert_int_eq(os_poller_set(poller, event, OS_READABLE | OS_WRITABLE, 9), 0);
    ck_assert_int_eq(os_poller_wait(poller, &ready, 1, OS_NEVER), 1);
    ck_assert_uint_eq(ready.events, OS_READABLE | OS_WRITABLE);
    os_close(event);
    os_close(poller);
}

TEST(poller_tells_a_hang_up_to_both_directions)
{
    struct os_ready ready;
    int poller = os_poller_open(), ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(os_poller_set(poller, ends[0], OS_WRITABLE, 1), 0);
    close(ends[1]);
    ck_assert_int_eq(os_poller_wait(poller, &ready, 1, OS_NEVER), 1);
    ck_assert_uint_eq(ready.events, OS_READABLE | OS_WRITABLE);
    close(ends[0]);
    os_close(poller);
}

TEST(poller_refuses_what_cannot_be_polled)
{
    struct os_ready ready;
    int poller = os_poller_open(), file = os_memfd("plait-test", 1);
    errno = 6;
    ck_assert_int_eq(os_poller_set(poller, file, OS_READABLE, 1), -EPERM);
    ck_assert_int_eq(os_poller_set(poller, -1, OS_READABLE, 1), -EBADF);
    ck_assert_int_eq(os_poller_wait(-1, &ready, 1, 0), -EBADF);
    ck_assert_int_eq(errno, 6);
    os_close(file);
    os_close(poller);
}

static void poll_through_signals(void)
{
    struct os_ready ready;
    int poller = os_poller_open();
    ck_assert_int_eq(os_poller_wait(poller, &ready, 1, OS_NEVER), 0);
    os_close(poller);
}

TEST(poller_returns_at_a_signal)
{
    with_signals(poll_through_signals);
}
