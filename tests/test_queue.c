/* The private FIFO queue: order, bounds, waiting, close, free, misuse. */
#include "crew.h"

#include <stdint.h>
#include <stdlib.h>

/* ---- alone */

TEST(first_in_first_out_at_every_capacity)
{
    static const size_t capacities[] = {1, 2, 3, 4, 5, 7, 8, 1000};
    for (size_t c = 0; c < sizeof capacities / sizeof *capacities; c++) {
        size_t capacity = capacities[c];
        plait_queue *queue = plait_queue_open(sizeof(int), capacity, NULL);
        int in = 0, out = 0, got;
        ck_assert_ptr_nonnull(queue);
        for (int lap = 0; lap < 5; lap++) {
            for (size_t i = 0; i < capacity; i++, in++)
                ck_assert_int_eq(plait_put(queue, &in, PLAIT_NOW), 0);
            ck_assert_int_eq(plait_put(queue, &in, PLAIT_NOW), -EAGAIN);
            ck_assert_int_eq(plait_put(queue, &in, plait_now() - 1), -ETIMEDOUT);
            for (size_t i = 0; i < capacity; i++, out++) {
                ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
                ck_assert_int_eq(got, out);
            }
            ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), -EAGAIN);
            ck_assert_int_eq(plait_get(queue, &got, plait_now() - 1), -ETIMEDOUT);
        }
        plait_queue_free(queue);
    }
}

TEST(items_of_any_size_and_value)
{
    for (size_t size = 1; size <= 100; size++) {
        unsigned char in[100], out[101];
        plait_queue *queue = plait_queue_open(size, 3, NULL);
        for (int value = 0; value < 256; value += 85) {
            memset(in, value, sizeof in);
            memset(out, ~value, sizeof out);
            ck_assert_int_eq(plait_put_bytes(queue, in, size, PLAIT_NOW), 0);
            ck_assert_int_eq(plait_get_bytes(queue, out, size, PLAIT_NOW), (ssize_t)size);
            ck_assert_mem_eq(in, out, size);
            ck_assert_int_eq(out[size], (unsigned char)~value);
        }
        plait_queue_free(queue);
    }
}

TEST(a_void_pointer_is_not_checked)
{
    plait_queue *queue = plait_queue_open(sizeof(long), 2, NULL);
    long in = 42, out = 0;
    void *from = &in, *to = &out;
    ck_assert_int_eq(plait_put(queue, from, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_get_bytes(queue, to, PLAIT_UNSIZED, PLAIT_NOW), sizeof(long));
    ck_assert_int_eq(out, 42);
    plait_queue_free(queue);
}

TEST(after_close_puts_end_and_gets_drain)
{
    plait_queue *queue = plait_queue_open(sizeof(int), 4, NULL);
    int item = 1;
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), 0);
    item = 2;
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_queue_close(queue), 0);
    ck_assert_int_eq(plait_queue_close(queue), 0);
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NEVER), -EPIPE);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NEVER), 0);
    ck_assert_int_eq(item, 1);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NEVER), 0);
    ck_assert_int_eq(item, 2);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NEVER), -EPIPE);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NOW), -EPIPE);
    ck_assert_int_eq(item, 2);
    plait_queue_free(queue);
    plait_queue_free(NULL);
}

static int open_fails(size_t element, size_t capacity, const plait_queue_options *options)
{
    errno = 0;
    ck_assert_ptr_null(plait_queue_open(element, capacity, options));
    return errno;
}

static int compare_nothing(const void *a, const void *b)
{
    return 0;
}

