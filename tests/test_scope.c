/* plait_scoped: nothing inside outlives the block, whatever way it is left; the first failure, the
 * deadline and cancels; shields. */
#include "crew.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG = 20 };
#define AFTER(ms) plait_after((ms)*PLAIT_MILLISECOND)

/* In memory that children have, too. */
static struct {
    int begun, ended, canceled, timed_out, failed;
} * seen;

static void set_up(void)
{
    seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(seen, MAP_FAILED);
}

static void count(int *word)
{
    __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
}

static int now(const int *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void await(const int *word, int value)
{
    while (now(word) < value)
        need(plait_sleep(AFTER(1)) == 0);
}

/* Sleeps until it is cancelled. */
static int sleeper(void *arg)
{
    count(&seen->begun);
    int rc = plait_sleep(plait_after(LONG * PLAIT_SECOND));
    count(rc == -ECANCELED ? &seen->canceled : &seen->timed_out);
    count(&seen->ended);
    return rc;
}

static int brief(void *arg)
{
    count(&seen->begun);
    int rc = plait_sleep(AFTER(5));
    count(&seen->ended);
    return rc;
}

/* Fails with the status that is handed in, once so many others have begun. */
struct failure {
    int status, others;
};

static int fails(void *arg)
{
    struct failure *failure = arg;
    await(&seen->begun, failure->others);
    count(&seen->failed);
    return failure->status;
}

static void begin(plait_carrier carrier, plait_function *function, void *arg)
{
    need(plait_start(NULL, carrier, function, arg, NULL) == 0);
}

TEST_CARRIERS(the_end_waits_for_all_that_began_inside)
{
    int rc = 1;
    plait_task *task;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        for (int i = 0; i < 3; i++)
            begin(carrier, brief, NULL);
        ck_assert_int_eq(plait_start(&task, carrier, brief, NULL, NULL), 0);
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(now(&seen->ended), 4);
    ck_assert(!plait_is_alive(task));
    int status = 1;
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NOW), 0);
    ck_assert_int_eq(status, 0);
}

TEST(an_empty_block_is_over_at_once)
{
    int rc = 1, times = 0;
    plait_scoped (PLAIT_NEVER, &rc)
        times++;
    ck_assert_int_eq(rc, 0);
    plait_scoped (plait_after(PLAIT_SECOND))
        times++;
    plait_scoped (PLAIT_NOW, &rc)
        times++;
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(times, 3);
}

/* ---- ways out */
static int returns(plait_carrier carrier, int *rc)
{
    plait_scoped (PLAIT_NEVER, rc) {
        begin(carrier, sleeper, NULL);
        await(&seen->begun, 1);
        return 7;
    }
    return 8;
}

TEST_CARRIERS(return_cancels_and_waits)
{
    int rc = 1;
    set_up();
    ck_assert_int_eq(returns(carrier, &rc), 7);
    ck_assert_int_eq(now(&seen->canceled), 1);
    ck_assert_int_eq(rc, -ECANCELED);
}

TEST_CARRIERS(break_cancels_and_waits)
{
    int rc = 1;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(carrier, sleeper, NULL);
        await(&seen->begun, 1);
        break;
    }
    ck_assert_int_eq(now(&seen->canceled), 1);
    ck_assert_int_eq(rc, -ECANCELED);
}

TEST_CARRIERS(goto_leaves_several_blocks)
{
    int outer = 1, inner = 1;
    set_up();
    plait_scoped (PLAIT_NEVER, &outer) {
        begin(carrier, sleeper, NULL);
        plait_scoped (PLAIT_NEVER, &inner) {
            begin(carrier, sleeper, NULL);
            await(&seen->begun, 2);
            goto out;
        }
    }
out:
    ck_assert_int_eq(now(&seen->canceled), 2);
    ck_assert_int_eq(inner, -ECANCELED);
    ck_assert_int_eq(outer, -ECANCELED);
    ck_assert_int_eq(plait_sleep(AFTER(1)), 0); /* nothing of it is left */
}

TEST(left_early_with_nothing_inside_is_no_failure)
{
    int rc = 1;
    plait_scoped (PLAIT_NEVER, &rc)
        break;
    ck_assert_int_eq(rc, 0);
}

