/* Futures: one end, seen by all who wait, look or are called back; and the memory goes with the
 * last of the two sides. */
#include "pool/future.h"
#include "explorer.h"
#include "wait/lot.h"

#include <plait/error.h>
#include <plait/time.h>

enum { LATER = 2000000 };

static plait_future *future;
static int result[EXPLORE_TASKS], called, ended_by;

static void setup_with(uint32_t word)
{
    lot_reset();
    future = future_new(0, sizeof(int));
    future->word = word;
    called = ended_by = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

/* A job that runs; and a promise. */
static void job(void)
{
    setup_with(PLAIT_RUNNING);
}

static void promise(void)
{
    setup_with(FUTURE_PROMISE);
}

static void ends(void)
{
    *(int *)future->result = 7;
    future_end(future, PLAIT_DONE, 0);
}

static void fails(void)
{
    future_end(future, PLAIT_FAILED, 5);
}

static void fulfils(void)
{
    ended_by += plait_future_fulfil(future, &(int){7}, sizeof(int)) == 0;
}

/* As pool/help.c does with what has no pool. */
static void cancels(void)
{
    if (!future_claim(future, 0))
        return;
    future_end(future, PLAIT_CANCELED, -ECANCELED);
    ended_by++;
}

static void waits(void)
{
    int value = 0;
    result[0] = plait_result(future, &value, PLAIT_NEVER);
    EXPLORE_CHECK(result[0] != 0 || value == 7);
}

static void waits_too(void)
{
    int value = 0;
    result[2] = plait_result(future, &value, PLAIT_NEVER);
    EXPLORE_CHECK(result[2] != 0 || value == 7);
}

static void waits_a_while(void)
{
    result[2] = (int)plait_result_bytes(future, NULL, 0, LATER);
}

static void check_waits(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[2] == 0 || result[2] == 1));
}

static void check_while(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[2] == sizeof(int) || result[2] == -ETIMEDOUT));
}

static void check_one_end(void)
{
    EXPLORE_CHECK(ended_by == 1);
    EXPLORE_CHECK(result[2] == 1 || result[2] == 0 || result[2] == -PLAIT_EFAILED);
}

/* ---- memory: freed once, by the second of the two sides */
static void waits_and_frees(void)
{
    waits();
    plait_future_free(future);
}

static void frees(void)
{
    plait_future_free(future);
}

static void check_gone(void)
{
    EXPLORE_CHECK(future->magic == 0);
}

static void check_waited_and_gone(void)
{
    EXPLORE_CHECK(result[0] == 0);
    check_gone();
}

/* ---- callbacks */
static void calls(plait_future *one, void *arg)
{
    EXPLORE_CHECK(one == future && plait_future_state(one) >= PLAIT_DONE);
    called++;
}

static void asks_for_a_call(void)
{
    EXPLORE_CHECK(plait_future_then(future, calls, NULL) == 0);
}

static void asks_and_frees(void)
{
    asks_for_a_call();
    plait_future_free(future);
}

static void check_called(void)
{
    EXPLORE_CHECK(called == 1);
}

static void check_called_twice(void)
{
    EXPLORE_CHECK(called == 2);
}

static void check_called_and_gone(void)
{
    EXPLORE_CHECK(called == 1);
    check_gone();
}

static void waits_frees(void)
{
    int value;
    EXPLORE_CHECK(plait_result(future, &value, PLAIT_NEVER) == 0);
    plait_future_free(future);
}

static void called_first(void)
{
    job();
    plait_future_then(future, calls, NULL);
}

/* ---- several: the watch lies in the waiter's memory */
static void waits_for_one(void)
{
    plait_future *one = future;
    result[0] = plait_futures_wait(&one, 1, 1, PLAIT_NEVER) == 1 ? 0 : -1;
    plait_future_free(future);
}

static void waits_for_failure_a_while(void)
{
    plait_future *one = future;
    result[0] = plait_futures_wait(&one, 1, PLAIT_FIRST_FAILURE, LATER);
    EXPLORE_CHECK(result[0] == 1 || result[0] == -ETIMEDOUT);
}

static void check_any(void)
{
}

static const struct explore_case cases[] = {
    EXPLORE_ON_ALL("end against wait", job, check_waits, 4, true, false, waits, ends),
    EXPLORE_ON_ALL("end against two waits", job, check_waits, 2, true, false, waits, ends,
                   waits_too),
    EXPLORE_ON_ALL("one for a while", job, check_while, 2, true, false, waits, ends, waits_a_while),
    EXPLORE_ON_ALL("wait and free", job, check_waited_and_gone, 4, true, false, waits_and_frees,
                   ends),
    EXPLORE_ON_ALL("free while it runs", job, check_gone, 5, true, false, frees, ends),
    EXPLORE_ON_ALL("two who end it", promise, check_one_end, 3, true, false, fulfils, cancels),
    EXPLORE_ON_ALL("two who end it, one waits", promise, check_one_end, 2, true, false, fulfils,
                   cancels, waits_too),
    EXPLORE_ON_ALL("callback", job, check_called, 4, true, false, asks_for_a_call, ends),
    EXPLORE_ON_ALL("two callbacks", job, check_called_twice, 2, true, false, asks_for_a_call, ends,
                   asks_for_a_call),
    EXPLORE_ON_ALL("callback and free", job, check_called_and_gone, 4, true, false, asks_and_frees,
                   ends),
    EXPLORE_ON_ALL("callback, then free by who waits", called_first, check_called_and_gone, 4, true,
                   false, waits_frees, ends),
    EXPLORE_ON_ALL("one of several", job, check_waited_and_gone, 3, true, false, waits_for_one,
                   ends),
    EXPLORE_ON_ALL("failure for a while", job, check_any, 3, true, false, waits_for_failure_a_while,
                   fails),
};

EXPLORE_MAIN(cases)
