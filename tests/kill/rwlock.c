/* The shared reader-writer lock's cases. It protects two numbers, unequal while a writer is inside.
 * Survivors write and read. */
#include "kill.h"
#include "sync/shared_rwlock.h"

#include <errno.h>
#include <unistd.h>

static plait_rwlock *the_lock(void)
{
    return (plait_rwlock *)(void *)common->object;
}

static void must(int rc)
{
    if (rc)
        _exit(1);
}

static void acquire_read(void)
{
    must(plait_rwlock_acquire_read(the_lock(), PLAIT_NEVER));
}

static void acquire_write(void)
{
    must(plait_rwlock_acquire_write(the_lock(), PLAIT_NEVER));
}

static void release(void)
{
    plait_rwlock_release(the_lock());
}

static void downgrade(void)
{
    plait_rwlock_downgrade(the_lock());
}

static void warm(void)
{
    acquire_read();
    release();
    acquire_write();
    release();
}

/* What a thread's first read alone does: by another lock, since this one is blocked. */
static void register_thread(void)
{
    plait_rwlock *other = the_lock() + 1;
    plait_rwlock_init(other, PLAIT_SHARED);
    must(plait_rwlock_acquire_read(other, PLAIT_NEVER));
    plait_rwlock_release(other);
}

static void section(void)
{
    acquire_write();
    common->first++;
    common->second++;
    downgrade();
    release();
}

static void rwlock_fresh(void)
{
    plait_rwlock_init(the_lock(), PLAIT_SHARED);
    common->first = common->second = 0;
}

static int look(int rc)
{
    if (rc == 0 && common->first != common->second)
        rc = -EILSEQ; /* a writer died inside, and it was not told */
    if (rc == -EOWNERDEAD) {
        common->first = common->second;
        plait_rwlock_mend(the_lock());
    }
    if (rc == 0 || rc == -EOWNERDEAD || rc == -EILSEQ)
        release();
    return rc;
}

static int rwlock_use(int64_t deadline, int64_t *got_at)
{
    int rc = look(plait_rwlock_acquire_write(the_lock(), deadline));
    *got_at = plait_now();
    if (rc == 0 || rc == -EOWNERDEAD) {
        int read = look(plait_rwlock_acquire_read(the_lock(), deadline));
        rc = read ? -EILSEQ : rc;
    }
    return rc;
}

/* At the gate, or behind a reader. */
static bool rwlock_is_waited_for(pid_t waiter)
{
    const struct shared_rwlock *lock = (const struct shared_rwlock *)(void *)common->object;
    uint32_t seen = __atomic_load_n(&lock->gate.word, __ATOMIC_ACQUIRE);
    for (int i = 0; i < SHARED_READERS; i++)
        seen |= __atomic_load_n(&lock->readers[i], __ATOMIC_ACQUIRE);
    return seen & ROBUST_WAITERS;
}

static bool rwlock_is_sound(void)
{
    const struct shared_rwlock *lock = (const struct shared_rwlock *)(void *)common->object;
    uint32_t left = lock->gate.word | lock->writes;
    for (int i = 0; i < SHARED_READERS; i++)
        left |= lock->readers[i];
    return left == 0 && robust_current->read_count == 0;
}

static const struct kill_noun for_readers = {
    .fresh = rwlock_fresh,
    .block = acquire_write,
    .unblock = release,
    .use = rwlock_use,
    .is_waited_for = rwlock_is_waited_for,
    .is_sound = rwlock_is_sound,
};
static const struct kill_noun for_writers = {
    .fresh = rwlock_fresh,
    .block = acquire_read,
    .unblock = release,
    .use = rwlock_use,
    .is_waited_for = rwlock_is_waited_for,
    .is_sound = rwlock_is_sound,
};
/* ---- repairs: a reader died; a writer; one that had the gate and was not inside yet */
static const struct shared_rwlock *shared(void)
{
    return (const struct shared_rwlock *)(void *)common->object;
}

static void fresh_dead_reader(void)
{
    rwlock_fresh();
    dead_leave(register_thread, acquire_read, NULL);
}

static bool is_inside(void)
{
    return common->first != common->second;
}

static void fresh_dead_writer(void)
{
    rwlock_fresh();
    dead_leave(register_thread, section, is_inside);
}

static bool is_at_gate(void)
{
    return shared()->gate.word & ROBUST_OWNER && !shared()->writes;
}

static void fresh_dead_at_gate(void)
{
    rwlock_fresh();
    dead_leave(register_thread, acquire_write, is_at_gate);
}

static void mend(int rc)
{
    if (rc != -EOWNERDEAD)
        _exit(1);
    common->first = common->second;
    plait_rwlock_mend(the_lock());
    release();
}

static void mend_as_writer(void)
{
    mend(plait_rwlock_acquire_write(the_lock(), PLAIT_NEVER));
}

static void mend_as_reader(void)
{
    mend(plait_rwlock_acquire_read(the_lock(), PLAIT_NEVER));
}

#define DEAD(noun, begin)                                                                          \
    static const struct kill_noun noun = {                                                         \
        .fresh = begin, .use = rwlock_use, .is_sound = rwlock_is_sound}
DEAD(dead_reader, fresh_dead_reader);
DEAD(dead_writer, fresh_dead_writer);
DEAD(dead_at_gate, fresh_dead_at_gate);
#define REPAIR(text, left) .name = "rwlock: repair " text, .noun = &left, .prepare = register_thread
#define CASE(text) .name = "rwlock: " text, .noun = &for_readers
#define CASE_2(text) .name = "rwlock: " text, .noun = &for_writers

/* With patrol, because a dead reader is in no list: who waits for one finds out at its patrol. */
const struct kill_case kill_rwlock_cases[] = {
    {CASE("acquire_read"), .prepare = warm, .operate = acquire_read},
    {CASE("acquire_write"), .prepare = warm, .operate = acquire_write},
    {CASE("release by a reader"), .prepare = acquire_read, .operate = release},
    {CASE("release by a writer"), .prepare = acquire_write, .operate = release},
    {CASE("downgrade"), .prepare = acquire_write, .operate = downgrade},
    {CASE("section"), .prepare = warm, .operate = section},
    {CASE("release by a reader, to a writer"), .prepare = acquire_read, .operate = release,
     .waited = true, .patrol = PATROL_HELD},
    {CASE("release by a writer, to a writer"), .prepare = acquire_write, .operate = release,
     .waited = true},
    {CASE("downgrade before a writer"), .prepare = acquire_write, .operate = downgrade,
     .waited = true, .patrol = PATROL_HELD},
    {CASE("acquire_read behind a writer"), .prepare = register_thread, .operate = acquire_read,
     .contended = true, .patrol = PATROL_WOKEN},
    {CASE("acquire_write behind a writer"), .prepare = register_thread, .operate = acquire_write,
     .contended = true},
    {CASE_2("acquire_write behind a reader"), .prepare = register_thread, .operate = acquire_write,
     .contended = true},
    {REPAIR("after a reader", dead_reader), .operate = section},
    {REPAIR("after a writer, by a writer", dead_writer), .operate = mend_as_writer},
    {REPAIR("after a writer, by a reader", dead_writer), .operate = mend_as_reader},
    {REPAIR("at the gate, by a writer", dead_at_gate), .operate = section},
    {REPAIR("at the gate, by a reader", dead_at_gate), .operate = acquire_read},
    {0},
};
