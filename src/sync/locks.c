/* Several locks at once.
 *
 * Problem: whoever waits for a lock while holding another may wait for ever, if somebody does the
 * same the other way round. Obvious idea: everybody takes them in the order of their addresses. But
 * not everybody takes them by this call, and another process may see them at other addresses. The
 * other obvious idea: never wait while holding any; try, and on failure give all back and wait for
 * the one that was missing. Then a set needs a moment in which all are free, and beside tasks that
 * each take one of its locks again at once there is none: a set of two got in once in two seconds,
 * while the lock alone promises 5 ms. By order alone it was 600 times a second, by what follows
 * 2,000 times.
 *
 * So both: in order of address, which keeps sets from meeting head-on, and with a bound on each
 * wait that holds something.
 *   1. Wait for lock `first` (at the beginning the lowest), as long as the caller allows, with
 *      empty hands.
 *   2. Take the others in order: try; else wait up to PATIENCE. That is long enough for the lock's
 *      own rule against starving (STARVED in lock.c) to let this task in.
 *   3. One was not to be had: put all back, that one is `first`, go to 1. The patience differs from
 *      time to time, so that two who are in each other's way do not go on in step.
 *   4. Any other end: put all back. A lock that said -EOWNERDEAD says it to the next one again,
 *      since nobody has been told yet. */
#include "base/report.h"
#include "sync/check.h"
#include "sync/lock.h"
#include "sync/object.h"

#include <plait/locks.h>

#include <errno.h>

#define PATIENCE INT64_C(3000000) /* ns; up to twice as long, so that two do not go on in step */

struct lock_set {
    plait_lock *locks[PLAIT_LOCKS_MOST]; /* lowest address first */
    uint64_t held;                       /* bit i: locks[i] */
    int count;
    int64_t deadline;
    void *place;
    bool died;
};
_Static_assert(PLAIT_LOCKS_MOST <= 64, "a bit for each");

/* What both calls ask of their list; what lies in it must be a lock, which is asked one by one. */
static void set_check(plait_lock *const *locks, int count, void *place)
{
    if (count < 0)
        base_misuse(locks, "set of locks", place, "%d is no count", count);
    if (count > 0 && !locks)
        base_misuse(NULL, "set of locks", place, "NULL is no list of %d", count);
}

/* By insertion, because sets are short and often in order already. */
static void set_sort(struct lock_set *set, plait_lock *const *locks, int count)
{
    for (int i = 0; i < count; i++) {
        plait_lock *lock = locks[i];
        int at = i;
        if (!sync_is_private(lock))
            sync_check(lock, "lock", set->place);
        for (; at > 0 && (uintptr_t)set->locks[at - 1] > (uintptr_t)lock; at--)
            set->locks[at] = set->locks[at - 1];
        if (at > 0 && set->locks[at - 1] == lock)
            base_misuse(lock, "lock", set->place, "given twice in one set of locks");
        set->locks[at] = lock;
    }
    set->count = count;
}

static void set_put_back(struct lock_set *set)
{
    for (int i = set->count; i-- > 0;)
        if (set->held >> i & 1)
            lock_put_back(set->locks[i], set->place);
    set->held = 0;
    set->died = false;
}

/* One lock of the set; 0: it is held now. */
static int set_take(struct lock_set *set, int i, int64_t deadline)
{
    int rc = lock_take_of_set(set->locks[i], deadline, set->place);
    if (rc != 0 && rc != -EOWNERDEAD)
        return rc;
    set->held |= UINT64_C(1) << i;
    set->died |= rc == -EOWNERDEAD;
    return 0;
}

static int64_t patience_ends(void)
{
    return wait_now() + PATIENCE + (int64_t)wait_random(wait_me()) % PATIENCE;
}

/* Step 2 for one lock. *late: what was waited for in vain is the patience's end, not the
 * caller's. */
static int set_take_next(struct lock_set *set, int i, bool *late)
{
    int rc = set_take(set, i, 0);
    if (rc != -EAGAIN || set->deadline == 0)
        return rc;
    int64_t end = patience_ends();
    *late = end < set->deadline;
    return set_take(set, i, *late ? end : set->deadline);
}

/* Steps 1 and 2. The result, or -EAGAIN with *first: step 3. */
static int set_take_all(struct lock_set *set, int *first, bool *late)
{
    int rc = set_take(set, *first, set->deadline);
    for (int i = 0; rc == 0 && i < set->count; i++) {
        if (set->held >> i & 1)
            continue;
        *late = false;
        rc = set_take_next(set, i, late);
        if (rc == -ETIMEDOUT && *late)
            *first = i;
    }
    return rc;
}

int plait_locks_acquire(plait_lock *const *locks, int count, int64_t deadline)
{
    struct lock_set set; /* not zeroed, because most of it is never used */
    int first = 0, rc;
    bool late;
    wait_me(); /* the modes are known from here on */
    set.held = 0;
    set.deadline = deadline;
    set.place = __builtin_return_address(0);
    set.died = false;
    WAIT_CHECK_DEADLINE(deadline);
    set_check(locks, count, set.place);
    if (count > PLAIT_LOCKS_MOST)
        return -E2BIG;
    set_sort(&set, locks, count);
    if (count == 0)
        return 0;
    for (int i = 0; i < count && wait_is_checked(); i++)
        check_acquiring(set.locks[i], lock_mark(set.locks[i]), "lock", set.place);
    do {
        late = false;
        rc = set_take_all(&set, &first, &late);
        if (rc != 0)
            set_put_back(&set);
    } while (rc == -ETIMEDOUT && late);
    return rc == 0 && set.died ? -EOWNERDEAD : rc;
}

void plait_locks_release(plait_lock *const *locks, int count)
{
    void *place = __builtin_return_address(0);
    set_check(locks, count, place);
    if (count > PLAIT_LOCKS_MOST)
        base_misuse(locks, "set of locks", place, "%d are more than a set can have", count);
    for (int i = count; i-- > 0;) {
        sync_check(locks[i], "lock", place);
        lock_give(locks[i], place);
    }
}
