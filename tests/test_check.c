/* Checked mode: orders of locks that were ever the reverse of each other are told though nobody
 * hangs, and locks that are forgotten. And what it must not tell. */
#include "crew.h"
#include "reports.h"

#include <sys/wait.h>
#include <time.h>

__attribute__((constructor)) static void checked(void)
{
    setenv("PLAIT_CHECK", "1", 1);
    unsetenv("PLAIT_DEADLOCK");
}

static plait_lock a, b, c;
static plait_rlock again;
static plait_rwlock pages;

static void name_all(void)
{
    plait_name(&a, "a");
    plait_name(&b, "b");
    plait_name(&c, "c");
    plait_name(&again, "again");
    plait_name(&pages, "pages");
    reports_begin();
}

static void told(int count)
{
    ck_assert_msg(reports_of(PLAIT_REPORT_ORDER) == count, "%d, not %d: %s",
                  reports_of(PLAIT_REPORT_ORDER), count, reports.text);
}

static int nest(void *pair)
{
    plait_lock **locks = pair;
    plait_with (locks[0])
        plait_with (locks[1])
            ;
    return 0;
}

/* One after the other, so that it could never hang. */
static void run_nested(plait_carrier carrier, const char *name, plait_lock *outer,
                       plait_lock *inner)
{
    plait_lock *pair[] = {outer, inner};
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, carrier, nest, pair, &(plait_start_options){.name = name}),
                     0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
}

TEST_LIGHT(a_reversed_order_is_told_though_nobody_hangs)
{
    name_all();
    run_nested(carrier, "first", &a, &b);
    told(0);
    run_nested(carrier, "second", &b, &a);
    told(1);
    static const char *const says[] = {
        "'second' takes lock a at ", "while it holds lock b, taken at ",
        "earlier 'first' took lock b at ", "while it held lock a, taken at ", "test_check"};
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        ck_assert_msg(strstr(reports.text, says[i]), "no \"%s\" in: %s", says[i], reports.text);
}

TEST(each_pair_is_told_once)
{
    name_all();
    for (int i = 0; i < 10; i++) {
        run_nested(PLAIT_THREAD, "first", &a, &b);
        run_nested(PLAIT_COROUTINE, "second", &b, &a);
    }
    told(1);
}

TEST(a_circle_of_three_is_told_with_all_its_steps)
{
    name_all();
    run_nested(PLAIT_THREAD, "one", &a, &b);
    run_nested(PLAIT_COROUTINE, "two", &b, &c);
    told(0);
    run_nested(PLAIT_THREAD, "three", &c, &a);
    told(1);
    ck_assert_ptr_nonnull(strstr(reports.text, "'three' takes lock a"));
    ck_assert_ptr_nonnull(strstr(reports.text, "'two' took lock c"));
    ck_assert_ptr_nonnull(strstr(reports.text, "'one' took lock b"));
}

static void try_inside(plait_lock *outer, plait_lock *inner)
{
    plait_with (outer) {
        ck_assert_int_eq(plait_lock_acquire(inner, PLAIT_NOW), 0);
        plait_lock_release(inner);
    }
}

TEST(a_try_makes_no_order)
{
    name_all();
    try_inside(&a, &b);
    try_inside(&b, &a);
    run_nested(PLAIT_THREAD, "one", &a, &b);
    try_inside(&b, &a);
    told(0);
}

TEST(what_a_try_took_is_held_all_the_same)
{
    name_all();
    run_nested(PLAIT_THREAD, "one", &a, &b);
    ck_assert_int_eq(plait_lock_acquire(&b, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_lock_acquire(&a, PLAIT_NEVER), 0);
    told(1);
    plait_lock_release(&a);
    plait_lock_release(&b);
}

TEST(the_locks_of_a_set_have_no_order)
{
    plait_lock *one[] = {&a, &b}, *two[] = {&b, &a};
    name_all();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(plait_locks_acquire(i ? two : one, 2, PLAIT_NEVER), 0);
        plait_locks_release(one, 2);
    }
    told(0);
    plait_with (&c) {
        ck_assert_int_eq(plait_locks_acquire(one, 2, PLAIT_NEVER), 0);
        plait_locks_release(one, 2);
    }
    told(0);
    run_nested(PLAIT_THREAD, "other", &b, &c);
    told(1);
}

TEST(re_entrant_and_reader_writer_locks_are_in_the_order)
{
    name_all();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(plait_rlock_acquire(&again, PLAIT_NEVER), 0);
        plait_with (&a)
            ;
    }
    plait_rlock_release(&again);
    plait_rlock_release(&again);
    told(0);
    plait_with (&a)
        plait_with (&again)
            ;
    told(1);
    ck_assert_int_eq(plait_rwlock_acquire_read(&pages, PLAIT_NEVER), 0);
    plait_with (&b)
        ;
    plait_rwlock_release(&pages);
    plait_with (&b) {
        ck_assert_int_eq(plait_rwlock_acquire_write(&pages, PLAIT_NEVER), 0);
        plait_rwlock_release(&pages);
    }
    told(2);
    ck_assert_ptr_nonnull(strstr(reports.text, "rwlock pages"));
}

