/* The lock in shared memory. lock.c calls these when it has seen that an object is a shared one. */
#ifndef SYNC_SHARED_LOCK_H
#define SYNC_SHARED_LOCK_H

#include "wait/case.h"
#include "wait/robust.h"

/* 0, -EOWNERDEAD (it is held, and an owner died inside), -ENOTRECOVERABLE, -EAGAIN (deadline 0),
 * -ETIMEDOUT, -ECANCELED, -EDEADLK (this task holds it, or waits
 * in a circle), -ENOLCK (this thread holds
 * ROBUST_HELD_MOST words, or has no memory for the first one). */
int shared_lock_acquire(struct robust_word *lock, int64_t deadline, void *place);
/* The same for a lock that is the line in front of something else, which is what a dump shows. */
struct shared_line {
    const char *type;
    const void *object;
};
int shared_lock_line_up(struct robust_word *lock, const struct shared_line *line, int64_t deadline,
                        void *place);
/* The same for a once, which is held while its function runs: SHARED_LOCK_OVER when that has run to
 * its end, and never an acquire afterwards. */
enum { SHARED_LOCK_OVER = 2 }; /* `behind`: 1 until then */
int shared_lock_acquire_once(struct robust_word *once, int64_t deadline, void *place);
static inline bool shared_lock_is_over(const struct robust_word *once)
{
    return atom_load(&once->behind, ACQUIRE) == SHARED_LOCK_OVER; /* pairs with release_over */
}
/* This task holds it. Touches it no more once that can be seen. */
void shared_lock_release_over(struct robust_word *once);
/* A case of a select (wait/case.h); the attempt gives what shared_lock_acquire would. */
int shared_lock_case_attempt(plait_case *one);
int shared_lock_case_words(plait_case *one, struct wait_word *words);
void shared_lock_case_pass_on(plait_case *one);
/* Misuse unless this task holds it. */
void shared_lock_release(struct robust_word *lock, void *place);
/* Undoes an acquire: after -EOWNERDEAD the next one is told the same. This task holds it. */
void shared_lock_put_back(struct robust_word *lock);
bool shared_lock_is_mine(const struct robust_word *lock);
/* What the lock protects is sound again: without this a release after -EOWNERDEAD gives it up. */
void shared_lock_mend(struct robust_word *lock, void *place);
bool shared_lock_is_held(const struct robust_word *lock); /* by anybody; a hint */

#endif
