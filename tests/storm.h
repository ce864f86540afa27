/* A crew that calls something again and again and cancels each other's waits meanwhile: that a wait
 * ends by cancel or time-out must lose no wake and leave nothing behind. A cancel that finds its
 * task awake proves little, so they are aimed at sleepers, and the storm goes on until enough have
 * struck; where none ever does it hangs, which the harness tells. They come from the crew itself,
 * because on a busy machine one more task would hardly get a turn; and from that one more until
 * they are enough, since where all of a crew sleep nobody of it cancels. */
#ifndef TESTS_STORM_H
#define TESTS_STORM_H

#include "crew.h"

struct storm {
    void (*act)(struct storm *storm, unsigned *random); /* one operation */
    long each;                                          /* operations of each task, at least */
    long canceled, enough; /* operations that a cancel ended: so far, and before it may end */
    unsigned seed;
    plait_event begin; /* all handles are there */
    int ready, busy;
    struct crew crew;
};

/* What came out of a call that had to wait: 0 or -EOWNERDEAD, a time-out, a cancel; true: it has
 * what it asked for. */
static inline bool storm_got(struct storm *storm, int rc)
{
    if (rc == -ECANCELED)
        __atomic_add_fetch(&storm->canceled, 1, __ATOMIC_RELAXED);
    need(rc == 0 || rc == -ETIMEDOUT || rc == -ECANCELED);
    return rc == 0;
}

/* None, or one so near that it often strikes. */
static inline int64_t storm_deadline(unsigned *random)
{
    unsigned choice = crew_random(random);
    return choice % 4 ? PLAIT_NEVER : plait_after((int64_t)(choice % 256) * PLAIT_MICROSECOND);
}

static inline void storm_cancel(struct storm *storm, unsigned *random)
{
    plait_task *task = storm->crew.task[crew_random(random) % (unsigned)storm->crew.count];
    plait_wait_info wait;
    if (task && plait_task_waits(task, &wait) == 0)
        plait_cancel(task);
}

/* A count and no share of the waits: a share may fall again when part of the crew has left, and
 * those who are left alone hardly cancel one another. */
static inline bool is_calm(const struct storm *storm)
{
    return __atomic_load_n(&storm->canceled, __ATOMIC_RELAXED) < storm->enough;
}

static inline int storm_member(void *arg)
{
    struct storm *storm = arg;
    unsigned random = __atomic_add_fetch(&storm->seed, 7919, __ATOMIC_RELAXED);
    need(plait_event_wait(&storm->begin, PLAIT_NEVER) == 0);
    __atomic_sub_fetch(&storm->ready, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&storm->ready, __ATOMIC_RELAXED) > 0)
        plait_yield(); /* otherwise the first one may be done before the second one runs */
    for (long i = 0; i < storm->each || is_calm(storm); i++) {
        storm->act(storm, &random);
        if (crew_random(&random) % 8 == 0)
            storm_cancel(storm, &random);
    }
    __atomic_sub_fetch(&storm->busy, 1, __ATOMIC_RELAXED);
    return 0;
}

/* `operations` calls of `act` by `tasks` tasks, and more until one in 100 of that number was ended
 * by a cancel. */
static inline void storm_run(int carrier, int tasks, long operations,
                             void (*act)(struct storm *storm, unsigned *random))
{
    struct storm storm = {.act = act, .each = operations / tasks, .enough = operations / 100};
    storm.ready = storm.busy = tasks;
    crew_start(&storm.crew, carrier, tasks, storm_member, &storm);
    plait_event_set(&storm.begin);
    unsigned random = 1;
    while (__atomic_load_n(&storm.busy, __ATOMIC_RELAXED) > 0) { /* they use each other's handles */
        for (int i = 0; i < tasks && is_calm(&storm); i++)
            storm_cancel(&storm, &random);
        ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    }
    crew_join(&storm.crew);
}

/* A short storm every day, a million operations among the long tests. */
#define TEST_STORM(name, act)                                                                      \
    static void name(int carrier)                                                                  \
    {                                                                                              \
        storm_run(carrier, 8, 10000, act);                                                         \
    }                                                                                              \
    HARNESS_CASE_(name##_thread, #name ".thread", "", name, PLAIT_THREAD)                          \
    HARNESS_CASE_(name##_coroutine, #name ".coroutine", "", name, PLAIT_COROUTINE)                 \
    HARNESS_CASE_(name##_mixed, #name ".mixed", "", name, CREW_MIXED)                              \
    static void name##_long(int carrier)                                                           \
    {                                                                                              \
        storm_run(carrier, 8, 1000000, act);                                                       \
    }                                                                                              \
    HARNESS_CASE_(name##_million, #name ".million", "long", name##_long, CREW_MIXED)

#endif
