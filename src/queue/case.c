/* What a queue gives to plait_select: one attempt, where to sleep, whom to wake instead.
 *
 * The case itself remembers in `reserved` that it was announced: then its sleeper may have been the
 * one that an item woke, and owes the wake to the next one when something is left. */
#include "wait/case.h"
#include "base/report.h"
#include "queue/fifo.h"

static struct queue_call call_of_case(plait_case *one)
{
    plait_queue *queue = one->object;
    struct queue_call call = one->number ? call_of_put(queue, one->data, one->size)
                                         : call_of_get(queue, one->data, one->size);
    call.waited = call.slept = one->reserved;
    return call;
}

static int case_attempt(plait_case *one)
{
    struct queue_call call = call_of_case(one);
    int rc = call.attempt(&call);
    if (rc == 0 && !one->number && call.size <= INT32_MAX)
        rc = (int)call.size;
    return rc;
}

static int case_words(plait_case *one, struct wait_word *words)
{
    struct queue_call call = call_of_case(one);
    int count = call_announce(&call, words);
    one->reserved = call.slept;
    return count;
}

static void case_pass_on(plait_case *one)
{
    struct queue_call call = call_of_case(one);
    if (!call.is_vain(&call) && side_owes_wake(call.side))
        side_wake(call.side, 1);
}

static const struct plait_case_kind get_kind = {"get", "queue", case_attempt, case_words,
                                                case_pass_on};
static const struct plait_case_kind put_kind = {"put", "queue", case_attempt, case_words,
                                                case_pass_on};

/* The same on a ring, without a struct queue_call, because a select asks each of its cases three
 * times for one item. */
static int ring_get(plait_case *one)
{
    plait_queue *queue = one->object;
    size_t element = queue->element; /* before the effect: afterwards the queue may be gone */
    uint64_t position;
    int rc = ring_claim_get(&queue->ring, &position);
    if (unlikely(rc == RING_ODD))
        return case_attempt(one);
    if (rc != 0)
        return rc;
    if (one->reserved) {
        struct queue_call call = {.side = &queue->items, .waited = true, .slept = true};
        fifo_finish_get(queue, one->data, position, &call);
    } else {
        fifo_finish_get(queue, one->data, position, NULL);
    }
    return element <= INT32_MAX ? (int)element : 0;
}

static int ring_put(plait_case *one)
{
    plait_queue *queue = one->object;
    uint64_t position;
    int rc = ring_claim_put(&queue->ring, &position);
    if (unlikely(rc == RING_ODD))
        return case_attempt(one);
    if (rc == 0) {
        struct queue_call call = {.side = &queue->room, .waited = true, .slept = true};
        fifo_finish_put(queue, one->data, position, one->reserved ? &call : NULL);
    }
    return rc;
}

/* Steps 1 and 2 of side.h. A W that stands already is as good as one of ours: who takes it off
 * changes the epoch, so that the sleep does not begin. */
static int ring_words(plait_case *one, struct wait_word *words)
{
    plait_queue *queue = one->object;
    struct queue_side *side = one->number ? &queue->room : &queue->items;
    uint32_t seen = atom_load(&side->word, SEQ_CST);
    if (!(seen & QUEUE_W))
        seen = atom_or(&side->word, QUEUE_W, SEQ_CST) | QUEUE_W;
    if (unlikely(seen & QUEUE_CLOSING))
        return case_words(one, words);
    if (!(one->number ? ring_is_full(&queue->ring) : ring_is_empty(&queue->ring)))
        return 0;
    one->reserved = true;
    words[0] = (struct wait_word){.word = &side->word, .seen = seen};
    return 1;
}

/* Items of one size suit everybody, so a wake that found nothing was for nothing. */
static void ring_pass_on(plait_case *one)
{
    one->reserved = false;
}

static const struct plait_case_kind ring_get_kind = {"get", "queue", ring_get, ring_words,
                                                     ring_pass_on};
static const struct plait_case_kind ring_put_kind = {"put", "queue", ring_put, ring_words,
                                                     ring_pass_on};

static const struct plait_case_kind *kind_of(const plait_queue *queue, bool put)
{
    if (queue->kind == &queue_fifo)
        return put ? &ring_put_kind : &ring_get_kind;
    const struct plait_case_kind *own = put ? queue->kind->on_put : queue->kind->on_get;
    return own ? own : put ? &put_kind : &get_kind;
}

plait_case plait_on_get_bytes(plait_queue *queue, void *buffer, size_t size)
{
    queue_check_item(queue, buffer, size, __builtin_return_address(0));
    return (plait_case){
        .kind = kind_of(queue, false), .object = queue, .data = buffer, .size = size};
}

plait_case plait_on_put_bytes(plait_queue *queue, const void *item, size_t size)
{
    queue_check_item(queue, item, size, __builtin_return_address(0));
    return (plait_case){.kind = kind_of(queue, true),
                        .object = queue,
                        .data = (void *)item,
                        .size = size,
                        .number = 1};
}
