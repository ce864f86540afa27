/* The state of the stock's model, and its simplest steps: waking, a death, what follows from the
 * cells. */
#ifndef MODELS_STOCK_CELLS_H
#define MODELS_STOCK_CELLS_H

#include "explore.h"

enum { THREADS_MOST = 5, CELLS_MOST = 2 };
enum { PUTS, GETS, JOINS, SIDES, NOTHING = SIDES };
enum { WOKEN = 1, LOOKS = 2, HAS = 4, ENDED = 8 }; /* of flags; ENDED: its lease is over */
enum { FREE, IN, RESERVED, TAKEN, LEASED };

/* What a thread does in its life. */
enum role { NONE, PUT, PUT_LARGE, GIVE_UP, GET, TAKE, PUT_BACK, DROP, CLOSE, JOIN, VISIT };

enum place {
    BEGIN,
    LOCK,
    REPAIR_CLEAR, /* all that follows from the cells is zero */
    REPAIR_MAKE,  /* and is made anew */
    REPAIR_TURN,
    REPAIR_LOST,
    REPAIR_OVER,
    REPAIR_NEWS,
    REPAIR_WAKE, /* who looked meanwhile saw nothing */
    MEND,
    PATROL,
    BACK_OUT, /* of a dead one's cell */
    BACK_WAKE,
    OPERATE,
    P_BYTES, /* 2 */
    P_COVER, /* 3 */
    P_ORDER, /* 4 */
    P_NEWS,  /* 4 */
    P_IN,    /* 5 */
    R_STATE, /* 5 of one that is copied outside */
    R_OUT,   /* the list of those out */
    R_UNLOCK,
    R_COPY,
    SETTLE,   /* the second time under the lock: off the list */
    G_REMOVE, /* from the order */
    V_COVER,
    V_FREES,
    V_GONES,
    V_STATE,
    H_STATE, /* a get that keeps the cell */
    H_REMOVE,
    H_OUT,
    TURN,  /* of the count: what it is to be when the cell's state stands */
    COUNT, /* of gets */
    LOST,  /* the count of those */
    TURN_OVER,
    WAKE,
    UNCOVER,
    UNLOCK,
    LATE_WAKE, /* getters of a closed queue */
    WORKS,     /* has an item */
    D_COVER,
    D_ADD,
    D_LOOK,
    J_LOOK,
    C_CLOSED,
    C_WAKE,
    S_UNLOCK, /* 10 */
    S_COVER,
    S_VERSION,
    S_MARK,  /* 11 */
    S_LOOK,  /* 12 */
    S_SLEEP, /* 13 */
    ASLEEP,
    GONE,
    DEAD,
};

struct thread {
    uint8_t place, flags, cell, seen, pending, then;
};

struct cell {
    uint8_t state, owner, whole;
};

struct state {
    uint8_t owner, died, kills, closed;
    uint8_t frees, outs, writing, inside,
        order[CELLS_MOST];  /* the first two: a bit for each cell */
    uint8_t news, gones, w; /* w: a bit for each side */
    uint8_t gets, done, lost, turn_cell, turn_state, turn_count, turn_lost;
    uint8_t doomed; /* items that dead ones had: so many must be counted as lost */
    uint8_t undone; /* a dead one's item, of which nobody knows whether it was done */
    struct cell cells[CELLS_MOST];
    struct thread threads[THREADS_MOST];
};

enum { SIZE_CELLS, SIZE_ITEMS, SIZE_KILLS, SIZE_MODE, SIZE_ROLES };
/* Of SIZE_MODE. JOINS_PATROL: a death inside tells no joiner, so his patrol finds out. */
enum { REDELIVERS = 1, PATROLS = 2, KILLS_PUTTERS = 4, JOINS_PATROL = 8 };

