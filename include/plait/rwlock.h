/* plait/rwlock.h - many readers or one writer. Include <plait.h>.
 *
 * A reader-writer lock is held by any number of readers, or by one writer. For data that is read
 * far more often than it is changed; where it is not, or the section is long, plait_lock is simpler
 * and no slower.
 *
 * Example:
 *     static plait_rwlock lock; // zeroed: private and free, no init needed
 *     static long rates[100];
 *     long rate(int day)
 *     {
 *         long value = 0;
 *         plait_with_read (&lock)
 *             value = rates[day];
 *         return value;
 *     }
 *     void correct(int day, long value)
 *     {
 *         plait_with_write (&lock)
 *             rates[day] = value;
 *     }
 *
 * Readers on different CPUs write to different cache lines, so that they do not slow each other
 * down: a section of a reader costs two atomic instructions, on any number of CPUs. A writer looks
 * at one line for each CPU that ever read, so writing is dearer than with a lock.
 *
 * Nobody starves: once a writer has come, later readers wait for it; and writers and the readers
 * that wait take turns as with plait_lock, bounded by time and not by order. A task may read a lock
 * that it reads already, even while a writer waits for it. It cannot turn from reader to writer,
 * since two that tried would wait for each other: that is -EDEADLK. The other way there is
 * plait_rwlock_downgrade.
 *
 * Threads, coroutines and plain pthreads may share one; the holder is the task, which alone
 * releases it. What a writer wrote is seen by those who come after. There is no priority
 * inheritance. A writer that a fork left behind, or that was killed inside, counts as dead: the
 * next one, reader or writer, is alone inside and told -EOWNERDEAD, repairs, mends and releases; a
 * reader is forgotten, since it changed nothing.
 *
 * With PLAIT_SHARED processes too. Each reading thread has a word in the lock then, 14 at once;
 * with more the rest read one after the other, and writers of all processes wait for a killed
 * reader until they find out, 20 ms at most. The struct is 128 bytes, yours; put it at the start of
 * a cache line (64 bytes) where many CPUs read. Since 0.1. */
#ifndef PLAIT_RWLOCK_H
#define PLAIT_RWLOCK_H
#include <plait/lock.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_rwlock {
    uint64_t own[16];
} plait_rwlock;

/* Makes a free one. Not needed for zeroes: they are one.
 *   where    PLAIT_PRIVATE, or PLAIT_SHARED in memory from plait_share
 *   errors   none
 *   misuse   PLAIT_SHARED in other memory: children would not see it
 *   blocks   never */
void plait_rwlock_init(plait_rwlock *lock, plait_where where);

/* Takes it for reading, beside other readers.
 *   returns  0: this task reads
 *   errors   -EOWNERDEAD (success with news: a writer died inside, this task is alone inside;
 *            repair, then plait_rwlock_mend), -ENOTRECOVERABLE (released unmended), -EDEADLK (this
 *            task writes), -EAGAIN (PLAIT_NOW, and a writer is inside or waits), -ETIMEDOUT,
 *            -ECANCELED, -ENOLCK (shared: this thread has 256 reads or 1,900 locks, or no memory)
 *   misuse   a duration where a deadline belongs
 *   blocks   while another task writes or waits to; not for who reads it already */
PLAIT_MUST_USE int plait_rwlock_acquire_read(plait_rwlock *lock, int64_t deadline);

/* Takes it for writing, alone.
 *   returns  0: this task writes
 *   errors   as plait_rwlock_acquire_read; -EDEADLK also when this task reads; -EAGAIN: somebody is
 *            inside
 *   misuse   as there; with PLAIT_CHECK: taking it while this task has it, instead of -EDEADLK
 *   blocks   while another task is inside */
PLAIT_MUST_USE int plait_rwlock_acquire_write(plait_rwlock *lock, int64_t deadline);

/* Turns the writer into a reader, without letting another writer in between; readers that wait are
 * let in.
 *   errors   none
 *   misuse   this task does not write
 *   blocks   never */
void plait_rwlock_downgrade(plait_rwlock *lock);

/* Gives back what this task took last of it, reading or writing: the lock knows. Touches the lock
 * no more once another can take it: that one may free it.
 *   errors   none; never -ECANCELED
 *   misuse   this task has nothing of it
 *   blocks   never */
void plait_rwlock_release(plait_rwlock *lock);

/* What this process does when a block form finds that a writer died inside: as plait_lock_on_death.
 *   repair   called by the task that got in, alone; must not take the same lock
 *   errors   none; without memory to note it down it aborts and says so
 *   blocks   never */
void plait_rwlock_on_death(plait_rwlock *lock, void (*repair)(void *arg), void *arg);

/* Says that what a dead writer left half done is whole again. Does nothing to a sound lock.
 *   errors   none
 *   misuse   this task has nothing of it
 *   blocks   never */
void plait_rwlock_mend(plait_rwlock *lock);

/* Takes it for a block: plait_with_read (&lock) { ... }. It cannot say no, as plait_lock_hold.
 *   returns  what plait_held_end releases
 *   errors   none
 *   misuse   this task writes; a writer died and there is no repair function; not recoverable
 *   blocks   as plait_rwlock_acquire_read */
plait_held plait_rwlock_hold_read(plait_rwlock *lock);

/* The same for plait_with_write (&lock) { ... }.
 *   returns  what plait_held_end releases
 *   errors   none
 *   misuse   this task has it already; a writer died and there is no repair function; not
 *            recoverable
 *   blocks   as plait_rwlock_acquire_write */
plait_held plait_rwlock_hold_write(plait_rwlock *lock);

#define plait_with_read(lock) PLAIT_WITH(PLAIT_UNIQUE(held), plait_rwlock_hold_read(lock))
#define plait_with_write(lock) PLAIT_WITH(PLAIT_UNIQUE(held), plait_rwlock_hold_write(lock))

#ifdef __cplusplus
}
#endif
#endif
