/* Branches between their owner, thieves and helpers: each runs once, its merge has its result, and
 * a helper runs what he waits for and nothing else. The gang's threads are these tasks;
 * src/pool/gang.c is stood in for. */
#include "explorer.h"
#include "os/os.h"
#include "pool/gang.h"
#include "wait/lot.h"

enum { OWNER, THIEF, OTHER, LONG = 1000000 };

static struct branches deques[EXPLORE_TASKS];
static int ran[8], by[8];
static intptr_t result[8];

/* ---- the gang: all of it is idle, and looks by itself */
static int me(void)
{
    for (int i = 0; i < EXPLORE_TASKS; i++)
        if (wait_current == explore_self(i))
            return i;
    return 0;
}

struct branches *gang_branches(void)
{
    return &deques[me()];
}

struct branches *gang_branches_found(void)
{
    return gang_branches();
}

bool gang_is_idle(void)
{
    return true;
}

void gang_call(void)
{
}

/* A spin is a look more, and the explorer makes a task look late in any case. */
bool gang_may_spin(void)
{
    return false;
}

void gang_run(struct branch *one)
{
    branch_done(one, one->function(one->value));
}

/* ---- setups */
static void setup(void)
{
    lot_reset();
    explore_tick = LONG; /* nobody spins for long */
    for (int i = 0; i < EXPLORE_TASKS; i++) {
        branches_reset(&deques[i]);
        deques[i].told = true;
        deques[i].word = 0;
    }
    for (int i = 0; i < 8; i++)
        ran[i] = by[i] = 0, result[i] = -1;
}

/* As the public header's, of a task that tells each of them. */
static void fork_one(plait_branch *one, intptr_t (*function)(intptr_t), intptr_t arg)
{
    one->own[0] = (uint64_t)(uintptr_t)plait_branch_tell_(function, arg);
}

static intptr_t merge(plait_branch *one)
{
    return plait_branch_merge_((struct plait_branch_slot_ *)(uintptr_t)one->own[0]);
}

static intptr_t run(intptr_t n)
{
    ran[n]++;
    by[n] = me();
    return n + 10;
}

/* One look of a thief at a deque. */
static void steal_once(int from)
{
    struct branches *mine = gang_branches();
    struct branch *one = branches_steal(&deques[from], NULL, mine);
    if (one)
        gang_run(one);
}

/* ---- one branch, then two, against thieves */
static void forks_one(void)
{
    plait_branch one;
    fork_one(&one, run, 1);
    result[1] = merge(&one);
    explore_gone(deques[OWNER].slots, sizeof(struct branch));
}

static void forks_two(void)
{
    plait_branch one, two;
    fork_one(&one, run, 1);
    branches_want(&deques[OWNER]);
    fork_one(&two, run, 2);
    result[2] = merge(&two);
    result[1] = merge(&one);
    explore_gone(deques[OWNER].slots, 2 * sizeof(struct branch));
}

/* The second fork uses the slot of the first one, which a late thief may not have read yet. */
static void forks_again(void)
{
    plait_branch one, two;
    fork_one(&one, run, 1);
    result[1] = merge(&one);
    branches_want(&deques[OWNER]);
    fork_one(&two, run, 2);
    result[2] = merge(&two);
}

static void steals(void)
{
    steal_once(OWNER);
}

static void steals_two(void)
{
    steal_once(OWNER);
    steal_once(OWNER);
}

static void check_one(void)
{
    EXPLORE_CHECK(ran[1] == 1 && result[1] == 11);
}

static void check_two(void)
{
    check_one();
    EXPLORE_CHECK(ran[2] == 1 && result[2] == 12);
}

/* ---- the owner helps his thief, whose branch forks another one */
static intptr_t run_and_fork(intptr_t n)
{
    plait_branch inner;
    ran[n]++;
    fork_one(&inner, run, n + 1);
    intptr_t sum = merge(&inner);
    return sum;
}

static void forks_deep(void)
{
    plait_branch one;
    fork_one(&one, run_and_fork, 1);
    result[1] = merge(&one);
}

static void check_deep(void)
{
    EXPLORE_CHECK(ran[1] == 1 && ran[2] == 1 && result[1] == 12);
}

/* What he helps with forks itself. */
static intptr_t run_and_fork_two(intptr_t n)
{
    plait_branch inner;
    ran[n]++;
    fork_one(&inner, run_and_fork, n + 1);
    return merge(&inner);
}

static void forks_deeper(void)
{
    plait_branch one;
    fork_one(&one, run_and_fork_two, 1);
    result[1] = merge(&one);
}

static void check_deeper(void)
{
    EXPLORE_CHECK(ran[1] == 1 && ran[2] == 1 && ran[3] == 1 && result[1] == 13);
}

/* ---- the thief goes on to what the owner does not wait for: he must not get any of it */
static void steals_then_another(void)
{
    struct branches *mine = gang_branches();
    steal_once(OWNER);
    branches_want(mine);
    result[3] = run_and_fork(3);
}

static void check_apart(void)
{
    check_one();
    EXPLORE_CHECK(ran[3] == 1 && ran[4] == 1 && result[3] == 14);
    EXPLORE_CHECK(by[4] != OWNER);
}

static void check_later(void)
{
    check_deep();
    EXPLORE_CHECK(ran[3] == 1 && ran[4] == 1 && result[3] == 14);
    EXPLORE_CHECK(by[4] != OWNER);
}

static const struct explore_case cases[] = {
    {"one against a thief", setup, {forks_one, steals}, {false}, check_one, 3},
    {"one, a coroutine's", setup, {forks_one, steals}, {true, false}, check_one, 3},
    {"one against two thieves", setup, {forks_one, steals, steals}, {false}, check_one, 2},
    {"two against a thief", setup, {forks_two, steals_two}, {false}, check_two, 3},
    {"two against two thieves", setup, {forks_two, steals, steals}, {false}, check_two, 2},
    {"a slot used again", setup, {forks_again, steals, steals}, {false}, check_two, 2},
    {"help", setup, {forks_deep, steals}, {false}, check_deep, 4},
    {"help that forks", setup, {forks_deeper, steals}, {false}, check_deeper, 3},
    {"no help for others", setup, {forks_one, steals_then_another}, {false}, check_apart, 4},
    {"nor later", setup, {forks_deep, steals_then_another}, {false}, check_later, 4},
};

EXPLORE_MAIN(cases)
