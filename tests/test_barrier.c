/* Barriers: nobody goes on before all have come, rounds do not mix, and a broken one holds
 * nobody. */
#include "stress.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static plait_barrier barrier;
static int told; /* -EPIPE */

static void until_waiting(const struct crew *crew)
{
    for (int i = 0; i < crew->count; i++)
        while (crew->task[i] && plait_task_state(crew->task[i]) != PLAIT_WAITING)
            plait_yield();
}

/* ---- alone */

TEST(it_takes_one_party_at_least)
{
    ck_assert_int_eq(plait_barrier_init(&barrier, 0, PLAIT_PRIVATE), -EINVAL);
    ck_assert_int_eq(plait_barrier_init(&barrier, -1, PLAIT_PRIVATE), -EINVAL);
    ck_assert_int_eq(plait_barrier_init(&barrier, 1, PLAIT_PRIVATE), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_barrier_wait(&barrier, plait_now() - 1), 0);
}

TEST(a_try_breaks_nothing_and_a_time_out_does)
{
    ck_assert_int_eq(plait_barrier_init(&barrier, 2, PLAIT_PRIVATE), 0);
    ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_barrier_waiting(&barrier), 0);
    ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NOW), -EAGAIN);
    int64_t end = plait_after(PLAIT_MILLISECOND);
    ck_assert_int_eq(plait_barrier_wait(&barrier, end), -ETIMEDOUT);
    ck_assert_int_ge(plait_now(), end);
    ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NOW), -EPIPE);
    ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NEVER), -EPIPE);
    plait_barrier_reset(&barrier);
    ck_assert_int_eq(plait_barrier_wait(&barrier, plait_now() - 1), -ETIMEDOUT);
    ck_assert_int_eq(plait_barrier_wait(&barrier, plait_now() - 1), -EPIPE);
    plait_barrier_reset(&barrier);
    plait_barrier_abort(&barrier);
    ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NEVER), -EPIPE);
}

/* ---- rounds */

enum { PARTIES = 7, ROUNDS = 300 };
static int place[PARTIES], sum;
static int came[ROUNDS];
static int actions;

static void count_round(void *arg)
{
    need(arg == &actions);
    need(__atomic_load_n(&came[actions / 2], __ATOMIC_RELAXED) == PARTIES);
    actions++;
}

/* Plain fields: written before the barrier by one, read behind it by all; a second round tells that
 * all have read. */
static int step(void *arg)
{
    int me = (int)((int *)arg - place);
    for (int round = 0; round < ROUNDS; round++) {
        place[me] = round + me;
        __atomic_add_fetch(&came[round], 1, __ATOMIC_RELAXED);
        if (me % 3 == 0)
            plait_yield();
        int number = plait_barrier_wait(&barrier, PLAIT_NEVER);
        need(number >= 0 && number < PARTIES);
        need(actions == 2 * round + 1);
        __atomic_add_fetch(&sum, number, __ATOMIC_RELAXED);
        for (int i = 0; i < PARTIES; i++)
            need(place[i] == round + i);
        number = plait_barrier_wait(&barrier, PLAIT_NEVER);
        need(number >= 0 && number < PARTIES);
    }
    return 0;
}

TEST_CREW(all_see_what_all_wrote_round_after_round)
{
    static const int kinds[3] = {PLAIT_THREAD, PLAIT_COROUTINE, 0};
    struct crew crew = {.count = 0};
    ck_assert_int_eq(plait_barrier_init(&barrier, PARTIES, PLAIT_PRIVATE), 0);
    plait_barrier_action(&barrier, count_round, &actions);
    for (int i = 0; i < PARTIES; i++)
        crew_add(&crew, carrier == CREW_MIXED ? kinds[i % 3] : carrier, step, &place[i]);
    crew_join(&crew);
    ck_assert_int_eq(actions, 2 * ROUNDS);
    ck_assert_int_eq(sum, ROUNDS * PARTIES * (PARTIES - 1) / 2);
}

/* ---- broken */

static int be_told(void *arg)
{
    need(plait_barrier_wait(&barrier, PLAIT_NEVER) == -EPIPE);
    __atomic_add_fetch(&told, 1, __ATOMIC_RELAXED);
    return 0;
}

