/* Coroutines on workers: stealing, staying, fairness, idleness, stuck workers, foreign calls,
 * overflow, descriptors. Deterministic mode: exact times, replay, and hangs that are told. */
#include "crew.h"

#include "os/os.h"
#include "sched/sched.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { PARKED = 500 };
#else
enum { PARKED = 10000 };
#endif

static int thread_number(void)
{
    return (int)syscall(SYS_gettid);
}

static void nap(int milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0)
        ;
}

static void workers(const char *count)
{
    setenv("PLAIT_WORKERS", count, 1);
}

static plait_task *begin(plait_carrier carrier, plait_function *function, void *arg,
                         const plait_start_options *options)
{
    plait_task *task = NULL;
    ck_assert_int_eq(plait_start(&task, carrier, function, arg, options), 0);
    return task;
}

static int end(plait_task *task)
{
    int status = 12345;
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    return status;
}

static int give(void *arg)
{
    return (int)(intptr_t)arg;
}

static int sleep_long(void *arg)
{
    return plait_sleep(PLAIT_NEVER);
}

static void succeeds(void (*function)(void *arg), void *arg)
{
    char text[4096];
    int status = harness_fork(function, arg, text, sizeof text);
    ck_assert_msg(status == 0, "status %#x: %s", status, text);
}

/* ---- who runs where */

static uint32_t waiting;

/* Each holds its worker until all others run as well: only possible on as many workers. */
static int meet(void *arg)
{
    __atomic_sub_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) > 0)
        nap(1);
    return 0;
}

static int start_two(void *arg)
{
    waiting = 2;
    need(plait_start(NULL, PLAIT_COROUTINE, meet, NULL, NULL) == 0);
    need(plait_start(NULL, PLAIT_COROUTINE, meet, NULL, NULL) == 0);
    return plait_join_all(PLAIT_NEVER);
}

TEST(what_has_not_started_is_stolen)
{
    plait_counters counters;
    workers("2");
    ck_assert_int_eq(end(begin(PLAIT_COROUTINE, start_two, NULL, NULL)), 0);
    plait_counters_read(&counters);
    ck_assert_int_ge(counters.workers, 2);
    ck_assert_int_ge(counters.steals, 1);
}

static uint32_t lone_ran;

static int run_alone(void *arg)
{
    __atomic_store_n(&lone_ran, 1, __ATOMIC_RELEASE);
    return 0;
}

/* Starts that are waited for at once have taught the workers to leave such a one alone. */
static int start_one_and_go_on(void *arg)
{
    for (int i = 0; i < 100; i++) {
        plait_task *task = NULL;
        need(plait_start(&task, PLAIT_COROUTINE, give, NULL, NULL) == 0);
        need(plait_join(task, NULL, PLAIT_NEVER) == 0);
    }
    need(plait_start(NULL, PLAIT_COROUTINE, run_alone, NULL, NULL) == 0);
    while (!__atomic_load_n(&lone_ran, __ATOMIC_ACQUIRE))
        nap(1);
    return plait_join_all(PLAIT_NEVER);
}

TEST(a_lone_one_is_taken_from_who_goes_on)
{
    workers("2");
    ck_assert_int_eq(end(begin(PLAIT_COROUTINE, start_one_and_go_on, NULL, NULL)), 0);
}

static int stay(void *arg)
{
    int mine = thread_number();
    for (int i = 0; i < 100; i++) {
        if (i % 2)
            plait_yield();
        else
            need(plait_sleep(plait_after(20 * PLAIT_MICROSECOND)) == 0);
        need(thread_number() == mine);
    }
    return 0;
}

TEST(what_has_started_stays)
{
    workers("2");
    crew_run(PLAIT_COROUTINE, 32, stay, NULL);
}

static uint32_t moved;

