/* The shared queue's other orders: messages, LIFO, priorities, redelivery. */
#include "crew.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static plait_queue *open_stock(size_t element, size_t capacity, plait_queue_options options)
{
    options.where = PLAIT_SHARED;
    plait_queue *queue = plait_queue_open(element, capacity, &options);
    ck_assert_ptr_nonnull(queue);
    return queue;
}

/* ---- alone */

TEST(messages_of_any_length)
{
    static char in[70000], out[70000];
    plait_queue *queue = open_stock(PLAIT_MESSAGES, 8, (plait_queue_options){.bytes = 200000});
    static const size_t sizes[] = {0, 1, 55, 56, 57, 64, 100, 2048, 2049, 4096, 65536, 70000};
    for (int lap = 0; lap < 20; lap++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            memset(in, (int)(lap + i), sizes[i]);
            memset(out, 255, sizeof out);
            ck_assert_int_eq(plait_put_bytes(queue, in, sizes[i], PLAIT_NOW), 0);
            if (sizes[i]) {
                ck_assert_int_eq(plait_get_bytes(queue, out, sizes[i] - 1, PLAIT_NOW), -EMSGSIZE);
                ck_assert_uint_eq(plait_queue_size(queue), 1);
            }
            ck_assert_int_eq(plait_get_bytes(queue, out, sizeof out, PLAIT_NOW), (ssize_t)sizes[i]);
            ck_assert_mem_eq(in, out, sizes[i]);
        }
    plait_queue_free(queue);
}

TEST(messages_fill_the_room)
{
    static char text[1000];
    plait_queue *queue = open_stock(PLAIT_MESSAGES, 100, (plait_queue_options){.bytes = 3500});
    ck_assert_int_eq(plait_put_bytes(queue, text, 3501, PLAIT_NOW), -EMSGSIZE);
    for (int lap = 0; lap < 50; lap++) {
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(plait_put_bytes(queue, text, 1000, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_put_bytes(queue, text, 501, PLAIT_NOW), -EAGAIN);
        ck_assert_int_eq(plait_put_bytes(queue, text, 501, plait_after(PLAIT_MILLISECOND)),
                         -ETIMEDOUT);
        ck_assert_int_eq(plait_put_bytes(queue, text, 500, PLAIT_NOW), 0);
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(plait_get_bytes(queue, text, 1000, PLAIT_NOW), i < 3 ? 1000 : 500);
    }
    plait_queue_free(queue);
}

TEST(last_in_first_out)
{
    plait_queue *queue = open_stock(sizeof(int), 5, (plait_queue_options){.order = PLAIT_LIFO});
    int got;
    for (int lap = 0; lap < 10; lap++) {
        for (int i = 0; i < 5; i++)
            ck_assert_int_eq(plait_put(queue, &i, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_put(queue, &lap, PLAIT_NOW), -EAGAIN);
        for (int i = 5; i-- > 0;) {
            ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
            ck_assert_int_eq(got, i);
        }
        ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), -EAGAIN);
    }
    plait_queue_free(queue);
}

TEST(lowest_first_then_first_come)
{
    plait_queue *queue =
        open_stock(sizeof(int), 300, (plait_queue_options){.order = PLAIT_PRIORITY});
    unsigned random = 7;
    for (int lap = 0; lap < 5; lap++) {
        int64_t last = INT64_MIN;
        int last_item = -1;
        for (int i = 0; i < 300; i++) {
            int item = (int)(crew_random(&random) % 20) * 1000 + i;
            ck_assert_int_eq(plait_put_priority(queue, &item, item / 1000 - 10, PLAIT_NOW), 0);
        }
        for (int i = 0; i < 300; i++) {
            int got;
            ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
            int64_t priority = got / 1000 - 10;
            ck_assert_int_ge(priority, last);
            ck_assert(priority > last || got > last_item);
            last = priority;
            last_item = got;
        }
    }
    plait_queue_free(queue);
}

