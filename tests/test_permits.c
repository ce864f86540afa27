/* Permits, private and shared: all or none, holders, and what comes back from the dead. Kills at
 * each single instruction are tests/kill's. */
#include "children.h"

static plait_permits *permits;
static int deaths, back;
static struct common {
    int inside, taken, stop, sum;
} * common;

static void note_death(int units, void *arg)
{
    need(arg == &deaths);
    deaths++;
    back += units;
}

static void open_shared(int units)
{
    const plait_permits_options options = {
        .where = PLAIT_SHARED, .on_death = note_death, .arg = &deaths};
    common = plait_share(sizeof *common);
    permits = plait_permits_open(units, &options);
    ck_assert_ptr_nonnull(common);
    ck_assert_ptr_nonnull(permits);
}

static void close_shared(void)
{
    plait_permits_free(permits);
    plait_share_free(common);
}

static int take(int units)
{
    return plait_permits_acquire(permits, units, PLAIT_NOW);
}

TEST(what_cannot_be_is_refused)
{
    const int wrong[] = {0, -1, 121, 1 << 30};
    for (int i = 0; i < 4; i++) {
        errno = 0;
        ck_assert_ptr_null(plait_permits_open(wrong[i], NULL));
        ck_assert_int_eq(errno, EINVAL);
    }
    plait_permits_options newer = {.reserved = {&newer}};
    ck_assert_ptr_null(plait_permits_open(1, &newer));
    ck_assert_int_eq(errno, EINVAL);
    permits = plait_permits_open(3, NULL);
    ck_assert_int_eq(take(0), -EINVAL);
    ck_assert_int_eq(take(-1), -EINVAL);
    ck_assert_int_eq(take(4), -EINVAL);
    plait_permits_free(permits);
    plait_permits_free(NULL);
}