/* ---- failure */
TEST_CARRIERS(the_first_failure_cancels_the_others_and_is_the_result)
{
    int rc = 1;
    struct failure failure = {42, 3};
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        for (int i = 0; i < 3; i++)
            begin(carrier, sleeper, NULL);
        begin(carrier, fails, &failure);
    }
    ck_assert_int_eq(rc, 42);
    ck_assert_int_eq(now(&seen->canceled), 3);
}

TEST_CARRIERS(a_failure_cancels_the_blocks_own_wait_once)
{
    int rc = 1, first = 1, second = 1;
    struct failure failure = {-EIO, 0};
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(carrier, fails, &failure);
        first = plait_sleep(plait_after(LONG * PLAIT_SECOND));
        second = plait_sleep(AFTER(1));
    }
    ck_assert_int_eq(first, -ECANCELED);
    ck_assert_int_eq(second, 0);
    ck_assert_int_eq(rc, -EIO);
    ck_assert_int_eq(plait_sleep(AFTER(1)), 0);
}

TEST_CARRIERS(one_with_a_handle_fails_the_block_and_tells_its_joiner)
{
    int rc = 1, status = 1, joined = 1;
    struct failure failure = {5, 1};
    plait_task *task;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(carrier, sleeper, NULL);
        ck_assert_int_eq(plait_start(&task, carrier, fails, &failure, NULL), 0);
        joined = plait_join(task, &status, PLAIT_NEVER);
    }
    ck_assert_int_eq(joined, 0);
    ck_assert_int_eq(status, 5);
    ck_assert_int_eq(rc, 5);
    ck_assert_int_eq(now(&seen->canceled), 1);
}

static int until_told(void *arg)
{
    await(&seen->timed_out, 1);
    return 0;
}

TEST_CARRIERS(join_all_counts_this_block_alone)
{
    int rc = 1, inside = -1;
    struct failure failure = {3, 0};
    set_up();
    begin(carrier, until_told, NULL);
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(carrier, brief, NULL);
        begin(carrier, fails, &failure);
        while ((inside = plait_join_all(PLAIT_NEVER)) == -ECANCELED)
            ;
    }
    ck_assert_int_eq(rc, 3);
    ck_assert(inside == 1 || inside == 2); /* brief was cancelled, if the failure came first */
    ck_assert_int_eq(plait_join_all(PLAIT_NOW), -EAGAIN);
    plait_scoped (PLAIT_NEVER)
        ck_assert_int_eq(plait_join_all(PLAIT_NOW), 0);
    count(&seen->timed_out);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
}

static int killed(void *arg)
{
    raise(SIGKILL);
    return 0;
}

TEST_LABELED(a_killed_process_is_a_failure, "process")
{
    int rc = 1;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(PLAIT_COROUTINE, sleeper, NULL);
        begin(PLAIT_PROCESS, killed, NULL);
    }
    ck_assert_int_eq(rc, PLAIT_KILLED(SIGKILL));
    ck_assert_int_eq(now(&seen->canceled), 1);
}

TEST(what_could_not_be_started_is_a_failure_without_a_handle)
{
    int rc = 1;
    plait_task *task;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(PLAIT_COROUTINE, sleeper, NULL);
        ck_assert_int_eq(plait_start(&task, (plait_carrier)9, sleeper, NULL, NULL), -EINVAL);
        ck_assert_int_eq(plait_sleep(AFTER(1)), 0);
        ck_assert_int_eq(plait_start(NULL, (plait_carrier)9, sleeper, NULL, NULL), -EINVAL);
    }
    ck_assert_int_eq(rc, -EINVAL);
    ck_assert_int_eq(now(&seen->canceled), 1);
}

TEST_CARRIERS(one_that_its_user_cancelled_has_not_failed)
{
    int rc = 1;
    plait_task *task;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(carrier, brief, NULL);
        ck_assert_int_eq(plait_start(&task, carrier, sleeper, NULL, NULL), 0);
        await(&seen->begun, 2);
        plait_cancel(task);
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(plait_task_state(task), PLAIT_CANCELED);
    plait_detach(task);
}

/* ---- reports */
static char said[1024];

