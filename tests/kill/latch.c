/* The shared latch's cases. It is at 1; somebody counts down, for which the others wait. */
#include "kill.h"
#include "sync/object.h"

#include <errno.h>
#include <unistd.h>

static plait_latch *the_latch(void)
{
    return (plait_latch *)(void *)common->object;
}

static void count_down(void)
{
    plait_latch_add(the_latch(), -1);
}

/* Between two 0s: the first one's waiters must have been told. */
static void down_and_up(void)
{
    plait_latch_add(the_latch(), -1);
    plait_latch_add(the_latch(), 1);
}

static void raise_it(void)
{
    plait_latch_add(the_latch(), 1);
}

static void wait_for_it(void)
{
    if (plait_latch_wait(the_latch(), PLAIT_NEVER))
        _exit(1);
}

static void look(void)
{
    if (plait_latch_count(the_latch()) < 0)
        _exit(1);
}

static void register_thread(void)
{
    robust_tid();
}

static void latch_fresh(void)
{
    plait_latch_init(the_latch(), 1, PLAIT_SHARED);
}

static void nothing(void)
{
}

/* Those who know of the dead one count down in its place. */
static void latch_rescue(void)
{
    int left = plait_latch_count(the_latch());
    if (left)
        plait_latch_add(the_latch(), -left);
}

static int latch_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_latch_wait(the_latch(), deadline);
    *got_at = plait_now();
    return rc;
}

static bool latch_is_waited_for(pid_t waiter)
{
    struct robust_word *word = (struct robust_word *)(void *)common->object;
    return __atomic_load_n(&word->word, __ATOMIC_ACQUIRE) & ROBUST_WAITERS;
}

static bool latch_is_sound(void)
{
    return plait_latch_count(the_latch()) == 0 && !latch_is_waited_for(0);
}

static const struct kill_noun latch_noun = {
    .fresh = latch_fresh,
    .block = nothing,
    .unblock = latch_rescue,
    .rescue = latch_rescue,
    .use = latch_use,
    .is_waited_for = latch_is_waited_for,
    .is_sound = latch_is_sound,
};
#define CASE(text) .name = "latch: " text, .noun = &latch_noun

const struct kill_case kill_latch_cases[] = {
    {CASE("count down"), .operate = count_down},
    {CASE("raise"), .operate = raise_it},
    {CASE("raise from 0"), .prepare = count_down, .operate = raise_it},
    {CASE("look"), .operate = look},
    {CASE("count down to a waiter"), .operate = count_down, .waited = true},
    {CASE("down and up again"), .operate = down_and_up, .waited = true},
    {CASE("wait"), .prepare = register_thread, .operate = wait_for_it, .contended = true},
    {0},
};
