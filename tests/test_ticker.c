/* Tickers: no drift, missed ticks are counted, whatever stands in `next`; deadlines and cancels
 * leave the tick to come. */
#include "crew.h"

#include <limits.h>

#define MS PLAIT_MILLISECOND

/* In deterministic mode time stands still but for sleeps: the figures are exact. */
static int ticks_exactly(void *arg)
{
    plait_ticker ticker = {.period = 10 * MS};
    int64_t began = plait_now();
    for (int i = 1; i <= 5; i++) {
        need(plait_ticker_wait(&ticker, PLAIT_NEVER) == 0);
        need(plait_now() == began + i * 10 * MS);
        need(plait_sleep(plait_after(7 * MS)) == 0); /* work */
    }
    need(plait_sleep(plait_after(30 * MS)) == 0); /* now 87 after the first begin, next at 60 */
    need(plait_ticker_wait(&ticker, PLAIT_NOW) == 2);
    need(plait_now() == began + 87 * MS);
    need(plait_ticker_wait(&ticker, PLAIT_NOW) == -EAGAIN);
    need(plait_ticker_wait(&ticker, PLAIT_NEVER) == 0);
    need(plait_now() == began + 90 * MS);
    return 0;
}

static void run_exactly(void *carrier)
{
    int status = 1;
    plait_task *task;
    setenv("PLAIT_SEED", "7", 1);
    need(plait_start(&task, *(plait_carrier *)carrier, ticks_exactly, NULL, NULL) == 0);
    need(plait_join(task, &status, PLAIT_NEVER) == 0 && status == 0);
}

TEST_LIGHT(ticks_do_not_drift)
{
    char text[512];
    int status = harness_fork(run_exactly, &carrier, text, sizeof text);
    ck_assert_msg(status == 0, "%s", text);
}

static int ticks(void *arg)
{
    plait_ticker ticker = {.period = 2 * MS};
    int64_t began = plait_now(), before = began;
    int all = 0;
    while (all < 20) {
        int missed = plait_ticker_wait(&ticker, PLAIT_NEVER);
        need(missed >= 0);
        all += 1 + missed;
        /* the tick that was told is over, and the next one is not a period late */
        need(plait_now() >= began + all * 2 * MS && plait_now() >= before);
        need(ticker.next > began + all * 2 * MS && (ticker.next - began) / (2 * MS) >= all);
        before = plait_now();
    }
    return 0;
}

TEST_CREW(each_task_has_its_own)
{
    crew_run(carrier, 6, ticks, NULL);
}

TEST(bad_ones_are_refused)
{
    plait_ticker ticker = {.period = 0};
    ck_assert_int_eq(plait_ticker_wait(NULL, PLAIT_NEVER), -EINVAL);
    ck_assert_int_eq(plait_ticker_wait(&ticker, PLAIT_NEVER), -EINVAL);
    ticker.period = -1;
    ck_assert_int_eq(plait_ticker_wait(&ticker, PLAIT_NEVER), -EINVAL);
    ticker.period = INT64_MIN;
    ck_assert_int_eq(plait_ticker_wait(&ticker, PLAIT_NOW), -EINVAL);
    ck_assert_int_eq(ticker.next, 0);
}

TEST(now_and_deadlines_leave_the_tick_to_come)
{
    plait_ticker ticker = {.period = 20 * PLAIT_SECOND};
    int64_t began = plait_now();
    ck_assert_int_eq(plait_ticker_wait(&ticker, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_ticker_wait(&ticker, plait_after(MS)), -ETIMEDOUT);
    ck_assert_int_eq(plait_ticker_wait(&ticker, plait_after(-PLAIT_SECOND)), -ETIMEDOUT);
    ck_assert_int_ge(ticker.next, began + 20 * PLAIT_SECOND);
    int rc = 1, scope = 1;
    plait_scoped (plait_after(MS), &scope)
        rc = plait_ticker_wait(&ticker, PLAIT_NEVER);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert_int_eq(scope, -ETIMEDOUT);
    int64_t next = ticker.next = plait_after(5 * MS);
    ck_assert_int_ge(plait_ticker_wait(&ticker, PLAIT_NEVER), 0);
    ck_assert_int_ge(plait_now(), next);
}

TEST(very_late_is_counted_as_far_as_an_int_goes)
{
    plait_ticker ticker = {.period = 1, .next = 1};
    ck_assert_int_eq(plait_ticker_wait(&ticker, PLAIT_NOW), INT_MAX);
    ck_assert_int_le(ticker.next, plait_now() + 1);
    ticker = (plait_ticker){.period = 1, .next = INT64_MIN};
    ck_assert_int_eq(plait_ticker_wait(&ticker, PLAIT_NOW), INT_MAX);
    ck_assert_int_gt(ticker.next, 0);
    ticker = (plait_ticker){.period = INT64_MAX, .next = 1};
    ck_assert_int_eq(plait_ticker_wait(&ticker, PLAIT_NOW), 0);
    ck_assert_int_eq(ticker.next, INT64_MAX);
    ticker = (plait_ticker){.period = INT64_MAX};
    ck_assert_int_eq(plait_ticker_wait(&ticker, plait_after(MS)), -ETIMEDOUT);
    ck_assert_int_eq(ticker.next, PLAIT_NEVER);
    ticker = (plait_ticker){.period = INT64_MAX, .next = INT64_MIN};
    ck_assert_int_eq(plait_ticker_wait(&ticker, PLAIT_NOW), 1);
    ck_assert_int_eq(ticker.next,
                     INT64_MAX - 1); /* INT64_MIN and a period are -1, and another one */
}

static int waits_long(void *arg)
{
    plait_ticker ticker = {.period = PLAIT_SECOND * 20};
    int rc = plait_ticker_wait(&ticker, PLAIT_NEVER);
    need(ticker.next > plait_now());
    return rc;
}

TEST_CARRIERS(a_cancel_ends_the_wait)
{
    plait_task *task;
    int status = 1;
    ck_assert_int_eq(plait_start(&task, carrier, waits_long, NULL, NULL), 0);
    while (plait_task_state(task) != PLAIT_WAITING)
        plait_sleep(plait_after(MS));
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, -ECANCELED);
}

static void forgets_plait_after(void *arg)
{
    plait_ticker ticker = {.period = MS};
    (void)!plait_ticker_wait(&ticker, 5 * MS);
}

TEST_LABELED(a_duration_is_no_deadline, "process")
{
    harness_dies(forgets_plait_after, NULL, "plait_after");
}