static int move(void *arg)
{
    int mine = thread_number();
    while (!__atomic_load_n(&moved, __ATOMIC_RELAXED)) {
        need(plait_sleep(plait_after(20 * PLAIT_MICROSECOND)) == 0);
        if (thread_number() != mine)
            __atomic_store_n(&moved, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

TEST(what_is_movable_moves)
{
    const plait_start_options movable = {.movable = true};
    workers("2");
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(plait_start(NULL, PLAIT_COROUTINE, move, NULL, &movable), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
}

static int keep_errno(void *arg)
{
    for (int i = 0; i < 50; i++) {
        errno = (int)(intptr_t)arg;
        plait_yield();
        need(errno == (int)(intptr_t)arg);
    }
    return 0;
}

TEST(each_keeps_its_errno)
{
    workers("1");
    for (intptr_t i = 1; i < 9; i++)
        ck_assert_int_eq(plait_start(NULL, PLAIT_COROUTINE, keep_errno, (void *)i, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
}

static void on_one_cpu(void *arg)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    need(sched_setaffinity(0, sizeof one, &one) == 0);
    crew_run(CREW_MIXED, 12, stay, NULL);
    need(end(begin(PLAIT_COROUTINE, start_two, NULL, NULL)) == 0); /* a spare worker helps */
    need(end(begin(PLAIT_PROCESS, give, (void *)1000, NULL)) == 1000);
}

TEST_LABELED(one_cpu_is_enough, "process")
{
    succeeds(on_one_cpu, NULL);
}

/* ---- fairness: how many switches until each is served */

enum { ROUNDS = 50, SERVED_WITHIN = 64 };

struct fair {
    plait_queue *full;
    int ends[2];
    bool over;
    uint64_t worst[3]; /* timer, descriptor, third coroutine */
};

static uint64_t switches(void)
{
    plait_counters counters;
    plait_counters_read(&counters);
    return counters.switches;
}

static int yield_for_ever(void *arg)
{
    struct fair *fair = arg;
    while (!fair->over)
        plait_yield();
    return 0;
}

static int put_for_ever(void *arg)
{
    struct fair *fair = arg;
    char item = 0;
    while (!fair->over)
        need(plait_put(fair->full, &item, PLAIT_NOW) == -EAGAIN);
    return 0;
}

static void note(uint64_t *worst, uint64_t begun)
{
    uint64_t took = switches() - begun;
    *worst = took > *worst ? took : *worst;
}

static int be_due(void *arg)
{
    struct fair *fair = arg;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t begun = switches();
        need(plait_sleep(plait_now()) == 0);
        note(&fair->worst[0], begun);
    }
    return 0;
}

static int be_ready(void *arg)
{
    struct fair *fair = arg;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t begun = switches();
        need(sched_poll(fair->ends[0], OS_READABLE, PLAIT_NEVER) > 0);
        note(&fair->worst[1], begun);
    }
    return 0;
}

static int be_third(void *arg)
{
    struct fair *fair = arg;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t begun = switches();
        plait_yield();
        note(&fair->worst[2], begun);
    }
    return 0;
}

static void be_fair(void *seed)
{
    struct fair fair = {0};
    char item = 0;
    plait_task *served[3];
    if (seed)
        setenv("PLAIT_SEED", seed, 1);
    workers("1");
    fair.full = plait_queue_open(1, 1, NULL);
    need(plait_put(fair.full, &item, PLAIT_NOW) == 0);
    need(pipe(fair.ends) == 0 && write(fair.ends[1], "x", 1) == 1);
    need(plait_start(NULL, PLAIT_COROUTINE, yield_for_ever, &fair, NULL) == 0);
    need(plait_start(NULL, PLAIT_COROUTINE, put_for_ever, &fair, NULL) == 0);
    served[0] = begin(PLAIT_COROUTINE, be_due, &fair, NULL);
    served[1] = begin(PLAIT_COROUTINE, be_ready, &fair, NULL);
    served[2] = begin(PLAIT_COROUTINE, be_third, &fair, NULL);
    for (int i = 0; i < 3; i++)
        need(end(served[i]) == 0);
    fair.over = true;
    need(plait_join_all(PLAIT_NEVER) == 0);
    need(plait_get(fair.full, &item, PLAIT_NOW) == 0);
    plait_queue_free(fair.full);
    for (int i = 0; i < 3; i++)
        if (fair.worst[i] > SERVED_WITHIN) {
            fprintf(stderr, "%d: %lu switches\n", i, (unsigned long)fair.worst[i]);
            _exit(1);
        }
}

TEST_LABELED(all_are_served_under_a_seed, "process")
{
    char seed[16];
    for (int i = 1; i <= 50; i++) {
        snprintf(seed, sizeof seed, "%d", i);
        succeeds(be_fair, seed);
    }
}

TEST_LABELED(all_are_served_by_a_real_worker, "process")
{
    succeeds(be_fair, NULL);
}

/* ---- idleness */

/* All voluntary switches of this process' threads but the caller: an idle program makes none. */
static long voluntary_switches(void)
{
    char path[300], line[128];
    long sum = 0, count;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks));) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == thread_number())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file))
            if (sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1)
                sum += count;
        if (file)
            fclose(file);
    }
    closedir(tasks);
    return sum;
}

