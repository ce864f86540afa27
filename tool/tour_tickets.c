/* Ten buyers, three tickets. Between looking at how many are left and writing one less, each
 * buyer lets the others go on until all have looked, or until its patience ends: without a lock
 * all ten then win, each time, not by luck. With one they cannot look meanwhile. */
#include "crew.h"
#include "page.h"
#include "result.h"
#include "tour.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

enum { BUYERS = 10, TICKETS = 3 };

struct office {
    plait_lock lock;
    bool locked;
    int64_t patience;
    /* Guarded by the lock, when there is one; atomic so that losing sales without it is a fault
     * of the program only, and not of C. */
    _Atomic int left;
    _Atomic int looking; /* buyers that have looked */
    _Atomic int sold;
};

/* The fatal place. */
static void let_others_go_on(struct office *office)
{
    int64_t end = plait_after(office->patience);
    atomic_fetch_add(&office->looking, 1);
    while (atomic_load(&office->looking) < BUYERS && plait_now() < end)
        if (plait_sleep(plait_after(PLAIT_MILLISECOND / 5)) < 0)
            return;
}

static void buy_here(struct office *office)
{
    int left = office->left;
    let_others_go_on(office);
    if (left > 0) {
        office->left = left - 1;
        atomic_fetch_add(&office->sold, 1);
    }
}

static int buy(void *arg)
{
    struct office *office = arg;
    if (!office->locked)
        return buy_here(office), 0;
    plait_with (&office->lock)
        buy_here(office);
    return 0;
}

static int sell(struct office *office, plait_carrier carrier, bool locked)
{
    office->locked = locked;
    office->patience = locked ? 2 * PLAIT_MILLISECOND : 2 * PLAIT_SECOND;
    office->left = TICKETS;
    office->looking = office->sold = 0;
    return crew_run(&(struct crew){carrier, BUYERS, buy, (char *)office, 0});
}

static int report(struct office *office, plait_carrier carrier)
{
    int failed = sell(office, carrier, false), without = office->sold, left = office->left;
    failed = failed ? failed : sell(office, carrier, true);
    int with = office->sold;
    if (failed)
        page_line("%-11s %s", crew_name(carrier), plait_strerror(failed));
    else
        page_line("%-11s without a lock: %2d sold, %d left    with one: %d sold, %d left",
                  crew_name(carrier), without, left, with, office->left);
    result_object(NULL);
    result_text("carrier", crew_name(carrier));
    result_number("sold_without_lock", without);
    result_number("sold_with_lock", with);
    result_number("left_with_lock", office->left);
    result_end();
    return failed || without != BUYERS || with != TICKETS || office->left != 0;
}

/* ---- a buyer killed inside the lock */

struct crime {
    plait_lock lock;
    _Atomic int inside;  /* the first buyer has the lock */
    _Atomic int waiting; /* the second asks for it */
    _Atomic int64_t killed;
    int told; /* what the second one's acquire returned */
    int64_t told_at;
    int left;
};

static int buy_and_be_killed(void *arg)
{
    struct crime *crime = arg;
    if (plait_lock_acquire(&crime->lock, PLAIT_NEVER) < 0)
        return 1;
    crime->left--; /* half of the work; the sale must be written down too */
    atomic_store(&crime->inside, 1);
    return plait_sleep(PLAIT_NEVER);
}

static int buy_next(void *arg)
{
    struct crime *crime = arg;
    atomic_store(&crime->waiting, 1);
    crime->told = plait_lock_acquire(&crime->lock, plait_after(5 * PLAIT_SECOND));
    crime->told_at = plait_now();
    if (crime->told == -EOWNERDEAD) {
        crime->left = TICKETS; /* because the ticket was not paid for */
        plait_lock_mend(&crime->lock);
    }
    if (crime->told == 0 || crime->told == -EOWNERDEAD)
        plait_lock_release(&crime->lock);
    return 0;
}

static int wait_for(_Atomic int *flag)
{
    int64_t end = plait_after(5 * PLAIT_SECOND);
    while (!atomic_load(flag)) {
        if (plait_now() > end)
            return -ETIMEDOUT;
        int error = plait_sleep(plait_after(PLAIT_MILLISECOND));
        if (error < 0)
            return error;
    }
    return 0;
}

/* The first buyer is killed when it has the lock and the second one sleeps for it: that one must be
 * woken by the kernel, since nobody else is left to do it. */
static int commit(struct crime *crime)
{
    plait_task *first, *second;
    int status, error = plait_start(&first, PLAIT_PROCESS, buy_and_be_killed, crime, NULL);
    if (error)
        return error;
    error = wait_for(&crime->inside);
    int started = error ? error : plait_start(&second, PLAIT_PROCESS, buy_next, crime, NULL);
    if (!started && (error = wait_for(&crime->waiting)) == 0)
        error = plait_sleep(plait_after(20 * PLAIT_MILLISECOND));
    crime->killed = plait_now();
    kill(plait_task_pid(first), SIGKILL);
    plait_join(first, NULL, PLAIT_NEVER);
    if (started)
        return started;
    int joined = plait_join(second, &status, PLAIT_NEVER);
    return error ? error : joined ? joined : status;
}

static int report_crime(void)
{
    struct crime *crime = plait_share(sizeof *crime);
    if (!crime)
        return page_line("a buyer killed inside the lock: no shared memory"), 1;
    plait_lock_init(&crime->lock, PLAIT_SHARED);
    crime->left = TICKETS;
    int error = commit(crime);
    int64_t took = crime->told_at - crime->killed;
    bool right = !error && crime->told == -EOWNERDEAD && crime->left == TICKETS;
    if (error)
        page_line("a buyer SIGKILLed inside the lock: %s", plait_strerror(error));
    else
        page_line("a buyer SIGKILLed inside the lock: %s later the next one has it and is\n"
                  "   told %s (%s); it repairs and goes on",
                  PAGE_TIME(took), right ? "-EOWNERDEAD" : "otherwise",
                  plait_strerror(crime->told));
    result_object("owner_died");
    result_text("told", plait_strerror(crime->told));
    result_real("seconds", took / 1e9);
    result_bool("right", right);
    result_end();
    plait_share_free(crime);
    return !right;
}

int tour_tickets(const struct tour *tour)
{
    static const plait_carrier order[] = {PLAIT_THREAD, PLAIT_PROCESS, PLAIT_COROUTINE};
    int failed = 0;
    page_title("3  Ten buyers, three tickets; a switch is forced between looking and selling");
    struct office *office = plait_share(sizeof *office);
    if (!office)
        return page_line("no shared memory"), 1;
    plait_lock_init(&office->lock, PLAIT_SHARED);
    result_object("tickets");
    result_array("carriers");
    for (int i = 0; i < 3; i++)
        failed |= report(office, order[i]);
    result_end();
    failed |= report_crime();
    result_end();
    plait_share_free(office);
    return failed;
}
