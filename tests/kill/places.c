/* The counts of a shared ring and of a stock: a join ends when all is done, and not before, and
 * what is lost is counted once, whatever of a take, a release, a put back, a settling or its repair
 * was killed. Rows of the queue, beside queue.c.
 *
 * common->first: items that were put and that no survivor has got; ->second: how many had been
 * lost before. */
#include "kill.h"
#include "queue/queue.h"
#include "queue/shared_places.h"
#include "queue/shared_stock.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPACITY = 3 };

static plait_queue *queue;
static pid_t harness; /* the waiter only drains and joins: it does not know who is dead */
static long *place;   /* of the victim, where its operation begins behind the take */
static bool left;     /* one was left by somebody who is gone, and must be lost once */

static void must(bool good)
{
    if (!good)
        _exit(1);
}

static void open_with(plait_queue_options options)
{
    options.where = PLAIT_SHARED;
    queue = plait_queue_open(sizeof(long), CAPACITY, &options);
    harness = getpid();
    must(queue != NULL);
}

static void open_ring(void)
{
    open_with((plait_queue_options){0});
}

static void open_alone(void)
{
    open_with((plait_queue_options){.single_consumer = true});
}

static void open_pile(void)
{
    open_with((plait_queue_options){.order = PLAIT_LIFO});
}

static int put(void)
{
    long item = 7;
    return plait_put(queue, &item, PLAIT_NOW);
}

static int get(void)
{
    long item;
    int rc = plait_get(queue, &item, PLAIT_NOW);
    return rc == 0 && item != 7 ? -EILSEQ : rc;
}

static uint64_t undone(void)
{
    return queue->kind->gets(queue) - queue->shared.head->done;
}

/* ---- the operations */

static void get_one(void)
{
    must(get() == 0);
}

static void take_one(void)
{
    place = (long *)(uintptr_t)plait_queue_take(queue, NULL, PLAIT_NEVER);
    must(place && *place == 7);
}

static void prepare_taken(void)
{
    robust_tid();
    take_one();
}

static void release(void)
{
    plait_queue_release(queue, place);
}

static void put_back(void)
{
    plait_queue_put_back(queue, place);
}

static void put_back_and_get(void)
{
    put_back();
    get_one();
}

/* Settles the place that is in the way. */
static void put_one(void)
{
    long item = 7;
    must(plait_put(queue, &item, PLAIT_NEVER) == 0);
}

/* Settles what it finds; there are items inside, so that all is not done yet. */
static void join_in_vain(void)
{
    must(plait_queue_join(queue, PLAIT_NOW) == -EAGAIN);
}

/* Behind a dead one inside: whoever gets repairs first. */
static void get_and_do(void)
{
    get_one();
    plait_queue_task_done(queue);
}

static void register_thread(void)
{
    robust_tid();
}

/* ---- the harness' side */

static void drain(void)
{
    while (get() == 0) {
        plait_queue_task_done(queue);
        common->first--;
    }
}

static void fresh(void)
{
    for (int side = 0; side < SHARED_SIDES; side++)
        queue->shared.head->sleep[side].word = 0;
    drain();
    queue->shared.head->done = queue->kind->gets(queue);
    must(put() == 0 && put() == 0);
    common->first = 2;
    common->second = (long)plait_queue_lost(queue);
}

/* The ring is full of what somebody had who is gone, and of others. */
static void fresh_left(void)
{
    fresh();
    must(put() == 0);
    common->first = CAPACITY;
    left = true;
    pid_t pid = fork();
    if (pid == 0) {
        take_one();
        _exit(0);
    }
    must(waitpid(pid, NULL, 0) == pid);
}

/* Between the stamp, or the cell's state, and the count. */
static bool has_turn(void)
{
    const struct places *places = shared_places(queue);
    const struct shared_stock *stock = shared_stock(&queue->shared);
    if (queue->kind == &queue_shared_stock)
        return stock->turn &&
               shared_cell(&queue->shared, stock->turn - 1)->state == stock->turn_state;
    return places->turn && (shared_slot_at(&queue->shared, places->turn - 1)->stamp ==
                            places->stamp) != places->of_lost;
}

/* One was killed in the middle of a take. */
static void fresh_half_taken(void)
{
    fresh();
    dead_leave(register_thread, take_one, has_turn);
    left = true;
}

/* One was killed while it settled what another dead one had taken. */
static void fresh_half_lost(void)
{
    fresh_left();
    queue->shared.patrolled = 0;
    dead_leave(register_thread, join_in_vain, has_turn);
}

/* All that a survivor can do; behind it, how many items the victim got and did not lose. */
static int look(int64_t *got_at, long *got)
{
    drain();
    queue->shared.patrolled = 0; /* so that the join settles at once */
    int rc = plait_queue_join(queue, PLAIT_NOW);
    long lost = (long)plait_queue_lost(queue);
    *got = common->first - (lost - common->second);
    common->first = 0;
    common->second = lost;
    *got_at = plait_now();
    return rc;
}

/* Somebody's work that he could not do: the join ends then, and not before. */
static int do_for_the_dead(void)
{
    if (undone() != 1)
        return -EILSEQ;
    plait_queue_task_done(queue);
    return plait_queue_join(queue, PLAIT_NOW) == 0 ? 0 : -EILSEQ;
}

static int use_beside(int64_t deadline, int64_t *got_at)
{
    drain();
    int rc = plait_queue_join(queue, deadline);
    *got_at = plait_now();
    return rc;
}

/* Its place is lost, or back, or released: then its item is not done. */
static int use_place(int64_t deadline, int64_t *got_at)
{
    long got;
    if (getpid() != harness)
        return use_beside(deadline, got_at);
    int rc = look(got_at, &got);
    if (got == 0)
        return rc == 0 && undone() == 0 ? 0 : -EILSEQ;
    return got == 1 && rc == -EAGAIN ? do_for_the_dead() : -EILSEQ;
}

