/* The shared barrier's cases: two parties. Whoever dies, the survivor's wait ends, with a number or
 * with -EPIPE, and after a reset two parties meet. */
#include "kill.h"

#include <errno.h>
#include <unistd.h>

static plait_barrier *the_barrier(void)
{
    return (plait_barrier *)(void *)common->object;
}

static void come(void)
{
    (void)!plait_barrier_wait(the_barrier(), plait_after(PLAIT_SECOND));
}

static void come_and_leave(void)
{
    (void)!plait_barrier_wait(the_barrier(), plait_after(PLAIT_MILLISECOND));
}

static void try(void)
{
    (void)!plait_barrier_wait(the_barrier(), PLAIT_NOW);
}

static void abort_it(void)
{
    plait_barrier_abort(the_barrier());
}

static void reset(void)
{
    plait_barrier_reset(the_barrier());
}

static void look(void)
{
    if (plait_barrier_waiting(the_barrier()) > 1)
        _exit(1);
}

static void register_thread(void)
{
    robust_tid();
}

static void expect_waiter(void)
{
    robust_tid();
    __atomic_store_n(&common->second, 1, __ATOMIC_SEQ_CST);
}

static void barrier_fresh(void)
{
    robust_tid();
    if (plait_barrier_init(the_barrier(), 2, PLAIT_SHARED))
        _exit(1);
}

/* A try rather than a wait, because the harness has no second party: it tells whether the barrier
 * answers. */
static int barrier_try(int64_t *got_at)
{
    int rc = plait_barrier_wait(the_barrier(), PLAIT_NOW);
    *got_at = plait_now();
    return rc >= 0 || rc == -EPIPE || rc == -EAGAIN ? 0 : rc;
}

/* The waiter's use is to meet the victim: `second` says that there is one. */
static int barrier_use(int64_t deadline, int64_t *got_at)
{
    if (!__atomic_exchange_n(&common->second, 0, __ATOMIC_SEQ_CST))
        return barrier_try(got_at);
    int rc = plait_barrier_wait(the_barrier(), deadline);
    *got_at = plait_now();
    return rc >= 0 || rc == -EPIPE ? 0 : rc;
}

/* A victim that died before it came, or left nobody behind, is replaced. */
static void barrier_rescue(void)
{
    if (plait_barrier_waiting(the_barrier()) == 1)
        (void)!plait_barrier_wait(the_barrier(), plait_after(PLAIT_SECOND));
}

static bool barrier_is_waited_for(pid_t waiter)
{
    return plait_barrier_waiting(the_barrier()) == 1;
}

static const struct kill_noun barrier_noun = {
    .fresh = barrier_fresh,
    .rescue = barrier_rescue,
    .use = barrier_use,
    .is_waited_for = barrier_is_waited_for,
};
#define CASE(text) .name = "barrier: " text, .noun = &barrier_noun

/* With patrol, since nobody listens to who came last, and a sleeper may lie down at a death. */
const struct kill_case kill_barrier_cases[] = {
    {CASE("come and leave"), .prepare = register_thread, .operate = come_and_leave,
     .patrol = PATROL_WOKEN},
    {CASE("try"), .prepare = register_thread, .operate = try, .patrol = PATROL_WOKEN},
    {CASE("reset"), .prepare = register_thread, .operate = reset, .patrol = PATROL_WOKEN},
    {CASE("waiting"), .operate = look},
    {CASE("come last"), .prepare = expect_waiter, .operate = come, .waited = true,
     .patrol = PATROL_WOKEN},
    {CASE("abort"), .prepare = expect_waiter, .operate = abort_it, .waited = true,
     .patrol = PATROL_WOKEN},
    {CASE("reset with one inside"), .prepare = expect_waiter, .operate = reset, .waited = true,
     .patrol = PATROL_WOKEN},
    {0},
};
