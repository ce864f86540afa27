/* What the rest of plait asks of locks. */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "wait/case.h"

#include <plait/lock.h>

/* plait_lock_acquire for callers with a place of their own. `done`: a block that cannot say no, so
 * neither cancel nor a scope's deadline ends the wait. */
int lock_take(plait_lock *lock, int64_t deadline, bool done, void *place);

/* The calls of a select's case (wait/case.h) on a private lock; `data` is the user's place. The
 * attempt gives what plait_lock_acquire would. */
int lock_case_attempt(plait_case *one);
int lock_case_words(plait_case *one, struct wait_word *words);
void lock_case_pass_on(plait_case *one);

/* Who holds a private lock, and where he took it; NULL: nobody, or it is a shared one. A hint, for
 * messages and dumps. */
struct wait_self *lock_holder(const plait_lock *lock, void **place);

#endif
