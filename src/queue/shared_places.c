/* How many items of a shared ring were got and must be done: right after a kill at any instruction.
 *
 * Problem: a slot's stamp says that an item is taken in place, put back or lost with its taker, and
 * a count must say so, too. They are two words, and who is killed between them would leave the
 * count one off for ever, so that a join ends early or never. Obvious idea: derive the count from
 * the slots. But a place that was released is a slot like any other by then. So what the count is
 * to be is written first, with the slot on which it depends, the *turn*; who finds the lock of a
 * dead one looks at that slot, and then knows the count.
 *
 * A get that copies its item out has no turn, because its count may miss: between the two its item
 * is nobody's, and nobody will say that it is done.
 *
 * All of it with the getters' lock, L. Where a getter is promised to be alone, its gets have none,
 * but places are not what has to be fast there. Steps:
 *
 *   T1. what the count is to be if the slot is TAKEN as of this lap, and if it is not
 *   T2. turn = the slot
 *   T3. the stamp
 *   T4. the count
 *   T5. turn = none
 *
 * A repair is T4 and T5: R1 the count, by what the slot is, and R2. Whether it is TAKEN must be
 * asked, not whether it is what T3 made of it: a place that was settled is free, and somebody may
 * have put an item there since. tests/models/places.c explores it. */
#include "queue/shared_places.h"
#include "base/report.h"
#include "queue/shared_done.h"
#include "queue/shared_end.h"

#include <plait/error.h>

static struct robust_word *lock_of(const plait_queue *queue)
{
    return &queue->shared.head->ends[SHARED_GETS].lock;
}

int places_enter(struct queue_call *call)
{
    return shared_enter_lock(call, lock_of(call->queue));
}

void places_enter_surely(struct queue_call *call)
{
    shared_enter_surely(call, lock_of(call->queue));
}

void places_leave(const struct queue_call *call)
{
    shared_lock_release(lock_of(call->queue), call->place);
}

void places_turn(plait_queue *queue, uint64_t position, enum places_change change)
{
    struct shared *shared = &queue->shared;
    struct places *places = shared_places(queue);
    bool loses = change == PLACES_LOSE, takes = change == PLACES_TAKE;
    uint64_t count = atom_load(loses ? &shared->head->lost : &places->taken, RELAXED);
    atom_store(&places->of_lost, loses, RELAXED);
    atom_store(&places->stamp, shared_lap_of(shared, position) | RING_TAKEN, RELAXED);
    atom_store(&places->counts[true], takes ? count + 1 : count, RELAXED);
    atom_store(&places->counts[false], loses ? count + 1 : takes ? count : count - 1, RELAXED);
    atom_store(&places->turn, (position & (shared->lap - 1)) + 1, RELEASE); /* behind T1 */
}

void places_turn_over(plait_queue *queue)
{
    struct shared *shared = &queue->shared;
    struct places *places = shared_places(queue);
    uint64_t turn = atom_load(&places->turn, RELAXED);
    if (turn && turn <= queue->capacity) {
        uint64_t stamp = atom_load(&shared_slot_at(shared, turn - 1)->stamp, ACQUIRE);
        bool is_taken = stamp == atom_load(&places->stamp, RELAXED);
        bool of_lost = atom_load(&places->of_lost, RELAXED);
        atom_store(of_lost ? &shared->head->lost : &places->taken,
                   atom_load(&places->counts[is_taken], RELAXED), RELEASE); /* pairs with gets */
    }
    atom_store(&places->turn, 0, RELEASE); /* behind T4 */
}

/* May be killed itself, since it changes nothing on which it depends before R2. Who joins may have
 * waited for the count. */
void places_repair(plait_queue *queue, enum shared_side whose)
{
    if (whose != SHARED_GETS)
        return;
    places_turn_over(queue);
    shared_done_look(queue);
}

/* Its owner is looked at once more with the lock, because it may have been put back before its end,
 * and taken by somebody who lives. */
bool places_settle(struct queue_call *call, uint64_t position, uint64_t owner)
{
    plait_queue *queue = call->queue;
    struct shared *shared = &queue->shared;
    uint64_t *stamp = &shared_slot_at(shared, position)->stamp,
             lap = shared_lap_of(shared, position);
    bool inside = shared_lock_is_mine(lock_of(queue));
    if (!inside && places_enter(call) != 0)
        return false;
    if (atom_load(stamp, ACQUIRE) == (lap | RING_TAKEN) &&
        atom_load(shared_owner_at(shared, position), RELAXED) == owner) {
        shared_cover(call, SHARED_JOINS);
        places_turn(queue, position, PLACES_LOSE);
        atom_store(stamp, lap + shared->lap, SEQ_CST);
        places_turn_over(queue);
        shared_done_look(queue);
        shared_uncover();
    }
    if (!inside)
        places_leave(call);
    return true;
}

/* The index of getters that one who was alone left behind. A living one has it moved by nobody: it
 * may be between stamp and count, and its item would be neither inside nor counted. */
void places_move_on(plait_queue *queue)
{
    struct shared *shared = &queue->shared;
    struct shared_end *end = &shared->head->ends[SHARED_GETS];
    uint64_t position, stamp, user;
    for (size_t i = 0; i < queue->capacity; i++) {
        stamp = shared_stamp_at(queue, SHARED_GETS, &position);
        user = atom_load(&end->user, RELAXED);
        if (shared_look_at(shared, SHARED_GETS, position, stamp) != LOOK_BEHIND || !user ||
            !shared_is_gone(queue, user))
            return;
        atom_cas(&end->position, &position, shared_next_of(queue, position), ACQ_REL);
    }
}

/* The lost first: each of them is among the taken then, whoever changes them meanwhile. */
uint64_t places_gets(const plait_queue *queue)
{
    const struct shared_head *head = queue->shared.head;
    uint64_t lost = atom_load(&head->lost, ACQUIRE);
    uint64_t taken = atom_load(&shared_places(queue)->taken, ACQUIRE);
    return atom_load(&head->ends[SHARED_GETS].count, ACQUIRE) + taken - lost;
}
