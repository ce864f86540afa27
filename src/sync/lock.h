/* What the rest of plait asks of locks. */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "wait/case.h"
#include "wait/look.h"

#include <plait/lock.h>

enum { LOCK_SHUT = 1 | 16 | 32 }; /* LOCKED, DIED and REFUSED of lock.c */

/* plait_lock_acquire for callers with a place of their own. `done`: a block that cannot say no, so
 * neither cancel nor a scope's deadline ends the wait. */
int lock_take(plait_lock *lock, int64_t deadline, bool done, void *place);

/* The same for a shared one, of which the checker is told by the caller. */
int lock_take_shared(plait_lock *lock, int64_t deadline, bool done, void *place);
/* The same for one of a set of locks, of which the checker has been told as a whole: no deadlock
 * can come of the order in which they are taken. */
int lock_take_of_set(plait_lock *lock, int64_t deadline, void *place);
struct wait_mark *lock_mark(plait_lock *lock); /* for the checker; NULL: a shared one */
/* plait_lock_release for such callers. */
void lock_give(plait_lock *lock, void *place);
/* Undoes an acquire of this task: if that was told -EOWNERDEAD, so is the next one, since nothing
 * has been repaired and nothing spoilt. */
void lock_put_back(plait_lock *lock, void *place);
/* The lock inside another kind of private lock, which tells the checker itself: `type` is what
 * messages and dumps call it. Its caller has called wait_me. */
int lock_take_bare(plait_lock *lock, int64_t deadline, bool done, const char *type, void *place);
void lock_give_bare(plait_lock *lock, void *place);
void lock_put_back_bare(plait_lock *lock, void *place);
/* Is a private lock held, or must the next one be told of a death? For who does not take it but
 * only looks whether somebody has; SEQ_CST. */
static inline bool lock_is_shut(const plait_lock *lock)
{
    return atom_load(&lock->own[1], SEQ_CST) & LOCK_SHUT;
}

/* The number of who took it last, for those who wait beside it: a hint. */
static inline uint32_t lock_owner(const plait_lock *lock)
{
    return (uint32_t)(atom_load(&lock->own[1], RELAXED) >> 32);
}

/* How often the holder of a plait_rlock has taken it again: his own, 0 in every other lock. A
 * condition saves it, releases once, and puts it back when it has the lock again. */
static inline uint64_t *lock_depth(plait_lock *lock)
{
    return &lock->own[6];
}
/* Does the calling task hold it? Its own answer cannot change under it. The lock is sound. */
bool lock_is_mine(const plait_lock *lock);

/* The calls of a select's case (wait/case.h) on a private lock; `data` is the user's place. The
 * attempt gives what plait_lock_acquire would. */
int lock_case_attempt(plait_case *one);
int lock_case_words(plait_case *one, struct wait_word *words);
void lock_case_pass_on(plait_case *one);

/* For conditions: takes the lock back, whatever cancels and deadlines say; 0, -EOWNERDEAD or
 * -ENOTRECOVERABLE. */
int lock_take_again(plait_lock *lock, void *place);
/* Where those are moved who will want the lock. */
void lock_onto(const plait_lock *lock, struct wait_onto *onto);

void lock_init(plait_lock *lock, const char *type, plait_where where, void *place);
/* wait/look.h's */
int lock_holders(const struct wait_self *waiter, const void *shown, struct wait_holder *who,
                 int most);
/* Who holds a private lock, and where he took it; NULL: nobody, or it is a shared one. A hint, for
 * messages and dumps. */
struct wait_self *lock_holder(const plait_lock *lock, void **place);

#endif
