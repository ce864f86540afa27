/* plait_scoped: what starts inside ends before the block does.
 *
 * Problem: the block must wait for its tasks, and find those that run in order to cancel them; a
 * task that ends on another worker must not touch the block, which lies on a stack, once the block
 * may be left. Obvious idea: each task leaves the list at its end, under the block's lock, and the
 * last one wakes the block. But then the block may be gone while the last one still unlocks it, and
 * a join of the first task that fails would be cancelled instead of told its status. Instead: two
 * steps around the telling of the end.
 *   1. start: under the lock, into the list and counted; if the block is cancelled, so is the task
 *   2. end: under the lock, out of the list. From here on nobody reaches the record through it
 *   3. end: the slot tells state and status (task_publish); the record may be gone
 *   4. end: a failure cancels the others, under the lock; the block is there, since it counts us
 *   5. end: counts down, the last touch; the wake goes by address
 *   6. the block: sleeps until the count is 0, then nobody has the lock any more
 * A cancel walks the list under the lock, so each record that it reaches is one of a task that has
 * not passed 2. It wakes sleepers, but runs nothing of a user and waits for no other lock that is
 * held while this one is taken.
 *
 * What a task inside starts is inside, too: it is listed here, and counted in its own starter. The
 * block's own cancel is no cancel of its task: it has a bit of its own (wait/self.c), which is
 * taken back when the block is left. A block inside a cancelled one is told with it, and when it is
 * left the outer one is told again: once in each block that a cancel reaches. */
#include "task/scope.h"
#include "base/report.h"
#include "task/process.h"

#include <plait/error.h>

#include <errno.h>

#define PLACE __builtin_return_address(0)

/* ---- tasks inside */
static void task_cancel_inside(struct task_record *record)
{
    if (atom_load(&record->process, ACQUIRE)) /* pairs with the RELEASE of process_new */
        process_insist(record);
    else
        wait_cancel(&record->co.self); /* a child that is being made has a copy of it */
}

/* The first cause counts, because what fails after it mostly fails because of it. True: it was this
 * one. */
static bool cancel_locked(struct task_block *block, int code)
{
    if (block->state & BLOCK_CANCELED)
        return false;
    block->code = code;
    block->state |= BLOCK_CANCELED;
    list_each (link, &block->tasks)
        task_cancel_inside(list_item(link, struct task_record, inside_link));
    wait_cancel_block(&block->owner->co.self);
    return true;
}

static bool block_cancel(struct task_block *block, int code)
{
    base_spin_lock(&block->lock);
    bool first = cancel_locked(block, code);
    base_spin_unlock(&block->lock);
    return first;
}

/* The block that the task was started in; NULL: none. It is there as long as the task is inside, so
 * until block_let_be nobody lets that go. */
static struct task_block *hold_inside(struct task_record *me)
{
    uintptr_t inside = atom_load(&me->inside, RELAXED);
    while (inside && !atom_cas(&me->inside, &inside, inside | INSIDE_BUSY, ACQUIRE))
        ;
    return (struct task_block *)inside;
}

/* The innermost block around the task. Its own needs no holding, since only the task leaves it. */
static struct task_block *block_hold(struct task_record *me)
{
    return me->block ? me->block : hold_inside(me);
}

static void list_leave(struct task_block *block, struct task_record *record)
{
    base_spin_lock(&block->lock);
    list_remove(&record->inside_link);
    base_spin_unlock(&block->lock);
}

static void block_let_be(struct task_record *me, struct task_block *block)
{
    uintptr_t busy = (uintptr_t)block | INSIDE_BUSY;
    if (block->owner == me || atom_cas(&me->inside, &busy, (uintptr_t)block, RELEASE))
        return;
    atom_store(&me->inside, 0, RELAXED); /* GOES: it was detached meanwhile */
    list_leave(block, me);
    count_out(&block->running);
}

