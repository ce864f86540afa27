/* The once: its function runs once, also when the first tries refuse, and nobody goes on before it
 * has. */
#include "stress.h"

#include <stdlib.h>

static plait_once once;
static plait_event go_on;
static int runs, made;

/* ---- alone */

static int make(void *arg)
{
    runs++;
    made = arg ? *(int *)arg : 1;
    return 0;
}

static int refuse(void *arg)
{
    runs++;
    return arg ? *(int *)arg : 1;
}

TEST(it_runs_once)
{
    int seven = 7;
    ck_assert_int_eq(plait_once_run(&once, make, &seven, PLAIT_NOW), 0);
    ck_assert_int_eq(made, 7);
    ck_assert_int_eq(plait_once_run(&once, make, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_once_run(&once, refuse, NULL, plait_now() - 1), 0);
    ck_assert_int_eq(runs, 1);
    ck_assert_int_eq(made, 7);
}

TEST(a_failed_run_does_not_count)
{
    int codes[] = {1, -1, -ECANCELED, -ETIMEDOUT, 100};
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(plait_once_run(&once, refuse, &codes[i], PLAIT_NEVER), -PLAIT_EFAILED);
    ck_assert_int_eq(plait_once_run(&once, make, NULL, plait_now() - 1), 0);
    ck_assert_int_eq(runs, 6);
    ck_assert_int_eq(plait_once_run(&once, refuse, NULL, PLAIT_NOW), 0);
}

TEST(init_makes_a_used_struct_private_and_not_yet_run)
{
    plait_once used;
    memset(&used, 0xa5, sizeof used);
    plait_once_init(&used, PLAIT_PRIVATE);
    ck_assert_int_eq(plait_once_run(&used, make, NULL, PLAIT_NOW), 0);
    plait_once_init(&used, PLAIT_PRIVATE);
    ck_assert_int_eq(plait_once_run(&used, make, NULL, PLAIT_NOW), 0);
    ck_assert_int_eq(runs, 2);
}

static int recurse(void *arg)
{
    runs++;
    need(plait_once_run(&once, make, NULL, PLAIT_NEVER) == -EDEADLK);
    need(plait_once_run(&once, make, NULL, PLAIT_NOW) == -EDEADLK);
    return plait_once_run(arg, make, NULL, PLAIT_NEVER);
}

TEST_LIGHT(recursion_is_told_and_other_onces_may_be_used)
{
    static plait_once other;
    ck_assert_int_eq(plait_once_run(&once, recurse, &other, PLAIT_NEVER), 0);
    ck_assert_int_eq(runs, 2);
    ck_assert_int_eq(plait_once_run(&once, recurse, &other, PLAIT_NEVER), 0);
}

/* ---- with others */

static int make_slowly(void *arg)
{
    need(plait_event_wait(&go_on, PLAIT_NEVER) == 0);
    runs++;
    made = 1;
    return 0;
}

static int run_it(void *arg)
{
    int rc = plait_once_run(&once, (plait_function *)arg, NULL, PLAIT_NEVER);
    need(rc == 0 || rc == -PLAIT_EFAILED);
    if (rc == 0)
        need(made == 1);
    return 0;
}

static void until_waiting(const struct crew *crew)
{
    for (int i = 0; i < crew->count; i++)
        while (crew->task[i] && plait_task_state(crew->task[i]) != PLAIT_WAITING)
            plait_yield();
}

TEST_CREW(all_others_wait_for_the_one)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 30, run_it, (void *)make_slowly);
    until_waiting(&crew);
    ck_assert_int_eq(plait_once_run(&once, make, NULL, PLAIT_NOW), -EAGAIN);
    int64_t end = plait_after(2 * PLAIT_MILLISECOND);
    ck_assert_int_eq(plait_once_run(&once, make, NULL, end), -ETIMEDOUT);
    ck_assert_int_ge(plait_now(), end);
    ck_assert_int_eq(plait_once_run(&once, make, NULL, plait_now() - 1), -ETIMEDOUT);
    ck_assert_int_eq(runs, 0);
    plait_event_set(&go_on);
    crew_join(&crew);
    ck_assert_int_eq(runs, 1);
}

