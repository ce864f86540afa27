/* Blocks: all inside have ended before the block is left, nothing of it is touched afterwards, and
 * a cancel reaches everybody once. */
#include "task/scope.h"
#include "explorer.h"
#include "os/os.h"
#include "task/process.h"
#include "wait/lot.h"

#include <errno.h>

enum { LATER = 2000000 };

static plait_scope outer, inner;
static struct task_slot slot;
static uint32_t begun[EXPLORE_TASKS], ended[EXPLORE_TASKS];
static int result[EXPLORE_TASKS], rc, inner_rc, left;
static struct task_scope started; /* what plait_join_all waits for, where is_counted */
static bool is_counted;

/* ---- what src/task/scope.c asks of others */
void process_insist(struct task_record *record)
{
    explore_fail("there are no processes here");
}

const char *record_name(struct task_record *record)
{
    return "a task";
}

const char *base_place(void *address, char *text, size_t size)
{
    return "here";
}

const char *plait_strerror(int code)
{
    return "it failed";
}

void tasks_awaited(struct task_record *record, const void *count, bool may_fail)
{
}

static struct task_record *record_of(int task)
{
    return (struct task_record *)explore_self(task);
}

static void setup(void)
{
    lot_reset();
    outer = inner = (plait_scope){{0}};
    started = (struct task_scope){0};
    is_counted = false;
    left = 0;
    rc = inner_rc = 1;
    for (int i = 0; i < EXPLORE_TASKS; i++) {
        begun[i] = ended[i] = 0;
        result[i] = 1;
    }
}

/* ---- a task inside: what start.c and end.c do */
static void starts(int task)
{
    block_enter(record_of(task), record_of(0));
    atom_store(&begun[task], 1, RELEASE);
}

static void await(uint32_t *word)
{
    while (!atom_load(word, ACQUIRE))
        os_relax();
}

static void ends(int task, plait_state state, int status)
{
    struct task_record *me = record_of(task);
    struct task_block *block = block_is_inside(me) ? block_unlink(me, state) : NULL;
    explore_gone(&me->co.self, sizeof me->co.self); /* the stack may be another's */
    atom_store(&ended[task], 1, RELEASE);
    if (is_counted)
        task_count_out(&started, status != 0);
    if (block)
        block_leave(block, state == PLAIT_FAILED, status);
}

static void works(int task)
{
    await(&begun[task]);
    ends(task, PLAIT_DONE, 0);
}

static void one_works(void)
{
    works(1);
}

static void two_works(void)
{
    works(2);
}

static void one_fails(void)
{
    await(&begun[1]);
    ends(1, PLAIT_FAILED, 7);
}

static void two_fails(void)
{
    await(&begun[2]);
    ends(2, PLAIT_FAILED, 8);
}

/* Sleeps until it is cancelled. */
static void sleeps(int task)
{
    await(&begun[task]);
    do
        result[task] = wait_park(NULL, 0, WAIT_NEVER);
    while (result[task] == -EAGAIN);
    ends(task, PLAIT_CANCELED, result[task]);
}

static void one_sleeps(void)
{
    sleeps(1);
}

static void two_sleeps(void)
{
    sleeps(2);
}

/* ---- the block */
static void enters(plait_scope *scope, int64_t deadline, int *where)
{
    plait_scope_enter(scope, deadline, where, (int *)0);
}

static void gone(plait_scope *scope)
{
    explore_gone(scope, sizeof *scope);
}

static void begins_two(void)
{
    enters(&outer, WAIT_NEVER, &rc);
    starts(1);
    starts(2);
}

static void begins_and_finishes(void)
{
    begins_two();
    plait_scope_finish(&outer);
    gone(&outer);
    EXPLORE_CHECK(ended[1] && ended[2]);
}

static void check_fine(void)
{
    EXPLORE_CHECK(rc == 0);
}

static void check_failed(void)
{
    EXPLORE_CHECK(rc == 7 && result[2] == -ECANCELED);
}

static void check_either_failed(void)
{
    EXPLORE_CHECK(rc == 7 || rc == 8);
}

static void begins_and_leaves(void)
{
    begins_two();
    plait_scope_leave(&outer);
    gone(&outer);
    EXPLORE_CHECK(ended[1] && ended[2]);
}

