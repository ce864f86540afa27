/* The semaphore in shared memory: the private one's promises between processes, and those for the
 * dead. Kills at each single instruction are tests/kill's; all orders of the protocol's steps are
 * tests/models/semaphore.c's. */
#include "children.h"

#include <limits.h>
#include <string.h>

static struct common {
    plait_semaphore units, answer;
    int inside, most, taken, ran;
    long sum;
} * common;

static void open_common(int units, int limit)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    plait_semaphore_init(&common->units, units, limit, PLAIT_SHARED);
    plait_semaphore_init(&common->answer, 0, 0, PLAIT_SHARED);
}

static void close_common(void)
{
    plait_share_free(common);
}

static int value(void)
{
    return plait_semaphore_value(&common->units);
}

TEST(units_are_taken_all_or_none)
{
    open_common(3, 5);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 4, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 5, plait_after(PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 5, plait_now() - 1), -ETIMEDOUT);
    ck_assert_int_eq(value(), 3);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 3, PLAIT_NOW), 0);
    ck_assert_int_eq(value(), 0);
    plait_semaphore_release(&common->units, 5);
    ck_assert_int_eq(value(), 5);
    close_common();
}

TEST(what_can_never_be_is_refused)
{
    open_common(1, 5);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 0, PLAIT_NOW), -EINVAL);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, -1, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, INT_MIN, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 6, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(value(), 1);
    close_common();
}

TEST(the_largest_numbers_fit)
{
    open_common(INT_MAX, 0);
    ck_assert_int_eq(value(), INT_MAX);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, INT_MAX, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 1, PLAIT_NOW), -EAGAIN);
    plait_semaphore_release(&common->units, INT_MAX);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 1, PLAIT_NOW), 0);
    close_common();
}

static int eat(void *arg)
{
    for (int i = 0; i < 20; i++) {
        need(plait_semaphore_acquire(&common->units, 1, PLAIT_NEVER) == 0);
        int now = __atomic_add_fetch(&common->inside, 1, __ATOMIC_SEQ_CST);
        need(now <= 3);
        plait_sleep(plait_after(50 * PLAIT_MICROSECOND));
        __atomic_sub_fetch(&common->inside, 1, __ATOMIC_SEQ_CST);
        plait_semaphore_release(&common->units, 1);
    }
    return 0;
}

TEST_CREW(never_more_than_three_inside)
{
    open_common(3, 3);
    crew_run(carrier, 8, eat, NULL);
    ck_assert_int_eq(value(), 3);
    close_common();
}

static int eat_in_company(void *arg)
{
    crew_run(PLAIT_COROUTINE, 3, eat, NULL);
    return eat(arg);
}

TEST_LABELED(never_more_than_three_inside_among_processes, "process")
{
    open_common(3, 3);
    struct crew crew = {.count = 0};
    crew_start(&crew, PLAIT_PROCESS, 3, eat_in_company, NULL);
    crew_start(&crew, CREW_MIXED, 3, eat, NULL);
    crew_join(&crew);
    ck_assert_int_eq(value(), 3);
    close_common();
}

static int take_one(void *arg)
{
    need(plait_semaphore_acquire(&common->units, 1, PLAIT_NEVER) == 0);
    __atomic_add_fetch(&common->taken, 1, __ATOMIC_SEQ_CST);
    return 0;
}

TEST_CREW(one_release_wakes_as_many_as_it_feeds)
{
    struct crew crew = {.count = 0};
    open_common(0, 0);
    crew_start(&crew, carrier, 6, take_one, NULL);
    plait_sleep(plait_after(3 * PLAIT_MILLISECOND));
    plait_semaphore_release(&common->units, 4);
    BEFORE_LONG(common->taken == 4);
    plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
    ck_assert_int_eq(common->taken, 4);
    plait_semaphore_release(&common->units, 2);
    crew_join(&crew);
    close_common();
}

