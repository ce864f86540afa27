/* The queue without room: each item goes to one getter, both sides know, nobody meets himself,
 * nobody sleeps for ever beside one that he could meet. */
#include "explorer.h"
#include "wait/lot.h"

#include <plait/case.h>
#include <plait/queue.h>
#include <plait/time.h>

#include <errno.h>
#include <string.h>

enum { LATER = 2000000 };
void explore_empty(void); /* standins.c: the memory of the execution before */

static plait_queue *left, *right;
static int put_rc[EXPLORE_TASKS], get_rc[EXPLORE_TASKS], got[EXPLORE_TASKS];

static void setup(void)
{
    lot_reset();
    explore_empty();
    wait_current = explore_self(0);
    left = plait_queue_open(sizeof(int), 0, NULL);
    right = plait_queue_open(sizeof(int), 0, NULL);
    wait_current = NULL;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        put_rc[i] = get_rc[i] = 1, got[i] = 0;
}

static void put(int task, plait_queue *queue, int64_t deadline)
{
    int item = 10 + task;
    put_rc[task] = plait_put(queue, &item, deadline);
}

static void get(int task, plait_queue *queue, int64_t deadline)
{
    get_rc[task] = plait_get(queue, &got[task], deadline);
}

/* Puts into one or gets from the other. */
static void either(int task, plait_queue *to, plait_queue *from, int64_t deadline)
{
    int item = 10 + task;
    plait_case cases[] = {plait_on_put(to, &item), plait_on_get(from, &got[task])};
    int done = plait_select_cases(cases, 2, deadline);
    if (done == 0)
        put_rc[task] = 0;
    else if (done == 1)
        get_rc[task] = 0;
    else
        put_rc[task] = get_rc[task] = done;
}

/* What was put was got once, by another task; outputs of failures are untouched. */
static void check_items(void)
{
    for (int i = 0; i < EXPLORE_TASKS; i++) {
        int times = 0;
        for (int k = 0; k < EXPLORE_TASKS; k++)
            times += k != i && get_rc[k] == 0 && got[k] == 10 + i;
        EXPLORE_CHECK(times == (put_rc[i] == 0));
        EXPLORE_CHECK(get_rc[i] == 0 || got[i] == 0);
        EXPLORE_CHECK(got[i] != 10 + i);
    }
}

/* ---- plain calls */
static void puts_left(void)
{
    put(0, left, PLAIT_NEVER);
}
static void gets_left(void)
{
    get(1, left, PLAIT_NEVER);
}
static void third_puts_left(void)
{
    put(2, left, PLAIT_NEVER);
}
static void gets_left_twice(void)
{
    get(1, left, PLAIT_NEVER);
    EXPLORE_CHECK(get_rc[1] == 0);
    get(3, left, PLAIT_NEVER);
}
static void puts_a_while(void)
{
    put(0, left, LATER);
}
static void gets_a_while(void)
{
    get(1, left, LATER);
}
static void third_cancels(void)
{
    wait_cancel(explore_self(1));
}
static void third_closes(void)
{
    plait_queue_close(left);
}

static void check_pair(void)
{
    check_items();
    EXPLORE_CHECK(put_rc[0] == 0 && get_rc[1] == 0);
}
static void check_two(void)
{
    check_items();
    EXPLORE_CHECK(put_rc[0] == 0 && put_rc[2] == 0 && get_rc[1] == 0 && get_rc[3] == 0);
}
static void check_while(void)
{
    check_items();
    EXPLORE_CHECK(put_rc[0] == 0 || put_rc[0] == -ETIMEDOUT);
    EXPLORE_CHECK(get_rc[1] == 0 || get_rc[1] == -ETIMEDOUT);
}
static void check_canceled(void)
{
    check_items();
    EXPLORE_CHECK(put_rc[0] == 0 || put_rc[0] == -ETIMEDOUT);
    EXPLORE_CHECK(get_rc[1] == 0 || get_rc[1] == -ECANCELED);
}
static void check_closed(void)
{
    check_items();
    EXPLORE_CHECK(put_rc[0] == 0 || put_rc[0] == -EPIPE);
    EXPLORE_CHECK(get_rc[1] == 0 || get_rc[1] == -EPIPE);
}

/* ---- selects */
static void crosses(void)
{
    either(0, left, right, PLAIT_NEVER);
}
static void crosses_back(void)
{
    either(1, right, left, PLAIT_NEVER);
}
static void crosses_a_while(void)
{
    either(0, left, right, LATER);
}
static void swaps(void)
{
    either(0, left, left, PLAIT_NEVER);
}
static void second_swaps(void)
{
    either(1, left, left, PLAIT_NEVER);
}
static void swaps_a_while(void)
{
    either(0, left, left, LATER);
}
static void second_swaps_a_while(void)
{
    either(1, left, left, LATER);
}
static void third_swaps_a_while(void)
{
    either(2, left, left, LATER);
}
static void second_gets_left(void)
{
    get(1, left, PLAIT_NEVER);
}

static int met(void)
{
    int sides = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        sides += (put_rc[i] == 0) + (get_rc[i] == 0);
    return sides / 2;
}

static void check_met(void)
{
    check_items();
    EXPLORE_CHECK(met() == 1);
}
static void check_perhaps(void)
{
    check_items();
    EXPLORE_CHECK(met() <= 1);
}
/* The select meets one of the two plain calls, and a fourth hand is not there: one of them would
 * wait for ever, so it gives up. */
static void second_gets_a_while(void)
{
    get(1, left, LATER);
}
static void third_puts_a_while(void)
{
    put(2, right, LATER);
}

/* ---- free as soon as the effect is seen */
static void gets_and_frees(void)
{
    get(1, left, PLAIT_NEVER);
    plait_queue_free(left);
}
static void puts_and_frees(void)
{
    put(0, left, PLAIT_NEVER);
    plait_queue_free(left);
}

#define BOTH(what, checks, bound, ...)                                                             \
    {what ", threads", setup, {__VA_ARGS__}, {false, false, false}, checks, bound},                \
        {what ", coroutines", setup, {__VA_ARGS__}, {true, true, true}, checks, bound},            \
    {                                                                                              \
        what ", mixed", setup, {__VA_ARGS__}, {true, false, true}, checks, bound                   \
    }
#define MIXED(what, checks, bound, ...)                                                            \
    {                                                                                              \
        what ", mixed", setup, {__VA_ARGS__}, {true, false, true}, checks, bound                   \
    }

static const struct explore_case cases[] = {
    BOTH("put and get", check_pair, 4, puts_left, gets_left),
    MIXED("two puts, two gets", check_two, 2, puts_left, gets_left_twice, third_puts_left),
    BOTH("both for a while", check_while, 3, puts_a_while, gets_a_while),
    MIXED("a get that is cancelled", check_canceled, 2, puts_a_while, gets_left, third_cancels),
    MIXED("close", check_closed, 2, puts_left, gets_left, third_closes),
    BOTH("crossing selects", check_met, 3, crosses, crosses_back),
    MIXED("a select and a get", check_met, 2, crosses, second_gets_left),
    MIXED("both sides in both selects", check_met, 2, swaps, second_swaps),
    MIXED("three with both sides", check_perhaps, 1, swaps_a_while, second_swaps_a_while,
          third_swaps_a_while),
    MIXED("a select between two", check_perhaps, 1, crosses_a_while, second_gets_a_while,
          third_puts_a_while),
    BOTH("get and free", check_pair, 3, puts_left, gets_and_frees),
    BOTH("put and free", check_pair, 3, puts_and_frees, gets_left),
};

EXPLORE_MAIN(cases)
