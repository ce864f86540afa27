/* Generators: Python's protocol to the letter (S4-G1-send), consumers of any carrier, waits as the
 * consumer's, misuse. */
#include "crew.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AFTER(ms) plait_after((ms)*PLAIT_MILLISECOND)

/* The notes' own: y = yield x; x += 1 if y is None else y; while x < n. */
static int note(void *arg)
{
    for (int x = 0, y; x < *(int *)arg; x += y) {
        int rc = plait_yield_value(&x, &y);
        if (rc < 0)
            return rc;
        y = rc ? y : 1;
    }
    return 0;
}

static int five = 5, million = 1000000;

static plait_generator *open_note(int *most)
{
    plait_generator *one = plait_generator_open(sizeof(int), note, most, NULL);
    ck_assert_ptr_nonnull(one);
    return one;
}

static int next(plait_generator *one)
{
    int x = -7;
    int rc = plait_generator_next(one, &x);
    need(rc < 0 ? x == -7 : true); /* untouched on failure */
    return rc < 0 ? rc : x;
}

static int send(plait_generator *one, int value)
{
    int x = -7;
    int rc = plait_generator_send(one, &value, &x);
    need(rc < 0 ? x == -7 : true);
    return rc < 0 ? rc : x;
}

static int sends_as_the_note(void *arg)
{
    plait_generator *one = open_note(&five);
    int status = 9, x;
    need(send(one, 3) == -EINVAL); /* TypeError: it has not begun */
    need(plait_generator_returned(one, &status) == -EAGAIN);
    need(next(one) == 0);
    need(send(one, 2) == 2);
    need(next(one) == 3);
    need(plait_generator_send(one, NULL, &x) == 0 && x == 4); /* send(None) is next */
    need(next(one) == -EPIPE);                                /* StopIteration */
    need(next(one) == -EPIPE);
    need(send(one, 1) == -EPIPE);
    need(plait_generator_returned(one, &status) == 0 && status == 0);
    need(plait_generator_returned(one, NULL) == 0);
    need(plait_generator_close(one) == 0);
    plait_generator_free(one);
    return 0;
}

TEST_CARRIERS(next_and_send_are_pythons)
{
    int status = 1;
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, carrier, sends_as_the_note, NULL, NULL), 0);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    crew_run(0, 1, sends_as_the_note, NULL);
    ck_assert_int_eq(sends_as_the_note(NULL), 0);
}

TEST(send_of_none_starts_it)
{
    plait_generator *one = open_note(&five);
    int x = -1;
    ck_assert_int_eq(plait_generator_send(one, NULL, &x), 0);
    ck_assert_int_eq(x, 0);
    ck_assert_int_eq(plait_generator_next(one, NULL), 0); /* the value is not wanted */
    plait_generator_free(one);
}

/* ---- the end */
static int returns_seven(void *arg)
{
    return 7;
}

TEST(what_it_returns_is_told)
{
    plait_generator *one = plait_generator_open(sizeof(int), returns_seven, NULL, NULL);
    int status = 1;
    ck_assert_int_eq(plait_generator_returned(one, &status), -EAGAIN);
    ck_assert_int_eq(status, 1);
    ck_assert_int_eq(next(one), -EPIPE);
    ck_assert_int_eq(plait_generator_returned(one, &status), 0);
    ck_assert_int_eq(status, 7);
    plait_generator_free(one);
    plait_generator_free(NULL);
}

static int cleaned;

static int cleans_up(void *arg)
{
    int x = 1, rc;
    while ((rc = plait_yield_value(&x, NULL)) >= 0)
        x++;
    cleaned = rc;
    return 11;
}

TEST(close_lets_it_clean_up)
{
    plait_generator *one = plait_generator_open(sizeof(int), cleans_up, NULL, NULL);
    int status;
    ck_assert_int_eq(next(one), 1);
    ck_assert_int_eq(plait_generator_close(one), 0);
    ck_assert_int_eq(cleaned, -ECANCELED);
    ck_assert_int_eq(next(one), -EPIPE);
    ck_assert_int_eq(plait_generator_returned(one, &status), 0);
    ck_assert_int_eq(status, 11);
    ck_assert_int_eq(plait_generator_close(one), 0);
    plait_generator_free(one);
    cleaned = 0;
    one = plait_generator_open(sizeof(int), cleans_up, NULL, NULL);
    ck_assert_int_eq(next(one), 1);
    plait_generator_free(one); /* closes first */
    ck_assert_int_eq(cleaned, -ECANCELED);
}