TEST(sizes_and_options_that_cannot_be)
{
    ck_assert_int_eq(open_fails(SIZE_MAX, 1, NULL), EINVAL);
    ck_assert_int_eq(open_fails(SIZE_MAX / 2, 4, NULL), EINVAL);
    ck_assert_int_eq(open_fails(16, SIZE_MAX / 16, NULL), EINVAL);
    for (int order = PLAIT_LIFO; order <= PLAIT_PRIORITY; order++) {
        plait_queue_options options = {.order = (plait_order)order};
        ck_assert_int_eq(open_fails(SIZE_MAX - 8, 1, &options), EINVAL);
        ck_assert_int_eq(open_fails(SIZE_MAX / 2, 4, &options), EINVAL);
        ck_assert_int_eq(open_fails(1, (size_t)1 << 41, &options), ENOMEM);
        ck_assert_int_eq(open_fails(SIZE_MAX / 2, PLAIT_UNBOUNDED, &options), EINVAL);
    }
#ifndef __SANITIZE_THREAD__ /* its allocator stops the program instead */
    ck_assert_int_eq(open_fails((size_t)1 << 55, 1, NULL), ENOMEM);
#endif
    ck_assert_int_eq(open_fails(1, (size_t)1 << 41, NULL), ENOMEM);
    ck_assert_int_eq(open_fails(PLAIT_MESSAGES, 0, NULL), ENOTSUP);
    ck_assert_int_eq(open_fails(8, 0, &(plait_queue_options){.order = PLAIT_LIFO}), EINVAL);
    ck_assert_int_eq(open_fails(8, 1, &(plait_queue_options){.redeliver = true}), EINVAL);
    ck_assert_int_eq(open_fails(8, 1, &(plait_queue_options){.compare = compare_nothing}), EINVAL);
    ck_assert_int_eq(open_fails(8, 1, &(plait_queue_options){.bytes = 100}), EINVAL);
    ck_assert_int_eq(open_fails(8, 1, &(plait_queue_options){.where = 7}), EINVAL);
    ck_assert_int_eq(open_fails(8, 1, &(plait_queue_options){.order = 7}), EINVAL);
    plait_queue_options newer = {0};
    newer.reserved[2] = &newer;
    ck_assert_int_eq(open_fails(8, 1, &newer), EINVAL);
}

static char reported[256];

static void remember(plait_report kind, const char *text, void *arg)
{
    ck_assert_int_eq(kind, PLAIT_REPORT_DROPPED);
    snprintf(reported, sizeof reported, "%s", text);
}

TEST(what_free_drops_is_reported)
{
    plait_queue *queue = plait_queue_open(sizeof(int), 4, &(plait_queue_options){.name = "orders"});
    int item = 1;
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), 0);
    plait_on_report(remember, NULL);
    plait_queue_free(queue);
    ck_assert_str_eq(reported, "queue orders: freed with 1 items inside");
}

/* ---- with others */

enum { ITEMS = 3000 };
struct flow {
    plait_queue *queue;
    uint64_t sum, count;
    int putters;
};

static int put_all(void *arg)
{
    struct flow *flow = arg;
    for (uint64_t i = 1; i <= ITEMS; i++)
        need(plait_put(flow->queue, &i, PLAIT_NEVER) == 0);
    if (__atomic_sub_fetch(&flow->putters, 1, __ATOMIC_ACQ_REL) == 0)
        need(plait_queue_close(flow->queue) == 0);
    return 0;
}

static int get_all(void *arg)
{
    struct flow *flow = arg;
    uint64_t item, sum = 0, count = 0;
    int rc;
    while ((rc = plait_get(flow->queue, &item, PLAIT_NEVER)) == 0)
        sum += item, count++;
    need(rc == -EPIPE);
    __atomic_add_fetch(&flow->sum, sum, __ATOMIC_RELAXED);
    __atomic_add_fetch(&flow->count, count, __ATOMIC_RELAXED);
    return 0;
}

static void flow_run(int carrier, size_t capacity, int putters, int getters)
{
    struct flow flow = {plait_queue_open(sizeof(uint64_t), capacity, NULL), .putters = putters};
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, putters, put_all, &flow);
    crew_start(&crew, carrier, getters, get_all, &flow);
    crew_join(&crew);
    ck_assert_uint_eq(flow.count, (uint64_t)putters * ITEMS);
    ck_assert_uint_eq(flow.sum, (uint64_t)putters * ITEMS * (ITEMS + 1) / 2);
    plait_queue_free(flow.queue);
}

TEST_CREW(every_item_is_got_once)
{
    static const size_t capacities[] = {1, 2, 3, 64};
    for (int i = 0; i < 4; i++) {
        flow_run(carrier, capacities[i], 1, 1);
        flow_run(carrier, capacities[i], 3, 3);
        flow_run(carrier, capacities[i], 1, 4);
        flow_run(carrier, capacities[i], 4, 1);
    }
}

static int get_in_order(void *arg)
{
    struct flow *flow = arg;
    uint64_t item;
    for (uint64_t i = 1; i <= ITEMS; i++) {
        need(plait_get(flow->queue, &item, PLAIT_NEVER) == 0);
        need(item == i);
    }
    need(plait_get(flow->queue, &item, PLAIT_NEVER) == -EPIPE);
    return 0;
}

