/* The shared once's cases. Its function makes two numbers equal, and may be killed between them. */
#include "kill.h"
#include "sync/shared_lock.h"

#include <errno.h>
#include <unistd.h>

static plait_once *the_once(void)
{
    return (plait_once *)(void *)common->object;
}

static struct robust_word *once_word(void)
{
    return (struct robust_word *)(void *)common->object;
}

static int make(void *unused)
{
    if (common->first)
        _exit(1); /* it has run */
    common->second = 0;
    common->second++;
    common->first = 1;
    return 0;
}

static int refuse(void *unused)
{
    return 1;
}

static void run(void)
{
    if (plait_once_run(the_once(), make, NULL, PLAIT_NEVER))
        _exit(1);
}

static void run_in_vain(void)
{
    if (plait_once_run(the_once(), refuse, NULL, PLAIT_NEVER) != -PLAIT_EFAILED)
        _exit(1);
}

static void register_thread(void)
{
    robust_tid();
}

static void once_fresh(void)
{
    plait_once_init(the_once(), PLAIT_SHARED);
    common->first = common->second = 0;
}

/* The harness runs it, until the victim waits for that. */
static void begin_run(void)
{
    (void)!shared_lock_acquire_once(once_word(), PLAIT_NEVER, NULL);
}

static void end_run(void)
{
    make(NULL);
    shared_lock_release_over(once_word());
}

/* A survivor that has to run it finds what a killed one left half done: its function begins
 * anew. */
static int remake(void *unused)
{
    common->second = 1;
    common->first = 1;
    return 0;
}

static int once_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_once_run(the_once(), remake, NULL, deadline);
    *got_at = plait_now();
    if (rc == 0 && (common->first != 1 || common->second != 1))
        rc = -EILSEQ;
    return rc;
}

static bool once_is_waited_for(pid_t waiter)
{
    return __atomic_load_n(&once_word()->word, __ATOMIC_ACQUIRE) & ROBUST_WAITERS;
}

static bool once_is_sound(void)
{
    return shared_lock_is_over(once_word()) && once_word()->word == 0;
}

static const struct kill_noun once_noun = {
    .fresh = once_fresh,
    .block = begin_run,
    .unblock = end_run,
    .use = once_use,
    .is_waited_for = once_is_waited_for,
    .is_sound = once_is_sound,
};
static bool runs(void)
{
    return once_word()->word & ROBUST_OWNER;
}

static void once_fresh_dead(void)
{
    once_fresh();
    dead_leave(register_thread, run, runs);
}

static const struct kill_noun once_dead = {
    .fresh = once_fresh_dead, .use = once_use, .is_sound = once_is_sound};
#define CASE(text) .name = "once: " text, .noun = &once_noun

const struct kill_case kill_once_cases[] = {
    {CASE("run"), .prepare = register_thread, .operate = run},
    {CASE("run in vain"), .prepare = register_thread, .operate = run_in_vain},
    {CASE("has run"), .prepare = run, .operate = run},
    {CASE("wait for a run"), .prepare = register_thread, .operate = run, .contended = true},
    {.name = "once: repair", .noun = &once_dead, .prepare = register_thread, .operate = run},
    {.name = "once: repair in vain",
     .noun = &once_dead,
     .prepare = register_thread,
     .operate = run_in_vain},
    {0},
};
