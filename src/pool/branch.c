/* plait_branch_fork and plait_branch_merge where they are more than a call: what is offered, taken
 * back, or waited for. branch.h tells the protocol. */
#include "base/report.h"
#include "os/os.h"
#include "pool/gang.h"
#include "wait/wait.h"

#include <errno.h>

#define SPIN INT64_C(30000) /* ns; a thief's end is awaited so long before its owner sleeps */
/* Stack that a helper must have left, on a thread and on a coroutine (half of what it has unless it
 * asked for more); looks between two of the clock */
enum { ROOM_THREAD = 1 << 20, ROOM_COROUTINE = 128 << 10, LOOKS = 8 };

struct merge {
    struct branch *branch;
    struct branches *mine;
    bool helps; /* there is stack for another branch */
};

struct plait_branch_slot_ *plait_branch_tell_(intptr_t (*function)(intptr_t), intptr_t arg)
{
    struct branches *mine = gang_branches();
    WAIT_POINT();
    if (unlikely(!mine || mine->own.top == branches_slot(mine, BRANCHES_SLOTS)))
        return NULL;
    bool wanted = branches_are_wanted(mine);
    struct plait_branch_slot_ *slot = mine->own.top++;
    slot->function = function;
    slot->arg = arg;
    if (!wanted)
        return slot;
    /* before the look at who is idle: gang.c, step 3 */
    atom_store(&mine->own.limit, branches_slot(mine, BRANCHES_SLOTS), SEQ_CST);
    if (atom_load(&mine->helpers, SEQ_CST) == 0 && !gang_is_idle())
        return slot;
    branches_offer(mine);
    if (atom_load(&mine->helpers, SEQ_CST)) {
        atom_add(&mine->bell, 1, SEQ_CST);
        wait_unpark(&mine->bell, 1, false);
    }
    gang_call();
    return slot;
}

/* ---- waiting for a thief */
/* One of the branches that the thief has forked for ours; NULL: none, or ours is done. */
static struct branch *help(struct merge *merge)
{
    struct branches *thief = atom_load(&merge->branch->thief, ACQUIRE);
    return thief && merge->helps ? branches_steal(thief, merge->branch, merge->mine) : NULL;
}

static void want(struct merge *merge)
{
    struct branches *thief = atom_load(&merge->branch->thief, ACQUIRE);
    if (thief && merge->helps && !branches_are_wanted(thief))
        branches_want(thief);
}

static int merge_attempt(void *object)
{
    struct merge *merge = object;
    struct branches *thief = atom_load(&merge->branch->thief, ACQUIRE);
    if (branch_is_done(merge->branch))
        return 0;
    return thief && merge->helps && branches_has_offers(thief) ? 0 : -EAGAIN;
}

/* The bell is read before the look at the offers, so that one that comes later changes it. */
static int merge_words(void *object, struct wait_word *words)
{
    struct merge *merge = object;
    struct branches *thief = atom_load(&merge->branch->thief, ACQUIRE);
    uint32_t seen = atom_or(&merge->branch->state, BRANCH_WAITED, ACQ_REL) | BRANCH_WAITED;
    words[0] = (struct wait_word){.word = &merge->branch->state, .seen = seen};
    if (!thief || !merge->helps)
        return !(seen & BRANCH_DONE);
    words[1] = (struct wait_word){.word = &thief->bell, .seen = atom_load(&thief->bell, SEQ_CST)};
    want(merge);
    return merge_attempt(object) == 0 ? 0 : 2;
}

static void merge_sleep(struct merge *merge, void *place)
{
    static const struct wait_call call = {merge_attempt, merge_words, "merge", "branch"};
    struct branches *thief = atom_load(&merge->branch->thief, ACQUIRE);
    if (thief)
        atom_add(&thief->helpers, 1, SEQ_CST);
    wait_until_done(&call, merge, merge->branch, place);
    if (thief)
        atom_sub(&thief->helpers, 1, SEQ_CST);
}

static bool merge_spin(struct merge *merge)
{
    int64_t end = os_now() + SPIN;
    do {
        want(merge);
        for (int i = 0; i < LOOKS; i++) {
            if (merge_attempt(merge) == 0)
                return true;
            os_relax();
        }
    } while (os_now() < end);
    return false;
}

static intptr_t merge_stolen(struct branches *mine, struct branch *one, void *place)
{
    struct wait_self *self = wait_me();
    size_t room = self->carrier->is_coroutine ? ROOM_COROUTINE : ROOM_THREAD;
    bool helps = !self->carrier->has_room || self->carrier->has_room(self, room);
    struct merge merge = {one, mine, helps};
    while (!branch_is_done(one)) {
        struct branch *other = help(&merge);
        if (other)
            gang_run(other);
        else if (!gang_may_spin() || !merge_spin(&merge))
            merge_sleep(&merge, place);
    }
    if (unlikely(atom_load(&one->state, RELAXED) & BRANCH_LOST))
        base_misuse(one, "branch", place, "another thread was running it when the process forked");
    return one->value;
}

/* Of a task that tells of each fork it may be one that was never offered. */
static bool is_private(struct branches *mine, const struct plait_branch_slot_ *slot)
{
    return slot >= mine->own.split || branches_take_back(mine);
}

intptr_t plait_branch_merge_(struct plait_branch_slot_ *slot)
{
    void *place = __builtin_return_address(0);
    WAIT_POINT();
    struct branches *mine = gang_branches_found();
    if (unlikely(!mine))
        base_misuse(slot, "branch", place, "merged by a task that did not fork it");
    if (unlikely(slot + 1 != mine->own.top))
        base_misuse(slot, "branch", place, "merged, but it is not the youngest of its task");
    if (is_private(mine, slot)) {
        mine->own.top = slot;
        return slot->function(slot->arg);
    }
    intptr_t value = merge_stolen(mine, (struct branch *)slot, place);
    branches_drop(mine);
    mine->own.top = slot;
    return value;
}