/* ---- classes */

enum { MANY = 100 };
static plait_lock accounts[MANY], books[MANY];

static void initialise(void)
{
    for (int i = 0; i < MANY; i++)
        plait_lock_init(&accounts[i], PLAIT_PRIVATE);
    for (int i = 0; i < MANY; i++)
        plait_lock_init(&books[i], PLAIT_PRIVATE);
}

TEST(locks_initialised_at_one_place_are_one_class)
{
    name_all();
    initialise();
    run_nested(PLAIT_THREAD, "one", &accounts[3], &books[5]);
    run_nested(PLAIT_THREAD, "two", &accounts[1], &books[2]);
    told(0);
    run_nested(PLAIT_THREAD, "three", &books[7], &accounts[9]);
    told(1);
}

TEST(within_a_class_each_lock_has_its_own_order)
{
    name_all();
    initialise();
    for (int i = 0; i < MANY; i++)
        for (int k = i + 1; k < MANY; k += 7)
            plait_with (&accounts[i])
                plait_with (&accounts[k])
                    ;
    told(0);
    plait_with (&accounts[8])
        plait_with (&accounts[1])
            ;
    told(1);
}

/* In order of address, as S4-DL's notes do it: first used here and there, and never told of. */
TEST(zeroed_locks_in_order_of_address_are_in_order)
{
    static plait_lock rows[100];
    unsigned random = 1;
    name_all();
    for (int i = 0; i < 5000; i++) {
        unsigned one = (random = random * 1103515245 + 12345) >> 16 & 0x7fff;
        unsigned two = (random = random * 1103515245 + 12345) >> 16 & 0x7fff;
        plait_lock *low = &rows[one % 100], *high = &rows[two % 100];
        if (low == high)
            continue;
        plait_with (low < high ? low : high)
            plait_with (low < high ? high : low)
                ;
    }
    told(0);
}

/* The allocator gives the same memory again at once, with the two in the other order. */
TEST(memory_that_was_a_lock_before_is_another_lock)
{
    name_all();
    for (int i = 0; i < 20000; i++) {
        plait_lock *two = calloc(2, sizeof *two);
        plait_with (&two[i % 2])
            plait_with (&two[(i + 1) % 2])
                ;
        free(two);
    }
    told(0);
}

/* More than the book has room for: what is lost is a finding, never a wrong one. */
TEST(a_million_locks_are_checked_in_bounded_memory)
{
    enum { COUNT = 50000 };
    plait_lock *all = calloc(COUNT, sizeof *all);
    name_all();
    for (int round = 0; round < 2; round++)
        for (int i = 0; i + 1 < COUNT; i++)
            plait_with (&all[i])
                plait_with (&all[i + 1])
                    ;
    told(0);
    plait_with (&all[11])
        plait_with (&all[10])
            ;
    for (int i = 0; i < 2; i++) /* and it still finds */
        run_nested(PLAIT_THREAD, "fresh", i ? &a : &b, i ? &b : &a);
    ck_assert_int_ge(reports_of(PLAIT_REPORT_ORDER), 1);
    free(all);
}

TEST(shared_locks_are_in_the_order)
{
    plait_lock *both = plait_share(2 * sizeof *both);
    ck_assert_ptr_nonnull(both);
    name_all();
    plait_lock_init(&both[0], PLAIT_SHARED);
    plait_lock_init(&both[1], PLAIT_SHARED);
    run_nested(PLAIT_THREAD, "one", &both[0], &both[1]);
    run_nested(PLAIT_THREAD, "two", &a, &both[0]);
    told(0);
    run_nested(PLAIT_THREAD, "three", &both[1], &both[0]);
    told(1);
    plait_share_free(both);
}

static plait_lock ladder[40];

static int climb(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed * 2654435761u + 1;
    for (int i = 0; i < 300; i++) {
        int held[5], count = 0;
        for (int step = 0; step < 40 && count < 5; step++)
            if ((random = random * 1103515245 + 12345) >> 28 == 0)
                plait_lock_acquire(&ladder[held[count++] = step], PLAIT_NEVER) ? abort() : (void)0;
        while (count-- > 0)
            plait_lock_release(&ladder[held[count]]);
    }
    return 0;
}

TEST(a_crew_that_climbs_in_order_is_not_told_of)
{
    struct crew crew = {.count = 0};
    name_all();
    for (int i = 0; i < 9; i++)
        crew_start(&crew, CREW_MIXED, 1, climb, (void *)(uintptr_t)i);
    crew_join(&crew);
    told(0);
}

