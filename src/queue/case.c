/* What a queue gives to plait_select: one attempt, where to sleep, whom to wake instead.
 *
 * The case itself remembers in `reserved` that it was announced: then its sleeper may have been the
 * one that an item woke, and owes the wake to the next one when something is left. */
#include "wait/case.h"
#include "base/report.h"
#include "queue/call.h"

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

plait_case plait_on_get_bytes(plait_queue *queue, void *buffer, size_t size)
{
    queue_check_item(queue, buffer, size, __builtin_return_address(0));
    const struct plait_case_kind *own = queue->kind->on_get;
    return (plait_case){
        .kind = own ? own : &get_kind, .object = queue, .data = buffer, .size = size};
}

plait_case plait_on_put_bytes(plait_queue *queue, const void *item, size_t size)
{
    queue_check_item(queue, item, size, __builtin_return_address(0));
    const struct plait_case_kind *own = queue->kind->on_put;
    return (plait_case){.kind = own ? own : &put_kind,
                        .object = queue,
                        .data = (void *)item,
                        .size = size,
                        .number = 1};
}