void block_enter(struct task_record *record, struct task_record *starter)
{
    struct task_block *block = block_hold(starter);
    if (!block)
        return;
    record->inside_own = block->owner == starter;
    base_spin_lock(&block->lock);
    atom_store(&record->inside, (uintptr_t)block, RELAXED);
    list_append(&block->tasks, &record->inside_link);
    atom_add(&block->running, 1, RELAXED);
    if (block->state & BLOCK_CANCELED)
        task_cancel_inside(record);
    base_spin_unlock(&block->lock);
    block_let_be(starter, block);
}

static bool is_inside(const struct task_record *record, const struct task_block *block)
{
    uintptr_t bits = INSIDE_BUSY | INSIDE_GOES;
    return (atom_load(&record->inside, RELAXED) & ~bits) == (uintptr_t)block;
}

/* By the starter, which keeps the block where it is. The record may be another's by now: of a task
 * in the same block, which has been cancelled, too, or else is none of ours. */
void block_look_again(struct task_record *record)
{
    struct task_record *me = task_me();
    struct task_block *block = block_hold(me);
    if (!block)
        return;
    base_spin_lock(&block->lock);
    if (block->state & BLOCK_CANCELED && is_inside(record, block))
        task_cancel_inside(record);
    base_spin_unlock(&block->lock);
    block_let_be(me, block);
}

/* NULL: it is in none, or has been let go. Also notes down who failed first, since the name goes
 * with the record. */
struct task_block *block_unlink(struct task_record *record, plait_state state)
{
    struct task_block *block = (struct task_block *)atom_swap(&record->inside, 0, ACQ_REL);
    if (!block)
        return NULL;
    base_spin_lock(&block->lock);
    list_remove(&record->inside_link);
    bool first = record->inside_own && state == PLAIT_FAILED && !(block->state & BLOCK_CANCELED);
    if (first && record->counted_in && !block->result && !block->name[0]) {
        base_format(block->name, sizeof block->name, "%.31s", record_name(record));
        block->state |= BLOCK_UNREAD;
    }
    base_spin_unlock(&block->lock);
    return block;
}

void block_leave(struct task_block *block, bool failed, int status)
{
    if (failed)
        block_cancel(block, status);
    count_out(&block->running);
}

/* One without a handle: it counts as one that failed, because nobody looks at what plait_start
 * says. */
void block_start_failed(struct task_record *starter, int code)
{
    struct task_block *block = starter->block;
    atom_add(&scope_here(starter)->failed, 1, RELAXED);
    if (!block)
        return;
    base_spin_lock(&block->lock);
    if (!(block->state & BLOCK_CANCELED) && !block->result) {
        base_format(block->name, sizeof block->name, "(not started)");
        block->state |= BLOCK_UNREAD;
    }
    cancel_locked(block, code);
    base_spin_unlock(&block->lock);
}

/* Who asked for the failures knows of them: otherwise a line would tell him again. */
static void failures_were_read(struct task_block *block)
{
    base_spin_lock(&block->lock);
    block->state &= ~(uint32_t)BLOCK_UNREAD;
    base_spin_unlock(&block->lock);
}

int plait_join_all(int64_t deadline)
{
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    struct task_record *me = task_me();
    struct task_scope *scope = scope_here(me);
    tasks_awaited(me, scope, true);
    int rc = wait_until(&count_call, &scope->running, NULL, deadline, __builtin_return_address(0));
    tasks_awaited(me, NULL, true);
    if (rc < 0)
        return rc;
    if (unlikely(me->block && scope == &me->block->started))
        failures_were_read(me->block);
    return (int)atom_swap(&scope->failed, 0, RELAXED);
}

/* Under the lock: by the slot, which is the caller's until it says LOOSE, is found either the
 * task's own record or none that is inside this block: one in the list is told of before its record
 * goes. True: it is out, or ending, or will go by itself. */
