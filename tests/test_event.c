/* Events, private and shared: every waiter sees a set, whatever else happens at that moment. */
#include "storm.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static plait_event event, answer;
static int seen, taken, begun;

TEST(a_zeroed_event_is_clear_and_private)
{
    ck_assert(!plait_event_is_set(&event));
    ck_assert_int_eq(plait_event_wait(&event, PLAIT_NOW), -EAGAIN);
    plait_event_set(&event);
    plait_event_set(&event);
    ck_assert(plait_event_is_set(&event));
    ck_assert_int_eq(plait_event_wait(&event, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_event_wait(&event, PLAIT_NEVER), 0);
    plait_event_clear(&event);
    ck_assert(!plait_event_is_set(&event));
    ck_assert_int_eq(plait_event_wait(&event, plait_now() - 1), -ETIMEDOUT);
}

enum { LISTED = 20 };
static plait_task *listed[LISTED];
static int come;

/* A plain thread has no other handle. */
static void enlist(void)
{
    int i = __atomic_fetch_add(&come, 1, __ATOMIC_RELAXED);
    if (i < LISTED)
        __atomic_store_n(&listed[i], plait_self(), __ATOMIC_RELEASE);
}

static void until_listed_asleep(int count)
{
    plait_wait_info info;
    plait_task *task;
    for (int i = 0; i < count; i++)
        while (!(task = __atomic_load_n(&listed[i], __ATOMIC_ACQUIRE)) ||
               plait_task_waits(task, &info) != 0)
            plait_yield();
}

static int wait_set(void *arg)
{
    enlist();
    need(plait_event_wait(arg, PLAIT_NEVER) == 0);
    __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
    return 0;
}

TEST_CREW(one_set_wakes_all)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 30, wait_set, &event);
    ck_assert_int_eq(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)), 0);
    ck_assert_int_eq(seen, 0);
    plait_event_set(&event);
    crew_join(&crew);
    ck_assert_int_eq(seen, 30);
}

static int wait_in_time(void *arg)
{
    int64_t end = plait_after(5 * PLAIT_MILLISECOND);
    need(plait_event_wait(&event, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    return 0;
}

TEST_CREW(a_clear_event_is_refused_in_time)
{
    crew_run(carrier, 3, wait_in_time, NULL);
}

static int wait_until_canceled(void *arg)
{
    need(plait_event_wait(&event, PLAIT_NEVER) == -ECANCELED);
    need(plait_event_wait(&event, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    return 0;
}

TEST_LIGHT(cancel_ends_the_wait_once)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, wait_until_canceled, NULL);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
}

/* The waiter must return although the event is clear again before it can look. */
static int wait_pulse(void *arg)
{
    plait_event_set(&answer);
    need(plait_event_wait(&event, PLAIT_NEVER) == 0);
    return 0;
}

TEST_LIGHT(a_pulse_is_seen_by_who_waited)
{
    for (int i = 0; i < 100; i++) {
        struct crew crew = {.count = 0};
        plait_event_clear(&answer);
        crew_start(&crew, carrier, 1, wait_pulse, NULL);
        ck_assert_int_eq(plait_event_wait(&answer, PLAIT_NEVER), 0);
        plait_wait_info info;
        while (plait_task_waits(crew.task[0], &info) != 0)
            plait_yield();
        plait_event_set(&event);
        plait_event_clear(&event);
        crew_join(&crew);
    }
}

static int ping(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        need(plait_event_wait(&event, PLAIT_NEVER) == 0);
        plait_event_clear(&event);
        plait_event_set(&answer);
    }
    return 0;
}

static int pong(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        plait_event_set(&event);
        need(plait_event_wait(&answer, PLAIT_NEVER) == 0);
        plait_event_clear(&answer);
    }
    return 0;
}

TEST_CREW(hand_over_to_and_fro)
{
    struct crew crew = {.count = 0};
    crew_add(&crew, carrier == CREW_MIXED ? PLAIT_COROUTINE : carrier, ping, NULL);
    crew_add(&crew, carrier == CREW_MIXED ? 0 : carrier, pong, NULL);
    crew_join(&crew);
}

/* ---- take: one waiter clears it */

TEST(a_take_clears_it)
{
    ck_assert_int_eq(plait_event_take(&event, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_event_take(&event, plait_now() - 1), -ETIMEDOUT);
    plait_event_set(&event);
    plait_event_set(&event);
    ck_assert_int_eq(plait_event_take(&event, PLAIT_NOW), 0);
    ck_assert(!plait_event_is_set(&event));
    ck_assert_int_eq(plait_event_take(&event, plait_after(PLAIT_MILLISECOND)), -ETIMEDOUT);
}

static int take_one(void *arg)
{
    enlist();
    need(plait_event_take(arg, PLAIT_NEVER) == 0);
    __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
    return 0;
}

static void until_asleep(struct crew *crew)
{
    plait_wait_info info;
    for (int i = 0; i < crew->count; i++)
        while (crew->task[i] && plait_task_waits(crew->task[i], &info) != 0)
            plait_yield();
    ck_assert_int_eq(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)), 0);
}

