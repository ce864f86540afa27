/* plait_select: one of several, exactly one, nothing lost; each kind of case; bad input. The stress
 * is in test_select_storm.c, queues without room in test_rendezvous.c. */
#include "crew.h"

#include <limits.h>
#include <unistd.h>

static plait_queue *queue_of(size_t capacity)
{
    plait_queue *queue = plait_queue_open(sizeof(int), capacity, NULL);
    ck_assert_ptr_nonnull(queue);
    return queue;
}

static void put_int(plait_queue *queue, int item)
{
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), 0);
}

static int get_int(plait_queue *queue)
{
    int item = -1;
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NOW), 0);
    return item;
}

/* Until the task sleeps. */
static void until_waiting(plait_task *task)
{
    while (plait_task_state(task) != PLAIT_WAITING)
        plait_sleep(plait_after(100 * PLAIT_MICROSECOND));
    plait_sleep(plait_after(PLAIT_MILLISECOND));
}

/* A select in another task, which one can look at while it sleeps. */
struct selecting {
    plait_case *cases;
    int count, result;
    int64_t deadline;
};

static int select_once(void *arg)
{
    struct selecting *one = arg;
    one->result = plait_select_cases(one->cases, one->count, one->deadline);
    return 0;
}

static void select_begin(struct crew *crew, int carrier, struct selecting *one)
{
    crew->count = 0;
    crew_start(crew, carrier, 1, select_once, one);
    until_waiting(crew->task[0]);
}

/* ---- alone */

TEST(the_one_that_is_ready_is_done)
{
    plait_queue *a = queue_of(2), *b = queue_of(2);
    int got = 0;
    put_int(b, 7);
    plait_case cases[] = {plait_on_get(a, &got), plait_on_get(b, &got)};
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), 1);
    ck_assert_int_eq(got, 7);
    ck_assert_int_eq(cases[0].result, -EAGAIN);
    ck_assert_int_eq(cases[1].result, sizeof(int));
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_select_cases(cases, 2, plait_now() - 1), -ETIMEDOUT);
    int64_t end = plait_after(3 * PLAIT_MILLISECOND);
    ck_assert_int_eq(plait_select_cases(cases, 2, end), -ETIMEDOUT);
    ck_assert_int_ge(plait_now(), end);
    ck_assert_int_eq(plait_select(PLAIT_NOW, plait_on_get(a, &got), plait_on_put(a, &got)), 1);
    plait_queue_free(b);
    ck_assert_int_eq(get_int(a), 7);
    plait_queue_free(a);
}

/* Two ready ones behind two that are never ready: each is taken about half of the time. */
TEST(all_that_are_ready_have_the_same_chance)
{
    enum { ROUNDS = 4000 };
    plait_queue *queues[4];
    plait_case cases[4];
    int taken[4] = {0}, got;
    for (int i = 0; i < 4; i++) {
        queues[i] = queue_of(1);
        cases[i] = plait_on_get(queues[i], &got);
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 2; k < 4; k++)
            (void)!plait_put(queues[k], &k, PLAIT_NOW);
        int done = plait_select_cases(cases, 4, PLAIT_NOW);
        ck_assert_int_ge(done, 2);
        ck_assert_int_eq(got, done);
        taken[done]++;
    }
    ck_assert_int_gt(taken[2], ROUNDS * 45 / 100); /* six deviations */
    ck_assert_int_gt(taken[3], ROUNDS * 45 / 100);
    for (int i = 0; i < 4; i++) {
        plait_queue_close(queues[i]);
        (void)!plait_get(queues[i], &got, PLAIT_NOW);
        plait_queue_free(queues[i]);
    }
}

TEST(one_object_in_several_cases)
{
    plait_queue *queue = queue_of(1);
    int in = 5, out = 0;
    plait_case cases[] = {plait_on_get(queue, &out), plait_on_put(queue, &in),
                          plait_on_get(queue, &out), plait_on_put(queue, &in)};
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(plait_select_cases(cases, 4, PLAIT_NEVER) % 2, 1);
        ck_assert_int_eq(plait_select_cases(cases, 4, PLAIT_NEVER) % 2, 0);
        ck_assert_int_eq(out, 5);
    }
    plait_queue_free(queue);
}

