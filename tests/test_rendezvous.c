/* Queues without room: an item goes from hand to hand, plainly or out of a select. */
#include "crew.h"

#include <limits.h>
#include <stdint.h>

static plait_queue *rendezvous(void)
{
    plait_queue *queue = plait_queue_open(sizeof(int), 0, NULL);
    ck_assert_ptr_nonnull(queue);
    return queue;
}

static void until_waiting(plait_task *task)
{
    while (plait_task_state(task) != PLAIT_WAITING)
        plait_sleep(plait_after(100 * PLAIT_MICROSECOND));
    plait_sleep(plait_after(PLAIT_MILLISECOND));
}

struct one_call {
    plait_queue *queue;
    int item, rc;
    int64_t deadline;
};

static int put_one(void *arg)
{
    struct one_call *call = arg;
    call->rc = plait_put(call->queue, &call->item, call->deadline);
    return 0;
}

static int get_one(void *arg)
{
    struct one_call *call = arg;
    call->rc = plait_get(call->queue, &call->item, call->deadline);
    return 0;
}

TEST(nobody_there)
{
    plait_queue *queue = rendezvous();
    int item = 1;
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NOW), -EAGAIN);
    ck_assert_int_eq(plait_put(queue, &item, plait_now() - 1), -ETIMEDOUT);
    int64_t end = plait_after(2 * PLAIT_MILLISECOND);
    ck_assert_int_eq(plait_get(queue, &item, end), -ETIMEDOUT);
    ck_assert_int_ge(plait_now(), end);
    ck_assert_int_eq(
        plait_select(PLAIT_NOW, plait_on_get(queue, &item), plait_on_put(queue, &item)), -EAGAIN);
    /* nor does a select meet itself */
    ck_assert_int_eq(plait_select(plait_after(2 * PLAIT_MILLISECOND), plait_on_get(queue, &item),
                                  plait_on_put(queue, &item)),
                     -ETIMEDOUT);
    ck_assert_int_eq(item, 1);
    ck_assert_int_eq(plait_queue_close(queue), 0);
    ck_assert_int_eq(plait_queue_close(queue), 0);
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NEVER), -EPIPE);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NEVER), -EPIPE);
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), -EPIPE);
    ck_assert_int_eq(plait_select(PLAIT_NEVER, plait_on_get(queue, &item)), -EPIPE);
    plait_queue_free(queue);
}

static int open_fails(size_t element, size_t capacity, const plait_queue_options *options)
{
    errno = 0;
    ck_assert_ptr_null(plait_queue_open(element, capacity, options));
    return errno;
}

static void put_wrong_size(void *arg)
{
    (void)!plait_put(rendezvous(), &(long){1}, PLAIT_NOW);
}

static int wait_for_ever(void *arg)
{
    int item;
    return plait_get((plait_queue *)arg, &item, PLAIT_NEVER);
}

static void free_under_a_getter(void *arg)
{
    plait_queue *queue = rendezvous();
    plait_task *task;
    need(plait_start(&task, PLAIT_COROUTINE, wait_for_ever, queue, NULL) == 0);
    until_waiting(task);
    plait_queue_free(queue);
}

TEST(bad_input)
{
    ck_assert_int_eq(open_fails(SIZE_MAX, 0, NULL), EINVAL);
    ck_assert_int_eq(open_fails(8, 0, &(plait_queue_options){.order = 7}), EINVAL);
    harness_dies(put_wrong_size, NULL, "an item of 8 bytes, but its elements have 4");
    harness_dies(free_under_a_getter, NULL, "freed while 1 tasks wait on it");
}

TEST_LIGHT(put_now_needs_a_getter)
{
    plait_queue *queue = rendezvous();
    struct one_call call = {queue, 0, 1, PLAIT_NEVER};
    struct crew crew = {.count = 0};
    int item = 5;
    crew_start(&crew, carrier, 1, get_one, &call);
    until_waiting(crew.task[0]);
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), 0);
    ck_assert_int_eq(plait_put(queue, &item, PLAIT_NOW), -EAGAIN);
    crew_join(&crew);
    ck_assert_int_eq(call.rc, 0);
    ck_assert_int_eq(call.item, 5);

    call = (struct one_call){queue, 6, 1, PLAIT_NEVER};
    crew_start(&crew, carrier, 1, put_one, &call);
    until_waiting(crew.task[0]);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NOW), 0);
    ck_assert_int_eq(item, 6);
    ck_assert_int_eq(plait_get(queue, &item, PLAIT_NOW), -EAGAIN);
    crew_join(&crew);
    ck_assert_int_eq(call.rc, 0);
    plait_queue_free(queue);
}