enum alter {
    FULL,
    NO_LOCK,
    IN_BEFORE_BYTES,
    NO_COVER,
    NO_NEWS,
    IN_BEFORE_NEWS,
    NO_ORDER,
    NO_WAKE,
    UNCOVER_BEFORE_WAKE,
    NO_UNCOVER,
    NO_REPAIR,
    MEND_FIRST,
    REPAIR_NO_NEWS,
    REPAIR_SILENT,
    NO_OWNER,
    NO_BACK,
    BACK_SILENT,
    NO_W,
    NO_VERSION,
    NO_LOOK,
    NO_COMPARE,
    NO_PATROL,
    NO_TURN,
    TURN_STAYS,
    STATE_BEFORE_TURN,
    LOST_IS_DONE,
    LOST_FIRST,
    JOIN_UNLOCKED,
    COMMIT_WAKES_ONE,
    DROP_SILENT,
    LEASE_SILENT,
    CLOSE_UNLOCKED,
    NO_D_LOOK,
    NO_WRITING,
    HELD_BEFORE_REMOVED,
    GET_FREES_FIRST,
};
#define altered(x) explore_altered(x)

static int size(int which)
{
    return explore_case_now->sizes[which];
}

static bool mode(int bit)
{
    return size(SIZE_MODE) & bit;
}

static enum role role(int i)
{
    return (enum role)size(SIZE_ROLES + i);
}

static bool puts_in(int i)
{
    return role(i) == PUT || role(i) == PUT_LARGE || role(i) == GIVE_UP;
}

static int side_of(int i)
{
    return role(i) == JOIN ? JOINS : puts_in(i) ? PUTS : GETS;
}

#include "step.h"

static bool is_dead(const struct state *state, uint8_t owner)
{
    return owner && state->threads[owner - 1].place == DEAD;
}

static bool elsewhere(const struct state *state, int i)
{
    for (int c = 0; c < size(SIZE_CELLS); c++)
        if (state->outs >> c & 1 && state->cells[c].owner != i + 1)
            return true;
    return false;
}

static bool is_over(const struct state *state, int i)
{
    return state->closed && !state->inside && (!state->writing || altered(NO_WRITING)) &&
           !(mode(REDELIVERS) && elsewhere(state, i));
}

static bool is_done(const struct state *state)
{
    bool drained = !state->inside && !state->writing && !(mode(REDELIVERS) && state->outs);
    return drained && (mode(REDELIVERS) || state->done >= state->gets);
}

static bool is_vain(const struct state *state, int i)
{
    switch (side_of(i)) {
    case PUTS:
        return !state->closed && !state->frees;
    case GETS:
        return !state->inside && !is_over(state, i);
    default:
        return !is_done(state);
    }
}

/* ---- waking */

static bool sleeps_on(const struct state *state, int j, int side)
{
    return state->threads[j].place == ASLEEP && side_of(j) == side;
}

static void rouse(struct state *state, int j)
{
    state->threads[j].place = BEGIN;
    state->threads[j].flags |= WOKEN;
}

static bool wake_all(struct state *state, int side)
{
    bool any = false;
    for (int j = 0; j < THREADS_MOST; j++)
        if (sleeps_on(state, j, side)) {
            rouse(state, j);
            any = true;
        }
    return any;
}

/* shared_wake: nobody there, then W off. */
static void wake(const struct step *from, int side, bool all, enum place place, const char *label)
{
    struct step step = *from;
    bool any = false;
    step.me = &step.next.threads[step.i];
    if (!(step.next.w >> side & 1) || altered(NO_WAKE)) {
        go(&step, place, "nobody to wake");
        return;
    }
    if (all && wake_all(&step.next, side)) {
        go(&step, place, label);
        return;
    }
    for (int j = 0; j < THREADS_MOST && !all; j++)
        if (sleeps_on(&from->next, j, side)) {
            step = *from;
            step.me = &step.next.threads[step.i];
            rouse(&step.next, j);
            go(&step, place, label);
            any = true;
        }
    if (any)
        return;
    step.next.w &= (uint8_t) ~(1 << side);
    go(&step, place, "W off");
}

/* ---- deaths */

static int taken_by(const struct state *state, int i)
{
    int count = 0;
    for (int c = 0; c < size(SIZE_CELLS); c++)
        count += state->cells[c].state == TAKEN && state->cells[c].owner == i + 1;
    return count;
}