TEST(a_closed_queue_ends_it_when_nothing_is_ready)
{
    plait_queue *closed = queue_of(1), *other = queue_of(1);
    int got = 0;
    plait_case cases[] = {plait_on_get(other, &got), plait_on_get(closed, &got)};
    put_int(closed, 1);
    plait_queue_close(closed);
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), 1); /* what is left comes first */
    for (int i = 0; i < 50; i++) {
        put_int(other, 2);
        ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), -EPIPE);
        ck_assert_int_eq(cases[1].result, -EPIPE);
        ck_assert_int_eq(cases[0].result, -EAGAIN);
        ck_assert_int_eq(plait_select(PLAIT_NOW, plait_on_put(closed, &got)), -EPIPE);
    }
    plait_queue_free(closed);
    plait_queue_free(other);
}

static int never_started(void *arg)
{
    return 0;
}

static void waits_for_a_duration(void *arg)
{
    (void)!plait_select(PLAIT_SECOND, plait_on_time(PLAIT_NEVER));
}

static void waits_for_a_case_of_a_duration(void *arg)
{
    plait_case one = plait_on_time(PLAIT_SECOND);
    (void)!plait_select_cases(&one, 1, PLAIT_NOW);
}

static void waits_for_an_old_handle(void *arg)
{
    plait_task *task;
    need(plait_start(&task, PLAIT_COROUTINE, never_started, NULL, NULL) == 0);
    need(plait_join(task, NULL, PLAIT_NEVER) == 0);
    (void)!plait_select(PLAIT_NOW, plait_on_end(task));
}

static void waits_for_a_handle_given_back_meanwhile(void *arg)
{
    plait_task *task;
    need(plait_start(&task, PLAIT_COROUTINE, never_started, NULL, NULL) == 0);
    plait_case one = plait_on_end(task);
    need(plait_join(task, NULL, PLAIT_NEVER) == 0);
    (void)!plait_select_cases(&one, 1, PLAIT_NOW);
}

static void waits_for_no_word(void *arg)
{
    (void)!plait_select(PLAIT_NOW, plait_on_word(NULL, 0, PLAIT_PRIVATE));
}

static void waits_for_no_lock(void *arg)
{
    (void)!plait_select(PLAIT_NOW, plait_on_acquire(NULL));
}

TEST(what_cannot_be_waited_for)
{
    plait_case one = plait_on_time(PLAIT_NEVER), none = {0};
    static plait_case many[1001];
    ck_assert_int_eq(plait_select_cases(&one, 0, PLAIT_NOW), -EINVAL);
    ck_assert_int_eq(plait_select_cases(&one, -1, PLAIT_NOW), -EINVAL);
    ck_assert_int_eq(plait_select_cases(&one, INT_MIN, PLAIT_NOW), -EINVAL);
    ck_assert_int_eq(plait_select_cases(NULL, 1, PLAIT_NOW), -EINVAL);
    ck_assert_int_eq(plait_select_cases(&none, 1, PLAIT_NOW), -EINVAL);
    ck_assert_int_eq(plait_select(PLAIT_NOW, plait_on_end(NULL)), -EINVAL);
    for (int i = 0; i < 1001; i++)
        many[i] = plait_on_time(PLAIT_NEVER);
    ck_assert_int_eq(plait_select_cases(many, 1001, PLAIT_NOW), -E2BIG);
    ck_assert_int_eq(plait_select_cases(many, INT_MAX, PLAIT_NOW), -E2BIG);
    ck_assert_int_eq(plait_select_cases(many, 1000, PLAIT_NOW), -EAGAIN);
    harness_dies(waits_for_a_duration, NULL, "duration where a deadline belongs");
    harness_dies(waits_for_a_case_of_a_duration, NULL, "duration where a deadline belongs");
    harness_dies(waits_for_an_old_handle, NULL, "select with a handle that is none");
    harness_dies(waits_for_a_handle_given_back_meanwhile, NULL,
                 "joined or detached while a select waits for its end");
    harness_dies(waits_for_no_word, NULL, "NULL, or not aligned");
    harness_dies(waits_for_no_lock, NULL, "lock");
}

