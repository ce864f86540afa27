/* The shared queues' cases: a ring of elements, a pile of messages, priorities that are
 * redelivered. An item is a pair of equal numbers, so that half a one would be seen. */
#include "kill.h"
#include "queue/shared.h"
#include "queue/shared_end.h"
#include "queue/shared_ring.h"
#include "queue/shared_stock.h"

#include <errno.h>
#include <unistd.h>

enum { CAPACITY = 3 };

struct pair {
    long first, second;
};

static plait_queue *queue;
static pid_t harness; /* its uses bring their own item along; the waiter's wait for one */

/* ---- the three queues */
static void open_queue(size_t element, plait_queue_options options)
{
    options.where = PLAIT_SHARED;
    queue = plait_queue_open(element, CAPACITY, &options);
    harness = getpid();
    if (!queue)
        _exit(1);
}

static void open_ring(void)
{
    open_queue(sizeof(struct pair), (plait_queue_options){0});
}

static void open_pile(void)
{
    open_queue(PLAIT_MESSAGES, (plait_queue_options){.order = PLAIT_LIFO});
}

static void open_leased(void)
{
    open_queue(sizeof(struct pair),
               (plait_queue_options){.order = PLAIT_PRIORITY, .redeliver = true});
}

static int put(long number, int64_t deadline)
{
    struct pair pair = {number, number};
    return plait_put_bytes(queue, &pair, sizeof pair, deadline);
}

/* An item that is whole, and done at once. */
static int get(int64_t deadline)
{
    struct pair pair;
    ssize_t size = plait_get_bytes(queue, &pair, sizeof pair, deadline);
    if (size < 0)
        return (int)size;
    if (size != sizeof pair || pair.first != pair.second)
        return -EILSEQ;
    if (queue->shared.redeliver)
        plait_queue_task_done(queue);
    return 0;
}

/* ---- the operations */
static void must(int rc)
{
    if (rc != 0)
        _exit(1);
}

static void put_one(void)
{
    must(put(7, PLAIT_NEVER));
}

static void get_one(void)
{
    must(get(PLAIT_NEVER));
}

static void put_two(void)
{
    struct pair pairs[2] = {{1, 1}, {2, 2}};
    must(plait_put_many(queue, pairs, 2, PLAIT_NEVER) != 2);
}

static void get_two(void)
{
    struct pair pairs[2];
    must(plait_get_many(queue, pairs, 2, PLAIT_NEVER) < 1);
}

static void write_in_place(void)
{
    struct pair *place = plait_queue_reserve(queue, sizeof *place, PLAIT_NEVER);
    *place = (struct pair){8, 8};
    plait_queue_commit(queue, place);
}

static void give_up(void)
{
    plait_queue_give_up(queue, plait_queue_reserve(queue, sizeof(struct pair), PLAIT_NEVER));
}

static void read_in_place(void)
{
    const struct pair *place = plait_queue_take(queue, NULL, PLAIT_NEVER);
    if (place->first != place->second)
        _exit(1);
    plait_queue_release(queue, place);
}

static void put_back(void)
{
    plait_queue_put_back(queue, plait_queue_take(queue, NULL, PLAIT_NEVER));
}

static void close_it(void)
{
    plait_queue_close(queue);
}

static void close_now(void)
{
    plait_queue_close_now(queue, NULL, NULL);
}

static void put_by_priority(void)
{
    struct pair pair = {7, 7};
    must(plait_put_priority(queue, &pair, 3, PLAIT_NEVER));
}

/* All that was put is done at once in this harness, but for what a killed one had. */
static void join_it(void)
{
    must(plait_queue_join(queue, PLAIT_NOW));
}

static void select_one(void)
{
    struct pair pair;
    plait_case one = plait_on_get_bytes(queue, &pair, sizeof pair);
    must(plait_select_cases(&one, 1, PLAIT_NEVER) != 0);
}

static void register_thread(void)
{
    robust_tid();
}

/* ---- the harness' side */
static void fresh(void)
{
    struct shared_head *head = queue->shared.head;
    head->closed = 0;
    for (int side = 0; side < SHARED_SIDES; side++)
        head->sleep[side].word = 0;
    while (get(PLAIT_NOW) == 0)
        ;
}

