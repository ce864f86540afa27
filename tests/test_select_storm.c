/* plait_select under random cancels, time-outs and closes: what was put is what was got, and
 * everybody comes home. */
#include "crew.h"

#include <stdint.h>

enum { QUEUES = 4, TASKS = 6 };

/* Queues of capacities 0 (nothing lies in them), 1, 2 and 8. */
struct storm {
    plait_queue *queues[QUEUES];
    long rounds;      /* of each task */
    uint64_t in, out; /* sums of the items */
    uint64_t selects, canceled;
    int tasks; /* that still go on */
};

static int64_t patience(unsigned *random)
{
    switch (crew_random(random) % 8) {
    case 0:
        return PLAIT_NOW;
    case 1:
        return plait_after(crew_random(random) % 50 * 1000);
    default:
        return plait_after(5 * PLAIT_MILLISECOND);
    }
}

/* Counts one select. A wait that a cancel ended did sleep, unless the cancel came before it: those
 * are the ones that return in less than a microsecond, which does not count as sleep. */
static void count(struct storm *storm, int rc, int64_t began)
{
    bool slept = plait_now() - began > 2 * PLAIT_MICROSECOND;
    __atomic_add_fetch(&storm->selects, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&storm->canceled, slept && rc == -ECANCELED, __ATOMIC_RELAXED);
}

/* One sleep for 100 selects was cancelled; a slow machine may need more rounds. Where none ever is,
 * this hangs, which the harness tells. */
static bool is_enough(const struct storm *storm)
{
    uint64_t least = (uint64_t)storm->rounds * TASKS / 100;
    return __atomic_load_n(&storm->canceled, __ATOMIC_RELAXED) >= least;
}

static int put_or_get(void *arg)
{
    struct storm *storm = arg;
    unsigned random = (unsigned)((uintptr_t)&random >> 4);
    bool gets = crew_random(&random) % 2;
    for (long i = 0; i < storm->rounds || !is_enough(storm); i++) {
        uint64_t in[QUEUES], out = 0;
        plait_case cases[QUEUES + 1];
        for (int k = 0; k < QUEUES; k++) {
            in[k] = crew_random(&random);
            bool put = crew_random(&random) % 8 ? gets == (k % 2) : crew_random(&random) % 2;
            cases[k] =
                put ? plait_on_put(storm->queues[k], &in[k]) : plait_on_get(storm->queues[k], &out);
        }
        cases[QUEUES] = plait_on_time(plait_after(crew_random(&random) % 16 * PLAIT_MILLISECOND));
        int64_t began = plait_now();
        int done = plait_select_cases(cases, QUEUES + 1, patience(&random));
        count(storm, done, began);
        need(done >= 0 || done == -EAGAIN || done == -ETIMEDOUT || done == -ECANCELED ||
             done == -EPIPE);
        if (done >= 0 && done < QUEUES && cases[done].result)
            __atomic_add_fetch(&storm->out, out, __ATOMIC_RELAXED);
        else if (done >= 0 && done < QUEUES)
            __atomic_add_fetch(&storm->in, in[done], __ATOMIC_RELAXED);
        if (done == -EPIPE)
            break;
        gets ^= crew_random(&random) % 64 == 0;
    }
    __atomic_sub_fetch(&storm->tasks, 1, __ATOMIC_RELEASE);
    return 0;
}

/* Cancels until all have ended; near the end one queue is closed under them, if that is asked
 * for. */
static void disturb(struct storm *storm, struct crew *crew, bool close)
{
    unsigned random = 1;
    while (__atomic_load_n(&storm->tasks, __ATOMIC_ACQUIRE) > 0) {
        for (int i = 0; i < crew->count; i++)
            if (crew->task[i] && plait_task_state(crew->task[i]) == PLAIT_WAITING)
                plait_cancel(crew->task[i]);
        plait_sleep(plait_after(crew_random(&random) % 50 * PLAIT_MICROSECOND));
        if (close && is_enough(storm) &&
            __atomic_load_n(&storm->selects, __ATOMIC_RELAXED) >
                (uint64_t)storm->rounds * TASKS / 2)
            plait_queue_close(storm->queues[crew_random(&random) % QUEUES]);
    }
}

static void storm_run(int carrier, long rounds, bool close)
{
    static const size_t capacities[QUEUES] = {0, 1, 2, 8};
    struct storm storm = {.rounds = rounds, .tasks = TASKS};
    struct crew crew = {.count = 0};
    for (int i = 0; i < QUEUES; i++)
        storm.queues[i] = plait_queue_open(sizeof(uint64_t), capacities[i], NULL);
    crew_start(&crew, carrier, TASKS, put_or_get, &storm);
    disturb(&storm, &crew, close);
    crew_join(&crew);
    for (int i = 0; i < QUEUES; i++) {
        uint64_t item;
        while (plait_get(storm.queues[i], &item, PLAIT_NOW) == 0)
            storm.out += item;
        plait_queue_free(storm.queues[i]);
    }
    ck_assert_uint_eq(storm.in, storm.out);
    ck_assert_uint_gt(storm.in, 0);
}

TEST_CREW(nothing_is_lost_or_taken_twice)
{
    storm_run(carrier, 2000, false);
    storm_run(carrier, 2000, true);
}

/* A million. */
static void at_length(int carrier)
{
    storm_run(carrier, 1000000 / TASKS + 1, false);
}
HARNESS_CASE_(at_length_thread, "nothing_is_lost_at_length.thread", "long", at_length, PLAIT_THREAD)
HARNESS_CASE_(at_length_coroutine, "nothing_is_lost_at_length.coroutine", "long", at_length,
              PLAIT_COROUTINE)
HARNESS_CASE_(at_length_mixed, "nothing_is_lost_at_length.mixed", "long", at_length, CREW_MIXED)