static void all_or_none(int where)
{
    const plait_permits_options options = {.where = (plait_where)where, .name = "readers"};
    permits = plait_permits_open(120, &options);
    ck_assert_ptr_nonnull(permits);
    ck_assert_int_eq(take(100), 0);
    ck_assert_int_eq(take(21), -EAGAIN);
    ck_assert_int_eq(plait_permits_acquire(permits, 21, plait_after(PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    ck_assert_int_eq(take(20), 0);
    ck_assert_int_eq(take(1), -EAGAIN);
    plait_permits_release(permits, 1);
    ck_assert_int_eq(take(1), 0);
    plait_permits_release(permits, 120);
    ck_assert_int_eq(take(120), 0);
    plait_permits_release(permits, 60);
    plait_permits_release(permits, 60);
    plait_permits_free(permits);
}

TEST(units_are_taken_all_or_none)
{
    all_or_none(PLAIT_PRIVATE);
    all_or_none(PLAIT_SHARED);
}

static int eat(void *arg)
{
    for (int i = 0; i < 30; i++) {
        int units = 1 + i % 3;
        need(plait_permits_acquire(permits, units, PLAIT_NEVER) == 0);
        need(__atomic_add_fetch(&common->inside, units, __ATOMIC_SEQ_CST) <= 3);
        plait_sleep(plait_after(30 * PLAIT_MICROSECOND));
        __atomic_sub_fetch(&common->inside, units, __ATOMIC_SEQ_CST);
        plait_permits_release(permits, units);
    }
    return 0;
}

TEST_CARRIERS(never_more_than_three_inside)
{
    open_shared(3);
    crew_run(carrier, 5, eat, NULL);
    ck_assert_int_eq(take(3), 0);
    plait_permits_release(permits, 3);
    ck_assert_int_eq(deaths, 0);
    close_shared();
}

TEST_LABELED(never_more_than_three_inside_of_all_carriers, "process")
{
    struct crew crew = {.count = 0};
    open_shared(3);
    crew_start(&crew, PLAIT_PROCESS, 3, eat, NULL);
    crew_start(&crew, CREW_MIXED, 3, eat, NULL);
    crew_join(&crew);
    close_shared();
}

TEST_CREW(private_ones_serve_all_carriers)
{
    common = plait_share(sizeof *common);
    permits = plait_permits_open(3, NULL);
    crew_run(carrier, 5, eat, NULL);
    close_shared();
}

static int wait_for_cancel(void *arg)
{
    return plait_permits_acquire(permits, 2, PLAIT_NEVER) == -ECANCELED ? 0 : 1;
}

TEST_LIGHT(a_cancel_ends_the_wait_and_leaves_nothing)
{
    open_shared(2);
    ck_assert_int_eq(take(1), 0);
    for (int i = 0; i < 10; i++) {
        plait_task *task;
        int status;
        ck_assert_int_eq(plait_start(&task, carrier, wait_for_cancel, NULL, NULL), 0);
        plait_sleep(plait_after((i % 4) * PLAIT_MILLISECOND));
        plait_cancel(task);
        ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(take(1), 0); /* nothing is put by any more */
        plait_permits_release(permits, 1);
    }
    plait_permits_release(permits, 1);
    close_shared();
}

/* ---- the dead */

static int hold(void *units)
{
    return take(*(int *)units);
}

static int take_and_count(void *units)
{
    need(plait_permits_acquire(permits, *(int *)units, PLAIT_NEVER) == 0);
    __atomic_add_fetch(&common->taken, 1, __ATOMIC_SEQ_CST);
    plait_permits_release(permits, *(int *)units);
    return 0;
}

TEST_CREW(a_dead_holders_units_come_back)
{
    int two = 2;
    open_shared(3);
    for (int i = 1; i <= 5; i++) {
        struct crew crew = {.count = 0};
        pid_t holder = child_that(hold, &two);
        crew_start(&crew, carrier, 1, take_and_count, &two);
        plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
        ck_assert_int_eq(__atomic_load_n(&common->taken, __ATOMIC_SEQ_CST), i - 1);
        kill_child(holder);
        crew_join(&crew);
        ck_assert_int_eq(take(3), 0);
        plait_permits_release(permits, 3);
        ck_assert_int_eq(back, 2 * i);
    }
    ck_assert_int_le(deaths, 10);
    close_shared();
}

TEST_LABELED(more_holders_than_the_kernel_tells_of, "process")
{
    int most = 100, more = 60;
    struct crew crew = {.count = 0};
    open_shared(120);
    pid_t holder = child_that(hold, &most);
    crew_start(&crew, CREW_MIXED, 3, take_and_count, &more);
    plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
    kill_child(holder);
    crew_join(&crew);
    ck_assert_int_eq(take(120), 0);
    plait_permits_release(permits, 120);
    ck_assert_int_eq(back, 100);
    close_shared();
}

static int end_with(void *units)
{
    need(plait_permits_acquire(permits, *(int *)units, PLAIT_NEVER) == 0);
    return 0;
}

TEST_CARRIERS(the_end_of_a_task_is_a_death)
{
    int two = 2;
    open_shared(3);
    for (int i = 1; i <= 3; i++) {
        crew_run(carrier, 1, end_with, &two);
        ck_assert_int_eq(plait_permits_acquire(permits, 3, plait_after(PLAIT_SECOND)), 0);
        plait_permits_release(permits, 3);
        ck_assert_int_eq(back, 2 * i);
    }
    close_shared();
}

static int wait_for_three(void *unused)
{
    return plait_permits_acquire(permits, 3, PLAIT_NEVER);
}

TEST_LABELED(a_dead_front_lets_the_next_one_go, "process")
{
    int one = 1;
    open_shared(3);
    ck_assert_int_eq(take(1), 0);
    pid_t front = child_in(wait_for_three, NULL);
    BEFORE_LONG(take(1) == -EAGAIN || (plait_permits_release(permits, 1), false));
    kill_child(front);
    crew_run(CREW_MIXED, 3, take_and_count, &one);
    plait_permits_release(permits, 1);
    close_shared();
}

static int struggle(void *unused)
{
    unsigned random = (unsigned)getpid() + (unsigned)(uintptr_t)&random;
    for (;;) {
        int units = 1 + (int)(crew_random(&random) % 3);
        int rc = plait_permits_acquire(permits, units,
                                       plait_after((int64_t)(crew_random(&random) % 4000) * 1000));
        if (rc != 0 && rc != -ETIMEDOUT)
            abort();
        __atomic_add_fetch(&common->sum, 1, __ATOMIC_RELAXED);
        if (rc == 0)
            plait_permits_release(permits, units);
    }
    return 0;
}

/* At the end all units are there, however many died with some. */
static void soak(int kills)
{
    enum { CHILDREN = 3, UNITS = 4 };
    pid_t children[CHILDREN];
    unsigned random = 9;
    open_shared(UNITS);
    for (int i = 0; i < CHILDREN; i++)
        children[i] = child_working(struggle, 2);
    for (int i = 0; i < kills; i++) {
        int one = (int)(crew_random(&random) % CHILDREN);
        usleep(crew_random(&random) % 2000);
        if (i % 3 == 0) {
            stop_child(children[one]);
            usleep(crew_random(&random) % 2000);
        }
        kill_child(children[one]);
        children[one] = child_working(struggle, 2);
        int before = __atomic_load_n(&common->sum, __ATOMIC_RELAXED);
        BEFORE_LONG(__atomic_load_n(&common->sum, __ATOMIC_RELAXED) > before + 10);
    }
    for (int i = 0; i < CHILDREN; i++)
        kill_child(children[i]);
    ck_assert_int_eq(plait_permits_acquire(permits, UNITS, plait_after(PLAIT_SECOND)), 0);
    plait_permits_release(permits, UNITS);
    close_shared();
}

TEST_LABELED(kills_and_stops_at_random_moments, "process")
{
    soak(40);
}

TEST_LABELED(many_kills_and_stops, "process long")
{
    soak(2000);
}

/* ---- names, misuse */

static int attach(void *url)
{
    const plait_permits_options options = {.url = url};
    plait_permits *mine = plait_permits_open(2, &options);
    if (!mine || plait_permits_acquire(mine, 1, PLAIT_NOW) != 0)
        return 1;
    kill(getpid(), SIGKILL);
    return 2;
}

TEST_LABELED(unrelated_processes_meet_by_name, "process")
{
    char url[64];
    snprintf(url, sizeof url, "shm:test-permits-%d", (int)getpid());
    const plait_permits_options options = {.url = url, .on_death = note_death, .arg = &deaths};
    permits = plait_permits_open(2, &options);
    ck_assert_ptr_nonnull(permits);
    ck_assert_ptr_null(plait_permits_open(3, &options));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    ck_assert_int_eq(child_status(child_in(attach, url)), -1);
    ck_assert_int_eq(plait_permits_acquire(permits, 2, plait_after(PLAIT_SECOND)), 0);
    ck_assert_int_eq(back, 1);
    plait_permits_release(permits, 2);
    plait_permits_free(permits);
}

static void release_one(void *arg)
{
    plait_permits_release(permits, 1);
}

static void release_none(void *arg)
{
    plait_permits_release(permits, 0);
}

static void free_held(void *arg)
{
    if (take(1) == 0)
        plait_permits_free(permits);
}

static void use(void *arg)
{
    (void)!plait_permits_acquire(arg, 1, PLAIT_NOW);
}

TEST_LABELED(misuse_stops_the_program_with_a_name, "process")
{
    uint64_t garbage[8] = {7};
    open_shared(2);
    ck_assert_int_eq(take(1), 0);
    harness_dies(release_one, NULL, "releases 1 units, and holds 0"); /* in the child: a parent's */
    plait_permits_release(permits, 1);
    harness_dies(release_none, NULL, "releases 0 units");
    harness_dies(free_held, NULL, "while this thread holds units");
    harness_dies(use, garbage, "no permits, or freed before");
    harness_dies(use, NULL, "no permits");
    plait_permits *private = plait_permits_open(1, NULL);
    harness_dies(use, private, "of the parent");
    plait_permits_free(private);
    close_shared();
}
