/* The shared condition's cases. What is waited for is that somebody has notified while the waiter
 * slept, which the condition itself counts, so that there is no change before a notify for which
 * patrol alone would be there. */
#include "kill.h"

#include <errno.h>
#include <unistd.h>

static plait_condition *the_condition(void)
{
    return (plait_condition *)(void *)common->object;
}

static plait_lock *the_lock(void)
{
    return (plait_lock *)(void *)(common->object + 8);
}

static uint32_t notifies(void)
{
    return __atomic_load_n((uint32_t *)(void *)common->object + 3, __ATOMIC_ACQUIRE);
}

static bool is_waited_on(void)
{
    return __atomic_load_n((uint32_t *)(void *)common->object + 2, __ATOMIC_ACQUIRE) != 0;
}

/* `first`: how many notifies there had been; `second`: nobody is to wait any more. */
static bool notified(void *unused)
{
    return __atomic_load_n(&common->second, __ATOMIC_ACQUIRE) || notifies() != common->first;
}

static void notify(void)
{
    plait_condition_notify(the_condition(), 1);
}

static void notify_all(void)
{
    plait_condition_notify_all(the_condition());
}

static void condition_fresh(void)
{
    robust_tid();
    plait_condition_init(the_condition(), PLAIT_SHARED);
    plait_lock_init(the_lock(), PLAIT_SHARED);
    common->first = notifies();
    common->second = 0;
}

static void condition_rescue(void)
{
    if (notifies() == common->first) {
        __atomic_store_n(&common->second, 1, __ATOMIC_RELEASE);
        notify_all();
    }
}

static int condition_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_lock_acquire(the_lock(), deadline), told = 0;
    bool mine = rc == 0 || rc == -EOWNERDEAD; /* and after each wait again, however that ended */
    while (rc == 0 || rc == -EOWNERDEAD) {
        if (rc == -EOWNERDEAD)
            plait_lock_mend(the_lock());
        told = rc ? rc : told;
        rc = plait_condition_wait_for(the_condition(), the_lock(), notified, NULL, deadline);
        if (rc != -EOWNERDEAD)
            break;
    }
    *got_at = plait_now();
    if (mine)
        plait_lock_release(the_lock());
    return rc ? rc : told;
}

static void wait(void)
{
    int64_t unused;
    if (condition_use(PLAIT_NEVER, &unused))
        _exit(1);
}

static void wait_in_vain(void)
{
    int64_t unused;
    if (condition_use(plait_after(PLAIT_MILLISECOND), &unused) == 0)
        _exit(1);
}

static void register_thread(void)
{
    robust_tid();
}

static bool condition_is_waited_for(pid_t waiter)
{
    return is_waited_on();
}

static void nothing(void)
{
}

static const struct kill_noun condition_noun = {
    .fresh = condition_fresh,
    .block = nothing,
    .unblock = notify_all,
    .rescue = condition_rescue,
    .use = condition_use,
    .is_waited_for = condition_is_waited_for,
    .endless = true, /* who comes back has the lock */
};
#define CASE(text) .name = "condition: " text, .noun = &condition_noun

const struct kill_case kill_condition_cases[] = {
    {CASE("notify nobody"), .prepare = register_thread, .operate = notify},
    {CASE("notify a waiter"), .prepare = register_thread, .operate = notify, .waited = true},
    {CASE("notify all"), .prepare = register_thread, .operate = notify_all, .waited = true},
    {CASE("wait in vain"), .prepare = register_thread, .operate = wait_in_vain},
    {CASE("wait, notified"), .prepare = register_thread, .operate = wait, .contended = true,
     .patrol = PATROL_WOKEN},
    {0},
};
