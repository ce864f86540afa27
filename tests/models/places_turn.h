/* The state of the model of places, and the steps of whoever has the lock: entering, the repair, the
 * turn of a place, what is true. */
#ifndef MODELS_PLACES_TURN_H
#define MODELS_PLACES_TURN_H

#include "explore.h"

enum { THREADS_MOST = 5, SLOTS_MOST = 2 };
enum { FREE, ITEM, TAKEN, BACK, STATES };
enum { HAS = 1, UNLOCKED = 4, WAS_BACK = 8, SETTLES = 16, OF_TURN = 32 };
enum role { NONE, PUT, GET, TAKE, PUT_BACK, JOIN };

/* Numbers as in the page. */
enum place {
    BEGIN,
    REPAIR,      /* R1 */
    REPAIR_OVER, /* R2 */
    LOOK,
    VALUES, /* T1 */
    TURN,   /* T2 */
    STAMP,  /* T3, or 5 of a get */
    COUNT,  /* T4, or the count of a get */
    OVER,   /* T5 */
    ADVANCE,
    UNLOCK,
    WORKS,
    SAYS_DONE,
    J_SCAN,
    J_DONE,
    J_COUNTS,
    GONE,
    DEAD,
};

struct thread {
    uint8_t place, flags, slot, position, owner, seen, role, puts;
};

struct slot {
    uint8_t stamp; /* lap * STATES + state */
    uint8_t owner;
};

struct state {
    uint8_t head, tail, owner, died, kills;
    uint8_t inside;                  /* alone: who gets, thread + 1 */
    uint8_t got, places, lost, done; /* the counts */
    uint8_t turn, turn_stamp, turn_lost, turn_counts[2];
    uint8_t awaited, were_lost; /* what is true */
    struct slot slots[SLOTS_MOST];
    struct thread threads[THREADS_MOST];
};
_Static_assert(sizeof(struct state) <= EXPLORE_SIZE_MOST, "state");

enum { SIZE_SLOTS, SIZE_PUTS, SIZE_KILLS, SIZE_ALONE, SIZE_ROLES };

enum alter {
    FULL,
    NO_TURN,
    TURN_BEFORE_VALUES,
    STAMP_BEFORE_TURN,
    TURN_STAYS,
    NO_REPAIR,
    REPAIR_OVER_FIRST,
    LOST_IS_DONE,
    SETTLE_UNLOCKED,
    NO_RECHECK,
    STANDS_IF_FREE,
    ALONE_UNLOCKED,
    BACK_UNLOCKED,
    JOIN_UNLOCKED,
    COUNT_BEFORE_STAMP,
    ADVANCE_BEFORE_COUNT,
    MOVES_BLINDLY,
    NO_INDEX,
};
#define altered(x) explore_altered(x)

static int size(int which)
{
    return explore_case_now->sizes[which];
}

#include "step.h"

static struct slot *slot_of(struct state *state, int position)
{
    return &state->slots[position % size(SIZE_SLOTS)];
}

static uint8_t stamp_of(int position, int of)
{
    return (uint8_t)(position / size(SIZE_SLOTS) * STATES + of);
}

static bool is_dead(const struct state *state, int owner)
{
    return state->threads[owner - 1].place == DEAD;
}

static int inside(const struct state *state)
{
    int count = 0;
    for (int i = 0; i < size(SIZE_SLOTS); i++)
        count += state->slots[i].stamp % STATES == ITEM || state->slots[i].stamp % STATES == BACK;
    return count;
}

/* A place whose owner is gone: slot + 1. */
static int left_behind(const struct state *state)
{
    for (int i = 0; i < size(SIZE_SLOTS); i++)
        if (state->slots[i].stamp % STATES == TAKEN && is_dead(state, state->slots[i].owner))
            return i + 1;
    return 0;
}

static bool all_are_put(const struct state *state)
{
    for (int i = 0; i < THREADS_MOST; i++)
        if (state->threads[i].role == PUT && state->threads[i].place != GONE &&
            state->threads[i].place != DEAD)
            return false;
    return true;
}

static bool index_lies_behind(struct state *state)
{
    return slot_of(state, state->head)->stamp > stamp_of(state->head, ITEM);
}

/* Who is alone and lives may be between stamp and count. */
static bool may_move_on(struct state *state)
{
    bool alone = size(SIZE_ALONE) && !altered(MOVES_BLINDLY);
    return index_lies_behind(state) && (!alone || (state->inside && is_dead(state, state->inside)));
}

static uint8_t gets(const struct state *state)
{
    return (uint8_t)(state->got + state->places - state->lost);
}

/* ---- entering: with L or, where a getter is promised to be alone, without */

static void enter(struct step *step, enum place then, bool locks)
{
    struct state *next = &step->next;
    bool gets = size(SIZE_ALONE) && then == LOOK && step->me->role >= GET && step->me->role < JOIN;
    step->me->flags &= (uint8_t)~UNLOCKED;
    if (gets)
        next->inside = (uint8_t)(step->i + 1);
    if (!locks) {
        step->me->flags |= UNLOCKED;
        go(step, then, "goes in without the lock");
        return;
    }
    if (next->owner)
        return;
    next->owner = (uint8_t)(step->i + 1);
    step->me->seen = (uint8_t)then;
    bool repairs = next->died && !altered(NO_REPAIR);
    next->died = repairs;
    go(step, repairs ? REPAIR : then, "has the lock");
}