/* Or copied out, and not counted yet. */
static int use_copied(int64_t deadline, int64_t *got_at)
{
    long got;
    if (getpid() != harness)
        return use_beside(deadline, got_at);
    int rc = look(got_at, &got);
    if (got == 1 && rc == -EAGAIN)
        return do_for_the_dead();
    return (got == 0 || got == 1) && rc == 0 && undone() == 0 ? 0 : -EILSEQ;
}

/* One is lost, once; what the victim put is there or not. */
static int use_left(int64_t deadline, int64_t *got_at)
{
    long got, lost = common->second;
    bool first = left;
    if (getpid() != harness)
        return use_beside(deadline, got_at);
    int rc = look(got_at, &got);
    left = false;
    bool good = rc == 0 && undone() == 0 && common->second - lost == first;
    return good && (got == 0 || (first && got == -1)) ? 0 : -EILSEQ;
}

/* The same where the victim does what it gets, or was killed before. */
static int use_mended(int64_t deadline, int64_t *got_at)
{
    long got, lost = common->second;
    if (getpid() != harness)
        return use_beside(deadline, got_at);
    int rc = look(got_at, &got);
    long now_lost = common->second - lost;
    bool first = left;
    left = false;
    if (now_lost != first || got < 0 || got > 1)
        return -EILSEQ;
    if (got == 1 && rc == -EAGAIN)
        return do_for_the_dead();
    return rc == 0 && undone() == 0 ? 0 : -EILSEQ;
}

/* Not before all is done, and then at once. */
static bool joins_in_time(void)
{
    bool good = plait_queue_join(queue, PLAIT_NOW) == 0 && put() == 0;
    good = good && plait_queue_join(queue, PLAIT_NOW) == -EAGAIN && get() == 0;
    good = good && plait_queue_join(queue, PLAIT_NOW) == -EAGAIN;
    plait_queue_task_done(queue);
    return good && plait_queue_join(queue, PLAIT_NOW) == 0 && undone() == 0;
}

#define NOUN(begin, as_new, used)                                                                  \
    {                                                                                              \
        .open = begin, .fresh = as_new, .use = used, .is_sound = joins_in_time                     \
    }
static const struct kill_noun ring = NOUN(open_ring, fresh, use_place);
static const struct kill_noun ring_copied = NOUN(open_ring, fresh, use_copied);
static const struct kill_noun ring_left = NOUN(open_ring, fresh_left, use_left);
static const struct kill_noun half_taken = NOUN(open_ring, fresh_half_taken, use_mended);
static const struct kill_noun half_lost = NOUN(open_ring, fresh_half_lost, use_mended);
static const struct kill_noun pile = NOUN(open_pile, fresh, use_place);
static const struct kill_noun pile_copied = NOUN(open_pile, fresh, use_copied);
static const struct kill_noun pile_left = NOUN(open_pile, fresh_left, use_left);
static const struct kill_noun pile_half_taken = NOUN(open_pile, fresh_half_taken, use_mended);
static const struct kill_noun pile_half_lost = NOUN(open_pile, fresh_half_lost, use_mended);
static const struct kill_noun alone = NOUN(open_alone, fresh, use_place);
static const struct kill_noun alone_copied = NOUN(open_alone, fresh, use_copied);
static const struct kill_noun alone_left = NOUN(open_alone, fresh_left, use_left);
#define CASE(text, of, prepares) .name = "queue: " text, .noun = &of, .prepare = prepares

const struct kill_case kill_places_cases[] = {
    {CASE("get, counted", ring_copied, register_thread), .operate = get_one},
    {CASE("take, counted", ring, register_thread), .operate = take_one},
    {CASE("release, counted", ring, prepare_taken), .operate = release},
    {CASE("put back, counted", ring, prepare_taken), .operate = put_back},
    {CASE("put back and get, counted", ring_copied, prepare_taken), .operate = put_back_and_get},
    {CASE("put settles, counted", ring_left, register_thread), .operate = put_one},
    {CASE("join settles, counted", ring_left, register_thread), .operate = join_in_vain},
    {CASE("repair of a take, counted", half_taken, register_thread), .operate = get_and_do},
    {CASE("repair of a loss, counted", half_lost, register_thread), .operate = get_and_do},
    {CASE("pile: get, counted", pile_copied, register_thread), .operate = get_one},
    {CASE("pile: take, counted", pile, register_thread), .operate = take_one},
    {CASE("pile: release, counted", pile, prepare_taken), .operate = release},
    {CASE("pile: put back, counted", pile, prepare_taken), .operate = put_back},
    {CASE("pile: put settles, counted", pile_left, register_thread), .operate = put_one},
    {CASE("pile: join settles, counted", pile_left, register_thread), .operate = join_in_vain},
    {CASE("pile: repair of a take, counted", pile_half_taken, register_thread),
     .operate = get_and_do},
    {CASE("pile: repair of a loss, counted", pile_half_lost, register_thread),
     .operate = get_and_do},
    {CASE("get alone, counted", alone_copied, register_thread), .operate = get_one},
    {CASE("take alone, counted", alone, register_thread), .operate = take_one},
    {CASE("release alone, counted", alone, prepare_taken), .operate = release},
    {CASE("put back alone, counted", alone, prepare_taken), .operate = put_back},
    {CASE("put back and get alone, counted", alone_copied, prepare_taken),
     .operate = put_back_and_get},
    {CASE("put settles beside one alone", alone_left, register_thread), .operate = put_one},
    {CASE("join settles beside one alone", alone_left, register_thread), .operate = join_in_vain},
    {0},
};
