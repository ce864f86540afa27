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

static intptr_t branch_merge(intptr_t branch);

__attribute__((constructor)) static void branch_begin(void)
{
    gang_merge = branch_merge;
}

static void push(struct branches *mine, struct branch *one, intptr_t (*function)(intptr_t),
                 intptr_t arg)
{
    one->below = (struct branch *)mine->own.top;
    if (mine->told) {
        *one = (struct branch){.call = mine->merge,
                               .arg = (intptr_t)one,
                               .below = one->below,
                               .function = function,
                               .value = arg};
    } else {
        one->call = function;
        one->arg = arg;
    }
    atom_store(&mine->own.top, (plait_branch *)one, RELAXED);
}

void plait_branch_tell_(plait_branch *branch, intptr_t (*function)(intptr_t), intptr_t arg)
{
    struct branch *one = (struct branch *)branch;
    struct branches *mine = gang_branches();
    WAIT_POINT();
    if (unlikely(!mine)) {
        one->call = function;
        one->arg = arg;
        one->below = NULL;
        return;
    }
    bool wanted = atom_load(&mine->own.wanted, RELAXED);
    push(mine, one, function, arg);
    if (!wanted)
        return;
    atom_store(&mine->own.wanted, 0, SEQ_CST); /* before the look at who is idle: gang.c, step 3 */
    if (atom_load(&mine->helpers, SEQ_CST) == 0 && !gang_is_idle())
        return;
    if (!branches_offer(mine))
        return;
    if (atom_load(&mine->helpers, SEQ_CST)) {
        atom_add(&mine->bell, 1, SEQ_CST);
        wait_unpark(&mine->bell, 1, false);
    }
    gang_call();
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
    if (thief && merge->helps && !atom_load(&thief->own.wanted, RELAXED))
        atom_store(&thief->own.wanted, 1, SEQ_CST);
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

static intptr_t branch_merge(intptr_t branch)
{
    void *place = __builtin_return_address(0);
    struct branch *one = (struct branch *)branch;
    struct branches *mine = gang_branches_found();
    WAIT_POINT();
    if (unlikely(!mine))
        base_misuse(one, "branch", place, "merged by a task that did not fork it");
    if (mine->told) {
        if (unlikely((struct branch *)mine->own.top != one))
            base_misuse(one, "branch", place, "merged, but it is not the youngest of its task");
        atom_store(&mine->own.top, (plait_branch *)one->below, RELAXED);
        if (!atom_load(&one->state, RELAXED))
            return one->function(one->value);
    }
    if (unlikely(mine->offered != one))
        base_misuse(one, "branch", place, "merged, but it is not the youngest of its task");
    mine->offered = one->below;
    if (branches_take_back(mine))
        return one->function(one->value);
    return merge_stolen(mine, one, place);
}