static void repair_count(struct state *next, int turn)
{
    uint8_t stamp = next->slots[turn - 1].stamp;
    bool taken = stamp == next->turn_stamp;
    if (altered(STANDS_IF_FREE) && next->turn_lost)
        taken = stamp != next->turn_stamp / STATES * STATES + STATES;
    *(next->turn_lost ? &next->lost : &next->places) = next->turn_counts[taken];
}

static void repair(struct step *step)
{
    struct state *next = &step->next;
    bool first = step->me->place == REPAIR, over = first == altered(REPAIR_OVER_FIRST);
    if (over) {
        step->me->flags |= (uint8_t)(next->turn * OF_TURN);
        next->turn = 0;
    } else {
        int turn = next->turn ? next->turn : step->me->flags / OF_TURN;
        if (turn)
            repair_count(next, turn);
    }
    if (!first) {
        step->me->flags &= OF_TURN - 1;
        next->died = 0;
    }
    go(step, first ? REPAIR_OVER : step->me->seen, over ? "R2. no turn" : "R1. its count");
}

/* ---- the turn of a place */

static enum place first_of_turn(void)
{
    return altered(NO_TURN)              ? STAMP
           : altered(TURN_BEFORE_VALUES) ? TURN
           : altered(STAMP_BEFORE_TURN)  ? STAMP
                                         : VALUES;
}

static bool counts_places(const struct thread *me)
{
    return me->role != GET || me->flags & SETTLES;
}

static void values(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    bool settles = me->flags & SETTLES, leaves = settles || me->flags & HAS;
    if (altered(STAMP_BEFORE_TURN))
        leaves = next->slots[me->slot].stamp % STATES != TAKEN;
    uint8_t *count = settles ? &next->lost : &next->places;
    next->turn_lost = settles;
    next->turn_stamp = stamp_of(me->position, TAKEN);
    next->turn_counts[1] = (uint8_t)(*count + !leaves);
    next->turn_counts[0] = (uint8_t)(*count - (leaves && !settles) + (leaves && settles));
    go(step, altered(TURN_BEFORE_VALUES) ? STAMP : TURN, "T1. what the count is to be");
}

static void turn(struct step *step)
{
    step->next.turn = (uint8_t)(step->me->slot + 1);
    go(step,
       altered(TURN_BEFORE_VALUES)  ? VALUES
       : altered(STAMP_BEFORE_TURN) ? COUNT
                                    : STAMP,
       "T2. its turn");
}

/* What is true changes here. */
static void stamp(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct slot *slot = &next->slots[me->slot];
    int position = me->position;
    if (me->flags & SETTLES) {
        slot->stamp = stamp_of(position + size(SIZE_SLOTS), FREE);
    } else if (me->flags & HAS) {
        slot->stamp = stamp_of(position, BACK);
        next->awaited--;
    } else {
        bool takes = me->role != GET;
        slot->owner = takes ? (uint8_t)(step->i + 1) : 0;
        slot->stamp =
            takes ? stamp_of(position, TAKEN) : stamp_of(position + size(SIZE_SLOTS), FREE);
        next->awaited++;
    }
    bool turns = counts_places(me) && altered(STAMP_BEFORE_TURN);
    bool advances = me->role == GET && altered(ADVANCE_BEFORE_COUNT) && !(me->flags & WAS_BACK);
    go(step, turns ? VALUES : advances ? ADVANCE : COUNT, "T3. the stamp");
}

static void count(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    bool places = counts_places(me);
    if (me->flags & SETTLES) {
        next->lost++;
        if (altered(LOST_IS_DONE))
            next->done++, next->places++;
    } else if (me->flags & HAS) {
        next->places--;
        me->flags &= (uint8_t)~HAS;
        me->role = GET; /* and gets one */
    } else {
        *(places ? &next->places : &next->got) += 1;
        me->flags |= HAS;
    }
    bool advanced = !places && altered(ADVANCE_BEFORE_COUNT);
    go(step, places && !altered(NO_TURN) ? OVER : advanced ? UNLOCK : ADVANCE, "T4. the count");
}

static void turn_over(struct step *step)
{
    if (!altered(TURN_STAYS))
        step->next.turn = 0;
    go(step, ADVANCE, "T5. no turn");
}

static void advance(struct step *step)
{
    struct thread *me = step->me;
    bool gets = me->flags & HAS || altered(ADVANCE_BEFORE_COUNT);
    if (gets && !(me->flags & (WAS_BACK | SETTLES)))
        step->next.head = (uint8_t)(me->position + 1);
    bool late = me->role == GET && altered(ADVANCE_BEFORE_COUNT) && !(me->flags & HAS);
    go(step, late ? COUNT : UNLOCK, "6. moves the index on");
}

static void unlock(struct step *step)
{
    struct thread *me = step->me;
    enum place then = me->flags & SETTLES || !(me->flags & HAS) ? BEGIN : WORKS;
    if (!(me->flags & UNLOCKED))
        step->next.owner = 0;
    if (step->next.inside == step->i + 1)
        step->next.inside = 0;
    me->flags &= HAS;
    me->position = me->slot = me->owner = me->seen = 0;
    if (then == WORKS && me->role != GET) /* which place is its own */
        for (int i = 0; i < size(SIZE_SLOTS); i++)
            if (step->next.slots[i].stamp % STATES == TAKEN &&
                step->next.slots[i].owner == step->i + 1)
                me->slot = (uint8_t)i;
    go(step, then, "gives the lock back");
}

#endif
