/* Fork-join: each branch runs once, its result is its merge's, whoever has run it; on all carriers,
 * blocking, in forked children, and what misuse is told. */
#include "crew.h"

#include <dirent.h>
#include <sys/wait.h>
#include <time.h>

enum { FIB_21 = 10946, DEEP = 20000, WIDE = 300 };

__attribute__((constructor)) static void three_workers(void)
{
    setenv("PLAIT_WORKERS", "3", 0); /* also where there is one CPU */
}

static int threads_in_all(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *one; (one = readdir(folder));)
        count += one->d_name[0] != '.';
    closedir(folder);
    return count;
}

static intptr_t fib(intptr_t n)
{
    plait_branch left;
    if (n < 2)
        return n;
    plait_branch_fork(&left, fib, n - 1);
    intptr_t right = fib(n - 2);
    return plait_branch_merge(&left) + right;
}

static int fib_is_right(void *unused)
{
    for (int i = 0; i < 20; i++)
        need(fib(21) == FIB_21);
    return 0;
}

TEST(a_pthread_forks_with_nothing_opened)
{
    ck_assert_int_eq(fib(21), FIB_21);
    ck_assert_int_eq(fib_is_right(NULL), 0);
}

TEST_CREW(many_fork_at_once)
{
    crew_run(carrier, 6, fib_is_right, NULL);
}

TEST_LABELED(a_process_forks, "process")
{
    fib(15);
    plait_task *task;
    int status = -1;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, fib_is_right, NULL, NULL), 0);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
}

/* ---- shapes */
static intptr_t twice(intptr_t n)
{
    return 2 * n;
}

static int wide(void *unused)
{
    plait_branch branches[WIDE];
    for (intptr_t i = 0; i < WIDE; i++)
        plait_branch_fork(&branches[i], twice, i);
    for (intptr_t i = WIDE; i--;)
        need(plait_branch_merge(&branches[i]) == 2 * i);
    return 0;
}

TEST_CREW(many_branches_of_one_function)
{
    for (int i = 0; i < 20; i++)
        crew_run(carrier, 3, wide, NULL);
}

static intptr_t deep(intptr_t n)
{
    plait_branch one;
    if (n == 0)
        return 0;
    plait_branch_fork(&one, twice, n);
    intptr_t below = deep(n - 1);
    return plait_branch_merge(&one) + below;
}

TEST(more_branches_than_can_be_offered)
{
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(deep(DEEP), (intptr_t)DEEP * (DEEP + 1));
}

static intptr_t extreme(intptr_t n)
{
    return n;
}

TEST(any_value_is_an_argument_and_a_result)
{
    static const intptr_t values[] = {0, -1, INTPTR_MAX, INTPTR_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        plait_branch one;
        plait_branch_fork(&one, extreme, values[i]);
        ck_assert(plait_branch_merge(&one) == values[i]);
    }
}

/* ---- each once, also when thieves take them */
static uint32_t ran[1024];
static __thread int mine;
static uint32_t elsewhere;

static intptr_t run_one(intptr_t i)
{
    __atomic_add_fetch(&ran[i], 1, __ATOMIC_RELAXED);
    if (!mine)
        __atomic_add_fetch(&elsewhere, 1, __ATOMIC_RELAXED);
    for (struct timespec t = {0, 20000}; i % 64 == 0; i++)
        nanosleep(&t, NULL);
    return i;
}

static intptr_t split(intptr_t range)
{
    intptr_t first = range >> 16, end = range & 0xffff, middle = (first + end) / 2;
    plait_branch half;
    if (end - first == 1)
        return run_one(first), 1;
    plait_branch_fork(&half, split, first << 16 | middle);
    intptr_t count = split(middle << 16 | end);
    return plait_branch_merge(&half) + count;
}

static void run_all(void)
{
    memset(ran, 0, sizeof ran);
    ck_assert_int_eq(split(1024), 1024);
    for (int i = 0; i < 1024; i++)
        ck_assert_uint_eq(ran[i], 1);
}

TEST(each_runs_once_and_some_elsewhere)
{
    mine = 1;
    for (int i = 0; i < 1000 && (i < 20 || !elsewhere); i++)
        run_all();
    ck_assert_uint_gt(elsewhere, 0);
}

/* ---- blocking */
static plait_event opened;
static plait_lock lock;
static int inside, reached;

static intptr_t wait_for_event(intptr_t unused)
{
    __atomic_add_fetch(&reached, 1, __ATOMIC_RELEASE);
    need(plait_event_wait(&opened, PLAIT_NEVER) == 0);
    return 5;
}

static int set_later(void *unused)
{
    plait_sleep(plait_after(20 * PLAIT_MILLISECOND));
    plait_event_set(&opened);
    return 0;
}

/* Others are to run meanwhile: the one who sets the event is a coroutine, and there are more of us
 * than workers. */
static int merge_what_waits(void *unused)
{
    plait_branch one, two;
    plait_branch_fork(&one, wait_for_event, 0);
    plait_branch_fork(&two, wait_for_event, 0);
    need(fib(15) == 610);
    need(plait_branch_merge(&two) + plait_branch_merge(&one) == 10);
    return 0;
}

TEST_CREW(a_branch_may_wait)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 8, merge_what_waits, NULL);
    crew_add(&crew, PLAIT_COROUTINE, set_later, NULL);
    crew_join(&crew);
}

static intptr_t count_with_lock(intptr_t n)
{
    for (intptr_t i = 0; i < n; i++)
        plait_with (&lock)
            inside++;
    return n;
}