static plait_event never;

static int park(void *arg)
{
    return plait_event_wait(&never, PLAIT_NEVER);
}

TEST_LABELED(an_idle_program_makes_no_system_call, "notsan")
{
    static plait_task *tasks[PARKED];
    for (int i = 0; i < PARKED; i++)
        tasks[i] = begin(PLAIT_COROUTINE, park, NULL, NULL);
    long before, after = voluntary_switches();
    int tries = 0;
    do { /* stacks that nobody needs are given back for some seconds after the last start */
        nap(1000);
        before = after;
        after = voluntary_switches();
    } while (before != after && ++tries < 30);
    nap(3000);
    ck_assert_int_eq(voluntary_switches(), after);
    plait_event_set(&never);
    for (int i = 0; i < PARKED; i++)
        ck_assert_int_eq(end(tasks[i]), 0);
}

/* ---- stuck workers and foreign calls */

static char told[1024];
static uint32_t stuck_told;

static void hear(plait_report kind, const char *text, void *arg)
{
    if (kind != PLAIT_REPORT_STUCK || __atomic_load_n(&stuck_told, __ATOMIC_RELAXED))
        return;
    snprintf(told, sizeof told, "%s", text);
    __atomic_store_n(&stuck_told, 1, __ATOMIC_RELEASE);
}

static uint32_t freed;

static int be_stuck(void *arg)
{
    while (!__atomic_load_n(&freed, __ATOMIC_ACQUIRE) ||
           !__atomic_load_n(&stuck_told, __ATOMIC_ACQUIRE))
        nap(1);
    return 0;
}

static int set_free(void *arg)
{
    __atomic_add_fetch(&freed, 1, __ATOMIC_RELEASE);
    return 0;
}

static int sleep_then_free(void *arg)
{
    need(plait_sleep(plait_after(5 * PLAIT_MILLISECOND)) == 0);
    return set_free(arg);
}

/* The stuck one ends only when others, which were started behind it on the only worker, have
 * run. */
TEST(others_go_on_beside_a_stuck_worker)
{
    const plait_start_options named = {.name = "stone"};
    plait_counters counters;
    workers("1");
    plait_on_report(hear, NULL);
    plait_task *stone = begin(PLAIT_COROUTINE, be_stuck, NULL, &named);
    nap(20);
    plait_task *one = begin(PLAIT_COROUTINE, set_free, NULL, NULL);
    ck_assert_int_eq(end(one), 0);
    ck_assert_int_eq(end(begin(PLAIT_COROUTINE, sleep_then_free, NULL, NULL)), 0);
    ck_assert_int_eq(end(stone), 0);
    plait_on_report(NULL, NULL);
    ck_assert_msg(strstr(told, "coroutine 'stone'") != NULL, "%s", told);
    plait_counters_read(&counters);
    ck_assert_int_ge(counters.stuck, 1);
}

static int set_done(void *arg)
{
    __atomic_store_n((uint32_t *)arg, 1, __ATOMIC_RELEASE);
    return 0;
}

static int take_a_free_lock(void *arg)
{
    plait_lock mine = {0};
    while (!__atomic_load_n((uint32_t *)arg, __ATOMIC_ACQUIRE)) {
        need(plait_lock_acquire(&mine, PLAIT_NEVER) == 0);
        plait_lock_release(&mine);
    }
    return 0;
}

static int use_a_queue_with_room(void *arg)
{
    plait_queue *mine = plait_queue_open(sizeof(int), 4, NULL);
    int item = 7;
    need(mine != NULL);
    while (!__atomic_load_n((uint32_t *)arg, __ATOMIC_ACQUIRE)) {
        need(plait_put(mine, &item, PLAIT_NEVER) == 0);
        need(plait_get(mine, &item, PLAIT_NEVER) == 0);
    }
    plait_queue_free(mine);
    return 0;
}

/* On the only worker, with none to spare: it ends only when it lets another one run, at the first
 * request, though that one waits in the global queue. */