static void die(const struct state *state, int i, struct explore *run)
{
    struct step step;
    struct thread *me = begin(&step, state, i, run);
    struct state *next = &step.next;
    uint8_t pending = me->pending;
    bool putter = puts_in(i) && !(me->flags & WOKEN);
    if (state->kills == size(SIZE_KILLS) || (mode(KILLS_PUTTERS) && !putter))
        return;
    next->kills++;
    next->doomed = (uint8_t)(next->doomed + (mode(REDELIVERS) ? 0 : taken_by(next, i)));
    bool keeps = me->cell && next->cells[me->cell - 1].owner == i + 1 &&
                 next->cells[me->cell - 1].state >= TAKEN;
    if (me->flags & HAS && !keeps && !mode(REDELIVERS))
        next->undone = 1;
    if (next->owner == i + 1) {
        next->owner = 0;
        next->died = 1;
    }
    *me = (struct thread){.place = DEAD, .pending = NOTHING};
    bool any = false;
    for (int j = 0; pending != NOTHING && j < THREADS_MOST; j++)
        if (sleeps_on(next, j, pending)) {
            struct state other = *next;
            rouse(&other, j);
            explore_step(run, &other, false, "killed; the kernel wakes one");
            any = true;
        }
    if (!any)
        explore_step(run, next, false, "killed");
}

/* ---- what follows from the cells */

static void append(struct state *next, int cell, bool front)
{
    if (next->inside >= CELLS_MOST)
        return;
    if (front && next->inside)
        next->order[1] = next->order[0];
    next->order[front ? 0 : next->inside] = (uint8_t)(cell + 1);
    next->inside++;
}

static void remove_first(struct state *next)
{
    next->order[0] = next->order[1];
    next->order[1] = 0;
    next->inside--;
}

static void repair(struct step *step)
{
    struct state *next = &step->next;
    switch (step->me->place) {
    case REPAIR_CLEAR:
        next->inside = next->frees = next->outs = next->writing = 0;
        next->order[0] = next->order[1] = 0;
        go(step, REPAIR_MAKE, "repairs: nothing is anywhere");
        break;
    case REPAIR_MAKE:
        for (int c = 0; c < size(SIZE_CELLS); c++) {
            uint8_t state = next->cells[c].state;
            next->frees |= (uint8_t)((state == FREE) << c);
            next->outs |= (uint8_t)((state >= RESERVED) << c);
            next->writing = (uint8_t)(next->writing + (state == RESERVED));
            if (state == FREE)
                next->gones++;
            if (state == IN)
                append(next, c, false);
        }
        go(step, REPAIR_TURN, "repairs: from the cells");
        break;
    case REPAIR_TURN:
        if (next->turn_cell && next->cells[next->turn_cell - 1].state == next->turn_state)
            next->gets = next->turn_count;
        go(step, REPAIR_LOST, "repairs: the count");
        break;
    case REPAIR_LOST:
        if (next->turn_cell && next->cells[next->turn_cell - 1].state == next->turn_state)
            next->lost = next->turn_lost;
        go(step, REPAIR_OVER, "repairs: the count of the lost");
        break;
    case REPAIR_OVER:
        next->turn_cell = next->turn_state = next->turn_count = next->turn_lost = 0;
        go(step, REPAIR_NEWS, "repairs: the turn is over");
        break;
    case REPAIR_NEWS:
        next->news = (uint8_t)(next->news + !altered(REPAIR_NO_NEWS));
        go(step, REPAIR_WAKE, "repairs: the version");
        break;
    case REPAIR_WAKE:
        for (int side = PUTS; side <= GETS && !altered(REPAIR_SILENT); side++)
            if (next->w >> side & 1 && !wake_all(next, side))
                next->w &= (uint8_t) ~(1 << side);
        go(step, altered(MEND_FIRST) ? PATROL : MEND, "repairs: wakes all");
        break;
    default:
        next->died = 0;
        go(step, altered(MEND_FIRST) ? REPAIR_CLEAR : PATROL, "mends");
    }
}

#endif
