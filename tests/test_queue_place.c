/* Items written and read in place, several at once, what is done, close-now: on every kind of
 * queue. */
#include "crew.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

enum { KINDS = 7 };

/* Each kind with room for `capacity` ints. */
static plait_queue *open_kind(int kind, size_t capacity)
{
    plait_queue_options options = {.order = kind == 1 || kind == 5   ? PLAIT_LIFO
                                            : kind == 2 || kind == 3 ? PLAIT_PRIORITY
                                                                     : PLAIT_FIFO,
                                   .compare = kind == 3 ? compare_ints : NULL};
    bool messages = kind == 4 || kind == 5;
    plait_queue *queue = plait_queue_open(messages ? PLAIT_MESSAGES : sizeof(int),
                                          kind == 6 ? PLAIT_UNBOUNDED : capacity, &options);
    ck_assert_ptr_nonnull(queue);
    return queue;
}

static bool is_lifo(int kind)
{
    return kind == 1 || kind == 5;
}

static void put(plait_queue *queue, int item)
{
    ck_assert_int_eq(plait_put_bytes(queue, &item, sizeof item, PLAIT_NOW), 0);
}

static int get(plait_queue *queue)
{
    int item;
    ssize_t rc = plait_get_bytes(queue, &item, sizeof item, PLAIT_NOW);
    return rc < 0 ? (int)rc : item;
}

static int *reserve(plait_queue *queue)
{
    return plait_queue_reserve(queue, sizeof(int), PLAIT_NOW);
}

static const int *take(plait_queue *queue)
{
    return plait_queue_take(queue, NULL, PLAIT_NOW);
}

/* ---- places, alone */

TEST(reserve_write_commit_take_read_release)
{
    for (int kind = 0; kind < KINDS; kind++) {
        plait_queue *queue = open_kind(kind, 3);
        size_t size = 0;
        for (int i = 0; i < 20; i++) {
            int *place = reserve(queue);
            ck_assert_ptr_nonnull(place);
            ck_assert_uint_eq((uintptr_t)place % sizeof(void *), 0);
            *place = i;
            ck_assert_int_eq(get(queue), -EAGAIN);
            plait_queue_commit(queue, place);
            const int *item = plait_queue_take(queue, &size, PLAIT_NOW);
            ck_assert_ptr_nonnull(item);
            ck_assert_int_eq(*item, i);
            ck_assert_uint_eq(size, sizeof(int));
            ck_assert_ptr_null(take(queue));
            ck_assert_int_eq(errno, EAGAIN);
            plait_queue_release(queue, item);
        }
        plait_queue_free(queue);
    }
}

TEST(places_need_room)
{
    for (int kind = 0; kind < KINDS - 1; kind++) {
        plait_queue *queue = open_kind(kind, 2);
        int *first = reserve(queue), *second = reserve(queue);
        ck_assert_ptr_nonnull(first);
        ck_assert_ptr_nonnull(second);
        ck_assert_ptr_null(reserve(queue));
        ck_assert_int_eq(errno, EAGAIN);
        *first = 1, *second = 2;
        plait_queue_commit(queue, first);
        plait_queue_commit(queue, second);
        const int *one = take(queue), *two = take(queue);
        ck_assert_int_eq(*one + *two, 3);
        ck_assert_ptr_null(reserve(queue));
        plait_queue_release(queue, one);
        plait_queue_release(queue, two);
        put(queue, 3);
        put(queue, 4);
        ck_assert_ptr_null(plait_queue_reserve(queue, sizeof(int), plait_now() - 1));
        ck_assert_int_eq(errno, ETIMEDOUT);
        ck_assert_int_eq(get(queue) + get(queue), 7);
        plait_queue_free(queue);
    }
}

