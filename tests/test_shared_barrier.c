/* The barrier in shared memory: rounds of processes, and what becomes of them when a party dies.
 * Kills at each single instruction are tests/kill's; all orders of the steps are
 * tests/models/barrier.c's. */
#include "children.h"

static struct common {
    plait_barrier step;
    int came[64], rounds, acted, asleep;
    long sum;
} * common;

static void open_common(int parties)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    ck_assert_int_eq(plait_barrier_init(&common->step, parties, PLAIT_SHARED), 0);
}

static void close_common(void)
{
    plait_share_free(common);
}

static void elsewhere(void *arg)
{
    static plait_barrier barrier;
    (void)!plait_barrier_init(&barrier, 2, PLAIT_SHARED);
}

static void wait_on_none(void *arg)
{
    (void)!plait_barrier_wait(arg, PLAIT_NOW);
}

TEST_LABELED(parties_have_a_limit, "process")
{
    open_common(120);
    ck_assert_int_eq(plait_barrier_init(&common->step, 0, PLAIT_SHARED), -EINVAL);
    ck_assert_int_eq(plait_barrier_init(&common->step, 121, PLAIT_SHARED), -E2BIG);
    harness_dies(wait_on_none, &common->step, "never initialised");
    harness_dies(elsewhere, NULL, "outside of memory from plait_share");
    ck_assert_int_eq(plait_barrier_init(&common->step, 1, PLAIT_SHARED), 0);
    ck_assert_int_eq(plait_barrier_wait(&common->step, PLAIT_NOW), 0);
    close_common();
}

TEST(the_room_beside_is_used_again_and_ends)
{
    plait_barrier *many = plait_share(200 * sizeof *many);
    ck_assert_ptr_nonnull(many);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(plait_barrier_init(&many[0], 1 + i % 120, PLAIT_SHARED), 0);
    int rc = 0, i = 1;
    while (rc == 0 && i < 200)
        rc = plait_barrier_init(&many[i++], 120, PLAIT_SHARED);
    ck_assert_int_eq(rc, -ENOSPC);
    ck_assert_int_eq(plait_barrier_wait(&many[0], PLAIT_NOW), -EAGAIN);
    plait_share_free(many);
}

/* ---- in a segment, where what is kept of the parties has its room at the segment's beginning */

struct place {
    plait_barrier step;
    plait_barrier more[4];
};

static int prepare_place(void *memory, void *parties)
{
    return plait_barrier_init(&((struct place *)memory)->step, *(int *)parties, PLAIT_SHARED);
}

/* What a party is told, also one that is a new image. */
struct meeting {
    char name[80];
    int rounds;
};

static struct meeting meeting_of(int rounds)
{
    struct meeting meeting = {.rounds = rounds};
    snprintf(meeting.name, sizeof meeting.name, "%s", harness_name("test-barrier-s"));
    return meeting;
}

static plait_segment *place_open(const struct meeting *meeting, int parties)
{
    plait_segment_options options = {.prepare = prepare_place, .arg = &parties};
    plait_segment *segment = plait_segment_open(meeting->name, sizeof(struct place), &options);
    need(segment != NULL);
    return segment;
}

/* By the name, and so at an address of its own. */
static int meet_by_name(void *arg)
{
    const struct meeting *meeting = arg;
    plait_segment *segment = place_open(meeting, 2);
    struct place *place = plait_segment_memory(segment);
    int rc = 0;
    for (int i = 0; i < meeting->rounds && rc >= 0; i++)
        rc = plait_barrier_wait(&place->step, PLAIT_NEVER);
    plait_segment_free(segment);
    return rc < 0 ? rc : 0;
}

