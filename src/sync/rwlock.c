/* The reader-writer lock. The shared form is another protocol, in shared_rwlock.c. The private one
 * is a lock that writers hold, the gate, and counts of readers
 * (readers.h).
 *
 * Problem: readers must not wait for each other, nor write to one line; writers must not starve
 * behind readers that come and go, nor readers behind writers. Obvious idea: one word with a bit
 * for the writer and a count of readers. All readers write to it then, two at a time cost more than
 * one alone, and who starves is decided by two more bits and queues. Instead fairness is the
 * gate's, which is a plait_lock: writers take it, and readers only look at it, unless it is held.
 *
 * Read:
 *   1. Enter: one more in this CPU's count (SEQ_CST).
 *   2. Nobody holds the gate (SEQ_CST): inside.
 *   3. Else leave again, wait for the gate as a lock, enter, and give the gate back. So readers and
 *      writers wait in one place, which bounds by time how long each of them can lose.
 *      Who reads already enters without the gate, by the count inside the lock.
 * Write:
 *   4. Take the gate.
 *   5. Touch the gate once more (SEQ_CST), then look at the counts (SEQ_CST): 1 and 2 against 4 and
 *      5 are Dekker's: either 2 sees the gate held or 5 sees the count.
 *   6. Sleep until they are empty, one after the other: nobody new comes while the gate is held,
 *      and the count that those inside can still raise is looked at last.
 *   7. Could not wait so long: give the gate back.
 * Release: a reader leaves its count, which wakes the writer of 6; a writer gives the gate back.
 * The gate is the one thing that a writer's release touches, so that whoever comes in may free the
 * lock. Downgrade: enter, then give the gate back.
 *
 * A death is the gate's affair: D there keeps readers out at 2, and who then has the gate stays
 * alone with it, as a writer. */
#include "base/report.h"
#include "base/settings.h"
#include "os/os.h"
#include "share/share.h"
#include "sync/budget.h"
#include "sync/check.h"
#include "sync/held.h"
#include "sync/lock.h"
#include "sync/object.h"
#include "sync/readers.h"
#include "sync/shared_rwlock.h"
#include "sync/waiter.h"

#include <plait/rwlock.h>

#include <errno.h>

/* ns a writer spins for readers before it sleeps, because that is about what a wake costs. */
#define SPIN INT64_C(20000)
/* Of os_relax, about a microsecond: looks that come before every sleep, whatever earlier ones
 * have taught, because most sections are shorter and a sleep for one costs fifty times as much. */
enum { LOOKS = 24 };

struct rwlock {
    plait_lock gate;
    union readers_entry own;   /* the count inside the lock */
    struct sync_budget budget; /* of waits for readers */
    uint32_t room[13];
};
_Static_assert(sizeof(struct rwlock) == sizeof(plait_rwlock), "a rwlock is 128 bytes");

static struct task_reads *my_reads(void)
{
    return &((struct task_record *)wait_current)->reads;
}

/* Of an entry that somebody reads by. One inside a lock is not looked into, since it may be of
 * another lock, which is gone. */
static bool is_of(const union readers_entry *entry, const struct rwlock *lock)
{
    if (readers_is_own(entry))
        return entry == &lock->own;
    return atom_load(&entry->both, RELAXED) >> READERS_ID == (uintptr_t)lock;
}

/* Where in the list, the newest first; -1: not there. */
static int reads_find(const struct task_reads *reads, const struct rwlock *lock)
{
    for (int i = (int)reads->count; i-- > 0;)
        if (is_of(reads->entry[i], lock))
            return i;
    return -1;
}

static int reads_count(const struct task_reads *reads, const struct rwlock *lock)
{
    int n = 0;
    for (uint32_t i = 0; i < reads->count; i++)
        n += is_of(reads->entry[i], lock);
    return n;
}

/* Enters for good, since nobody can hold the gate, or it is this task's, or it reads already. */
static void read_enter(struct rwlock *lock, bool again)
{
    struct task_reads *reads = my_reads();
    bool own = again || reads->count == TASK_READS;
    union readers_entry *entry =
        own ? readers_enter_own(&lock->own) : readers_enter(lock, &lock->own);
    if (reads->count == TASK_READS)
        reads->more++;
    else
        reads->entry[reads->count++] = entry;
}

/* Forgets and leaves one; false: this task does not read the lock. Forgets first, because the entry
 * is another's as soon as it is left. */
static bool read_leave(struct rwlock *lock)
{
    struct task_reads *reads = my_reads();
    readers_settle();
    int i = reads_find(reads, lock);
    if (i < 0 && reads->more && readers_find(lock, &lock->own)) {
        reads->more--;
        readers_leave(&lock->own);
        return true;
    }
    if (i < 0)
        return false;
    union readers_entry *entry = reads->entry[i];
    for (reads->count--; (uint32_t)i < reads->count; i++)
        reads->entry[i] = reads->entry[i + 1];
    readers_leave(entry);
    return true;
}