static int be_late(void *arg)
{
    int64_t end = plait_after(5 * PLAIT_MILLISECOND);
    need(plait_barrier_wait(&barrier, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    return 0;
}

TEST_CREW(one_who_is_late_breaks_it_for_all)
{
    struct crew crew = {.count = 0}, late = {.count = 0};
    ck_assert_int_eq(plait_barrier_init(&barrier, 30, PLAIT_PRIVATE), 0);
    crew_start(&crew, carrier, 9, be_told, NULL);
    until_waiting(&crew);
    crew_start(&late, carrier, 1, be_late, NULL);
    crew_join(&late);
    crew_join(&crew);
    ck_assert_int_eq(told, 9);
    ck_assert_int_eq(plait_barrier_waiting(&barrier), 0);
    crew_run(carrier, 3, be_told, NULL);
}

static int be_canceled(void *arg)
{
    need(plait_barrier_wait(&barrier, PLAIT_NEVER) == -ECANCELED);
    need(plait_barrier_wait(&barrier, PLAIT_NEVER) == -EPIPE);
    return 0;
}

TEST_LIGHT(one_who_is_cancelled_breaks_it_for_all)
{
    struct crew crew = {.count = 0}, one = {.count = 0};
    ck_assert_int_eq(plait_barrier_init(&barrier, 30, PLAIT_PRIVATE), 0);
    crew_start(&one, carrier, 1, be_canceled, NULL);
    crew_start(&crew, carrier, 9, be_told, NULL);
    until_waiting(&one);
    until_waiting(&crew);
    plait_cancel(one.task[0]);
    crew_join(&one);
    crew_join(&crew);
}

static int pass(void *arg)
{
    int number = plait_barrier_wait(&barrier, PLAIT_NEVER);
    need(number >= 0);
    __atomic_or_fetch(&sum, 1 << number, __ATOMIC_RELAXED);
    return 0;
}

static void end_waits(int carrier, void (*end)(plait_barrier *one))
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 9, be_told, NULL);
    until_waiting(&crew);
    while (plait_barrier_waiting(&barrier) < 9)
        plait_yield();
    end(&barrier);
    crew_join(&crew);
}

TEST_CREW(reset_ends_the_round_and_makes_it_whole)
{
    ck_assert_int_eq(plait_barrier_init(&barrier, 10, PLAIT_PRIVATE), 0);
    end_waits(carrier, plait_barrier_reset);
    crew_run(carrier, 10, pass, NULL);
    ck_assert_int_eq(sum, (1 << 10) - 1);
    end_waits(carrier, plait_barrier_abort);
    crew_run(carrier, 3, be_told, NULL);
    plait_barrier_reset(&barrier);
    crew_run(carrier, 20, pass, NULL);
}

TEST_LIGHT(more_tasks_than_parties_go_in_rounds)
{
    ck_assert_int_eq(plait_barrier_init(&barrier, 3, PLAIT_PRIVATE), 0);
    crew_run(carrier, 60, pass, NULL);
    ck_assert_int_eq(sum, 7);
    ck_assert_int_eq(plait_barrier_waiting(&barrier), 0);
}

/* ---- the action */

static plait_event begun, go_on;
static bool acting;

static void act_slowly(void *arg)
{
    need(!__atomic_exchange_n(&acting, true, __ATOMIC_RELAXED));
    need(plait_barrier_wait(&barrier, PLAIT_NEVER) == -EDEADLK);
    plait_event_set(&begun); /* from now on others may break it */
    need(plait_event_wait(&go_on, PLAIT_NEVER) == 0);
    plait_yield();
    __atomic_store_n(&acting, false, __ATOMIC_RELAXED);
    actions++;
}

/* When the last one comes it is not late yet, whatever the machine does: the action waits for
 * that. */
static int64_t late;

static int pass_in_vain(void *arg)
{
    late = plait_after(PLAIT_SECOND / 2);
    need(plait_barrier_wait(&barrier, late) == 0);
    return 0;
}

/* Two of one round wait for its action: their time-outs and cancels come too late, and those who
 * come meanwhile are of the next round. */