static void check_left(void)
{
    EXPLORE_CHECK(rc == -ECANCELED && result[2] == -ECANCELED);
}

/* Their end was told before the block let them go. */
static void begins_and_joins_and_leaves(void)
{
    started.running = 2;
    is_counted = true;
    begins_two();
    wait_until_done(&count_call, &started.running, NULL, NULL);
    plait_scope_leave(&outer);
    gone(&outer);
}

/* ---- the block's own wait is cancelled, once, and nothing of that is left behind it */
static void begins_and_sleeps(void)
{
    begins_two();
    do
        result[0] = wait_park(NULL, 0, WAIT_NEVER);
    while (result[0] == -EAGAIN);
    plait_scope_finish(&outer);
    gone(&outer);
    left = wait_park(NULL, 0, LATER);
}

/* As above, but it is not told before its end. */
static void begins_and_finishes_and_sleeps(void)
{
    begins_and_finishes();
    left = wait_park(NULL, 0, LATER);
}

static void check_told(void)
{
    check_failed();
    EXPLORE_CHECK(result[0] == -ECANCELED && left == -ETIMEDOUT);
}

static void check_not_left(void)
{
    check_failed();
    EXPLORE_CHECK(left == -ETIMEDOUT);
}

/* ---- a cancel against a start */
static void cancels_the_block(void)
{
    await(&begun[2]);
    plait_scope_cancel(&outer);
    ends(2, PLAIT_DONE, 0);
}

static void begins_late(void)
{
    enters(&outer, WAIT_NEVER, &rc);
    starts(2);
    starts(1);
    plait_scope_finish(&outer);
    gone(&outer);
}

static void check_cancelled(void)
{
    EXPLORE_CHECK(rc == -ECANCELED && result[1] == -ECANCELED);
}

/* ---- a task that is let go while it ends */
static void nothing(void)
{
}

static void begins_and_lets_go(void)
{
    slot = (struct task_slot){.record = record_of(1)};
    begins_two();
    block_let_go(&slot, record_of(0));
    plait_scope_finish(&outer);
    gone(&outer);
    EXPLORE_CHECK(ended[2]);
}

/* ---- a task that is let go while it starts another: that one is inside, or the first was out
 * before */
static void one_starts(void)
{
    await(&begun[1]);
    block_enter(record_of(2), record_of(1));
    if (block_is_inside(record_of(2)))
        ends(2, PLAIT_DONE, 0);
    ends(1, PLAIT_DONE, 0);
}

static void lets_go_of_a_starter(void)
{
    slot = (struct task_slot){.record = record_of(1)};
    enters(&outer, WAIT_NEVER, &rc);
    starts(1);
    block_let_go(&slot, record_of(0));
    plait_scope_finish(&outer);
    gone(&outer);
}

/* ---- a cancel of the task itself meanwhile: told by the result or the next wait, once */
static void cancels_the_task(void)
{
    wait_cancel(explore_self(0));
}

static void begins_one(void)
{
    enters(&outer, WAIT_NEVER, &rc);
    starts(1);
    plait_scope_finish(&outer);
    gone(&outer);
    left = wait_park(NULL, 0, LATER);
}

static void check_once(void)
{
    EXPLORE_CHECK(rc == 0 || rc == 7 || rc == -ECANCELED);
    int to_be_told = (int)explore_self(0)->cancel & 1; /* it came after the last wait */
    EXPLORE_CHECK((rc == -ECANCELED) + (left == -ECANCELED) + to_be_told == 1);
}

/* ---- the deadline strikes at any moment */
static void begins_for_a_while(void)
{
    enters(&outer, LATER, &rc);
    starts(1);
    plait_scope_finish(&outer);
    gone(&outer);
    left = wait_park(NULL, 0, LATER);
}

static void check_late(void)
{
    EXPLORE_CHECK(rc == -ETIMEDOUT && result[1] == -ECANCELED && left == -ETIMEDOUT);
}

/* ---- an inner block is told with the outer one, which is told again */
static void begins_inside(void)
{
    enters(&outer, WAIT_NEVER, &rc);
    starts(1);
    enters(&inner, WAIT_NEVER, &inner_rc);
    starts(2);
    plait_scope_finish(&inner);
    gone(&inner);
    do
        result[0] = wait_park(NULL, 0, WAIT_NEVER);
    while (result[0] == -EAGAIN);
    plait_scope_finish(&outer);
    gone(&outer);
    left = wait_park(NULL, 0, LATER);
}