/* More at once than a task's list has room for: the rest is not checked, and nothing breaks. */
TEST(forty_locks_at_once)
{
    name_all();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 40; i++)
            ck_assert_int_eq(plait_lock_acquire(&ladder[i], PLAIT_NEVER), 0);
        for (int i = 0; i < 40; i++)
            plait_lock_release(&ladder[round % 2 ? i : 39 - i]);
    }
    told(0);
}

/* ---- forgotten locks */

static int forget(void *lock)
{
    return plait_lock_acquire(lock, PLAIT_NEVER);
}

static void forget_in_thread(void *carrier)
{
    plait_task *task;
    plait_name(&a, "till");
    if (plait_start(&task, *(plait_carrier *)carrier, forget, &a,
                    &(plait_start_options){.name = "clerk"}) == 0)
        plait_join(task, NULL, PLAIT_NEVER);
}

TEST_LABELED(a_lock_held_at_the_end_of_a_task_is_misuse, "process")
{
    plait_carrier carriers[] = {PLAIT_THREAD, PLAIT_COROUTINE};
    for (int i = 0; i < 2; i++)
        harness_dies(forget_in_thread, &carriers[i],
                     "lock till: still held at the end of 'clerk', taken at ");
}

static void *forget_alone(void *lock)
{
    forget(lock);
    return NULL;
}

static void forget_in_pthread(void *unused)
{
    pthread_t thread;
    plait_name(&a, "till");
    pthread_create(&thread, NULL, forget_alone, &a);
    pthread_join(thread, NULL);
}

TEST_LABELED(so_it_is_at_the_end_of_a_plain_pthread, "process")
{
    harness_dies(forget_in_pthread, NULL, "lock till: still held at the end of 'thread-");
}

static void take_twice(void *unused)
{
    plait_name(&a, "till");
    if (plait_lock_acquire(&a, PLAIT_NEVER) == 0)
        (void)!plait_lock_acquire(&a, PLAIT_NEVER);
}

TEST_LABELED(taking_it_twice_is_misuse, "process")
{
    harness_dies(take_twice, NULL, "lock till: taken twice by one task; held by main since ");
}

static int nap(void *unused)
{
    return nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int block_with_lock(void *unused)
{
    plait_with (&a)
        for (int i = 0; i < 3; i++)
            need(plait_blocking(nap, NULL) == 0);
    return 0;
}

TEST_LIGHT(a_lock_held_across_a_blocking_call_is_told_once)
{
    name_all();
    crew_run(carrier, 1, block_with_lock, NULL);
    ck_assert_int_eq(reports_of(PLAIT_REPORT_STUCK), 1);
    ck_assert_ptr_nonnull(strstr(reports.text, "holds lock a, taken at "));
}

static int compute_with_lock(void *unused)
{
    plait_with (&a)
        for (int64_t end = plait_after(PLAIT_SECOND / 2);
             plait_now() < end && !reports_of(PLAIT_REPORT_STUCK);)
            ;
    return 0;
}

TEST(who_sticks_a_worker_with_a_lock_is_told_with_it)
{
    name_all();
    crew_run(PLAIT_COROUTINE, 1, compute_with_lock, NULL);
    ck_assert_int_eq(reports_of(PLAIT_REPORT_STUCK), 1);
    ck_assert_ptr_nonnull(strstr(reports.text, "it holds lock a, taken at "));
}

static void child_reverses(void *unused)
{
    plait_on_report(NULL, NULL);
    plait_with (&b)
        plait_with (&a)
            ;
}

TEST_LABELED(a_child_goes_on_with_the_book, "process")
{
    char text[1024];
    name_all();
    run_nested(PLAIT_THREAD, "parent's", &a, &b);
    ck_assert_int_eq(harness_fork(child_reverses, NULL, text, sizeof text), 0);
    ck_assert_msg(strstr(text, "'parent's' took lock b"), "%s", text);
    told(0);
}

static plait_held outer, inner;

static void take_both(void)
{
    outer = plait_lock_hold(&a);
    inner = plait_lock_hold(&b);
}

static void release_both(void)
{
    plait_held_end(&inner);
    plait_held_end(&outer);
}

static void do_nothing(void *unused)
{
}

/* They came before the first lock; and the order of theirs is not in the book yet. */
TEST_LABELED(the_programs_own_fork_handlers_may_take_locks, "process")
{
    char text[1024];
    ck_assert_int_eq(pthread_atfork(take_both, release_both, release_both), 0);
    name_all();
    run_nested(PLAIT_THREAD, "before", &a, &c);
    ck_assert_int_eq(harness_fork(do_nothing, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "");
    told(0);
}