static bool let_go_locked(struct task_block *block, const struct task_slot *slot, bool *out)
{
    struct task_record *record = slot_record(slot);
    if (!record || !is_inside(record, block))
        return false;
    uintptr_t seen = (uintptr_t)block;
    do
        *out = seen == (uintptr_t)block;
    while (seen && !atom_cas(&record->inside, &seen, *out ? 0 : seen | INSIDE_GOES, ACQ_REL));
    *out = *out && seen;
    if (*out)
        list_remove(&record->inside_link);
    return true;
}

static bool block_without(struct task_block *block, const struct task_slot *slot)
{
    bool out = false;
    base_spin_lock(&block->lock);
    bool found = let_go_locked(block, slot, &out);
    base_spin_unlock(&block->lock);
    if (out)
        count_out(&block->running);
    return found;
}

/* Detached: out of the block, if that is one around the caller. */
void block_let_go(const struct task_slot *slot, struct task_record *me)
{
    for (struct task_block *block = me->block; block; block = block->outer)
        if (block_without(block, slot))
            return;
    struct task_block *block = hold_inside(me);
    if (block) {
        block_without(block, slot);
        block_let_be(me, block);
    }
}

/* ---- the block itself */
/* A cancel that has been told before this block began is none of its own. Under the lock, because
 * who cancels sets the bit under it. */
static void outer_were_told(struct task_block *block)
{
    const struct wait_self *self = &block->owner->co.self;
    while ((block = block->outer)) {
        base_spin_lock(&block->lock);
        if (block->state & BLOCK_CANCELED && !wait_cancel_block_is_due(self))
            block->state |= BLOCK_TOLD;
        base_spin_unlock(&block->lock);
    }
}

/* From here on the bit is one of the blocks around, since this one has no wait of its own any more.
 * */
static void tell_for_outer(struct task_block *block)
{
    struct wait_self *self = &block->owner->co.self;
    wait_cancel_block_forget(self);
    while ((block = block->outer)) {
        base_spin_lock(&block->lock);
        if ((block->state & (BLOCK_CANCELED | BLOCK_TOLD)) == BLOCK_CANCELED)
            wait_cancel_block(self);
        base_spin_unlock(&block->lock);
    }
}

plait_scope *plait_scope_enter(plait_scope *scope, int64_t deadline, int *result, ...)
{
    struct task_block *block = (struct task_block *)scope;
    WAIT_CHECK_DEADLINE(deadline);
    struct task_record *me = task_me();
    struct wait_self *self = &me->co.self;
    if (!scope || block->magic == BLOCK_MAGIC)
        base_misuse(scope, "scope", PLACE, scope ? "entered again" : "NULL is none");
    *block = (struct task_block){
        .owner = me,
        .outer = me->block,
        .outer_limit = self->limit,
        .limit = deadline < self->limit ? deadline : self->limit,
        .result = result,
        .state = self->cut ? BLOCK_CUT : 0,
        .magic = BLOCK_MAGIC,
        .forks = wait_forks,
        .place = PLACE,
    };
    list_init(&block->tasks);
    outer_were_told(block);
    me->block = block;
    self->limit = block->limit;
    self->cut = false;
    return scope;
}

static void block_check(const struct task_block *block, void *place)
{
    if (unlikely(!block || block->magic != BLOCK_MAGIC || block->forks != wait_forks))
        base_misuse(block, "scope", place, "not entered, or left before");
}

static struct task_block *block_to_end(plait_scope *scope, void *place)
{
    struct task_block *block = (struct task_block *)scope;
    struct task_record *me = task_me();
    block_check(block, place);
    if (block->owner != me)
        base_misuse(scope, "scope", place, "entered by '%s', to be left by '%s'",
                    record_name(block->owner), record_name(me));
    if (me->block != block)
        base_misuse(scope, "scope", place, "left before one inside it was left");
    tell_for_outer(block);
    if (unlikely(me->co.self.cut && block->limit <= wait_now()))
        block_cancel(block, -ETIMEDOUT);
    return block;
}

static void report_unread(const struct task_block *block)
{
    char place[128];
    if (block->state & BLOCK_UNREAD)
        base_report(PLAIT_REPORT_UNREAD,
                    "task '%s' failed: %d %s; nobody reads the result of its scope (at %s)",
                    block->name, block->code, block->code < 0 ? plait_strerror(block->code) : "",
                    base_place(block->place, place, sizeof place));
}

