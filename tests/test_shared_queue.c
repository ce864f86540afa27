/* The shared queue: the same promises as the private one's, between processes; and what happens
 * when some of them are killed. */
#include "crew.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static plait_queue *open_shared(size_t element, size_t capacity)
{
    plait_queue *queue =
        plait_queue_open(element, capacity, &(plait_queue_options){.where = PLAIT_SHARED});
    ck_assert_ptr_nonnull(queue);
    return queue;
}

/* ---- alone */

TEST(first_in_first_out_at_every_capacity)
{
    static const size_t capacities[] = {1, 2, 3, 4, 5, 7, 8, 1000};
    for (size_t c = 0; c < sizeof capacities / sizeof *capacities; c++) {
        size_t capacity = capacities[c];
        plait_queue *queue = open_shared(sizeof(int), capacity);
        int in = 0, out = 0, got;
        for (int lap = 0; lap < 5; lap++) {
            for (size_t i = 0; i < capacity; i++, in++)
                ck_assert_int_eq(plait_put(queue, &in, PLAIT_NOW), 0);
            ck_assert_uint_eq(plait_queue_size(queue), capacity);
            ck_assert_int_eq(plait_put(queue, &in, PLAIT_NOW), -EAGAIN);
            ck_assert_int_eq(plait_put(queue, &in, plait_now() - 1), -ETIMEDOUT);
            for (size_t i = 0; i < capacity; i++, out++) {
                ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
                ck_assert_int_eq(got, out);
            }
            ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), -EAGAIN);
            ck_assert_int_eq(plait_get(queue, &got, plait_now() - 1), -ETIMEDOUT);
            ck_assert_int_eq(plait_get(queue, &got, plait_after(PLAIT_MILLISECOND)), -ETIMEDOUT);
        }
        plait_queue_free(queue);
    }
}

TEST(items_of_any_size)
{
    for (size_t size = 1; size <= 100; size++) {
        unsigned char in[100], out[101];
        plait_queue *queue = open_shared(size, 3);
        memset(in, (int)size, sizeof in);
        memset(out, 255, sizeof out);
        ck_assert_int_eq(plait_put_bytes(queue, in, size, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_get_bytes(queue, out, size, PLAIT_NOW), (ssize_t)size);
        ck_assert_mem_eq(in, out, size);
        ck_assert_int_eq(out[size], 255);
        plait_queue_free(queue);
    }
}

TEST(what_a_shared_queue_cannot_be)
{
    static const plait_queue_options shared = {.where = PLAIT_SHARED};
    errno = 0;
    ck_assert_ptr_null(plait_queue_open(4, 0, &shared));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_queue_open(4, PLAIT_UNBOUNDED, &shared));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_queue_open(SIZE_MAX / 2, 4, &shared));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(plait_queue_open(16, SIZE_MAX / 32, &shared));
    ck_assert_ptr_null(plait_queue_open(4, 4, &(plait_queue_options){.redeliver = true}));
    ck_assert_int_eq(errno, EINVAL);
}

TEST(closed_is_drained_then_over)
{
    plait_queue *queue = open_shared(sizeof(int), 4);
    int got;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_put(queue, &i, PLAIT_NEVER), 0);
    ck_assert(!plait_queue_is_closed(queue));
    ck_assert_int_eq(plait_queue_close(queue), 0);
    ck_assert_int_eq(plait_queue_close(queue), 0);
    ck_assert(plait_queue_is_closed(queue));
    ck_assert_int_eq(plait_put(queue, &got, PLAIT_NEVER), -EPIPE);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_get(queue, &got, PLAIT_NEVER), 0);
        ck_assert_int_eq(got, i);
    }
    ck_assert_int_eq(plait_get(queue, &got, PLAIT_NEVER), -EPIPE);
    plait_queue_free(queue);
}

static void count_dropped(const void *item, size_t size, void *arg)
{
    *(int *)arg += *(const int *)item;
}

