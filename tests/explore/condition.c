/* The private condition on the private lock: whoever was told goes on, no notify is lost, nobody is
 * asleep for ever, the lock is held by one at a time and free in the end. */
#include "explorer.h"
#include "wait/lot.h"

#include <plait/condition.h>
#include <plait/time.h>

#include <errno.h>

enum { LATER = 2000000 };
enum { LOCKED = 1, COMING = 8 }; /* bits of the lock's word, as src/sync/lock.c has them */

static plait_lock lock;
static plait_condition condition;
static int inside, items, waiting, result[EXPLORE_TASKS];

static void setup(void)
{
    lot_reset();
    lock = (plait_lock){0};
    condition = (plait_condition){0};
    inside = items = waiting = 0;
    for (int i = 0; i < EXPLORE_TASKS; i++)
        result[i] = 1;
}

static int enter(void)
{
    int rc = plait_lock_acquire(&lock, PLAIT_NEVER);
    EXPLORE_CHECK(rc == -ECANCELED || (rc == 0 && ++inside == 1));
    return rc;
}

static void leave(void)
{
    inside--;
    plait_lock_release(&lock);
}

static int wait_here(int64_t deadline)
{
    inside--;
    int rc = plait_condition_wait(&condition, &lock, deadline);
    EXPLORE_CHECK(++inside == 1);
    return rc;
}

static void check_free(void)
{
    EXPLORE_CHECK((lock.own[1] & (LOCKED | COMING)) == 0);
    wait_current = explore_self(0);
    EXPLORE_CHECK(plait_lock_acquire(&lock, PLAIT_NOW) == 0);
}

/* ---- items: each notify is for one */
static void take(int task, int64_t deadline)
{
    int rc = result[task] = enter();
    if (rc != 0)
        return;
    while (!items && rc == 0)
        rc = wait_here(deadline);
    if (items) {
        items--;
        rc = 0;
    }
    result[task] = rc;
    leave();
}

static void first(void)
{
    take(0, PLAIT_NEVER);
}

static void second(void)
{
    take(1, PLAIT_NEVER);
}

static void second_a_while(void)
{
    take(1, LATER);
}

static void gives_one(void)
{
    enter();
    items++;
    leave();
    plait_condition_notify(&condition, 1);
}

static void gives_one_inside(void)
{
    enter();
    items++;
    plait_condition_notify(&condition, 1);
    leave();
}

static void gives_one_and_one(void)
{
    gives_one();
    gives_one_inside();
}

static void gives_two(void)
{
    enter();
    items += 2;
    plait_condition_notify_all(&condition);
    leave();
}

static void gives_two_outside(void)
{
    enter();
    items += 2;
    leave();
    plait_condition_notify(&condition, 2);
}

/* ---- exactly as many as were told: both wait first, one is told, then the other */
static void waits(int task)
{
    enter();
    waiting++;
    result[task] = wait_here(PLAIT_NEVER);
    waiting--;
    leave();
}

static void first_waits(void)
{
    waits(0);
}

static void second_waits(void)
{
    waits(1);
}

static void until_both_wait(void)
{
    enter();
    while (waiting < 2) {
        leave();
        os_relax();
        enter();
    }
}

static void tells_one_by_one(void)
{
    until_both_wait();
    plait_condition_notify(&condition, 1);
    leave();
    do {
        os_relax();
        enter();
        EXPLORE_CHECK(waiting >= 1);
        leave();
    } while (waiting > 1);
    plait_condition_notify(&condition, 1);
}

static void tells_both(void)
{
    until_both_wait();
    plait_condition_notify_all(&condition);
    leave();
}

static void tells_both_outside(void)
{
    until_both_wait();
    leave();
    plait_condition_notify_all(&condition);
}

/* ---- one is told and may be late or cancelled: a notify of one ends the wait of one */
static void second_waits_a_while(void)
{
    enter();
    waiting++;
    result[1] = wait_here(LATER);
    leave();
}

/* Looks again when somebody has moved; for ever is too long. */
static void pause_here(void)
{
    explore_point(result);
    os_relax();
}