/* Steps 1 and 2; else *entry, if it is not NULL, must be left again, or writers would wait for
 * ever. */
static inline __attribute__((always_inline)) bool
read_try(struct rwlock *lock, struct task_reads *reads, union readers_entry **entry)
{
    if (unlikely(reads->count == TASK_READS))
        return false;
    *entry = readers_enter_here(lock);
    if (unlikely(!*entry || lock_is_shut(&lock->gate)))
        return false;
    reads->entry[reads->count++] = *entry;
    return true;
}

/* The same where 1 is not straight: the first of this CPU, another lock's entry, a list that is
 * full. */
static bool read_try_again(struct rwlock *lock)
{
    if (lock_is_shut(&lock->gate))
        return false;
    read_enter(lock, false);
    if (!lock_is_shut(&lock->gate))
        return true;
    read_leave(lock);
    return false;
}

/* The gate is held. True: it is open again, so that nobody need queue at it. */
static bool gate_opens(struct rwlock *lock)
{
    if (!waiter_may_spin(wait_current, waiter_of(lock_owner(&lock->gate))))
        return false;
    for (int look = 0; look < LOOKS; look++) {
        os_relax();
        if (!lock_is_shut(&lock->gate))
            return true;
    }
    return false;
}

static int write_drain(struct rwlock *lock, int64_t deadline, bool done, void *place);

static __attribute__((noinline)) int read_wait(struct rwlock *lock, int64_t deadline, bool done,
                                               void *place)
{
    bool again = reads_find(my_reads(), lock) >= 0;
    if (again) {
        read_enter(lock, true);
        return 0;
    }
    if (read_try_again(lock) || (deadline != 0 && gate_opens(lock) && read_try_again(lock)))
        return 0;
    int rc = lock_take_bare(&lock->gate, deadline, done, "rwlock", place);
    if (rc == 0) {
        read_enter(lock, false);
        lock_give_bare(&lock->gate, place);
    } else if (rc ==
               -EOWNERDEAD) { /* must be alone, and beside the dead writer readers may be inside */
        int drained = write_drain(lock, deadline, done, place);
        rc = drained ? drained : rc;
    }
    return rc;
}

struct drain_call {
    struct rwlock *lock;
    int64_t since; /* of the first sleep; 0: none */
};

static int drain_attempt(void *object)
{
    struct drain_call *call = object;
    return readers_find(call->lock, &call->lock->own) ? -EAGAIN : 0;
}

/* Step 6. */
static int drain_words(void *object, struct wait_word *words)
{
    struct drain_call *call = object;
    struct rwlock *lock = call->lock;
    union readers_entry *entry = readers_find(lock, &lock->own);
    uint32_t seen;
    if (!entry || !readers_ask(lock, &lock->own, entry, &seen))
        return 0;
    if (!call->since)
        call->since = wait_now();
    words[0] = (struct wait_word){.word = &entry->word, .seen = seen};
    return 1;
}

/* Before the sleep, since readers mostly are out sooner than it begins. */
static int drain_spin(struct drain_call *call)
{
    struct rwlock *lock = call->lock;
    int shift = sync_budget_take(&lock->budget);
    if (!waiter_may_spin(wait_me(), NULL))
        return -EAGAIN;
    int64_t end = os_now() + (shift < 0 ? 0 : SPIN >> shift);
    do
        for (int look = 0; look < LOOKS; look++) {
            os_relax();
            if (!readers_find(lock, &lock->own))
                return 0;
        }
    while (os_now() < end);
    return -EAGAIN;
}

/* Does the copied list of a task that may be running name this lock? */
static bool reads_name(const struct task_reads *copy, const struct rwlock *lock)
{
    for (uint32_t i = 0; i < copy->count && i < TASK_READS; i++)
        if (is_of(copy->entry[i], lock))
            return true;
    return false;
}

/* The readers that a writer waits for (wait/look.h). The lists belong to their tasks, so they are
 * copied as they are. */
static int read_holders(const struct wait_self *waiter, const void *shown, struct wait_holder *who,
                        int most)
{
    int found = 0;
    for (uint32_t i = 0; i < slot_limit() && found < most; i++) {
        struct task_record *record = slot_record(slot_at(i));
        struct task_reads copy;
        if (record && &record->co.self != waiter &&
            atom_load(&record->co.self.note.verb, ACQUIRE) &&
            os_peek(&record->reads, &copy, sizeof copy) && reads_name(&copy, shown))
            who[found++] = (struct wait_holder){.self = &record->co.self};
    }
    return found;
}

/* Steps 5 and 6, with the gate held; else 7. Who failed must not keep the gate, at which all
 * others wait. */