static int lock_in_branches(void *unused)
{
    plait_branch branches[8];
    for (int i = 0; i < 8; i++)
        plait_branch_fork(&branches[i], count_with_lock, 100);
    for (int i = 8; i--;)
        need(plait_branch_merge(&branches[i]) == 100);
    return 0;
}

TEST_CREW(branches_may_take_locks)
{
    crew_run(carrier, 6, lock_in_branches, NULL);
    ck_assert_int_eq(inside, 6 * 800);
}

/* ---- a cancel ends no merge: it is told by the branch's own wait, if the task runs it, else by
 * the next */
static intptr_t wait_or_cancel(intptr_t unused)
{
    __atomic_add_fetch(&reached, 1, __ATOMIC_RELEASE);
    return plait_event_wait(&opened, PLAIT_NEVER);
}

static int canceled_while_merging(void *unused)
{
    plait_branch one;
    plait_branch_fork(&one, wait_or_cancel, 0);
    fib(15);
    intptr_t branch = plait_branch_merge(&one);
    int after = plait_sleep(plait_after(10 * PLAIT_MILLISECOND));
    need((branch == -ECANCELED && after == 0) || (branch == 0 && after == -ECANCELED));
    return 0;
}

TEST_LIGHT(a_merge_is_not_cancelled)
{
    plait_task *task;
    int status = 1;
    ck_assert_int_eq(plait_start(&task, carrier, canceled_while_merging, NULL, NULL), 0);
    while (!__atomic_load_n(&reached, __ATOMIC_ACQUIRE))
        plait_yield();
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    plait_cancel(task);
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    plait_event_set(&opened);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
}

/* ---- idle: no CPU */
TEST(idle_workers_use_no_cpu)
{
    struct timespec before, after;
    ck_assert_int_eq(fib(21), FIB_21);
    plait_sleep(plait_after(50 * PLAIT_MILLISECOND));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    plait_sleep(plait_after(300 * PLAIT_MILLISECOND));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    long used = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
    ck_assert_int_lt(used, 30 * PLAIT_MILLISECOND);
}

TEST(quiesce_ends_the_gang)
{
    int before = threads_in_all(); /* a sanitizer's are there already */
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(fib(21), FIB_21);
        ck_assert_int_eq(plait_quiesce(plait_after(10 * PLAIT_SECOND)), 0);
    }
    for (int i = 0; i < 1000 && threads_in_all() > before; i++) /* who has left still ends */
        plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    ck_assert_int_eq(threads_in_all(), before);
}

/* ---- fork */
static void fork_in_child(void *unused)
{
    need(fib_is_right(NULL) == 0);
    need(wide(NULL) == 0);
}

TEST_LABELED(a_child_has_a_crew_of_its_own, "process")
{
    char text[1024];
    ck_assert_int_eq(fib(21), FIB_21);
    ck_assert_msg(harness_fork(fork_in_child, NULL, text, sizeof text) == 0, "%s", text);
    ck_assert_int_eq(fib(21), FIB_21);
}

TEST_LABELED(what_nobody_took_is_the_childs_too, "process")
{
    plait_branch branches[WIDE];
    for (intptr_t i = 0; i < WIDE; i++)
        plait_branch_fork(&branches[i], twice, i);
    plait_branch last;
    plait_branch_fork(&last, twice, 7);
    pid_t child = fork();
    intptr_t result = plait_branch_merge(&last);
    if (child == 0)
        _exit(result == 14 ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    ck_assert(status == 0 ||
              (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)); /* taken: told */
    for (intptr_t i = WIDE; i--;)
        ck_assert_int_eq(plait_branch_merge(&branches[i]), 2 * i);
}

static void merge_lost(void *unused)
{
    plait_branch one;
    plait_branch_fork(&one, wait_for_event, 0);
    while (!__atomic_load_n(&reached, __ATOMIC_ACQUIRE))
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    pid_t child = fork();
    int status = 0;
    if (child == 0)
        plait_branch_merge(&one);
    waitpid(child, &status, 0);
    need(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    plait_event_set(&opened);
    need(plait_branch_merge(&one) == 5);
    abort();
}

TEST_LABELED(a_branch_left_behind_by_a_fork_is_told, "process")
{
    harness_dies(merge_lost, NULL, "another thread was running it when the process forked");
}

/* ---- checked mode */
static void out_of_order(void *unused)
{
    plait_branch one, two;
    plait_branch_fork(&one, twice, 1);
    plait_branch_fork(&two, twice, 2);
    plait_branch_merge(&one);
}

static void merge_two_times(void *unused)
{
    plait_branch one, two;
    plait_branch_fork(&two, twice, 2);
    plait_branch_fork(&one, twice, 1);
    plait_branch_merge(&one);
    plait_branch_merge(&one);
}

static void checked(void *function)
{
    setenv("PLAIT_CHECK", "1", 1);
    ((void (*)(void *))function)(NULL);
}

TEST_LABELED(checked_mode_tells_a_wrong_order, "process")
{
    harness_dies(checked, (void *)out_of_order, "not the youngest");
    harness_dies(checked, (void *)merge_two_times, "not the youngest");
}

static int forget(void *unused)
{
    static plait_branch one;
    plait_branch_fork(&one, twice, 1);
    return 0;
}

static void forget_on(void *carrier)
{
    plait_task *task;
    need(plait_start(&task, (plait_carrier)(intptr_t)carrier, forget, NULL, NULL) == 0);
    (void)plait_join(task, NULL, PLAIT_NEVER);
}

TEST_LABELED(a_forgotten_merge_is_told, "process")
{
    harness_dies(forget_on, (void *)(intptr_t)PLAIT_THREAD, "ended before it was merged");
    harness_dies(forget_on, (void *)(intptr_t)PLAIT_COROUTINE, "ended before it was merged");
}