TEST_LIGHT(close_cancel_and_deadline_end_both_sides)
{
    plait_queue *queue = rendezvous();
    struct crew crew = {.count = 0};
    for (int side = 0; side < 2; side++) {
        struct one_call call = {queue, 4, 1, plait_after(2 * PLAIT_MILLISECOND)};
        plait_function *function = side ? get_one : put_one;
        crew_run(carrier, 1, function, &call);
        ck_assert_int_eq(call.rc, -ETIMEDOUT);
        call.deadline = PLAIT_NEVER;
        crew_start(&crew, carrier, 1, function, &call);
        until_waiting(crew.task[0]);
        plait_cancel(crew.task[0]);
        crew_join(&crew);
        ck_assert_int_eq(call.rc, -ECANCELED);
        ck_assert_int_eq(call.item, 4);
    }
    struct one_call put = {queue, 1, 1, PLAIT_NEVER};
    crew_start(&crew, carrier, 1, put_one, &put);
    until_waiting(crew.task[0]);
    plait_queue_close(queue);
    crew_join(&crew);
    ck_assert_int_eq(put.rc, -EPIPE);
    plait_queue_free(queue);
    struct one_call get = {rendezvous(), 1, 1, PLAIT_NEVER};
    crew_start(&crew, carrier, 1, get_one, &get);
    until_waiting(crew.task[0]);
    plait_queue_close(get.queue);
    crew_join(&crew);
    ck_assert_int_eq(get.rc, -EPIPE);
    plait_queue_free(get.queue);
}

enum { ITEMS = 2000 };

struct flow {
    plait_queue *queue;
    uint64_t sum, count;
    int putters, in_hand; /* puts that have not returned */
};

static int put_all(void *arg)
{
    struct flow *flow = arg;
    for (int i = 1; i <= ITEMS; i++)
        need(plait_put(flow->queue, &i, PLAIT_NEVER) == 0);
    if (__atomic_sub_fetch(&flow->putters, 1, __ATOMIC_ACQ_REL) == 0)
        need(plait_queue_close(flow->queue) == 0);
    return 0;
}

static int get_all(void *arg)
{
    struct flow *flow = arg;
    int item, rc;
    while ((rc = plait_get(flow->queue, &item, PLAIT_NEVER)) == 0) {
        __atomic_add_fetch(&flow->sum, (uint64_t)item, __ATOMIC_RELAXED);
        __atomic_add_fetch(&flow->count, 1, __ATOMIC_RELAXED);
    }
    need(rc == -EPIPE);
    return 0;
}

TEST_CREW(every_item_is_got_once)
{
    static const int crews[][2] = {{1, 1}, {3, 3}, {1, 4}, {4, 1}};
    for (int i = 0; i < 4; i++) {
        struct flow flow = {.queue = rendezvous(), .putters = crews[i][0]};
        struct crew crew = {.count = 0};
        crew_start(&crew, carrier, crews[i][0], put_all, &flow);
        crew_start(&crew, carrier, crews[i][1], get_all, &flow);
        crew_join(&crew);
        ck_assert_uint_eq(flow.count, (uint64_t)crews[i][0] * ITEMS);
        ck_assert_uint_eq(flow.sum, (uint64_t)crews[i][0] * ITEMS * (ITEMS + 1) / 2);
        plait_queue_free(flow.queue);
    }
}

/* Each item is counted when it goes over. */
static int get_and_tell(void *arg)
{
    int item, rc;
    while ((rc = plait_get((plait_queue *)arg, &item, PLAIT_NEVER)) == 0) {
        plait_yield();
        plait_queue_task_done((plait_queue *)arg);
    }
    return rc != -EPIPE;
}

static void done_too_often(void *arg)
{
    plait_queue_task_done(rendezvous());
}

TEST_LIGHT(join_waits_for_what_was_handed_over)
{
    plait_queue *queue = rendezvous();
    struct crew crew = {.count = 0};
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NOW), 0);
    crew_start(&crew, carrier, 3, get_and_tell, queue);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(plait_put(queue, &i, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NEVER), 0);
    ck_assert_int_eq(plait_put(queue, &(int){1}, PLAIT_NEVER), 0);
    plait_queue_close(queue);
    ck_assert_int_eq(plait_queue_join(queue, PLAIT_NEVER), 0);
    crew_join(&crew);
    ck_assert_uint_eq(plait_queue_size(queue), 0);
    ck_assert_uint_eq(plait_queue_capacity(queue), 0);
    ck_assert(plait_queue_is_closed(queue));
    plait_queue_free(queue);
    harness_dies(done_too_often, NULL, "task_done once too often");
}