static void until_taken(int count)
{
    while (__atomic_load_n(&taken, __ATOMIC_RELAXED) < count)
        ck_assert_int_eq(plait_sleep(plait_after(20 * PLAIT_MICROSECOND)), 0);
}

TEST_CREW(a_set_is_for_one_taker_and_for_all_who_wait)
{
    struct crew takers = {.count = 0}, waiters = {.count = 0};
    crew_start(&takers, carrier, 10, take_one, &event);
    crew_start(&waiters, carrier, 10, wait_set, &event);
    until_listed_asleep(20);
    plait_event_set(&event);
    crew_join(&waiters);
    ck_assert_int_eq(seen, 10);
    until_taken(1);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    ck_assert_int_eq(__atomic_load_n(&taken, __ATOMIC_RELAXED), 1);
    ck_assert(!plait_event_is_set(&event));
    for (int i = 1; i < 10; i++) {
        plait_event_set(&event);
        until_taken(i + 1);
    }
    crew_join(&takers);
}

/* No more than one is woken: the others would find it taken. */
TEST(a_set_wakes_one_taker)
{
    struct crew crew = {.count = 0};
    plait_counters before, after;
    crew_start(&crew, PLAIT_THREAD, 10, take_one, &event);
    until_asleep(&crew);
    plait_counters_read(&before);
    plait_event_set(&event);
    plait_counters_read(&after);
    ck_assert_uint_eq(after.wakes - before.wakes, 1);
    for (int i = 1; i <= 10; i++) {
        until_taken(i);
        plait_event_set(&event);
    }
    crew_join(&crew);
}

static int take_until_canceled(void *arg)
{
    need(plait_event_take(&event, PLAIT_NEVER) == -ECANCELED);
    need(plait_event_take(&event, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    return 0;
}

TEST_LIGHT(cancel_ends_a_take_once)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, take_until_canceled, NULL);
    until_asleep(&crew);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
}

/* Who has taken it is alone until he sets it again: a set that is lost leaves all asleep, one that
 * two take lets two in. Some only wait for it meanwhile. */
static void storm_take(struct storm *storm, unsigned *random)
{
    if (__atomic_exchange_n(&begun, 1, __ATOMIC_SEQ_CST) == 0)
        plait_event_set(&event);
    if (crew_random(random) % 8 == 0)
        (void)!plait_event_wait(&event, plait_after(5 * PLAIT_MICROSECOND));
    int rc = plait_event_take(&event, PLAIT_NOW);
    if (rc != 0 && !storm_got(storm, plait_event_take(&event, storm_deadline(random))))
        return;
    need(__atomic_fetch_add(&taken, 1, __ATOMIC_SEQ_CST) == 0);
    if (crew_random(random) % 4 == 0)
        plait_yield();
    __atomic_fetch_sub(&taken, 1, __ATOMIC_SEQ_CST);
    plait_event_set(&event);
}

TEST_STORM(a_storm_loses_no_set, storm_take)

/* The event is the waiter's, who frees it as soon as it is set. */
static int set_last(void *arg)
{
    plait_event_set(arg);
    return 0;
}

TEST_LIGHT(may_be_freed_by_who_sees_it_set)
{
    for (int i = 0; i < 100; i++) {
        struct crew crew = {.count = 0};
        plait_event *mine = calloc(1, sizeof *mine);
        crew_start(&crew, carrier, 1, set_last, mine);
        ck_assert_int_eq(plait_event_wait(mine, PLAIT_NEVER), 0);
        free(mine);
        crew_join(&crew);
    }
}

/* ---- signal handlers */

static void on_signal(int signal)
{
    plait_event_set(&event);
}

static int kick(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        need(pthread_kill(*(pthread_t *)arg, SIGUSR1) == 0);
        need(plait_event_wait(&answer, PLAIT_NEVER) == 0);
        plait_event_clear(&answer);
    }
    return 0;
}

/* The handler interrupts its thread anywhere in a wait on the same event, most of all while it
 * holds the bucket of the parking lot. */
TEST(a_handler_may_set_what_its_thread_waits_for)
{
    struct crew crew = {.count = 0};
    pthread_t me = pthread_self();
    struct sigaction action = {.sa_handler = on_signal};
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    crew_add(&crew, PLAIT_THREAD, kick, &me);
    for (int i = 0; i < 2000; i++) {
        int rc;
        do
            rc = plait_event_wait(&event, plait_after(20 * PLAIT_MICROSECOND));
        while (rc == -ETIMEDOUT);
        ck_assert_int_eq(rc, 0);
        plait_event_clear(&event);
        plait_event_set(&answer);
    }
    crew_join(&crew);
}

/* ---- shared */

