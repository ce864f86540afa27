/* The re-entrant lock's cases: the shared lock's, two deep, and a set of two locks. */
#include "kill.h"

#include <errno.h>
#include <unistd.h>

static plait_rlock *the_rlock(void)
{
    return (plait_rlock *)(void *)common->object;
}

/* Of the set: the rlock's own, and one more. */
static plait_lock *lock_of(int i)
{
    return (plait_lock *)(void *)&common->object[16 * i];
}

static void rlock_fresh(void)
{
    plait_rlock_init(the_rlock(), PLAIT_SHARED);
    common->first = common->second = 0;
}

static void acquire(void)
{
    if (plait_rlock_acquire(the_rlock(), PLAIT_NEVER))
        _exit(1);
}

static void release(void)
{
    plait_rlock_release(the_rlock());
}

static void acquire_twice(void)
{
    acquire();
    acquire();
}

static void warm(void)
{
    acquire();
    release();
}

static void section(void)
{
    acquire_twice();
    common->first++;
    common->second++;
    release();
    release();
}

/* 0, -EOWNERDEAD: it was told and has mended; -EILSEQ: a death inside was not told. */
static int look(int rc, plait_lock *lock)
{
    if (rc == 0 && common->first != common->second)
        return -EILSEQ;
    if (rc == -EOWNERDEAD) {
        common->first = common->second;
        plait_lock_mend(lock);
    }
    return rc;
}

static int rlock_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_rlock_acquire(the_rlock(), deadline);
    *got_at = plait_now();
    if (rc != 0 && rc != -EOWNERDEAD)
        return rc;
    if (plait_rlock_depth(the_rlock()) != 1)
        rc = -EILSEQ;
    rc = look(rc, &the_rlock()->lock);
    release();
    return rc;
}

static void mend(void)
{
    if (plait_rlock_acquire(the_rlock(), PLAIT_NEVER) != -EOWNERDEAD)
        _exit(1);
    common->first = common->second;
    plait_lock_mend(&the_rlock()->lock);
    release();
}

static bool is_inside(void)
{
    return common->first != common->second;
}

static void rlock_fresh_dead(void)
{
    rlock_fresh();
    dead_leave(NULL, section, is_inside);
}

static const struct kill_noun rlock_dead = {.fresh = rlock_fresh_dead, .use = rlock_use};
static const struct kill_noun rlock_noun = {
    .fresh = rlock_fresh, .block = acquire, .unblock = release, .use = rlock_use};

/* ---- a set */

static void set_fresh(void)
{
    for (int i = 0; i < 2; i++)
        plait_lock_init(lock_of(i), PLAIT_SHARED);
    common->first = common->second = 0;
}

static void set_acquire(void)
{
    if (plait_locks_acquire((plait_lock *const[]){lock_of(1), lock_of(0)}, 2, PLAIT_NEVER))
        _exit(1);
}

static void set_release(void)
{
    plait_locks_release((plait_lock *const[]){lock_of(0), lock_of(1)}, 2);
}

static void set_section(void)
{
    set_acquire();
    common->first++;
    common->second++;
    set_release();
}

static int set_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_locks_acquire((plait_lock *const[]){lock_of(0), lock_of(1)}, 2, deadline);
    *got_at = plait_now();
    if (rc != 0 && rc != -EOWNERDEAD)
        return rc;
    rc = look(rc, lock_of(0));
    plait_lock_mend(lock_of(1)); /* does nothing to a sound one */
    set_release();
    return rc;
}

static void set_mend(void)
{
    if (plait_locks_acquire((plait_lock *const[]){lock_of(1), lock_of(0)}, 2, PLAIT_NEVER) !=
        -EOWNERDEAD)
        _exit(1);
    common->first = common->second;
    plait_lock_mend(lock_of(0));
    plait_lock_mend(lock_of(1));
    set_release();
}

static void set_fresh_dead(void)
{
    set_fresh();
    dead_leave(NULL, set_section, is_inside);
}

static const struct kill_noun set_dead = {.fresh = set_fresh_dead, .use = set_use};
static const struct kill_noun set_noun = {
    .fresh = set_fresh, .block = set_acquire, .unblock = set_release, .use = set_use};
#define CASE(text) .name = "rlock: " text, .noun = &rlock_noun
#define CASE_SET(text) .name = "locks: " text, .noun = &set_noun

const struct kill_case kill_rlock_cases[] = {
    {CASE("acquire"), .prepare = warm, .operate = acquire},
    {CASE("acquire again"), .prepare = acquire, .operate = acquire},
    {CASE("release of one of two"), .prepare = acquire_twice, .operate = release},
    {CASE("release"), .prepare = acquire, .operate = release, .waited = true},
    {CASE("section"), .prepare = warm, .operate = section},
    {CASE("contended acquire"), .operate = acquire, .contended = true},
    {CASE_SET("section"), .operate = set_section},
    {CASE_SET("release to a waiter"), .prepare = set_acquire, .operate = set_release,
     .waited = true},
    {CASE_SET("contended acquire"), .operate = set_acquire, .contended = true},
    {.name = "rlock: repair", .noun = &rlock_dead, .operate = mend},
    {.name = "locks: repair", .noun = &set_dead, .operate = set_mend},
    {0},
};