TEST(close_now_drops_what_is_left)
{
    plait_queue *queue = open_shared(sizeof(int), 4);
    int got, sum = 0;
    for (int i = 1; i < 4; i++)
        ck_assert_int_eq(plait_put(queue, &i, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_queue_close_now(queue, count_dropped, &sum), 3);
    ck_assert_int_eq(sum, 6);
    ck_assert_int_eq(plait_get(queue, &got, PLAIT_NEVER), -EPIPE);
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
    plait_queue_free(queue);
}

TEST(many_at_once)
{
    plait_queue *queue = open_shared(sizeof(int), 10);
    int in[15], out[15];
    for (int i = 0; i < 15; i++)
        in[i] = i;
    ck_assert_int_eq(plait_put_many(queue, in, 15, PLAIT_NOW), 10);
    ck_assert_int_eq(plait_get_many(queue, out, 7, PLAIT_NOW), 7);
    ck_assert_int_eq(plait_put_many(queue, in + 10, 5, PLAIT_NOW), 5);
    ck_assert_int_eq(plait_get_many(queue, out + 7, 15, PLAIT_NOW), 8);
    ck_assert_mem_eq(in, out, sizeof in);
    ck_assert_int_eq(plait_get_many(queue, out, 15, PLAIT_NOW), -EAGAIN);
    plait_queue_free(queue);
}

TEST(places_are_written_and_read_where_they_lie)
{
    plait_queue *queue = open_shared(sizeof(long), 2);
    long *first = plait_queue_reserve(queue, sizeof(long), PLAIT_NOW), got = 9;
    long *second = plait_queue_reserve(queue, sizeof(long), PLAIT_NOW);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_null(plait_queue_reserve(queue, sizeof(long), PLAIT_NOW));
    ck_assert_int_eq(errno, EAGAIN);
    *second = 2;
    plait_queue_commit(queue, second);
    ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), -EAGAIN); /* the first comes first */
    plait_queue_give_up(queue, first);
    size_t size = 0;
    const long *taken = plait_queue_take(queue, &size, PLAIT_NOW);
    ck_assert_ptr_nonnull(taken);
    ck_assert_uint_eq(size, sizeof(long));
    ck_assert_int_eq(*taken, 2);
    got = 3;
    ck_assert_int_eq(plait_put(queue, &got, PLAIT_NOW), 0);
    plait_queue_put_back(queue, taken);
    ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
    ck_assert_int_eq(got, 2);
    ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
    ck_assert_int_eq(got, 3);
    plait_queue_free(queue);
}

TEST(join_waits_until_all_is_done)
{
    plait_queue *queue = open_shared(sizeof(int), 4);
    int got = 1;
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_put(queue, &got, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_queue_join(queue, plait_after(PLAIT_MILLISECOND)), -ETIMEDOUT);
    plait_queue_task_done(queue);
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NEVER), 0);
    plait_queue_free(queue);
}

/* What is put back is to be done again, what was lost with its taker never. */
static void counts_places(bool alone)
{
    plait_queue *queue = plait_queue_open(
        sizeof(int), 2, &(plait_queue_options){.where = PLAIT_SHARED, .single_consumer = alone});
    for (int lap = 0, got; lap < 5; lap++) {
        ck_assert_int_eq(plait_put(queue, &lap, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_put(queue, &lap, PLAIT_NOW), 0);
        plait_queue_put_back(queue, plait_queue_take(queue, NULL, PLAIT_NOW));
        const int *taken = plait_queue_take(queue, NULL, PLAIT_NOW);
        ck_assert_int_eq(*taken, lap);
        ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
        plait_queue_task_done(queue);
        ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), -EAGAIN);
        plait_queue_task_done(queue);
        plait_queue_release(queue, taken);
        ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
    }
    plait_queue_free(queue);
}

TEST(places_are_counted)
{
    counts_places(false);
    counts_places(true);
}

/* ---- several tasks of any carrier */

enum { ITEMS = 500, JOINS = 3000 };

struct worked {
    plait_queue *queue;
    int *last; /* of the items that are worked on */
};

static int work(void *arg)
{
    struct worked *worked = arg;
    for (int got; plait_get(worked->queue, &got, PLAIT_NEVER) == 0;) {
        __atomic_store_n(worked->last, got, __ATOMIC_RELAXED);
        plait_queue_task_done(worked->queue);
    }
    return 0;
}

/* The joiner looks again and again, so that it does so between a get's commit and its count,
 * too. */
static void joins_late(plait_queue_options options)
{
    options.where = PLAIT_SHARED;
    struct worked worked = {plait_queue_open(sizeof(int), 4, &options), plait_share(sizeof(int))};
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, work, &worked, NULL), 0);
    for (int i = 1, rc; i <= JOINS; i++) {
        ck_assert_int_eq(plait_put(worked.queue, &i, PLAIT_NEVER), 0);
        while ((rc = plait_queue_join(worked.queue, i % 8 ? PLAIT_NOW : PLAIT_NEVER)) == -EAGAIN)
            ;
        ck_assert_int_eq(rc, 0);
        ck_assert_int_eq(__atomic_load_n(worked.last, __ATOMIC_RELAXED), i);
    }
    plait_queue_close(worked.queue);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    plait_queue_free(worked.queue);
    plait_share_free(worked.last);
}