TEST(what_is_given_up_leaves_no_trace)
{
    for (int kind = 0; kind < KINDS; kind++) {
        plait_queue *queue = open_kind(kind, 3);
        for (int i = 0; i < 20; i++) {
            int *first = reserve(queue), *second = reserve(queue), *third = reserve(queue);
            *second = 5;
            plait_queue_give_up(queue, i % 2 ? first : third);
            plait_queue_commit(queue, second);
            plait_queue_give_up(queue, i % 2 ? third : first);
            ck_assert_int_eq(get(queue), 5);
            ck_assert_int_eq(get(queue), -EAGAIN);
        }
        ck_assert_uint_eq(plait_queue_size(queue), 0);
        plait_queue_free(queue);
    }
}

/* A full queue of given-up places has room again without a get. */
TEST(given_up_places_are_room)
{
    for (int kind = 0; kind < KINDS - 1; kind++) {
        plait_queue *queue = open_kind(kind, 3);
        int *place[3];
        for (int i = 0; i < 3; i++)
            place[i] = reserve(queue);
        for (int i = 3; i-- > 0;)
            plait_queue_give_up(queue, place[i]);
        for (int i = 0; i < 3; i++)
            put(queue, i);
        ck_assert_int_eq(plait_queue_close_now(queue, NULL, NULL), 3);
        plait_queue_free(queue);
    }
}

TEST(what_is_put_back_comes_first)
{
    for (int kind = 0; kind < KINDS; kind++) {
        plait_queue *queue = open_kind(kind, 5);
        for (int i = 0; i < 5; i++)
            put(queue, is_lifo(kind) ? 4 - i : i);
        const int *item[5];
        for (int i = 0; i < 4; i++) {
            item[i] = take(queue);
            ck_assert_int_eq(*item[i], i);
        }
        plait_queue_put_back(queue, item[2]);
        if (is_lifo(kind)) {
            plait_queue_put_back(queue, item[1]);
            plait_queue_put_back(queue, item[0]);
        } else {
            plait_queue_put_back(queue, item[0]);
            plait_queue_put_back(queue, item[1]);
        }
        ck_assert_uint_eq(plait_queue_size(queue), 4);
        plait_queue_release(queue, item[3]);
        if (kind == 4 || kind == 6) { /* the last one put back is the first in line */
            ck_assert_int_eq(get(queue) + get(queue) + get(queue), 3);
            ck_assert_int_eq(get(queue), 4);
        } else {
            for (int i = 0; i < 3; i++)
                ck_assert_int_eq(get(queue), i);
            ck_assert_int_eq(get(queue), 4);
        }
        ck_assert_int_eq(get(queue), -EAGAIN);
        plait_queue_free(queue);
    }
}

/* Random places against a count: nothing lost, nothing twice, the room exact. */
TEST(places_in_any_order)
{
    enum { ROOM = 7, STEPS = 20000 };
    for (int kind = 0; kind < KINDS - 1; kind++) {
        plait_queue *queue = open_kind(kind, ROOM);
        int *writing[ROOM], writers = 0, next = 0, inside = 0;
        const int *reading[ROOM];
        int readers = 0;
        static bool seen[STEPS];
        unsigned random = (unsigned)kind + 1;
        memset(seen, 0, sizeof seen);
        for (int step = 0; step < STEPS; step++) {
            int any = (int)(crew_random(&random) % ROOM);
            switch (crew_random(&random) % 6) {
            case 0:
                if (writers + readers + inside < ROOM && (writing[writers] = reserve(queue)))
                    *writing[writers++] = next++;
                break;
            case 1:
                if (any < writers) {
                    plait_queue_commit(queue, writing[any]);
                    writing[any] = writing[--writers];
                    inside++;
                }
                break;
            case 2:
                if (any < writers) {
                    seen[*writing[any]] = true;
                    plait_queue_give_up(queue, writing[any]);
                    writing[any] = writing[--writers];
                }
                break;
            case 3:
                if (readers < ROOM && (reading[readers] = take(queue)))
                    readers++, inside--;
                break;
            case 4:
                if (any < readers) {
                    ck_assert(!seen[*reading[any]]);
                    seen[*reading[any]] = true;
                    plait_queue_release(queue, reading[any]);
                    reading[any] = reading[--readers];
                }
                break;
            default:
                if (any < readers) {
                    plait_queue_put_back(queue, reading[any]);
                    reading[any] = reading[--readers];
                    inside++;
                }
            }
        }
        while (writers) {
            plait_queue_commit(queue, writing[--writers]);
            inside++;
        }
        while (readers) {
            plait_queue_put_back(queue, reading[--readers]);
            inside++;
        }
        for (int item; (item = get(queue)) >= 0; inside--) {
            ck_assert(!seen[item]);
            seen[item] = true;
        }
        ck_assert_int_eq(inside, 0);
        for (int i = 0; i < next; i++)
            ck_assert(seen[i]);
        plait_queue_free(queue);
    }
}