TEST(closed_before_it_began_it_never_runs)
{
    plait_generator *one = plait_generator_open(sizeof(int), cleans_up, NULL, NULL);
    int status;
    cleaned = 0;
    ck_assert_int_eq(plait_generator_close(one), 0);
    ck_assert_int_eq(cleaned, 0);
    ck_assert_int_eq(plait_generator_returned(one, &status), 0);
    ck_assert_int_eq(status, -ECANCELED);
    ck_assert_int_eq(next(one), -EPIPE);
    plait_generator_free(one);
    one = plait_generator_open(sizeof(int), cleans_up, NULL, NULL);
    plait_generator_free(one);
    ck_assert_int_eq(cleaned, 0);
}

static char said[512];

static void listen(plait_report kind, const char *text, void *arg)
{
    ck_assert_int_eq(kind, PLAIT_REPORT_DROPPED);
    strncat(said, text, sizeof said - strlen(said) - 1);
}

static int stubborn(void *arg)
{
    for (int x = 0;; x++)
        if (plait_yield_value(&x, NULL) == -ECANCELED && *(int *)arg < x)
            return 0;
}

TEST(one_that_yields_again_is_busy)
{
    int most = 3;
    plait_generator *one = plait_generator_open(sizeof(int), stubborn, &most, NULL);
    ck_assert_int_eq(next(one), 0);
    ck_assert_int_eq(plait_generator_close(one), -EBUSY);
    ck_assert_int_eq(next(one), 2);
    ck_assert_int_eq(plait_generator_close(one), -EBUSY);
    ck_assert_int_eq(next(one), 4);
    ck_assert_int_eq(plait_generator_close(one), 0);
    plait_generator_free(one);
    most = 1000;
    one = plait_generator_open(sizeof(int), stubborn, &most,
                               &(plait_generator_options){.name = "mule"});
    ck_assert_int_eq(next(one), 0);
    plait_on_report(listen, NULL);
    plait_generator_free(one);
    plait_on_report(NULL, NULL);
    ck_assert_ptr_nonnull(strstr(said, "generator mule yielded again"));
}

static int told[4], tells;

static int tells_throws(void *arg)
{
    for (int x = 0; x < 4; x++)
        told[tells++] = plait_yield_value(&x, NULL);
    return 3;
}

TEST(throw_is_what_the_yield_returns)
{
    plait_generator *one = plait_generator_open(sizeof(int), tells_throws, NULL, NULL);
    int x = -7, status;
    ck_assert_int_eq(next(one), 0);
    ck_assert_int_eq(plait_generator_throw(one, -EIO, &x), 0);
    ck_assert_int_eq(x, 1);
    ck_assert_int_eq(told[0], -EIO);
    ck_assert_int_eq(plait_generator_throw(one, 0, &x), -EINVAL);
    ck_assert_int_eq(plait_generator_throw(one, 5, &x), -EINVAL);
    ck_assert_int_eq(next(one), 2);
    ck_assert_int_eq(told[1], 0);
    ck_assert_int_eq(next(one), 3);
    ck_assert_int_eq(plait_generator_throw(one, -EPERM, &x), -EPIPE);
    ck_assert_int_eq(told[3], -EPERM);
    ck_assert_int_eq(plait_generator_throw(one, -EPERM, &x), -EPIPE);
    plait_generator_free(one);
    one = plait_generator_open(sizeof(int), tells_throws, NULL, NULL);
    ck_assert_int_eq(plait_generator_throw(one, -ENOENT, &x), -EPIPE);
    ck_assert_int_eq(plait_generator_returned(one, &status), 0);
    ck_assert_int_eq(status, -ENOENT);
    ck_assert_int_eq(tells, 4);
    plait_generator_free(one);
}