static void fresh_with_one(void)
{
    fresh();
    must(put(3, PLAIT_NOW));
}

/* Full, for those who put; empty, for those who get. */
static void fill(void)
{
    while (put(4, PLAIT_NOW) == 0)
        ;
}

static void nothing(void)
{
}

/* One alone, for the victim or the waiter: whose wake dies with it has left it for the other. And
 * not two, since the victim may be stopped inside the lock that the second needs. */
static void unblock_get(void)
{
    must(put(5, PLAIT_NEVER));
}

static void unblock_put(void)
{
    must(get(PLAIT_NEVER));
}

/* What the victim took and could not finish must not fill the queue: room for a new one, too. */
static int use(int64_t deadline, int64_t *got_at)
{
    bool brings = getpid() == harness;
    int rc = 0;
    while (brings && (rc = put(6, PLAIT_NOW)) == -EAGAIN && rc != 0)
        if ((rc = get(PLAIT_NOW)) != 0 && rc != -EAGAIN)
            return rc;
        else if (rc == -EAGAIN && plait_now() > deadline)
            return -ETIMEDOUT;
    if (rc == 0)
        rc = get(deadline);
    *got_at = plait_now();
    return rc;
}

static void rescue(void)
{
    put(9, PLAIT_NOW); /* full: there is enough */
}

/* Only when the victim has taken the item or put none: a waiter that sleeps beside one is stuck.
 * The lock is taken first, because a stock's count is what its next user finds out. */
static void rescue_if_empty(void)
{
    struct queue_call call = {.queue = queue};
    must(shared_enter(&call, SHARED_PUTS));
    shared_leave(&call, SHARED_PUTS);
    if (plait_queue_size(queue) == 0)
        rescue();
}

/* The waiter puts into a full queue; the harness makes room. */
static int use_room(int64_t deadline, int64_t *got_at)
{
    int rc;
    if (getpid() == harness)
        while ((rc = get(PLAIT_NOW)) == 0)
            ;
    rc = put(10, deadline);
    *got_at = plait_now();
    return rc;
}

static void fresh_full(void)
{
    fresh();
    fill();
}

static void rescue_room(void)
{
    if (plait_queue_size(queue) == CAPACITY)
        must(get(PLAIT_NEVER));
}

/* The waiter is told of the close; the harness' uses find it closed. */
static int use_closed(int64_t deadline, int64_t *got_at)
{
    int rc = get(deadline);
    *got_at = plait_now();
    return rc == -EPIPE ? 0 : rc == 0 ? -EILSEQ : rc;
}

/* As many are done as were got, and nobody is told "once too often" for a dead one's. */
static void fresh_counted(void)
{
    fresh();
    queue->shared.head->done = queue->kind->gets(queue);
    must(put(3, PLAIT_NOW));
    must(put(4, PLAIT_NOW));
}

static int use_counted(int64_t deadline, int64_t *got_at)
{
    while (get(PLAIT_NOW) == 0)
        plait_queue_task_done(queue);
    int rc = plait_queue_join(queue, deadline);
    *got_at = plait_now();
    return rc;
}

/* Each place can be filled and emptied: none is lost with a dead one. What it had out the patrol
 * may have to find. */
static bool has_all_places(void)
{
    int64_t end = plait_after(2 * PLAIT_SECOND);
    int there, got = 0;
    do {
        while (get(PLAIT_NOW) == 0)
            ;
        for (there = 0; put(there, PLAIT_NOW) == 0; there++)
            ;
    } while (there != CAPACITY && plait_now() < end);
    while (get(PLAIT_NOW) == 0)
        got++;
    return there == CAPACITY && got == CAPACITY;
}

static const struct kill_noun ring = {.open = open_ring,
                                      .fresh = fresh,
                                      .block = nothing,
                                      .unblock = unblock_get,
                                      .rescue = rescue_if_empty,
                                      .use = use,
                                      .is_sound = has_all_places};
static const struct kill_noun ring_reserved = {
    .open = open_ring, .fresh = fresh, .rescue = rescue, .use = use, .is_sound = has_all_places};
static const struct kill_noun ring_with_one = {.open = open_ring,
                                               .fresh = fresh_with_one,
                                               .block = fill,
                                               .unblock = unblock_put,
                                               .rescue = rescue,
                                               .use = use,
                                               .is_sound = has_all_places};
