/* The private queue: the ring, and how its users sleep and are woken.
 *
 * Each side has a word on which it sleeps: getters on `items`, putters on `room`.
 *   bit 0 CLOSING  close has begun: nobody goes to sleep on the word any more
 *   bit 1 W        somebody may sleep
 *   bits 2..31     epoch, one more at each wake, so that who is about to sleep notices it
 *
 * A getter that found nothing: sets W (1), looks at head and tail again (2), sleeps while the word
 * is as it then was. A putter: claims its position (a), looks at the other side's word (b): W:
 * takes it off with a new epoch; fills the slot; wakes one. All of 1, 2, a, b are SEQ_CST, so
 * either 2 sees the claim of a, and the getter does not sleep, or b sees the W of 1. Claims and not
 * stamps are compared, because then the claim itself is the barrier, and a put costs no second one.
 *
 * One wake for one item is enough only if the woken one looks after those who come later: an item
 * put while W was off has woken nobody. So who has slept wakes the next one of his side when he
 * leaves something behind.
 *
 * You may free the queue as soon as you see a call's effect. So W is looked at and taken off before
 * step 3 of the ring makes the effect visible, and the wake behind it uses the word's address, not
 * its memory (the lot touches it only while others sleep on it). Close sets CLOSING in both words
 * first, which turns away who is about to sleep, then CLOSED in the tail, its last touch, then
 * wakes all by address. */
#include "queue/queue.h"
#include "base/report.h"
#include "os/os.h"
#include "sync/waiter.h"

struct queue_call {
    plait_queue *queue;
    struct queue_side *side; /* on which it sleeps */
    void *item;
    int64_t since; /* of the first sleep */
    unsigned looks;
    bool slept, counted;
};

/* Takes W off the word. True: the caller owes a wake, as soon as its effect is visible. */
static inline bool side_owes_wake(struct queue_side *side)
{
    uint32_t seen = atom_load(&side->word, SEQ_CST); /* (b) */
    while (unlikely(seen & QUEUE_W))
        if (atom_cas(&side->word, &seen, (seen + QUEUE_EPOCH) & ~(uint32_t)QUEUE_W, SEQ_CST))
            return true;
    return false;
}

static inline void side_wake(struct queue_side *side)
{
    wait_unpark_marking(&side->word, 1, 0, QUEUE_W);
}

/* What this wait has taught, and that it is over. */
static void queue_leave(struct queue_call *call)
{
    sync_budget_learn(&call->side->budget, call->slept ? wait_now() - call->since : 0);
    if (call->counted)
        atom_sub(&call->side->waiting, 1, RELAXED);
    call->counted = false;
}

/* Before the effect of a call that has waited becomes visible. True: it owes the next one of its
 * side a wake, since something is left for him. */
static bool queue_pass_on(struct queue_call *call, bool left)
{
    queue_leave(call);
    return call->slept && left && side_owes_wake(call->side);
}

static inline int queue_put(plait_queue *queue, const void *item, struct queue_call *call)
{
    struct ring *ring = &queue->ring;
    uint64_t position;
    int rc = ring_claim_put(ring, &position);
    if (rc != 0)
        return rc;
    ring_copy(ring_slot(ring, position)->item, item, ring->element);
    bool wake = side_owes_wake(&queue->items);
    bool pass = unlikely(call != NULL) && queue_pass_on(call, ring_count(ring) < ring->capacity);
    ring_fill(ring, position);
    if (unlikely(wake))
        side_wake(&queue->items);
    if (unlikely(pass))
        side_wake(&queue->room);
    return 0;
}

static inline int queue_get(plait_queue *queue, void *item, struct queue_call *call)
{
    struct ring *ring = &queue->ring;
    uint64_t position;
    int rc = ring_claim_get(ring, &position);
    if (rc != 0)
        return rc;
    ring_copy(item, ring_slot(ring, position)->item, ring->element);
    bool wake = side_owes_wake(&queue->room);
    bool pass = unlikely(call != NULL) && queue_pass_on(call, ring_count(ring) > 0);
    ring_free(ring, position);
    if (unlikely(wake))
        side_wake(&queue->room);
    if (unlikely(pass))
        side_wake(&queue->items);
    return 0;
}

static int put_attempt(void *object)
{
    struct queue_call *call = object;
    return queue_put(call->queue, call->item, call);
}

static int get_attempt(void *object)
{
    struct queue_call *call = object;
    return queue_get(call->queue, call->item, call);
}

