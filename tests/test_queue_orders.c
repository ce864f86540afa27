/* Queues that are no ring: last in first out, by priority, without a bound, of messages. */
#include "crew.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static plait_queue *open_order(plait_order order, size_t element, size_t capacity)
{
    plait_queue *queue =
        plait_queue_open(element, capacity, &(plait_queue_options){.order = order});
    ck_assert_ptr_nonnull(queue);
    return queue;
}

static int next(plait_queue *queue)
{
    int item = -1;
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NOW), 0);
    return item;
}

/* ---- alone */

TEST(last_in_first_out)
{
    static const size_t capacities[] = {1, 2, 3, 100, PLAIT_UNBOUNDED};
    for (size_t c = 0; c < 5; c++) {
        bool bounded = capacities[c] != PLAIT_UNBOUNDED;
        int count = bounded ? (int)capacities[c] : 10000, got;
        plait_queue *queue = open_order(PLAIT_LIFO, sizeof(int), capacities[c]);
        ck_assert_uint_eq(plait_queue_capacity(queue), capacities[c]);
        for (int lap = 0; lap < 3; lap++) {
            for (int i = 0; i < count; i++)
                ck_assert_int_eq(plait_put(queue, &i, PLAIT_NOW), 0);
            ck_assert_uint_eq(plait_queue_size(queue), (size_t)count);
            if (bounded) {
                ck_assert_int_eq(plait_put(queue, &count, PLAIT_NOW), -EAGAIN);
                ck_assert_int_eq(plait_put(queue, &count, plait_now() - 1), -ETIMEDOUT);
            }
            for (int i = count; i-- > 0;)
                ck_assert_int_eq(next(queue), i);
            ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), -EAGAIN);
            ck_assert_int_eq(plait_get(queue, &got, plait_now() - 1), -ETIMEDOUT);
        }
        plait_queue_free(queue);
    }
}

TEST(without_a_bound_first_in_first_out)
{
    plait_queue *queue = open_order(PLAIT_FIFO, sizeof(int), PLAIT_UNBOUNDED);
    int in = 0, out = 0;
    for (int lap = 0; lap < 50; lap++) {
        for (int i = 0; i < 1000; i++, in++)
            ck_assert_int_eq(plait_put(queue, &in, PLAIT_NOW), 0);
        for (int i = 0; i < 900; i++, out++)
            ck_assert_int_eq(next(queue), out);
    }
    while (out < in)
        ck_assert_int_eq(next(queue), out++);
    plait_queue_free(queue);
}

struct entry {
    int64_t priority;
    int number;
};