static int take_and_give(void *arg)
{
    while (!__atomic_load_n(&common->ran, __ATOMIC_ACQUIRE)) {
        need(plait_semaphore_acquire(&common->units, 1, PLAIT_NEVER) == 0);
        plait_yield();
        plait_semaphore_release(&common->units, 1);
    }
    return 0;
}

static int take_all(void *arg)
{
    for (int i = 0; i < 5; i++) {
        need(plait_semaphore_acquire(&common->units, 4, PLAIT_NEVER) == 0);
        plait_semaphore_release(&common->units, 4);
    }
    __atomic_store_n(&common->ran, 1, __ATOMIC_RELEASE);
    return 0;
}

TEST_CARRIERS(who_wants_many_is_served_among_many_who_want_one)
{
    struct crew crew = {.count = 0};
    open_common(4, 4);
    crew_start(&crew, carrier, 4, take_and_give, NULL);
    crew_start(&crew, carrier, 1, take_all, NULL);
    crew_join(&crew);
    ck_assert_int_eq(value(), 4);
    close_common();
}

static int answer(void *arg)
{
    for (int i = 0; i < 200; i++) {
        need(plait_semaphore_acquire(&common->units, 1, PLAIT_NEVER) == 0);
        plait_semaphore_release(&common->answer, 1);
    }
    return 0;
}

TEST_CARRIERS(hand_over_to_and_fro)
{
    struct crew crew = {.count = 0};
    open_common(0, 1);
    crew_start(&crew, carrier, 1, answer, NULL);
    for (int i = 0; i < 200; i++) {
        plait_semaphore_release(&common->units, 1);
        ck_assert_int_eq(plait_semaphore_acquire(&common->answer, 1, PLAIT_NEVER), 0);
    }
    crew_join(&crew);
    close_common();
}

static int wait_for_cancel(void *arg)
{
    int rc = plait_semaphore_acquire(&common->units, *(int *)arg, PLAIT_NEVER);
    return rc == -ECANCELED ? 0 : 1;
}

/* As the front, with S for who wants two; and behind it. */
TEST_LIGHT(a_cancel_ends_the_wait_and_leaves_nothing)
{
    plait_task *task[2];
    int status, wants[2] = {1, 2};
    open_common(0, 0);
    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < 2; k++)
            ck_assert_int_eq(
                plait_start(&task[k], carrier, wait_for_cancel, &wants[(i + k) % 2], NULL), 0);
        plait_sleep(plait_after((i % 4) * PLAIT_MILLISECOND));
        for (int k = 0; k < 2; k++) {
            plait_cancel(task[(i / 2 + k) % 2]);
            ck_assert_int_eq(plait_join(task[(i / 2 + k) % 2], &status, PLAIT_NEVER), 0);
            ck_assert_int_eq(status, 0);
        }
        plait_semaphore_release(&common->units, 1);
        ck_assert_int_eq(plait_semaphore_acquire(&common->units, 1, PLAIT_NOW), 0);
    }
    close_common();
}

static int select_one(void *arg)
{
    static plait_event never;
    for (int i = 0; i < 30; i++) {
        int which = plait_select(PLAIT_NEVER, plait_on_event(&never),
                                 plait_on_semaphore(&common->units, 1));
        need(which == 1);
        need(__atomic_add_fetch(&common->inside, 1, __ATOMIC_SEQ_CST) <= 3);
        plait_sleep(plait_after(50 * PLAIT_MICROSECOND));
        __atomic_sub_fetch(&common->inside, 1, __ATOMIC_SEQ_CST);
        plait_semaphore_release(&common->units, 1);
    }
    return 0;
}

TEST_CARRIERS(selects_and_waits_share_the_units)
{
    struct crew crew = {.count = 0};
    open_common(3, 3);
    crew_start(&crew, carrier, 4, select_one, NULL);
    crew_start(&crew, carrier, 3, eat, NULL);
    crew_join(&crew);
    ck_assert_int_eq(value(), 3);
    close_common();
}

/* ---- the dead and the stopped */

static int wait_for_two(void *arg)
{
    return plait_semaphore_acquire(&common->units, 2, PLAIT_NEVER);
}