static const struct kill_noun ring_full = {.open = open_ring,
                                           .fresh = fresh_full,
                                           .rescue = rescue_room,
                                           .use = use_room,
                                           .is_sound = has_all_places};
static const struct kill_noun ring_closed = {
    .open = open_ring, .fresh = fresh, .rescue = close_it, .use = use_closed};
static const struct kill_noun pile = {.open = open_pile,
                                      .fresh = fresh,
                                      .block = nothing,
                                      .unblock = unblock_get,
                                      .rescue = rescue_if_empty,
                                      .use = use,
                                      .is_sound = has_all_places};
static const struct kill_noun pile_with_one = {.open = open_pile,
                                               .fresh = fresh_with_one,
                                               .rescue = rescue,
                                               .use = use,
                                               .is_sound = has_all_places};
static const struct kill_noun pile_counted = {
    .open = open_pile, .fresh = fresh_counted, .rescue = nothing, .use = use_counted};
/* A use says plait_queue_task_done, which has no deadline. */
static const struct kill_noun leased = {.open = open_leased,
                                        .endless = true,
                                        .fresh = fresh,
                                        .block = nothing,
                                        .unblock = unblock_get,
                                        .rescue = rescue_if_empty,
                                        .use = use,
                                        .is_sound = has_all_places};
static const struct kill_noun leased_with_one = {.open = open_leased,
                                                 .endless = true,
                                                 .fresh = fresh_with_one,
                                                 .rescue = rescue,
                                                 .use = use,
                                                 .is_sound = has_all_places};
/* ---- repairs */

/* A cell of the stock, a slot of the ring: is one in that state, while its end is held? */
static bool is_held(enum shared_side side)
{
    return queue->shared.head->ends[side].lock.word & ROBUST_OWNER;
}

static bool has_cell(enum shared_state state)
{
    for (uint32_t i = 0; i < queue->capacity; i++)
        if (shared_cell(&queue->shared, i)->state == state)
            return true;
    return false;
}

static unsigned slot_state(enum shared_side side)
{
    uint64_t position = queue->shared.head->ends[side].position;
    return shared_slot_at(&queue->shared, position)->stamp & RING_STATE;
}

/* Its commit is done, the rest is not. */
static bool has_put(void)
{
    return is_held(SHARED_PUTS) && slot_state(SHARED_PUTS) == RING_ITEM;
}

static bool has_got(void)
{
    return is_held(SHARED_GETS) && slot_state(SHARED_GETS) == RING_FREE;
}

static bool has_put_into_stock(void)
{
    return is_held(SHARED_PUTS) && has_cell(SHARED_IN);
}

static bool has_got_from_stock(void)
{
    return is_held(SHARED_PUTS) && !has_cell(SHARED_IN);
}

static void reserve_it(void)
{
    if (!plait_queue_reserve(queue, sizeof(struct pair), PLAIT_NEVER))
        _exit(1);
}

static void take_it(void)
{
    if (!plait_queue_take(queue, NULL, PLAIT_NEVER))
        _exit(1);
}

static void lease_it(void)
{
    struct pair pair;
    must(plait_get_bytes(queue, &pair, sizeof pair, PLAIT_NEVER) < 0);
}

#define HALF(noun, kind, before, first, is_half_done)                                              \
    static void noun##_fresh(void)                                                                 \
    {                                                                                              \
        before();                                                                                  \
        dead_leave(register_thread, first, is_half_done);                                          \
    }                                                                                              \
    static const struct kill_noun noun = {.open = kind,                                            \
                                          .fresh = noun##_fresh,                                   \
                                          .rescue = rescue,                                        \
                                          .use = use,                                              \
                                          .is_sound = has_all_places}