TEST_LABELED(join_waits_for_what_is_just_got, "process")
{
    joins_late((plait_queue_options){0});
    joins_late((plait_queue_options){.single_consumer = true, .single_producer = true});
    joins_late((plait_queue_options){.order = PLAIT_PRIORITY});
}

static int produce(void *queue)
{
    for (int i = 0; i < ITEMS; i++)
        need(plait_put((plait_queue *)queue, &i, PLAIT_NEVER) == 0);
    return 0;
}

/* The items of each of two producers come in their order; all that came, added up. */
static int consume(void *queue)
{
    for (int got, last = 0; plait_get((plait_queue *)queue, &got, PLAIT_NEVER) == 0; last = got)
        need(got >= 0 && got < ITEMS && last >= 0);
    return 0;
}

TEST_CARRIERS(items_cross_carriers)
{
    plait_queue *queue = open_shared(sizeof(int), 4);
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, carrier, produce, queue, NULL), 0);
    for (int i = 0, got; i < ITEMS; i++) {
        ck_assert_int_eq(plait_get(queue, &got, PLAIT_NEVER), 0);
        ck_assert_int_eq(got, i);
    }
    int status = -1;
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
    plait_queue_free(queue);
}

TEST_LABELED(many_of_all_kinds, "process")
{
    static const plait_carrier kinds[] = {PLAIT_PROCESS, PLAIT_THREAD, PLAIT_COROUTINE};
    plait_queue *queue = open_shared(sizeof(int), 3);
    plait_task *putters[6], *getters[6];
    int status;
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(plait_start(&getters[i], kinds[i % 3], consume, queue, NULL), 0);
        ck_assert_int_eq(plait_start(&putters[i], kinds[i % 3], produce, queue, NULL), 0);
    }
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(plait_join(putters[i], &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    plait_queue_close(queue);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(plait_join(getters[i], &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    plait_queue_free(queue);
}

/* ---- those who are gone */

static int die_at_once(void *queue)
{
    return raise(SIGKILL);
}

static int put_one_and_leave(void *queue)
{
    int one = 1;
    return plait_put((plait_queue *)queue, &one, PLAIT_NEVER);
}

static int get_for_ever(void *queue)
{
    for (int got; plait_get((plait_queue *)queue, &got, PLAIT_NEVER) == 0;)
        ;
    return 0;
}

/* A get that nobody alive can end, by a task of `carrier`. */
static int get_until_it_ends(void *arg)
{
    plait_queue *queue = arg;
    int got, rc;
    while ((rc = plait_get(queue, &got, PLAIT_NEVER)) == 0)
        ;
    return -rc;
}

static void ends_with(plait_carrier carrier, plait_function *other, int code)
{
    plait_queue *queue = open_shared(sizeof(int), 4);
    plait_task *task, *getter;
    int status = -1;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, other, queue, NULL), 0);
    ck_assert_int_eq(plait_start(&getter, carrier, get_until_it_ends, queue, NULL), 0);
    ck_assert_int_eq(plait_join(getter, &status, plait_after(5 * PLAIT_SECOND)), 0);
    ck_assert_int_eq(status, code);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    plait_queue_free(queue);
}

TEST_LABELED(a_get_ends_when_all_others_left, "process")
{
    ends_with(PLAIT_THREAD, put_one_and_leave, EPIPE);
    ends_with(PLAIT_COROUTINE, put_one_and_leave, EPIPE);
}

TEST_LABELED(a_get_ends_when_its_putter_was_killed, "process")
{
    ends_with(PLAIT_THREAD, die_at_once, EOWNERDEAD);
    ends_with(PLAIT_COROUTINE, die_at_once, EOWNERDEAD);
}

TEST_LABELED(a_put_ends_when_nobody_is_left_to_get, "process")
{
    plait_queue *queue = open_shared(sizeof(int), 1);
    plait_task *task;
    int one = 1, rc;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, get_for_ever, queue, NULL), 0);
    ck_assert_int_eq(plait_put(queue, &one, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_kill(task), 0);
    while ((rc = plait_put(queue, &one, plait_after(5 * PLAIT_SECOND))) == 0)
        ;
    ck_assert_int_eq(rc, -EOWNERDEAD);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    plait_queue_free(queue);
}

