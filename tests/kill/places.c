/* The shared ring's counts: a join ends when all is done, and not before, whatever of a take, a
 * release, a put back or a settling was killed. Rows of the queue, beside queue.c.
 *
 * common->first: items that were put and that no survivor has got; ->second: how many had been
 * lost before. */
#include "kill.h"
#include "queue/queue.h"

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
