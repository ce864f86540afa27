/* Latches in shared memory: a 0 is told to all who waited, whoever is killed. */
#include "shared_storm.h"

#include "wait/robust.h"

#include <limits.h>

static struct common {
    plait_latch latch, second;
    plait_value round; /* of the storm */
    long woken;
} * common;

static void open_common(int count)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    plait_latch_init(&common->latch, count, PLAIT_SHARED);
    plait_latch_init(&common->second, 0, PLAIT_SHARED);
    plait_value_init(&common->round, PLAIT_SHARED);
}

/* ---- alone */

TEST(a_shared_latch_does_what_a_private_one_does)
{
    open_common(3);
    plait_latch *one = &common->latch;
    ck_assert_int_eq(plait_latch_count(one), 3);
    plait_latch_add(one, 2);
    plait_latch_add(one, -4);
    plait_latch_add(one, 0);
    ck_assert_int_eq(plait_latch_count(one), 1);
    ck_assert_int_eq(plait_latch_wait(one, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_latch_wait(one, plait_after(45 * PLAIT_MILLISECOND)), -ETIMEDOUT);
    for (int i = 0; i < 5; i++) {
        plait_latch_add(one, -1);
        ck_assert_int_eq(plait_latch_count(one), 0);
        ck_assert_int_eq(plait_latch_wait(one, PLAIT_NOW), 0);
        plait_latch_add(one, INT_MAX);
        ck_assert_int_eq(plait_latch_count(one), INT_MAX);
        plait_latch_add(one, 1 - INT_MAX);
        ck_assert_int_eq(plait_latch_wait(one, plait_now() - 1), -ETIMEDOUT);
    }
    ck_assert_ptr_null(*robust_here()->pending);
    plait_share_free(common);
}

static void too_low(void *unused)
{
    plait_latch_add(&common->latch, -4);
}

static void too_high(void *unused)
{
    plait_latch_add(&common->latch, INT_MAX);
}

static void negative(void *unused)
{
    plait_latch_init(&common->second, -1, PLAIT_SHARED);
}

TEST_LABELED(counts_that_cannot_be_are_refused, "process")
{
    open_common(3);
    harness_dies(too_low, NULL, "counted down by 4, but only 3 are left");
    harness_dies(too_high, NULL, "are too many");
    harness_dies(negative, NULL, "a count of -1");
    plait_share_free(common);
}

static int wait_until_canceled(void *unused)
{
    return plait_latch_wait(&common->latch, PLAIT_NEVER) == -ECANCELED ? 0 : 1;
}

TEST_LIGHT(cancel_ends_the_wait)
{
    struct crew crew = {.count = 0};
    open_common(1);
    crew_start(&crew, carrier, 3, wait_until_canceled, NULL);
    plait_sleep(plait_after(3 * PLAIT_MILLISECOND));
    for (int i = 0; i < 3; i++)
        plait_cancel(crew.task[i]);
    crew_join(&crew);
    plait_share_free(common);
}

/* ---- between processes */

static int wait_for_zero(void *unused)
{
    need(plait_latch_wait(&common->latch, PLAIT_NEVER) == 0);
    __atomic_add_fetch(&common->woken, 1, __ATOMIC_RELAXED);
    return 0;
}

static int wait_in_crew(void *unused)
{
    crew_run(CREW_MIXED, 6, wait_for_zero, NULL);
    return 0;
}

TEST_LABELED(all_processes_wait_for_the_last_one, "process")
{
    struct crew crew = {.count = 0};
    open_common(3);
    crew_start(&crew, PLAIT_PROCESS, 3, wait_in_crew, NULL);
    plait_sleep(plait_after(20 * PLAIT_MILLISECOND));
    plait_latch_add(&common->latch, -2);
    plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
    ck_assert_int_eq(common->woken, 0);
    plait_latch_add(&common->latch, -1);
    crew_join(&crew);
    ck_assert_int_eq(common->woken, 18);
    plait_share_free(common);
}

/* Down and up again, any number of times, before a woken one can look. */
TEST_CREW(a_latch_raised_again_holds_nobody_back)
{
    open_common(1);
    for (int i = 0; i < 60; i++) {
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 3, wait_for_zero, NULL);
        if (i % 2)
            plait_sleep(plait_after(PLAIT_MILLISECOND));
        for (int down = 0; down < 1 + i % 5 || common->woken < 3 * (i + 1); down++) {
            plait_latch_add(&common->latch, -1);
            plait_latch_add(&common->latch, 1);
            if (i % 2 == 0)
                plait_yield();
        }
        crew_join(&crew);
    }
    plait_share_free(common);
}