TEST_CREW(one_putter_keeps_its_order)
{
    struct flow flow = {plait_queue_open(sizeof(uint64_t), 5, NULL), .putters = 1};
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, put_all, &flow);
    crew_start(&crew, carrier, 1, get_in_order, &flow);
    crew_join(&crew);
    plait_queue_free(flow.queue);
}

static int wait_in_time(void *arg)
{
    plait_queue **queues = arg;
    int item = 0;
    int64_t end = plait_after(5 * PLAIT_MILLISECOND);
    need(plait_get(queues[0], &item, end) == -ETIMEDOUT);
    need(plait_now() >= end);
    need(plait_put(queues[1], &item, plait_after(5 * PLAIT_MILLISECOND)) == -ETIMEDOUT);
    return 0;
}

TEST_CREW(empty_and_full_are_refused_in_time)
{
    plait_queue *queues[2] = {plait_queue_open(sizeof(int), 1, NULL),
                              plait_queue_open(sizeof(int), 1, NULL)};
    int item = 0;
    ck_assert_int_eq(plait_put(queues[1], &item, PLAIT_NOW), 0);
    crew_run(carrier, 3, wait_in_time, queues);
    ck_assert_int_eq(plait_get(queues[1], &item, PLAIT_NOW), 0);
    plait_queue_free(queues[0]);
    plait_queue_free(queues[1]);
}

static int get_until_closed(void *arg)
{
    int item;
    need(plait_get((plait_queue *)arg, &item, PLAIT_NEVER) == -EPIPE);
    return 0;
}

static int put_until_closed(void *arg)
{
    int item = 0;
    need(plait_put((plait_queue *)arg, &item, PLAIT_NEVER) == -EPIPE);
    return 0;
}

TEST_CREW(close_wakes_all_that_wait)
{
    plait_queue *empty = plait_queue_open(sizeof(int), 2, NULL);
    plait_queue *full = plait_queue_open(sizeof(int), 1, NULL);
    struct crew crew = {.count = 0};
    int item = 0;
    ck_assert_int_eq(plait_put(full, &item, PLAIT_NOW), 0);
    crew_start(&crew, carrier, 6, get_until_closed, empty);
    crew_start(&crew, carrier, 6, put_until_closed, full);
    ck_assert_int_eq(plait_sleep(plait_after(2 * PLAIT_MILLISECOND)), 0);
    plait_queue_close(empty);
    plait_queue_close(full);
    crew_join(&crew);
    ck_assert_int_eq(plait_get(full, &item, PLAIT_NOW), 0);
    plait_queue_free(empty);
    plait_queue_free(full);
}

static int get_until_canceled(void *arg)
{
    int item;
    need(plait_get((plait_queue *)arg, &item, PLAIT_NEVER) == -ECANCELED);
    return 0;
}

TEST_LIGHT(cancel_ends_the_wait)
{
    plait_queue *queue = plait_queue_open(sizeof(int), 2, NULL);
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, get_until_canceled, queue);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    plait_cancel(crew.task[0]);
    crew_join(&crew);
    plait_queue_free(queue);
}

/* Puts and gets with random patience under random cancels; what was put is what was got. */
struct storm {
    plait_queue *queue;
    uint64_t in, out;
};

static int64_t patience(unsigned *random)
{
    switch (crew_random(random) % 3) {
    case 0:
        return PLAIT_NOW;
    case 1:
        return plait_after(crew_random(random) % 50 * 1000);
    default:
        return plait_after(20 * PLAIT_MILLISECOND);
    }
}

static int storm_put(void *arg)
{
    struct storm *storm = arg;
    unsigned random = (unsigned)(uintptr_t)&random;
    for (int i = 0; i < 1000; i++) {
        uint64_t item = crew_random(&random);
        int rc = plait_put(storm->queue, &item, patience(&random));
        need(rc == 0 || rc == -EAGAIN || rc == -ETIMEDOUT || rc == -ECANCELED || rc == -EPIPE);
        if (rc == 0)
            __atomic_add_fetch(&storm->in, item, __ATOMIC_RELAXED);
    }
    return 0;
}

