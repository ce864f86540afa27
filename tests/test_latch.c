/* Latches: who waits goes on when the count comes to 0, and not before. */
#include "stress.h"

#include <limits.h>
#include <stdlib.h>

static plait_latch latch;
static int woken;

/* ---- alone */

TEST(a_zeroed_latch_is_at_zero_and_private)
{
    ck_assert_int_eq(plait_latch_count(&latch), 0);
    ck_assert_int_eq(plait_latch_wait(&latch, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_latch_wait(&latch, PLAIT_NEVER), 0);
    plait_latch_add(&latch, 0);
    ck_assert_int_eq(plait_latch_count(&latch), 0);
}

TEST(it_counts_up_and_down)
{
    plait_latch one;
    memset(&one, 0xa5, sizeof one);
    plait_latch_init(&one, 3, PLAIT_PRIVATE);
    ck_assert_int_eq(plait_latch_count(&one), 3);
    plait_latch_add(&one, 2);
    plait_latch_add(&one, -4);
    plait_latch_add(&one, 0);
    ck_assert_int_eq(plait_latch_count(&one), 1);
    ck_assert_int_eq(plait_latch_wait(&one, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_latch_wait(&one, plait_now() - 1), -ETIMEDOUT);
    plait_latch_add(&one, -1);
    ck_assert_int_eq(plait_latch_wait(&one, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_latch_wait(&one, plait_now() - 1), 0);
    plait_latch_add(&one, INT_MAX);
    ck_assert_int_eq(plait_latch_count(&one), INT_MAX);
    plait_latch_add(&one, -INT_MAX);
    ck_assert_int_eq(plait_latch_count(&one), 0);
}

/* ---- with others */

static int wait_for_zero(void *arg)
{
    need(plait_latch_wait(arg, PLAIT_NEVER) == 0);
    __atomic_add_fetch(&woken, 1, __ATOMIC_RELAXED);
    return 0;
}

static void until_waiting(const struct crew *crew)
{
    for (int i = 0; i < crew->count; i++)
        while (crew->task[i] && plait_task_state(crew->task[i]) != PLAIT_WAITING)
            plait_yield();
}

TEST_CREW(all_wait_for_the_last_one)
{
    struct crew crew = {.count = 0};
    plait_latch_add(&latch, 3);
    crew_start(&crew, carrier, 30, wait_for_zero, &latch);
    until_waiting(&crew);
    plait_latch_add(&latch, -2);
    plait_yield();
    ck_assert_int_eq(woken, 0);
    plait_latch_add(&latch, -1);
    crew_join(&crew);
    ck_assert_int_eq(woken, 30);
}

static int done[64];

static int one_part(void *arg)
{
    plait_yield();
    done[(int *)arg - done] = 1;
    plait_latch_add(&latch, -1);
    return 0;
}

TEST_CREW(what_was_done_before_is_seen_after)
{
    struct crew crew = {.count = 0};
    for (int i = 0; i < 60; i++) {
        plait_latch_add(&latch, 1);
        crew_add(&crew, carrier == CREW_MIXED ? i % 3 ? PLAIT_COROUTINE : 0 : carrier, one_part,
                 &done[i]);
    }
    ck_assert_int_eq(plait_latch_wait(&latch, PLAIT_NEVER), 0);
    for (int i = 0; i < 60; i++)
        ck_assert_int_eq(done[i], 1);
    crew_join(&crew);
}

static int wait_in_time(void *arg)
{
    int64_t end = plait_after(5 * PLAIT_MILLISECOND);
    need(plait_latch_wait(&latch, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    return 0;
}

TEST_CREW(a_count_above_zero_is_refused_in_time)
{
    plait_latch_add(&latch, 1);
    crew_run(carrier, 3, wait_in_time, NULL);
}

static int wait_until_canceled(void *arg)
{
    need(plait_latch_wait(&latch, PLAIT_NEVER) == -ECANCELED);
    need(plait_latch_wait(&latch, plait_after(PLAIT_MILLISECOND)) == -ETIMEDOUT);
    return 0;
}

TEST_LIGHT(cancel_ends_the_wait_once)
{
    struct crew crew = {.count = 0};
    plait_latch_add(&latch, 1);
    crew_start(&crew, carrier, 1, wait_until_canceled, NULL);
    until_waiting(&crew);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
}

/* The waiter must return although the latch is raised again before it can look. */
TEST_LIGHT(a_latch_raised_again_holds_nobody_back)
{
    for (int i = 0; i < 100; i++) {
        struct crew crew = {.count = 0};
        plait_latch_init(&latch, 1, PLAIT_PRIVATE);
        crew_start(&crew, carrier, 1, wait_for_zero, &latch);
        until_waiting(&crew);
        plait_latch_add(&latch, -1);
        plait_latch_add(&latch, 1);
        crew_join(&crew);
    }
}

/* The latch is the waiter's, who frees it as soon as it is at 0. */
static int count_last(void *arg)
{
    plait_latch_add(arg, -1);
    return 0;
}

TEST_LIGHT(may_be_freed_by_who_sees_it_at_zero)
{
    for (int i = 0; i < 100; i++) {
        struct crew crew = {.count = 0};
        plait_latch *mine = malloc(sizeof *mine);
        plait_latch_init(mine, 2, PLAIT_PRIVATE);
        crew_start(&crew, carrier, 2, count_last, mine);
        ck_assert_int_eq(plait_latch_wait(mine, PLAIT_NEVER), 0);
        free(mine);
        crew_join(&crew);
    }
}

static void count_in_child(void *arg)
{
    need(plait_latch_count(&latch) == 2);
    plait_latch_add(&latch, -2);
    need(plait_latch_wait(&latch, PLAIT_NOW) == 0);
}

TEST_LABELED(a_forked_child_has_its_own_copy, "process")
{
    struct crew crew = {.count = 0};
    char text[1024];
    plait_latch_add(&latch, 2);
    crew_start(&crew, PLAIT_THREAD, 3, wait_for_zero, &latch);
    until_waiting(&crew);
    ck_assert_msg(harness_fork(count_in_child, NULL, text, sizeof text) == 0, "%s", text);
    ck_assert_int_eq(plait_latch_count(&latch), 2);
    plait_latch_add(&latch, -2);
    crew_join(&crew);
}

/* ---- stress: pieces of work that are raised by one, done by others, waited for by a third */

enum { LATCHES = 4, PIECES = 3 };
static struct project {
    plait_latch latch;
    long open;    /* pieces that nobody has taken */
    long begun;   /* rounds whose pieces are counted in */
    long results; /* pieces done; before each count down */
    bool leads;
} projects[LATCHES];

static void no_projects(void)
{
    memset(projects, 0, sizeof projects);
}

/* Takes a piece and does it. */
static void do_one(struct project *project)
{
    long open = __atomic_load_n(&project->open, __ATOMIC_ACQUIRE);
    do
        if (open == 0)
            return;
    while (!__atomic_compare_exchange_n(&project->open, &open, open - 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE));
    __atomic_add_fetch(&project->results, 1, __ATOMIC_RELAXED);
    plait_latch_add(&project->latch, -1);
}

/* A round more, by whoever comes when the last one is over. */
static void lead_one(struct project *project)
{
    if (__atomic_exchange_n(&project->leads, true, __ATOMIC_ACQUIRE))
        return;
    if (plait_latch_wait(&project->latch, PLAIT_NOW) == 0) {
        need(__atomic_load_n(&project->results, __ATOMIC_RELAXED) == project->begun * PIECES);
        plait_latch_add(&project->latch, PIECES);
        __atomic_add_fetch(&project->begun, 1, __ATOMIC_RELEASE);
        __atomic_add_fetch(&project->open, PIECES, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&project->leads, false, __ATOMIC_RELEASE);
}

/* Whoever was told 0 sees all the pieces of the rounds begun before it asked. */
static void watch_one(struct stress_task *me, struct project *project)
{
    long begun = __atomic_load_n(&project->begun, __ATOMIC_ACQUIRE);
    int rc = STRESS_WAIT(me, plait_latch_wait(&project->latch, stress_deadline(me)));
    need(rc == 0 || rc == -EAGAIN || rc == -ETIMEDOUT || rc == -ECANCELED);
    if (rc == 0)
        need(__atomic_load_n(&project->results, __ATOMIC_RELAXED) >= begun * PIECES);
}

static int raise_do_and_wait(void *arg)
{
    struct stress_task me = stress_begin(arg);
    while (stress_more(&me)) {
        struct project *project = &projects[crew_random(&me.random) % LATCHES];
        unsigned choice = crew_random(&me.random) % 8;
        if (choice < 5 && me.number > 0) /* one never waits, so that the pieces are done */
            watch_one(&me, project);
        else if (choice < 7)
            lead_one(project);
        else
            do_one(project);
    }
    return 0;
}

/* Does what is left, so that nobody goes on waiting. */
static void finish_projects(void)
{
    for (int i = 0; i < LATCHES; i++)
        while (__atomic_load_n(&projects[i].open, __ATOMIC_ACQUIRE))
            do_one(&projects[i]);
}

STRESS(pieces_are_done_before_the_wait_ends, 9, raise_do_and_wait, no_projects, finish_projects)

/* ---- misuse */

static void try_now(void *arg)
{
    (void)!plait_latch_wait(arg, PLAIT_NOW);
}

static void too_low(void *arg)
{
    plait_latch_init(&latch, 2, PLAIT_PRIVATE);
    plait_name(&latch, "parts");
    plait_latch_add(&latch, -3);
}

static void lowest(void *arg)
{
    plait_latch_add(&latch, INT_MIN);
}

static void too_high(void *arg)
{
    plait_latch_init(&latch, INT_MAX, PLAIT_PRIVATE);
    plait_latch_add(&latch, 1);
}

static void negative(void *arg)
{
    plait_latch_init(&latch, -1, PLAIT_PRIVATE);
}

static void shared(void *arg)
{
    plait_latch_init(&latch, 1, PLAIT_SHARED);
}

static void duration(void *arg)
{
    (void)!plait_latch_wait(&latch, 5 * PLAIT_SECOND);
}

TEST_LABELED(what_is_no_latch_is_refused, "process")
{
    uint64_t garbage[9];
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(try_now, NULL, "NULL is no latch");
    harness_dies(try_now, garbage, "never initialised, or overwritten");
    harness_dies(try_now, (char *)garbage + 1, "not aligned");
    harness_dies(too_low, NULL, "latch parts: counted down by 3, but only 2 are left");
    harness_dies(lowest, NULL, "counted down by 2147483648, but only 0 are left");
    harness_dies(too_high, NULL, "2147483647 and 1 more are too many");
    harness_dies(negative, NULL, "a count of -1");
    harness_dies(shared, NULL, "outside of memory from plait_share");
    harness_dies(duration, NULL, "a duration where a deadline belongs");
}
