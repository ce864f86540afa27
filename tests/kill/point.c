/* One kill: everything set up anew, the victim brought to the point, killed, and the survivors
 * asked. */
#include "base/settings.h"
#include "kill.h"
#include "os/os.h"

#include <errno.h>
#include <unistd.h>

/* Stepping is so slow that whoever waits may have been awake again before it has been stepped
 * through; then nobody ever sleeps, and the object is unblocked all the same. */
enum { STEPS_AWAKE = 30000, TRIES = 2 };

/* Of survivors without patrol. */
#define PATIENCE (400 * PLAIT_MILLISECOND)
/* Beside a stopped victim. */
#define STOP_WAITS (60 * PLAIT_MILLISECOND)

static const struct kill_case *current;
static bool blocked; /* the harness has blocked the object */
static bool woken;
static int stepped; /* instructions of this victim */

/* The victim sleeps: now the waiter lies down behind it, and the object is unblocked. */
static void unblock(void)
{
    if (!blocked)
        return;
    waiter_ask(current->noun);
    current->noun->unblock();
    blocked = false;
}

/* Not before the victim goes on, which may hold what this needs. */
static void unblock_alone(void)
{
    if (blocked)
        current->noun->unblock();
    blocked = false;
}

static void unblock_sleeper(void)
{
    woken |= blocked;
    unblock();
}

static void start_afresh(const struct kill_case *one)
{
    stepped = 0;
    woken = false;
    current = one;
    one->noun->fresh();
    blocked = one->contended;
    if (blocked)
        one->noun->block();
}

/* The coroutine is asleep and its helper in the kernel for it. Being seized takes it out, and its
 * steps lead it back there. */
static bool begin_helper(struct victim *victim)
{
    pid_t helper;
    int64_t end = plait_after(5 * PLAIT_SECOND);
    common->go = 1;
    while ((helper = thread_named(victim->pid, "plait-helper")) == 0 ||
           !thread_sleeps(victim->pid, helper))
        if (plait_now() > end)
            return false;
        else
            os_sleep(100000);
    return victim_seize(victim, victim->pid, helper);
}

/* The victim is about to begin its operation, stopped; its helper has begun. */
static bool begin(const struct kill_case *one, struct victim *victim)
{
    start_afresh(one);
    victim->pid = victim_start(one);
    victim->tid = 0;
    if (one->waited)
        waiter_ask(one->noun);
    if (one->path == PATH_HELPER_ITSELF)
        return begin_helper(victim);
    if (!victim_seize(victim, victim->pid, common->tid))
        return false;
    common->go = 1;
    return true;
}

static bool enter(const struct kill_case *one, struct victim *victim)
{
    return one->path == PATH_HELPER_ITSELF ||
           victim_run_to(victim, (uint64_t)(uintptr_t)one->operate, 1, NULL);
}

/* Steps `count` instructions; false: the operation is over before. */
static bool steps(struct victim *victim, int count)
{
    for (int i = 0; i < count; i++) {
        if (++stepped == STEPS_AWAKE)
            unblock();
        if (!victim_step(victim, unblock_sleeper))
            return false;
        if (__atomic_load_n(&common->stage, __ATOMIC_ACQUIRE) == STAGE_DONE)
            return false;
    }
    return true;
}

/* A helper is stepped all the way, because it has begun where it was, and because it blocks the
 * signal by which a breakpoint tells. So is who went another way than the noted one. */
static bool reach(const struct kill_case *one, struct victim *victim, int point, bool stepping)
{
    if (stepping || one->path == PATH_HELPER_ITSELF)
        return enter(one, victim) && steps(victim, point);
    struct way way = path_to(point);
    return victim_run_to(victim, way.place, way.times, unblock_sleeper) && steps(victim, way.steps);
}

static bool is_stuck(int rc)
{
    return rc == -ETIMEDOUT;
}