static int put_some(void *arg)
{
    int items[5] = {1, 2, 3, 4, 5};
    return plait_put_many((plait_queue *)arg, items, 5, PLAIT_NEVER) == 5 ? 0 : 1;
}

TEST_LIGHT(many_go_over_one_by_one)
{
    plait_queue *queue = rendezvous();
    struct crew crew = {.count = 0};
    int items[8], sum = 0;
    crew_start(&crew, carrier, 2, put_some, queue);
    for (int left = 10; left > 0;) {
        int count = (int)plait_get_many(queue, items, 8, PLAIT_NEVER);
        ck_assert_int_ge(count, 1);
        for (int i = 0; i < count; i++, left--)
            sum += items[i];
    }
    crew_join(&crew);
    ck_assert_int_eq(sum, 30);
    ck_assert_int_eq(plait_queue_close_now(queue, NULL, NULL), 0);
    ck_assert_int_eq(plait_put_many(queue, items, 8, PLAIT_NEVER), -EPIPE);
    plait_queue_free(queue);
}

/* ---- selects that meet selects */

struct crossing {
    plait_queue *left, *right;
    int64_t puts, gets, sum_in, sum_out;
    int limit;
};

/* Puts left or gets right, whichever comes first; the other half of the crew does it the other way
 * round. */
static int cross(void *arg)
{
    struct crossing *all = arg;
    static int turn;
    bool other = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % 2;
    plait_queue *to = other ? all->right : all->left, *from = other ? all->left : all->right;
    for (int in = 1, out = 0;; in++) {
        int done = plait_select(PLAIT_NEVER, plait_on_put(to, &in), plait_on_get(from, &out));
        if (done == -EPIPE)
            return 0;
        need(done == 0 || done == 1);
        __atomic_add_fetch(done ? &all->gets : &all->puts, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(done ? &all->sum_out : &all->sum_in, done ? out : in, __ATOMIC_RELAXED);
        if (__atomic_load_n(&all->puts, __ATOMIC_RELAXED) >= all->limit) {
            plait_queue_close(to);
            plait_queue_close(from);
        }
    }
}

TEST_CREW(crossing_selects_meet)
{
    for (int tasks = 2; tasks <= 8; tasks *= 2) {
        struct crossing all = {.left = rendezvous(), .right = rendezvous(), .limit = 3000};
        crew_run(carrier, tasks, cross, &all);
        ck_assert_int_eq(all.puts, all.gets);
        ck_assert_int_eq(all.sum_in, all.sum_out);
        plait_queue_free(all.left);
        plait_queue_free(all.right);
    }
}

/* Both sides of one queue in each select: any two can meet, nobody meets himself. */
static int swap(void *arg)
{
    struct crossing *all = arg;
    for (int in = 1, out = 0;; in++) {
        int done =
            plait_select(PLAIT_NEVER, plait_on_put(all->left, &in), plait_on_get(all->left, &out));
        if (done == -EPIPE)
            return 0;
        need(done == 0 || done == 1);
        if (__atomic_add_fetch(done ? &all->gets : &all->puts, 1, __ATOMIC_RELAXED) >= all->limit)
            plait_queue_close(all->left);
        __atomic_add_fetch(done ? &all->sum_out : &all->sum_in, done ? out : in, __ATOMIC_RELAXED);
    }
}

TEST_CREW(both_sides_in_one_select)
{
    struct crossing all = {.left = rendezvous(), .limit = 3000};
    crew_run(carrier, 5, swap, &all);
    ck_assert_int_eq(all.puts, all.gets);
    ck_assert_int_eq(all.sum_in, all.sum_out);
    plait_queue_free(all.left);
}

/* Who sees the effect frees the queue, while the other one is still on its way out. */
TEST_LIGHT(may_be_freed_by_who_sees_the_effect)
{
    for (int i = 0; i < 100; i++) {
        struct one_call put = {rendezvous(), 7, 1, PLAIT_NEVER},
                        get = {rendezvous(), 0, 1, PLAIT_NEVER};
        struct crew crew = {.count = 0};
        int item = 0;
        crew_start(&crew, carrier, 1, put_one, &put);
        ck_assert_int_eq(plait_get(put.queue, &item, PLAIT_NEVER), 0);
        plait_queue_free(put.queue);
        crew_start(&crew, carrier, 1, get_one, &get);
        ck_assert_int_eq(plait_put(get.queue, &item, PLAIT_NEVER), 0);
        plait_queue_free(get.queue);
        crew_join(&crew);
        ck_assert_int_eq(item + get.item, 14);
        ck_assert_int_eq(put.rc + get.rc, 0);
    }
}