static void listen(plait_report kind, const char *text, void *arg)
{
    ck_assert_int_eq(kind, PLAIT_REPORT_UNREAD);
    strncat(said, text, sizeof said - strlen(said) - 1);
}

TEST(a_failure_nobody_reads_is_a_line)
{
    struct failure failure = {42, 0};
    set_up();
    plait_on_report(listen, NULL);
    plait_scoped (PLAIT_NEVER)
        ck_assert_int_eq(plait_start(NULL, PLAIT_COROUTINE, fails, &failure,
                                     &(plait_start_options){.name = "culprit"}),
                         0);
    plait_on_report(NULL, NULL);
    ck_assert_ptr_nonnull(strstr(said, "'culprit' failed: 42"));
}

TEST(a_failure_that_was_read_is_none)
{
    struct failure failure = {42, 0};
    int rc, status;
    plait_task *task;
    set_up();
    plait_on_report(listen, NULL);
    plait_scoped (PLAIT_NEVER, &rc)
        begin(PLAIT_COROUTINE, fails, &failure);
    plait_scoped (PLAIT_NEVER) {
        begin(PLAIT_COROUTINE, fails, &failure);
        while (plait_join_all(PLAIT_NEVER) != 1)
            ;
    }
    plait_scoped (PLAIT_NEVER)
        ck_assert_int_eq(plait_start(&task, PLAIT_COROUTINE, fails, &failure, NULL), 0);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NOW), 0);
    ck_assert_int_eq(status, 42);
    plait_scoped (PLAIT_NEVER) {
        begin(PLAIT_COROUTINE, sleeper, NULL);
        break;
    }
    plait_on_report(NULL, NULL);
    ck_assert_str_eq(said, "");
}

/* ---- deadlines */
TEST_CARRIERS(the_deadline_cancels_what_runs)
{
    int rc = 1;
    int64_t before = plait_now();
    set_up();
    plait_scoped (AFTER(50), &rc) {
        begin(carrier, sleeper, NULL);
        begin(carrier, brief, NULL);
    }
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert_int_eq(now(&seen->canceled), 1);
    ck_assert_int_ge(plait_now() - before, 50 * PLAIT_MILLISECOND);
}

TEST(the_deadline_ends_the_blocks_own_waits)
{
    int rc = 1, slept = 1, waited = 1;
    static plait_event never;
    plait_scoped (AFTER(10), &rc)
        waited = plait_event_wait(&never, PLAIT_NEVER);
    ck_assert_int_eq(waited, -ETIMEDOUT);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    plait_scoped (AFTER(10), &rc) {
        slept = plait_sleep(plait_after(LONG * PLAIT_SECOND));
        break;
    }
    ck_assert_int_eq(slept, -ETIMEDOUT);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    plait_scoped (AFTER(1000), &rc)
        slept = plait_sleep(AFTER(1));
    ck_assert_int_eq(slept, 0);
    ck_assert_int_eq(rc, 0);
    plait_scoped (plait_after(-PLAIT_SECOND), &rc)
        slept = plait_sleep(AFTER(1));
    ck_assert_int_eq(slept, -ETIMEDOUT);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert_int_eq(plait_sleep(AFTER(1)), 0);
}

TEST(a_deadline_that_cuts_nothing_is_no_failure)
{
    int rc = 1;
    int64_t at = AFTER(2);
    plait_scoped (at, &rc)
        while (plait_now() <= at) /* computes */
            ;
    ck_assert_int_eq(rc, 0);
}

TEST(the_nearer_deadline_holds)
{
    int inner = 1, outer = 1;
    int64_t before = plait_now();
    plait_scoped (AFTER(20), &outer)
        plait_scoped (plait_after(LONG * PLAIT_SECOND), &inner)
            ck_assert_int_eq(plait_sleep(PLAIT_NEVER), -ETIMEDOUT);
    ck_assert_int_eq(inner, -ETIMEDOUT);
    ck_assert_int_eq(outer, -ETIMEDOUT);
    plait_scoped (plait_after(LONG * PLAIT_SECOND), &outer) {
        plait_scoped (AFTER(20), &inner)
            ck_assert_int_eq(plait_sleep(PLAIT_NEVER), -ETIMEDOUT);
        ck_assert_int_eq(plait_sleep(AFTER(1)), 0);
    }
    ck_assert_int_eq(inner, -ETIMEDOUT);
    ck_assert_int_eq(outer, 0);
    ck_assert_int_lt(plait_now() - before, 10 * PLAIT_SECOND);
}