static void lets_others_run(plait_function *busy)
{
    static uint32_t done;
    setenv("PLAIT_SPARE_WORKERS", "0", 1);
    workers("1");
    plait_task *first = begin(PLAIT_COROUTINE, busy, &done, NULL);
    nap(20);
    plait_task *second = begin(PLAIT_COROUTINE, set_done, &done, NULL);
    uint64_t begun = switches();
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
        nap(1); /* a join would wake the watcher */
    ck_assert_int_eq(end(first), 0);
    ck_assert_int_eq(end(second), 0);
    ck_assert_uint_lt(switches() - begun, 16);
}

TEST(who_takes_free_locks_lets_others_run)
{
    lets_others_run(take_a_free_lock);
}

TEST(who_uses_a_queue_with_room_lets_others_run)
{
    lets_others_run(use_a_queue_with_room);
}

static int compute_then_take_a_free_lock(void *arg)
{
    for (int64_t since = os_now(); os_now() - since < 30 * PLAIT_MILLISECOND;)
        ;
    return take_a_free_lock(arg);
}

/* Found stuck while it computed: it must be asked again, because nobody else can run the other. */
TEST(who_was_stuck_lets_others_run)
{
    lets_others_run(compute_then_take_a_free_lock);
}

/* The watcher dozes, since a process had it begin long ago, and the first worker has something to
 * run before it ever sleeps: always so under `taskset -c 0`, where it begins when its coroutine has
 * been queued. */
TEST_LABELED(the_first_worker_wakes_the_watcher, "process")
{
    ck_assert_int_eq(end(begin(PLAIT_PROCESS, give, NULL, NULL)), 0);
    nap(300);
    lets_others_run(take_a_free_lock);
}

static plait_lock behind;
static uint32_t passed; /* the thread had the lock */

static int release_and_stick(void *arg)
{
    need(plait_lock_acquire(&behind, PLAIT_NEVER) == 0);
    need(plait_sleep(plait_after(50 * PLAIT_MILLISECOND)) == 0);
    plait_lock_release(&behind); /* the first sleeper is a coroutine of this worker */
    while (!__atomic_load_n(&passed, __ATOMIC_ACQUIRE))
        nap(1);
    return 0;
}

static int take_behind(void *arg)
{
    need(plait_lock_acquire(&behind, PLAIT_NEVER) == 0);
    if (arg)
        __atomic_store_n(&passed, 1, __ATOMIC_RELEASE);
    plait_lock_release(&behind);
    return 0;
}

static void await_sleep(plait_task *task)
{
    while (plait_task_state(task) != PLAIT_WAITING)
        nap(1);
}

/* The only one who was told that the lock is free cannot run, because the teller does not let him:
 * another one must hear of it. */
TEST(a_wake_that_waits_behind_a_stuck_one_is_passed_on)
{
    workers("1");
    plait_task *teller = begin(PLAIT_COROUTINE, release_and_stick, NULL, NULL);
    await_sleep(teller);
    plait_task *told_first = begin(PLAIT_COROUTINE, take_behind, NULL, NULL);
    await_sleep(told_first);
    plait_task *thread = begin(PLAIT_THREAD, take_behind, "", NULL);
    ck_assert_int_eq(end(thread), 0);
    ck_assert_int_eq(end(teller), 0);
    ck_assert_int_eq(end(told_first), 0);
}

enum { CALLS = 100 };

static uint32_t inside, most_inside;

