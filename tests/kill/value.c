/* The shared value's cases. It is 0 until somebody changes it, for which the others wait; each
 * change shows in both halves, so that half a one would be seen. */
#include "kill.h"
#include "sync/object.h"

#include <errno.h>
#include <unistd.h>

#define STEP INT64_C(0x100000001)

static plait_value *the_value(void)
{
    return (plait_value *)(void *)common->object;
}

static void add(void)
{
    plait_value_add(the_value(), STEP);
}

static void set(void)
{
    plait_value_set(the_value(), STEP);
}

static void swap(void)
{
    int64_t seen = 0;
    plait_value_swap(the_value(), &seen, STEP);
}

/* Sums of the smallest doubles are as whole as sums of integers. */
static void add_double(void)
{
    plait_value_add_double(the_value(), 4 * 0x1p-1074);
}

static void look(void)
{
    if (plait_value_get(the_value()) < 0 || plait_value_get_double(the_value()) < 0)
        _exit(1);
}

static void wait_for_it(void)
{
    if (plait_value_wait(the_value(), 0, PLAIT_NEVER))
        _exit(1);
}

static void register_thread(void)
{
    robust_tid();
}

static void value_fresh(void)
{
    plait_value_init(the_value(), PLAIT_SHARED);
}

static void nothing(void)
{
}

/* Somebody else changes it one day; not when the victim has, of which all must be told. */
static void value_rescue(void)
{
    if (plait_value_get(the_value()) == 0)
        add();
}

static int value_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_value_wait(the_value(), 0, deadline);
    int64_t number = plait_value_get(the_value());
    *got_at = plait_now();
    if (rc == 0 && number != STEP && number != 4)
        rc = -EILSEQ;
    return rc;
}

static bool value_is_waited_for(pid_t waiter)
{
    struct robust_word *word = (struct robust_word *)(void *)common->object;
    return __atomic_load_n(&word->word, __ATOMIC_ACQUIRE) & ROBUST_WAITERS;
}

static const struct kill_noun value_noun = {
    .fresh = value_fresh,
    .block = nothing,
    .unblock = add,
    .rescue = value_rescue,
    .use = value_use,
    .is_waited_for = value_is_waited_for,
};
#define CASE(text) .name = "value: " text, .noun = &value_noun

const struct kill_case kill_value_cases[] = {
    {CASE("add"), .operate = add},
    {CASE("set"), .operate = set},
    {CASE("swap"), .operate = swap},
    {CASE("get"), .operate = look},
    {CASE("add to a waiter"), .prepare = register_thread, .operate = add, .waited = true},
    {CASE("set to a waiter"), .prepare = register_thread, .operate = set, .waited = true},
    {CASE("swap to a waiter"), .prepare = register_thread, .operate = swap, .waited = true},
    {CASE("add a double to a waiter"), .prepare = register_thread, .operate = add_double,
     .waited = true},
    {CASE("wait"), .prepare = register_thread, .operate = wait_for_it, .contended = true},
    {0},
};