TEST(places_of_messages)
{
    plait_queue *queue = open_stock(PLAIT_MESSAGES, 4, (plait_queue_options){0});
    char text[10];
    size_t size;
    char *place = plait_queue_reserve(queue, 6, PLAIT_NOW);
    ck_assert_ptr_nonnull(place);
    ck_assert_int_eq(plait_put_bytes(queue, "other", 6, PLAIT_NOW), 0);
    memcpy(place, "place", 6);
    plait_queue_commit(queue, place);
    ck_assert_int_eq(plait_get_bytes(queue, text, sizeof text, PLAIT_NOW), 6);
    ck_assert_str_eq(text, "other");
    const char *taken = plait_queue_take(queue, &size, PLAIT_NOW);
    ck_assert_str_eq(taken, "place");
    ck_assert_uint_eq(size, 6);
    plait_queue_put_back(queue, taken);
    taken = plait_queue_take(queue, &size, PLAIT_NOW);
    ck_assert_str_eq(taken, "place");
    plait_queue_release(queue, taken);
    place = plait_queue_reserve(queue, 6, PLAIT_NOW);
    plait_queue_give_up(queue, place);
    ck_assert_uint_eq(plait_queue_size(queue), 0);
    plait_queue_task_done(queue);
    plait_queue_task_done(queue);
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
    plait_queue_free(queue);
}

TEST(redelivering_queue_is_done_by_task_done)
{
    plait_queue *queue = open_stock(sizeof(int), 4, (plait_queue_options){.redeliver = true});
    int got;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(plait_put(queue, &i, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_put(queue, &got, PLAIT_NOW), -EAGAIN); /* it may have to come back */
    plait_queue_task_done(queue);
    ck_assert_int_eq(plait_put(queue, &got, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), -EAGAIN);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
        ck_assert_int_eq(got, (i + 1) % 4);
        plait_queue_task_done(queue);
    }
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
    plait_queue_close(queue);
    ck_assert_int_eq(plait_get(queue, &got, PLAIT_NEVER), -EPIPE);
    plait_queue_free(queue);
}

static void done_too_often(void *queue)
{
    plait_queue_task_done(queue);
}

TEST_LABELED(done_once_too_often, "process")
{
    plait_queue *queue = open_stock(sizeof(int), 4, (plait_queue_options){.redeliver = true});
    harness_dies(done_too_often, queue, "once too often");
    plait_queue_free(queue);
}

/* ---- between processes */

enum { JOBS = 400 };

static int put_jobs(void *queue)
{
    for (int i = 0; i < JOBS; i++) {
        char text[5000];
        size_t size = sizeof(int) + (size_t)(i * 37 % 4900);
        memset(text, i, sizeof text);
        memcpy(text, &i, sizeof i);
        need(plait_put_bytes((plait_queue *)queue, text, size, PLAIT_NEVER) == 0);
    }
    return 0;
}

static int get_jobs(void *queue)
{
    char text[5000];
    ssize_t size;
    while ((size = plait_get_bytes((plait_queue *)queue, text, sizeof text, PLAIT_NEVER)) > 0) {
        int number;
        memcpy(&number, text, sizeof number);
        need(size == (ssize_t)sizeof(int) + number * 37 % 4900);
        for (ssize_t i = sizeof(int); i < size; i++)
            need(text[i] == (char)number);
    }
    return size != -EPIPE;
}

TEST_LABELED(messages_of_all_kinds_of_tasks, "process")
{
    static const plait_carrier kinds[] = {PLAIT_PROCESS, PLAIT_THREAD, PLAIT_COROUTINE};
    plait_queue *queue = open_stock(PLAIT_MESSAGES, 20, (plait_queue_options){.bytes = 20000});
    plait_task *putters[3], *getters[3];
    int status;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_start(&getters[i], kinds[i], get_jobs, queue, NULL), 0);
        ck_assert_int_eq(plait_start(&putters[i], kinds[i], put_jobs, queue, NULL), 0);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_join(putters[i], &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    plait_queue_close(queue);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_join(getters[i], &status, PLAIT_NEVER), 0);
        ck_assert_int_eq(status, 0);
    }
    plait_queue_free(queue);
}

static int take_and_die(void *queue)
{
    int got;
    need(plait_get((plait_queue *)queue, &got, PLAIT_NEVER) == 0);
    return raise(SIGKILL);
}