static void tells_one_then_the_first(void)
{
    until_both_wait();
    plait_condition_notify(&condition, 1);
    leave();
    while (result[0] != 0 && result[1] != 0)
        pause_here(); /* for ever, when the notify was lost */
    while (result[0] != 0 && result[1] == 1)
        pause_here();
    enter();
    plait_condition_notify_all(&condition);
    leave();
}

static void tells_one_and_cancels(void)
{
    until_both_wait();
    plait_condition_notify(&condition, 1);
    leave();
    wait_cancel(explore_self(1));
    while (result[0] != 0 && result[1] != 0)
        pause_here();
    plait_condition_notify_all(&condition);
}

static void check_one_told(void)
{
    EXPLORE_CHECK(result[0] == 0);
    EXPLORE_CHECK(result[1] == 0 || result[1] == -ETIMEDOUT || result[1] == -ECANCELED);
    check_free();
}

static void waits_to_be_told_and_frees(void)
{
    enter();
    waiting = 2;
    result[0] = wait_here(PLAIT_NEVER);
    leave();
    explore_gone(&condition, sizeof condition);
    explore_gone(&lock, sizeof lock);
}

/* ---- after the wait both are the waiter's to free */
static void waits_and_frees(void)
{
    enter();
    while (!items)
        wait_here(PLAIT_NEVER);
    result[0] = 0;
    leave();
    explore_gone(&condition, sizeof condition);
    explore_gone(&lock, sizeof lock);
}

static void check_taken(void)
{
    EXPLORE_CHECK(result[0] == 0 && (result[1] == 0 || result[1] == 1) && items == 0);
    check_free();
}

/* The one for a while may go without; then the item is left. */
static void check_while(void)
{
    EXPLORE_CHECK(result[0] == 0);
    EXPLORE_CHECK(result[1] == 0 || result[1] == -ETIMEDOUT || result[1] == -ECANCELED);
    EXPLORE_CHECK(items == (result[1] != 0));
    check_free();
}

static void check_told(void)
{
    EXPLORE_CHECK(result[0] == 0 && result[1] == 0 && waiting == 0);
    check_free();
}

static void check_freed(void)
{
    EXPLORE_CHECK(result[0] == 0);
}

static void gives_two_one_canceled(void)
{
    wait_cancel(explore_self(1));
    gives_one_and_one();
}

static void second_until_canceled(void)
{
    take(1, PLAIT_NEVER);
}

#define BOTH(what, ...) EXPLORE_ON_ALL(what, setup, __VA_ARGS__)

static const struct explore_case cases[] = {
    BOTH("one item", check_taken, 3, true, false, first, gives_one),
    BOTH("one item, told inside", check_taken, 3, true, false, first, gives_one_inside),
    BOTH("one and one", check_taken, 2, true, false, first, second, gives_one_and_one),
    BOTH("two, all told", check_taken, 2, true, false, first, second, gives_two),
    BOTH("two, two told outside", check_taken, 2, true, false, first, second, gives_two_outside),
    BOTH("one for a while", check_while, 2, true, false, first, second_a_while, gives_one_and_one),
    BOTH("one is cancelled", check_while, 2, true, false, first, second_until_canceled,
         gives_two_one_canceled),
    BOTH("told one by one", check_told, 1, true, false, first_waits, second_waits,
         tells_one_by_one),
    BOTH("both told", check_told, 2, true, false, first_waits, second_waits, tells_both),
    BOTH("both told outside", check_told, 2, true, false, first_waits, second_waits,
         tells_both_outside),
    BOTH("one told, one for a while", check_one_told, 2, true, false, first_waits,
         second_waits_a_while, tells_one_then_the_first),
    BOTH("one told, one cancelled", check_one_told, 2, true, false, first_waits, second_waits,
         tells_one_and_cancels),
    BOTH("tell and free", check_freed, 2, true, false, waits_to_be_told_and_frees,
         tells_both_outside),
    BOTH("wait and free", check_freed, 3, true, false, waits_and_frees, gives_one_inside),
};

EXPLORE_MAIN(cases)