TEST_LABELED(parties_meet_in_a_segment, "process")
{
    struct meeting meeting = meeting_of(20);
    plait_segment *segment = place_open(&meeting, 2);
    struct place *place = plait_segment_memory(segment);
    const plait_carrier carriers[] = {PLAIT_THREAD, PLAIT_PROCESS, PLAIT_PROCESS};
    const plait_method methods[] = {0, PLAIT_FORK, PLAIT_SPAWN};
    for (int k = 0; k < 3; k++) {
        plait_task *task;
        int status = 1;
        plait_start_options options = {.method = methods[k],
                                       .arg_size = k == 2 ? sizeof meeting : 0};
        ck_assert_int_eq(plait_start(&task, carriers[k], meet_by_name, &meeting, &options), 0);
        for (int i = 0; i < meeting.rounds; i++)
            ck_assert_int_ge(plait_barrier_wait(&place->step, PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    plait_segment_free(segment);
}

TEST_LABELED(a_death_in_a_segment_breaks_the_round, "process")
{
    struct meeting meeting = meeting_of(1);
    plait_segment *segment = place_open(&meeting, 2);
    struct place *place = plait_segment_memory(segment);
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, meet_by_name, &meeting, NULL), 0);
    BEFORE_LONG(plait_barrier_waiting(&place->step) == 1);
    ck_assert_int_eq(plait_kill(task), 0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_barrier_wait(&place->step, PLAIT_NEVER), -EPIPE);
    plait_segment_free(segment);
}

TEST(the_room_in_a_segment_is_used_again_and_ends)
{
    struct meeting meeting = meeting_of(0);
    plait_segment *segment = place_open(&meeting, 40);
    struct place *place = plait_segment_memory(segment);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(plait_barrier_init(&place->more[0], 20 - i % 20, PLAIT_SHARED), 0);
    int rc = 0, i = 1;
    while (rc == 0 && i < 4)
        rc = plait_barrier_init(&place->more[i++], 100, PLAIT_SHARED);
    ck_assert_int_eq(rc, -ENOSPC);
    ck_assert_int_eq(plait_barrier_wait(&place->step, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_barrier_wait(&place->more[0], PLAIT_NOW), 0); /* it is one's own */
    plait_segment_free(segment);
}

/* A round of two, one of which is a loop. */
TEST(a_try_does_not_come)
{
    open_common(2);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_barrier_wait(&common->step, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_barrier_waiting(&common->step), 0);
    close_common();
}

enum { PARTIES = 4, ROUNDS = 100 };

/* Nobody is a round ahead or behind, and all numbers of a round differ. */
static int keep_step(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        int came = __atomic_add_fetch(&common->came[0], 1, __ATOMIC_SEQ_CST);
        need(came > i * PARTIES && came <= (i + 1) * PARTIES);
        int rc = plait_barrier_wait(&common->step, plait_after(20 * PLAIT_SECOND));
        need(rc >= 0 && rc < PARTIES);
        __atomic_add_fetch(&common->sum, 1L << (10 * rc), __ATOMIC_SEQ_CST);
        need(__atomic_load_n(&common->came[0], __ATOMIC_SEQ_CST) >= (i + 1) * PARTIES);
    }
    return 0;
}

static void check_numbers(void)
{
    for (int i = 0; i < PARTIES; i++)
        ck_assert_int_eq((common->sum >> (10 * i)) & 1023, ROUNDS);
    ck_assert_int_eq(plait_barrier_waiting(&common->step), 0);
}

TEST_CARRIERS(rounds_are_kept)
{
    open_common(PARTIES);
    crew_run(carrier, PARTIES, keep_step, NULL);
    check_numbers();
    close_common();
}

TEST_LABELED(rounds_are_kept_by_all_carriers, "process")
{
    struct crew crew = {.count = 0};
    open_common(PARTIES);
    crew_start(&crew, PLAIT_PROCESS, 2, keep_step, NULL);
    crew_start(&crew, PLAIT_THREAD, 1, keep_step, NULL);
    crew_start(&crew, PLAIT_COROUTINE, 1, keep_step, NULL);
    crew_join(&crew);
    check_numbers();
    close_common();
}

/* More tasks than parties: rounds of whoever comes. */
static int come_often(void *arg)
{
    int rc = 0;
    while (rc >= 0 && __atomic_add_fetch(&common->rounds, 1, __ATOMIC_SEQ_CST) < 300)
        rc = plait_barrier_wait(&common->step, plait_after(20 * PLAIT_SECOND));
    need(rc >= 0 || rc == -EPIPE);
    plait_barrier_abort(&common->step); /* for a last one without a partner */
    return 0;
}

TEST_CARRIERS(more_tasks_than_parties)
{
    open_common(2);
    crew_run(carrier, 8, come_often, NULL);
    ck_assert_int_eq(plait_barrier_waiting(&common->step), 0);
    ck_assert_int_ge(common->rounds, 290);
    close_common();
}

static void act(void *arg)
{
    need(plait_barrier_wait(&common->step, PLAIT_NEVER) == -EDEADLK);
    common->acted++;
    plait_sleep(plait_after(100 * PLAIT_MICROSECOND));
    common->rounds = common->acted;
}

static int see_action(void *arg)
{
    plait_barrier_action(&common->step, act, NULL);
    for (int i = 1; i <= 20; i++) {
        need(plait_barrier_wait(&common->step, plait_after(20 * PLAIT_SECOND)) >= 0);
        need(__atomic_load_n(&common->rounds, __ATOMIC_SEQ_CST) >= i);
    }
    return 0;
}

TEST_CARRIERS(the_last_one_runs_his_action)
{
    open_common(3);
    crew_run(carrier, 3, see_action, NULL);
    ck_assert_int_eq(common->acted, 20);
    close_common();
}

static int be_broken(void *arg)
{
    __atomic_add_fetch(&common->asleep, 1, __ATOMIC_SEQ_CST);
    int rc = plait_barrier_wait(&common->step, PLAIT_NEVER);
    return rc == -EPIPE ? 0 : 1;
}

static void await_parties(int count)
{
    BEFORE_LONG(plait_barrier_waiting(&common->step) == count);
}

TEST_CARRIERS(a_time_out_breaks_it)
{
    struct crew crew = {.count = 0};
    open_common(4);
    crew_start(&crew, carrier, 2, be_broken, NULL);
    await_parties(2);
    ck_assert_int_eq(plait_barrier_wait(&common->step, plait_after(PLAIT_MILLISECOND)), -ETIMEDOUT);
    crew_join(&crew);
    ck_assert_int_eq(plait_barrier_wait(&common->step, PLAIT_NEVER), -EPIPE);
    ck_assert_int_eq(plait_barrier_waiting(&common->step), 0);
    plait_barrier_reset(&common->step);
    crew_run(carrier, PARTIES, keep_step, NULL);
    close_common();
}

TEST_CARRIERS(abort_and_reset_end_all_waits)
{
    open_common(4);
    for (int i = 0; i < 6; i++) {
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 3, be_broken, NULL);
        await_parties(3);
        (i % 2 ? plait_barrier_abort : plait_barrier_reset)(&common->step);
        crew_join(&crew);
        if (i % 2)
            ck_assert_int_eq(plait_barrier_wait(&common->step, PLAIT_NEVER), -EPIPE);
        plait_barrier_reset(&common->step);
        ck_assert_int_eq(plait_barrier_wait(&common->step, PLAIT_NOW), -EAGAIN);
    }
    close_common();
}

