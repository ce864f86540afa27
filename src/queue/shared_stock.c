/* The shared stock's kind of queue. Steps of a put, under the one lock (that of the putters' end):
 *
 *   1. a free cell, and room for the message; else full
 *   2. what its place in the order depends on, then the bytes
 *   3. pending = the getters' word
 *   4. into the order; the version of the getters
 *   5. state = IN: the commit
 *   6. wakes, pending = NULL, gives the lock back
 *
 * Large items are copied outside, so that nobody waits for the copy: 5 is RESERVED then, and a
 * second time under the lock makes it IN. A get is the same with the two changed about; its 5 is
 * FREE, or LEASED where the queue redelivers. */
#include "queue/shared_stock.h"
#include "base/report.h"
#include "queue/shared_end.h"
#include "sync/waiter.h"

#include <plait/error.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { LARGE = 2048 }; /* bytes: a copy that is longer than two locks */

/* ---- getting in */
static inline int enter(struct queue_call *call, enum shared_side side)
{
    struct shared *shared = &call->queue->shared;
    if (unlikely(atom_load(&shared->marked[side], RELAXED) != wait_forks + 1))
        shared_mark_slowly(call->queue, side);
    int rc = shared_enter(call, SHARED_PUTS);
    if (rc == 0 && unlikely(shared_stock(shared)->outs))
        shared_out_patrol(call);
    return rc;
}

static void enter_surely(struct queue_call *call)
{
    shared_enter_surely(call, &call->queue->shared.head->ends[SHARED_PUTS].lock);
}

static void leave(struct queue_call *call)
{
    shared_leave(call, SHARED_PUTS);
}

static void finish(struct queue_call *call, enum shared_side side, int count)
{
    shared_wake(call->queue, side, count);
    shared_uncover();
    leave(call);
}

/* All for messages, since the room of one may be enough for several, or too small for the first. */
static int wakes_for_room(const plait_queue *queue)
{
    return queue->element ? 1 : INT_MAX;
}

/* ---- put */

/* 1 and 2 but for the bytes. */
static int claim(struct queue_call *call, size_t size, uint32_t *claimed)
{
    plait_queue *queue = call->queue;
    struct shared_stock *stock = shared_stock(&queue->shared);
    if (shared_is_closed(queue))
        return -EPIPE;
    call->refused = stock->gones - 1;
    uint32_t frees = atom_load(&stock->frees, RELAXED); /* once, since a peer may change it */
    if (!frees)
        return -EAGAIN;
    if (frees > queue->capacity)
        return -PLAIT_EFORMAT;
    uint32_t index = *claimed = shared_frees(queue)[frees - 1];
    if (index >= queue->capacity)
        return -PLAIT_EFORMAT;
    struct shared_cell *cell = shared_cell(&queue->shared, index);
    uint64_t at = 0;
    if (!queue->element && !shared_room_take(queue, size, &at)) {
        call->refused = stock->gones;
        return -EAGAIN;
    }
    if (!queue->element)
        *(uint64_t *)(void *)shared_room_at(queue, at) = index;
    cell->at = at;
    cell->size = size;
    cell->priority = call->priority;
    cell->owner = share_user_me(queue->shared.area);
    cell->came = stock->came++;
    shared_say(&stock->frees, frees - 1);
    return 0;
}

static void *bytes_of(const plait_queue *queue, const struct shared_cell *cell, uint64_t at)
{
    return queue->element ? (void *)cell->item : shared_room_at(queue, at) + MESSAGE_HEAD;
}

static size_t size_of(const struct queue_call *call)
{
    return call->queue->element ? call->queue->element : call->size;
}

static int enter_put(struct queue_call *call, uint32_t *index)
{
    size_t size = size_of(call);
    if (!call->queue->element && size > call->queue->shared.bytes)
        return -EMSGSIZE;
    int rc = enter(call, SHARED_PUTS);
    if (rc == 0 && (rc = claim(call, size, index)) != 0)
        leave(call);
    return rc;
}

/* 3 to 6. */
static void insert(struct queue_call *call, uint32_t index, int wakes)
{
    plait_queue *queue = call->queue;
    shared_over(call);
    shared_cover(call, SHARED_GETS);
    shared_order_insert(queue, index);
    finish(call, SHARED_GETS, wakes);
}