static void comes_back(plait_queue_options options, int expected)
{
    options.redeliver = true;
    plait_queue *queue = open_stock(sizeof(int), 4, options);
    int got;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_put(queue, &i, PLAIT_NOW), 0);
    plait_task *task;
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, take_and_die, queue, NULL), 0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    usleep(30000);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(plait_get(queue, &got, plait_after(PLAIT_SECOND)), 0);
        if (i == 0)
            ck_assert_int_eq(got, expected);
        plait_queue_task_done(queue);
    }
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
    ck_assert_uint_eq(plait_queue_lost(queue), 0);
    plait_queue_free(queue);
}

TEST_LABELED(what_a_killed_taker_had_comes_back, "process")
{
    comes_back((plait_queue_options){0}, 0);
    comes_back((plait_queue_options){.order = PLAIT_LIFO}, 2);
    comes_back((plait_queue_options){.order = PLAIT_PRIORITY}, 0);
}

static int hold_and_die(void *queue)
{
    need(plait_queue_take((plait_queue *)queue, NULL, PLAIT_NEVER) != NULL);
    need(plait_queue_reserve((plait_queue *)queue, PLAIT_UNSIZED, PLAIT_NEVER) != NULL);
    return raise(SIGKILL);
}

/* Taken in place and not redelivered: lost, and counted; the places are free again. */
static void is_lost(plait_order order)
{
    plait_queue *queue = open_stock(sizeof(int), 2, (plait_queue_options){.order = order});
    int item = 1;
    plait_task *task;
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, hold_and_die, queue, NULL), 0);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_put(queue, &item, plait_after(PLAIT_SECOND)), 0);
    ck_assert_int_eq(plait_get(queue, &item, plait_after(PLAIT_SECOND)), 0);
    ck_assert_int_eq(plait_put(queue, &item, plait_after(PLAIT_SECOND)), 0);
    ck_assert_uint_eq(plait_queue_lost(queue), 1);
    plait_queue_close(queue);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NEVER), -EPIPE);
    plait_queue_task_done(queue);
    plait_queue_task_done(queue);
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
    plait_queue_free(queue);
}

TEST_LABELED(places_of_the_dead_are_free_again, "process")
{
    is_lost(PLAIT_FIFO);
    is_lost(PLAIT_LIFO);
}

/* ---- select */

struct chooser {
    plait_queue *shared[2], *private;
};

/* Adds up what comes from two shared queues and a private one. */
static int choose(void *arg)
{
    struct chooser *chooser = arg;
    int got[3], sum = 0;
    for (;;) {
        int which = plait_select(PLAIT_NEVER, plait_on_get(chooser->shared[0], &got[0]),
                                 plait_on_get(chooser->shared[1], &got[1]),
                                 plait_on_get(chooser->private, &got[2]));
        if (which < 0)
            return which == -EPIPE ? sum : which;
        sum += got[which];
    }
}

static int put_ten(void *queue)
{
    for (int i = 0; i < 100; i++) {
        need(plait_put((plait_queue *)queue, &(int){10}, PLAIT_NEVER) == 0);
        if (i % 20 == 0)
            plait_sleep(plait_after(PLAIT_MILLISECOND));
    }
    return 0;
}

