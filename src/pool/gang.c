/* The gang's threads: how they are started, look for branches, fall asleep and are called.
 *
 * Problem: forks must not look whether somebody sleeps, and nobody may sleep while somebody forks.
 * Obvious idea: each fork looks at a counter of sleepers, a shared cache line in the fastest path.
 * Instead a searcher marks the deques: limit NULL makes the owner's next fork offer what it has.
 *   1. search: steals where something is offered; else marks all deques and looks again, for SEARCH
 *   2. sleep: counts itself asleep, marks all deques once more (both SEQ_CST), looks once more
 *   3. offer: takes its mark off, counts the idle ones, offers (SEQ_CST), and calls one if none
 *      searches. Between 2 and 3 either the sleeper sees the offer or the caller sees the sleeper
 *   4. who has found one looks whether there is more: calls the next one if so, else marks the
 *      deque for those that are still idle. So one call after the other, and none in vain
 * A called one counts as searching from the call on: owners do not mark themselves, so that a fork
 * goes its fast path until that thread has really begun to run. */
#include "pool/gang.h"
#include "base/report.h"
#include "base/settings.h"
#include "base/spin.h"
#include "os/os.h"
#include "task/task.h"

#include <plait/local.h>

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#define SEARCH INT64_C(50000)                       /* ns; since two wakes cost about that */
enum { STACK = 16 << 20, ROUNDS = 16, PAUSES = 8 }; /* bytes; rounds between two marks; pauses */

static struct {
    base_spin lock; /* guards all below but `all`, since its items stay */
    uint32_t limit, started, asleep, searching;
    uint32_t called; /* of those asleep, and have not noticed */
    uint32_t bell;   /* counts calls: they sleep on it */
    bool leaves;     /* plait_quiesce: who is idle ends, and nobody is started */
    struct branches *free;
    struct branches *all;
} gang;

static void gang_leave(void *value);
static plait_local deque_of_task = {.destroy = gang_leave};

/* What forks of threads that have no deque, and of coroutines, see: each of them asks, and each of
 * their merges, because no slot lies behind that split. */
#define NO_SLOT ((struct plait_branch_slot_ *)UINTPTR_MAX)
static struct plait_branches_ nobody = {NULL, NULL, NO_SLOT};
__thread struct plait_branches_ *plait_branches_here_ __attribute__((tls_model("initial-exec"))) =
    &nobody;

/* ---- deques */
static void gang_fork_child(void)
{
    struct branches *mine = gang_branches_found();
    gang.lock = (base_spin){0};
    gang.started = gang.asleep = gang.searching = gang.called = 0;
    gang.leaves = false;
    gang.free = NULL;
    for (struct branches *one = gang.all; one; one = one->next)
        if (one != mine) {
            branches_reset(one);
            one->next_free = gang.free;
            gang.free = one;
        }
    if (mine)
        branches_after_fork(mine);
}

static void gang_leave_all(bool leaves)
{
    base_spin_lock(&gang.lock);
    gang.leaves = leaves;
    atom_add(&gang.bell, 1, RELAXED);
    base_spin_unlock(&gang.lock);
    os_futex_wake(&gang.bell, INT_MAX, false);
}

/* plait_quiesce. Those that run a branch end it first. */
static int gang_end(int64_t deadline, void *place)
{
    uint32_t left;
    int rc = 0;
    gang_leave_all(true);
    while (rc == 0 && (left = atom_load(&gang.started, ACQUIRE)))
        rc = wait_for_change(&gang.started, left, deadline, place);
    gang_leave_all(false);
    return rc;
}

static void gang_prepare(void)
{
    task_quiesce = gang_end;
    const struct base_settings *settings = base_settings();
    gang.limit = settings->deterministic ? 0 : (uint32_t)settings->workers - 1;
    base_at_fork(NULL, NULL, gang_fork_child);
}

uint32_t gang_threads(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    wait_me(); /* first, so that the settings stand */
    pthread_once(&once, gang_prepare);
    return gang.limit;
}

static struct branches *deque_new(void)
{
    base_spin_lock(&gang.lock);
    struct branches *one = gang.free;
    if (one)
        gang.free = one->next_free;
    base_spin_unlock(&gang.lock);
    if (one || !(one = os_map(sizeof *one)))
        return one;
    base_spin_lock(&gang.lock);
    one->next = gang.all;
    atom_store(&gang.all, one, RELEASE); /* pairs with the ACQUIRE of who walks them */
    base_spin_unlock(&gang.lock);
    return one;
}

static void deque_free(struct branches *one)
{
    base_spin_lock(&gang.lock);
    one->next_free = gang.free;
    gang.free = one;
    base_spin_unlock(&gang.lock);
}

struct branches *gang_branches_found(void)
{
    return plait_local_get(&deque_of_task);
}

struct branches *gang_branches(void)
{
    struct branches *mine = gang_branches_found();
    if (mine)
        return mine;
    gang_threads();
    struct wait_self *self = wait_me();
    if (!(mine = deque_new()))
        return NULL;
    mine->own.top = mine->own.split = branches_slot(mine, 0);
    mine->told = self->carrier->is_coroutine || wait_is_checked();
    branches_want(mine);
    if (plait_local_set(&deque_of_task, mine) < 0) {
        deque_free(mine);
        return NULL;
    }
    plait_branches_here_ = mine->told ? &nobody : &mine->own;
    return mine;
}

/* Its task ends. */
static void gang_leave(void *value)
{
    struct branches *mine = value;
    if (unlikely(mine->own.top != branches_slot(mine, 0)))
        base_misuse(mine->own.top, "branch", NULL, "task '%s' ended before it was merged",
                    record_name(task_me()));
    if (!mine->told)
        plait_branches_here_ = &nobody;
    deque_free(mine);
}

