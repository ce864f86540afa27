/* The shared semaphore's cases. The harness must give a unit back where none is there, because
 * those that a victim had are gone with it, which is promised. Where one is there and the waiter
 * sleeps, it is stuck. */
#include "kill.h"

#include <unistd.h>

/* Must be what sync/shared_semaphore.c has. */
#define STARVES UINT32_C(0x80000000)

static struct robust_word *front(void)
{
    return (struct robust_word *)(void *)common->object;
}

static uint32_t *z(void)
{
    return (uint32_t *)(void *)&front()->room[0];
}

static uint32_t *state(void)
{
    return z() + 1;
}

static plait_semaphore *the_semaphore(void)
{
    return (plait_semaphore *)(void *)common->object;
}

static void acquire(void)
{
    if (plait_semaphore_acquire(the_semaphore(), 1, PLAIT_NEVER))
        _exit(1);
}

static void release(void)
{
    plait_semaphore_release(the_semaphore(), 1);
}

static void release_two(void)
{
    plait_semaphore_release(the_semaphore(), 2);
}

static void give_up(void)
{
    if (plait_semaphore_acquire(the_semaphore(), 2, plait_after(PLAIT_MILLISECOND)) == 0)
        _exit(1);
}

static void try_in_vain(void)
{
    if (plait_semaphore_acquire(the_semaphore(), 9, PLAIT_NOW) == 0)
        _exit(1);
}

static void look(void)
{
    if (plait_semaphore_value(the_semaphore()) < 0)
        _exit(1);
}

static void register_thread(void)
{
    robust_tid();
}

static void warm(void)
{
    register_thread();
    acquire();
}

/* As a front leaves it that starved and was killed. */
static void find_dead_front(void)
{
    register_thread();
    __atomic_or_fetch(state(), STARVES, __ATOMIC_SEQ_CST);
    __atomic_store_n(&front()->word, ROBUST_DIED, __ATOMIC_SEQ_CST);
}

static void semaphore_fresh(void)
{
    plait_semaphore_init(the_semaphore(), 1, 0, PLAIT_SHARED);
}

static void semaphore_rescue(void)
{
    if (plait_semaphore_value(the_semaphore()) == 0)
        release();
}

static int semaphore_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_semaphore_acquire(the_semaphore(), 1, deadline);
    *got_at = plait_now();
    if (rc == 0)
        release();
    return rc;
}

/* In the line, or alone at the front. */
static bool semaphore_is_waited_for(pid_t waiter)
{
    uint32_t word = __atomic_load_n(&front()->word, __ATOMIC_ACQUIRE);
    bool fronts = (word & ROBUST_OWNER) == (uint32_t)waiter;
    return word & ROBUST_WAITERS || (fronts && __atomic_load_n(z(), __ATOMIC_ACQUIRE));
}

/* D may stay: the next front takes it off. */
static bool semaphore_is_sound(void)
{
    return !(front()->word & ROBUST_OWNER) && !(*state() & STARVES) && *state() > 0;
}

static const struct kill_noun semaphore_noun = {
    .fresh = semaphore_fresh,
    .block = acquire,
    .unblock = release,
    .rescue = semaphore_rescue,
    .use = semaphore_use,
    .is_waited_for = semaphore_is_waited_for,
    .is_sound = semaphore_is_sound,
};
#define CASE(text) .name = "semaphore: " text, .noun = &semaphore_noun

const struct kill_case kill_semaphore_cases[] = {
    {CASE("acquire"), .prepare = register_thread, .operate = acquire},
    {CASE("release"), .prepare = warm, .operate = release},
    {CASE("value"), .operate = look},
    {CASE("release to a waiter"), .prepare = warm, .operate = release, .waited = true},
    {CASE("release of two to a waiter"), .prepare = warm, .operate = release_two, .waited = true},
    {CASE("acquire as the front"), .prepare = register_thread, .operate = acquire,
     .contended = true},
    {CASE("acquire in vain"), .prepare = register_thread, .operate = give_up},
    {CASE("a try in vain"), .prepare = register_thread, .operate = try_in_vain},
    {CASE("repair by a try"), .prepare = find_dead_front, .operate = try_in_vain},
    {CASE("repair by who waits"), .prepare = find_dead_front, .operate = give_up},
    {0},
};
