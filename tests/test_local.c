/* Values of a task's own: apart for each task, destroyed at the end on each carrier, four rounds, 1,024 of them. */
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

/* With numbers beyond what the task has room for: its array is replaced while it is looked through. */
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