/* ---- asleep */

TEST_LIGHT(a_put_wakes_it)
{
    plait_queue *a = queue_of(1), *b = queue_of(1);
    int got = 0;
    plait_case cases[] = {plait_on_get(a, &got), plait_on_get(b, &got)};
    for (int i = 0; i < 4; i++) {
        struct crew crew;
        struct selecting one = {cases, 2, -1, PLAIT_NEVER};
        select_begin(&crew, carrier, &one);
        put_int(i % 2 ? b : a, i);
        crew_join(&crew);
        ck_assert_int_eq(one.result, i % 2);
        ck_assert_int_eq(got, i);
        ck_assert_int_eq(cases[i % 2].result, sizeof(int));
    }
    plait_queue_free(a);
    plait_queue_free(b);
}

TEST_LIGHT(room_wakes_it)
{
    plait_queue *a = queue_of(1), *b = queue_of(1);
    int in = 9;
    plait_case cases[] = {plait_on_put(a, &in), plait_on_put(b, &in)};
    struct crew crew;
    struct selecting one = {cases, 2, -1, PLAIT_NEVER};
    put_int(a, 1);
    put_int(b, 2);
    select_begin(&crew, carrier, &one);
    ck_assert_int_eq(get_int(b), 2);
    crew_join(&crew);
    ck_assert_int_eq(one.result, 1);
    ck_assert_int_eq(cases[1].result, 0);
    ck_assert_int_eq(get_int(b), 9);
    ck_assert_int_eq(get_int(a), 1);
    plait_queue_free(a);
    plait_queue_free(b);
}

TEST_LIGHT(close_cancel_and_deadline_end_it)
{
    plait_queue *a = queue_of(1), *b = queue_of(1);
    int got = 0;
    plait_case cases[] = {plait_on_get(a, &got), plait_on_get(b, &got)};
    struct crew crew;
    struct selecting one = {cases, 2, -1, PLAIT_NEVER};
    select_begin(&crew, carrier, &one);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
    ck_assert_int_eq(one.result, -ECANCELED);
    one.deadline = plait_after(3 * PLAIT_MILLISECOND);
    crew_run(carrier, 1, select_once, &one);
    ck_assert_int_eq(one.result, -ETIMEDOUT);
    ck_assert_int_ge(plait_now(), one.deadline);
    one.deadline = PLAIT_NEVER;
    select_begin(&crew, carrier, &one);
    plait_queue_close(b);
    crew_join(&crew);
    ck_assert_int_eq(one.result, -EPIPE);
    ck_assert_int_eq(cases[1].result, -EPIPE);
    plait_queue_free(a);
    plait_queue_free(b);
}

/* Two sleep, one item comes: one of them has it. A select that has slept beside plain getters
 * passes on what was meant for them. */
static int get_plainly(void *arg)
{
    int item;
    return plait_get((plait_queue *)arg, &item, PLAIT_NEVER);
}

TEST_CREW(a_select_beside_plain_getters)
{
    for (int i = 0; i < 30; i++) {
        plait_queue *a = queue_of(8), *b = queue_of(8);
        int got[2], item = i;
        plait_case first[] = {plait_on_get(a, &got[0]), plait_on_get(b, &got[0])};
        plait_case second[] = {plait_on_get(b, &got[1]), plait_on_get(a, &got[1])};
        struct selecting one = {first, 2, -1, PLAIT_NEVER}, two = {second, 2, -1, PLAIT_NEVER};
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 1, select_once, &one);
        crew_start(&crew, carrier, 3, get_plainly, a);
        crew_start(&crew, carrier, 1, select_once, &two);
        crew_start(&crew, carrier, 3, get_plainly, b);
        if (i % 2)
            ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND / 2)), 0);
        for (int k = 0; k < 4; k++) {
            ck_assert_int_eq(plait_put(a, &item, PLAIT_NEVER), 0);
            ck_assert_int_eq(plait_put(b, &item, PLAIT_NEVER), 0);
        }
        /* Both selects may have taken from one queue: then a getter of the other one waits still,
         * and an item lies there that it is owed, or not. One more of each does for all. */
        ck_assert_int_eq(plait_put(a, &item, PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_put(b, &item, PLAIT_NEVER), 0);
        crew_join(&crew);
        plait_queue_close(a);
        plait_queue_close(b);
        for (int left = 0; left < 2; left++)
            if (plait_get(a, &item, PLAIT_NOW) != 0)
                ck_assert_int_eq(plait_get(b, &item, PLAIT_NOW), 0);
        plait_queue_free(a);
        plait_queue_free(b);
    }
}