static int reserve(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    uint32_t index;
    int rc = enter_put(call, &index);
    if (rc != 0)
        return rc;
    struct shared_cell *cell = shared_cell(&queue->shared, index);
    call->item = bytes_of(queue, cell, cell->at);
    shared_cell_state(queue, index, SHARED_RESERVED);
    shared_out(queue, index, SHARED_RESERVED);
    leave(call);
    return 0;
}

/* The cell of an item's address, if it is in that state and this process'; -1: none. */
static int64_t cell_of_item(const plait_queue *queue, const void *item, enum shared_state state)
{
    const struct shared *shared = &queue->shared;
    size_t offset = (size_t)((const char *)item - shared->head->cells), index;
    if (queue->element) {
        offset -= sizeof(struct shared_cell);
        index = offset % shared->stride ? queue->capacity : offset / shared->stride;
    } else {
        offset -= (size_t)(shared_room_at(queue, 0) - shared->head->cells) + MESSAGE_HEAD;
        if (offset % GRANULE || offset / GRANULE >= shared->granules)
            return -1;
        index = *(const uint64_t *)(const void *)shared_room_at(queue, offset / GRANULE);
    }
    if (index >= queue->capacity)
        return -1;
    const struct shared_cell *cell = shared_cell(shared, (uint32_t)index);
    bool is = cell->state == state && cell->owner == share_user_me(shared->area) &&
              (queue->element || cell->at == offset / GRANULE);
    return is ? (int64_t)index : -1;
}

/* Under the lock, taken here: -1 and it is not held. */
static int64_t settle(struct queue_call *call, const void *item, enum shared_state state)
{
    enter_surely(call);
    int64_t index = cell_of_item(call->queue, item, state);
    if (index < 0)
        leave(call);
    else
        shared_out_end(call->queue, (uint32_t)index);
    return index;
}

static bool commit(plait_queue *queue, void *item)
{
    struct queue_call call = {.queue = queue};
    int64_t index = settle(&call, item, SHARED_RESERVED);
    if (index < 0)
        return false;
    /* In now, not when it was reserved. */
    shared_cell(&queue->shared, (uint32_t)index)->came = shared_stock(&queue->shared)->came++;
    /* All of a closed queue, since it may be the last for which they waited. */
    insert(&call, (uint32_t)index, shared_is_closed(queue) ? INT_MAX : 1);
    return true;
}

/* The room of an item, under the lock; gives it back. Getters of a closed queue may have waited for
 * the item to come, or to come back. */
static void vacate(struct queue_call *call, uint32_t index)
{
    plait_queue *queue = call->queue;
    shared_over(call);
    shared_cover(call, SHARED_PUTS);
    shared_cell_free(queue, index);
    if (unlikely(shared_is_closed(queue)))
        shared_wake(queue, SHARED_GETS, INT_MAX);
    finish(call, SHARED_PUTS, wakes_for_room(queue));
}

static bool give_up(plait_queue *queue, void *item)
{
    struct queue_call call = {.queue = queue};
    int64_t index = settle(&call, item, SHARED_RESERVED);
    if (index < 0)
        return false;
    vacate(&call, (uint32_t)index);
    shared_done_look(queue);
    return true;
}

static int put(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    const void *from = call->item;
    size_t size = size_of(call);
    if (size > LARGE) {
        int rc = reserve(call);
        if (rc != 0)
            return rc;
        void *place = call->item;
        memcpy(place, from, size);
        call->item = (void *)from;
        commit(queue, place);
        return 0;
    }
    uint32_t index;
    int rc = enter_put(call, &index);
    if (rc != 0)
        return rc;
    const struct shared_cell *cell = shared_cell(&queue->shared, index);
    if (size)
        ring_copy(bytes_of(queue, cell, cell->at), from, size);
    insert(call, index, 1);
    return 0;
}

/* ---- get */