/* ---- sizes */
struct big {
    char bytes[3000];
};

static int big_ones(void *arg)
{
    struct big value;
    char sent = 0;
    for (int i = 0; i < 3; i++) {
        memset(&value, sent + i, sizeof value);
        int rc = plait_yield_value(&value, &sent);
        if (rc < 0)
            return rc;
    }
    return 0;
}

TEST(values_of_any_size_are_copied)
{
    plait_generator *one =
        plait_generator_open(sizeof(struct big), big_ones, NULL,
                             &(plait_generator_options){.sent = 1, .stack = 64 << 10});
    struct big value;
    char sent = 40;
    ck_assert_int_eq(plait_generator_next(one, &value), 0);
    ck_assert_int_eq(value.bytes[0] | value.bytes[2999], 0);
    ck_assert_int_eq(plait_generator_send(one, &sent, &value), 0);
    ck_assert_int_eq(value.bytes[0], 41);
    ck_assert_int_eq(value.bytes[2999], 41);
    plait_generator_free(one);
}

static int turns(void *arg)
{
    while (plait_yield_value(NULL, NULL) == 0)
        ++*(int *)arg;
    return 0;
}

TEST(a_value_of_no_bytes_is_a_turn)
{
    int count = 0;
    plait_generator *one = plait_generator_open(0, turns, &count, NULL);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(plait_generator_next(one, NULL), 0);
    ck_assert_int_eq(count, 4);
    plait_generator_free(one);
}

TEST(bad_arguments_are_refused)
{
    errno = 0;
    ck_assert_ptr_null(plait_generator_open(4, NULL, NULL, NULL));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(plait_generator_open(PLAIT_UNSIZED, note, NULL, NULL));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(
        plait_generator_open(4, note, NULL, &(plait_generator_options){.sent = PLAIT_UNSIZED}));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(
        plait_generator_open(4, note, NULL, &(plait_generator_options){.stack = (size_t)1 << 50}));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(
        plait_generator_open(4, note, NULL, &(plait_generator_options){.stack = (size_t)1 << 39}));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(
        plait_generator_open(4, note, NULL, &(plait_generator_options){.reserved = {"x"}}));
    ck_assert_int_eq(errno, EINVAL);
}

/* ---- it runs as its consumer */
static plait_event go_on;
static plait_local local;

static int as_consumer(void *arg)
{
    plait_task *self = plait_self();
    int rc = 0, changes = 0;
    while (rc == 0) {
        need(strcmp(plait_task_name(NULL), plait_local_get(&local)) == 0);
        int waited = plait_event_wait(&go_on, PLAIT_NEVER);
        rc = plait_yield_value(&waited, NULL);
        changes += plait_self() != self;
        self = plait_self();
    }
    return changes;
}

struct consumer {
    plait_generator *one;
    char name[20];
    int turn, turns, waits, canceled;
};
static struct consumer consumers[3];
static uint32_t turn;

/* Takes its turn, so that three carriers use one generator one after the other. */
static int consume(void *arg)
{
    struct consumer *me = arg;
    plait_task_set_name(NULL, me->name);
    need(plait_local_set(&local, me->name) == 0);
    for (int i = 0; i < me->turns; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) % 3 != (uint32_t)me->turn)
            plait_sleep(plait_after(PLAIT_MICROSECOND));
        need(next(me->one) == 0);
        __atomic_add_fetch(&turn, 1, __ATOMIC_RELEASE);
    }
    return 0;
}

TEST(consumers_of_all_kinds_may_take_turns)
{
    struct crew crew = {.count = 0};
    plait_generator *one = plait_generator_open(sizeof(int), as_consumer, NULL, NULL);
    plait_event_set(&go_on);
    for (int i = 0; i < 3; i++) {
        consumers[i] = (struct consumer){.one = one, .turn = i, .turns = 300};
        snprintf(consumers[i].name, sizeof consumers[i].name, "number-%d", i);
    }
    crew_add(&crew, PLAIT_THREAD, consume, &consumers[0]);
    crew_add(&crew, PLAIT_COROUTINE, consume, &consumers[1]);
    crew_add(&crew, 0, consume, &consumers[2]);
    crew_join(&crew);
    int changes;
    ck_assert_int_eq(plait_generator_close(one), 0);
    ck_assert_int_eq(plait_generator_returned(one, &changes), 0);
    ck_assert_int_eq(changes, 900); /* each time another one, and main at last */
    plait_generator_free(one);
}

