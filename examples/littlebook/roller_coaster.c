/* A car for four runs only when it is full; nobody gets in or out while it runs, and all get out
 * before others get in. The car waits for the last one by a latch, raised before it calls them and
 * counted down by each. */
#include "book.h"

enum { SEATS = 4, PASSENGERS = 10, RUNS = 100 };

static plait_semaphore may_board, may_leave;
static plait_latch to_board, to_leave;
static int seated, runs, tickets;
static bool running;

static int ride(void *me)
{
    while (draw(&tickets, RUNS * SEATS)) {
        down(&may_board);
        check(!__atomic_load_n(&running, __ATOMIC_RELAXED));
        check(__atomic_add_fetch(&seated, 1, __ATOMIC_RELAXED) <= SEATS);
        plait_latch_add(&to_board, -1);
        down(&may_leave);
        check(!__atomic_load_n(&running, __ATOMIC_RELAXED));
        check(__atomic_sub_fetch(&seated, 1, __ATOMIC_RELAXED) >= 0);
        plait_latch_add(&to_leave, -1);
        dawdle();
    }
    return 0;
}

static int run(void *me)
{
    for (; runs < RUNS; runs++) {
        plait_latch_add(&to_board, SEATS);
        up(&may_board, SEATS);
        check(plait_latch_wait(&to_board, PLAIT_NEVER) == 0);
        check(__atomic_load_n(&seated, __ATOMIC_RELAXED) == SEATS);
        __atomic_store_n(&running, true, __ATOMIC_RELAXED);
        dawdle();
        __atomic_store_n(&running, false, __ATOMIC_RELAXED);
        plait_latch_add(&to_leave, SEATS);
        up(&may_leave, SEATS);
        check(plait_latch_wait(&to_leave, PLAIT_NEVER) == 0);
        check(__atomic_load_n(&seated, __ATOMIC_RELAXED) == 0);
    }
    return 0;
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    start(1, run);
    start(PASSENGERS, ride);
    return end("roller coaster") || runs != RUNS;
}