static void die_counting(void)
{
    plait_latch_add(&common->latch, 1);
    kill(getpid(), SIGKILL);
}

TEST_LABELED(who_dies_without_counting_down_is_not_noticed, "process")
{
    open_common(0);
    pid_t pid = fork();
    if (pid == 0)
        die_counting();
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_int_eq(plait_latch_wait(&common->latch, plait_after(30 * PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    plait_latch_add(&common->latch, -1);
    ck_assert_int_eq(plait_latch_wait(&common->latch, PLAIT_NOW), 0);
    plait_share_free(common);
}

/* ---- kills: two latches in turn up and down by whoever comes; who sleeps must be told in time */

static void raise_lower_or_wait(unsigned *random)
{
    plait_latch *latch = crew_random(random) % 2 ? &common->latch : &common->second;
    unsigned choice = crew_random(random) % 8;
    if (choice < 3) {
        int rc = plait_latch_wait(latch, shared_storm_deadline(random));
        need(rc == 0 || rc == -EAGAIN || rc == -ETIMEDOUT);
        return;
    }
    plait_latch_add(latch, 1);
    if (choice < 6)
        plait_yield();
    plait_latch_add(latch, -1);
}

static void be_killed(int kills)
{
    open_common(0);
    shared_storm(raise_lower_or_wait, NULL, 3, kills);
    int left = plait_latch_count(&common->latch);
    ck_assert_int_ge(left, 0); /* those who died inside: at most one for each task killed */
    ck_assert_int_le(left, kills * (SHARED_STORM_MEMBERS + 1));
    plait_latch_add(&common->latch, -left);
    ck_assert_int_eq(plait_latch_wait(&common->latch, PLAIT_NOW), 0);
    plait_share_free(common);
}

TEST_LABELED(kills_leave_a_latch_that_works, "process")
{
    be_killed(40);
}

TEST_LABELED(kills_leave_a_latch_that_works_long, "process long")
{
    be_killed(3000);
}

/* Rounds: each counter of a round is killed at some moment and its part is counted down by its
 * parent, which knows; all who wait must see the 0. */
static int be_a_part(void *unused)
{
    plait_latch_add(&common->latch, -1);
    for (;;)
        pause();
    return 0;
}

static int wait_many(void *unused)
{
    for (int64_t round = 1; round <= 30; round++) {
        while (plait_value_get(&common->round) < round)
            need(plait_value_wait(&common->round, round - 1, PLAIT_NEVER) == 0);
        need(plait_latch_wait(&common->latch, plait_after(20 * PLAIT_SECOND)) == 0);
        plait_latch_add(&common->second, -1);
    }
    return 0;
}

TEST_LABELED(a_zero_is_told_though_its_teller_is_killed, "process")
{
    struct crew crew = {.count = 0};
    unsigned random = 1;
    open_common(0);
    crew_start(&crew, CREW_MIXED, 6, wait_many, NULL);
    for (int64_t round = 1; round <= 30; round++) {
        plait_latch_add(&common->second, 6);
        plait_latch_add(&common->latch, 1);
        plait_value_set(&common->round, round);
        plait_sleep(plait_after(PLAIT_MILLISECOND));
        pid_t pid = fork();
        if (pid == 0)
            _exit(be_a_part(NULL));
        usleep(crew_random(&random) % 1024);
        kill(pid, SIGKILL);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        if (plait_latch_count(&common->latch))
            plait_latch_add(&common->latch, -1);
        ck_assert_int_eq(plait_latch_wait(&common->second, plait_after(20 * PLAIT_SECOND)), 0);
    }
    crew_join(&crew);
    plait_share_free(common);
}