static int foreign_call(void *arg)
{
    uint32_t now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    uint32_t most = __atomic_load_n(&most_inside, __ATOMIC_SEQ_CST);
    while (most < now && !__atomic_compare_exchange_n(&most_inside, &most, now, false,
                                                      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
    for (int i = 0; i < 10000 && __atomic_load_n(&most_inside, __ATOMIC_SEQ_CST) < CALLS; i++)
        nap(1);
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    return (int)(intptr_t)arg;
}

static int call_out(void *arg)
{
    return plait_blocking(foreign_call, arg) != (int)(intptr_t)arg;
}

TEST(foreign_calls_overlap)
{
    workers("1");
    for (intptr_t i = 0; i < CALLS; i++)
        ck_assert_int_eq(plait_start(NULL, PLAIT_COROUTINE, call_out, (void *)i, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(most_inside, CALLS);
}

static int tell_thread(void *arg)
{
    return thread_number();
}

TEST(a_foreign_call_of_a_thread_stays_there)
{
    ck_assert_int_eq(plait_blocking(tell_thread, NULL), thread_number());
    ck_assert_int_eq(plait_blocking(NULL, NULL), -EINVAL);
}

/* ---- overflow */

static int recurse(int depth)
{
    volatile char frame[1024];
    frame[0] = (char)depth;
    return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

static int run_over(void *arg)
{
    return recurse(1 << 20);
}

static void overflow(void *size)
{
    const plait_start_options deep = {.name = "deep", .stack = (size_t)(intptr_t)size};
    signal(SIGSEGV, SIG_DFL); /* Check has handlers */
    (void)end(begin(PLAIT_COROUTINE, run_over, NULL, &deep));
}

static void dies_of_overflow(size_t size, const char *words)
{
    char text[8192];
    int status = harness_fork(overflow, (void *)size, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status), "%#x: %s", status, text);
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
    ck_assert_msg(strstr(text, words) != NULL, "%s", text);
}

TEST_LABELED(an_overflow_is_named, "process noasan notsan")
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    dies_of_overflow(0, "coroutine 'deep' overflowed its 256 KB stack");
    dies_of_overflow(64 * 1024, "coroutine 'deep' overflowed its 64 KB stack");
}

/* ---- quiesce */

static int threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static int quiesce_inside(void *arg)
{
    return plait_quiesce(PLAIT_NEVER);
}

/* Which takes the helper thread that sleeps in the kernel for coroutines. */
static int wait_on_shared(void *arg)
{
    int rc = plait_event_wait(arg, plait_after(2 * PLAIT_MILLISECOND));
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* A cancel ends the wait of a quiesce, if it comes to one; the next one does the rest. */
static void quiesce_canceled(void)
{
    ck_assert_int_eq(end(begin(PLAIT_COROUTINE, give, (void *)3, NULL)), 3);
    plait_cancel(plait_self());
    int rc = plait_quiesce(plait_after(20 * PLAIT_SECOND));
    ck_assert_msg(rc == 0 || rc == -ECANCELED, "%d", rc);
    if (rc == 0)
        ck_assert_int_eq(plait_sleep(PLAIT_NEVER), -ECANCELED);
}

TEST(quiesce_ends_all_threads)
{
    int before = threads();
    plait_event *event = plait_share(sizeof *event);
    ck_assert_ptr_nonnull(event);
    plait_event_init(event, PLAIT_SHARED);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(end(begin(PLAIT_COROUTINE, quiesce_inside, NULL, NULL)), -EBUSY);
        plait_task *task = begin(PLAIT_COROUTINE, sleep_long, NULL, NULL);
        ck_assert_int_eq(plait_quiesce(PLAIT_NEVER), -EBUSY);
        plait_cancel(task);
        ck_assert_int_eq(end(task), -ECANCELED);
        most_inside = CALLS;
        ck_assert_int_eq(end(begin(PLAIT_COROUTINE, call_out, (void *)3, NULL)), 0);
        ck_assert_int_eq(end(begin(PLAIT_COROUTINE, wait_on_shared, event, NULL)), 0);
        quiesce_canceled();
        ck_assert_int_eq(plait_quiesce(plait_after(20 * PLAIT_SECOND)), 0);
        for (int tries = 0; threads() > before && tries < 2000; tries++)
            nap(1); /* told a little before the kernel has forgotten them */
        ck_assert_int_eq(threads(), before);
    }
    plait_share_free(event);
}

static void without_descriptors(void *arg)
{
    plait_task *task;
    int used = harness_descriptors(), ended = 0;
    for (int more = 0; more < 8; more++) {
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)(used + more), 1024});
        int rc = plait_start(&task, PLAIT_COROUTINE, give, (void *)6, NULL);
        ck_assert_msg(rc == 0 || rc == -EMFILE, "%d", rc);
        need((rc == 0) == (task != NULL));
        if (rc == 0) {
            need(end(task) == 6);
            ended++;
        }
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 1024});
        need(plait_quiesce(PLAIT_NEVER) == 0);
        need(harness_descriptors() == used);
    }
    need(ended > 0);
}

TEST_LABELED(too_few_descriptors_are_told, "process")
{
    workers("1");
    succeeds(without_descriptors, NULL);
}

