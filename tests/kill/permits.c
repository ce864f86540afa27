/* The permits' cases: two units, which must both be there for the survivors, however the victim
 * ends. */
#include "sync/permits.h"
#include "kill.h"

#include <errno.h>
#include <unistd.h>

static plait_permits *permits;

static void come_back(int units, void *arg)
{
    common->first += units;
}

static void permits_open(void)
{
    const plait_permits_options options = {.where = PLAIT_SHARED, .on_death = come_back};
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
/* ---- repairs */
static bool starves(void)
{
    const uint32_t *z = (const uint32_t *)(const void *)&permits->memory->front.room[0];
    return z[1] & 1;
}

static bool is_taken(int i)
{
    return permits->memory->unit[i].word & ROBUST_OWNER;
}

static bool has_half(void)
{
    return is_taken(0) != is_taken(1);
}

static void fresh_dead_holder(void)
{
    dead_leave(register_thread, acquire_two, NULL);
}

/* For whom the units were put by. */
static void fresh_dead_front(void)
{
    acquire();
    dead_leave(register_thread, acquire_two, starves);
    release();
}

static void fresh_dead_half(void)
{
    dead_leave(register_thread, acquire_two, has_half);
}

static void try_two(void)
{
    if (plait_permits_acquire(permits, 2, PLAIT_NOW))
        _exit(1);
}

#define DEAD(noun, begin)                                                                          \
    static const struct kill_noun noun = {.open = permits_open, .fresh = begin, .use = permits_use}
DEAD(dead_holder, fresh_dead_holder);
DEAD(dead_front, fresh_dead_front);
DEAD(dead_half, fresh_dead_half);
#define REPAIR(text, left)                                                                         \
    .name = "permits: repair " text, .noun = &left, .prepare = register_thread
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
    {REPAIR("after a holder", dead_holder), .operate = acquire_two},
    {REPAIR("after the front, one", dead_front), .operate = acquire},
    {REPAIR("after the front, two", dead_front), .operate = acquire_two},
    {REPAIR("after the front, by a try", dead_front), .operate = try_two},
    {REPAIR("after a half acquire", dead_half), .operate = acquire_two},
    {0},
};
