/* Storms on each kind of queue: puts, gets and places under random cancels and time-outs, aimed at
 * sleepers; a thousand that wait at a close. */
#include "storm.h"

#include <stdint.h>

enum kind { RING, LIFO, PRIORITY, MESSAGES };

static plait_queue *queue;
static uint64_t in, out;

static plait_queue *open_kind(enum kind kind)
{
    plait_queue_options options = {.order = kind == LIFO       ? PLAIT_LIFO
                                            : kind == PRIORITY ? PLAIT_PRIORITY
                                                               : PLAIT_FIFO,
                                   .bytes = kind == MESSAGES ? 24 : 0};
    plait_queue *made =
        plait_queue_open(kind == MESSAGES ? PLAIT_MESSAGES : sizeof(uint64_t), 3, &options);
    ck_assert_ptr_nonnull(made);
    return made;
}

/* Not for ever: those that are left when the others have done their share must end, too. */
static int64_t patience(unsigned *random)
{
    int64_t deadline = storm_deadline(random);
    return deadline == PLAIT_NEVER ? plait_after(PLAIT_MILLISECOND) : deadline;
}

static bool got(struct storm *storm, int rc, bool at_once)
{
    return at_once ? rc == 0 : storm_got(storm, rc);
}

static void put_somehow(struct storm *storm, unsigned *random, bool at_once)
{
    uint64_t item = crew_random(random), *place;
    int64_t deadline = at_once ? PLAIT_NOW : patience(random);
    int rc;
    if (item % 4) {
        rc = plait_put_bytes(queue, &item, sizeof item, deadline);
    } else {
        place = plait_queue_reserve(queue, sizeof item, deadline);
        rc = place ? 0 : -errno;
        if (place && item % 8) {
            plait_queue_give_up(queue, place);
            item = 0;
        } else if (place) {
            *place = item;
            plait_queue_commit(queue, place);
        }
    }
    if (got(storm, rc, at_once))
        __atomic_add_fetch(&in, item, __ATOMIC_RELAXED);
    else if (at_once)
        put_somehow(storm, random, false);
}

static void get_somehow(struct storm *storm, unsigned *random, bool at_once)
{
    uint64_t item = 0;
    const uint64_t *place;
    int64_t deadline = at_once ? PLAIT_NOW : patience(random);
    unsigned choice = crew_random(random) % 8;
    int rc;
    if (choice < 6) {
        ssize_t size = plait_get_bytes(queue, &item, sizeof item, deadline);
        rc = size < 0 ? (int)size : 0;
    } else {
        place = plait_queue_take(queue, NULL, deadline);
        rc = place ? 0 : -errno;
        if (place && choice == 6) {
            plait_queue_put_back(queue, place);
        } else if (place) {
            item = *place;
            plait_queue_release(queue, place);
        }
    }
    if (got(storm, rc, at_once))
        __atomic_add_fetch(&out, item, __ATOMIC_RELAXED);
    else if (at_once)
        get_somehow(storm, random, false);
}

/* The fuller it is, the rather a get: otherwise all of them soon wait on the same side, and the
 * storm is one of time-outs. */
static void act(struct storm *storm, unsigned *random)
{
    if (crew_random(random) % 4 > plait_queue_size(queue))
        put_somehow(storm, random, true);
    else
        get_somehow(storm, random, true);
}

static void storm_on(enum kind kind, int carrier, long operations)
{
    queue = open_kind(kind);
    in = out = 0;
    storm_run(carrier, 8, operations, act);
    for (uint64_t item; plait_get_bytes(queue, &item, sizeof item, PLAIT_NOW) > 0;)
        out += item;
    ck_assert_uint_eq(in, out);
    ck_assert_uint_eq(plait_queue_size(queue), 0);
    plait_queue_free(queue);
}

#define STORM(name, kind)                                                                          \
    TEST_CREW(a_storm_on_##name##_loses_nothing)                                                   \
    {                                                                                              \
        storm_on(kind, carrier, 6000);                                                             \
    }                                                                                              \
    TEST_LABELED(a_storm_on_##name##_of_a_million, "long")                                         \
    {                                                                                              \
        storm_on(kind, CREW_MIXED, 1000000);                                                       \
    }
STORM(a_ring, RING)
STORM(a_stack, LIFO)
STORM(priorities, PRIORITY)
STORM(messages, MESSAGES)

/* ---- a close with a thousand that wait */

static int ended;

static int wait_for_close(void *arg)
{
    uint64_t item = 0;
    bool putter = (intptr_t)arg % 2;
    int rc = putter ? plait_put_bytes(queue, &item, sizeof item, PLAIT_NEVER)
                    : (int)plait_get_bytes(queue, &item, sizeof item, PLAIT_NEVER);
    need(rc == -EPIPE);
    __atomic_add_fetch(&ended, 1, __ATOMIC_RELAXED);
    return 0;
}

/* All get, or all put and the queue is full. */
static void close_on(enum kind kind, bool putters, bool now)
{
    enum { WAITERS = 1000 };
    uint64_t item = 1;
    queue = open_kind(kind);
    ended = 0;
    for (int i = 0; putters && i < 3; i++)
        ck_assert_int_eq(plait_put_bytes(queue, &item, sizeof item, PLAIT_NOW), 0);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(plait_start(NULL, i % 50 ? PLAIT_COROUTINE : PLAIT_THREAD, wait_for_close,
                                     (void *)(intptr_t)putters, NULL),
                         0);
    ck_assert_int_eq(plait_sleep(plait_after(20 * PLAIT_MILLISECOND)), 0);
    if (now)
        ck_assert_int_eq(plait_queue_close_now(queue, NULL, NULL), putters ? 3 : 0);
    else
        ck_assert_int_eq(plait_queue_close(queue), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
    ck_assert_int_eq(ended, WAITERS);
    while (plait_get_bytes(queue, &item, sizeof item, PLAIT_NOW) > 0)
        ;
    plait_queue_free(queue);
}

TEST(close_wakes_a_thousand)
{
    for (int kind = RING; kind <= MESSAGES; kind++)
        for (int how = 0; how < 4; how++)
            close_on((enum kind)kind, how & 1, how & 2);
}
