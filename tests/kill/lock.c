/* The shared lock's cases. It protects two numbers, unequal while somebody is inside. */
#include "kill.h"
#include "sync/shared_lock.h"

#include <errno.h>
#include <unistd.h>

static plait_lock *the_lock(void)
{
    return (plait_lock *)(void *)common->object;
}

static struct robust_word *lock_word(void)
{
    return (struct robust_word *)(void *)common->object;
}

static void acquire(void)
{
    if (plait_lock_acquire(the_lock(), PLAIT_NEVER))
        _exit(1);
}

static void release(void)
{
    plait_lock_release(the_lock());
}

static void warm(void)
{
    acquire();
    release();
}

static void register_thread(void)
{
    robust_tid();
}

static void section(void)
{
    acquire();
    common->first++;
    common->second++;
    release();
}

/* A release with a window of one instruction: unlinked and not yet covered. */
static void release_planted(void)
{
    struct robust_word *lock = lock_word();
    struct robust_thread *here = robust_current;
    void *volatile *newest = robust_link_of(here, &here->newest);
    void *volatile *pending = here->pending;
    void *oldest = robust_link_of(here, &here->oldest), *link = robust_link_of(here, lock);
    here->count--;
    *newest = oldest;
    *pending = link;
    atom_and(&lock->word, ~ROBUST_OWNER, RELEASE);
    *pending = NULL;
}

static void lock_fresh(void)
{
    plait_lock_init(the_lock(), PLAIT_SHARED);
    common->first = common->second = 0;
}

static int lock_use(int64_t deadline, int64_t *got_at)
{
    int rc = plait_lock_acquire(the_lock(), deadline);
    *got_at = plait_now();
    if (rc == 0 && common->first != common->second)
        rc = -EILSEQ; /* somebody died inside, and it was not told */
    if (rc == -EOWNERDEAD) {
        common->first = common->second;
        plait_lock_mend(the_lock());
    }
    if (rc == 0 || rc == -EOWNERDEAD || rc == -EILSEQ)
        plait_lock_release(the_lock());
    return rc;
}

static bool lock_is_waited_for(pid_t waiter)
{
    return __atomic_load_n(&lock_word()->word, __ATOMIC_ACQUIRE) & ROBUST_WAITERS;
}

static bool lock_is_sound(void)
{
    return lock_word()->word == 0;
}

static const struct kill_noun lock_noun = {
    .fresh = lock_fresh,
    .block = acquire,
    .unblock = release,
    .use = lock_use,
    .is_waited_for = lock_is_waited_for,
    .is_sound = lock_is_sound,
};
#define CASE(text) .name = "lock: " text, .noun = &lock_noun

const struct kill_case kill_lock_cases[] = {
    {CASE("planted window"), .prepare = acquire, .operate = release_planted, .planted = true},
    {CASE("first acquire of a thread"), .operate = acquire},
    {CASE("acquire"), .prepare = warm, .operate = acquire},
    {CASE("release"), .prepare = acquire, .operate = release},
    {CASE("section"), .prepare = warm, .operate = section},
    {CASE("release to a waiter"), .prepare = acquire, .operate = release, .waited = true},
    {CASE("contended acquire"), .prepare = register_thread, .operate = acquire, .contended = true},
    {0},
};
