/* Values in shared memory: no change lost, no waiter forgotten, whoever is killed. */
#include "shared_storm.h"

#include "wait/robust.h"

enum { VALUES = 3 };
static struct common {
    plait_value values[VALUES], sum;
    int64_t begun[VALUES], done[VALUES];
    long halves_begun, halves_done;
    int ready;
} * common;

static void open_common(void)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    for (int i = 0; i < VALUES; i++)
        plait_value_init(&common->values[i], PLAIT_SHARED);
    plait_value_init(&common->sum, PLAIT_SHARED);
}

/* ---- alone */

TEST(a_shared_value_does_what_a_private_one_does)
{
    open_common();
    plait_value *one = common->values;
    int64_t seen = 1;
    ck_assert_int_eq(plait_value_get(one), 0);
    ck_assert_int_eq(plait_value_add(one, 5), 5);
    ck_assert(!plait_value_swap(one, &seen, 9));
    ck_assert_int_eq(seen, 5);
    ck_assert(plait_value_swap(one, &seen, -9));
    ck_assert_int_eq(plait_value_get(one), -9);
    plait_value_set_double(one, 0.25);
    ck_assert(plait_value_add_double(one, 0.5) == 0.75);
    ck_assert(plait_value_get_double(one) == 0.75);
    plait_value_set(one, 3);
    ck_assert_int_eq(plait_value_wait(one, 2, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_value_wait(one, 3, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_value_wait(one, 3, plait_after(45 * PLAIT_MILLISECOND)), -ETIMEDOUT);
    ck_assert_ptr_null(*robust_here()->pending);
    plait_share_free(common);
}

static int wait_until_canceled(void *arg)
{
    return plait_value_wait(arg, 0, PLAIT_NEVER) == -ECANCELED ? 0 : 1;
}

TEST_LIGHT(cancel_ends_the_wait)
{
    struct crew crew = {.count = 0};
    open_common();
    crew_start(&crew, carrier, 3, wait_until_canceled, &common->sum);
    plait_sleep(plait_after(3 * PLAIT_MILLISECOND));
    for (int i = 0; i < 3; i++)
        plait_cancel(crew.task[i]);
    crew_join(&crew);
    plait_share_free(common);
}

/* ---- between processes */

static int add_many(void *unused)
{
    for (int i = 0; i < 5000; i++) {
        plait_value_add(&common->sum, 1);
        plait_value_add_double(&common->values[0], 0.5);
    }
    return 0;
}

TEST_LABELED(no_add_is_lost_between_processes, "process")
{
    open_common();
    crew_run(PLAIT_PROCESS, 3, add_many, NULL);
    ck_assert_int_eq(plait_value_get(&common->sum), 15000);
    ck_assert(plait_value_get_double(&common->values[0]) == 7500.0);
    plait_share_free(common);
}

enum { STEPS = 60 };

static int follow(void *unused)
{
    for (int64_t seen = 0, end = STEPS * (INT64_C(1) << 32); seen != end;
         seen = plait_value_get(&common->sum))
        need(plait_value_wait(&common->sum, seen, PLAIT_NEVER) == 0);
    return 0;
}

static int follow_in_crew(void *unused)
{
    crew_run(CREW_MIXED, 6, follow, NULL);
    return 0;
}

/* The steps show in the upper half alone. */
TEST_LABELED(every_change_wakes_all_processes, "process")
{
    struct crew crew = {.count = 0};
    open_common();
    crew_start(&crew, PLAIT_PROCESS, 3, follow_in_crew, NULL);
    for (int i = 0; i < STEPS; i++) {
        plait_value_add(&common->sum, INT64_C(1) << 32);
        plait_sleep(plait_after(i % 4 * 500 * PLAIT_MICROSECOND));
    }
    crew_join(&crew);
    plait_share_free(common);
}

/* The patrol looks into words for dead holders; a number is none, whatever thread it names. */
static int wait_a_while(void *arg)
{
    need(plait_value_wait(arg, *(int64_t *)((char *)arg + 16), plait_after(60000000)) ==
         -ETIMEDOUT);
    return 0;
}

TEST_CREW(a_number_is_never_taken_for_a_holder)
{
    open_common();
    plait_value_set(&common->sum, 0x3ffffff1); /* the number of no thread */
    crew_run(carrier, 3, wait_a_while, &common->sum);
    ck_assert_int_eq(plait_value_get(&common->sum), 0x3ffffff1);
    plait_share_free(common);
}

/* ---- kills */

static void add_or_wait(unsigned *random)
{
    unsigned which = crew_random(random) % VALUES;
    plait_value *value = &common->values[which];
    int64_t seen = plait_value_get(value);
    if (crew_random(random) % 4 == 0) {
        bool patient = crew_random(random) % 2;
        int64_t deadline = patient ? plait_after(20 * PLAIT_SECOND) : shared_storm_deadline(random);
        int rc = plait_value_wait(value, seen, deadline);
        need(rc == 0 ? plait_value_get(value) != seen : !patient);
        need(rc == 0 || rc == -EAGAIN || rc == -ETIMEDOUT);
    } else {
        __atomic_add_fetch(&common->begun[which], 1, __ATOMIC_SEQ_CST);
        plait_value_add(value, 1);
        __atomic_add_fetch(&common->done[which], 1, __ATOMIC_SEQ_CST);
    }
}

static void change_all(void)
{
    for (int i = 0; i < VALUES; i++) {
        common->begun[i]++;
        plait_value_add(&common->values[i], 1);
        common->done[i]++;
    }
}

static void be_killed(int kills)
{
    open_common();
    shared_storm(add_or_wait, change_all, 3, kills);
    for (int i = 0; i < VALUES; i++) {
        ck_assert_int_le(common->done[i], plait_value_get(&common->values[i]));
        ck_assert_int_le(plait_value_get(&common->values[i]), common->begun[i]);
    }
    plait_share_free(common);
}

TEST_LABELED(kills_lose_no_change_and_no_waiter, "process")
{
    be_killed(40);
}

TEST_LABELED(kills_lose_no_change_and_no_waiter_long, "process long")
{
    be_killed(3000);
}
