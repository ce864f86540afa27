/* The reader-writer lock in shared memory. rwlock.c calls these when it has seen that an object is
 * a shared one. */
#ifndef SYNC_SHARED_RWLOCK_H
#define SYNC_SHARED_RWLOCK_H

#include "wait/robust.h"

enum { SHARED_READERS = 14 };

/* One word for each thread that reads:
 *   bit 31       W: a writer sleeps until it is 0. May be stale
 *   bits 30..22  a mark of when that thread began, so that a number used again is found out; 0: it
 *                could not tell
 *   bits 21..0   its thread id; 0 with other bits: the kernel has marked it as dead */
struct shared_rwlock {
    struct robust_word gate;
    uint32_t readers[SHARED_READERS];
    uint32_t writes; /* 1: who has the gate writes, or repairs; written by that one */
    uint32_t room;
};
_Static_assert(sizeof(struct shared_rwlock) == 128, "a rwlock is 128 bytes");

/* `done`: a block that cannot say no. 0, -EOWNERDEAD (alone inside, whatever was asked for),
 * -ENOTRECOVERABLE, -EAGAIN, -ETIMEDOUT, -ECANCELED, -EDEADLK, -ENOLCK. */
int shared_rwlock_read(struct shared_rwlock *lock, int64_t deadline, bool done, void *place);
int shared_rwlock_write(struct shared_rwlock *lock, int64_t deadline, bool done, void *place);
/* False: this task has nothing of it. */
bool shared_rwlock_release(struct shared_rwlock *lock, void *place);
/* False: this task does not write. */
bool shared_rwlock_downgrade(struct shared_rwlock *lock, void *place);
bool shared_rwlock_has(const struct shared_rwlock *lock); /* this task, in any way */

#endif