/* ---- how many */

struct thousand {
    plait_queue **queues;
    int count, result, got;
    bool may_fit; /* the stack is larger than asked for */
};

static int select_of_many(void *arg)
{
    struct thousand *all = arg;
    plait_case *cases = calloc((size_t)all->count, sizeof *cases);
    need(cases != NULL);
    for (int i = 0; i < all->count; i++)
        cases[i] = plait_on_get(all->queues[i], &all->got);
    all->result = plait_select_cases(cases, all->count, PLAIT_NEVER);
    free(cases);
    return 0;
}

TEST_LIGHT(a_thousand_cases)
{
    struct thousand all = {.queues = calloc(1000, sizeof *all.queues), .count = 1000};
    for (int i = 0; i < 1000; i++)
        all.queues[i] = queue_of(1);
    for (int i = 0; i < 1000; i += 333) {
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 1, select_of_many, &all);
        until_waiting(crew.task[0]);
        put_int(all.queues[i], i);
        crew_join(&crew);
        ck_assert_int_eq(all.result, i);
        ck_assert_int_eq(all.got, i);
    }
    for (int i = 0; i < 1000; i++)
        plait_queue_free(all.queues[i]);
    free(all.queues);
}

/* Runs on a small stack: nothing is written below it. */
static int select_on_a_small_stack(void *arg)
{
    struct thousand *all = arg;
    static plait_case cases[1000];
    for (int i = 0; i < 1000; i++)
        cases[i] = plait_on_get(all->queues[0], &all->got);
    int rc = all->may_fit ? -E2BIG : plait_select_cases(cases, 1000, PLAIT_NEVER);
    need(rc == -E2BIG);
    all->result = plait_select_cases(cases, 32, PLAIT_NEVER);
    return 0;
}

TEST_LIGHT(too_many_for_the_stack)
{
    struct thousand all = {.queues = (plait_queue *[]){queue_of(1)}};
    all.may_fit = carrier == PLAIT_THREAD && sysconf(_SC_THREAD_STACK_MIN) > 64 << 10; /* aarch64 */
#ifdef __SANITIZE_THREAD__
    all.may_fit = carrier == PLAIT_THREAD;
#endif
    plait_task *task;
    int status;
    ck_assert_int_eq(plait_start(&task, carrier, select_on_a_small_stack, &all,
                                 &(plait_start_options){.stack = 32 << 10}),
                     0);
    until_waiting(task);
    put_int(all.queues[0], 4);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_ge(all.result, 0);
    ck_assert_int_eq(all.got, 4);
    plait_queue_free(all.queues[0]);
}

/* ---- locks */

TEST_LIGHT(a_lock_is_taken)
{
    plait_lock lock = {0};
    plait_case cases[] = {plait_on_time(PLAIT_NEVER), plait_on_acquire(&lock)};
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), 1);
    ck_assert_int_eq(cases[1].result, 0);
    ck_assert(plait_lock_is_held(&lock));
    ck_assert_int_eq(plait_select_cases(cases, 2, PLAIT_NEVER), -EDEADLK);
    ck_assert_int_eq(cases[1].result, -EDEADLK);
    struct crew crew;
    struct selecting one = {cases, 2, -1, plait_after(2 * PLAIT_MILLISECOND)};
    crew_run(carrier, 1, select_once, &one);
    ck_assert_int_eq(one.result, -ETIMEDOUT);
    one.deadline = PLAIT_NEVER;
    select_begin(&crew, carrier, &one);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
    ck_assert_int_eq(one.result, -ECANCELED);
    plait_lock_release(&lock);
    plait_with (&lock)
        ;
}

