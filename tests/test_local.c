/* Values of a task's own: apart for each task, destroyed at the end on each carrier, four rounds,
 * 1,024 of them. */
#include "crew.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static plait_local local, other;

static uint32_t *destroyed; /* in shared memory: a process destroys its own */

static void count(void *value)
{
    __atomic_add_fetch(destroyed, (uint32_t)(uintptr_t)value, __ATOMIC_RELAXED);
}

static void set_up(void)
{
    destroyed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(destroyed, MAP_FAILED);
    local.destroy = count;
    other.destroy = count;
}

static int keep_apart(void *arg)
{
    need(plait_local_get(&local) == NULL);
    need(plait_local_set(&local, arg) == 0);
    for (int i = 0; i < 20; i++) {
        plait_yield();
        need(plait_local_get(&local) == arg);
    }
    return 0;
}

TEST_CARRIERS(each_task_has_its_own)
{
    set_up();
    ck_assert_int_eq(plait_local_set(&local, &local), 0);
    for (uintptr_t i = 1; i <= 10; i++)
        ck_assert_int_eq(plait_start(NULL, carrier, keep_apart, (void *)i, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_ptr_eq(plait_local_get(&local), &local);
    ck_assert_int_eq(*destroyed, 55);
    ck_assert_int_eq(plait_local_set(&local, NULL), 0);
}

TEST(plain_threads_have_theirs)
{
    set_up();
    crew_run(0, 4, keep_apart, (void *)5);
    ck_assert_int_eq(*destroyed, 20);
}

static int take_away(void *arg)
{
    need(plait_local_set(&local, arg) == 0);
    need(plait_local_set(&other, arg) == 0);
    need(plait_local_set(&local, NULL) == 0);
    need(plait_local_get(&local) == NULL);
    return 0;
}

TEST_CARRIERS(what_was_taken_away_is_not_destroyed)
{
    set_up();
    ck_assert_int_eq(plait_start(NULL, carrier, take_away, (void *)3, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(*destroyed, 3);
}

/* ---- rounds */

static void set_again(void *value)
{
    count(value);
    need(plait_local_set(&local, value) == 0);
}

static int set_once(void *arg)
{
    return plait_local_set(&local, arg);
}

TEST_CARRIERS(destructors_run_four_rounds)
{
    set_up();
    local.destroy = set_again;
    ck_assert_int_eq(plait_start(NULL, carrier, set_once, (void *)1, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(*destroyed, 4);
}

static plait_local many[1100];

/* With numbers beyond what the task has room for: its array is replaced while it is looked
 * through. */
static void set_others(void *value)
{
    count(value);
    for (int i = 0; i < 100; i++)
        need(plait_local_set(&many[i], (void *)1) == 0);
}

TEST_CARRIERS(destructors_may_set_others)
{
    set_up();
    local.destroy = set_others;
    for (int i = 0; i < 100; i++)
        many[i].destroy = count;
    ck_assert_int_eq(plait_start(NULL, carrier, set_once, (void *)1, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(*destroyed, 1 + 100);
}

/* ---- limits and misuse */

TEST(a_thousand_and_twenty_four)
{
    int set = 0;
    while (set < 1100 && plait_local_set(&many[set], &many[set]) == 0)
        set++;
    ck_assert_int_eq(set, 1024);
    ck_assert_int_eq(plait_local_set(&many[1050], &set), -ENOSPC);
    ck_assert_ptr_null(plait_local_get(&many[1050]));
    for (int i = 0; i < 1024; i++)
        ck_assert_ptr_eq(plait_local_get(&many[i]), &many[i]);
}

static void get(void *arg)
{
    (void)plait_local_get(arg);
}

static void set(void *arg)
{
    (void)!plait_local_set(arg, NULL);
}

TEST_LABELED(what_is_no_local_is_refused, "process")
{
    plait_local garbage;
    memset(&garbage, 0xa5, sizeof garbage);
    harness_dies(get, &garbage, "not a plait_local that was zero at first");
    harness_dies(set, &garbage, "not a plait_local that was zero at first");
    harness_dies(get, NULL, "not a plait_local");
    harness_dies(set, NULL, "not a plait_local");
}

/* ---- forks */

static void look_in_child(void *arg)
{
    need(plait_local_get(&local) == arg);
    need(plait_local_set(&other, arg) == 0);
    _exit(0); /* LeakSanitizer does not see what other threads' stacks held in the parent */
}

static int set_and_fork(void *arg)
{
    char text[1024];
    need(plait_local_set(&local, arg) == 0);
    ck_assert_msg(harness_fork(look_in_child, arg, text, sizeof text) == 0, "%s", text);
    return 0;
}

TEST_LIGHT(a_child_has_what_the_forker_had)
{
    set_up();
    ck_assert_int_eq(plait_start(NULL, carrier, set_and_fork, (void *)1, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(*destroyed, 1);
}

/* ---- inheritance */
static plait_local inherited, later;
static int order[8], orders, refuses;

static void *one_more(void *value)
{
    if (orders < 8)
        order[orders++] = 1;
    need(plait_local_get(&inherited) == value); /* the starter runs it */
    return refuses ? NULL : (char *)value + 1;
}

static void *later_one(void *value)
{
    if (orders < 8)
        order[orders++] = 2;
    return value;
}

static int has_inherited(void *arg)
{
    need(plait_local_get(&inherited) == arg);
    return 0;
}

static int hands_on(void *arg)
{
    need(plait_local_get(&inherited) == arg);
    need(plait_start(NULL, PLAIT_COROUTINE, has_inherited, (char *)arg + 1, NULL) == 0);
    need(plait_join_all(PLAIT_NEVER) == 0);
    return 0;
}

static void set_up_inheritance(void)
{
    set_up();
    inherited = (plait_local){.destroy = count, .inherit = one_more};
    later = (plait_local){.inherit = later_one};
}

TEST_CARRIERS(a_task_inherits_its_starters_values)
{
    set_up_inheritance();
    ck_assert_int_eq(plait_start(NULL, carrier, has_inherited, NULL, NULL), 0); /* none yet */
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(orders, 0);
    ck_assert_int_eq(plait_local_set(&inherited, (void *)10), 0);
    ck_assert_int_eq(plait_local_set(&later, (void *)1), 0);
    ck_assert_int_eq(plait_local_set(&local, (void *)100), 0); /* is not inherited */
    ck_assert_int_eq(plait_start(NULL, carrier, hands_on, (void *)11, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    /* each task destroys its own at its end; of a process' the starter has had a copy as well */
    ck_assert_int_eq(*destroyed, 11 + 12 + (carrier == PLAIT_PROCESS ? 11 : 0));
    ck_assert_ptr_eq(plait_local_get(&inherited), (void *)10);
    ck_assert_int_ge(orders, 2);
    for (int i = 0; i < orders; i++)
        ck_assert_int_eq(order[i], i % 2 + 1); /* as they were first used */
    ck_assert_int_eq(plait_local_set(&inherited, NULL), 0);
    ck_assert_int_eq(plait_local_set(&local, NULL), 0);
}

TEST_CARRIERS(null_is_no_inheritance)
{
    set_up_inheritance();
    refuses = 1;
    ck_assert_int_eq(plait_local_set(&inherited, (void *)10), 0);
    ck_assert_int_eq(plait_start(NULL, carrier, has_inherited, NULL, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(*destroyed, 0);
    ck_assert_int_eq(plait_local_set(&inherited, NULL), 0);
}

TEST(a_start_that_fails_destroys_what_was_inherited)
{
    plait_task *task = (plait_task *)1;
    set_up_inheritance();
    ck_assert_int_eq(plait_local_set(&inherited, (void *)10), 0);
    ck_assert_int_lt(plait_start(&task, PLAIT_THREAD, has_inherited, NULL,
                                 &(plait_start_options){.stack = (size_t)1 << 40}),
                     0);
    ck_assert_ptr_null(task);
    ck_assert_int_eq(*destroyed, 11);
    ck_assert_int_eq(plait_local_set(&inherited, NULL), 0);
}

static int plain_has_none(void *arg)
{
    need(plait_local_get(&inherited) == NULL);
    return 0;
}

TEST(plain_threads_inherit_nothing)
{
    set_up_inheritance();
    ck_assert_int_eq(plait_local_set(&inherited, (void *)10), 0);
    crew_run(0, 2, plain_has_none, NULL);
    ck_assert_int_eq(plait_local_set(&inherited, NULL), 0);
}

TEST(the_last_of_a_thousand_is_inherited)
{
    static plait_local crowd[1000];
    set_up_inheritance();
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(plait_local_set(&crowd[i], &crowd[i]), 0);
    ck_assert_int_eq(plait_local_set(&inherited, (void *)10), 0);
    ck_assert_int_eq(plait_start(NULL, PLAIT_COROUTINE, has_inherited, (void *)11, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_local_set(&inherited, NULL), 0);
}
