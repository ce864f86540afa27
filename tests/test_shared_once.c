/* Onces in shared memory: the function runs to its end once, whichever process begins it, and
 * whoever is killed inside. */
#include "shared_storm.h"

#include "os/os.h"
#include "wait/robust.h"

#include <pthread.h>

enum { ONCES = 64 };
static struct common {
    plait_once once, storm[ONCES];
    plait_event inside, go_on;
    long runs, made, returned;
    long begun[ONCES], ended[ONCES], seen[ONCES];
    long current;
} * common;

static void open_common(void)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    plait_once_init(&common->once, PLAIT_SHARED);
    plait_event_init(&common->inside, PLAIT_SHARED);
    plait_event_init(&common->go_on, PLAIT_SHARED);
    for (int i = 0; i < ONCES; i++)
        plait_once_init(&common->storm[i], PLAIT_SHARED);
}

static int make(void *arg)
{
    common->runs++;
    common->made = arg ? *(int *)arg : 1;
    return 0;
}

static int refuse(void *arg)
{
    common->runs++;
    return 1;
}

static void nothing_is_held(void)
{
    ck_assert_ptr_null(*robust_here()->pending);
    ck_assert_uint_eq(robust_here()->count, 0);
}

/* ---- alone */

TEST(it_runs_once)
{
    int seven = 7;
    open_common();
    ck_assert_int_eq(plait_once_run(&common->once, refuse, NULL, PLAIT_NOW), -PLAIT_EFAILED);
    ck_assert_int_eq(plait_once_run(&common->once, make, &seven, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_once_run(&common->once, make, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_once_run(&common->once, refuse, NULL, plait_now() - 1), 0);
    ck_assert_int_eq(common->runs, 2);
    ck_assert_int_eq(common->made, 7);
    nothing_is_held();
    plait_share_free(common);
}

static int recurse(void *arg)
{
    return plait_once_run(&common->once, make, NULL, PLAIT_NEVER) == -EDEADLK ? 0 : 1;
}

TEST(from_inside_itself_it_is_refused)
{
    open_common();
    ck_assert_int_eq(plait_once_run(&common->once, recurse, NULL, PLAIT_NEVER), 0);
    nothing_is_held();
    plait_share_free(common);
}

static int leave_the_thread(void *arg)
{
    pthread_exit(NULL);
}

static void *run_and_leave(void *arg)
{
    (void)!plait_once_run(&common->once, leave_the_thread, NULL, PLAIT_NEVER);
    return NULL;
}

TEST(a_thread_that_ends_inside_has_failed)
{
    pthread_t thread;
    open_common();
    ck_assert_int_eq(pthread_create(&thread, NULL, run_and_leave, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(plait_once_run(&common->once, make, NULL, PLAIT_NOW), 0);
    ck_assert_int_eq(common->runs, 1);
    plait_share_free(common);
}

/* ---- with others */

static int make_slowly(void *arg)
{
    plait_event_set(&common->inside);
    need(plait_event_wait(&common->go_on, PLAIT_NEVER) == 0);
    return make(NULL);
}

static int run_slowly(void *arg)
{
    return plait_once_run(&common->once, make_slowly, NULL, PLAIT_NEVER);
}

static int come_later(void *arg)
{
    need(plait_event_wait(&common->inside, PLAIT_NEVER) == 0);
    need(plait_once_run(&common->once, refuse, NULL, PLAIT_NOW) != 0 || common->made);
    need(plait_once_run(&common->once, refuse, NULL, PLAIT_NEVER) == 0);
    need(common->made == 1);
    __atomic_add_fetch(&common->returned, 1, __ATOMIC_RELAXED);
    return 0;
}

static int come_later_in_crew(void *arg)
{
    crew_run(CREW_MIXED, 6, come_later, NULL);
    return 0;
}

TEST_LABELED(all_processes_wait_for_the_one_inside, "process")
{
    struct crew crew = {.count = 0};
    open_common();
    crew_start(&crew, PLAIT_PROCESS, 1, run_slowly, NULL);
    crew_start(&crew, PLAIT_PROCESS, 3, come_later_in_crew, NULL);
    plait_sleep(plait_after(30 * PLAIT_MILLISECOND));
    ck_assert_int_eq(common->returned, 0);
    plait_event_set(&common->go_on);
    crew_join(&crew);
    ck_assert_int_eq(common->returned, 18);
    ck_assert_int_eq(common->runs, 1);
    plait_share_free(common);
}

static int refused_in_time(void *arg)
{
    need(plait_once_run(&common->once, make, NULL, PLAIT_NOW) == -EAGAIN);
    need(plait_once_run(&common->once, make, NULL, plait_after(45 * PLAIT_MILLISECOND)) ==
         -ETIMEDOUT);
    return 0;
}

static int refused_by_cancel(void *arg)
{
    return plait_once_run(&common->once, make, NULL, PLAIT_NEVER) == -ECANCELED ? 0 : 1;
}

TEST_LABELED(deadline_and_cancel_end_the_wait, "process")
{
    struct crew runner = {.count = 0}, crew = {.count = 0};
    open_common();
    crew_start(&runner, PLAIT_PROCESS, 1, run_slowly, NULL);
    ck_assert_int_eq(plait_event_wait(&common->inside, PLAIT_NEVER), 0);
    crew_run(CREW_MIXED, 3, refused_in_time, NULL);
    crew_start(&crew, PLAIT_THREAD, 1, refused_by_cancel, NULL);
    crew_start(&crew, PLAIT_COROUTINE, 1, refused_by_cancel, NULL);
    plait_sleep(plait_after(3 * PLAIT_MILLISECOND));
    plait_cancel(crew.task[0]);
    plait_cancel(crew.task[1]);
    crew_join(&crew);
    plait_event_set(&common->go_on);
    crew_join(&runner);
    plait_share_free(common);
}

/* ---- deaths */

static int die_inside(void *arg)
{
    common->runs++;
    plait_event_set(&common->inside);
    for (;;)
        pause();
    return 0;
}

static pid_t one_inside(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(plait_once_run(&common->once, die_inside, NULL, PLAIT_NEVER));
    ck_assert_int_eq(plait_event_wait(&common->inside, PLAIT_NEVER), 0);
    return pid;
}

static int run_or_wait(void *arg)
{
    need(plait_once_run(&common->once, make, NULL, PLAIT_NEVER) == 0);
    need(common->made == 1);
    return 0;
}

TEST_CREW(another_one_runs_it_when_the_first_was_killed)
{
    struct crew crew = {.count = 0};
    open_common();
    pid_t pid = one_inside();
    crew_start(&crew, carrier, 6, run_or_wait, NULL);
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    crew_join(&crew);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_int_eq(common->runs, 2);
    nothing_is_held();
    plait_share_free(common);
}

static int fork_inside(void *arg)
{
    pid_t pid = fork();
    if (pid == 0)
        return 0; /* the child's copy of the call */
    common->current = pid;
    need(waitpid(pid, NULL, 0) == pid);
    return make(NULL);
}

TEST_LABELED(a_child_forked_inside_ends_nothing, "process")
{
    pid_t me = getpid();
    open_common();
    int rc = plait_once_run(&common->once, fork_inside, NULL, PLAIT_NEVER);
    if (getpid() != me)
        _exit(rc);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(common->runs, 1);
    nothing_is_held();
    plait_share_free(common);
}

/* ---- kills: one once after the other, each run to its end by one, while processes are killed */

static int run_one(void *arg)
{
    long i = (long)(intptr_t)arg;
    __atomic_add_fetch(&common->begun[i], 1, __ATOMIC_SEQ_CST);
    if (i % 3 == 0)
        plait_yield();
    if (i % 4 == 0 && __atomic_load_n(&common->begun[i], __ATOMIC_SEQ_CST) < 3)
        return 1;
    __atomic_add_fetch(&common->ended[i], 1, __ATOMIC_SEQ_CST);
    return 0;
}

static void go_through(unsigned *random)
{
    long i = __atomic_load_n(&common->current, __ATOMIC_SEQ_CST);
    bool patient = crew_random(random) % 2;
    int64_t deadline = patient ? plait_after(20 * PLAIT_SECOND) : shared_storm_deadline(random);
    int rc = plait_once_run(&common->storm[i], run_one, (void *)(intptr_t)i, deadline);
    need(rc == 0 || rc == -PLAIT_EFAILED || (!patient && (rc == -EAGAIN || rc == -ETIMEDOUT)));
    if (rc != 0)
        return;
    need(__atomic_load_n(&common->ended[i], __ATOMIC_SEQ_CST) >= 1);
    if (__atomic_add_fetch(&common->seen[i], 1, __ATOMIC_SEQ_CST) > 20 && i + 1 < ONCES)
        __atomic_compare_exchange_n(&common->current, &i, i + 1, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
}

/* A run may be killed between its end and the once's: so it ends more than once only then. */
static void be_killed(int rounds)
{
    for (int round = 0; round < rounds; round++) {
        int twice = 0;
        open_common();
        shared_storm(go_through, NULL, 3, 40);
        for (long i = 0; i < common->current; i++) {
            ck_assert_int_ge(common->ended[i], 1);
            twice += common->ended[i] > 1;
        }
        ck_assert_int_le(twice, 40);
        plait_share_free(common);
    }
}

TEST_LABELED(kills_leave_each_run_to_its_end, "process")
{
    be_killed(1);
}

TEST_LABELED(kills_leave_each_run_to_its_end_long, "process long")
{
    be_killed(50);
}