static int write_drain(struct rwlock *lock, int64_t deadline, bool done, void *place)
{
    static const struct wait_call drain = {drain_attempt, drain_words, "acquire", "rwlock"};
    struct drain_call call = {.lock = lock};
    atom_or(&lock->gate.own[1], 0, SEQ_CST);
    if (likely(!readers_find(lock, &lock->own)))
        return 0;
    int rc = deadline == 0 ? wait_not_now() : drain_spin(&call);
    if (rc == -EAGAIN && deadline != 0) {
        wait_on_holders(wait_current, read_holders, true);
        rc = done ? wait_until_done(&drain, &call, lock, place)
                  : wait_until(&drain, &call, lock, deadline, place);
        wait_on_holders(wait_current, NULL, true);
        sync_budget_learn(&lock->budget, call.since ? wait_now() - call.since : 0);
    }
    if (rc != 0)
        lock_put_back_bare(&lock->gate, place);
    return rc;
}

static int write_take(struct rwlock *lock, int64_t deadline, bool done, void *place)
{
    if (unlikely(reads_find(my_reads(), lock) >= 0)) {
        if (base_settings()->check)
            base_misuse(lock, "rwlock", place, "taken for writing by a task that reads it");
        return -EDEADLK;
    }
    if (unlikely(lock_is_shut(&lock->gate)) && deadline != 0)
        gate_opens(lock);
    int rc = lock_take_bare(&lock->gate, deadline, done, "rwlock", place);
    if (unlikely(rc != 0 && rc != -EOWNERDEAD))
        return rc;
    int drained = write_drain(lock, deadline, done, place);
    return unlikely(drained != 0) ? drained : rc;
}

/* ---- the calls */

/* *shared: not NULL if it is a shared one. */
static struct rwlock *rwlock_of(plait_rwlock *object, struct shared_rwlock **shared, void *place)
{
    bool is_shared = unlikely(!sync_is_private(object)) && sync_check(object, "rwlock", place);
    wait_me(); /* the modes are known from here on */
    *shared = is_shared ? (struct shared_rwlock *)(void *)object : NULL;
    return (struct rwlock *)object;
}

static int shared_take(struct shared_rwlock *lock, bool writes, int64_t deadline, bool done,
                       void *place)
{
    bool again = shared_rwlock_has(lock);
    if (!again && deadline != 0)
        check_acquiring(lock, NULL, "rwlock", place);
    int rc = writes ? shared_rwlock_write(lock, deadline, done, place)
                    : shared_rwlock_read(lock, deadline, done, place);
    if (!again && (rc == 0 || rc == -EOWNERDEAD))
        check_acquired(lock, NULL, "rwlock", place);
    return rc;
}

/* What is odd, and all block forms: the modes and the checker are asked here alone, because the
 * straight lines have no time for them. */
static __attribute__((noinline)) int rwlock_take(plait_rwlock *object, bool writes,
                                                 int64_t deadline, bool done, void *place)
{
    struct shared_rwlock *shared;
    struct rwlock *lock = rwlock_of(object, &shared, place);
    if (deadline < wait_epoch && deadline != 0)
        wait_bad_deadline(deadline, place);
    WAIT_POINT();
    if (shared)
        return shared_take(shared, writes, deadline, done, place);
    bool again = reads_find(my_reads(), lock) >= 0;
    if (!again && deadline != 0)
        check_acquiring(lock, lock_mark(&lock->gate), "rwlock", place);
    int rc =
        writes ? write_take(lock, deadline, done, place) : read_wait(lock, deadline, done, place);
    if (!again && (rc == 0 || rc == -EOWNERDEAD))
        check_acquired(lock, lock_mark(&lock->gate), "rwlock", place);
    return rc;
}

static inline bool is_straight(const plait_rwlock *object, int64_t deadline)
{
    return likely(deadline >= wait_epoch && wait_current && !wait_is_odd() &&
                  sync_is_private(object));
}

/* Step 3, where the straight line ends. Apart, so that the line needs no registers for it. */
static __attribute__((noinline)) int read_slowly(plait_rwlock *object, int64_t deadline, bool done,
                                                 union readers_entry *entry, void *place)
{
    if (entry)
        readers_leave_here(entry);
    return rwlock_take(object, false, deadline, done, place);
}

int plait_rwlock_acquire_read(plait_rwlock *object, int64_t deadline)
{
    union readers_entry *entry = NULL;
    if (likely(is_straight(object, deadline) &&
               read_try((struct rwlock *)object, my_reads(), &entry)))
        return 0;
    return read_slowly(object, deadline, false, entry, __builtin_return_address(0));
}

