/* The queue without room: an item goes from a putter straight to a getter, and both wait for it.
 *
 * Problem: either side may sleep in a select, so a meeting must take two sleepers out of whatever
 * else they wait for, both or none. Obvious idea: lock both, in an order by address. Then two
 * selects with crossing cases lock each other's objects, and who is asleep cannot lock anything.
 * Instead only one of the two ever sleeps: the other one runs, wants nothing else at that moment,
 * and fires the sleeper's state word, which can be fired once.
 *
 *   1. who comes: under the bucket's lock of the queue's word looks for a sleeper of the other
 *      kind, not of its own task. Found: fires him, copies the item, takes him out: both are done
 *   2. none: enters the lot; under the same lock it looks once more, because the other one may have
 *      come meanwhile. Found: it does not sleep, it leaves all the objects of its select, and is
 *      back at 1, free to fire
 *   3. fired: leaves the lot under the bucket's lock, behind which the copy is complete
 * Of two that cross, the second one to enter finds the first. When both find each other, at two
 * queues, both are at 1 again, and the next one to look has the other asleep.
 *
 * The word: bit 0 CLOSING: closed. Nothing else ever changes it. */
#include "queue/call.h"
#include "wait/case.h"

#include <limits.h>

enum { MET = 1 }; /* of a case's `reserved`: the item went over while it slept */

static int meet_result(const plait_case *one)
{
    if (one->number) /* a put */
        return 0;
    return one->size <= INT_MAX ? (int)one->size : INT_MAX;
}

/* 1, under the bucket's lock. */
static void meet_hand(plait_case *mine, plait_case *theirs)
{
    if (mine->number)
        ring_copy(theirs->data, mine->data, mine->size);
    else
        ring_copy(mine->data, theirs->data, mine->size);
    atom_add(&((plait_queue *)mine->object)->ring.tail, 1, RELAXED); /* for task_done and join */
    atom_store(&theirs->reserved, MET, RELAXED); /* the lock orders it; a point for tests/explore */
}

/* Nothing of the queue is touched once the item is over: it may be gone. */
static int meet_attempt(plait_case *one)
{
    plait_queue *queue = one->object;
    if (atom_load(&one->reserved, RELAXED) == MET)
        return meet_result(one);
    uint32_t *word = &queue->items.word;
    one->size = queue->element;
    if (atom_load(word, ACQUIRE) & QUEUE_CLOSING) /* pairs with meet_close */
        return -EPIPE;
    return wait_meet(word, one, meet_hand) ? meet_result(one) : -EAGAIN;
}

static int meet_words(plait_case *one, struct wait_word *words)
{
    plait_queue *queue = one->object;
    uint32_t *word = &queue->items.word, seen = atom_load(word, ACQUIRE);
    words[0] = (struct wait_word){.word = word, .seen = seen};
    return seen & QUEUE_CLOSING ? 0 : WAIT_OFFER;
}

static const struct plait_case_kind on_get = {"get", "queue", meet_attempt, meet_words, NULL};
static const struct plait_case_kind on_put = {"put", "queue", meet_attempt, meet_words, NULL};

static plait_case case_of(const struct queue_call *call, bool put)
{
    return (plait_case){.kind = put ? &on_put : &on_get,
                        .object = call->queue,
                        .data = call->item,
                        .size = call->size,
                        .number = put};
}

static int meet_call(struct queue_call *call, bool put)
{
    plait_case one = case_of(call, put);
    int rc = meet_attempt(&one);
    if (rc < 0)
        return rc;
    call->size = one.size;
    return 0;
}

static int put_attempt(struct queue_call *call)
{
    return meet_call(call, true);
}

static int get_attempt(struct queue_call *call)
{
    return meet_call(call, false);
}

/* A plain call is a select of one case, because it may meet one of many. */
static int meet_wait(const char *verb, struct queue_call *call, int64_t deadline, void *place)
{
    const struct wait_call note = {.verb = verb, .type = "queue"};
    plait_case one = case_of(call, call->attempt == put_attempt);
    int rc = wait_select(&one, 1, deadline, &note, call->queue, place);
    if (rc < 0)
        return rc;
    call->size = one.size;
    return 0;
}

static bool always(const struct queue_call *call)
{
    return true;
}

static size_t none(const plait_queue *queue)
{
    return 0;
}

/* How many items went over. */
static uint64_t met(const plait_queue *queue)
{
    return atom_load(&queue->ring.tail, SEQ_CST);
}

static bool is_closed(const plait_queue *queue)
{
    return atom_load(&queue->items.word, ACQUIRE) & QUEUE_CLOSING;
}

/* The word is the last touch: from there on the queue may be freed. */
static void meet_close(plait_queue *queue)
{
    uint32_t *word = &queue->items.word;
    atom_or(word, QUEUE_CLOSING, SEQ_CST);
    wait_unpark(word, INT_MAX, false);
}

const struct queue_kind queue_rendezvous = {
    .put = put_attempt,
    .get = get_attempt,
    .is_full = always,
    .is_empty = always,
    .size = none,
    .is_closed = is_closed,
    .close = meet_close,
    .puts = met,
    .gets = met,
    .wait = meet_wait,
    .on_get = &on_get,
    .on_put = &on_put,
};