static int waits_inside(void *arg)
{
    int rc;
    do
        rc = plait_event_wait((plait_event *)arg, PLAIT_NEVER);
    while (plait_yield_value(&rc, NULL) == 0);
    return 0;
}

static plait_event never;

static int is_cancelled_inside(void *arg)
{
    int rc = 1;
    plait_generator *one = plait_generator_open(sizeof(int), waits_inside, &never, NULL);
    need(plait_generator_next(one, &rc) == 0 && rc == -ECANCELED);
    need(plait_sleep(AFTER(1)) == 0); /* once */
    plait_generator_free(one);
    return 0;
}

TEST_LIGHT(its_waits_end_by_a_cancel_of_the_consumer)
{
    plait_task *task;
    int status = 1;
    plait_wait_info wait;
    ck_assert_int_eq(plait_start(&task, carrier, is_cancelled_inside, NULL, NULL), 0);
    while (plait_task_state(task) != PLAIT_WAITING)
        plait_sleep(AFTER(1));
    ck_assert_int_eq(plait_task_waits(task, &wait), 0);
    ck_assert_str_eq(wait.verb, "wait");
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
}

static int has_a_deadline(void *arg)
{
    int rc = 1, scope = 1;
    plait_generator *one = plait_generator_open(sizeof(int), waits_inside, &never, NULL);
    plait_scoped (AFTER(10), &scope)
        need(plait_generator_next(one, &rc) == 0 && rc == -ETIMEDOUT);
    need(scope == -ETIMEDOUT);
    plait_generator_free(one);
    return 0;
}

TEST_CREW(its_waits_end_by_the_consumers_deadline)
{
    crew_run(carrier, 3, has_a_deadline, NULL);
}

static int shielded(void *arg)
{
    int x = 0;
    plait_shielded
    {
        while (plait_yield_value(&x, NULL) == 0)
            x = plait_sleep(AFTER(1));
    }
    return plait_sleep(AFTER(1));
}

static int uses_a_shielded_one(void *arg)
{
    plait_generator *one = plait_generator_open(sizeof(int), shielded, NULL, NULL);
    int status;
    need(next(one) == 0);
    plait_cancel(plait_self());
    need(next(one) == 0);                         /* inside, its shield holds */
    need(plait_sleep(AFTER(1000)) == -ECANCELED); /* outside, it does not */
    plait_cancel(plait_self());
    plait_shielded need(next(one) == 0 && plait_sleep(AFTER(1)) == 0);
    need(plait_generator_close(one) == 0); /* it has left its shield on the way out */
    need(plait_generator_returned(one, &status) == 0 && status == -ECANCELED);
    need(plait_sleep(AFTER(1)) == 0);
    plait_generator_free(one);
    return 0;
}

TEST_CREW(its_shield_is_its_own)
{
    crew_run(carrier, 3, uses_a_shielded_one, NULL);
}

/* ---- nested */
static int doubles(void *arg)
{
    int x, rc = 0;
    plait_generator *inner = plait_generator_open(sizeof(int), note, arg, NULL);
    while (rc >= 0 && (rc = plait_generator_next(inner, &x)) == 0) {
        x *= 2;
        rc = plait_yield_value(&x, NULL);
    }
    plait_generator_free(inner);
    return rc == -EPIPE ? 0 : rc;
}

/* Each asks the one below: so many stacks at once. */
static int deeper(void *arg)
{
    int depth = (int)(intptr_t)arg, x = 0;
    if (depth == 0) {
        while (plait_yield_value(&x, NULL) >= 0)
            x++;
        return 0;
    }
    plait_generator *inner =
        plait_generator_open(sizeof(int), deeper, (void *)(intptr_t)(depth - 1), NULL);
    while (plait_generator_next(inner, &x) == 0 && plait_yield_value(&x, NULL) >= 0)
        ;
    plait_generator_free(inner);
    return 0;
}

