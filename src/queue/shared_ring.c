/* The shared queue of elements, first in, first out: a ring with a lock at each end.
 *
 * Problem: a task may be killed at any instruction of a put or a get, and the others must find each
 * item whole, once, and the ring usable. Obvious idea: two counters, a place claimed by adding one
 * (the private ring's). But who is killed behind his claim leaves a hole for ever. So an end has
 * one task at a time, by a lock that survives its holder, and nothing is claimed: the slot's stamp,
 * stored behind the item, is the whole effect, and the index only tells where to look. Steps, of a
 * put:
 *
 *   1. take the lock of the end
 *   2. look at the index' slot: its stamp says FREE for this position: go on. Of an earlier lap:
 *      full. A later state: who was here before died between 5 and 6: move the index on, look again
 *   3. copy the item in
 *   4. pending = the getters' word
 *   5. stamp = ITEM: the commit
 *   6. move the index on
 *   7. the getters' word has W: wake one; 7a. that woke nobody: W off and all woken, in one step
 *   8. pending = NULL
 *   9. give the lock back
 *
 * A get is the same with the two changed about: it looks for ITEM, copies out, and its commit is
 * FREE for the next lap. With single_producer or single_consumer that end has no steps 1 and 9.
 *
 * Positions and stamps are the private ring's (ring.h): lap | index, and lap | state. RESERVED and
 * TAKEN slots belong to a process, in `owners`; when it is gone, who is blocked by one settles
 * it. */
#include "queue/shared_ring.h"
#include "base/settings.h"
#include "os/os.h"
#include "queue/keep.h"
#include "queue/shared_done.h"
#include "queue/shared_end.h"
#include "queue/shared_places.h"

#include <plait/error.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

/* A slot that blocks its end, of a process that is gone: what it reserved is no item; what it took
 * is lost, because nobody knows how far it came. True: look again. */
static bool settle(struct queue_call *call, uint64_t index, uint64_t stamp)
{
    struct shared *shared = &call->queue->shared;
    unsigned state = stamp & RING_STATE;
    if (state != RING_RESERVED && state != RING_TAKEN)
        return false;
    uint64_t owner = atom_load(shared_owner_at(shared, index), RELAXED);
    if (!shared_is_gone(call->queue, owner))
        return false;
    if (state == RING_TAKEN)
        return places_settle(call, shared_lap_of(shared, stamp) | index, owner);
    atom_cas(&shared_slot_at(shared, index)->stamp, &stamp, stamp - state + RING_SKIPPED, ACQ_REL);
    return true;
}

/* Not each time that somebody looks at a slot which is out, because to ask takes a system call. */
static bool looks_after(const struct queue_call *call, uint64_t stamp)
{
    struct shared *shared = &call->queue->shared;
    unsigned state = stamp & RING_STATE;
    if (state != RING_RESERVED && state != RING_TAKEN)
        return false;
    int64_t now = wait_now_coarse();
    if (!call->looks_after &&
        now - atom_load(&shared->patrolled, RELAXED) < base_settings()->patrol)
        return false;
    atom_store(&shared->patrolled, now, RELAXED);
    return true;
}

/* Steps 5 and 6 of one that was given up: there is no item. */
static void skip(plait_queue *queue, uint64_t position)
{
    struct shared *shared = &queue->shared;
    atom_swap(&shared_slot_at(shared, position)->stamp,
              shared_lap_of(shared, position) + shared->lap, SEQ_CST);
    atom_store(&shared->head->ends[SHARED_GETS].position, shared_next_of(queue, position), RELEASE);
    shared_wake(queue, SHARED_PUTS, 1);
}

/* 2, with the lock: 0 and the position; -EAGAIN. Each round but the last moves the index on, so
 * more rounds than slots mean that somebody has written lies. */
static int find(struct queue_call *call, enum shared_side side, uint64_t *found)
{
    plait_queue *queue = call->queue;
    struct shared *shared = &queue->shared;
    for (size_t rounds = 0; rounds <= 2 * queue->capacity + 2; rounds++) {
        uint64_t position = *found = shared_position_of(queue, side);
        uint64_t stamp = atom_load(&shared_slot_at(shared, position)->stamp, ACQUIRE);
        enum look look = shared_look_at(shared, side, position, stamp);
        if (likely(look == LOOK_GO))
            return 0;
        if (look == LOOK_VAIN &&
            !(looks_after(call, stamp) && settle(call, position & (shared->lap - 1), stamp)))
            return -EAGAIN;
        if (look == LOOK_BEHIND)
            atom_store(&shared->head->ends[side].position, shared_next_of(queue, position),
                       RELEASE);
        if (look == LOOK_SKIP)
            skip(queue, position);
    }
    return -PLAIT_EFORMAT;
}