static int be_canceled(void *arg)
{
    int rc = plait_barrier_wait(&common->step, PLAIT_NEVER);
    return rc == -ECANCELED ? 0 : 1;
}

TEST_LIGHT(a_cancel_breaks_it)
{
    open_common(3);
    for (int i = 0; i < 10; i++) {
        struct crew crew = {.count = 0};
        plait_task *task;
        int status;
        crew_start(&crew, carrier, 1, be_broken, NULL);
        await_parties(1);
        ck_assert_int_eq(plait_start(&task, carrier, be_canceled, NULL, NULL), 0);
        await_parties(2);
        plait_cancel(task);
        ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
        crew_join(&crew);
        plait_barrier_reset(&common->step);
    }
    close_common();
}

/* ---- the dead */

static int come(void *arg)
{
    (void)!plait_barrier_wait(&common->step, PLAIT_NEVER);
    return 0;
}

static void kill_one_of_two(int carrier, bool first)
{
    open_common(4);
    for (int i = 0; i < 5; i++) {
        struct crew crew = {.count = 0};
        pid_t victim = first ? child_in(come, NULL) : 0;
        if (first)
            await_parties(1);
        crew_start(&crew, carrier, 2, be_broken, NULL);
        await_parties(first ? 3 : 2);
        if (!first) {
            victim = child_in(come, NULL);
            await_parties(3);
        }
        plait_sleep(plait_after(PLAIT_MILLISECOND));
        kill_child(victim);
        crew_join(&crew);
        ck_assert_int_eq(plait_barrier_wait(&common->step, PLAIT_NEVER), -EPIPE);
        plait_barrier_reset(&common->step);
        ck_assert_int_eq(plait_barrier_wait(&common->step, PLAIT_NOW), -EAGAIN);
    }
    close_common();
}