TEST(close_waits_for_what_was_reserved)
{
    for (int kind = 0; kind < KINDS; kind++) {
        plait_queue *queue = open_kind(kind, 3);
        int *first = reserve(queue), *second = reserve(queue);
        plait_queue_close(queue);
        ck_assert(plait_queue_is_closed(queue));
        ck_assert_ptr_null(reserve(queue));
        ck_assert_int_eq(errno, EPIPE);
        ck_assert_int_eq(get(queue), -EAGAIN);
        *first = 8;
        plait_queue_commit(queue, first);
        ck_assert_int_eq(get(queue), 8);
        ck_assert_int_eq(get(queue), -EAGAIN);
        plait_queue_give_up(queue, second);
        ck_assert_int_eq(get(queue), -EPIPE);
        plait_queue_free(queue);
    }
}

/* ---- several at once */

TEST(many_go_in_and_out)
{
    for (int kind = 0; kind < KINDS; kind++) {
        if (kind == 4 || kind == 5)
            continue;
        plait_queue *queue = open_kind(kind, 10);
        int in[25], out[25];
        for (int i = 0; i < 25; i++)
            in[i] = i;
        ck_assert_int_eq(plait_get_many(queue, out, 25, PLAIT_NOW), -EAGAIN);
        ck_assert_int_eq(plait_get_many(queue, out, 0, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_put_many(queue, in, 0, PLAIT_NOW), 0);
        ck_assert_int_eq(plait_put_many(queue, in, 7, PLAIT_NOW), 7);
        ssize_t more = kind == 6 ? 18 : 3;
        ck_assert_int_eq(plait_put_many(queue, in + 7, 18, PLAIT_NOW), more);
        if (kind != 6) {
            ck_assert_int_eq(plait_put_many(queue, in, 1, PLAIT_NOW), -EAGAIN);
            ck_assert_int_eq(plait_put_many(queue, in, 1, plait_now() - 1), -ETIMEDOUT);
        }
        ck_assert_int_eq(plait_get_many(queue, out, 4, PLAIT_NOW), 4);
        ssize_t rest = plait_get_many(queue, out + 4, 21, PLAIT_NEVER);
        ck_assert_int_eq(rest, 3 + more);
        for (int i = 0; i < 7 + more; i++)
            ck_assert_int_eq(out[i], is_lifo(kind) ? 7 + more - 1 - i : i);
        plait_queue_close(queue);
        ck_assert_int_eq(plait_put_many(queue, in, 1, PLAIT_NEVER), -EPIPE);
        ck_assert_int_eq(plait_get_many(queue, out, 1, PLAIT_NEVER), -EPIPE);
        plait_queue_free(queue);
    }
}

TEST(large_elements_go_many_at_once)
{
    static char in[6][1000], out[6][1000];
    plait_queue *queue = plait_queue_open(1000, 4, &(plait_queue_options){.order = PLAIT_PRIORITY});
    for (int i = 0; i < 6; i++)
        memset(in[i], i + 1, sizeof in[i]);
    ck_assert_int_eq(plait_put_many(queue, in, 6, PLAIT_NOW), 4);
    ck_assert_int_eq(plait_get_many(queue, out, 6, PLAIT_NOW), 4);
    ck_assert_mem_eq(in, out, 4000);
    plait_queue_free(queue);
}

enum { ITEMS = 4000 };
struct many_flow {
    plait_queue *queue;
    uint64_t sum, count;
    int putters;
};

static int put_in_heaps(void *arg)
{
    struct many_flow *flow = arg;
    unsigned random = (unsigned)(uintptr_t)&random;
    int item[32];
    for (int put = 0; put < ITEMS;) {
        size_t count = 1 + crew_random(&random) % 32;
        count = put + (int)count > ITEMS ? (size_t)(ITEMS - put) : count;
        for (size_t i = 0; i < count; i++)
            item[i] = put + (int)i + 1;
        need(plait_put_many(flow->queue, item, count, PLAIT_NEVER) == (ssize_t)count);
        put += (int)count;
    }
    if (__atomic_sub_fetch(&flow->putters, 1, __ATOMIC_ACQ_REL) == 0)
        need(plait_queue_close(flow->queue) == 0);
    return 0;
}

static int get_in_heaps(void *arg)
{
    struct many_flow *flow = arg;
    int item[24];
    uint64_t sum = 0, count = 0;
    ssize_t n;
    while ((n = plait_get_many(flow->queue, item, 24, PLAIT_NEVER)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            sum += (uint64_t)item[i];
        count += (uint64_t)n;
    }
    need(n == -EPIPE);
    __atomic_add_fetch(&flow->sum, sum, __ATOMIC_RELAXED);
    __atomic_add_fetch(&flow->count, count, __ATOMIC_RELAXED);
    return 0;
}

TEST_CREW(every_one_of_many_is_got_once)
{
    static const size_t capacities[] = {1, 3, 64};
    for (int kind = 0; kind < 9; kind++) {
        struct many_flow flow = {open_kind(kind / 3, capacities[kind % 3]), .putters = 3};
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 3, put_in_heaps, &flow);
        crew_start(&crew, carrier, 3, get_in_heaps, &flow);
        crew_join(&crew);
        ck_assert_uint_eq(flow.count, 3 * ITEMS);
        ck_assert_uint_eq(flow.sum, (uint64_t)3 * ITEMS * (ITEMS + 1) / 2);
        plait_queue_free(flow.queue);
    }
}

/* ---- close_now */

struct dropped {
    int count, sum;
    plait_queue *queue;
};

static void drop(const void *item, size_t size, void *arg)
{
    struct dropped *dropped = arg;
    int spare;
    ck_assert_uint_eq(size, sizeof(int));
    dropped->count++;
    dropped->sum += *(const int *)item;
    ck_assert_int_eq(plait_put_bytes(dropped->queue, &spare, sizeof spare, PLAIT_NEVER), -EPIPE);
}

TEST(close_now_gives_back_what_was_not_taken)
{
    for (int kind = 0; kind < KINDS; kind++) {
        plait_queue *queue = open_kind(kind, 10);
        struct dropped dropped = {.queue = queue};
        for (int i = 1; i <= 10; i++)
            put(queue, i);
        ck_assert_int_eq(get(queue), is_lifo(kind) ? 10 : 1);
        ck_assert_int_eq(plait_queue_close_now(queue, drop, &dropped), 9);
        ck_assert_int_eq(dropped.count, 9);
        ck_assert_int_eq(dropped.sum, is_lifo(kind) ? 45 : 54);
        ck_assert_int_eq(get(queue), -EPIPE);
        ck_assert_int_eq(plait_queue_close_now(queue, drop, &dropped), 0);
        plait_queue_task_done(queue);
        ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
        plait_queue_free(queue);
    }
}

/* Who hears of the close frees the queue while close_now still drops what was inside. */
static int close_now_it(void *arg)
{
    int count = plait_queue_close_now(arg, NULL, NULL);
    need(count >= 0 && count <= 3);
    return 0;
}

TEST_LIGHT(close_now_lets_others_free)
{
    for (int i = 0; i < 60; i++) {
        plait_queue *queue = open_kind(i % KINDS, 3);
        struct crew crew = {.count = 0};
        int item;
        for (int k = 0; k < 3; k++)
            put(queue, k);
        crew_start(&crew, carrier, 1, close_now_it, queue);
        while (plait_get_bytes(queue, &item, sizeof item, PLAIT_NEVER) >= 0)
            ;
        plait_queue_free(queue);
        crew_join(&crew);
    }
}

/* ---- task_done and join */

TEST(join_waits_for_each_item)
{
    for (int kind = 0; kind < KINDS; kind++) {
        plait_queue *queue = open_kind(kind, 5);
        ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
        put(queue, 1);
        put(queue, 2);
        ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), -EAGAIN);
        ck_assert_int_ge(get(queue), 0);
        ck_assert_int_ge(get(queue), 0);
        plait_queue_task_done(queue);
        ck_assert_int_eq(plait_queue_join(queue, plait_now() - 1), -ETIMEDOUT);
        plait_queue_task_done(queue);
        ck_assert_int_eq(plait_queue_join(queue, PLAIT_NEVER), 0);
        int *place = reserve(queue);
        plait_queue_give_up(queue, place);
        ck_assert_int_eq(plait_queue_join(queue, PLAIT_NEVER), 0);
        plait_queue_free(queue);
    }
}