/* Nothing inside, nothing reserved. `closed` must be read before the slot is: otherwise a put
 * between the two looks would be missed. */
static bool is_over(const plait_queue *queue, bool closed)
{
    uint64_t position = shared_position_of(queue, SHARED_GETS);
    uint64_t stamp = atom_load(&shared_slot_at(&queue->shared, position)->stamp, ACQUIRE);
    return closed && (stamp & RING_STATE) != RING_RESERVED;
}

static int enter(struct queue_call *call, enum shared_side side)
{
    struct shared *shared = &call->queue->shared;
    if (unlikely(atom_load(&shared->marked[side], ACQUIRE) != wait_forks + 1))
        shared_mark_slowly(call->queue, side);
    return shared_enter(call, side);
}

/* Steps 1 and 2. Not 0: nothing is held. */
static int enter_put(struct queue_call *call, uint64_t *position)
{
    int rc = enter(call, SHARED_PUTS);
    if (unlikely(rc != 0))
        return rc;
    rc = unlikely(shared_is_closed(call->queue)) ? -EPIPE : find(call, SHARED_PUTS, position);
    if (unlikely(rc != 0))
        shared_leave(call, SHARED_PUTS);
    return rc;
}

/* The first one that was put back, of the lap behind the index; with the lock. */
static bool find_back(plait_queue *queue, uint64_t *found)
{
    struct shared *shared = &queue->shared;
    uint64_t position = shared_position_of(queue, SHARED_GETS);
    for (size_t i = 0; i < queue->capacity; i++, position = shared_next_of(queue, position)) {
        uint64_t stamp = atom_load(&shared_slot_at(shared, position)->stamp, ACQUIRE);
        if ((stamp & RING_STATE) != RING_BACK)
            continue;
        *found = shared_lap_of(shared, stamp) | (position & (shared->lap - 1));
        return true;
    }
    atom_store(&shared->head->backs, 0, RELAXED);
    return false;
}

/* A get that is on its way. */
struct got {
    uint64_t position;
    bool takes;  /* in place */
    bool back;   /* one that was put back, so that the index stays */
    bool places; /* it holds the places' lock beside its end, in which it is alone */
};

static void leave_get(struct queue_call *call, const struct got *got)
{
    if (unlikely(got->places))
        places_leave(call);
    shared_leave(call, SHARED_GETS);
}

/* Who is alone needs the places' lock for one that was put back, too: it has no position that would
 * tell a joiner of a get on its way. */
static int enter_end(struct queue_call *call, struct got *got)
{
    struct shared *shared = &call->queue->shared;
    int rc = enter(call, SHARED_GETS);
    if (unlikely(rc != 0) || !shared->alone[SHARED_GETS])
        return rc;
    got->places = got->takes || unlikely(atom_load(&shared->head->backs, RELAXED));
    if (got->places && unlikely((rc = places_enter(call)) != 0))
        shared_leave(call, SHARED_GETS);
    return rc;
}

static int enter_get(struct queue_call *call, struct got *got)
{
    plait_queue *queue = call->queue;
    int rc = enter_end(call, got);
    if (unlikely(rc != 0))
        return rc;
    got->back = unlikely(atom_load(&queue->shared.head->backs, RELAXED)) &&
                find_back(queue, &got->position);
    bool closed = shared_is_closed(queue);
    if (!got->back && (rc = find(call, SHARED_GETS, &got->position)) == -EAGAIN)
        rc = is_over(queue, closed) ? -EPIPE : -EAGAIN;
    if (unlikely(rc != 0))
        leave_get(call, got);
    return rc;
}

/* Steps 4 to 9. */
static void finish_put(struct queue_call *call, uint64_t position, unsigned state)
{
    struct shared *shared = &call->queue->shared;
    struct shared_end *end = &shared->head->ends[SHARED_PUTS];
    shared_over(call);
    shared_cover(call, SHARED_GETS);
    atom_swap(&shared_slot_at(shared, position)->stamp, shared_lap_of(shared, position) | state,
              SEQ_CST);
    atom_store(&end->position, shared_next_of(call->queue, position), RELEASE);
    if (state == RING_ITEM)
        shared_wake(call->queue, SHARED_GETS, 1);
    shared_uncover();
    shared_leave(call, SHARED_PUTS);
}