static bool starves(void)
{
    return common->units.own[6] >> 63;
}

TEST_LABELED(a_dead_front_lets_the_next_one_go, "process")
{
    struct crew crew = {.count = 0};
    open_common(0, 0);
    pid_t front = child_in(wait_for_two, NULL);
    BEFORE_LONG(starves());
    crew_start(&crew, CREW_MIXED, 3, take_one, NULL);
    plait_sleep(plait_after(3 * PLAIT_MILLISECOND));
    plait_semaphore_release(&common->units, 1);
    plait_sleep(plait_after(3 * PLAIT_MILLISECOND));
    ck_assert_int_eq(common->taken, 0); /* put by for the front */
    kill_child(front);
    BEFORE_LONG(common->taken == 1);
    plait_semaphore_release(&common->units, 2);
    crew_join(&crew);
    close_common();
}

TEST_LABELED(what_was_put_by_for_a_dead_front_is_there_for_a_try, "process")
{
    open_common(1, 0);
    pid_t front = child_in(wait_for_two, NULL);
    BEFORE_LONG(starves());
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 1, PLAIT_NOW), -EAGAIN);
    kill_child(front);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 1, PLAIT_NOW), 0);
    close_common();
}

static int wait_for_one(void *arg)
{
    return plait_semaphore_acquire(&common->units, 1, PLAIT_NEVER);
}

TEST_LABELED(a_stopped_front_keeps_nobody_from_a_unit, "process")
{
    struct crew crew = {.count = 0};
    open_common(0, 0);
    pid_t front = child_in(wait_for_one, NULL);
    BEFORE_LONG(common->units.own[6] & UINT32_C(0x80000000)); /* asleep, or about to */
    stop_child(front);
    bool put_by = starves();
    crew_start(&crew, CREW_MIXED, 3, take_one, NULL);
    plait_sleep(plait_after(3 * PLAIT_MILLISECOND));
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, 1, plait_after(PLAIT_MILLISECOND)),
                     -ETIMEDOUT); /* deadlines hold */
    plait_semaphore_release(&common->units, 3);
    if (!put_by)
        BEFORE_LONG(common->taken == 3);
    ck_assert_int_eq(kill(front, SIGCONT), 0);
    plait_semaphore_release(&common->units, 1);
    crew_join(&crew);
    ck_assert_int_eq(child_status(front), 0);
    close_common();
}

static int consume(void *unused)
{
    for (;;)
        if (plait_semaphore_acquire(&common->units, 1, PLAIT_NEVER) != 0)
            return 1;
    return 0;
}

/* Units that nobody takes although many wait would be a lost wake. */
static void kill_consumers(int kills)
{
    enum { CHILDREN = 3 };
    pid_t children[CHILDREN];
    unsigned random = 11;
    open_common(0, 0);
    for (int i = 0; i < CHILDREN; i++)
        children[i] = child_working(consume, 2);
    for (int i = 0; i < kills; i++) {
        int victim = (int)(crew_random(&random) % CHILDREN);
        plait_semaphore_release(&common->units, 1 + (int)(crew_random(&random) % 3));
        if (crew_random(&random) % 2)
            for (volatile unsigned k = crew_random(&random) % 8192; k > 0; k--)
                ;
        kill_child(children[victim]);
        BEFORE_LONG(value() == 0);
        children[victim] = child_working(consume, 2);
    }
    for (int i = 0; i < CHILDREN; i++)
        kill_child(children[i]);
    close_common();
}

TEST_LABELED(a_killed_waiter_loses_no_wake, "process")
{
    kill_consumers(60);
}

TEST_LABELED(many_killed_waiters_lose_no_wake, "process long")
{
    kill_consumers(3000);
}