/* The checker knows who holds it: taken by a select, released plainly, and an end with it is
 * told. */
static void hold_and_end(void *arg)
{
    static plait_lock lock;
    setenv("PLAIT_CHECK", "1", 1);
    for (int i = 0; i < 3; i++) {
        if (plait_select(PLAIT_NEVER, plait_on_acquire(&lock)) != 0)
            _exit(1);
        plait_lock_release(&lock);
    }
}

TEST_LABELED(checked_mode_knows_the_holder, "process")
{
    char text[512];
    ck_assert_int_eq(harness_fork(hold_and_end, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "");
}

struct contended {
    plait_lock lock[2];
    int inside[2], sum[2];
};

/* Half of them by selects over both locks, half plainly. */
static int contend(void *arg)
{
    struct contended *all = arg;
    static int turn;
    int mine = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2000; i++) {
        int which = i % 2;
        if (mine % 2)
            need(plait_lock_acquire(&all->lock[which], PLAIT_NEVER) == 0);
        else
            which = plait_select(PLAIT_NEVER, plait_on_acquire(&all->lock[0]),
                                 plait_on_acquire(&all->lock[1]));
        need(which == 0 || which == 1);
        need(all->inside[which]++ == 0);
        all->sum[which]++;
        if (i % 16 == 0)
            plait_yield();
        all->inside[which]--;
        plait_lock_release(&all->lock[which]);
    }
    return 0;
}

TEST_CREW(locks_by_select_and_plainly)
{
    struct contended all = {0};
    crew_run(carrier, 8, contend, &all);
    ck_assert_int_eq(all.sum[0] + all.sum[1], 8 * 2000);
}

static plait_lock orphan;
static int repaired;

static void repair(void *arg)
{
    repaired++;
}

static int hold_until_told(void *arg)
{
    plait_lock_acquire(&orphan, PLAIT_NEVER) == 0 ? (void)0 : abort();
    __atomic_store_n((int *)arg, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n((int *)arg, __ATOMIC_ACQUIRE) != 2)
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    plait_lock_release(&orphan);
    return 0;
}

/* In the child the holder is not there. */
static void take_orphan(void *arg)
{
    if (plait_select(PLAIT_NEVER, plait_on_acquire(&orphan)) != 0 || repaired != 1)
        _exit(1);
    plait_lock_release(&orphan);
    if (plait_select(PLAIT_NOW, plait_on_acquire(&orphan)) != 0 || repaired != 1)
        _exit(2);
    plait_lock_release(&orphan);
}

static void take_orphan_unrepaired(void *arg)
{
    (void)!plait_select(PLAIT_NEVER, plait_on_acquire(&orphan));
}

static void take_refused(void *arg)
{
    if (plait_lock_acquire(&orphan, PLAIT_NOW) != -EOWNERDEAD)
        _exit(1);
    plait_lock_release(&orphan);
    if (plait_select(PLAIT_NEVER, plait_on_acquire(&orphan)) != -ENOTRECOVERABLE)
        _exit(2);
}

TEST_LABELED(a_lock_whose_holder_died_is_repaired, "process")
{
    struct crew crew = {.count = 0};
    char text[512];
    int told = 0;
    crew_start(&crew, PLAIT_THREAD, 1, hold_until_told, &told);
    while (!__atomic_load_n(&told, __ATOMIC_ACQUIRE))
        plait_sleep(plait_after(PLAIT_MILLISECOND));
    harness_dies(take_orphan_unrepaired, NULL, "there is no repair function");
    ck_assert_int_eq(harness_fork(take_refused, NULL, text, sizeof text), 0);
    plait_lock_on_death(&orphan, repair, NULL);
    ck_assert_int_eq(harness_fork(take_orphan, NULL, text, sizeof text), 0);
    plait_lock_on_death(&orphan, NULL, NULL);
    __atomic_store_n(&told, 2, __ATOMIC_RELEASE);
    crew_join(&crew);
}