/* ---- searching */
bool gang_is_idle(void)
{
    return atom_load(&gang.asleep, SEQ_CST) || atom_load(&gang.searching, SEQ_CST) ||
           atom_load(&gang.started, RELAXED) < gang.limit;
}

bool gang_may_spin(void)
{
    return os_cpus_allowed() > 1;
}

static void mark(struct branches *one)
{
    if (!branches_are_wanted(one))
        branches_want(one);
}

static bool mark_all(void)
{
    bool offers = false;
    for (struct branches *one = atom_load(&gang.all, ACQUIRE); one; one = one->next) {
        branches_want(one);
        offers |= branches_has_offers(one);
    }
    return offers;
}

static struct branch *search_once(struct branches *mine, bool marks, struct branches **victim)
{
    struct branch *found = NULL;
    for (struct branches *one = atom_load(&gang.all, ACQUIRE); one && !found; one = one->next) {
        if (one == mine)
            continue;
        *victim = one;
        if (!(found = branches_steal(one, NULL, mine)) && marks)
            mark(one);
    }
    return found;
}

static struct branch *search(struct branches *mine, struct branches **victim)
{
    int64_t end = os_now() + SEARCH;
    for (uint32_t round = 1;; round++) {
        struct branch *found = search_once(mine, round % ROUNDS == 0, victim);
        if (found || (round % ROUNDS == 0 && os_now() > end))
            return found;
        for (int i = 0; i < PAUSES; i++)
            os_relax();
    }
}

/* Step 4. */
static void search_ends(struct branches *victim)
{
    atom_sub(&gang.searching, 1, SEQ_CST);
    if (!gang_is_idle())
        return;
    mark(victim);
    if (branches_has_offers(victim))
        gang_call();
}

/* Under the lock. What a sleeper that has woken is to do. */
enum wake { SLEEP_ON, SEARCH_ON, LEAVE };
static enum wake woken(bool look)
{
    if (gang.called > 0) {
        gang.called--;
        return SEARCH_ON;
    }
    if (!look && !gang.leaves)
        return SLEEP_ON;
    atom_sub(&gang.asleep, 1, SEQ_CST);
    if (look)
        atom_add(&gang.searching, 1, SEQ_CST);
    else
        atom_sub(&gang.started, 1, RELEASE); /* pairs with the ACQUIRE of wait_for_change */
    return look ? SEARCH_ON : LEAVE;
}

/* Step 2; until it is called (true), or shall leave. */
static bool gang_sleep(void)
{
    enum wake wake = SLEEP_ON;
    base_spin_lock(&gang.lock);
    atom_add(&gang.asleep, 1, SEQ_CST);
    atom_sub(&gang.searching, 1, SEQ_CST);
    base_spin_unlock(&gang.lock);
    bool look = mark_all();
    while (wake == SLEEP_ON) {
        base_spin_lock(&gang.lock);
        uint32_t seen = atom_load(&gang.bell, RELAXED);
        wake = woken(look);
        base_spin_unlock(&gang.lock);
        if (wake == SLEEP_ON)
            os_futex_wait(&gang.bell, seen, false, OS_NEVER);
    }
    return wake == SEARCH_ON;
}

void gang_run(struct branch *one)
{
    branch_done(one, one->function(one->value));
}

/* The child of a branch that called fork must end here, because that branch is its main task. */
static void gang_work(struct branches *mine, struct branch *one)
{
    uint32_t forks = wait_forks;
    intptr_t value = one->function(one->value);
    if (unlikely(forks != wait_forks))
        exit((int)value);
    if (unlikely(mine->own.top != branches_slot(mine, 0)))
        base_misuse(mine->own.top, "branch", NULL, "its function returned before it was merged");
    branch_done(one, value);
}

static void gang_main(void *unused)
{
    struct branches *mine = gang_branches(), *victim = NULL;
    record_rename(task_me(), "branches");
    while (mine) {
        struct branch *found = search(mine, &victim);
        if (!found && !gang_sleep()) {
            wait_unpark(&gang.started, INT_MAX, false);
            return;
        }
        if (!found)
            continue;
        search_ends(victim);
        gang_work(mine, found);
        atom_add(&gang.searching, 1, SEQ_CST);
    }
    atom_sub(&gang.searching, 1, SEQ_CST); /* no memory: one less from now on */
}

static void gang_start(void)
{
    if (os_thread_start(gang_main, NULL, STACK, "plait-branches") == 0)
        return;
    base_spin_lock(&gang.lock);
    atom_sub(&gang.started, 1, RELAXED);
    atom_sub(&gang.searching, 1, SEQ_CST);
    base_spin_unlock(&gang.lock);
}

void gang_call(void)
{
    bool start = false, wake = false;
    if (atom_load(&gang.searching, SEQ_CST))
        return;
    base_spin_lock(&gang.lock);
    if (atom_load(&gang.searching, SEQ_CST) == 0 && !gang.leaves) {
        if ((wake = gang.asleep > 0)) {
            atom_sub(&gang.asleep, 1, SEQ_CST);
            gang.called++;
            atom_add(&gang.bell, 1, RELAXED);
        } else if ((start = gang.started < gang.limit)) {
            atom_add(&gang.started, 1, RELAXED);
        }
        if (wake || start)
            atom_add(&gang.searching, 1, SEQ_CST);
    }
    base_spin_unlock(&gang.lock);
    if (wake)
        os_futex_wake(&gang.bell, 1, false);
    if (start)
        gang_start();
}