static int work(void *arg)
{
    plait_queue *queue = arg;
    int item;
    while (plait_get_bytes(queue, &item, sizeof item, PLAIT_NEVER) >= 0) {
        if (item % 7 == 0)
            plait_yield();
        plait_queue_task_done(queue);
    }
    return 0;
}

TEST_CREW(join_returns_when_all_is_done)
{
    for (int kind = 0; kind < KINDS; kind++) {
        plait_queue *queue = open_kind(kind, 8);
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, 3, work, queue);
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < 30; i++)
                ck_assert_int_eq(plait_put_bytes(queue, &i, sizeof i, PLAIT_NEVER), 0);
            ck_assert_int_eq(plait_queue_join(queue, PLAIT_NEVER), 0);
            ck_assert_uint_eq(plait_queue_size(queue), 0);
        }
        plait_queue_close(queue);
        crew_join(&crew);
        plait_queue_free(queue);
    }
}

static int get_and_finish(void *arg)
{
    plait_queue *queue = arg;
    int item;
    need(plait_get_bytes(queue, &item, sizeof item, PLAIT_NEVER) == sizeof item);
    plait_queue_task_done(queue);
    return 0;
}

static int take_and_release(void *arg)
{
    plait_queue *queue = arg;
    const int *item = plait_queue_take(queue, NULL, PLAIT_NEVER);
    need(item && *item == 6);
    plait_queue_release(queue, item);
    return 0;
}

