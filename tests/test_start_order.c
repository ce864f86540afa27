/* Which of the coroutines that have not started runs next: siblings in the order of their starts,
 * the youngest family first, and the oldest in the end, whatever else is started meanwhile. */
#include "crew.h"

#include "sched/worker.h"

static void run(plait_function *function, void *arg, const char *workers)
{
    int status = -1;
    plait_task *task;
    setenv("PLAIT_WORKERS", workers, 1);
    ck_assert_int_eq(plait_start(&task, PLAIT_COROUTINE, function, arg, NULL), 0);
    ck_assert_int_eq(plait_join(task, &status, PLAIT_NEVER), 0);
    ck_assert_int_eq(status, 0);
}

/* A spare worker may have stepped in for one that the machine held up: then no order was
 * promised. */
static bool had_one_worker(void)
{
    plait_counters counters;
    plait_counters_read(&counters);
    return counters.workers == 1;
}

static void start_child(plait_function *function, void *arg)
{
    need(plait_start(NULL, PLAIT_COROUTINE, function, arg, NULL) == 0);
}

/* ---- siblings */
enum { SIBLINGS = 100 };
static int order[SIBLINGS], next_place;

static int note_place(void *arg)
{
    order[__atomic_fetch_add(&next_place, 1, __ATOMIC_RELAXED)] = (int)(intptr_t)arg;
    return 0;
}

static int start_siblings(void *arg)
{
    for (intptr_t i = 0; i < SIBLINGS; i++)
        start_child(note_place, (void *)i);
    return plait_join_all(PLAIT_NEVER);
}

TEST(siblings_run_in_the_order_of_their_starts)
{
    run(start_siblings, NULL, "1");
    ck_assert_int_eq(next_place, SIBLINGS);
    for (int i = 0; i < SIBLINGS && had_one_worker(); i++)
        ck_assert_int_eq(order[i], i);
}

/* ---- a tree */
enum { FAN = 10, DEPTH = 4, LEAVES = 10000 };
static long alive, most_alive, leaves;

static int grow(void *arg)
{
    intptr_t depth = (intptr_t)arg;
    for (int i = 0; depth && i < FAN; i++) {
        start_child(grow, (void *)(depth - 1));
        long now = __atomic_add_fetch(&alive, 1, __ATOMIC_RELAXED);
        if (now > __atomic_load_n(&most_alive, __ATOMIC_RELAXED))
            __atomic_store_n(&most_alive, now, __ATOMIC_RELAXED);
    }
    if (depth == 0)
        __atomic_add_fetch(&leaves, 1, __ATOMIC_RELAXED);
    int rc = plait_join_all(PLAIT_NEVER);
    __atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
    return rc;
}

/* In its breadth all leaves would be alive at once; in its depth FAN a level. Ten times as many are
 * allowed, because now and then the oldest has its turn. */
TEST(a_tree_grows_in_its_depth)
{
    run(grow, (void *)(intptr_t)DEPTH, "1");
    ck_assert_int_eq(leaves, LEAVES);
    if (had_one_worker())
        ck_assert_int_le(most_alive, FAN * DEPTH * 10);
}

/* ---- a stream of starts */
static long started;
static bool oldest_ran;

static int breed(void *arg)
{
    if (!__atomic_load_n(&oldest_ran, __ATOMIC_RELAXED) &&
        __atomic_add_fetch(&started, 1, __ATOMIC_RELAXED) < 5000)
        start_child(breed, NULL);
    return plait_join_all(PLAIT_NEVER);
}

static int oldest(void *arg)
{
    __atomic_store_n(&oldest_ran, true, __ATOMIC_RELAXED);
    return 0;
}

static int start_stream(void *arg)
{
    start_child(breed, NULL);
    start_child(oldest, NULL);
    return plait_join_all(PLAIT_NEVER);
}

TEST_LABELED(the_oldest_has_its_turn, "notsan")
{
    run(start_stream, NULL, "1");
    ck_assert(oldest_ran);
    ck_assert_int_le(started, 2 * SCHED_OLDEST);
}

/* ---- more than a worker's ring holds */
static uint32_t ran;

static int count_one(void *arg)
{
    __atomic_add_fetch(&ran, 1, __ATOMIC_RELAXED);
    return 0;
}

static int start_many(void *arg)
{
    for (int i = 0; i < SCHED_FRESH + 1000; i++)
        start_child(count_one, NULL);
    return plait_join_all(PLAIT_NEVER);
}

/* TSan knows no more than 8,000 stacks. */
TEST_LABELED(a_full_ring_loses_nobody, "noasan notsan")
{
    run(start_many, NULL, "1");
    ck_assert_uint_eq(ran, SCHED_FRESH + 1000);
}

TEST_LABELED(thieves_of_a_full_ring_lose_nobody, "noasan notsan")
{
    run(start_many, NULL, "2");
    ck_assert_uint_eq(ran, SCHED_FRESH + 1000);
}

/* ---- the ring itself, with wrapped positions */
static struct sched_fresh ring;
static struct sched_co records[SCHED_FRESH];

TEST(a_ring_keeps_what_it_is_given)
{
    ring.first = ring.last = UINT32_MAX - 3;
    ck_assert_ptr_null(fresh_pop(&ring));
    ck_assert_ptr_null(fresh_pop_oldest(&ring));
    for (int i = 0; i < SCHED_FRESH; i++)
        ck_assert(i % 2 ? fresh_push_oldest(&ring, &records[i]) : fresh_push(&ring, &records[i]));
    ck_assert(!fresh_push(&ring, &records[0]));
    ck_assert(!fresh_push_oldest(&ring, &records[0]));
    ck_assert_uint_eq(ring.count, SCHED_FRESH);
    for (int i = 0; i < SCHED_FRESH; i += 2)
        ck_assert_ptr_eq(fresh_pop(&ring), &records[i]);
    for (int i = SCHED_FRESH - 1; i > 0; i -= 2)
        ck_assert_ptr_eq(fresh_pop_oldest(&ring), &records[i]);
    ck_assert_uint_eq(ring.count, 0);
}

TEST(the_youngest_family_comes_first)
{
    for (int i = 0; i < 3; i++)
        fresh_push(&ring, &records[i]);
    ck_assert_ptr_eq(fresh_pop(&ring), &records[0]);
    for (int i = 3; i < 6; i++)
        fresh_push(&ring, &records[i]);
    ck_assert_ptr_eq(fresh_pop_oldest(&ring), &records[2]);
    static const int expected[] = {3, 4, 5, 1};
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_eq(fresh_pop(&ring), &records[expected[i]]);
    ck_assert_ptr_null(fresh_pop(&ring));
}