static int nests(void *arg)
{
    plait_generator *one = plait_generator_open(sizeof(int), doubles, &five, NULL);
    for (int i = 0; i < 5; i++)
        need(next(one) == 2 * i);
    need(next(one) == -EPIPE);
    plait_generator_free(one);
    one = plait_generator_open(sizeof(int), deeper, (void *)20, NULL);
    for (int i = 0; i < 50; i++)
        need(next(one) == i);
    plait_generator_free(one);
    return 0;
}

TEST_CREW(one_may_yield_from_another)
{
    crew_run(carrier, 6, nests, NULL);
}

static int begun_inside;

static int inside(void *arg)
{
    plait_yield();
    __atomic_add_fetch(&begun_inside, 1, __ATOMIC_RELAXED);
    return 0;
}

static int starts(void *arg)
{
    int x = 0;
    plait_scoped (PLAIT_NEVER, &x)
        if (plait_start(NULL, PLAIT_COROUTINE, inside, NULL, NULL))
            return 1;
    do
        if (plait_start(NULL, PLAIT_COROUTINE, inside, NULL, NULL))
            return 1;
    while (plait_yield_value(&x, NULL) == 0);
    return 0;
}

TEST(tasks_it_starts_are_its_consumers)
{
    int rc = 1;
    plait_generator *one = plait_generator_open(sizeof(int), starts, NULL, NULL);
    plait_scoped (PLAIT_NEVER, &rc)
        for (int i = 0; i < 10; i++)
            ck_assert_int_eq(next(one), 0);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(begun_inside, 11);
    plait_generator_free(one);
}

/* ---- many */
static int consumes_many(void *arg)
{
    plait_generator *one = plait_generator_open(sizeof(int), note, &million, NULL);
    need(one);
    for (int i = 0; i < 2000; i++) {
        need(next(one) == i);
        if (i % 64 == 0)
            plait_yield();
    }
    plait_generator_free(one);
    return 0;
}

TEST_CREW(many_at_once_do_not_meet)
{
    crew_run(carrier, 30, consumes_many, NULL);
}

static long address_space(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages * 4096;
}

static void open_and_free(int count)
{
    for (int i = 0; i < count; i++) {
        plait_generator *one = plait_generator_open(sizeof(int), note, &five, NULL);
        ck_assert_ptr_nonnull(one);
        if (i % 2)
            ck_assert_int_eq(next(one), 0);
        plait_generator_free(one);
    }
}

TEST(stacks_are_given_back)
{
    open_and_free(10);
    long before = address_space();
    open_and_free(1000); /* 256 MB of stacks */
    ck_assert_int_lt(address_space() - before, 64 << 20);
}

static int sleeps_and_ticks(void *arg)
{
    plait_ticker ticker = {.period = PLAIT_MILLISECOND};
    int missed;
    while ((missed = plait_ticker_wait(&ticker, PLAIT_NEVER)) >= 0)
        if (plait_yield_value(&missed, NULL) < 0)
            break;
    return missed;
}

static int consumes_ticks(void *arg)
{
    int missed;
    plait_generator *one = plait_generator_open(sizeof missed, sleeps_and_ticks, NULL, NULL);
    for (int i = 0; i < 10; i++)
        need(plait_generator_next(one, &missed) == 0 && missed >= 0);
    plait_generator_free(one);
    return 0;
}

TEST_CREW(many_may_sleep_inside)
{
    crew_run(carrier, 30, consumes_ticks, NULL);
}

/* ---- overflow: the guard page below its stack, told as far as the consumer has a signal stack */
__attribute__((noinline)) static int deep(int depth)
{
    volatile char frame[512];
    frame[0] = (char)depth;
    return depth > 1000000 ? frame[0] : deep(depth + 1) + frame[0];
}

static int overflows(void *arg)
{
    return deep(0);
}

static int asks_one_that_overflows(void *arg)
{
    return next(plait_generator_open(sizeof(int), overflows, NULL,
                                     &(plait_generator_options){.stack = 32 << 10}));
}

