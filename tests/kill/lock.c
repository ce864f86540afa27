/* The shared lock's cases. It protects two numbers, unequal while somebody is inside. */
#include "kill.h"
#include "sync/shared_lock.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOKS_EACH = 64 }; /* must be what sync/shared_lock.c has */

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

/* ---- repairs: the holder died inside */
static bool is_inside(void)
{
    return common->first != common->second;
}

static void lock_fresh_dead(void)
{
    lock_fresh();
    dead_leave(warm, section, is_inside);
}

static void mend(void)
{
    if (plait_lock_acquire(the_lock(), PLAIT_NEVER) != -EOWNERDEAD)
        _exit(1);
    common->first = common->second;
    plait_lock_mend(the_lock());
    release();
}

static void make_equal(void *unused)
{
    common->first = common->second;
}

static void know_repair(void)
{
    register_thread();
    plait_lock_on_death(the_lock(), make_equal, NULL);
}

static void hold(void)
{
    plait_held held = plait_lock_hold(the_lock());
    common->first++;
    common->second++;
    plait_held_end(&held);
}

/* Its death was not marked: the number of a thread that is gone stands in the word. */
static void lock_fresh_unmarked(void)
{
    lock_fresh();
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    lock_word()->word = (uint32_t)pid;
}

/* The next failed try looks, as each does after a sleep behind the same holder. */
static void look_at_once(void)
{
    register_thread();
    robust_current->tries = LOOKS_EACH - 1;
}

static void find_gone(void)
{
    if (plait_lock_acquire(the_lock(), PLAIT_NEVER) != -EOWNERDEAD)
        _exit(1);
}

static int lock_use_looking(int64_t deadline, int64_t *got_at)
{
    look_at_once();
    return lock_use(deadline, got_at);
}

/* Two deaths may be told: the waiter's patrol may find the first one before the victim begins, which
 * then dies inside as well. */
static int lock_use_told(int64_t deadline, int64_t *got_at)
{
    int rc = lock_use(deadline, got_at);
    return rc == -EOWNERDEAD ? 0 : rc;
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
static const struct kill_noun dead_noun = {
    .fresh = lock_fresh_dead, .use = lock_use, .is_sound = lock_is_sound};
static const struct kill_noun unmarked_noun = {
    .fresh = lock_fresh_unmarked, .use = lock_use_looking, .is_sound = lock_is_sound};
static const struct kill_noun unmarked_waited_noun = {
    .fresh = lock_fresh_unmarked,
    .use = lock_use_told,
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
    {.name = "lock: repair", .noun = &dead_noun, .prepare = register_thread, .operate = mend},
    {.name = "lock: repair by a block",
     .noun = &dead_noun,
     .prepare = know_repair,
     .operate = hold},
    {.name = "lock: repair by patrol",
     .noun = &unmarked_noun,
     .prepare = look_at_once,
     .operate = find_gone},
    {.name = "lock: repair by patrol, for a waiter",
     .noun = &unmarked_waited_noun,
     .prepare = look_at_once,
     .operate = find_gone,
     .waited = true,
     .patrol = PATROL_HELD},
    {0},
};