static int pauses(void *arg)
{
    count(&seen->begun);
    return pause();
}

TEST_LABELED(a_process_that_heeds_no_cancel_is_terminated, "process")
{
    int rc = 1, status = 1;
    plait_task *task;
    set_up();
    signal(SIGTERM, SIG_DFL); /* Check's handler would end the whole group */
    plait_scoped (PLAIT_NEVER, &rc) {
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, pauses, NULL,
                                     &(plait_start_options){.grace = 20 * PLAIT_MILLISECOND}),
                         0);
        await(&seen->begun, 1);
        break;
    }
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NOW), 0);
    ck_assert_int_eq(status, PLAIT_KILLED(SIGTERM));
}

static int deaf(void *arg)
{
    signal(SIGTERM, SIG_IGN);
    count(&seen->begun);
    while (pause())
        ;
    return 0;
}

TEST_LABELED(one_that_ignores_term_is_killed, "process")
{
    int rc = 1, status = 1;
    plait_task *task;
    int64_t before = plait_now();
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, deaf, NULL,
                                     &(plait_start_options){.grace = 20 * PLAIT_MILLISECOND}),
                         0);
        await(&seen->begun, 1);
        plait_scope_cancel(NULL);
        plait_scope_cancel(NULL);
    }
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_ge(plait_now() - before, 40 * PLAIT_MILLISECOND);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NOW), 0);
    ck_assert_int_eq(status, PLAIT_KILLED(SIGKILL));
}

/* ---- cancel */
struct target {
    plait_scope *scope;
    int rc, waited;
};

static int cancel_it(void *arg)
{
    struct target *target = arg;
    await(&seen->begun, 2);
    plait_scope_cancel(target->scope); /* a second time it might be over */
    return 0;
}

TEST_LIGHT(it_can_be_cancelled_from_elsewhere)
{
    plait_scope scope = {{0}};
    struct target target = {&scope, 1, 1};
    plait_task *task;
    set_up();
    ck_assert_int_eq(plait_start(&task, carrier, cancel_it, &target, NULL), 0);
    ck_assert_ptr_eq(plait_scope_enter(&scope, PLAIT_NEVER, &target.rc), &scope);
    begin(carrier, sleeper, NULL);
    begin(carrier, sleeper, NULL);
    target.waited = plait_sleep(plait_after(LONG * PLAIT_SECOND));
    plait_scope_finish(&scope);
    plait_scope_leave(&scope); /* nothing */
    ck_assert_int_eq(target.rc, -ECANCELED);
    ck_assert_int_eq(target.waited, -ECANCELED);
    ck_assert_int_eq(now(&seen->canceled), 2);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
}

static int cancel_around(void *arg)
{
    await(&seen->begun, 1);
    plait_scope_cancel(NULL); /* the one it was started in */
    return 0;
}

TEST_LIGHT(a_task_inside_cancels_its_block)
{
    int rc = 1;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(carrier, sleeper, NULL);
        begin(carrier, cancel_around, NULL);
    }
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(now(&seen->canceled), 1);
}

TEST_CARRIERS(what_starts_in_a_cancelled_block_is_cancelled)
{
    int rc = 1;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        plait_scope_cancel(NULL);
        begin(carrier, sleeper, NULL);
    }
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(now(&seen->canceled), 1);
}

static int with_a_block(void *arg)
{
    struct target *target = arg;
    plait_scoped (PLAIT_NEVER, &target->rc)
        begin(PLAIT_COROUTINE, sleeper, NULL);
    target->waited = plait_sleep(AFTER(1));
    return target->rc;
}

/* The end is awaited when the cancel comes: it is told by the result, and not again. */
TEST_LIGHT(a_cancelled_task_cancels_what_its_block_waits_for)
{
    struct target target = {NULL, 1, 1};
    plait_task *task;
    int status = 1;
    set_up();
    ck_assert_int_eq(plait_start(&task, carrier, with_a_block, &target, NULL), 0);
    await(&seen->begun, 1);
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(target.rc, -ECANCELED);
    ck_assert_int_eq(target.waited, 0);
    ck_assert_int_eq(now(&seen->canceled), 1);
}

