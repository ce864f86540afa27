/* Places in a ring, and who waits until all is done: nobody sleeps for ever, nothing is lost or
 * skipped, and the queue may be freed as soon as a call's effect is seen. */
#include "explorer.h"
#include "os/os.h"
#include "wait/lot.h"

#include <plait/queue_done.h>
#include <plait/queue_many.h>
#include <plait/queue_place.h>
#include <plait/time.h>

#include <errno.h>
#include <string.h>

void explore_empty(void); /* standins.c: the memory of the execution before */

static plait_queue *queue;
static int sum[EXPLORE_TASKS], result[EXPLORE_TASKS], *early;
static const int *taken[2];

static void setup(size_t capacity)
{
    lot_reset();
    explore_empty();
    wait_current = explore_self(0);
    queue = plait_queue_open(sizeof(int), capacity, NULL);
    memset(sum, 0, sizeof sum);
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static void setup_one(void)
{
    setup(1);
    wait_current = NULL;
}

static void setup_two(void)
{
    setup(2);
    wait_current = NULL;
}

/* Room for 2: the first place is reserved. */
static void setup_reserved(void)
{
    setup(2);
    early = plait_queue_reserve(queue, sizeof(int), PLAIT_NOW);
    EXPLORE_CHECK(early != NULL);
    wait_current = NULL;
}

/* Room for 2, both taken. */
static void setup_taken(void)
{
    setup(2);
    for (int i = 0; i < 2; i++)
        EXPLORE_CHECK(plait_put(queue, &(int){1}, PLAIT_NOW) == 0);
    for (int i = 0; i < 2; i++)
        EXPLORE_CHECK((taken[i] = plait_queue_take(queue, NULL, PLAIT_NOW)) != NULL);
    wait_current = NULL;
}

/* Room for 1: one item inside, not done. */
static void setup_work(void)
{
    setup(2);
    EXPLORE_CHECK(plait_put(queue, &(int){1}, PLAIT_NOW) == 0);
    EXPLORE_CHECK(plait_put(queue, &(int){1}, PLAIT_NOW) == 0);
    wait_current = NULL;
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

static void write_one(int item)
{
    int *place = plait_queue_reserve(queue, sizeof(int), PLAIT_NEVER);
    EXPLORE_CHECK(place != NULL);
    *place = item;
    plait_queue_commit(queue, place);
}

static void read_one(int task)
{
    const int *place = plait_queue_take(queue, NULL, PLAIT_NEVER);
    EXPLORE_CHECK(place != NULL);
    sum[task] += *place;
    plait_queue_release(queue, place);
}

static void reads_two(void)
{
    read_one(0);
    read_one(0);
}

static void writes_two(void)
{
    write_one(1);
    write_one(2);
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

static void third_gets_one(void)
{
    get(2);
}

static void puts_one(void)
{
    put(1, 1);
}

static void third_puts_one(void)
{
    put(2, 2);
}

static void gets_and_frees(void)
{
    get(0);
    plait_queue_free(queue);
}

static void writes_one(void)
{
    write_one(1);
}

/* ---- what was reserved early is settled late */
static void commits_early(void)
{
    *early = 2;
    plait_queue_commit(queue, early);
}

static void gives_up_early(void)
{
    plait_queue_give_up(queue, early);
}

static void closes_and_gives_up(void)
{
    plait_queue_close(queue);
    plait_queue_give_up(queue, early);
}

static void gets_until_closed(void)
{
    do
        get(0);
    while (result[0] == 0);
}

static void third_gets_until_closed(void)
{
    do
        get(2);
    while (result[2] == 0);
}

static void puts_two(void)
{
    put(1, 1);
    put(1, 2);
}

/* ---- what was taken goes back, or is released out of order */
static void releases_both(void)
{
    plait_queue_release(queue, taken[1]);
    plait_queue_release(queue, taken[0]);
}

static void puts_back_one(void)
{
    plait_queue_put_back(queue, taken[1]);
    plait_queue_release(queue, taken[0]);
}

/* ---- several at once */
static void puts_many(void)
{
    int items[2] = {1, 2};
    result[1] = (int)plait_put_many(queue, items, 2, PLAIT_NEVER);
}

static void gets_many(void)
{
    int items[2] = {0, 0};
    for (int done = 0; done < 2;) {
        int n = (int)plait_get_many(queue, items, 2, PLAIT_NEVER);
        for (int i = 0; i < n; i++)
            sum[0] += items[i];
        done += n;
    }
}

/* ---- done */
static void works_one(void)
{
    get(0);
    plait_queue_task_done(queue);
}

static void third_works_one(void)
{
    get(2);
    plait_queue_task_done(queue);
}

static void joins_and_frees(void)
{
    result[1] = plait_queue_join(queue, PLAIT_NEVER);
    plait_queue_free(queue);
}

static void works_two(void)
{
    works_one();
    works_one();
}

static void third_joins(void)
{
    result[2] = plait_queue_join(queue, PLAIT_NEVER);
}

static void joins(void)
{
    result[1] = plait_queue_join(queue, PLAIT_NEVER);
}

static void check_three(void)
{
    EXPLORE_CHECK(sum[0] + sum[2] == 3);
}

static void check_one(void)
{
    EXPLORE_CHECK(sum[0] == 1);
}

static void check_closed(void)
{
    EXPLORE_CHECK(result[0] == -EPIPE && result[2] == -EPIPE);
}

static void check_put(void)
{
    EXPLORE_CHECK(result[1] == 0);
}

static void check_puts(void)
{
    EXPLORE_CHECK(result[1] == 0 && result[2] == 0);
}

static const struct explore_case cases[] = {
    {"in place", setup_one, {reads_two, writes_two}, {false, false}, check_three, 2},
    {"in place, two readers",
     setup_two,
     {gets_one, writes_two, third_gets_one},
     {true, false, false},
     check_three,
     1},
    {"last item and free", setup_one, {gets_and_frees, writes_one}, {false, false}, check_one, 3},
    {"reserved first, committed last",
     setup_reserved,
     {gets_two, puts_one, commits_early},
     {false, true, false},
     check_three,
     2},
    {"reserved first, two getters",
     setup_reserved,
     {gets_one, commits_early, third_gets_one, puts_one},
     {false, true, false, false},
     check_three,
     1},
    {"reserved and given up",
     setup_reserved,
     {gets_one, puts_one, gives_up_early},
     {false, true, false},
     check_one,
     2},
    {"given up by a full queue",
     setup_reserved,
     {gives_up_early, puts_two},
     {false, false},
     check_put,
     3},
    {"closed and given up",
     setup_reserved,
     {gets_until_closed, closes_and_gives_up, third_gets_until_closed},
     {false, false, true},
     check_closed,
     2},
    {"released out of order",
     setup_taken,
     {releases_both, puts_one, third_puts_one},
     {false, true, false},
     check_puts,
     2},
    {"put back", setup_taken, {gets_one, puts_back_one}, {false, false}, check_one, 3},
    {"put back, two getters",
     setup_taken,
     {gets_one, puts_back_one, third_puts_one, third_gets_one},
     {false, true, false, true},
     check_three,
     1},
    {"many", setup_two, {gets_many, puts_many}, {false, true}, check_three, 2},
    {"many, room for 1", setup_one, {gets_many, puts_many}, {false, true}, check_three, 2},
    {"joined and freed", setup_work, {works_two, joins_and_frees}, {false, false}, check_put, 3},
    {"joined, two workers",
     setup_work,
     {works_one, joins, third_works_one},
     {false, false, true},
     check_put,
     2},
    {"two join", setup_work, {works_two, joins, third_joins}, {false, true, false}, check_puts, 2},
};

EXPLORE_MAIN(cases)
