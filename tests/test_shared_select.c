/* Select over objects in shared memory, alone and beside private ones. */
#include "shared_storm.h"

#include "os/os.h"
#include "wait/robust.h"

enum { LOCKS = 150 };
static struct common {
    plait_lock lock, many[LOCKS];
    plait_event event;
    plait_latch latch;
    uint32_t word;
    long first, second; /* what the lock protects */
    long repaired;
} * common;
static plait_event private_event;

static void repair(void *unused)
{
    common->second = common->first;
    common->repaired++;
}

static void open_common(void)
{
    common = plait_share(sizeof *common);
    ck_assert_ptr_nonnull(common);
    plait_lock_init(&common->lock, PLAIT_SHARED);
    plait_lock_on_death(&common->lock, repair, NULL);
    plait_event_init(&common->event, PLAIT_SHARED);
    plait_latch_init(&common->latch, 1, PLAIT_SHARED);
}

enum { LOCK, EVENT, LATCH, WORD, PRIVATE, CASES };

static void make_cases(plait_case *cases)
{
    cases[LOCK] = plait_on_acquire(&common->lock);
    cases[EVENT] = plait_on_event(&common->event);
    cases[LATCH] = plait_on_latch(&common->latch);
    cases[WORD] = plait_on_word(&common->word, 0, PLAIT_SHARED);
    cases[PRIVATE] = plait_on_event(&private_event);
}

static void make_ready(int which)
{
    switch (which) {
    case LOCK:
        plait_lock_release(&common->lock);
        break;
    case EVENT:
        plait_event_set(&common->event);
        break;
    case LATCH:
        plait_latch_add(&common->latch, -1);
        break;
    case WORD:
        __atomic_store_n(&common->word, 1, __ATOMIC_SEQ_CST);
        plait_word_wake(&common->word, 10, PLAIT_SHARED);
        break;
    default:
        plait_event_set(&private_event);
    }
}

/* ---- one after the other */

TEST(what_is_ready_is_found_at_once)
{
    plait_case cases[CASES];
    open_common();
    for (int which = EVENT; which < CASES; which++) {
        make_cases(cases);
        ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NOW), 0);
        make_ready(which);
        cases[LOCK] = plait_on_time(PLAIT_NEVER);
        ck_assert_int_eq(plait_select_cases(cases, CASES, PLAIT_NEVER), which);
        ck_assert_int_eq(cases[which].result, 0);
        plait_lock_release(&common->lock);
        plait_event_clear(&common->event);
        plait_event_clear(&private_event);
        plait_latch_init(&common->latch, 1, PLAIT_SHARED);
        common->word = 0;
    }
    make_cases(cases);
    ck_assert_int_eq(plait_select_cases(cases, CASES, PLAIT_NEVER), LOCK);
    ck_assert(plait_lock_is_held(&common->lock));
    ck_assert_int_eq(plait_select_cases(cases, 1, PLAIT_NEVER), -EDEADLK);
    plait_lock_release(&common->lock);
    ck_assert_ptr_null(*robust_here()->pending);
    plait_share_free(common);
}

static int select_one(void *arg)
{
    plait_case cases[CASES];
    make_cases(cases);
    int which = plait_select_cases(cases, CASES, PLAIT_NEVER);
    if (which == LOCK)
        plait_lock_release(&common->lock);
    return which == *(int *)arg ? 0 : 1;
}

TEST_CREW(each_kind_wakes_all_who_wait_for_it)
{
    for (int which = LOCK; which < CASES; which++)
        for (int round = 0; round < 6; round++) {
            struct crew crew = {.count = 0};
            open_common();
            ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NOW), 0);
            crew_start(&crew, carrier, 5, select_one, &which);
            if (round % 2)
                plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
            make_ready(which);
            crew_join(&crew);
            if (which != LOCK)
                plait_lock_release(&common->lock);
            plait_event_clear(&private_event);
            plait_share_free(common);
        }
}

static int fail_in_time(void *unused)
{
    plait_case cases[CASES];
    make_cases(cases);
    need(plait_select_cases(cases, CASES, PLAIT_NOW) == -EAGAIN);
    need(plait_select_cases(cases, CASES, plait_after(45 * PLAIT_MILLISECOND)) == -ETIMEDOUT);
    cases[PRIVATE] = plait_on_time(plait_after(5 * PLAIT_MILLISECOND));
    need(plait_select_cases(cases, CASES, PLAIT_NEVER) == PRIVATE);
    return 0;
}

TEST_CREW(deadlines_and_times_end_it)
{
    open_common();
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NOW), 0);
    crew_run(carrier, 3, fail_in_time, NULL);
    plait_lock_release(&common->lock);
    plait_share_free(common);
}