static int reserve_and_commit(void *arg)
{
    plait_queue *queue = arg;
    int *place = plait_queue_reserve(queue, sizeof(int), PLAIT_NEVER);
    need(place);
    *place = 6;
    plait_queue_commit(queue, place);
    return 0;
}

static int reserve_and_give_up(void *arg)
{
    plait_queue *queue = arg;
    int *place = plait_queue_reserve(queue, sizeof(int), PLAIT_NEVER);
    need(place);
    plait_queue_give_up(queue, place);
    return 0;
}

/* Who joins frees the queue while the last task_done is on its way out; the same for a release, a
 * commit and a place given up, by who sees their effect. */
TEST_LIGHT(may_be_freed_by_who_sees_the_effect)
{
    for (int i = 0; i < 20 * KINDS; i++) {
        struct crew crew = {.count = 0};
        int kind = i % KINDS;
        plait_queue *queue = open_kind(kind, 1);
        put(queue, 6);
        crew_start(&crew, carrier, 1, get_and_finish, queue);
        ck_assert_int_eq(plait_queue_join(queue, PLAIT_NEVER), 0);
        plait_queue_free(queue);

        queue = open_kind(kind, 1);
        crew_start(&crew, carrier, 1, reserve_and_commit, queue);
        int item;
        ck_assert_int_eq(plait_get_bytes(queue, &item, sizeof item, PLAIT_NEVER), sizeof item);
        plait_queue_free(queue);

        if (kind == 6) {
            crew_join(&crew);
            continue;
        }
        queue = open_kind(kind, 1);
        put(queue, 6);
        crew_start(&crew, carrier, 1, take_and_release, queue);
        ck_assert_int_eq(plait_put_bytes(queue, &item, sizeof item, PLAIT_NEVER), 0);
        ck_assert_int_eq(plait_get_bytes(queue, &item, sizeof item, PLAIT_NEVER), sizeof item);
        plait_queue_free(queue);

        queue = open_kind(kind, 1);
        put(queue, 6);
        crew_start(&crew, carrier, 1, reserve_and_give_up, queue);
        while (plait_get_bytes(queue, &item, sizeof item, PLAIT_NOW) < 0)
            ;
        crew_join(&crew);
        plait_queue_free(queue);
    }
}

