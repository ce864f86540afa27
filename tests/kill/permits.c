/* The permits' cases: two units, which must both be there for the survivors, however the victim
 * ends. */
#include "kill.h"

#include <errno.h>
#include <unistd.h>

static plait_permits *permits;

static void permits_open(void)
{
    const plait_permits_options options = {.where = PLAIT_SHARED};
    permits = plait_permits_open(2, &options);
    if (!permits)
        _exit(1);
}

static void acquire(void)
{
    if (plait_permits_acquire(permits, 1, PLAIT_NEVER))
        _exit(1);
}

static void acquire_two(void)
{
    if (plait_permits_acquire(permits, 2, PLAIT_NEVER))
        _exit(1);
}

static void try_in_vain(void)
{
    if (plait_permits_acquire(permits, 2, PLAIT_NOW) == 0)
        _exit(1);
}

static void give_up(void)
{
    if (plait_permits_acquire(permits, 2, plait_after(PLAIT_MILLISECOND)) == 0)
        _exit(1);
}

static void release(void)
{
    plait_permits_release(permits, 1);
}

static void release_two(void)
{
    plait_permits_release(permits, 2);
}

static void register_thread(void)
{
    robust_tid();
}

/* So that it can neither take two nor lose the first. */
static void hold_one(void)
{
    acquire();
}

static void nothing(void)
{
    robust_tid();
}

static int permits_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_permits_acquire(permits, 2, deadline);
    *got_at = plait_now();
    if (rc == 0)
        release_two();
    return rc;
}

static void open_and_free(void)
{
    plait_permits *own = plait_permits_open(1, NULL);
    plait_permits_free(own);
}

static const struct kill_noun permits_noun = {
    .open = permits_open,
    .fresh = nothing,
    .block = acquire_two,
    .unblock = release_two,
    .use = permits_use,
};
#define CASE(text) .name = "permits: " text, .noun = &permits_noun

const struct kill_case kill_permits_cases[] = {
    {CASE("acquire"), .prepare = register_thread, .operate = acquire},
    {CASE("acquire two"), .prepare = register_thread, .operate = acquire_two},
    {CASE("release"), .prepare = acquire, .operate = release},
    {CASE("release of two to a waiter"), .prepare = acquire_two, .operate = release_two,
     .waited = true},
    {CASE("acquire as the front"), .prepare = register_thread, .operate = acquire_two,
     .contended = true},
    {CASE("try in vain"), .prepare = hold_one, .operate = try_in_vain},
    {CASE("acquire in vain"), .prepare = hold_one, .operate = give_up},
    {CASE("open and free"), .operate = open_and_free},
    {0},
};