static void selects(plait_carrier carrier)
{
    plait_task *task, *putters[3];
    int status = -1;
    struct chooser chooser = {
        {open_stock(sizeof(int), 4, (plait_queue_options){0}),
         open_stock(sizeof(int), 4, (plait_queue_options){.order = PLAIT_LIFO})},
        plait_queue_open(sizeof(int), 4, NULL)};
    /* This process may put, too: else the end of the other one would end the select. */
    ck_assert_int_eq(plait_put(chooser.shared[0], &(int){0}, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_start(&putters[0], PLAIT_PROCESS, put_ten, chooser.shared[0], NULL), 0);
    ck_assert_int_eq(plait_start(&putters[1], PLAIT_COROUTINE, put_ten, chooser.shared[1], NULL),
                     0);
    ck_assert_int_eq(plait_start(&putters[2], PLAIT_THREAD, put_ten, chooser.private, NULL), 0);
    ck_assert_int_eq(plait_start(&task, carrier, choose, &chooser, NULL), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_join(putters[i], NULL, PLAIT_NEVER), 0);
    plait_queue_close(chooser.shared[0]);
    ck_assert_int_eq(plait_join(task, &status, plait_after(5 * PLAIT_SECOND)), 0);
    ck_assert_int_eq(status, 3000);
    for (int i = 0; i < 2; i++)
        plait_queue_free(chooser.shared[i]);
    plait_queue_free(chooser.private);
}

TEST_LABELED(select_takes_from_shared_and_private, "process")
{
    selects(PLAIT_THREAD);
    selects(PLAIT_COROUTINE);
}

static int select_one(void *queue)
{
    int got;
    return -plait_select(PLAIT_NEVER, plait_on_get((plait_queue *)queue, &got));
}

static int die_soon(void *arg)
{
    usleep(5000);
    return raise(SIGKILL);
}

TEST_LABELED(a_select_ends_when_nobody_is_left, "process")
{
    static const plait_carrier carriers[] = {PLAIT_THREAD, PLAIT_COROUTINE};
    for (int i = 0; i < 2; i++) {
        plait_queue *queue = open_stock(sizeof(int), 4, (plait_queue_options){0});
        plait_task *task, *killed;
        int status = 0;
        ck_assert_int_eq(plait_start(&killed, PLAIT_PROCESS, die_soon, queue, NULL), 0);
        ck_assert_int_eq(plait_start(&task, carriers[i], select_one, queue, NULL), 0);
        ck_assert_int_eq(plait_join(task, &status, plait_after(5 * PLAIT_SECOND)), 0);
        ck_assert_int_eq(status, EOWNERDEAD);
        ck_assert_int_eq(plait_join(killed, NULL, PLAIT_NEVER), 0);
        plait_queue_free(queue);
    }
}

/* ---- feeders */

static plait_event *all_are_named; /* a feeder that ends before would be the last one */

static int feed(void *queue)
{
    int one = 1;
    need(plait_put((plait_queue *)queue, &one, PLAIT_NEVER) == 0);
    need(plait_event_wait(all_are_named, PLAIT_NEVER) == 0);
    return plait_sleep(plait_after(5 * PLAIT_MILLISECOND));
}

static int feed_and_die(void *queue)
{
    feed(queue);
    return raise(SIGKILL);
}

static void is_closed_by_its_feeders(plait_where where, plait_carrier carrier,
                                     plait_function *function)
{
    plait_queue *queue = plait_queue_open(sizeof(int), 4, &(plait_queue_options){.where = where});
    plait_task *task[2];
    int got, count = 0, rc;
    plait_event_clear(all_are_named);
    ck_assert_int_eq(plait_put(queue, &count, PLAIT_NOW), 0); /* this process may put, too */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(plait_start(&task[i], carrier, function, queue, NULL), 0);
        ck_assert_int_eq(plait_queue_fed_by(queue, task[i]), 0);
    }
    plait_event_set(all_are_named);
    while ((rc = plait_get(queue, &got, plait_after(5 * PLAIT_SECOND))) == 0)
        count++;
    ck_assert_int_eq(rc, -EPIPE);
    ck_assert_int_eq(count, 3);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(plait_join(task[i], NULL, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_queue_fed_by(queue, NULL), -EINVAL);
    plait_queue_free(queue);
}

TEST_LABELED(closed_when_the_last_feeder_has_ended, "process")
{
    all_are_named = plait_share(sizeof *all_are_named);
    plait_event_init(all_are_named, PLAIT_SHARED);
    is_closed_by_its_feeders(PLAIT_PRIVATE, PLAIT_THREAD, feed);
    is_closed_by_its_feeders(PLAIT_PRIVATE, PLAIT_COROUTINE, feed);
    is_closed_by_its_feeders(PLAIT_SHARED, PLAIT_COROUTINE, feed);
    is_closed_by_its_feeders(PLAIT_SHARED, PLAIT_PROCESS, feed);
    is_closed_by_its_feeders(PLAIT_SHARED, PLAIT_PROCESS, feed_and_die);
    plait_share_free(all_are_named);
}

static int wait_for_a_word(void *arg)
{
    return plait_event_wait(arg, PLAIT_NEVER);
}

TEST(freed_before_its_feeder_ends)
{
    plait_event event = {0};
    plait_task *task;
    plait_queue *queue = plait_queue_open(sizeof(int), 4, NULL);
    ck_assert_int_eq(plait_start(&task, PLAIT_THREAD, wait_for_a_word, &event, NULL), 0);
    ck_assert_int_eq(plait_queue_fed_by(queue, task), 0);
    plait_queue_free(queue);
    plait_event_set(&event);
    ck_assert_int_eq(plait_join(task, NULL, PLAIT_NEVER), 0);
}

/* ---- names */

TEST(unrelated_openers_meet_by_name)
{
    const plait_queue_options named = {.url = harness_name("shm:test-queue")};
    plait_queue_options other = named;
    plait_queue *one = plait_queue_open(sizeof(int), 4, &named);
    ck_assert_ptr_nonnull(one);
    plait_queue *two = plait_queue_open(sizeof(int), 4, &named);
    ck_assert_ptr_nonnull(two);
    int item = 7;
    ck_assert_int_eq(plait_put(one, &item, PLAIT_NOW), 0);
    item = 0;
    ck_assert_int_eq(plait_get(two, &item, PLAIT_NOW), 0);
    ck_assert_int_eq(item, 7);
    ck_assert_ptr_null(plait_queue_open(sizeof(long), 4, &named));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    other.redeliver = true;
    ck_assert_ptr_null(plait_queue_open(sizeof(int), 4, &other));
    ck_assert_int_eq(errno, PLAIT_EFORMAT);
    other.url = harness_name("shm:test-queue?create");
    ck_assert_ptr_null(plait_queue_open(sizeof(int), 4, &other));
    ck_assert_int_eq(errno, EEXIST);
    plait_queue_free(one);
    plait_queue_free(two);
    other.url = harness_name("shm:test-queue?attach");
    ck_assert_ptr_null(plait_queue_open(sizeof(int), 4, &other));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_ptr_null(plait_queue_open(4, 4, &(plait_queue_options){.url = "no such thing"}));
    ck_assert_int_eq(errno, EINVAL);
}

/* ---- storms: workers that are killed at any moment */

struct tally {
    plait_queue *queue;
    int done[200]; /* how often each number was worked on to its end */
};

static int work(void *arg)
{
    struct tally *tally = arg;
    for (int number; plait_get(tally->queue, &number, PLAIT_NEVER) == 0;) {
        __atomic_fetch_add(&tally->done[number], 1, __ATOMIC_RELAXED);
        plait_queue_task_done(tally->queue);
    }
    return 0;
}

/* Every number is done at least once, and only those of the killed may be done twice. */
static void storm(plait_order order)
{
    struct tally *tally = plait_share(sizeof *tally);
    unsigned random = (unsigned)order + 1;
    int kills = 0, twice = 0;
    tally->queue =
        open_stock(sizeof(int), 20, (plait_queue_options){.order = order, .redeliver = true});
    plait_task *workers[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_start(&workers[i], PLAIT_PROCESS, work, tally, NULL), 0);
    for (int number = 0; number < 200; number++) {
        ck_assert_int_eq(plait_put(tally->queue, &number, plait_after(5 * PLAIT_SECOND)), 0);
        if (number % 10 != 9)
            continue;
        usleep(crew_random(&random) % 300);
        int i = (int)(crew_random(&random) % 3);
        ck_assert_int_eq(plait_kill(workers[i]), 0);
        ck_assert_int_eq(plait_join(workers[i], NULL, PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_start(&workers[i], PLAIT_PROCESS, work, tally, NULL), 0);
        kills++;
    }
    ck_assert_int_eq(plait_queue_join(tally->queue, plait_after(5 * PLAIT_SECOND)), 0);
    for (int number = 0; number < 200; number++) {
        ck_assert_int_ge(tally->done[number], 1);
        twice += tally->done[number] - 1;
    }
    ck_assert_int_le(twice, kills);
    plait_queue_close(tally->queue);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(plait_join(workers[i], NULL, plait_after(5 * PLAIT_SECOND)), 0);
    plait_queue_free(tally->queue);
    plait_share_free(tally);
}

TEST_LABELED(nothing_is_lost_when_workers_are_killed, "process")
{
    storm(PLAIT_FIFO);
    storm(PLAIT_LIFO);
    storm(PLAIT_PRIORITY);
}