/* Step 5, and the count, before the index: holds_nothing. */
static void commit_get(plait_queue *queue, const struct got *got)
{
    struct shared *shared = &queue->shared;
    uint64_t *stamp = &shared_slot_at(shared, got->position)->stamp,
             lap = shared_lap_of(shared, got->position),
             *count = &shared->head->ends[SHARED_GETS].count;
    if (got->takes) {
        places_turn(queue, got->position, PLACES_TAKE);
        atom_swap(stamp, lap | RING_TAKEN, SEQ_CST);
        places_turn_over(queue);
    } else {
        atom_swap(stamp, lap + shared->lap, SEQ_CST);
        atom_store(count, *count + 1, RELEASE);
    }
}

static void finish_get(struct queue_call *call, struct got *got)
{
    plait_queue *queue = call->queue;
    struct shared_head *head = queue->shared.head;
    shared_over(call);
    shared_cover(call, SHARED_PUTS);
    commit_get(queue, got);
    if (!got->back)
        atom_store(&head->ends[SHARED_GETS].position, shared_next_of(queue, got->position),
                   RELEASE);
    if (!got->takes)
        shared_wake(queue, SHARED_PUTS, 1);
    shared_uncover();
    if (unlikely(atom_load(&head->skips, RELAXED))) /* so that what was given up does not fill it */
        find(call, SHARED_GETS, &got->position);
    leave_get(call, got);
}

static int put(struct queue_call *call)
{
    uint64_t position;
    int rc = enter_put(call, &position);
    if (unlikely(rc != 0))
        return rc;
    ring_copy(shared_slot_at(&call->queue->shared, position)->item, call->item,
              call->queue->element);
    finish_put(call, position, RING_ITEM);
    return 0;
}

static int get(struct queue_call *call)
{
    struct got got = {0};
    int rc = enter_get(call, &got);
    if (unlikely(rc != 0))
        return rc;
    ring_copy(call->item, shared_slot_at(&call->queue->shared, got.position)->item,
              call->queue->element);
    call->size = call->queue->element;
    finish_get(call, &got);
    return 0;
}

/* ---- many: 3 for all, then 5 and 6 for all in their order, and one wake */
static size_t run_of(const plait_queue *queue, enum shared_side side, uint64_t position,
                     size_t most)
{
    const struct shared *shared = &queue->shared;
    size_t count = 0;
    for (; count < most; count++, position = shared_next_of(queue, position)) {
        uint64_t stamp = atom_load(&shared_slot_at(shared, position)->stamp, ACQUIRE);
        if (shared_look_at(shared, side, position, stamp) != LOOK_GO)
            break;
    }
    return count;
}

/* 5 and 6. Only the last stamp is SEQ_CST, since only the look of 7, behind it, needs that. */
static void commit_run(struct queue_call *call, enum shared_side side, uint64_t position,
                       size_t count)
{
    plait_queue *queue = call->queue;
    struct shared *shared = &queue->shared;
    uint64_t add = side == SHARED_PUTS ? RING_ITEM : shared->lap;
    shared_over(call);
    shared_cover(call, 1 - side);
    for (size_t i = 0; i < count; i++, position = shared_next_of(queue, position)) {
        uint64_t *stamp = &shared_slot_at(shared, position)->stamp,
                 committed = shared_lap_of(shared, position);
        if (i + 1 < count)
            atom_store(stamp, committed + add, RELEASE); /* pairs with the ACQUIRE of find */
        else
            atom_swap(stamp, committed + add, SEQ_CST);
    }
    struct shared_end *end = &shared->head->ends[side];
    if (side == SHARED_GETS)
        atom_store(&end->count, end->count + count, RELEASE); /* first: holds_nothing */
    atom_store(&end->position, position, RELEASE);
    shared_wake(queue, 1 - side, count < INT_MAX ? (int)count : INT_MAX);
    shared_uncover();
}

static int put_many(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    uint64_t first;
    int rc = enter_put(call, &first);
    if (rc != 0)
        return rc;
    size_t count = run_of(queue, SHARED_PUTS, first, call->count), size = queue->element;
    uint64_t position = first;
    for (size_t i = 0; i < count; i++, position = shared_next_of(queue, position))
        ring_copy(shared_slot_at(&queue->shared, position)->item, (char *)call->item + i * size,
                  size);
    commit_run(call, SHARED_PUTS, first, count);
    shared_leave(call, SHARED_PUTS);
    call->did = count;
    return 0;
}