static int fail_by_cancel(void *unused)
{
    plait_case cases[CASES];
    make_cases(cases);
    return plait_select_cases(cases, CASES, PLAIT_NEVER) == -ECANCELED ? 0 : 1;
}

TEST_LIGHT(a_cancel_ends_it)
{
    open_common();
    ck_assert_int_eq(plait_lock_acquire(&common->lock, PLAIT_NOW), 0);
    for (int i = 0; i < 20; i++) {
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 1, fail_by_cancel, NULL);
        plait_sleep(plait_after((i % 4) * PLAIT_MILLISECOND));
        plait_cancel(crew.task[0]);
        crew_join(&crew);
    }
    plait_lock_release(&common->lock);
    plait_share_free(common);
}

/* More shared words than the kernel takes at once. */
static int select_many(void *arg)
{
    plait_case cases[LOCKS];
    for (int i = 0; i < LOCKS; i++)
        cases[i] = plait_on_acquire(&common->many[i]);
    int which = plait_select_cases(cases, LOCKS, PLAIT_NEVER);
    if (which >= 0)
        plait_lock_release(&common->many[which]);
    return which == *(int *)arg ? 0 : 1;
}

TEST_CREW(more_words_than_the_kernel_takes)
{
    open_common();
    for (int i = 0; i < LOCKS; i++) {
        plait_lock_init(&common->many[i], PLAIT_SHARED);
        ck_assert_int_eq(plait_lock_acquire(&common->many[i], PLAIT_NOW), 0);
    }
    for (int which = 0; which < LOCKS; which += 49) {
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 3, select_many, &which);
        plait_sleep(plait_after(2 * PLAIT_MILLISECOND));
        plait_lock_release(&common->many[which]);
        crew_join(&crew);
        ck_assert_int_eq(plait_lock_acquire(&common->many[which], PLAIT_NEVER), 0);
    }
    for (int i = 0; i < LOCKS; i++)
        plait_lock_release(&common->many[i]);
    plait_share_free(common);
}

/* ---- between processes */

static int take_or_go(void *arg)
{
    plait_case cases[CASES];
    make_cases(cases);
    for (;;) {
        int which = plait_select_cases(cases, 2, PLAIT_NEVER);
        if (which == EVENT)
            return 0;
        need(which == LOCK);
        common->first++;
        common->second++;
        plait_lock_release(&common->lock);
        if (common->first % 16 == 0)
            plait_yield();
    }
}

static int take_or_go_in_crew(void *unused)
{
    crew_run(CREW_MIXED, 4, take_or_go, NULL);
    return 0;
}

TEST_LABELED(processes_take_a_lock_until_an_event_is_set, "process")
{
    struct crew crew = {.count = 0};
    open_common();
    crew_start(&crew, PLAIT_PROCESS, 3, take_or_go_in_crew, NULL);
    plait_sleep(plait_after(40 * PLAIT_MILLISECOND));
    plait_event_set(&common->event);
    crew_join(&crew);
    ck_assert_int_gt(common->first, 12);
    ck_assert_int_eq(common->first, common->second);
    ck_assert_int_eq(common->repaired, 0);
    plait_share_free(common);
}

/* ---- kills: whoever is killed inside is told; who waits for the lock alone, or in a select, gets
 * it */

static void take_somehow(unsigned *random)
{
    bool patient = crew_random(random) % 2;
    int64_t deadline = patient ? plait_after(20 * PLAIT_SECOND) : shared_storm_deadline(random);
    plait_case cases[2] = {plait_on_acquire(&common->lock), plait_on_event(&common->event)};
    int rc = 0;
    if (crew_random(random) % 2) {
        rc = plait_lock_acquire(&common->lock, deadline);
        if (rc == -EOWNERDEAD) {
            repair(NULL);
            plait_lock_mend(&common->lock);
            rc = 0;
        }
    } else {
        rc = plait_select_cases(cases, 2, deadline);
    }
    need(rc == 0 || rc == EVENT || (!patient && (rc == -EAGAIN || rc == -ETIMEDOUT)));
    if (rc == 0) {
        need(common->first == common->second);
        common->first++;
        if (crew_random(random) % 64 == 0)
            plait_sleep(plait_after(PLAIT_MILLISECOND));
        common->second++;
        plait_lock_release(&common->lock);
    }
    if (crew_random(random) % 16 == 0)
        plait_event_set(&common->event);
    else
        plait_event_clear(&common->event);
}

static void be_killed(int kills)
{
    open_common();
    shared_storm(take_somehow, NULL, 3, kills);
    ck_assert_int_gt(common->first, 0);
    plait_share_free(common);
}

TEST_LABELED(kills_are_told_to_those_who_select, "process")
{
    be_killed(40);
}

TEST_LABELED(kills_are_told_to_those_who_select_long, "process long")
{
    be_killed(2000);
}