static int storm_get(void *arg)
{
    struct storm *storm = arg;
    unsigned random = (unsigned)(uintptr_t)&random;
    for (;;) {
        uint64_t item;
        int rc = plait_get(storm->queue, &item, patience(&random));
        need(rc == 0 || rc == -EAGAIN || rc == -ETIMEDOUT || rc == -ECANCELED || rc == -EPIPE);
        if (rc == -EPIPE)
            return 0;
        if (rc == 0)
            __atomic_add_fetch(&storm->out, item, __ATOMIC_RELAXED);
    }
}

TEST_CREW(time_outs_cancels_and_close_lose_nothing)
{
    struct storm storm = {.queue = plait_queue_open(sizeof(uint64_t), 3, NULL)};
    struct crew putters = {.count = 0}, getters = {.count = 0};
    unsigned random = 1;
    crew_start(&putters, carrier, 4, storm_put, &storm);
    crew_start(&getters, carrier, 4, storm_get, &storm);
    for (int i = 0; i < 60; i++) {
        struct crew *crew = i & 1 ? &putters : &getters;
        plait_task *task = crew->task[crew_random(&random) % 4];
        if (task)
            plait_cancel(task);
        ck_assert_int_eq(plait_sleep(plait_after(50 * PLAIT_MICROSECOND)), 0);
    }
    ck_assert_int_eq(plait_sleep(plait_after(crew_random(&random) % 8 * PLAIT_MILLISECOND)), 0);
    plait_queue_close(storm.queue);
    crew_join(&putters);
    crew_join(&getters);
    ck_assert_uint_eq(storm.in, storm.out);
    plait_queue_free(storm.queue);
}

/* Who sees the effect frees the queue, while the other is still on its way out: ASan and TSan see a
 * late touch. */
static int put_one(void *arg)
{
    int item = 7;
    need(plait_put((plait_queue *)arg, &item, PLAIT_NEVER) == 0);
    return 0;
}

static int put_two_and_close(void *arg)
{
    plait_queue *queue = arg;
    for (int item = 0; item < 2; item++)
        need(plait_put(queue, &item, PLAIT_NEVER) == 0);
    need(plait_queue_close(queue) == 0);
    return 0;
}

static int get_one(void *arg)
{
    int item;
    need(plait_get((plait_queue *)arg, &item, PLAIT_NEVER) == 0);
    return 0;
}

TEST_LIGHT(may_be_freed_by_who_sees_the_effect)
{
    for (int i = 0; i < 100; i++) {
        struct crew crew = {.count = 0};
        int item;
        plait_queue *queue = plait_queue_open(sizeof(int), 1, NULL);
        crew_start(&crew, carrier, 1, put_one, queue);
        ck_assert_int_eq(plait_get(queue, &item, PLAIT_NEVER), 0);
        plait_queue_free(queue);

        queue = plait_queue_open(sizeof(int), 1, NULL);
        crew_start(&crew, carrier, 1, put_two_and_close, queue);
        while (plait_get(queue, &item, PLAIT_NEVER) == 0)
            ;
        plait_queue_free(queue);

        queue = plait_queue_open(sizeof(int), 1, NULL);
        ck_assert_int_eq(plait_put(queue, &i, PLAIT_NEVER), 0);
        crew_start(&crew, carrier, 1, get_one, queue);
        ck_assert_int_eq(plait_put(queue, &i, PLAIT_NEVER),
                         0); /* there is room: the getter is done */
        ck_assert_int_eq(plait_get(queue, &item, PLAIT_NEVER), 0);
        plait_queue_free(queue);
        crew_join(&crew);
    }
}

static int try_for_ever(void *arg)
{
    struct storm *storm = arg;
    uint64_t item;
    while (plait_get(storm->queue, &item, PLAIT_NOW) != 0)
        ;
    storm->out = item;
    return 0;
}

/* On one worker the loop of tries must let the putter run. */
TEST_LIGHT(a_loop_of_tries_lets_others_run)
{
    plait_settings one = {.workers = 1};
    ck_assert_int_eq(carrier == PLAIT_COROUTINE ? plait_configure(&one) : 0, 0);
    struct storm storm = {.queue = plait_queue_open(sizeof(uint64_t), 1, NULL)};
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, 1, try_for_ever, &storm);
    uint64_t *item = &(uint64_t){5};
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    ck_assert_int_eq(plait_put(storm.queue, item, PLAIT_NEVER), 0);
    crew_join(&crew);
    ck_assert_uint_eq(storm.out, 5);
    plait_queue_free(storm.queue);
}

/* ---- misuse */

static void put_char(void *arg)
{
    char item = 'x';
    (void)!plait_put((plait_queue *)arg, &item, PLAIT_NOW);
}