static int get_many(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    struct got got = {0};
    int rc = enter_get(call, &got);
    if (rc != 0)
        return rc;
    uint64_t position = got.position;
    size_t count = got.back ? 1 : run_of(queue, SHARED_GETS, position, call->count),
           size = queue->element;
    for (size_t i = 0; i < count; i++, position = shared_next_of(queue, position))
        ring_copy((char *)call->item + i * size, shared_slot_at(&queue->shared, position)->item,
                  size);
    call->did = count;
    if (got.back) {
        finish_get(call, &got);
        return 0;
    }
    commit_run(call, SHARED_GETS, got.position, count);
    leave_get(call, &got);
    return 0;
}

/* ---- places */
static int reserve(struct queue_call *call)
{
    struct shared *shared = &call->queue->shared;
    uint64_t position;
    int rc = enter_put(call, &position);
    if (rc != 0)
        return rc;
    atom_store(shared_owner_at(shared, position), share_user_me(shared->area), RELAXED);
    call->item = shared_slot_at(shared, position)->item;
    finish_put(call, position, RING_RESERVED);
    return 0;
}

static int take(struct queue_call *call)
{
    struct shared *shared = &call->queue->shared;
    struct got got = {.takes = true};
    int rc = enter_get(call, &got);
    if (rc != 0)
        return rc;
    atom_store(shared_owner_at(shared, got.position), share_user_me(shared->area), RELAXED);
    call->item = shared_slot_at(shared, got.position)->item;
    call->size = call->queue->element;
    finish_get(call, &got);
    return 0;
}

/* The slot of an item's address, if it is in that state and this process'. */
static struct ring_slot *slot_of(const plait_queue *queue, const void *item, unsigned state,
                                 uint64_t *stamp)
{
    const struct shared *shared = &queue->shared;
    size_t offset = (size_t)((const char *)item - shared->head->cells) - sizeof(struct ring_slot);
    if (offset % shared->stride || offset / shared->stride >= queue->capacity)
        return NULL;
    struct ring_slot *slot = shared_slot_at(shared, offset / shared->stride);
    *stamp = atom_load(&slot->stamp, ACQUIRE);
    bool mine = atom_load(shared_owner_at(shared, offset / shared->stride), RELAXED) ==
                share_user_me(shared->area);
    return mine && (*stamp & RING_STATE) == state ? slot : NULL;
}

/* From one state to another, which is an effect for those of `side`. All are woken, because what
 * lies behind the slot may have waited for it. */
static bool change(plait_queue *queue, void *item, unsigned state, uint64_t add,
                   enum shared_side side)
{
    struct queue_call call = {.queue = queue};
    uint64_t stamp;
    struct ring_slot *slot = slot_of(queue, item, state, &stamp);
    if (!slot)
        return false;
    queue_hold(queue); /* since no lock tells who frees it that we are here */
    shared_cover(&call, side);
    bool changed = atom_cas(&slot->stamp, &stamp, stamp + add, SEQ_CST);
    shared_wake(queue, side, INT_MAX);
    shared_uncover();
    queue_let_go(queue);
    return changed;
}

static bool commit(plait_queue *queue, void *item)
{
    return change(queue, item, RING_RESERVED, (uint64_t)RING_ITEM - RING_RESERVED, SHARED_GETS);
}

/* Skipped at once if it is the first, so that it does not fill the ring while nobody gets; but not
 * behind the back of a getter who is promised to be alone. */
static bool give_up(plait_queue *queue, void *item)
{
    struct queue_call call = {.queue = queue, .side = &queue->items};
    uint64_t position;
    atom_store(&queue->shared.head->skips, 1, RELAXED);
    if (!change(queue, item, RING_RESERVED, RING_SKIPPED - RING_RESERVED, SHARED_GETS))
        return false;
    if (!queue->shared.alone[SHARED_GETS] && shared_enter(&call, SHARED_GETS) == 0) {
        find(&call, SHARED_GETS, &position);
        shared_leave(&call, SHARED_GETS);
    }
    shared_done_look(queue);
    return true;
}

static bool release(plait_queue *queue, void *item)
{
    return change(queue, item, RING_TAKEN, queue->shared.lap - RING_TAKEN, SHARED_PUTS);
}

/* With the places' lock, also because who finds nothing that is back says so in `backs`. */
static bool put_back(plait_queue *queue, void *item)
{
    struct shared *shared = &queue->shared;
    struct queue_call call = {.queue = queue, .side = &queue->items};
    uint64_t stamp;
    const struct ring_slot *slot = slot_of(queue, item, RING_TAKEN, &stamp);
    if (!slot)
        return false;
    size_t index = (size_t)((const char *)slot - shared->head->cells) / shared->stride;
    places_enter_surely(&call);
    atom_store(&shared->head->backs, 1, RELAXED);
    places_turn(queue, shared_lap_of(shared, stamp) | index, PLACES_BACK);
    bool changed = change(queue, item, RING_TAKEN, RING_BACK - RING_TAKEN, SHARED_GETS);
    places_turn_over(queue);
    places_leave(&call);
    return changed;
}