TEST_LIGHT(while_it_runs_nobody_leaves_and_nobody_enters)
{
    struct crew first = {.count = 0}, last = {.count = 0}, next = {.count = 0};
    ck_assert_int_eq(plait_barrier_init(&barrier, 2, PLAIT_PRIVATE), 0);
    plait_barrier_action(&barrier, act_slowly, NULL);
    crew_start(&first, carrier, 1, pass_in_vain, NULL);
    while (plait_barrier_waiting(&barrier) < 1)
        plait_yield();
    crew_start(&last, carrier, 1, pass, NULL);
    ck_assert_int_eq(plait_event_wait(&begun, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_sleep(late + PLAIT_MILLISECOND), 0);
    plait_cancel(first.task[0]);
    crew_start(&next, carrier, 4, pass, NULL);
    until_waiting(&next);
    ck_assert_int_eq(plait_barrier_waiting(&barrier), 0);
    ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NOW), -EAGAIN);
    plait_event_set(&go_on);
    crew_join(&first);
    crew_join(&last);
    crew_join(&next);
    ck_assert_int_eq(actions, 3);
}

TEST_LIGHT(abort_while_it_runs_is_for_the_next_round)
{
    struct crew first = {.count = 0}, next = {.count = 0};
    ck_assert_int_eq(plait_barrier_init(&barrier, 2, PLAIT_PRIVATE), 0);
    plait_barrier_action(&barrier, act_slowly, NULL);
    crew_start(&first, carrier, 2, pass, NULL);
    ck_assert_int_eq(plait_event_wait(&begun, PLAIT_NEVER), 0);
    crew_start(&next, carrier, 1, be_told, NULL);
    until_waiting(&next);
    plait_barrier_abort(&barrier);
    plait_event_set(&go_on);
    crew_join(&first);
    crew_join(&next);
    ck_assert_int_eq(sum, 3);
}

static void leave_thread(void *arg)
{
    pthread_exit(NULL);
}

static void *come_last(void *arg)
{
    while (plait_barrier_waiting(&barrier) < 3)
        plait_yield();
    (void)!plait_barrier_wait(&barrier, PLAIT_NEVER);
    return arg;
}

TEST(an_action_that_ends_its_thread_breaks_it)
{
    struct crew crew = {.count = 0};
    pthread_t thread;
    void *result = &crew;
    ck_assert_int_eq(plait_barrier_init(&barrier, 4, PLAIT_PRIVATE), 0);
    plait_barrier_action(&barrier, leave_thread, NULL);
    crew_start(&crew, CREW_MIXED, 3, be_told, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, come_last, &barrier), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_null(result);
    crew_join(&crew);
    ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NOW), -EPIPE);
}

/* ---- whoever returns first frees it, the others are perhaps not even awake */

static int meet_on_heap(void *arg)
{
    int rc = plait_barrier_wait(arg, PLAIT_NEVER);
    need(rc >= 0);
    if (rc == 1)
        free(arg);
    return 0;
}

static int break_and_free(void *arg)
{
    int rc = plait_barrier_wait(arg, plait_after(20 * PLAIT_MICROSECOND));
    need(rc == -ETIMEDOUT || rc == -EPIPE);
    if (rc == -ETIMEDOUT)
        free(arg);
    return 0;
}

TEST_CREW(may_be_freed_by_whoever_returns)
{
    for (int i = 0; i < 200; i++) {
        struct crew crew = {.count = 0};
        plait_barrier *mine = malloc(sizeof *mine);
        ck_assert_int_eq(plait_barrier_init(mine, 3, PLAIT_PRIVATE), 0);
        crew_start(&crew, carrier, 3, meet_on_heap, mine);
        crew_join(&crew);
    }
}

TEST(may_be_freed_by_who_broke_it)
{
    for (int i = 0; i < 50; i++) {
        struct crew crew = {.count = 0};
        plait_barrier *mine = malloc(sizeof *mine);
        ck_assert_int_eq(plait_barrier_init(mine, 3, PLAIT_PRIVATE), 0);
        crew_start(&crew, PLAIT_COROUTINE, 1, break_and_free, mine);
        crew_join(&crew);
    }
}

/* ---- forks */

static void broken_in_child(void *arg)
{
    need(plait_barrier_waiting(&barrier) == 0);
    need(plait_barrier_wait(&barrier, PLAIT_NEVER) == -EPIPE);
    plait_barrier_reset(&barrier);
    crew_run(PLAIT_THREAD, 6, pass, NULL);
    need(sum == 7);
}