/* Who has put may put again: then nobody decides for him. */
TEST_LABELED(a_get_waits_for_its_own_process, "process")
{
    plait_queue *queue = open_shared(sizeof(int), 4);
    plait_task *task;
    int one = 1;
    ck_assert_int_eq(plait_put(queue, &one, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, die_at_once, queue, NULL), 0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_get(queue, &one, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_get(queue, &one, plait_after(100 * PLAIT_MILLISECOND)), -ETIMEDOUT);
    plait_queue_free(queue);
}

static int take_and_die(void *queue)
{
    need(plait_queue_take((plait_queue *)queue, NULL, PLAIT_NEVER) != NULL);
    return raise(SIGKILL);
}

/* One is lost with its taker; the join waits for the other alone, which is here and not done. */
static void joins_without_the_lost(bool alone)
{
    plait_queue *queue = plait_queue_open(
        sizeof(int), 2, &(plait_queue_options){.where = PLAIT_SHARED, .single_consumer = alone});
    plait_task *task;
    int one = 1;
    for (int round = 1; round <= 3; round++) {
        ck_assert_int_eq(plait_put(queue, &one, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_put(queue, &one, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, take_and_die, queue, NULL), 0);
        ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_get(queue, &one, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_queue_join(queue, plait_after(50 * PLAIT_MILLISECOND)), -ETIMEDOUT);
        ck_assert_uint_eq(plait_queue_lost(queue), round);
        plait_queue_task_done(queue);
        ck_assert_int_eq(plait_queue_join(queue, PLAIT_NEVER), 0);
    }
    plait_queue_free(queue);
}

TEST_LABELED(a_join_does_not_wait_for_the_lost, "process")
{
    joins_without_the_lost(false);
    joins_without_the_lost(true);
}

/* Who asks again and again never sleeps, and is told all the same. */
TEST_LABELED(a_join_that_is_asked_again_ends, "process")
{
    plait_queue *queue = open_shared(sizeof(int), 2);
    plait_task *task;
    int one = 1, rc;
    ck_assert_int_eq(plait_put(queue, &one, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, take_and_die, queue, NULL), 0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    while ((rc = plait_queue_join(queue, PLAIT_NOW)) == -EAGAIN)
        usleep(1000);
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_eq(plait_queue_lost(queue), 1);
    plait_queue_free(queue);
}

/* The notes' first failure: a reader killed inside get leaves the queue usable. */
TEST_LABELED(a_reader_killed_in_get_breaks_nothing, "process")
{
    plait_queue *queue = open_shared(sizeof(int), 4);
    for (int round = 0; round < 20; round++) {
        plait_task *task;
        int got = 0;
        ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, get_for_ever, queue, NULL), 0);
        for (int i = 0; i < round; i++)
            ck_assert_int_eq(plait_put(queue, &i, plait_after(PLAIT_SECOND)), 0);
        usleep((useconds_t)(round % 5) * 500);
        ck_assert_int_eq(plait_kill(task), 0);
        ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
        while (plait_get(queue, &got, PLAIT_NOW) == 0)
            ;
        ck_assert_int_eq(plait_put(queue, &round, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
        ck_assert_int_eq(got, round);
    }
    plait_queue_free(queue);
}

/* The third: what was put can be got at once, by anybody. */
TEST_LABELED(what_was_put_is_there_at_once, "process")
{
    plait_queue *queue = open_shared(sizeof(int), 4);
    for (int i = 0; i < 200; i++) {
        plait_task *task;
        int got, status;
        if (i % 10 == 0) {
            ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, put_one_and_leave, queue, NULL), 0);
            ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
        } else {
            ck_assert_int_eq(plait_put(queue, &i, PLAIT_NOW), 0);
        }
        ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
    }
    plait_queue_free(queue);
}

static int put_much(void *queue)
{
    static char item[100000];
    for (int i = 0; i < 3; i++)
        if (plait_put_bytes((plait_queue *)queue, item, sizeof item, PLAIT_NEVER) != 0)
            return 1;
    return 0;
}

/* The fourth: a child that has put much can be joined before it is drained. */
TEST_LABELED(join_before_drain, "process")
{
    static char item[100000];
    plait_queue *queue = open_shared(sizeof item, 3);
    plait_task *task;
    int status = -1;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, put_much, queue, NULL), 0);
    ck_assert_int_eq(plait_join(task, &status, plait_after(5 * PLAIT_SECOND)), 0);
    ck_assert_int_eq(status, 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_get_bytes(queue, item, sizeof item, PLAIT_NOW), sizeof item);
    plait_queue_free(queue);
}
