/* What a shared queue gives to plait_select. The sleep is on the side's word alone, not on a stamp,
 * and a select names no pending word, because it has one for all of its cases: what a death in
 * these moments leaves asleep looks again after the patrol's interval. */
#include "queue/shared_end.h"
#include "wait/case.h"

#include <errno.h>

static struct queue_call call_of_case(plait_case *one)
{
    plait_queue *queue = one->object;
    struct queue_call call = one->number ? call_of_put(queue, one->data, one->size)
                                         : call_of_get(queue, one->data, one->size);
    call.slept = one->reserved;
    return call;
}

/* Of a case's `reserved`. OVER, because a select believes a code only when it is told it twice. */
enum { ANNOUNCED = 1, OVER = 2 };

static int case_attempt(plait_case *one)
{
    struct queue_call call = call_of_case(one);
    int rc = shared_try(&call, one->reserved == OVER);
    if (rc == -EPIPE || rc == -EOWNERDEAD)
        one->reserved = OVER;
    if (rc == 0 && !one->number && call.size <= INT32_MAX)
        rc = (int)call.size;
    return rc;
}

static int case_words(plait_case *one, struct wait_word *words)
{
    struct queue_call call = call_of_case(one);
    uint32_t *word = &call.queue->shared.head->sleep[shared_side_of(&call)].word;
    uint32_t seen = atom_or(word, SHARED_W, SEQ_CST) | SHARED_W;
    if (!call.is_vain(&call))
        return 0;
    one->reserved = ANNOUNCED;
    words[0] = (struct wait_word){.word = word, .seen = seen, .shared = true};
    return 1;
}

/* A wake must be passed on, since its sleeper may have been the one that an item woke. */
static void case_pass_on(plait_case *one)
{
    struct queue_call call = call_of_case(one);
    if (!call.is_vain(&call))
        shared_wake(call.queue, shared_side_of(&call), 1);
}

const struct plait_case_kind shared_on_get = {"get", "queue", case_attempt, case_words,
                                              case_pass_on};
const struct plait_case_kind shared_on_put = {"put", "queue", case_attempt, case_words,
                                              case_pass_on};
