/* A queue under a lock (last in first out, messages with little room): nobody sleeps for ever,
 * nothing is lost, and the queue may be freed as soon as a call's effect is seen. */
#include "explorer.h"
#include "os/os.h"
#include "wait/lot.h"

#include <plait/queue.h>
#include <plait/queue_place.h>
#include <plait/time.h>

#include <errno.h>
#include <string.h>

void explore_empty(void); /* standins.c: the memory of the execution before */

enum { LATER = 2000000 };

static plait_queue *queue;
static int sum[EXPLORE_TASKS], result[EXPLORE_TASKS];

static void setup(size_t element, size_t capacity, plait_order order, size_t bytes)
{
    lot_reset();
    explore_empty();
    wait_current = explore_self(0);
    queue =
        plait_queue_open(element, capacity, &(plait_queue_options){.order = order, .bytes = bytes});
    wait_current = NULL;
    memset(sum, 0, sizeof sum);
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static void setup_one(void)
{
    setup(sizeof(int), 1, PLAIT_LIFO, 0);
}

static void setup_two(void)
{
    setup(sizeof(int), 2, PLAIT_PRIORITY, 0);
}

/* Room for 10 bytes, all taken. */
static void setup_bytes(void)
{
    setup(PLAIT_MESSAGES, PLAIT_UNBOUNDED, PLAIT_FIFO, 10);
    for (int i = 0; i < 2; i++)
        EXPLORE_CHECK(plait_put_bytes(queue, "12345", 5, PLAIT_NOW) == 0);
}

static void put(int task, int item)
{
    result[task] = plait_put(queue, &item, PLAIT_NEVER);
}

static void get(int task)
{
    int item = 0;
    result[task] = plait_get(queue, &item, PLAIT_NEVER);
    sum[task] += item;
}

static void gets_two(void)
{
    get(0);
    get(0);
}

static void gets_one(void)
{
    get(0);
}

static void gets_until_closed(void)
{
    do
        get(0);
    while (result[0] == 0);
}

static void puts_one(void)
{
    put(1, 1);
}

static void puts_two(void)
{
    put(1, 1);
    put(1, 2);
}

static void third_puts(void)
{
    put(2, 4);
}

static void third_gets(void)
{
    get(2);
}

static void puts_and_closes(void)
{
    put(1, 1);
    plait_queue_close(queue);
}

static void third_gets_until_closed(void)
{
    do
        get(2);
    while (result[2] == 0);
}

static void gets_and_frees(void)
{
    get(0);
    plait_queue_free(queue);
}

static void hears_and_frees(void)
{
    gets_until_closed();
    plait_queue_free(queue);
}

static void puts_two_and_frees(void)
{
    puts_two();
    plait_queue_free(queue);
}

static void check_five(void)
{
    EXPLORE_CHECK(sum[0] == 5);
}

static void check_three(void)
{
    EXPLORE_CHECK(sum[0] + sum[2] == 3);
}

static void check_one(void)
{
    EXPLORE_CHECK(sum[0] + sum[2] == 1);
}

static void check_got(void)
{
    EXPLORE_CHECK(result[0] == 0);
}

/* ---- room in bytes: a large message may wait first, and a small one fits in */
static void puts_large(void)
{
    result[1] = plait_put_bytes(queue, "1234567890", 10, LATER);
}

static void third_puts_small(void)
{
    result[2] = plait_put_bytes(queue, "1234", 4, PLAIT_NEVER);
}

static void gets_messages(void)
{
    char text[10];
    sum[0] = (int)plait_get_bytes(queue, text, sizeof text, PLAIT_NEVER);
}

static void check_bytes(void)
{
    EXPLORE_CHECK(sum[0] == 5 && result[1] == -ETIMEDOUT && result[2] == 0);
}

/* ---- reserved before a close: the getters wait for it */
static void reserves_and_gives_up(void)
{
    int *place = plait_queue_reserve(queue, sizeof(int), PLAIT_NEVER);
    plait_queue_close(queue);
    if (place)
        plait_queue_give_up(queue, place);
}

static void reserves_and_commits(void)
{
    int *place = plait_queue_reserve(queue, sizeof(int), PLAIT_NEVER);
    plait_queue_close(queue);
    if (place) {
        *place = 1;
        plait_queue_commit(queue, place);
    }
}

static void check_nothing(void)
{
    EXPLORE_CHECK(result[0] == -EPIPE && result[2] == -EPIPE && sum[0] + sum[2] == 0);
}

static const struct explore_case cases[] = {
    {"two putters",
     setup_one,
     {gets_two, puts_one, third_puts},
     {true, false, true},
     check_five,
     2},
    {"two getters",
     setup_two,
     {gets_one, puts_two, third_gets},
     {false, true, false},
     check_three,
     2},
    {"put and close",
     setup_two,
     {gets_until_closed, puts_and_closes, third_gets_until_closed},
     {true, false, false},
     check_one,
     2},
    {"last item and free", setup_one, {gets_and_frees, puts_one}, {false, false}, check_got, 4},
    {"closed and free", setup_one, {hears_and_frees, puts_and_closes}, {true, false}, check_one, 3},
    {"last get and free", setup_one, {gets_one, puts_two_and_frees}, {false, true}, check_got, 3},
    {"room in bytes",
     setup_bytes,
     {gets_messages, puts_large, third_puts_small},
     {false, false, true},
     check_bytes,
     2},
    {"reserved, closed, given up",
     setup_two,
     {gets_until_closed, reserves_and_gives_up, third_gets_until_closed},
     {false, false, true},
     check_nothing,
     2},
    {"reserved, closed, committed",
     setup_two,
     {gets_until_closed, reserves_and_commits, third_gets_until_closed},
     {false, true, false},
     check_one,
     2},
};

EXPLORE_MAIN(cases)