static void get_null(void *arg)
{
    int item;
    (void)!plait_get((plait_queue *)arg, &item, PLAIT_NOW);
}

static void put_nothing(void *arg)
{
    (void)!plait_put((plait_queue *)arg, (int *)NULL, PLAIT_NOW);
}

static void duration(void *arg)
{
    int item;
    (void)!plait_get((plait_queue *)arg, &item, PLAIT_SECOND);
}

static void free_awaited(void *arg)
{
    plait_task *task;
    plait_wait_info info;
    plait_start(&task, PLAIT_THREAD, get_one, arg, &(plait_start_options){.name = "clerk"});
    while (plait_task_waits(task, &info) != 0)
        (void)plait_sleep(plait_after(PLAIT_MILLISECOND));
    plait_queue_free(arg);
}

static void use_in_child(void *arg)
{
    int item = 1;
    (void)!plait_put((plait_queue *)arg, &item, PLAIT_NOW);
}

TEST_LABELED(misuse_is_told_with_names, "process")
{
    plait_queue_options named = {.name = "orders"};
    plait_queue *queue = plait_queue_open(sizeof(int), 2, &named);
    uint64_t garbage[32] __attribute__((aligned(64)));
    memset(garbage, 0xa5, sizeof garbage);
    harness_dies(put_char, queue, "opened before a fork");
    harness_dies(get_null, NULL, "NULL is no queue");
    harness_dies(get_null, garbage, "no queue, or freed before");
    harness_dies(use_in_child, queue, "queue orders: opened before a fork");
    plait_queue_free(queue);
}

/* Each opens its queue in the child, because one of the parent's would be misuse of another kind.
 * */
static void in_child(void *arg)
{
    void (*misuse)(void *arg) = (void (*)(void *))arg;
    plait_queue_options named = {.name = "orders"};
    misuse(plait_queue_open(sizeof(int), 2, &named));
}

TEST_LABELED(misuse_in_one_process, "process")
{
    harness_dies(in_child, (void *)put_char,
                 "queue orders: an item of 1 bytes, but its elements have 4");
    harness_dies(in_child, (void *)put_nothing, "queue orders: NULL is no item");
    harness_dies(in_child, (void *)duration, "a duration where a deadline belongs");
    harness_dies(in_child, (void *)free_awaited, "freed while 1 tasks wait on it: clerk (get)");
}

static int put_one_more(void *arg)
{
    int item = 2;
    return plait_put((plait_queue *)arg, &item, PLAIT_NOW);
}

/* The other side may have any number. */
static void second_putter(void *arg)
{
    plait_settings checked = {.check = true};
    int order = *(int *)arg, item = 1;
    ck_assert_int_eq(plait_configure(&checked), 0);
    plait_queue_options single = {
        .name = "belt", .order = (plait_order)order, .single_producer = true};
    plait_queue *queue = plait_queue_open(sizeof(int), 4, &single);
    (void)!plait_put(queue, &item, PLAIT_NOW);
    (void)!plait_put(queue, &item, PLAIT_NOW);
    plait_start(NULL, PLAIT_COROUTINE, get_one, queue, NULL);
    (void)plait_join_all(PLAIT_NEVER);
    (void)!plait_get(queue, &item, PLAIT_NOW);
    fprintf(stderr, "so far ");
    plait_start(NULL, PLAIT_COROUTINE, put_one_more, queue, NULL);
    (void)plait_join_all(PLAIT_NEVER);
}

TEST_LABELED(promises_are_checked, "process")
{
    setenv("PLAIT_CHECK", "1", 1);
    for (int order = PLAIT_FIFO; order <= PLAIT_LIFO; order++)
        harness_dies(second_putter, &order,
                     "so far plait: queue belt: a second task puts, but it was opened with "
                     "single_producer; the first is main");
}

#if !defined __SANITIZE_ADDRESS__ &&                                                               \
    !defined __SANITIZE_THREAD__ /* they stop at the look that finds out */
static void use_freed(void *arg)
{
    plait_queue *queue = plait_queue_open(sizeof(int), 1, NULL);
    int item;
    plait_queue_free(queue);
    (void)!plait_get(queue, &item, PLAIT_NOW);
}

TEST_LABELED(a_freed_queue_is_found, "process")
{
    harness_dies(use_freed, NULL, "no queue, or freed before");
}
#endif