static int with_a_silent_block(void *arg)
{
    struct target *target = arg;
    plait_scoped (PLAIT_NEVER)
        begin(PLAIT_COROUTINE, sleeper, NULL);
    target->waited = plait_sleep(plait_after(LONG * PLAIT_SECOND));
    return 0;
}

TEST_LIGHT(without_a_result_the_cancel_is_told_by_the_next_wait)
{
    struct target target = {NULL, 1, 1};
    plait_task *task;
    set_up();
    ck_assert_int_eq(plait_start(&task, carrier, with_a_silent_block, &target, NULL), 0);
    await(&seen->begun, 1);
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(target.waited, -ECANCELED);
}

TEST(a_cancel_reaches_inner_blocks_and_is_told_in_each)
{
    int outer = 1, inner = 1, in_inner = 1, in_outer = 1, after = 1;
    set_up();
    plait_scoped (PLAIT_NEVER, &outer) {
        struct failure failure = {9, 1};
        begin(PLAIT_COROUTINE, fails, &failure);
        plait_scoped (PLAIT_NEVER, &inner) {
            begin(PLAIT_COROUTINE, sleeper, NULL);
            in_inner = plait_sleep(plait_after(LONG * PLAIT_SECOND));
        }
        in_outer = plait_sleep(plait_after(LONG * PLAIT_SECOND));
        after = plait_sleep(AFTER(1));
        plait_scoped (PLAIT_NEVER) /* what was told before does not concern this one */
            ck_assert_int_eq(plait_sleep(AFTER(1)), 0);
        plait_scoped (PLAIT_NEVER, &inner)
            begin(PLAIT_COROUTINE, brief, NULL);
        ck_assert_int_eq(inner, 0);
        ck_assert_int_eq(plait_sleep(AFTER(1)), 0);
        inner = -ECANCELED;
    }
    ck_assert_int_eq(in_inner, -ECANCELED);
    ck_assert_int_eq(inner, -ECANCELED);
    ck_assert_int_eq(in_outer, -ECANCELED);
    ck_assert_int_eq(after, 0);
    ck_assert_int_eq(outer, 9);
    ck_assert_int_eq(plait_sleep(AFTER(1)), 0);
}

TEST(the_inner_ones_cancel_is_not_the_outer_ones)
{
    int outer = 1, inner = 1;
    set_up();
    plait_scoped (PLAIT_NEVER, &outer) {
        begin(PLAIT_COROUTINE, brief, NULL);
        plait_scoped (PLAIT_NEVER, &inner) {
            begin(PLAIT_COROUTINE, sleeper, NULL);
            plait_scope_cancel(NULL);
        } /* the bit was never told */
        ck_assert_int_eq(plait_sleep(AFTER(1)), 0);
    }
    ck_assert_int_eq(inner, -ECANCELED);
    ck_assert_int_eq(outer, 0);
}

static int canceled_in_and_out(void *arg)
{
    int rc = 1;
    plait_scoped (PLAIT_NEVER, &rc) {
        plait_cancel(plait_self());
        plait_scope_cancel(NULL);
        need(plait_is_canceled());
        need(plait_sleep(plait_after(LONG * PLAIT_SECOND)) == -ECANCELED);
    }
    need(rc == -ECANCELED);
    need(plait_sleep(plait_after(LONG * PLAIT_SECOND)) == -ECANCELED);
    need(plait_sleep(AFTER(1)) == 0);
    return 0;
}

TEST_CARRIERS(a_cancel_of_the_task_outlives_that_of_the_block)
{
    int status = 1;
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, carrier, canceled_in_and_out, NULL, NULL), 0);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
}

/* ---- who is inside */
static plait_task *grandchild;

static int starts_more(void *arg)
{
    begin(PLAIT_COROUTINE, sleeper, NULL);
    need(plait_start(&grandchild, PLAIT_THREAD, sleeper, NULL, NULL) == 0);
    return 0;
}

