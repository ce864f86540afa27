/* Blocks: what plait_scoped keeps on the stack of its task.
 *
 * state, one word; changed under the lock, read without it by nobody:
 *   bit 0  CANCELED  `code` says why; everything inside has been told
 *   bit 1  ENDING    the end is awaited: the block itself has no wait of its own any more
 *   bit 2  TOLD      the block's own wait has been told of the cancel
 *   bit 3  UNREAD    the first failure is one that nobody has asked for
 *   bit 4  CUT       the deadline of a block around had struck before this one began */
#ifndef TASK_SCOPE_H
#define TASK_SCOPE_H

#include "base/spin.h"
#include "task/task.h"

#include <plait/scope.h>

enum { BLOCK_CANCELED = 1, BLOCK_ENDING = 2, BLOCK_TOLD = 4, BLOCK_UNREAD = 8, BLOCK_CUT = 16 };
enum { BLOCK_MAGIC = 0x73636f70 };

struct task_block {
    struct task_scope started; /* by the block's own task, without a handle: plait_join_all */
    uint32_t running;          /* all inside; the end sleeps on it */
    base_spin lock;            /* guards tasks, state, code, name, and each record's `inside` */
    struct list tasks;         /* those of `running` that have not begun to tell their end */
    struct task_record *owner;
    struct task_block *outer; /* its owner's next one outwards, or the one its owner began in */
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
    struct task_block *block = me->block;
    return block && block->owner == me ? &block->started : &me->children;
}

/* A task that is about to run is inside `starter`'s block from now on. */
void block_enter(struct task_record *record, struct task_record *starter);
/* A process could not be told before it had its descriptors. */
void block_look_again(struct task_record *record);
/* The end, in two steps, because the block may be gone after the second and the record after the
 * telling of the end, which comes between them. */
struct task_block *block_unlink(struct task_record *record, plait_state state);
void block_leave(struct task_block *block, bool failed, int status);
void block_start_failed(struct task_record *starter, int code);
void block_let_go(const struct task_slot *slot, struct task_record *me); /* detached */
void block_after_fork(struct task_record *me);

#endif