/* ---- ends and times */

static int end_after(void *arg)
{
    plait_sleep(plait_after((intptr_t)arg * PLAIT_MILLISECOND));
    return 3;
}

TEST_CARRIERS(the_end_of_a_task)
{
    plait_task *tasks[3];
    plait_case cases[3];
    int status;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_start(&tasks[i], carrier, end_after,
                                     (void *)(intptr_t)(i == 1 ? 5 : 100000), NULL),
                         0);
        cases[i] = plait_on_end(tasks[i]);
    }
    ck_assert_int_eq(plait_select_cases(cases, 3, PLAIT_NEVER), 1);
    ck_assert_int_eq(cases[1].result, 0);
    ck_assert_int_eq(plait_select_cases(cases, 3, PLAIT_NOW), 1); /* it only tells */
    ck_assert_int_eq(plait_join(tasks[1], &status, PLAIT_NOW), 0);
    ck_assert_int_eq(status, 3);
    plait_case two[] = {cases[0], cases[2]};
    ck_assert_int_eq(plait_select_cases(two, 2, plait_after(PLAIT_MILLISECOND)), -ETIMEDOUT);
    plait_cancel(tasks[2]);
    ck_assert_int_eq(plait_select_cases(two, 2, PLAIT_NEVER), 1);
    plait_cancel(tasks[0]);
    ck_assert_int_eq(plait_join(tasks[0], NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_join(tasks[2], NULL, PLAIT_NEVER), 0);
}

static int wait_for_my_end(void *arg)
{
    return plait_select(PLAIT_NEVER, plait_on_end(plait_self())) == -EDEADLK ? 0 : 1;
}

TEST_LIGHT(ones_own_end_is_not_waited_for)
{
    crew_run(carrier, 1, wait_for_my_end, NULL);
}

static int wait_for_times(void *arg)
{
    int64_t at = plait_after(3 * PLAIT_MILLISECOND);
    need(plait_select(PLAIT_NEVER, plait_on_time(plait_after(PLAIT_SECOND)), plait_on_time(at),
                      plait_on_time(PLAIT_NEVER)) == 1);
    need(plait_now() >= at);
    need(plait_select(PLAIT_NOW, plait_on_time(at)) == 0);
    at = plait_after(PLAIT_MILLISECOND);
    need(plait_select(at, plait_on_time(plait_after(PLAIT_SECOND))) == -ETIMEDOUT);
    need(plait_select(PLAIT_NOW, plait_on_time(plait_after(PLAIT_SECOND))) == -EAGAIN);
    return 0;
}

TEST_LIGHT(the_first_time_counts)
{
    crew_run(carrier, 1, wait_for_times, NULL);
}

/* ---- words */

static int change_word(void *arg)
{
    uint32_t *word = arg;
    for (uint32_t i = 1; i <= 200; i++) {
        __atomic_store_n(word, i, __ATOMIC_RELEASE);
        plait_word_wake(word, INT_MAX, PLAIT_PRIVATE);
        if (i % 8 == 0)
            plait_sleep(plait_after(50 * PLAIT_MICROSECOND));
    }
    return 0;
}

static int follow_word(void *arg)
{
    uint32_t *word = arg, seen = 0;
    while (seen < 200) {
        need(plait_select(PLAIT_NEVER, plait_on_time(PLAIT_NEVER),
                          plait_on_word(word, seen, PLAIT_PRIVATE)) == 1);
        uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
        need(now > seen);
        seen = now;
    }
    return 0;
}

TEST_CREW(a_word_of_ones_own)
{
    uint32_t word = 0;
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 3, follow_word, &word);
    crew_start(&crew, carrier, 1, change_word, &word);
    crew_join(&crew);
    plait_word_wake(NULL, 1, PLAIT_PRIVATE);
    plait_word_wake(&word, 0, PLAIT_PRIVATE);
}
