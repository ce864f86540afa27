/* Blocks: what plait_scoped keeps on the stack of its task.
 *
 * state, one word; changed under the lock, read without it by nobody:
 *   bit 0  CANCELED  `code` says why; everything inside has been told
 *   bit 1  TOLD      the block's own wait has been told of the cancel
 *   bit 2  UNREAD    the first failure is one that nobody has asked for
 *   bit 3  CUT       the deadline of a block around had struck before this one began
 *
 * record.inside, one word: the block's address, or 0: none, or not any more. Whoever takes the
 * address out takes the record off the block's list: the task at its end, or who detaches it. In
 * the lower bits:
 *   bit 0  BUSY      the task itself uses the block: it must not be let go this moment
 *   bit 1  GOES      it was to be let go meanwhile, and does that itself */
#ifndef TASK_SCOPE_H
#define TASK_SCOPE_H

#include "base/spin.h"
#include "task/task.h"

#include <plait/scope.h>

enum { INSIDE_BUSY = 1, INSIDE_GOES = 2 };
enum { BLOCK_CANCELED = 1, BLOCK_TOLD = 2, BLOCK_UNREAD = 4, BLOCK_CUT = 8 };
enum { BLOCK_MAGIC = 0x73636f70 };

struct task_block {
    struct task_scope started; /* by the block's own task, without a handle: plait_join_all */
    uint32_t running;          /* all inside; the end sleeps on it */
    base_spin lock;            /* guards tasks, state, code, name, and each record's `inside` */
    struct list tasks;         /* those of `running` that have not begun to tell their end */
    struct task_record *owner;
    struct task_block *outer; /* its owner's next one outwards */
    int64_t limit, outer_limit;
    int *result;
    int32_t code; /* why it is cancelled: the first failure, -ETIMEDOUT, -ECANCELED */
    uint32_t state;
    uint32_t magic, forks;
    void *place;   /* where it was entered */
    char name[32]; /* of the first that failed */
};
_Static_assert(sizeof(struct task_block) == sizeof(plait_scope), "plait_scope has another size");

/* The counter of what this task starts without a handle at this moment. */
static inline struct task_scope *scope_here(struct task_record *me)
{
    if (unlikely(me->block != NULL))
        return &me->block->started;
    return unlikely(me->counts != NULL) ? me->counts : &me->children;
}

/* A task that is about to run is inside the innermost block around `starter` from now on, if there
 * is one. */
void block_enter(struct task_record *record, struct task_record *starter);
/* Again for a process, because it could not be told before it had its descriptors. */
void block_look_again(struct task_record *record);
static inline bool block_is_inside(const struct task_record *record)
{
    return unlikely(atom_load(&record->inside, RELAXED) != 0);
}
/* The end, in two steps, because the block may be gone after the second and the record after the
 * telling of the end, which comes between them. */
struct task_block *block_unlink(struct task_record *record, plait_state state);
void block_leave(struct task_block *block, bool failed, int status);
void block_start_failed(struct task_record *starter, int code);
void block_let_go(const struct task_slot *slot, struct task_record *me); /* detached */
void block_after_fork(struct task_record *me);

#endif
