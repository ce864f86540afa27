/* The lane of a pool's jobs: each is claimed once, in the order of coming, by a worker or by who
 * cancels it; and its memory goes when the handle is given back, it has ended and no slot shows it
 * any more. */
#include "pool/lane.h"
#include "explorer.h"
#include "wait/lot.h"

enum { JOBS = 6 };
void explore_empty(void); /* standins.c: the memory of the execution before */

static struct lane lane;
static base_spin lock; /* the pool's */
static plait_future *job[JOBS];
static int claimed[JOBS], jobs, last[EXPLORE_TASKS];

/* ---- what tasks do */
static int me(void)
{
    for (int i = 0; i < EXPLORE_TASKS; i++)
        if (wait_current == explore_self(i))
            return i;
    return 0;
}

static void put(int number)
{
    base_spin_lock(&lock);
    EXPLORE_CHECK(lane_put(&lane, job[number]) == 0);
    base_spin_unlock(&lock);
}

static void ends(plait_future *one, plait_state state)
{
    claimed[one->priority]++;
    future_end(one, state, 0);
}

/* Who cancels, or runs it as its waiter. */
static void claim(int number)
{
    base_spin_lock(&lock);
    bool mine = future_claim(job[number], 0);
    if (mine)
        lane_take_out(&lane, job[number]);
    base_spin_unlock(&lock);
    if (mine)
        ends(job[number], PLAIT_CANCELED);
}

static bool take(void)
{
    plait_future *one = lane_take(&lane);
    if (one && lane_claim(&lane, one)) {
        EXPLORE_CHECK(one->priority > last[me()]);
        last[me()] = one->priority;
        ends(one, PLAIT_DONE);
    }
    return one;
}

static void takes_one(void)
{
    take();
}

static void takes_all(void)
{
    while (take())
        ;
}

static void puts_two(void)
{
    put(0);
    put(1);
}

static void puts_three(void)
{
    puts_two();
    put(2);
}

static void puts_five(void)
{
    puts_three();
    put(3);
    put(4);
}

static void puts_fifth(void)
{
    put(4);
}

static void frees_first(void)
{
    plait_future_free(job[0]);
}

static void frees_second(void)
{
    plait_future_free(job[1]);
}

static void claims_first(void)
{
    claim(0);
    frees_first();
}

static void claims_second(void)
{
    claim(1);
    frees_second();
}

/* Gives it back before its end, as a submit that failed. */
static void drops_second(void)
{
    base_spin_lock(&lock);
    bool mine = future_claim(job[1], 0);
    if (mine)
        lane_take_out(&lane, job[1]);
    base_spin_unlock(&lock);
    plait_future_free(job[1]);
    if (mine)
        ends(job[1], PLAIT_CANCELED);
}

static void claims_fourth(void)
{
    claim(3);
    plait_future_free(job[3]);
}

/* ---- setups: `priority` is the number here */
static void setup(int count, uint64_t room)
{
    lot_reset();
    explore_empty();
    lane = (struct lane){0};
    lock = (base_spin){0};
    EXPLORE_CHECK(lane_init(&lane, room) == 0);
    for (int i = 0; i < count; i++) {
        job[i] = future_new(0, 0);
        job[i]->word = FUTURE_QUEUED;
        job[i]->priority = i;
    }
    for (int i = 0; i < JOBS; i++)
        claimed[i] = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        last[i] = -1;
    jobs = count;
}

static void setup_two(void)
{
    setup(2, 2);
}

static void setup_three(void)
{
    setup(3, 2);
}

static void setup_five(void)
{
    setup(5, 2);
}

static void setup_put(void)
{
    setup_two();
    puts_two();
}

/* Full, the second and third dead. */
static void setup_dead(void)
{
    setup(5, 4);
    puts_three();
    put(3);
    claim(1);
    claim(2);
    lane.dead++; /* as if the fourth's claim was about to say so */
}

/* ---- at the end what is left is taken; the handles that a task does not give back go now */
static void check(unsigned freed)
{
    takes_all();
    for (int i = 0; i < jobs; i++) {
        EXPLORE_CHECK(claimed[i] == 1);
        if (!(freed & 1u << i))
            plait_future_free(job[i]);
        EXPLORE_CHECK(job[i]->magic == 0);
    }
}

static void check_none(void)
{
    check(0);
}

static void check_first(void)
{
    check(1);
}

static void check_second(void)
{
    check(2);
}

static void check_dead_and_first(void)
{
    last[0] = -1;
    check(1);
}

static void check_dead(void)
{
    last[0] = -1; /* the claimed ones are not in order */
    check(8);
}

static const struct explore_case cases[] = {
    {"two jobs, a worker", setup_two, {puts_two, takes_all}, {false}, check_none, 4},
    {"two jobs, two workers", setup_two, {puts_two, takes_all, takes_all}, {false}, check_none, 3},
    {"a full ring", setup_three, {puts_three, takes_all}, {false}, check_none, 4},
    {"a full ring, two workers",
     setup_three,
     {puts_three, takes_one, takes_one},
     {false},
     check_none,
     3},
    {"a ring that grows twice", setup_five, {puts_five, takes_all}, {false}, check_none, 2},
    {"given back while it waits", setup_put, {takes_all, frees_first}, {false}, check_first, 4},
    {"cancel of the next", setup_put, {claims_first, takes_all}, {false}, check_first, 4},
    {"cancel of a later one", setup_put, {claims_second, takes_all}, {false}, check_second, 4},
    {"the same, two workers",
     setup_put,
     {claims_second, takes_one, takes_one},
     {false},
     check_second,
     3},
    {"a submit that failed", setup_put, {drops_second, takes_all}, {false}, check_second, 4},
    {"dead ones thrown out while the next is taken",
     setup_dead,
     {puts_fifth, takes_one, frees_first},
     {false},
     check_dead_and_first,
     3},
    {"dead ones thrown out",
     setup_dead,
     {puts_fifth, takes_one, takes_one, claims_fourth},
     {false},
     check_dead,
     2},
};

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        explore(&cases[i]);
    return 0;
}
