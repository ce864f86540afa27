/* The private queue: each item comes out once and in its putter's order, nobody sleeps for ever,
 * and the queue may be freed as soon as a call's effect is seen. */
#include "explorer.h"
#include "os/os.h"
#include "wait/lot.h"

#include <plait/queue.h>
#include <plait/time.h>

#include <errno.h>
#include <string.h>

enum { LATER = 2000000, MOST = 8 };
void explore_empty(void); /* standins.c: the memory of the execution before */

static plait_queue *queue;
static int got[EXPLORE_TASKS][MOST], count[EXPLORE_TASKS], result[EXPLORE_TASKS];

static void setup(size_t capacity)
{
    lot_reset();
    explore_empty();
    wait_current = explore_self(0);
    queue = plait_queue_open(sizeof(int), capacity, NULL);
    wait_current = NULL;
    memset(got, 0, sizeof got);
    memset(count, 0, sizeof count);
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static void setup_one(void)
{
    setup(1);
}

static void setup_two(void)
{
    setup(2);
}

static void setup_full(void)
{
    int item = 9;
    setup(1);
    EXPLORE_CHECK(plait_put(queue, &item, PLAIT_NOW) == 0);
}

/* Room for 2, both taken. */
static void setup_both(void)
{
    setup(2);
    EXPLORE_CHECK(plait_put(queue, &(int){8}, PLAIT_NOW) == 0);
    EXPLORE_CHECK(plait_put(queue, &(int){9}, PLAIT_NOW) == 0);
}

static int put(int task, int item)
{
    return result[task] = plait_put(queue, &item, PLAIT_NEVER);
}

static int get(int task, int64_t deadline)
{
    int item = 0, rc = plait_get(queue, &item, deadline);
    if (rc == 0)
        got[task][count[task]++] = item;
    return result[task] = rc;
}

/* Items are numbered 10 * putter + 1, 2, ...: how often an item was got by anybody. */
static int times(int item)
{
    int n = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        for (int j = 0; j < count[i]; j++)
            n += got[i][j] == item;
    return n;
}

/* A getter's items of one putter come in the order in which they were put. */
static void check_order(void)
{
    for (int i = 0; i < EXPLORE_TASKS; i++)
        for (int j = 0; j < count[i]; j++)
            for (int k = j + 1; k < count[i]; k++)
                EXPLORE_CHECK(got[i][j] / 10 != got[i][k] / 10 || got[i][j] < got[i][k]);
}

/* ---- two putters, one getter */
static void puts_one(void)
{
    put(1, 11);
}

static void puts_two(void)
{
    put(1, 11);
    put(1, 12);
}

static void third_puts_one(void)
{
    put(2, 21);
}

static void gets_two(void)
{
    get(0, PLAIT_NEVER);
    get(0, PLAIT_NEVER);
}

static void gets_three(void)
{
    gets_two();
    get(0, PLAIT_NEVER);
}

static void check_two(void)
{
    EXPLORE_CHECK(times(11) == 1 && times(21) == 1);
    check_order();
}

static void check_three(void)
{
    EXPLORE_CHECK(times(11) == 1 && times(12) == 1 && times(21) == 1);
    check_order();
}

/* ---- one putter, two getters */
static void gets_one(void)
{
    get(0, PLAIT_NEVER);
}

static void third_gets_one(void)
{
    get(2, PLAIT_NEVER);
}

static void third_gets_a_while(void)
{
    get(2, LATER);
}

static void check_pair(void)
{
    EXPLORE_CHECK(times(11) == 1 && times(12) == 1);
    check_order();
}

/* Who gave up has taken nothing. */
static void check_gave_up(void)
{
    EXPLORE_CHECK(result[0] == 0 && count[0] == 1);
    EXPLORE_CHECK(result[2] == 0 || result[2] == -ETIMEDOUT);
    EXPLORE_CHECK(count[2] == (result[2] == 0));
    EXPLORE_CHECK(times(11) + times(12) == 1 + count[2]);
}

/* ---- full: two putters wait for the room of two gets */
static void check_full(void)
{
    EXPLORE_CHECK(times(9) == 1 && times(11) == 1 && times(21) == 1 && got[0][0] == 9);
}

static void check_both(void)
{
    EXPLORE_CHECK(times(8) == 1 && times(9) == 1 && result[1] == 0 && result[2] == 0);
}

/* ---- close: the rest is taken, then everybody hears of it */
static void gets_until_closed(void)
{
    while (get(0, PLAIT_NEVER) == 0)
        ;
}

static void third_gets_until_closed(void)
{
    while (get(2, PLAIT_NEVER) == 0)
        ;
}

static void puts_and_closes(void)
{
    put(1, 11);
    plait_queue_close(queue);
}

static void closes(void)
{
    plait_queue_close(queue);
}

static void check_closed(void)
{
    EXPLORE_CHECK(result[0] == -EPIPE && result[1] == 0 && times(11) == 1);
    EXPLORE_CHECK(result[2] == -EPIPE || result[2] == 1);
}

static void first_puts_one(void)
{
    put(0, 1);
}

static void check_turned_away(void)
{
    EXPLORE_CHECK(result[0] == -EPIPE && result[2] == -EPIPE);
}

/* ---- free as soon as the last call's effect is seen */
static void gets_and_frees(void)
{
    get(0, PLAIT_NEVER);
    plait_queue_free(queue);
}

static void gets_two_and_frees(void)
{
    gets_two();
    plait_queue_free(queue);
}

static void hears_and_frees(void)
{
    gets_until_closed();
    plait_queue_free(queue);
}

/* With room for 1 the second put shows that the get is through; what is left inside is dropped. */
static void puts_two_and_frees(void)
{
    puts_two();
    plait_queue_free(queue);
}

static void check_freed(void)
{
    EXPLORE_CHECK(times(11) == 1);
}

/* The largest cases with one of each kind only. */
#define MIXED(what, prepare, checks, bound, ...)                                                   \
    {                                                                                              \
        what ", mixed", prepare, {__VA_ARGS__}, {true, false, true}, checks, bound                 \
    }

static const struct explore_case cases[] = {
    MIXED("room for 1, two puts and a putter", setup_one, check_three, 1, gets_three, puts_two,
          third_puts_one),
    EXPLORE_ON_ALL("room for 2, two puts and a putter", setup_two, check_three, 2, true, false,
                   gets_three, puts_two, third_puts_one),
    MIXED("room for 2, two putters", setup_two, check_two, 2, gets_two, puts_one, third_puts_one),
    EXPLORE_ON_ALL("room for 2, two getters", setup_two, check_pair, 2, true, false, gets_one,
                   puts_two, third_gets_one),
    MIXED("room for 2, one getter for a while", setup_two, check_gave_up, 2, gets_one, puts_two,
          third_gets_a_while),
    MIXED("full, two putters", setup_full, check_full, 1, gets_three, puts_one, third_puts_one),
    EXPLORE_ON_ALL("room for 2 is full, two putters", setup_both, check_both, 2, true, false,
                   gets_two, puts_one, third_puts_one),
    EXPLORE_ON_ALL("put and close", setup_one, check_closed, 3, true, false, gets_until_closed,
                   puts_and_closes),
    EXPLORE_ON_ALL("put and close, two getters", setup_two, check_closed, 2, true, false,
                   gets_until_closed, puts_and_closes, third_gets_until_closed),
    EXPLORE_ON_ALL("full and closed", setup_full, check_turned_away, 2, true, false, first_puts_one,
                   closes, third_puts_one),
    EXPLORE_ON_ALL("last item and free", setup_one, check_freed, 4, true, false, gets_and_frees,
                   puts_one),
    MIXED("last of two items and free", setup_one, check_pair, 2, gets_two_and_frees, puts_two),
    EXPLORE_ON_ALL("closed and free", setup_one, check_closed, 3, true, false, hears_and_frees,
                   puts_and_closes),
    EXPLORE_ON_ALL("last get and free", setup_one, check_freed, 3, true, false, gets_one,
                   puts_two_and_frees),
};

EXPLORE_MAIN(cases)