static int struggle(void *arg)
{
    unsigned random = (unsigned)getpid() + (unsigned)(uintptr_t)&random;
    for (;;) {
        int units = 1 + (int)(crew_random(&random) % 3);
        int64_t deadline = crew_random(&random) % 4
                               ? PLAIT_NEVER
                               : plait_after((int64_t)(crew_random(&random) % 2000) * 1000);
        int rc = plait_semaphore_acquire(&common->units, units, deadline);
        if (rc != 0 && rc != -ETIMEDOUT)
            abort();
        __atomic_add_fetch(&common->sum, 1, __ATOMIC_RELAXED);
        if (rc == 0)
            plait_semaphore_release(&common->units, units);
    }
    return 0;
}

static void *struggle_as_thread(void *unused)
{
    struggle(NULL);
    return NULL;
}

static int struggle_mixed(void *unused)
{
    plait_task *task;
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, struggle_as_thread, NULL);
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = plait_start(&task, PLAIT_COROUTINE, struggle, NULL, NULL);
    return rc;
}

/* Takers and givers die, or are stopped for a while; what the dead can have taken with them is put
 * back, so the others must go on. At the end there are as many units as can be, and none too
 * many. */
static void soak(int kills)
{
    enum { CHILDREN = 3, UNITS = 4, MOST = 9 };
    pid_t children[CHILDREN];
    unsigned random = 7;
    int all = UNITS;
    open_common(UNITS, 0);
    for (int i = 0; i < CHILDREN; i++)
        children[i] = child_that(struggle_mixed, NULL);
    for (int i = 0; i < kills; i++) {
        int one = (int)(crew_random(&random) % CHILDREN);
        usleep(crew_random(&random) % 2000);
        if (i % 3 == 0) {
            stop_child(children[one]);
            usleep(crew_random(&random) % 3000);
            kill(children[one], SIGCONT);
        }
        kill_child(children[one]);
        children[one] = child_that(struggle_mixed, NULL);
        plait_semaphore_release(&common->units, MOST);
        all += MOST;
        long before = __atomic_load_n(&common->sum, __ATOMIC_RELAXED);
        BEFORE_LONG(__atomic_load_n(&common->sum, __ATOMIC_RELAXED) > before + 10);
    }
    for (int i = 0; i < CHILDREN; i++)
        kill_child(children[i]);
    ck_assert_int_le(value(), all);
    int left = value();
    ck_assert_int_gt(left, 0);
    ck_assert_int_eq(plait_semaphore_acquire(&common->units, left, PLAIT_NOW), 0);
    close_common();
}

TEST_LABELED(kills_and_stops_at_random_moments, "process")
{
    soak(60);
}

TEST_LABELED(many_kills_and_stops, "process long")
{
    soak(3000);
}

/* ---- what a dump shows: of the first who waits, and of those who line up behind */

static int acquire_one(void *unused)
{
    return plait_semaphore_acquire(&common->units, 1, PLAIT_NEVER);
}

TEST(waits_are_for_the_semaphore_also_behind_the_first)
{
    plait_task *tasks[3];
    open_common(0, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_start(&tasks[i], PLAIT_THREAD, acquire_one, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        plait_wait_info wait;
        BEFORE_LONG(plait_task_waits(tasks[i], &wait) == 0);
        ck_assert_str_eq(wait.verb, "acquire");
        ck_assert_int_eq(strncmp(wait.object, "semaphore", 9), 0);
        ck_assert_ptr_null(wait.holder);
    }
    plait_semaphore_release(&common->units, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_join(tasks[i], NULL, PLAIT_NEVER), 0);
    close_common();
}

/* ---- misuse */

static void release_none(void *arg)
{
    plait_semaphore_release(&common->units, 0);
}

static void release_two(void *arg)
{
    plait_semaphore_release(&common->units, 2);
}

static void elsewhere(void *arg)
{
    static plait_semaphore semaphore;
    plait_semaphore_init(&semaphore, 0, 0, PLAIT_SHARED);
}

TEST_LABELED(misuse_stops_the_program_with_a_name, "process")
{
    open_common(2, 3);
    harness_dies(release_none, NULL, "releases 0 units");
    harness_dies(release_two, NULL, "releases 2 units while 2 are there");
    harness_dies(elsewhere, NULL, "outside of memory from plait_share");
    ck_assert_int_eq(value(), 2);
    close_common();
}
