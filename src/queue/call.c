/* How the users of a queue wait. */
#include "queue/call.h"
#include "base/report.h"
#include "os/os.h"
#include "sync/waiter.h"

/* Before a sleep: so many looks after a pause of so many os_relax, then so many after a yield. */
enum { PAUSES = 4, PAUSE = 16, YIELDS = 16 };

void call_check_owner(plait_queue *queue, struct queue_side *side)
{
    uint32_t first = 0, me = waiter_number(wait_me());
    char name[128];
    if (atom_cas(&side->owner, &first, me, ACQUIRE) || first == me)
        return;
    bool puts = side == &queue->room;
    struct wait_self *owner = waiter_of(first);
    base_misuse(queue, "queue", NULL,
                "a second task %s, but it was opened with %s; the first is %s",
                puts ? "puts" : "gets", puts ? "single_producer" : "single_consumer",
                owner ? waiter_name(owner, name, sizeof name) : "over");
}

/* What this wait has taught, and that it is over. */
static void call_leave(struct queue_call *call)
{
    bool known = call->since && call->counted; /* a select's sleep says nothing about this queue */
    if (known || !call->slept)
        sync_budget_learn(&call->side->budget, known ? wait_now() - call->since : 0);
    if (call->counted)
        atom_sub(&call->side->waiting, 1, RELAXED);
    call->counted = false;
}

bool call_end_wait(struct queue_call *call, bool left)
{
    call_leave(call);
    return call->slept && left && side_owes_wake(call->side);
}

int call_announce(struct queue_call *call, struct wait_word *words)
{
    struct queue_side *side = call->side;
    uint32_t seen = atom_or(&side->word, QUEUE_W, SEQ_CST) | QUEUE_W;
    /* CLOSED follows at once; behind it one sleeps only for what was reserved before */
    if (seen & QUEUE_CLOSING && !call->queue->kind->is_closed(call->queue)) {
        ring_busy(&call->looks);
        return 0;
    }
    if (!call->is_vain(call))
        return 0;
    /* Not of coroutines, which never spin here: two readings of the clock are a third of a
     * hand-over. */
    if (!call->slept && !wait_me()->carrier->is_coroutine)
        call->since = wait_now();
    call->slept = true;
    words[0] = (struct wait_word){.word = &side->word, .seen = seen};
    return 1;
}

static int call_words(void *object, struct wait_word *words)
{
    return call_announce(object, words);
}

static int call_attempt(void *object)
{
    struct queue_call *call = object;
    return call->attempt(call);
}

/* A thread: waits without a sleep while that has paid so far; -EAGAIN: it did not. First by pauses,
 * in case the other side runs on another CPU; a few in a row, because each look takes the line away
 * from it, and so that items gather. Then by giving the CPU to whoever wants it: with more threads
 * than CPUs the other side most likely waits for ours, and a switch costs a tenth of a sleep and a
 * wake.
 * */
static int call_spin(struct queue_call *call)
{
    int shift;
    if (!waiter_may_spin(wait_me(), NULL) || (shift = sync_budget_take(&call->side->budget)) < 0)
        return -EAGAIN;
    int pauses = PAUSES >> shift, looks = pauses + (YIELDS >> shift);
    for (int look = 0; look < looks; look++) {
        if (look >= pauses)
            os_yield();
        for (int i = 0; look < pauses && i < PAUSE; i++)
            os_relax();
        int rc = call->attempt(call);
        if (rc != -EAGAIN)
            return rc;
    }
    return -EAGAIN;
}

int call_wait(const char *verb, struct queue_call *call, int64_t deadline, void *place)
{
    struct wait_call wait = {call_attempt, call_words, verb, "queue"};
    if (deadline == 0)
        return wait_not_now();
    if (call->queue->kind->wait)
        return call->queue->kind->wait(verb, call, deadline, place);
    call->waited = true;
    int rc = wait_me()->carrier->is_coroutine ? -EAGAIN : call_spin(call);
    if (rc != -EAGAIN)
        return rc;
    atom_add(&call->side->waiting, 1, RELAXED);
    call->counted = true;
    rc = wait_until_tried(&wait, call, call->queue, deadline, place);
    if (call->counted)
        call_leave(call);
    return rc;
}