HALF(half_put, open_ring, fresh, put_one, has_put);
HALF(half_got, open_ring, fresh_with_one, get_one, has_got);
HALF(reserved, open_ring, fresh, reserve_it, NULL);
HALF(taken, open_ring, fresh_full, take_it, NULL);
HALF(pile_half_put, open_pile, fresh, put_one, has_put_into_stock);
HALF(pile_half_got, open_pile, fresh_with_one, get_one, has_got_from_stock);
HALF(pile_half_back, open_pile, fresh_with_one, put_back, has_got_from_stock);
HALF(pile_reserved, open_pile, fresh, reserve_it, NULL);
HALF(pile_taken, open_pile, fresh_full, take_it, NULL);
HALF(leased_half_put, open_leased, fresh, put_one, has_put_into_stock);
HALF(leased_half_got, open_leased, fresh_with_one, get_one, has_got_from_stock);
HALF(leased_away, open_leased, fresh_with_one, lease_it, NULL);

/* None may be there. */
static void try_get(void)
{
    int rc = get(PLAIT_NOW);
    must(rc == -EAGAIN ? 0 : rc);
}

static void try_put(void)
{
    int rc = put(7, PLAIT_NOW);
    must(rc == -EAGAIN ? 0 : rc);
}

static void put_and_get(void)
{
    try_put();
    try_get();
}

#define REPAIR(text, of) .name = "queue: repair " text, .noun = &of, .prepare = register_thread
#define CASE(text, of) .name = "queue: " text, .noun = &of, .prepare = register_thread

const struct kill_case kill_queue_cases[] = {
    {CASE("put", ring), .operate = put_one},
    {CASE("get", ring_with_one), .operate = get_one},
    {CASE("put many", ring), .operate = put_two},
    {CASE("get many", ring_with_one), .operate = get_two},
    {CASE("write in place", ring_reserved), .operate = write_in_place},
    {CASE("give up", ring_reserved), .operate = give_up},
    {CASE("read in place", ring_with_one), .operate = read_in_place},
    {CASE("put back", ring_with_one), .operate = put_back},
    {CASE("put to a waiter", ring), .operate = put_one, .waited = true},
    {CASE("write in place for a waiter", ring_reserved), .operate = write_in_place, .waited = true},
    {CASE("get from a full one", ring_full), .operate = get_one, .waited = true},
    {CASE("close", ring_closed), .operate = close_it, .waited = true},
    {CASE("close now", ring_closed), .operate = close_now, .waited = true},
    /* With patrol, since a woken one killed before its commit leaves no word that tells (docs). */
    {CASE("wait to get", ring), .operate = get_one, .contended = true, .patrol = PATROL_WOKEN},
    {CASE("wait to put", ring_with_one), .operate = put_one, .contended = true},
    {CASE("select", ring), .operate = select_one, .contended = true, .patrol = PATROL_WOKEN},
    {CASE("put a message", pile), .operate = put_one},
    {CASE("get a message", pile_with_one), .operate = get_one},
    {CASE("write a message in place", pile), .operate = write_in_place, .waited = true},
    {CASE("read a message in place", pile_with_one), .operate = read_in_place},
    {CASE("put a message back", pile_with_one), .operate = put_back},
    {CASE("put a message back, counted", pile_counted), .operate = put_back, .patrol = true},
    {CASE("put with redelivery", leased), .operate = put_one, .waited = true},
    {CASE("put by priority", leased), .operate = put_by_priority, .waited = true},
    {CASE("join", leased), .operate = join_it},
    {CASE("get and task_done", leased_with_one), .operate = get_one},
    {CASE("put back with redelivery", leased_with_one), .operate = put_back},
    {CASE("wait to get with redelivery", leased), .operate = get_one, .contended = true,
     .patrol = PATROL_WOKEN},
    {REPAIR("of a put", half_put), .operate = put_and_get},
    {REPAIR("of a get", half_got), .operate = try_get},
    {REPAIR("after a reserver", reserved), .operate = put_and_get},
    {REPAIR("after a taker", taken), .operate = try_put},
    {REPAIR("of a message's put", pile_half_put), .operate = try_get},
    {REPAIR("of a message's get", pile_half_got), .operate = try_put},
    {REPAIR("of a message's way back", pile_half_back), .operate = try_get},
    {REPAIR("after a message's reserver", pile_reserved), .operate = try_put},
    {REPAIR("after a message's taker", pile_taken), .operate = try_put},
    {REPAIR("of a put with priorities", leased_half_put), .operate = try_get},
    {REPAIR("of a get with redelivery", leased_half_got), .operate = try_get},
    {REPAIR("after a getter with redelivery", leased_away), .operate = try_get},
    {0},
};