static void check_both_told(void)
{
    check_told();
    EXPLORE_CHECK(inner_rc == -ECANCELED);
}

/* Also when it was told by a wait of the inner one's, before its end. */
static void sleeps_inside(void)
{
    enters(&outer, WAIT_NEVER, &rc);
    starts(1);
    enters(&inner, WAIT_NEVER, &inner_rc);
    starts(2);
    do
        result[0] = wait_park(NULL, 0, WAIT_NEVER);
    while (result[0] == -EAGAIN);
    plait_scope_finish(&inner);
    gone(&inner);
    plait_scope_finish(&outer);
    gone(&outer);
    left = wait_park(NULL, 0, LATER);
}

/* One that begins after the outer one's cancel was told is none of its concern. */
static void two_is_late(void)
{
    struct task_record *me = record_of(2);
    me->co.self.shield = 1;
    while (!atom_load(&begun[2], ACQUIRE))
        wait_park(&(struct wait_word){.word = &begun[2]}, 1, WAIT_NEVER);
    me->co.self.shield = 0;
    ends(2, PLAIT_DONE, 0);
}

static void begins_behind(void)
{
    enters(&outer, WAIT_NEVER, &rc);
    starts(1);
    do
        result[0] = wait_park(NULL, 0, WAIT_NEVER);
    while (result[0] == -EAGAIN);
    enters(&inner, WAIT_NEVER, &inner_rc);
    starts(2);
    wait_unpark(&begun[2], 1, false);
    plait_scope_finish(&inner);
    gone(&inner);
    plait_scope_finish(&outer);
    gone(&outer);
    left = wait_park(NULL, 0, LATER);
}

static void check_behind(void)
{
    EXPLORE_CHECK(rc == 7 && inner_rc == 0);
    EXPLORE_CHECK(result[0] == -ECANCELED && left == -ETIMEDOUT);
}

#define BOTH(what, checks, bound, first, second, ...)                                              \
    {what ", threads", setup, {__VA_ARGS__}, {false, false, false}, checks, bound},                \
    {                                                                                              \
        what ", mixed", setup, {__VA_ARGS__}, {first, second, !first}, checks, bound               \
    }

static const struct explore_case cases[] = {
    BOTH("two work", check_fine, 2, true, false, begins_and_finishes, one_works, two_works),
    BOTH("one fails", check_failed, 2, true, false, begins_and_finishes, one_fails, two_sleeps),
    BOTH("both fail", check_either_failed, 2, true, false, begins_and_finishes, one_fails,
         two_fails),
    BOTH("left early", check_left, 2, true, false, begins_and_leaves, one_sleeps, two_sleeps),
    BOTH("joined, then left early", check_fine, 1, true, false, begins_and_joins_and_leaves,
         one_works, two_works),
    BOTH("the block sleeps", check_told, 2, true, false, begins_and_sleeps, one_fails, two_sleeps),
    BOTH("nothing is left behind", check_not_left, 2, true, false, begins_and_finishes_and_sleeps,
         one_fails, two_sleeps),
    BOTH("cancel against start", check_cancelled, 2, true, false, begins_late, one_sleeps,
         cancels_the_block),
    BOTH("let go against end", check_fine, 2, true, false, begins_and_lets_go, one_works,
         two_works),
    {"let go against start",
     setup,
     {lets_go_of_a_starter, one_starts, nothing},
     {true, false},
     check_fine,
     3},
    BOTH("the task is cancelled", check_once, 3, true, false, begins_one, one_works,
         cancels_the_task),
    BOTH("the task is cancelled, and a failure", check_once, 2, true, false, begins_one, one_fails,
         cancels_the_task),
    BOTH("deadline", check_late, 3, true, false, begins_for_a_while, one_sleeps),
    BOTH("outer against inner", check_both_told, 2, true, false, begins_inside, one_fails,
         two_sleeps),
    BOTH("outer against a wait inside", check_both_told, 2, true, false, sleeps_inside, one_fails,
         two_sleeps),
    BOTH("inner behind outer", check_behind, 2, true, false, begins_behind, one_fails, two_is_late),
};

EXPLORE_MAIN(cases)