static plait_event *shared_pair(void)
{
    plait_event *pair = plait_share(2 * sizeof *pair);
    ck_assert_ptr_nonnull(pair);
    plait_event_init(&pair[0], PLAIT_SHARED);
    plait_event_init(&pair[1], PLAIT_SHARED);
    return pair;
}

static int shared_child(void *arg)
{
    plait_event *pair = arg;
    for (int i = 0; i < 200; i++) {
        if (plait_event_wait(&pair[0], PLAIT_NEVER) != 0)
            return 1;
        plait_event_clear(&pair[0]);
        plait_event_set(&pair[1]);
    }
    return 0;
}

TEST_CARRIERS(a_shared_event_serves_processes_too)
{
    plait_event *pair = shared_pair();
    plait_task *task;
    int status = -1;
    ck_assert_int_eq(plait_start(&task, carrier, shared_child, pair, NULL), 0);
    for (int i = 0; i < 200; i++) {
        plait_event_set(&pair[0]);
        ck_assert_int_eq(plait_event_wait(&pair[1], PLAIT_NEVER), 0);
        plait_event_clear(&pair[1]);
    }
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    plait_share_free(pair);
}

TEST_CARRIERS(a_shared_set_wakes_all)
{
    plait_event *pair = shared_pair();
    plait_task *task[4];
    int status;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(plait_start(&task[i], carrier, wait_set, pair, NULL), 0);
    ck_assert_int_eq(plait_sleep(plait_after(5 * PLAIT_MILLISECOND)), 0);
    plait_event_set(pair);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(plait_join(task[i], &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    plait_share_free(pair);
}

static int take_shared(void *arg)
{
    plait_event *pair = arg;
    for (int i = 0; i < 100; i++) {
        if (plait_event_take(&pair[0], PLAIT_NEVER) != 0)
            return 1;
        plait_event_set(&pair[1]);
    }
    return 0;
}

TEST_CARRIERS(a_shared_set_is_taken_once)
{
    plait_event *pair = shared_pair();
    plait_task *task[2];
    int status = -1;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(plait_start(&task[i], carrier, take_shared, pair, NULL), 0);
    for (int i = 0; i < 200; i++) {
        plait_event_set(&pair[0]);
        ck_assert_int_eq(plait_event_take(&pair[1], PLAIT_NEVER), 0);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(plait_join(task[i], &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert(!plait_event_is_set(&pair[0]));
    plait_share_free(pair);
}

TEST(a_shared_event_times_out)
{
    plait_event *pair = shared_pair();
    int64_t end = plait_after(30 * PLAIT_MILLISECOND); /* longer than a round of the patrol */
    ck_assert_int_eq(plait_event_wait(pair, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_event_wait(pair, end), -ETIMEDOUT);
    ck_assert_int_ge(plait_now(), end);
    plait_share_free(pair);
}

/* ---- select */

static int select_it(void *arg)
{
    plait_event never = {{0}};
    plait_case cases[2] = {plait_on_event(&never), plait_on_event(&event)};
    plait_event_set(&answer);
    need(plait_select_cases(cases, 2, PLAIT_NEVER) == 1);
    return 0;
}

TEST_LIGHT(a_select_sees_a_set_and_a_pulse)
{
    for (int i = 0; i < 50; i++) {
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 1, select_it, NULL);
        until_asleep(&crew);
        plait_event_set(&event);
        if (i % 2)
            plait_event_clear(&event);
        crew_join(&crew);
        plait_event_clear(&event);
    }
    plait_case one = plait_on_event(&event);
    ck_assert_int_eq(plait_select_cases(&one, 1, PLAIT_NOW), -EAGAIN);
    plait_event_set(&event);
    ck_assert_int_eq(plait_select_cases(&one, 1, PLAIT_NOW), 0);
    ck_assert(plait_event_is_set(&event));
}

/* ---- misuse */

static void wait_now(void *arg)
{
    (void)!plait_event_wait(arg, PLAIT_NOW);
}

static void set(void *arg)
{
    plait_event_set(arg);
}

static void duration(void *arg)
{
    (void)!plait_event_wait(&event, 5 * PLAIT_SECOND);
}

static void take_duration(void *arg)
{
    (void)!plait_event_take(&event, 5 * PLAIT_SECOND);
}

static void take_now(void *arg)
{
    (void)!plait_event_take(arg, PLAIT_NOW);
}

static void share_on_the_stack(void *arg)
{
    plait_event local;
    plait_event_init(&local, PLAIT_SHARED);
}

TEST_LABELED(what_is_no_event_is_refused, "process")
{
    uint64_t garbage[9];
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(wait_now, NULL, "NULL is no event");
    harness_dies(set, garbage, "never initialised, or overwritten");
    harness_dies(set, (char *)garbage + 1, "not aligned");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
    harness_dies(take_duration, NULL, "a duration where a deadline belongs");
    harness_dies(take_now, garbage, "never initialised, or overwritten");
    harness_dies(share_on_the_stack, NULL, "outside of memory from plait_share");
}