/* ---- descriptors */

struct reading {
    int descriptor;
    int64_t deadline;
    uint32_t begun;
};

static int read_one(void *arg)
{
    struct reading *reading = arg;
    __atomic_add_fetch(&reading->begun, 1, __ATOMIC_RELEASE);
    return sched_poll(reading->descriptor, OS_READABLE, reading->deadline);
}

TEST(two_may_wait_for_one_descriptor)
{
    struct reading reading = {.deadline = PLAIT_NEVER};
    int ends[2];
    workers("1");
    ck_assert_int_eq(pipe(ends), 0);
    reading.descriptor = ends[0];
    plait_task *first = begin(PLAIT_COROUTINE, read_one, &reading, NULL);
    plait_task *second = begin(PLAIT_COROUTINE, read_one, &reading, NULL);
    plait_task *third = begin(PLAIT_COROUTINE, read_one, &reading, NULL);
    while (__atomic_load_n(&reading.begun, __ATOMIC_ACQUIRE) < 3)
        nap(1);
    nap(20);
    plait_cancel(second); /* leaves the others where they wait */
    ck_assert_int_eq(end(second), -ECANCELED);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(end(first), OS_READABLE);
    ck_assert_int_eq(end(third), OS_READABLE);
    close(ends[0]);
    close(ends[1]);
}

TEST(a_descriptor_is_waited_for_until_the_deadline)
{
    struct reading reading = {.deadline = plait_after(5 * PLAIT_MILLISECOND)};
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    reading.descriptor = ends[0];
    ck_assert_int_eq(end(begin(PLAIT_COROUTINE, read_one, &reading, NULL)), -ETIMEDOUT);
    ck_assert_int_ge(plait_now(), reading.deadline);
    close(ends[1]); /* hung up: that is news too */
    ck_assert_int_gt(end(begin(PLAIT_COROUTINE, read_one, &reading, NULL)), 0);
    close(ends[0]);
    reading.descriptor = -1;
    ck_assert_int_eq(end(begin(PLAIT_COROUTINE, read_one, &reading, NULL)), -EBADF);
    reading.descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(end(begin(PLAIT_COROUTINE, read_one, &reading, NULL)), OS_READABLE);
    ck_assert_int_eq(read_one(&reading), OS_READABLE);
    close(reading.descriptor);
}

/* ---- a host that forbids a system call */

/* From now on epoll_pwait2 fails with `code`, as under a container's filter older than the call. */
static void forbid_epoll_pwait2(int code)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 441 /* epoll_pwait2 */, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {sizeof steps / sizeof *steps, steps};
    need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        _exit(77);
}

static int sleep_a_little(void *arg)
{
    int64_t end = plait_after(3 * PLAIT_MILLISECOND);
    need(plait_sleep(end) == 0);
    need(plait_now() >= end);
    return 0;
}

/* An idle worker with timers sleeps in the poller, and does not come back at once. */
static void sleep_in_ten(void)
{
    plait_counters counters;
    for (int i = 0; i < 10; i++)
        need(plait_start(NULL, PLAIT_COROUTINE, sleep_a_little, NULL, NULL) == 0);
    need(plait_join_all(PLAIT_NEVER) == 0);
    need(end(begin(PLAIT_COROUTINE, sleep_then_free, NULL, NULL)) == 0);
    plait_counters_read(&counters);
    need(counters.polls < 1000);
}

static void forbidden_from_the_start(void *arg)
{
    forbid_epoll_pwait2((int)(intptr_t)arg);
    sleep_in_ten();
}

static void forbidden_later(void *arg)
{
    sleep_in_ten();
    need(plait_quiesce(PLAIT_NEVER) == 0);
    forbid_epoll_pwait2((int)(intptr_t)arg);
    sleep_in_ten();
}

TEST_LABELED(a_forbidden_epoll_pwait2_is_done_without, "process")
{
    char text[1024];
    void (*const cases[])(void *) = {forbidden_from_the_start, forbidden_later};
    for (int i = 0; i < 4; i++) {
        intptr_t code = i % 2 ? EPERM : ENOSYS;
        int status = harness_fork(cases[i / 2], (void *)code, text, sizeof text);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            harness_skip("no seccomp filters here");
        ck_assert_msg(status == 0, "case %d: %#x %s", i, status, text);
    }
}