/* Nothing is inside, nothing on its way in, and nothing can come back. */
static bool is_over(const plait_queue *queue)
{
    const struct shared_stock *stock = shared_stock(&queue->shared);
    return shared_is_closed(queue) && !stock->inside && !stock->writing &&
           !(queue->shared.redeliver && shared_out_elsewhere(queue));
}

/* 1: the first cell; its bytes and size, which are inside the bounds. */
static int enter_get(struct queue_call *call, uint32_t *found, const void **bytes, size_t *size)
{
    plait_queue *queue = call->queue;
    int rc = enter(call, SHARED_GETS);
    if (rc != 0)
        return rc;
    if (!shared_stock(&queue->shared)->inside) {
        rc = is_over(queue) ? -EPIPE : -EAGAIN;
        leave(call);
        return rc;
    }
    int64_t index = shared_order_first(queue);
    const struct shared_cell *cell =
        index < 0 ? NULL : shared_cell(&queue->shared, (uint32_t)index);
    uint64_t at = cell ? cell->at : 0;
    *size = !cell ? 0 : queue->element ? queue->element : cell->size;
    if (!cell || (!queue->element && !shared_room_is(queue, at, *size)))
        rc = -PLAIT_EFORMAT;
    else if (!queue->element && *size > call->size)
        rc = -EMSGSIZE;
    if (rc != 0) {
        leave(call);
        return rc;
    }
    *found = (uint32_t)index;
    *bytes = bytes_of(queue, cell, at);
    return 0;
}

/* 5 of a get that keeps the cell: TAKEN or LEASED. */
static void hand_out(struct queue_call *call, uint32_t index, enum shared_state state)
{
    plait_queue *queue = call->queue;
    struct shared_cell *cell = shared_cell(&queue->shared, index);
    cell->owner = share_user_me(queue->shared.area);
    cell->task = waiter_number(wait_me());
    cell->serial = shared_stock(&queue->shared)->serial++;
    shared_over(call);
    shared_cell_state(queue, index, state);
    shared_order_remove(queue);
    shared_out(queue, index, state);
}

static void count_get(plait_queue *queue)
{
    uint64_t *count = &queue->shared.head->ends[SHARED_GETS].count;
    atom_store(count, *count + 1, RELEASE);
}

static int take(struct queue_call *call)
{
    uint32_t index;
    const void *bytes;
    size_t size;
    int rc = enter_get(call, &index, &bytes, &size);
    if (rc != 0)
        return rc;
    call->size = size;
    call->item = (void *)bytes;
    shared_turn(call->queue, index, SHARED_TAKEN, 1);
    hand_out(call, index, SHARED_TAKEN);
    shared_turn_over(call->queue);
    leave(call);
    return 0;
}

/* Read: the cell is free, or done when its task says so. */
static bool release(plait_queue *queue, void *item)
{
    struct queue_call call = {.queue = queue};
    int64_t index = settle(&call, item, SHARED_TAKEN);
    if (index < 0)
        return false;
    if (!queue->shared.redeliver) {
        vacate(&call, (uint32_t)index);
        return true;
    }
    shared_cell_state(queue, (uint32_t)index, SHARED_LEASED);
    shared_out(queue, (uint32_t)index, SHARED_LEASED);
    leave(&call);
    return true;
}

/* Read, and not to be done by anybody. */
static bool drop(plait_queue *queue, void *item)
{
    struct queue_call call = {.queue = queue};
    int64_t index = settle(&call, item, SHARED_TAKEN);
    if (index >= 0)
        vacate(&call, (uint32_t)index);
    return index >= 0;
}

static bool put_back(plait_queue *queue, void *item)
{
    struct queue_call call = {.queue = queue};
    int64_t index = settle(&call, item, SHARED_TAKEN);
    if (index < 0)
        return false;
    shared_turn(queue, (uint32_t)index, SHARED_IN, -1);
    shared_cover(&call, SHARED_GETS);
    shared_order_return(queue, (uint32_t)index);
    shared_turn_over(queue);
    finish(&call, SHARED_GETS, 1);
    return true;
}

static int get_large(struct queue_call *call)
{
    void *to = call->item;
    int rc = take(call);
    if (rc != 0)
        return rc;
    void *place = call->item;
    memcpy(to, place, call->size);
    call->item = to;
    release(call->queue, place);
    return 0;
}