TEST_LIGHT(what_tasks_inside_start_is_inside)
{
    int rc = 1;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(carrier, starts_more, NULL);
        await(&seen->begun, 2);
        plait_scope_cancel(NULL);
    }
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(now(&seen->canceled), 2);
    ck_assert_int_eq(plait_join(grandchild, NULL, PLAIT_NOW), 0);
}

static plait_event go_on;

static int waits_to_go(void *arg)
{
    int rc = plait_event_wait(&go_on, plait_after(LONG * PLAIT_SECOND));
    count(&seen->ended);
    return rc;
}

TEST_LIGHT(what_is_detached_or_a_daemon_is_let_go)
{
    int rc = 1;
    plait_task *task;
    set_up();
    go_on = (plait_event){{0}};
    plait_scoped (PLAIT_NEVER, &rc) {
        ck_assert_int_eq(plait_start(&task, carrier, waits_to_go, NULL, NULL), 0);
        plait_detach(task);
        ck_assert_int_eq(
            plait_start(NULL, carrier, waits_to_go, NULL, &(plait_start_options){.daemon = true}),
            0);
        begin(carrier, brief, NULL);
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(now(&seen->ended), 1);
    plait_event_set(&go_on);
    await(&seen->ended, 3);
}

TEST_LIGHT(what_was_joined_inside_is_over)
{
    int rc = 1;
    plait_task *task;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc)
        for (int i = 0; i < 100; i++) {
            ck_assert_int_eq(plait_start(&task, carrier, brief, NULL, NULL), 0);
            if (i % 10)
                plait_detach(task);
            else
                ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
        }
    ck_assert_int_eq(rc, 0);
    await(&seen->ended, 100);
}

static int in_a_child(void *arg)
{
    int rc = 1;
    need(plait_join_all(PLAIT_NOW) == 0);
    plait_scoped (PLAIT_NEVER, &rc)
        begin(PLAIT_THREAD, brief, NULL);
    return rc;
}

TEST_LABELED(a_process_inside_has_blocks_of_its_own, "process")
{
    int rc = 1;
    set_up();
    plait_scoped (PLAIT_NEVER, &rc) {
        begin(PLAIT_COROUTINE, brief, NULL);
        begin(PLAIT_PROCESS, in_a_child, NULL);
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(now(&seen->ended), 2);
}

static int nothing(void *arg)
{
    return 0;
}

/* A task is joined some instructions before its block has let it go. */
TEST_LIGHT(who_joined_leaves_nothing_that_runs)
{
    for (int i = 0; i < 2000; i++) {
        int rc = 1;
        plait_scoped (PLAIT_NEVER, &rc) {
            plait_task *task = NULL;
            need(plait_start(i % 2 ? &task : NULL, carrier, nothing, NULL, NULL) == 0);
            need((task ? plait_join(task, NULL, PLAIT_NEVER) : plait_join_all(PLAIT_NEVER)) == 0);
            break;
        }
        need(rc == 0);
    }
}

static void forks_inside(void *arg)
{
    int rc = 1;
    plait_scoped (plait_after(LONG * PLAIT_SECOND), &rc) {
        begin(PLAIT_COROUTINE, brief, NULL);
        need(rc == 1);
        pid_t child = fork();
        if (child == 0) {
            begin(PLAIT_COROUTINE, brief, NULL);
            plait_scoped (PLAIT_NEVER)
                begin(PLAIT_COROUTINE, brief, NULL);
            if (plait_join_all(PLAIT_NEVER) != 0)
                _exit(9);
            break;
        }
        int status;
        need(waitpid(child, &status, 0) == child && status == 0);
    }
    need(rc == 0);
}

TEST_LABELED(a_fork_inside_leaves_the_tasks_to_the_parent, "process")
{
    char text[512];
    set_up();
    int status = harness_fork(forks_inside, NULL, text, sizeof text);
    ck_assert_msg(status == 0, "%s", text);
    ck_assert_int_eq(now(&seen->ended), 3);
}

/* ---- shields */
static int shielded(void *arg)
{
    plait_shielded
    {
        count(&seen->begun);
        need(plait_sleep(AFTER(30)) == 0);
        plait_shielded break;
        need(plait_sleep(AFTER(1)) == 0);
        count(&seen->ended);
    }
    need(plait_sleep(plait_after(LONG * PLAIT_SECOND)) == -ECANCELED);
    return 0;
}

TEST_CARRIERS(a_shield_keeps_the_cancel_off)
{
    int status = 1;
    plait_task *task;
    set_up();
    ck_assert_int_eq(plait_start(&task, carrier, shielded, NULL, NULL), 0);
    await(&seen->begun, 1);
    plait_cancel(task);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(now(&seen->ended), 1);
}

static int leaves_shields(int how)
{
    plait_shielded
    {
        if (how == 0)
            return 1;
        if (how == 1)
            break;
        if (how == 2)
            goto out;
    }
out:
    return 2;
}

static int leaves_each_way(void *arg)
{
    for (int how = 0; how < 4; how++)
        leaves_shields(how);
    plait_cancel(plait_self());
    need(plait_sleep(plait_after(LONG * PLAIT_SECOND)) == -ECANCELED);
    return 0;
}

TEST_LIGHT(a_shield_ends_whatever_way_it_is_left)
{
    int status = 1;
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, carrier, leaves_each_way, NULL, NULL), 0);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
}