static int fail_nine_times(void *arg)
{
    need(plait_event_wait(&go_on, PLAIT_NEVER) == 0);
    plait_yield();
    if (++runs < 10)
        return 1;
    made = 1;
    return 0;
}

TEST_CREW(the_next_one_tries_again)
{
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 30, run_it, (void *)fail_nine_times);
    until_waiting(&crew);
    plait_event_set(&go_on);
    crew_join(&crew);
    ck_assert_int_eq(runs, 10);
}

static int wait_until_canceled(void *arg)
{
    need(plait_once_run(&once, make, NULL, PLAIT_NEVER) == -ECANCELED);
    need(plait_once_run(&once, make, NULL, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    return 0;
}

TEST_LIGHT(cancel_ends_the_wait_for_another_once)
{
    struct crew first = {.count = 0}, second = {.count = 0};
    crew_start(&first, carrier, 1, run_it, (void *)make_slowly);
    until_waiting(&first);
    crew_start(&second, carrier, 1, wait_until_canceled, NULL);
    until_waiting(&second);
    plait_cancel(second.task[0]);
    crew_join(&second);
    plait_event_set(&go_on);
    crew_join(&first);
    ck_assert_int_eq(runs, 1);
}

/* Who runs the function is given his cancel inside it. */
static int sleep_inside(void *arg)
{
    return plait_event_wait(&go_on, PLAIT_NEVER);
}

static int be_canceled_inside(void *arg)
{
    need(plait_once_run(&once, sleep_inside, NULL, PLAIT_NEVER) == -PLAIT_EFAILED);
    return 0;
}

TEST_LIGHT(a_cancelled_run_does_not_count)
{
    struct crew crew = {.count = 0}, next = {.count = 0};
    crew_start(&crew, carrier, 1, be_canceled_inside, NULL);
    until_waiting(&crew);
    crew_start(&next, carrier, 1, run_it, (void *)make);
    until_waiting(&next);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
    crew_join(&next);
    ck_assert_int_eq(runs, 1);
}

static int leave_thread(void *arg)
{
    plait_event_set(arg);
    if (plait_sleep(plait_after(2 * PLAIT_MILLISECOND)) == 0)
        pthread_exit(NULL);
    return 0;
}

static void *run_and_leave(void *arg)
{
    (void)!plait_once_run(&once, leave_thread, arg, PLAIT_NEVER);
    return arg;
}

TEST(a_thread_that_ends_inside_leaves_it_to_the_next)
{
    pthread_t thread;
    void *result = &once;
    ck_assert_int_eq(pthread_create(&thread, NULL, run_and_leave, &go_on), 0);
    ck_assert_int_eq(plait_event_wait(&go_on, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_once_run(&once, make, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(runs, 1);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_null(result);
}

/* Whoever is told that it has run may free it. */
static int run_last(void *arg)
{
    need(plait_once_run(arg, make, NULL, PLAIT_NEVER) == 0);
    return 0;
}

static int make_and_wait(void *arg)
{
    while (!__atomic_load_n(&made, __ATOMIC_RELAXED))
        plait_yield();
    return 0;
}

static int run_first(void *arg)
{
    need(plait_once_run(arg, make_and_wait, NULL, PLAIT_NEVER) == 0);
    return 0;
}

TEST_LIGHT(may_be_freed_by_who_waited)
{
    for (int i = 0; i < 100; i++) {
        struct crew crew = {.count = 0};
        plait_once *mine = calloc(1, sizeof *mine);
        made = 0;
        crew_start(&crew, carrier, 1, run_first, mine);
        while (plait_once_run(mine, refuse, NULL, PLAIT_NOW) == -PLAIT_EFAILED)
            plait_yield();
        __atomic_store_n(&made, 1, __ATOMIC_RELAXED);
        ck_assert_int_eq(plait_once_run(mine, refuse, NULL, PLAIT_NEVER), 0);
        free(mine);
        crew_join(&crew);
    }
    struct crew crew = {.count = 0};
    plait_once one = {{0}};
    crew_start(&crew, carrier, 2, run_last, &one);
    crew_join(&crew);
}

/* ---- forks */

static void run_in_child(void *arg)
{
    need(plait_once_run(&once, make, NULL, PLAIT_NOW) == 0);
    need(runs == 1);
}

TEST_LABELED(a_run_that_a_fork_left_behind_has_failed, "process")
{
    struct crew crew = {.count = 0};
    char text[1024];
    crew_start(&crew, PLAIT_THREAD, 1, run_it, (void *)make_slowly);
    until_waiting(&crew);
    ck_assert_msg(harness_fork(run_in_child, NULL, text, sizeof text) == 0, "%s", text);
    plait_event_set(&go_on);
    crew_join(&crew);
    ck_assert_int_eq(runs, 1);
}

static void still_inside(void *arg)
{
    need(plait_once_run(&once, make, NULL, PLAIT_NOW) == -EDEADLK);
}

static int fork_inside(void *arg)
{
    char text[1024];
    ck_assert_msg(harness_fork(still_inside, NULL, text, sizeof text) == 0, "%s", text);
    return 0;
}

TEST_LABELED(who_forks_inside_is_inside_in_the_child_too, "process")
{
    ck_assert_int_eq(plait_once_run(&once, fork_inside, NULL, PLAIT_NEVER), 0);
}

/* ---- stress: many onces one after the other, whose functions fail as often as not */

enum { ONCES = 4 };
static struct subject {
    plait_once once;
    plait_lock renewing; /* held: nobody uses it, it is made anew */
    long users;
    int inside, made, number;
} subjects[ONCES];

static void fresh_subjects(void)
{
    memset(subjects, 0, sizeof subjects);
}

static int make_or_fail(void *arg)
{
    struct subject *subject = arg;
    need(__atomic_fetch_add(&subject->inside, 1, __ATOMIC_RELAXED) == 0);
    need(subject->made == 0);
    int number = ++subject->number, rc = 0;
    if (number % 4 == 0)
        plait_yield();
    if (number % 4 == 1)
        rc = plait_sleep(plait_after(50 * PLAIT_MICROSECOND));
    if (number % 8 == 7)
        subject->made = 1;
    __atomic_store_n(&subject->inside, 0, __ATOMIC_RELAXED);
    return rc ? rc : !subject->made;
}

/* The last user of one that has run makes it new: nobody may look at it meanwhile. */
static void leave_subject(struct subject *subject)
{
    plait_with (&subject->renewing)
        if (--subject->users == 0 && subject->made) {
            subject->made = 0;
            plait_once_init(&subject->once, PLAIT_PRIVATE);
        }
}

static int run_many(void *arg)
{
    struct stress_task me = stress_begin(arg);
    while (stress_more(&me)) {
        struct subject *subject = &subjects[crew_random(&me.random) % ONCES];
        plait_with (&subject->renewing)
            subject->users++;
        int rc = STRESS_WAIT(
            &me, plait_once_run(&subject->once, make_or_fail, subject, stress_deadline(&me)));
        need(rc == 0 || rc == -PLAIT_EFAILED || rc == -EAGAIN || rc == -ETIMEDOUT ||
             rc == -ECANCELED);
        if (rc == 0)
            need(subject->made == 1);
        leave_subject(subject);
    }
    return 0;
}

STRESS(one_at_a_time_and_only_until_it_is_made, 9, run_many, fresh_subjects, NULL)

/* ---- misuse */

static void run_now(void *arg)
{
    (void)!plait_once_run(arg, make, NULL, PLAIT_NOW);
}

static void no_function(void *arg)
{
    (void)!plait_once_run(&once, NULL, NULL, PLAIT_NOW);
}

static void shared(void *arg)
{
    plait_once_init(&once, PLAIT_SHARED);
}

static void duration(void *arg)
{
    (void)!plait_once_run(&once, make, NULL, 5 * PLAIT_SECOND);
}

TEST_LABELED(what_is_no_once_is_refused, "process")
{
    uint64_t garbage[9];
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(run_now, NULL, "NULL is no once");
    harness_dies(run_now, garbage, "never initialised, or overwritten");
    harness_dies(run_now, (char *)garbage + 1, "not aligned");
    harness_dies(no_function, NULL, "NULL is no function");
    harness_dies(shared, NULL, "outside of memory from plait_share");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
}