TEST_LABELED(a_fork_leaves_those_who_wait_behind, "process")
{
    struct crew crew = {.count = 0};
    char text[1024];
    ck_assert_int_eq(plait_barrier_init(&barrier, 3, PLAIT_PRIVATE), 0);
    crew_start(&crew, PLAIT_THREAD, 1, be_told, NULL);
    crew_start(&crew, PLAIT_COROUTINE, 1, be_told, NULL);
    until_waiting(&crew);
    ck_assert_msg(harness_fork(broken_in_child, NULL, text, sizeof text) == 0, "%s", text);
    plait_barrier_reset(&barrier);
    crew_join(&crew);
}

static bool is_child;

static void fork_in_action(void *arg)
{
    pid_t pid = fork();
    if (pid == 0) {
        is_child = true;
        return;
    }
    int status = -1;
    need(waitpid(pid, &status, 0) == pid);
    need(status == 0);
}

TEST_LABELED(who_forks_in_the_action_goes_on_alone, "process")
{
    struct crew crew = {.count = 0};
    ck_assert_int_eq(plait_barrier_init(&barrier, 3, PLAIT_PRIVATE), 0);
    plait_barrier_action(&barrier, fork_in_action, NULL);
    crew_start(&crew, PLAIT_THREAD, 1, pass, NULL);
    crew_start(&crew, PLAIT_COROUTINE, 1, pass, NULL);
    while (plait_barrier_waiting(&barrier) < 2)
        plait_yield();
    ck_assert_int_eq(plait_barrier_wait(&barrier, PLAIT_NEVER), 2);
    if (is_child)
        _exit(plait_barrier_wait(&barrier, PLAIT_NOW) == -EAGAIN ? 0 : 1);
    crew_join(&crew);
}

/* ---- stress: rounds of seven among nine, cancelled, late, aborted, reset */

static long passed, rounds;

static void fresh_barrier(void)
{
    ck_assert_int_eq(plait_barrier_init(&barrier, 7, PLAIT_PRIVATE), 0);
    plait_barrier_action(&barrier, NULL, NULL);
}

static void abort_it(void)
{
    plait_barrier_abort(&barrier);
}

static void count_one(void *arg)
{
    need(!__atomic_exchange_n(&acting, true, __ATOMIC_RELAXED));
    if (++rounds % 16 == 0)
        plait_yield();
    __atomic_store_n(&acting, false, __ATOMIC_RELAXED);
}

static void fresh_barrier_that_acts(void)
{
    fresh_barrier();
    plait_barrier_action(&barrier, count_one, NULL);
}

static int come_and_break(void *arg)
{
    struct stress_task me = stress_begin(arg);
    long mine = 0;
    while (stress_more(&me)) {
        int rc = STRESS_WAIT(&me, plait_barrier_wait(&barrier, stress_deadline(&me)));
        need(rc >= 0 ? rc < 7
                     : rc == -EPIPE || rc == -EAGAIN || rc == -ETIMEDOUT || rc == -ECANCELED);
        mine += rc >= 0;
        bool broken = rc == -ETIMEDOUT || rc == -ECANCELED;
        if (broken || crew_random(&me.random) % 64 == 0)
            plait_barrier_reset(&barrier);
        else if (crew_random(&me.random) % 256 == 0)
            plait_barrier_abort(&barrier);
        if (rc == -EPIPE)
            plait_yield(); /* until whoever broke it has reset it */
    }
    __atomic_add_fetch(&passed, mine, __ATOMIC_RELAXED);
    return 0;
}

STRESS(rounds_are_whole_or_broken, 9, come_and_break, fresh_barrier, abort_it)
STRESS(rounds_with_an_action_are_whole_or_broken, 9, come_and_break, fresh_barrier_that_acts,
       abort_it)

/* ---- misuse */

static void try_now(void *arg)
{
    (void)!plait_barrier_wait(arg, PLAIT_NOW);
}

static void duration(void *arg)
{
    (void)!plait_barrier_wait(&barrier, 5 * PLAIT_SECOND);
}

TEST_LABELED(what_is_no_barrier_is_refused, "process")
{
    uint64_t garbage[9], zeroes[8] = {0};
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(try_now, NULL, "NULL is no barrier");
    harness_dies(try_now, garbage, "never initialised, or overwritten");
    harness_dies(try_now, (char *)garbage + 1, "not aligned");
    harness_dies(try_now, zeroes, "never initialised: call plait_barrier_init");
    ck_assert_int_eq(plait_barrier_init(&barrier, 2, PLAIT_PRIVATE), 0);
    harness_dies(duration, NULL, "a duration where a deadline belongs");
}