/* For who joins, who must look at all slots, because none of them blocks him. */
static void look_after(struct queue_call *call)
{
    plait_queue *queue = call->queue;
    struct shared *shared = &queue->shared;
    uint64_t position;
    int64_t now = wait_now_coarse();
    if (!call->looks_after &&
        now - atom_load(&shared->patrolled, RELAXED) < base_settings()->patrol)
        return;
    atom_store(&shared->patrolled, now, RELAXED);
    if (places_enter(call) != 0)
        return; /* who is inside may be stopped: at the next look */
    if (shared->alone[SHARED_GETS])
        places_move_on(queue);
    else
        find(call, SHARED_GETS, &position);
    for (size_t i = 0; i < queue->capacity; i++)
        settle(call, i, atom_load(&shared_slot_at(shared, i)->stamp, RELAXED));
    places_leave(call);
    shared_wake(queue, SHARED_GETS, INT_MAX);
    shared_wake(queue, SHARED_PUTS, INT_MAX);
}

/* ---- what is asked of it */
static bool waits_at(const plait_queue *queue, enum shared_side side)
{
    uint64_t position, stamp = shared_stamp_at(queue, side, &position);
    return shared_look_at(&queue->shared, side, position, stamp) == LOOK_VAIN;
}

static bool is_full(const struct queue_call *call)
{
    return !shared_is_closed(call->queue) && waits_at(call->queue, SHARED_PUTS);
}

static bool is_empty(const struct queue_call *call)
{
    const plait_queue *queue = call->queue;
    bool closed = shared_is_closed(queue);
    return !atom_load(&queue->shared.head->backs, SEQ_CST) && waits_at(queue, SHARED_GETS) &&
           !is_over(queue, closed);
}

/* The stamp of the slot for which it waits. */
static bool vain_word(struct queue_call *call, struct wait_word *word)
{
    uint64_t position, stamp = shared_stamp_at(call->queue, shared_side_of(call), &position);
    word->word = (uint32_t *)(void *)&shared_slot_at(&call->queue->shared, position)->stamp;
    word->seen = (uint32_t)stamp; /* the lower half, as the machines of os/ have it */
    return call->is_vain(call);
}

/* How many slots hold an item, or will. */
static size_t count_all(const plait_queue *queue)
{
    size_t count = 0;
    for (size_t i = 0; i < queue->capacity; i++) {
        unsigned state = atom_load(&shared_slot_at(&queue->shared, i)->stamp, SEQ_CST) & RING_STATE;
        count += state == RING_ITEM || state == RING_BACK || state == RING_RESERVED;
    }
    return count;
}

static size_t size(const plait_queue *queue)
{
    const struct shared *shared = &queue->shared;
    if (queue->capacity <= 64 || atom_load(&shared->head->backs, RELAXED))
        return count_all(queue);
    uint64_t head = shared_position_of(queue, SHARED_GETS),
             tail = shared_position_of(queue, SHARED_PUTS);
    uint64_t laps = (shared_lap_of(shared, tail) - shared_lap_of(shared, head)) / shared->lap;
    size_t count = laps * queue->capacity + (tail & (shared->lap - 1)) - (head & (shared->lap - 1));
    return count <= queue->capacity ? count : 0;
}

/* For who joins, who must know it exactly, unlike who asks for the size. An index that lies behind:
 * somebody is between the commit and the count of his get. */
static bool holds_nothing(const plait_queue *queue)
{
    uint64_t position, stamp;
    if (count_all(queue) != 0)
        return false;
    stamp = shared_stamp_at(queue, SHARED_GETS, &position);
    return shared_look_at(&queue->shared, SHARED_GETS, position, stamp) != LOOK_BEHIND;
}

const struct queue_kind queue_shared_ring = {
    .put = put,
    .get = get,
    .put_many = put_many,
    .get_many = get_many,
    .reserve = reserve,
    .take = take,
    .commit = commit,
    .give_up = give_up,
    .release = release,
    .put_back = put_back,
    .repair = places_repair,
    .patrol = look_after,
    .is_full = is_full,
    .is_empty = is_empty,
    .vain_word = vain_word,
    .size = size,
    .is_closed = shared_is_closed,
    .close = shared_close,
    .gets = places_gets,
    .is_drained = holds_nothing,
    .wait = shared_wait,
    .on_get = &shared_on_get,
    .on_put = &shared_on_put,
    .destroy = shared_destroy,
};