TEST(the_deadline_holds_inside_a_shield)
{
    int rc = 1;
    plait_scoped (AFTER(10), &rc)
        plait_shielded ck_assert_int_eq(plait_sleep(PLAIT_NEVER), -ETIMEDOUT);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    plait_scoped (PLAIT_NEVER, &rc) {
        plait_scope_cancel(NULL);
        plait_shielded ck_assert_int_eq(plait_sleep(AFTER(1)), 0);
        ck_assert_int_eq(plait_sleep(AFTER(1000)), -ECANCELED);
    }
}

/* ---- misuse */
static plait_scope first, second;

static void enters_twice(void *arg)
{
    plait_scope_enter(&first, PLAIT_NEVER, NULL);
    plait_scope_enter(&first, PLAIT_NEVER, NULL);
}

static void enters_null(void *arg)
{
    plait_scope_enter(NULL, PLAIT_NEVER, NULL);
}

static void enters_for_a_duration(void *arg)
{
    plait_scope_enter(&first, PLAIT_MILLISECOND, NULL);
}

static void finishes_the_outer_first(void *arg)
{
    plait_scope_enter(&first, PLAIT_NEVER, NULL);
    plait_scope_enter(&second, PLAIT_NEVER, NULL);
    plait_scope_finish(&first);
}

static int finish_one(void *arg)
{
    plait_scope_finish(&first);
    return 0;
}

static void finishes_anothers(void *arg)
{
    plait_scope_enter(&first, PLAIT_NEVER, NULL);
    begin(PLAIT_COROUTINE, finish_one, NULL);
    plait_sleep(plait_after(LONG * PLAIT_SECOND));
}

static void finishes_what_was_not_entered(void *arg)
{
    plait_scope_finish(&second);
}

static void cancels_what_was_not_entered(void *arg)
{
    plait_scope_cancel(&second);
}

static void cancels_nothing(void *arg)
{
    plait_scope_cancel(NULL);
}

static int ends_inside(void *arg)
{
    plait_scope_enter(&first, PLAIT_NEVER, NULL);
    return 0;
}

static void ends_inside_a_block(void *arg)
{
    begin(PLAIT_COROUTINE, ends_inside, NULL);
    plait_sleep(plait_after(LONG * PLAIT_SECOND));
}

static void leaves_a_shield_too_often(void *arg)
{
    int shield = 1;
    plait_shield_leave(&shield);
}

TEST_LABELED(misuse_is_told, "process")
{
    harness_dies(enters_twice, NULL, "entered again");
    harness_dies(enters_null, NULL, "NULL is none");
    harness_dies(enters_for_a_duration, NULL, "plait_after");
    harness_dies(finishes_the_outer_first, NULL, "left before one inside it was left");
    harness_dies(finishes_anothers, NULL, "to be left by");
    harness_dies(finishes_what_was_not_entered, NULL, "not entered");
    harness_dies(cancels_what_was_not_entered, NULL, "not entered");
    harness_dies(cancels_nothing, NULL, "not entered");
    harness_dies(ends_inside_a_block, NULL, "ended inside it");
    harness_dies(leaves_a_shield_too_often, NULL, "more often than entered");
}