/* Steps 1 and 2 of going to sleep. */
static int side_words(struct queue_call *call, bool (*is_vain)(const struct ring *ring),
                      struct wait_word *words)
{
    struct queue_side *side = call->side;
    uint32_t seen = atom_or(&side->word, QUEUE_W, SEQ_CST) | QUEUE_W;
    if (seen & QUEUE_CLOSING) { /* CLOSED follows at once, or is there already */
        ring_busy(&call->looks);
        return 0;
    }
    if (!is_vain(&call->queue->ring))
        return 0;
    if (!call->slept)
        call->since = wait_now();
    call->slept = true;
    words[0] = (struct wait_word){.word = &side->word, .seen = seen};
    return 1;
}

static bool is_full(const struct ring *ring)
{
    return ring_count(ring) == ring->capacity;
}

static bool is_empty(const struct ring *ring)
{
    return ring_count(ring) == 0;
}

static int put_words(void *object, struct wait_word *words)
{
    return side_words(object, is_full, words);
}

static int get_words(void *object, struct wait_word *words)
{
    return side_words(object, is_empty, words);
}

/* Waits without a sleep while that has paid so far; -EAGAIN: it did not. First by pauses, in case
 * the other side runs on another CPU; a few in a row, because each look takes the line away from
 * it, and so that items gather. Then by giving the CPU to whoever wants it: with more threads than
 * CPUs the other side most likely waits for ours, and a switch costs a tenth of a sleep and a wake.
 * */
static int queue_spin(struct queue_call *call, int (*attempt)(void *object))
{
    struct queue_side *side = call->side;
    int shift;
    if (!waiter_may_spin(wait_me(), NULL) || (shift = sync_budget_take(&side->budget)) < 0)
        return -EAGAIN;
    int pauses = QUEUE_PAUSES >> shift, looks = pauses + (QUEUE_YIELDS >> shift);
    for (int look = 0; look < looks; look++) {
        if (look >= pauses)
            os_yield();
        for (int i = 0; look < pauses && i < QUEUE_PAUSE; i++)
            os_relax();
        int rc = attempt(call);
        if (rc != -EAGAIN)
            return rc;
    }
    return -EAGAIN;
}

static __attribute__((noinline)) int queue_wait(const struct wait_call *wait, plait_queue *queue,
                                                struct queue_side *side, void *item,
                                                int64_t deadline, void *place)
{
    struct queue_call call = {.queue = queue, .side = side, .item = item};
    if (deadline == 0)
        return wait_not_now();
    int rc = queue_spin(&call, wait->attempt);
    if (rc != -EAGAIN)
        return rc;
    atom_add(&side->waiting, 1, RELAXED);
    call.counted = true;
    rc = wait_until(wait, &call, queue, deadline, place);
    if (call.counted)
        queue_leave(&call);
    return rc;
}

static inline void queue_check(plait_queue *queue, const void *item, size_t size, void *place)
{
    if (unlikely(!queue || (uintptr_t)queue % 64 || queue->magic != QUEUE_MAGIC + wait_forks))
        queue_bad(queue, place);
    if (unlikely(!item))
        base_misuse(queue, "queue", place, "NULL is no item");
    if (unlikely(size != queue->ring.element && size != PLAIT_UNSIZED))
        base_misuse(queue, "queue", place, "an item of %zu bytes, but its elements have %zu", size,
                    queue->ring.element);
}

int plait_put_bytes(plait_queue *queue, const void *item, size_t size, int64_t deadline)
{
    static const struct wait_call put = {put_attempt, put_words, "put", "queue"};
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    queue_check(queue, item, size, place);
    int rc = queue_put(queue, item, NULL);
    if (likely(rc != -EAGAIN))
        return rc;
    return queue_wait(&put, queue, &queue->room, (void *)item, deadline, place);
}

ssize_t plait_get_bytes(plait_queue *queue, void *buffer, size_t size, int64_t deadline)
{
    static const struct wait_call get = {get_attempt, get_words, "get", "queue"};
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    queue_check(queue, buffer, size, place);
    ssize_t element =
        (ssize_t)queue->ring.element; /* before the effect: afterwards the queue may be gone */
    int rc = queue_get(queue, buffer, NULL);
    if (unlikely(rc == -EAGAIN))
        rc = queue_wait(&get, queue, &queue->items, buffer, deadline, place);
    return rc == 0 ? element : rc;
}
