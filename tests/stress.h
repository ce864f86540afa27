/* Many operations by a crew whose members cancel each other while they sleep.
 *
 *     static int struggle(void *arg)
 *     {
 *         struct stress_task me = stress_begin(arg);
 *         while (stress_more(&me)) {
 *             int rc = STRESS_WAIT(&me, plait_event_wait(&event, stress_deadline(&me)));
 *             ...
 *         }
 *         return 0;
 *     }
 *     STRESS(waits_and_sets, struggle, 8)     an everyday case a carrier, and a long one of 10^6 operations
 *
 * Each operation may cancel another member that sleeps, so that the share of cancelled waits does
 * not depend on the machine's speed; less than 1 % of the waits cancelled while they were under way
 * fails the case, because then the test would prove nothing. */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include "crew.h"

#include "wait/wait.h"

enum { STRESS_SHORT = 20000, STRESS_LONG = 1000000 };

struct stress {
    struct crew crew;
    int begun; /* all members are known */
    long target;
    long done, waits, hits, late, members, left;
    void (*end)(void); /* NULL, or: the operations are done, wake who still sleeps */
};

struct stress_task {
    struct stress *stress;
    long number; /* 0 to the crew's count - 1 */
    unsigned random;
    long waits, hits, late;
};

static inline struct stress_task stress_begin(void *arg)
{
    struct stress *stress = arg;
    while (!__atomic_load_n(&stress->begun, __ATOMIC_ACQUIRE))
        plait_yield();
    long number = __atomic_fetch_add(&stress->members, 1, __ATOMIC_RELAXED);
    return (struct stress_task){stress, number, (unsigned)number * 7919u + 1, 0, 0, 0};
}

static inline void stress_cancel_somebody(struct stress_task *me)
{
    struct crew *crew = &me->stress->crew;
    plait_task *task = crew->task[crew_random(&me->random) % (unsigned)crew->count];
    if (task && plait_task_state(task) == PLAIT_WAITING)
        plait_cancel(task);
}

/* A member goes only when all have left the loop, since a handle is good until its task is joined. */
static inline void stress_leave(struct stress_task *me)
{
    struct stress *stress = me->stress;
    __atomic_add_fetch(&stress->waits, me->waits, __ATOMIC_RELAXED);
    __atomic_add_fetch(&stress->hits, me->hits, __ATOMIC_RELAXED);
    __atomic_add_fetch(&stress->late, me->late, __ATOMIC_RELAXED);
    if (stress->end)
        stress->end();
    __atomic_add_fetch(&stress->left, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&stress->left, __ATOMIC_ACQUIRE) < stress->crew.count)
        plait_yield();
}

/* One operation more? Now and then somebody is cancelled first. The first member's are not counted:
 * it may be one that never waits, and would do most of them while others sleep. */
static inline bool stress_more(struct stress_task *me)
{
    struct stress *stress = me->stress;
    if (crew_random(&me->random) % 4 == 0)
        stress_cancel_somebody(me);
    if (crew_random(&me->random) % 4 == 0)
        plait_yield();
    if (__atomic_fetch_add(&stress->done, me->number > 0, __ATOMIC_RELAXED) < stress->target)
        return true;
    stress_leave(me);
    return false;
}

/* For a wait: now, soon, or never; who sleeps for ever is woken by another, or by `end`. */
static inline int64_t stress_deadline(struct stress_task *me)
{
    unsigned choice = crew_random(&me->random) % 8;
    if (choice == 0)
        return PLAIT_NOW;
    if (choice < 4)
        return plait_after(crew_random(&me->random) % 200 * PLAIT_MICROSECOND);
    return PLAIT_NEVER;
}

static inline int stress_count(struct stress_task *me, bool before, int rc)
{
    me->waits++;
    me->hits += !before && rc == -ECANCELED;
    me->late += rc == -ETIMEDOUT;
    return rc;
}

/* The wait's result, counted. A cancel that was due before it began does not count as a hit. */
#define STRESS_WAIT(me, call)                                                                      \
    ({                                                                                             \
        bool before_ = atom_load(&wait_me()->cancel, RELAXED) & 1;                                 \
        int rc_ = (call);                                                                          \
        stress_count(me, before_, rc_);                                                            \
    })

static inline void stress_run(int carrier, int count, plait_function *function, long target,
                              void (*end)(void))
{
    struct stress stress = {.target = target, .end = end};
    crew_start(&stress.crew, carrier, count, function, &stress);
    __atomic_store_n(&stress.begun, 1, __ATOMIC_RELEASE);
    crew_join(&stress.crew);
    printf("%ld operations, %ld waits: %ld cancelled, %ld late\n", target, stress.waits,
           stress.hits, stress.late);
    ck_assert_int_ge(stress.hits * 100, stress.waits);
    ck_assert_int_gt(stress.late, 0);
}

#define STRESS(name, count, function, before, end)                                                 \
    static void name(int carrier)                                                                  \
    {                                                                                              \
        before();                                                                                  \
        stress_run(carrier, count, function, STRESS_SHORT, end);                                   \
    }                                                                                              \
    static void name##_long(int carrier)                                                           \
    {                                                                                              \
        before();                                                                                  \
        stress_run(carrier, count, function, STRESS_LONG, end);                                    \
    }                                                                                              \
    HARNESS_CASE_(name##_thread, #name ".thread", "", name, PLAIT_THREAD)                          \
    HARNESS_CASE_(name##_coroutine, #name ".coroutine", "", name, PLAIT_COROUTINE)                 \
    HARNESS_CASE_(name##_mixed, #name ".mixed", "", name, CREW_MIXED)                              \
    HARNESS_CASE_(name##_much, #name ".long", "long", name##_long, CREW_MIXED)

#endif
