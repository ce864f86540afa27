/* The shared event's cases. A death undoes no set and makes none; whoever sleeps goes on with the
 * next one. */
#include "kill.h"

#include <unistd.h>

static plait_event *the_event(void)
{
    return (plait_event *)(void *)common->object;
}

static void event_fresh(void)
{
    plait_event_init(the_event(), PLAIT_SHARED);
}

static void set(void)
{
    plait_event_set(the_event());
}

static void clear(void)
{
    plait_event_clear(the_event());
}

static void set_and_clear(void)
{
    set();
    clear();
}

static void wait_for_it(void)
{
    if (plait_event_wait(the_event(), PLAIT_NEVER))
        _exit(1);
}

static void take(void)
{
    if (plait_event_take(the_event(), PLAIT_NEVER))
        _exit(1);
}

/* Only if it is not set: a set that was done and woke nobody must show. */
static void event_rescue(void)
{
    if (!plait_event_is_set(the_event()))
        set();
}

static int event_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_event_wait(the_event(), deadline);
    *got_at = plait_now();
    return rc;
}

/* Leaves it as it was. */
static int event_use_by_taking(int64_t deadline, int64_t *got_at)
{
    int rc = plait_event_take(the_event(), deadline);
    *got_at = plait_now();
    if (rc == 0)
        set();
    return rc;
}

static void nothing(void)
{
}

static const struct kill_noun event_noun = {
    .fresh = event_fresh,
    .block = nothing,
    .unblock = set,
    .rescue = event_rescue,
    .use = event_use,
};
static const struct kill_noun taken_noun = {
    .fresh = event_fresh,
    .block = nothing,
    .unblock = set,
    .rescue = event_rescue,
    .use = event_use_by_taking,
};
#define CASE(text) .name = "event: " text, .noun = &event_noun
#define CASE_TAKE(text) .name = "event: " text, .noun = &taken_noun

const struct kill_case kill_event_cases[] = {
    {CASE("set"), .prepare = set_and_clear, .operate = set},
    {CASE("set to a waiter"), .prepare = set_and_clear, .operate = set, .waited = true},
    {CASE("clear"), .prepare = set, .operate = clear},
    {CASE("wait, set already"), .prepare = set, .operate = wait_for_it},
    {CASE("wait"), .operate = wait_for_it, .contended = true},
    {CASE_TAKE("take, set already"), .prepare = set, .operate = take},
    {CASE_TAKE("take"), .operate = take, .contended = true},
    {CASE_TAKE("set to a taker"), .prepare = set_and_clear, .operate = set, .waited = true},
    {0},
};