static int get(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    uint32_t index;
    const void *bytes;
    size_t size;
    if (queue->element > LARGE)
        return get_large(call);
    int rc = enter_get(call, &index, &bytes, &size);
    if (rc != 0)
        return rc;
    if (size > LARGE) {
        leave(call);
        return get_large(call);
    }
    if (size)
        ring_copy(call->item, bytes, size);
    call->size = size;
    if (queue->shared.redeliver) {
        hand_out(call, index, SHARED_LEASED);
        count_get(queue);
        leave(call);
        return 0;
    }
    shared_order_remove(queue);
    shared_over(call);
    shared_cover(call, SHARED_PUTS);
    shared_cell_free(queue, index);
    count_get(queue);
    finish(call, SHARED_PUTS, wakes_for_room(queue));
    return 0;
}

static void look_after(struct queue_call *call)
{
    if (shared_enter(call, SHARED_PUTS) != 0)
        return;
    shared_out_patrol(call);
    leave(call);
}

/* ---- what is asked of it */
static bool is_full(const struct queue_call *call)
{
    const struct shared *shared = &call->queue->shared;
    const struct shared_stock *stock = shared_stock(shared);
    if (shared_is_closed(call->queue))
        return false;
    bool room = call->queue->element || call->refused != atom_load(&stock->gones, SEQ_CST);
    return !atom_load(&stock->frees, SEQ_CST) || !room;
}

static bool is_empty(const struct queue_call *call)
{
    const plait_queue *queue = call->queue;
    const struct shared_stock *stock = shared_stock(&queue->shared);
    return !atom_load(&stock->inside, SEQ_CST) && !is_over(queue);
}

/* A version rather than a count, because a count is the same again when one has come and gone. */
static bool vain_word(struct queue_call *call, struct wait_word *word)
{
    struct shared_stock *stock = shared_stock(&call->queue->shared);
    word->word = shared_side_of(call) == SHARED_PUTS ? &stock->gones : &stock->news;
    word->seen = atom_load(word->word, SEQ_CST);
    return call->is_vain(call);
}

static size_t size_all(const plait_queue *queue)
{
    return atom_load(&shared_stock(&queue->shared)->inside, RELAXED);
}

static uint64_t gets_ever(const plait_queue *queue)
{
    return atom_load(&queue->shared.head->ends[SHARED_GETS].count, ACQUIRE);
}

/* What is out counts where the queue redelivers, since it may come back. */
static bool holds_nothing(const plait_queue *queue)
{
    const struct shared_stock *stock = shared_stock(&queue->shared);
    return !atom_load(&stock->inside, SEQ_CST) && !atom_load(&stock->writing, SEQ_CST) &&
           !(queue->shared.redeliver && atom_load(&stock->outs, SEQ_CST));
}

/* The oldest of what this task got, and has not done, does not come back any more. */
static bool lease_end(plait_queue *queue)
{
    struct queue_call call = {.queue = queue};
    enter_surely(&call);
    int64_t index = shared_out_oldest(queue);
    if (index < 0) {
        leave(&call);
        return false;
    }
    shared_out_end(queue, (uint32_t)index);
    vacate(&call, (uint32_t)index);
    return true;
}

static bool has_priorities(const plait_queue *queue)
{
    return queue->shared.kind == PLAIT_PRIORITY;
}

const struct queue_kind queue_shared_stock = {
    .put = put,
    .get = get,
    .reserve = reserve,
    .take = take,
    .commit = commit,
    .give_up = give_up,
    .release = release,
    .put_back = put_back,
    .drop = drop,
    .patrol = look_after,
    .has_priorities = has_priorities,
    .is_full = is_full,
    .is_empty = is_empty,
    .vain_word = vain_word,
    .size = size_all,
    .is_closed = shared_is_closed,
    .close = shared_close,
    .gets = gets_ever,
    .is_drained = holds_nothing,
    .repair = shared_stock_repair,
    .end_lease = lease_end,
    .wait = shared_wait,
    .on_get = &shared_on_get,
    .on_put = &shared_on_put,
    .destroy = shared_destroy,
};