TEST_CREW(a_party_that_came_first_and_died_breaks_it)
{
    kill_one_of_two(carrier, true);
}

TEST_CREW(a_party_that_came_last_and_died_breaks_it)
{
    kill_one_of_two(carrier, false);
}

TEST_LABELED(who_comes_finds_a_dead_party, "process")
{
    open_common(2);
    pid_t victim = child_in(come, NULL);
    await_parties(1);
    kill_child(victim);
    ck_assert_int_eq(plait_barrier_wait(&common->step, PLAIT_NEVER), -EPIPE);
    close_common();
}

static void die_in_action(void *arg)
{
    kill(getpid(), SIGKILL);
}

static int act_and_die(void *arg)
{
    plait_barrier_action(&common->step, die_in_action, NULL);
    return come(NULL);
}

TEST_CREW(a_death_in_the_action_breaks_it)
{
    struct crew crew = {.count = 0};
    open_common(3);
    crew_start(&crew, carrier, 2, be_broken, NULL);
    await_parties(2);
    ck_assert_int_eq(child_status(child_in(act_and_die, NULL)), -1);
    crew_join(&crew);
    close_common();
}

TEST_LABELED(a_stopped_party_keeps_nobody_beyond_his_deadline, "process")
{
    open_common(3);
    pid_t stopped = child_in(come, NULL);
    await_parties(1);
    stop_child(stopped);
    ck_assert_int_eq(plait_barrier_wait(&common->step, plait_after(30 * PLAIT_MILLISECOND)),
                     -ETIMEDOUT);
    kill(stopped, SIGCONT);
    ck_assert_int_eq(child_status(stopped), 0);
    close_common();
}

static int struggle(void *arg)
{
    unsigned random = (unsigned)getpid() + (unsigned)(uintptr_t)&random;
    for (;;) {
        unsigned choice = crew_random(&random);
        int64_t deadline = choice % 8 ? plait_after(500 * PLAIT_MILLISECOND)
                                      : plait_after((int64_t)(choice % 1000) * 1000);
        int rc = plait_barrier_wait(&common->step, deadline);
        if (rc == -EPIPE) { /* by a death, or by another's reset, which is none of the kind */
            if (plait_barrier_wait(&common->step, PLAIT_NOW) == -EPIPE)
                plait_barrier_reset(&common->step);
        } else if (rc >= 0)
            __atomic_add_fetch(&common->sum, 1, __ATOMIC_RELAXED);
        else if (rc != -ETIMEDOUT)
            abort();
    }
    return 0;
}

static void soak(int kills)
{
    enum { CHILDREN = 3 };
    pid_t children[CHILDREN];
    unsigned random = 3;
    open_common(4);
    for (int i = 0; i < CHILDREN; i++)
        children[i] = child_working(struggle, 2);
    for (int i = 0; i < kills; i++) {
        int one = (int)(crew_random(&random) % CHILDREN);
        usleep(crew_random(&random) % 2000);
        kill_child(children[one]);
        children[one] = child_working(struggle, 2);
        long before = __atomic_load_n(&common->sum, __ATOMIC_RELAXED);
        BEFORE_LONG(__atomic_load_n(&common->sum, __ATOMIC_RELAXED) > before + 4);
    }
    for (int i = 0; i < CHILDREN; i++)
        kill_child(children[i]);
    close_common();
}

TEST_LABELED(kills_at_random_moments, "process")
{
    soak(40);
}

TEST_LABELED(many_kills, "process long")
{
    soak(2000);
}