/* ---- struggle: blocks begin and end at random; nothing inside outlives its block, and each
 * sleeper in it is woken by a cancel */
struct round {
    int running;  /* inside, not let go */
    int detached; /* they may outlive it, so this is the crew member's own */
    unsigned random;
};
static int sleeps, woken, operations, steps, all;

static int sleeps_inside(void *arg)
{
    struct round *round = arg;
    int before = now(&steps);
    int rc = plait_sleep(plait_after(LONG * PLAIT_SECOND));
    need(rc == -ECANCELED);
    count(&sleeps);
    if (now(&steps) != before) /* others have moved: it was asleep, and not cancelled before */
        count(&woken);
    __atomic_sub_fetch(&round->running, 1, __ATOMIC_SEQ_CST);
    return rc;
}

static int yields_inside(void *arg)
{
    struct round *round = arg;
    plait_yield();
    count(&steps);
    __atomic_sub_fetch(&round->running, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static int fails_inside(void *arg)
{
    yields_inside(arg);
    return 77;
}

static int is_let_go(void *arg)
{
    int *detached = arg;
    plait_yield();
    __atomic_sub_fetch(detached, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static int starts_inside(void *arg)
{
    struct round *round = arg;
    __atomic_add_fetch(&round->running, 1, __ATOMIC_SEQ_CST);
    need(plait_start(NULL, PLAIT_COROUTINE, yields_inside, round, NULL) == 0);
    return yields_inside(arg);
}

static void start_one(struct round *round, unsigned which)
{
    static plait_function *const what[] = {sleeps_inside, yields_inside, fails_inside,
                                           starts_inside};
    plait_carrier carrier = which % 64 == 0 ? PLAIT_THREAD : PLAIT_COROUTINE;
    plait_task *task;
    count(&operations);
    if (which % 9 == 8) {
        count(&round->detached);
        need(plait_start(&task, carrier, is_let_go, &round->detached, NULL) == 0);
        plait_detach(task);
        return;
    }
    count(&round->running);
    need(plait_start(NULL, carrier, what[which / 64 % 4], round, NULL) == 0);
}

/* One block, left in one of five ways. */
static int one_block(struct round *round)
{
    unsigned how = crew_random(&round->random) % 5;
    int rc = 1;
    int64_t deadline = how == 4 ? plait_after(20 * PLAIT_MICROSECOND) : PLAIT_NEVER;
    plait_scoped (deadline, &rc) {
        for (unsigned i = crew_random(&round->random) % 5; i > 0; i--)
            start_one(round, crew_random(&round->random));
        if (how == 0)
            return rc;
        if (how == 1)
            plait_scope_cancel(NULL);
        if (how == 2)
            break;
        if (how == 3)
            begin(PLAIT_COROUTINE, fails_inside, (count(&round->running), round));
    }
    need(rc == 0 || rc == 77 || rc == -ECANCELED || rc == -ETIMEDOUT);
    return rc;
}

static int struggle(void *arg)
{
    static unsigned seed = 1;
    struct round round = {.random = __atomic_add_fetch(&seed, 77, __ATOMIC_RELAXED)};
    while (now(&operations) < all) {
        one_block(&round);
        need(now(&round.running) == 0);
    }
    while (now(&round.detached))
        plait_yield();
    return 0;
}

static void run_struggle(int carrier, int most)
{
    all = most;
    crew_run(carrier, 6, struggle, NULL);
    ck_assert_int_ge(woken, sleeps / 100);
    ck_assert_int_ge(sleeps, operations / 100);
}

/* Not under ThreadSanitizer: the watcher's rounds for deadlocks read the records of coroutines that
 * have ended, as hints, and thousands end here. */
TEST_LABELED(blocks_struggle_on_threads, "notsan")
{
    run_struggle(PLAIT_THREAD, 5000);
}

TEST_LABELED(blocks_struggle_on_coroutines, "notsan")
{
    run_struggle(PLAIT_COROUTINE, 5000);
}

TEST_LABELED(blocks_struggle_on_all, "notsan")
{
    run_struggle(CREW_MIXED, 5000);
}

TEST_LABELED(a_million_struggle, "long noasan notsan")
{
    run_struggle(CREW_MIXED, 1000000);
}