/* ---- misuse */

static void too_often(void *arg)
{
    plait_queue *queue = arg;
    put(queue, 1);
    plait_queue_task_done(queue);
}

static void commit_twice(void *arg)
{
    int *place = reserve(arg);
    plait_queue_commit(arg, place);
    plait_queue_commit(arg, place);
}

static void release_reserved(void *arg)
{
    plait_queue_release(arg, reserve(arg));
}

static void put_back_null(void *arg)
{
    plait_queue_put_back(arg, NULL);
}

static void give_up_inside(void *arg)
{
    char *place = (char *)reserve(arg);
    plait_queue_give_up(arg, place + 1);
}

static void place_in_no_room(void *arg)
{
    plait_queue *queue = plait_queue_open(sizeof(int), 0, &(plait_queue_options){.name = "hand"});
    (void)!reserve(queue);
}

static void done_in_no_room(void *arg)
{
    plait_queue_task_done(plait_queue_open(sizeof(int), 0, NULL));
}

static int join_it(void *arg)
{
    return plait_queue_join(arg, PLAIT_NEVER);
}

static void free_joined(void *arg)
{
    plait_task *task;
    plait_wait_info info;
    put(arg, 1);
    plait_start(&task, PLAIT_COROUTINE, join_it, arg, &(plait_start_options){.name = "boss"});
    while (plait_task_waits(task, &info) != 0)
        (void)plait_sleep(plait_after(PLAIT_MILLISECOND));
    plait_queue_free(arg);
}

static int misused_kind;

static void in_child(void *arg)
{
    void (*misuse)(void *arg) = (void (*)(void *))arg;
    plait_queue *queue = open_kind(misused_kind, 2);
    plait_name(queue, "orders");
    misuse(queue);
}

TEST_LABELED(misuse_is_told, "process")
{
    for (misused_kind = 0; misused_kind < 3; misused_kind++) {
        harness_dies(in_child, (void *)too_often, "task_done once too often");
        harness_dies(in_child, (void *)commit_twice, "is no item that was reserved");
        harness_dies(in_child, (void *)release_reserved, "is no item that was taken");
        harness_dies(in_child, (void *)put_back_null, "is no item that was taken");
        harness_dies(in_child, (void *)give_up_inside, "is no item that was reserved");
        harness_dies(in_child, (void *)free_joined, "freed while 1 tasks wait on it: boss (join)");
    }
    harness_dies(place_in_no_room, NULL, "queue hand: it has no room inside");
    harness_dies(done_in_no_room, NULL, "task_done once too often");
}
