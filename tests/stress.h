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
 *     STRESS(waits_and_sets, struggle, 8)     an everyday case a carrier, and a long one of 10^6
 *                                             operations
 *
 * Each operation may cancel another member that sleeps, so that the share of cancelled waits does
 * not depend on the machine's speed; less than 1 % of the waits cancelled while they were under way
 * fails the case, because then the test would prove nothing. */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include "crew.h"

#include "task/task.h"

enum { STRESS_SHORT = 20000, STRESS_LONG = 1000000, STRESS_HITS = 20 };

struct stress {
    struct crew crew;
    int begun; /* all members are known */
    long target;
    long done, sleeps, hits, late, members, left;
    void (*end)(void); /* NULL, or: the operations are done, wake who still sleeps */
};

struct stress_task {
    struct stress *stress;
    long number; /* 0 to the crew's count - 1 */
    unsigned random;
    long sleeps;
};

static inline struct stress_task stress_begin(void *arg)
{
    struct stress *stress = arg;
    while (!__atomic_load_n(&stress->begun, __ATOMIC_ACQUIRE))
        plait_yield();
    long number = __atomic_fetch_add(&stress->members, 1, __ATOMIC_RELAXED);
    return (struct stress_task){stress, number, (unsigned)number * 7919u + 1, 0};
}

/* Asleep at this moment; plait_task_state says WAITING of those too that are woken and have not
 * run. */
static inline bool stress_sleeps(plait_task *task)
{
    struct task_record *record = slot_record(slot_at(slot_number(task)));
    return record && atom_load(&record->co.self.state, RELAXED) == WAIT_ASLEEP;
}

static inline void stress_cancel_somebody(struct stress_task *me)
{
    struct crew *crew = &me->stress->crew;
    for (int i = 0, one = (int)(crew_random(&me->random) & 63); i < crew->count; i++) {
        plait_task *task = crew->task[(one + i) % crew->count];
        if (task && stress_sleeps(task)) {
            plait_cancel(task);
            return;
        }
    }
}

/* A member goes only when all have left the loop, since a handle is good until its task is
 * joined. */
static inline void stress_leave(struct stress_task *me)
{
    struct stress *stress = me->stress;
    __atomic_add_fetch(&stress->sleeps, me->sleeps, __ATOMIC_RELAXED);
    if (stress->end)
        stress->end();
    __atomic_add_fetch(&stress->left, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&stress->left, __ATOMIC_ACQUIRE) < stress->crew.count)
        plait_yield();
}

/* So many operations, and more where a busy machine lets one member run alone for long: until a few
 * sleeps have ended in each way, but not for ever. */
static inline bool stress_is_over(struct stress_task *me)
{
    struct stress *stress = me->stress;
    long done = __atomic_fetch_add(&stress->done, me->number > 0, __ATOMIC_RELAXED);
    bool enough = __atomic_load_n(&stress->hits, __ATOMIC_RELAXED) >= STRESS_HITS &&
                  __atomic_load_n(&stress->late, __ATOMIC_RELAXED) > 0;
    return done >= (enough ? stress->target : 50 * stress->target);
}

/* One operation more? Now and then somebody is cancelled first. The first member's are not counted:
 * it may be one that never waits, and would do most of them while others sleep. */
static inline bool stress_more(struct stress_task *me)
{
    if (crew_random(&me->random) % 4 == 0)
        stress_cancel_somebody(me);
    if (crew_random(&me->random) % 4 == 0)
        plait_yield();
    if (!stress_is_over(me))
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
    if (choice == 1)
        return plait_now() + 1; /* late for certain, once it sleeps */
    if (choice < 4)
        return plait_after(crew_random(&me->random) % 200 * PLAIT_MICROSECOND);
    return PLAIT_NEVER;
}

/* Before and after a wait, `before` being the first one's answer: was a cancel due already? A wait
 * that goes to sleep writes down since when. */
static inline bool stress_before(void)
{
    struct wait_self *self = wait_me();
    atom_store(&self->note.since, 0, RELAXED); /* others may look at it */
    return atom_load(&self->cancel, RELAXED) & 1;
}

static inline int stress_after(struct stress_task *me, bool before, int rc)
{
    bool slept = wait_me()->note.since != 0;
    me->sleeps += slept;
    if (slept && !before && rc == -ECANCELED)
        __atomic_add_fetch(&me->stress->hits, 1, __ATOMIC_RELAXED);
    if (slept && rc == -ETIMEDOUT)
        __atomic_add_fetch(&me->stress->late, 1, __ATOMIC_RELAXED);
    return rc;
}

/* The wait's result, counted. */
#define STRESS_WAIT(me, call)                                                                      \
    ({                                                                                             \
        bool before_ = stress_before();                                                            \
        int rc_ = (call);                                                                          \
        stress_after(me, before_, rc_);                                                            \
    })

static inline void stress_run(int carrier, int count, plait_function *function, long target,
                              void (*end)(void))
{
    struct stress stress = {.target = target, .end = end};
    crew_start(&stress.crew, carrier, count, function, &stress);
    __atomic_store_n(&stress.begun, 1, __ATOMIC_RELEASE);
    crew_join(&stress.crew);
    printf("%ld operations, %ld sleeps: %ld cancelled, %ld late\n", target, stress.sleeps,
           stress.hits, stress.late);
    ck_assert_int_ge(stress.hits * 100, stress.sleeps);
    ck_assert_int_ge(stress.hits, STRESS_HITS);
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