/* All inside have ended, so that no lock is needed: the block is its owner's alone again. */
static void block_end(struct task_block *block)
{
    struct wait_self *self = &block->owner->co.self;
    block->owner->block = block->outer;
    self->limit = block->outer_limit;
    self->cut = block->state & BLOCK_CUT || (self->cut && self->limit <= wait_now());
    tell_for_outer(block);
    block->magic = 0;
    if (block->result)
        *block->result = block->code;
    else
        report_unread(block);
}

static const struct wait_call block_call = {count_attempt, count_words, "join", "scope"};

/* The wait for the end was cancelled. Nobody would hear of a cancel of the task itself but by the
 * result, so where that says something else it is told by the next wait, too. */
static void block_was_canceled(struct task_block *block)
{
    bool told = block_cancel(block, -ECANCELED) && block->result;
    if (!told)
        wait_cancel_again(&block->owner->co.self);
}

void plait_scope_finish(plait_scope *scope)
{
    WAIT_POINT();
    struct task_block *block = block_to_end(scope, PLACE);
    tasks_awaited(block->owner, block, false);
    int rc = wait_until(&block_call, &block->running, NULL, WAIT_NEVER, block->place);
    if (rc == -ECANCELED)
        block_was_canceled(block);
    else if (rc < 0)
        block_cancel(block, rc);
    if (rc < 0)
        wait_until_done(&block_call, &block->running, NULL, block->place);
    tasks_awaited(block->owner, NULL, false);
    block_end(block);
}

/* Who is counted but no longer in the list is between 2 and 5: it has ended, perhaps was joined. */
static void cancel_what_runs(struct task_block *block)
{
    base_spin_lock(&block->lock);
    if (!list_is_empty(&block->tasks))
        cancel_locked(block, -ECANCELED);
    base_spin_unlock(&block->lock);
}

void plait_scope_leave(plait_scope *scope)
{
    if (((struct task_block *)scope)->magic != BLOCK_MAGIC)
        return;
    WAIT_POINT();
    struct task_block *block = block_to_end(scope, PLACE);
    if (atom_load(&block->running, ACQUIRE)) {
        cancel_what_runs(block);
        tasks_awaited(block->owner, block, false);
        wait_until_done(&block_call, &block->running, NULL, block->place);
        tasks_awaited(block->owner, NULL, false);
    }
    block_end(block);
}

void plait_scope_cancel(plait_scope *scope)
{
    struct task_record *me = task_me();
    struct task_block *around = scope ? NULL : block_hold(me);
    struct task_block *block = scope ? (struct task_block *)scope : around;
    WAIT_POINT();
    block_check(block, PLACE);
    block_cancel(block, -ECANCELED);
    if (around)
        block_let_be(me, around);
}

/* The child of a fork goes on inside its blocks, but what ran there is the parent's. Another thread
 * may have held a lock. */
void block_after_fork(struct task_record *me)
{
    for (struct task_block *block = me->block; block; block = block->outer) {
        block->started = (struct task_scope){0};
        block->state &= ~(uint32_t)BLOCK_UNREAD;
        block->running = 0;
        block->lock = (base_spin){0};
        block->forks = wait_forks;
        list_init(&block->tasks);
    }
    me->inside = 0;
}

/* ---- shields */
int plait_shield_enter(void)
{
    struct wait_self *self = wait_me();
    atom_store(&self->shield, self->shield + 1, RELAXED);
    return 1;
}

void plait_shield_leave(int *shield)
{
    struct wait_self *self = wait_me();
    if (!*shield)
        return;
    if (!self->shield)
        base_misuse(NULL, "shield", PLACE, "left more often than entered");
    *shield = 0;
    atom_store(&self->shield, self->shield - 1, SEQ_CST); /* pairs with the look of wait_cancel */
}