int plait_rwlock_acquire_write(plait_rwlock *object, int64_t deadline)
{
    if (is_straight(object, deadline))
        return write_take((struct rwlock *)object, deadline, false, __builtin_return_address(0));
    return rwlock_take(object, true, deadline, false, __builtin_return_address(0));
}

static _Noreturn void not_mine(struct rwlock *lock, const char *what, void *place)
{
    void *since = NULL;
    struct wait_self *writer = lock_holder(&lock->gate, &since); /* NULL: a shared one */
    if (writer)
        waiter_misuse(lock, "rwlock", place, writer, since, what);
    base_misuse(lock, "rwlock", place, "%s", what);
}

static __attribute__((noinline)) void rwlock_give(plait_rwlock *object, void *place)
{
    struct shared_rwlock *shared;
    struct rwlock *lock = rwlock_of(object, &shared, place);
    if (shared || reads_count(my_reads(), lock) < 2)
        check_released(lock);
    if (shared) {
        if (!shared_rwlock_release(shared, place))
            not_mine(lock, "released by a task that has nothing of it", place);
    } else if (!read_leave(lock)) {
        if (!lock_is_mine(&lock->gate))
            not_mine(lock, "released by a task that has nothing of it", place);
        lock_give_bare(&lock->gate, place);
    }
    WAIT_POINT();
}

void plait_rwlock_release(plait_rwlock *object)
{
    struct task_reads *reads;
    if (likely(wait_current && !wait_is_odd() && (reads = my_reads())->count)) {
        union readers_entry *entry = reads->entry[reads->count - 1];
        uint64_t seen = atom_load(&entry->both, RELAXED), alone = readers_id(object) | READERS_ONE;
        if (likely(!readers_is_own(entry) && readers_are_settled() &&
                   seen >> READERS_ID == (uintptr_t)object)) {
            reads->count--;
            if (unlikely(seen != alone ||
                         !atom_cas(&entry->both, &alone, 0, RELEASE))) /* pairs with readers_find */
                readers_leave(entry);
            return;
        }
    }
    rwlock_give(object, __builtin_return_address(0));
}

void plait_rwlock_downgrade(plait_rwlock *object)
{
    void *place = __builtin_return_address(0);
    struct shared_rwlock *shared;
    struct rwlock *lock = rwlock_of(object, &shared, place);
    if (shared ? !shared_rwlock_downgrade(shared, place) : !lock_is_mine(&lock->gate))
        not_mine(lock, "downgraded by a task that does not write", place);
    if (!shared) {
        read_enter(lock, false);
        lock_give_bare(&lock->gate, place);
    }
    WAIT_POINT();
}

void plait_rwlock_mend(plait_rwlock *object)
{
    void *place = __builtin_return_address(0);
    struct shared_rwlock *shared;
    struct rwlock *lock = rwlock_of(object, &shared, place);
    if (lock_is_mine(&lock->gate))
        plait_lock_mend(&lock->gate);
    else if (shared ? !shared_rwlock_has(shared) : reads_find(my_reads(), lock) < 0)
        not_mine(lock, "mended by a task that has nothing of it", place);
}

void plait_rwlock_on_death(plait_rwlock *object, void (*repair)(void *arg), void *arg)
{
    struct shared_rwlock *shared;
    struct rwlock *lock = rwlock_of(object, &shared, __builtin_return_address(0));
    plait_lock_on_death(&lock->gate, repair, arg);
}

static void rwlock_end(void *object)
{
    plait_rwlock_release(object);
}

/* `rc` is how the acquire of a block ended. */
static plait_held rwlock_hold(plait_rwlock *object, int rc, void *place)
{
    if (unlikely(rc != 0))
        held_settle(&((struct rwlock *)object)->gate, rc, "rwlock", place);
    return (plait_held){object, rwlock_end};
}

plait_held plait_rwlock_hold_read(plait_rwlock *object)
{
    union readers_entry *entry = NULL;
    void *place = __builtin_return_address(0);
    if (is_straight(object, WAIT_NEVER) && read_try((struct rwlock *)object, my_reads(), &entry))
        return (plait_held){object, rwlock_end};
    return rwlock_hold(object, read_slowly(object, WAIT_NEVER, true, entry, place), place);
}

plait_held plait_rwlock_hold_write(plait_rwlock *object)
{
    void *place = __builtin_return_address(0);
    return rwlock_hold(object, rwlock_take(object, true, WAIT_NEVER, true, place), place);
}

void plait_rwlock_init(plait_rwlock *object, plait_where where)
{
    void *place = __builtin_return_address(0);
    sync_init(object, "rwlock", where, place);
    if (where == PLAIT_SHARED && !share_contains(object, sizeof *object))
        base_misuse(object, "rwlock", place, "its second half lies outside of shared memory");
    memset((char *)object + 64, 0, sizeof *object - 64);
    check_initialised(object, lock_mark(&((struct rwlock *)object)->gate), place);
}