/* Somebody else must be able to use it. What it was told. The waiter may have been done before the
 * kill already: then the harness itself looks. */
static int survive(const struct kill_case *one, bool asks_waiter, int64_t since, int64_t *took)
{
    int64_t got_at = 0, end = since + common->patience;
    int rc = 0;
    unblock();
    if (one->noun->rescue)
        one->noun->rescue();
    if (asks_waiter || !waiter_has_got(0)) {
        rc = waiter_has_got(end) ? common->rc : -ETIMEDOUT;
        got_at = common->got_at;
    }
    if ((rc == 0 || rc == -EOWNERDEAD) && got_at < since)
        rc = one->noun->use(since + common->patience, &got_at);
    *took = (is_stuck(rc) ? plait_now() : got_at) - since;
    return rc;
}

/* The survivors must find an object as good as new. */
static bool is_sound(const struct kill_noun *noun)
{
    int64_t unused;
    for (int i = 0; i < 2; i++)
        if (noun->use(plait_after(2 * PLAIT_SECOND), &unused) != 0)
            return false;
    bool lists_nothing = !robust_current || robust_current->count == 0;
    return (!noun->is_sound || noun->is_sound()) && lists_nothing;
}

static struct outcome finish(const struct kill_case *one, struct victim *victim,
                             struct outcome outcome, bool asks_waiter)
{
    int64_t since = plait_now();
    victim_kill(victim);
    outcome.rc = survive(one, asks_waiter, since, &outcome.took);
    bool served = outcome.rc == 0 || outcome.rc == -EOWNERDEAD;
    outcome.sound = served && outcome.reached && is_sound(one->noun);
    if (is_stuck(outcome.rc) || outcome.beside == -ETIME) {
        waiter_end();
        waiter_start(one->noun);
    }
    return outcome;
}

struct outcome point_kill(const struct kill_case *one, int point)
{
    struct victim victim;
    struct outcome outcome = {0};
    for (int i = 0; i < TRIES && !outcome.reached; i++) {
        outcome.reached = begin(one, &victim) && reach(one, &victim, point, i == TRIES - 1);
        outcome.place = outcome.reached ? victim_place(&victim) : 0;
        outcome.woken = woken;
        outcome = finish(one, &victim, outcome, one->contended || one->waited);
    }
    return outcome;
}

struct outcome point_stop_and_kill(const struct kill_case *one, int point)
{
    struct victim victim;
    struct outcome outcome = {0};
    common->waits = STOP_WAITS;
    outcome.reached = begin(one, &victim) && reach(one, &victim, point, false);
    outcome.place = outcome.reached ? victim_place(&victim) : 0;
    outcome.woken = woken;
    if (outcome.reached)
        outcome.beside =
            point_stop(&victim, one->noun->endless ? unblock_alone : NULL, &outcome.waited);
    common->waits = WAITER_WAITS;
    return finish(one, &victim, outcome, false);
}

/* With it they find out what the kernel does not tell. */
void survivors_patrol(const struct kill_case *one, bool patrols)
{
    struct base_settings *settings = (struct base_settings *)(uintptr_t)base_settings();
    waiter_end();
    settings->patrol = patrols ? 20 * PLAIT_MILLISECOND : 0;
    common->waits = WAITER_WAITS;
    common->patience = patrols ? 2 * PLAIT_SECOND : PATIENCE;
    waiter_start(one->noun);
}

bool point_measure(const struct kill_case *one)
{
    struct victim victim;
    int64_t took;
    path_clear();
    if (!begin(one, &victim) || !enter(one, &victim)) {
        victim_kill(&victim);
        survive(one, one->contended || one->waited, plait_now(), &took);
        return false;
    }
    state_begin(&victim);
    for (bool changed = true; path_add(victim_place(&victim), changed) && steps(&victim, 1);)
        changed = state_changed(&victim);
    victim_kill(&victim);
    survive(one, one->contended || one->waited, plait_now(), &took);
    return path_close();
}