static void runs_over(void *arg)
{
    plait_task *task;
    if (plait_start(&task, PLAIT_COROUTINE, asks_one_that_overflows, NULL,
                    &(plait_start_options){.name = "asker"}) == 0)
        plait_join(task, NULL, PLAIT_NEVER);
}

TEST_LABELED(an_overflow_is_told, "process noasan notsan")
{
    char text[4096];
    int status = harness_fork(runs_over, NULL, text, sizeof text);
    ck_assert(WIFSIGNALED(status));
    ck_assert_msg(strstr(text, "a generator of task 'asker' overflowed its 32 KB stack") != NULL,
                  "%s", text);
}

/* ---- misuse */
static void yields_outside(void *arg)
{
    int x = 0;
    (void)!plait_yield_value(&x, NULL);
}

static plait_generator *itself;

static int asks_itself(void *arg)
{
    int x;
    return plait_generator_next(itself, &x);
}

static void asks_itself_for_a_value(void *arg)
{
    itself = plait_generator_open(sizeof(int), asks_itself, NULL, NULL);
    next(itself);
}

static int frees_itself(void *arg)
{
    plait_generator_free(itself);
    return 0;
}

static void is_freed_inside(void *arg)
{
    itself = plait_generator_open(sizeof(int), frees_itself, NULL, NULL);
    next(itself);
}

static int asks(void *arg)
{
    next(itself);
    return 0;
}

static void is_asked_by_two(void *arg)
{
    itself = plait_generator_open(sizeof(int), waits_inside, &never, NULL);
    plait_start(NULL, PLAIT_THREAD, asks, NULL, NULL);
    plait_start(NULL, PLAIT_COROUTINE, asks, NULL, NULL);
    plait_sleep(plait_after(20 * PLAIT_SECOND));
}

static int yields_in_a_block(void *arg)
{
    int x = 0;
    plait_scoped (PLAIT_NEVER)
        return plait_yield_value(&x, NULL);
    return 0;
}

static void yields_inside_a_block(void *arg)
{
    next(plait_generator_open(sizeof(int), yields_in_a_block, NULL, NULL));
}

static void takes_another_size(void *arg)
{
    long x;
    (void)!plait_generator_next(open_note(&five), &x);
}

static void sends_another_size(void *arg)
{
    char sent = 1;
    int x;
    (void)!plait_generator_send(open_note(&five), &sent, &x);
}

static int yields_another_size(void *arg)
{
    long x = 1;
    return plait_yield_value(&x, NULL);
}

static void yield_of_another_size(void *arg)
{
    next(plait_generator_open(sizeof(int), yields_another_size, NULL, NULL));
}

static int yields_null(void *arg)
{
    return plait_yield_value(NULL, NULL);
}

static void yield_of_null(void *arg)
{
    next(plait_generator_open(sizeof(int), yields_null, NULL, NULL));
}

static void asks_null(void *arg)
{
    next(NULL);
}

static void asks_what_was_freed(void *arg)
{
    plait_generator *one = open_note(&five);
    plait_generator_free(one);
    next(one);
}

static void asks_after_a_fork(void *arg)
{
    plait_generator *one = open_note(&five);
    next(one);
    pid_t child = fork();
    if (child == 0)
        next(one);
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        abort();
}

TEST_LABELED(misuse_is_told, "process")
{
    harness_dies(yields_outside, NULL, "a yield outside of any");
    harness_dies(asks_itself_for_a_value, NULL, "asks itself");
    harness_dies(is_freed_inside, NULL, "asks itself");
    harness_dies(is_asked_by_two, NULL, "used by two tasks at once: it runs as '");
    harness_dies(yields_inside_a_block, NULL, "inside a plait_scoped of its own");
    harness_dies(takes_another_size, NULL, "8 bytes where its values have 4");
    harness_dies(sends_another_size, NULL, "1 bytes where its values have 4");
    harness_dies(yield_of_another_size, NULL, "8 bytes where its values have 4");
    harness_dies(yield_of_null, NULL, "yields NULL");
    harness_dies(asks_null, NULL, "NULL is none");
    harness_dies(asks_what_was_freed, NULL, "freed before");
    harness_dies(asks_after_a_fork, NULL, "opened before a fork");
}