static int by_priority(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* What comes out is what a stable sort makes of what went in, with puts and gets mixed. */
static void priority_run(size_t capacity, unsigned range)
{
    enum { COUNT = 600 };
    static struct entry model[COUNT];
    plait_queue *queue = open_order(PLAIT_PRIORITY, sizeof(int), capacity);
    unsigned random = range;
    int count = 0;
    for (int i = 0; i < COUNT; i++) {
        int64_t priority = (int64_t)(crew_random(&random) % range) - range / 2;
        if (priority == 0 && i % 2)
            priority = INT64_MIN;
        model[count++] = (struct entry){priority, i};
        ck_assert_int_eq(plait_put_priority(queue, &i, priority, PLAIT_NOW), 0);
        if (i % 3 == 2) {
            qsort(model, (size_t)count, sizeof *model, by_priority);
            ck_assert_int_eq(next(queue), model[0].number);
            memmove(model, model + 1, (size_t)--count * sizeof *model);
        }
    }
    qsort(model, (size_t)count, sizeof *model, by_priority);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(next(queue), model[i].number);
    ck_assert_uint_eq(plait_queue_size(queue), 0);
    plait_queue_free(queue);
}

TEST(lowest_first_and_equal_ones_as_they_came)
{
    static const unsigned ranges[] = {1, 2, 5, 1000, 60000};
    for (int i = 0; i < 5; i++) {
        priority_run(600, ranges[i]);
        priority_run(PLAIT_UNBOUNDED, ranges[i]);
    }
}

/* The same with so many that they lie in runs: a list for each priority says what must come
 * next. */
TEST(many_lowest_first_and_equal_ones_as_they_came)
{
    enum { RANGE = 500, PUTS = 150000 };
    static int next_of[PUTS], first[RANGE], last[RANGE];
    plait_queue *queue = open_order(PLAIT_PRIORITY, sizeof(int), PLAIT_UNBOUNDED);
    unsigned random = 5;
    int put = 0, inside = 0;
    memset(first, -1, sizeof first);
    while (put < PUTS || inside) {
        bool grow = crew_random(&random) % 100 < (put < PUTS / 2 ? 90 : 40);
        if (put < PUTS && (grow || !inside)) {
            int priority = (int)(crew_random(&random) % RANGE);
            next_of[put] = -1;
            *(first[priority] < 0 ? &first[priority] : &next_of[last[priority]]) = put;
            last[priority] = put;
            ck_assert_int_eq(plait_put_priority(queue, &put, priority, PLAIT_NOW), 0);
            put++, inside++;
            continue;
        }
        int lowest = 0, got = -1;
        while (first[lowest] < 0)
            lowest++;
        need(plait_get(queue, &got, PLAIT_NOW) == 0);
        need(got == first[lowest]);
        first[lowest] = next_of[got];
        inside--;
    }
    plait_queue_free(queue);
}

TEST(a_put_without_a_priority_has_0)
{
    plait_queue *queue = open_order(PLAIT_PRIORITY, sizeof(int), 4);
    ck_assert_int_eq(plait_put_priority(queue, &(int){3}, INT64_MAX, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_put(queue, &(int){2}, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_put_priority(queue, &(int){1}, INT64_MIN, PLAIT_NOW), 0);
    for (int i = 1; i <= 3; i++)
        ck_assert_int_eq(next(queue), i);
    plait_queue_free(queue);
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

TEST(a_compare_function_orders_elements)
{
    plait_queue_options options = {.order = PLAIT_PRIORITY, .compare = compare_text};
    plait_queue *queue = plait_queue_open(8, 5, &options);
    static const char in[5][8] = {"pear", "apple", "fig", "apple", "date"};
    static const char out[5][8] = {"apple", "apple", "date", "fig", "pear"};
    char got[8];
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(plait_put(queue, &in[i], PLAIT_NOW), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(plait_get(queue, &got, PLAIT_NOW), 0);
        ck_assert_str_eq(got, out[i]);
    }
    plait_queue_free(queue);
}

static unsigned lie_random = 7;

static int lie(const void *a, const void *b)
{
    return (int)(crew_random(&lie_random) % 3) - 1;
}

static int lie_always(const void *a, const void *b)
{
    return -1;
}

static int lie_large(const void *a, const void *b)
{
    return crew_random(&lie_random) % 2 ? INT32_MIN : INT32_MAX;
}

TEST(a_compare_function_that_lies_loses_nothing)
{
    int (*const lies[])(const void *, const void *) = {lie, lie_always, lie_large};
    enum { COUNT = 60000 };
    for (int l = 0; l < 3; l++) {
        plait_queue_options options = {.order = PLAIT_PRIORITY, .compare = lies[l]};
        plait_queue *queue = plait_queue_open(sizeof(int), PLAIT_UNBOUNDED, &options);
        static bool seen[COUNT];
        memset(seen, 0, sizeof seen);
        int put = 0;
        for (int i = 0; i < COUNT; i++) {
            for (int k = 0; k < 2 && put < COUNT; k++, put++)
                ck_assert_int_eq(plait_put(queue, &put, PLAIT_NOW), 0);
            int got = next(queue);
            ck_assert(!seen[got]);
            seen[got] = true;
        }
        ck_assert_uint_eq(plait_queue_size(queue), 0);
        plait_queue_free(queue);
    }
}

static int compare_and_wait(const void *a, const void *b)
{
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MICROSECOND)), 0);
    return *(const int *)a - *(const int *)b;
}

static int put_ten(void *arg)
{
    for (int i = 10; i-- > 0;)
        need(plait_put((plait_queue *)arg, &i, PLAIT_NEVER) == 0);
    return 0;
}

/* It should not, but nobody hangs. */
TEST_CREW(a_compare_function_that_waits_does_no_harm)
{
    plait_queue_options options = {.order = PLAIT_PRIORITY, .compare = compare_and_wait};
    plait_queue *queue = plait_queue_open(sizeof(int), PLAIT_UNBOUNDED, &options);
    crew_run(carrier, 4, put_ten, queue);
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(next(queue), i / 4);
    plait_queue_free(queue);
}

/* ---- messages */

TEST(messages_keep_their_bytes)
{
    for (int order = PLAIT_FIFO; order <= PLAIT_PRIORITY; order++) {
        plait_queue *queue = open_order((plait_order)order, PLAIT_MESSAGES, PLAIT_UNBOUNDED);
        static char in[100000], out[100000];
        ck_assert_int_eq(plait_put_bytes(queue, NULL, 0, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_get_bytes(queue, out, sizeof out, PLAIT_NOW), 0);
        for (size_t size = 1; size <= sizeof in; size = size * 3 + 1) {
            memset(in, (int)size, size);
            ck_assert_int_eq(plait_put_bytes(queue, in, size, PLAIT_NOW), 0);
            ck_assert_int_eq(plait_get_bytes(queue, out, size - 1, PLAIT_NOW), -EMSGSIZE);
            ck_assert_int_eq(plait_get_bytes(queue, out, size, PLAIT_NOW), (ssize_t)size);
            ck_assert_mem_eq(in, out, size);
        }
        ck_assert_int_eq(plait_get_bytes(queue, out, 1, PLAIT_NOW), -EAGAIN);
        plait_queue_free(queue);
    }
}

TEST(messages_have_room_in_all)
{
    plait_queue *queue = plait_queue_open(PLAIT_MESSAGES, 3, &(plait_queue_options){.bytes = 10});
    char text[12] = "hello world";
    ck_assert_int_eq(plait_put_bytes(queue, text, 11, PLAIT_NEVER), -EMSGSIZE);
    ck_assert_int_eq(plait_put_bytes(queue, text, SIZE_MAX - 1, PLAIT_NEVER), -EMSGSIZE);
    ck_assert_int_eq(plait_put_bytes(queue, text, 6, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_put_bytes(queue, text, 5, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_put_bytes(queue, text, 4, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_put_bytes(queue, text, 0, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_put_bytes(queue, text, 0, PLAIT_NOW), -EAGAIN); /* three are inside */
    ck_assert_int_eq(plait_get_bytes(queue, text, sizeof text, PLAIT_NOW), 6);
    ck_assert_int_eq(plait_put_bytes(queue, text, 7, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_put_bytes(queue, text, 6, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_queue_close_now(queue, NULL, NULL), 3);
    plait_queue_free(queue);
}

TEST(a_message_too_large_for_memory_is_refused)
{
#ifdef __SANITIZE_THREAD__
    harness_skip("its allocator stops the program instead");
#endif
    plait_queue *queue = open_order(PLAIT_FIFO, PLAIT_MESSAGES, 2);
    char byte = 1;
    ck_assert_int_eq(plait_put_bytes(queue, &byte, SIZE_MAX - 8, PLAIT_NOW), -ENOMEM);
    ck_assert_int_eq(plait_put_bytes(queue, &byte, SIZE_MAX / 2, PLAIT_NOW), -ENOMEM);
    ck_assert_int_eq(plait_put_bytes(queue, &byte, 1, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_get_bytes(queue, &byte, 1, PLAIT_NOW), 1);
    plait_queue_free(queue);
}

static int put_small(void *arg)
{
    need(plait_put_bytes((plait_queue *)arg, "abc", 3, PLAIT_NEVER) == 0);
    return 0;
}

static int put_large(void *arg)
{
    need(plait_put_bytes((plait_queue *)arg, "0123456789", 10, PLAIT_NEVER) == 0);
    return 0;
}

/* The large one waits first, and the room is enough for the small one only. */
TEST_LIGHT(a_small_message_does_not_wait_for_a_large_one)
{
    plait_queue *queue =
        plait_queue_open(PLAIT_MESSAGES, PLAIT_UNBOUNDED, &(plait_queue_options){.bytes = 10});
    struct crew large = {.count = 0}, small = {.count = 0};
    char text[10];
    ck_assert_int_eq(plait_put_bytes(queue, "12345", 5, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_put_bytes(queue, "67890", 5, PLAIT_NOW), 0);
    crew_start(&large, carrier, 1, put_large, queue);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    crew_start(&small, carrier, 1, put_small, queue);
    ck_assert_int_eq(plait_sleep(plait_after(PLAIT_MILLISECOND)), 0);
    ck_assert_int_eq(plait_get_bytes(queue, text, 10, PLAIT_NOW), 5);
    crew_join(&small);
    ck_assert_int_eq(plait_get_bytes(queue, text, 10, PLAIT_NOW), 5);
    ck_assert_int_eq(plait_get_bytes(queue, text, 10, PLAIT_NOW), 3);
    ck_assert_int_eq(plait_get_bytes(queue, text, 10, PLAIT_NEVER), 10);
    crew_join(&large);
    plait_queue_free(queue);
}

/* ---- with others: each kind of queue moves all items once */

enum { ITEMS = 2000 };

struct flow {
    plait_queue *queue;
    size_t size;
    uint64_t sum, count;
    int putters;
};

static int put_all(void *arg)
{
    struct flow *flow = arg;
    uint64_t item[64] = {0};
    for (item[0] = 1; item[0] <= ITEMS; item[0]++)
        need(plait_put_bytes(flow->queue, item, flow->size, PLAIT_NEVER) == 0);
    if (__atomic_sub_fetch(&flow->putters, 1, __ATOMIC_ACQ_REL) == 0)
        need(plait_queue_close(flow->queue) == 0);
    return 0;
}

static int get_all(void *arg)
{
    struct flow *flow = arg;
    uint64_t item[64], sum = 0, count = 0;
    ssize_t rc;
    while ((rc = plait_get_bytes(flow->queue, item, flow->size, PLAIT_NEVER)) > 0)
        sum += item[0], count++;
    need(rc == -EPIPE);
    __atomic_add_fetch(&flow->sum, sum, __ATOMIC_RELAXED);
    __atomic_add_fetch(&flow->count, count, __ATOMIC_RELAXED);
    return 0;
}

static void flow_run(int carrier, plait_queue *queue, size_t size, int putters, int getters)
{
    struct flow flow = {queue, size, .putters = putters};
    struct crew crew = {.count = 0};
    crew_start(&crew, carrier, putters, put_all, &flow);
    crew_start(&crew, carrier, getters, get_all, &flow);
    crew_join(&crew);
    ck_assert_uint_eq(flow.count, (uint64_t)putters * ITEMS);
    ck_assert_uint_eq(flow.sum, (uint64_t)putters * ITEMS * (ITEMS + 1) / 2);
    plait_queue_free(queue);
}

static int compare_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

TEST_CREW(every_item_is_got_once)
{
    static const size_t sizes[] = {8, 512, PLAIT_MESSAGES};
    static const size_t capacities[] = {1, 3, PLAIT_UNBOUNDED};
    for (int order = PLAIT_FIFO; order <= PLAIT_PRIORITY; order++)
        for (int i = 0; i < 9; i++) {
            size_t size = sizes[i / 3];
            plait_queue *queue = open_order((plait_order)order, size, capacities[i % 3]);
            flow_run(carrier, queue, size ? size : 16, 1 + i % 3, 3 - i % 2);
        }
    plait_queue_options options = {.order = PLAIT_PRIORITY, .compare = compare_first};
    flow_run(carrier, plait_queue_open(8, 10, &options), 8, 2, 2);
}

/* ---- misuse */

static void put_with_priority(void *arg)
{
    (void)!plait_put_priority((plait_queue *)arg, &(int){1}, 1, PLAIT_NOW);
}

static void message_unsized(void *arg)
{
    (void)!plait_put((plait_queue *)arg, (void *)"x", PLAIT_NOW);
}

static void message_missing(void *arg)
{
    (void)!plait_put_bytes((plait_queue *)arg, NULL, 1, PLAIT_NOW);
}

static void many_messages(void *arg)
{
    (void)!plait_put_many((plait_queue *)arg, "abc", 2, PLAIT_NOW);
}

static int compare_inside(const void *a, const void *b)
{
    plait_queue *queue = *(plait_queue *const *)a;
    (void)!plait_put(queue, &queue, PLAIT_NOW);
    return 0;
}

static void use_in_compare(void *arg)
{
    plait_queue_options options = {.order = PLAIT_PRIORITY, .compare = compare_inside};
    plait_queue *queue = plait_queue_open(sizeof(plait_queue *), 4, &options);
    (void)!plait_put(queue, &queue, PLAIT_NOW);
    (void)!plait_put(queue, &queue, PLAIT_NOW);
}

static void in_child(void *arg)
{
    void (*misuse)(void *arg) = (void (*)(void *))arg;
    plait_queue_options named = {.name = "orders"};
    misuse(plait_queue_open(misuse == put_with_priority ? sizeof(int) : PLAIT_MESSAGES, 2, &named));
}

TEST_LABELED(misuse_is_told, "process")
{
    harness_dies(in_child, (void *)put_with_priority, "queue orders: a priority, but its order");
    harness_dies(in_child, (void *)message_unsized, "nobody says how many bytes");
    harness_dies(in_child, (void *)message_missing, "queue orders: NULL is no item");
    harness_dies(in_child, (void *)many_messages, "this one has messages");
    harness_dies(use_in_compare, NULL, "its compare function uses it");
}
