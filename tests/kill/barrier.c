/* The shared barrier's cases: two parties. Whoever dies, the survivor's wait ends, with a number or
 * with -EPIPE, and after a reset two parties meet. */
#include "kill.h"

#include <errno.h>
#include <unistd.h>

/* Must be what sync/shared_barrier.c has: which half-word, and its bits. */
enum { STATE = 13, ENDING = 2, ACTS = 4 };

static plait_segment *segment; /* NULL: the barrier lies in memory from plait_share */

static plait_barrier *the_barrier(void)
{
    return segment ? plait_segment_memory(segment) : (plait_barrier *)(void *)common->object;
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

static void init(int parties)
{
    robust_tid();
    if (plait_barrier_init(the_barrier(), parties, PLAIT_SHARED))
        _exit(1);
}

static void barrier_fresh(void)
{
    init(2);
}

static void segment_open(void)
{
    segment = plait_segment_open(NULL, sizeof(plait_barrier), NULL);
    if (!segment)
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

static bool has_come(void)
{
    return plait_barrier_waiting(the_barrier()) == 1;
}

static bool barrier_is_waited_for(pid_t waiter)
{
    return has_come();
}

static const struct kill_noun barrier_noun = {
    .fresh = barrier_fresh,
    .rescue = barrier_rescue,
    .use = barrier_use,
    .is_waited_for = barrier_is_waited_for,
    .endless = true, /* while somebody ends their round */
};
static const struct kill_noun segment_noun = {
    .open = segment_open,
    .fresh = barrier_fresh,
    .rescue = barrier_rescue,
    .use = barrier_use,
    .is_waited_for = barrier_is_waited_for,
    .endless = true, /* while somebody ends their round */
};

/* ---- repairs. Alone one is the last to come, too, so that a round can be left half ended without
 * others. */
static bool has_state(uint32_t bits)
{
    return (((const uint32_t *)(const void *)the_barrier())[STATE] & bits) == bits;
}

static bool is_ending(void)
{
    return has_state(ENDING);
}

static bool is_acting(void)
{
    return has_state(ENDING | ACTS) && common->first;
}

static void act(void *unused)
{
    common->first = 1;
    common->first = 0;
}

static void set_action(void)
{
    robust_tid();
    plait_barrier_action(the_barrier(), act, NULL);
}

static void fresh_half_ended(void)
{
    init(1);
    dead_leave(register_thread, come, is_ending);
}

static void fresh_dead_actor(void)
{
    init(1);
    common->first = 0;
    dead_leave(set_action, come, is_acting);
}

static bool has_come_and_gone_on(void)
{
    const struct robust_word *lock = (const struct robust_word *)(const void *)the_barrier();
    return has_come() && !(lock->word & ROBUST_OWNER);
}

/* Its round is broken by whoever comes. */
static void fresh_dead_party(void)
{
    init(2);
    dead_leave(register_thread, come, has_come_and_gone_on);
}

/* The victim and the waiter sleep, and who comes last dies: they are woken by that, and one of them
 * ends the round. Nobody comes where the victim has died before. */
static void three_fresh(void)
{
    init(3);
    common->first = 0;
}

static void nothing(void)
{
}

static bool both_have_come(void)
{
    return plait_barrier_waiting(the_barrier()) == 2;
}

/* One of the two may be too late by then, which breaks the round. */
static void end_half(void)
{
    if (both_have_come() && !dead_try(register_thread, come, is_ending) && both_have_come())
        _exit(1);
}

static void three_rescue(void)
{
    if (plait_barrier_waiting(the_barrier()) > 0)
        plait_barrier_abort(the_barrier());
}

static bool three_are_waited_for(pid_t waiter)
{
    return common->second == 0 && plait_barrier_waiting(the_barrier()) > 0;
}

#define DEAD(noun, begin)                                                                          \
    static const struct kill_noun noun = {                                                         \
        .fresh = begin, .rescue = barrier_rescue, .use = barrier_use}
DEAD(half_ended, fresh_half_ended);
DEAD(dead_actor, fresh_dead_actor);
DEAD(dead_party, fresh_dead_party);
static const struct kill_noun half_ended_last = {
    .fresh = three_fresh,
    .block = nothing,
    .unblock = end_half,
    .rescue = three_rescue,
    .use = barrier_use,
    .is_waited_for = three_are_waited_for,
    .endless = true,
};
#define REPAIR(text, left) .name = "barrier: repair " text, .noun = &left
#define CASE(text) .name = "barrier: " text, .noun = &barrier_noun
#define CASE_IN(text) .name = "barrier: " text ", in a segment", .noun = &segment_noun

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
    {CASE_IN("come and leave"), .prepare = register_thread, .operate = come_and_leave,
     .patrol = PATROL_WOKEN},
    {CASE_IN("come last"), .prepare = expect_waiter, .operate = come, .waited = true,
     .patrol = PATROL_WOKEN},
    {CASE_IN("abort"), .prepare = expect_waiter, .operate = abort_it, .waited = true,
     .patrol = PATROL_WOKEN},
    {CASE_IN("reset with one inside"), .prepare = expect_waiter, .operate = reset, .waited = true,
     .patrol = PATROL_WOKEN},
    {REPAIR("of a round's end", half_ended), .prepare = register_thread, .operate = come},
    {REPAIR("of a round's end by a reset", half_ended), .prepare = register_thread,
     .operate = reset},
    {REPAIR("after an action", dead_actor), .prepare = register_thread, .operate = try},
    {REPAIR("after an action by a reset", dead_actor), .prepare = register_thread,
     .operate = reset},
    {REPAIR("after a party", dead_party), .prepare = register_thread, .operate = try},
    {REPAIR("by a sleeper of a round's end", half_ended_last), .prepare = expect_waiter,
     .operate = come, .contended = true, .patrol = PATROL_WOKEN},
    {0},
};
