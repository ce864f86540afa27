/* Model of the shared queue's stock (src/queue/shared_stock.c, shared_order.c, shared_lease.c,
 * shared_repair.c, shared_done.c; docs/shared-memory-queue.md): all orders of its steps, with
 * kills.
 *
 * What is modelled: the cells, each with its state and owner; all that follows from them, the list
 * of free cells, the order, the list of those that are out, how many are being written; the two
 * versions; the count of gets with its turn, the count of done; the one lock with D; the three
 * words on which putters, getters and joiners sleep; each thread's pending word. Each thread is a
 * process. The lock is proven by lock.c, so here an acquire is one step that waits while a living
 * thread has it.
 *
 * What must hold, in every state:
 *   - where nobody is inside and nobody died there, all that follows from the cells does so;
 *   - an item comes out whole, to one task at a time; it is lost only with its taker, and with
 *     redelivery not even then;
 *   - what is lost with its taker is counted as that, once;
 *   - who joins goes on when all is done and not before; task_done is never "once too often" for
 *     somebody who got an item;
 *   - stuck, for ever: as in queue.c. */
#include "stock_cells.h"
#include "stock_variants.h"

/* ---- patrol: cells of who is gone, one after the other */

static void bring_back(struct step *step, int c)
{
    struct state *next = &step->next;
    struct cell *cell = &next->cells[c];
    next->outs &= (uint8_t) ~(1 << c);
    next->writing = (uint8_t)(next->writing - (cell->state == RESERVED));
    step->me->cell = (uint8_t)(c + 1);
    step->me->then = BACK_WAKE;
    if (cell->state != RESERVED && mode(REDELIVERS)) {
        go(step, P_ORDER, "patrol: it comes back");
    } else if (cell->state == RESERVED) {
        go(step, V_FREES, "patrol: it was being written");
    } else {
        if (altered(LOST_IS_DONE))
            next->done++;
        if (altered(LOST_FIRST))
            next->lost++;
        go(step, altered(LOST_IS_DONE) || altered(NO_TURN) ? V_FREES : TURN, "patrol: it is lost");
    }
}

/* Not by who is there for the second time (settle). */
static void patrol(struct step *step)
{
    struct state *next = &step->next;
    struct step none = *step;
    for (int c = 0; !step->me->cell && c < size(SIZE_CELLS); c++)
        if (next->outs >> c & 1 && is_dead(next, next->cells[c].owner) && !altered(NO_BACK)) {
            step->me->seen = 1;
            bring_back(step, c);
            if (!(none.me->flags & LOOKS)) /* it has looked a short time ago */
                break;
            return;
        }
    none.me = &none.next.threads[none.i];
    none.me->flags &= (uint8_t)~LOOKS;
    none.me->seen = 0;
    go(&none, OPERATE, "looks after nobody");
}

static void back_wake(struct step *step)
{
    struct state *next = &step->next;
    step->me->cell = step->me->then = 0;
    if (!altered(BACK_SILENT))
        for (int side = PUTS; side < SIDES; side++)
            if (next->w >> side & 1 && (side != JOINS || is_done(next)) && !wake_all(next, side))
                next->w &= (uint8_t) ~(1 << side);
    go(step, PATROL, "wakes all");
}

/* ---- the end of a call under the lock */

static void over(struct step *step, const char *label)
{
    struct thread *me = step->me;
    *me = (struct thread){.place = GONE, .pending = me->pending};
    go(step, GONE, label);
}

/* ---- a first attempt */

static void put_begins(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    int c = next->frees & 1 ? 0 : 1;
    if (next->closed) {
        me->then = GONE;
        go(step, R_UNLOCK, "closed");
        return;
    }
    if (!next->frees) {
        go(step, S_UNLOCK, "1. full");
        return;
    }
    me->cell = (uint8_t)(c + 1);
    next->frees &= (uint8_t) ~(1 << c);
    next->cells[c].whole = 0;
    if (!altered(NO_OWNER))
        next->cells[c].owner = (uint8_t)(step->i + 1);
    go(step,
       role(step->i) != PUT       ? R_STATE
       : altered(IN_BEFORE_BYTES) ? P_COVER
                                  : P_BYTES,
       "1. has a cell");
}

static void get_begins(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    if (!next->inside) {
        bool ends = is_over(next, step->i);
        for (int c = 0; ends && c < size(SIZE_CELLS); c++)
            if (next->cells[c].state == RESERVED && role(next->cells[c].owner - 1) == PUT_LARGE)
                explore_fault(step->run, "told the end, though an item is on its way");
        me->then = LATE_WAKE;
        go(step, ends ? R_UNLOCK : S_UNLOCK, ends ? "-EPIPE" : "empty");
        return;
    }
    int c = next->order[0] - 1;
    me->cell = (uint8_t)(c + 1);
    if (c < 0 || next->cells[c].state != IN || !next->cells[c].whole)
        explore_fault(step->run, "an item comes out that is not whole, or not there");
    bool keeps = role(step->i) != GET || mode(REDELIVERS);
    bool turns = keeps && !mode(REDELIVERS) && !altered(NO_TURN) && !altered(STATE_BEFORE_TURN);
    go(step,
       turns                      ? TURN
       : keeps                    ? H_STATE
       : altered(GET_FREES_FIRST) ? V_STATE
                                  : G_REMOVE,
       "looks at the first");
}

static void operate(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    if (me->flags & HAS || (me->cell && puts_in(step->i))) {
        go(step, SETTLE, "again under the lock");
    } else if (puts_in(step->i)) {
        put_begins(step);
    } else if (role(step->i) == CLOSE) {
        go(step, C_CLOSED, "closes");
    } else if (role(step->i) == VISIT) {
        me->then = GONE;
        go(step, R_UNLOCK, "looks after others");
    } else if (role(step->i) == JOIN) {
        bool ends = is_done(next);
        me->then = GONE;
        me->seen = ends;
        go(step, ends ? J_LOOK : S_UNLOCK, "looks whether all is done");
    } else {
        get_begins(step);
    }
}

/* ---- put: 2 to 5; also of what comes back */

static void put(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct cell *cell = &next->cells[me->cell - 1];
    switch (me->place) {
    case P_BYTES:
        cell->whole = 1;
        go(step, altered(IN_BEFORE_BYTES) ? WAKE : P_COVER, "2. the bytes");
        break;
    case P_COVER:
        if (!altered(NO_COVER))
            me->pending = GETS;
        go(step, P_ORDER, "3. pending");
        break;
    case P_ORDER:
        if (!altered(NO_ORDER))
            append(next, me->cell - 1, cell->state != FREE && cell->state != RESERVED);
        go(step, altered(IN_BEFORE_NEWS) ? P_IN : P_NEWS, "4. into the order");
        break;
    case P_NEWS:
        next->news = (uint8_t)(next->news + !altered(NO_NEWS));
        go(step, altered(IN_BEFORE_NEWS) ? WAKE : P_IN, "4. the version");
        break;
    default: { /* P_IN */
        bool back = cell->state == TAKEN && me->flags & HAS;
        cell->state = IN;
        if (me->then == BACK_WAKE) {
            go(step, BACK_WAKE, "5. is in again");
            break;
        }
        me->flags &= (uint8_t)~HAS;
        bool counts = back && !altered(NO_TURN) && !altered(STATE_BEFORE_TURN);
        go(step,
           back && altered(STATE_BEFORE_TURN) ? TURN
           : counts || back                   ? COUNT
           : altered(IN_BEFORE_BYTES)         ? P_BYTES
           : altered(IN_BEFORE_NEWS)          ? P_NEWS
           : altered(UNCOVER_BEFORE_WAKE)     ? UNCOVER
                                              : WAKE,
           "5. is in");
    }
    }
}

/* Copied outside, and what a taker reads in place. */
static void reserve(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct cell *cell = &next->cells[me->cell ? me->cell - 1 : 0];
    switch (me->place) {
    case R_STATE:
        cell->state = RESERVED;
        me->then = R_COPY;
        go(step, R_OUT, "5. reserves it");
        break;
    case R_OUT:
        next->outs |= (uint8_t)(1 << (me->cell - 1));
        next->writing++;
        go(step, R_UNLOCK, "is out");
        break;
    case R_UNLOCK:
        next->owner = 0;
        if (me->then == GONE)
            over(step, "gives the lock back");
        else
            go(step, (enum place)me->then, "gives the lock back");
        break;
    case R_COPY:
        cell->whole = role(step->i) == PUT_LARGE;
        go(step, BEGIN, "copies");
        break;
    default: /* SETTLE */
        next->outs &= (uint8_t) ~(1 << (me->cell - 1));
        next->writing = (uint8_t)(next->writing - (cell->state == RESERVED));
        me->then = 0;
        if (role(step->i) == PUT_LARGE)
            go(step, P_COVER, "off the list");
        else if (role(step->i) == PUT_BACK && cell->state == TAKEN)
            go(step, altered(NO_TURN) || altered(STATE_BEFORE_TURN) ? P_COVER : TURN,
               "off the list, to be put back");
        else if (mode(REDELIVERS) && cell->state == TAKEN && role(step->i) == TAKE)
            go(step, H_STATE, "off the list, to be done");
        else
            go(step, V_COVER, "off the list");
    }
}

/* ---- a cell becomes free */

/* Of a closed queue, what they may have waited for: it was on its way, or might have come back. */
static bool tells_getters(const struct step *step)
{
    bool leaves_out = role(step->i) == DROP ? altered(DROP_SILENT) : altered(LEASE_SILENT);
    return step->next.closed && !leaves_out;
}

static void vacate(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct cell *cell = &next->cells[me->cell - 1];
    bool first = altered(GET_FREES_FIRST) && role(step->i) == GET && me->then != BACK_WAKE;
    bool was_in = cell->state == IN, back = me->then == BACK_WAKE;
    bool lost = back && cell->state != RESERVED && !altered(LOST_IS_DONE);
    switch (me->place) {
    case G_REMOVE:
        remove_first(next);
        go(step, V_COVER, "out of the order");
        break;
    case V_COVER:
        if (!altered(NO_COVER))
            me->pending = PUTS;
        go(step, V_FREES, "pending");
        break;
    case V_FREES:
        next->frees |= (uint8_t)(1 << (me->cell - 1));
        go(step, V_GONES, "into the list of the free");
        break;
    case V_GONES:
        next->gones++;
        go(step, first ? COUNT : V_STATE, "the version");
        break;
    default: /* V_STATE */
        me->flags |= cell->state == LEASED && me->flags & HAS ? ENDED : 0;
        cell->state = FREE;
        if (was_in)
            me->flags |= HAS;
        if (role(step->i) == DROP)
            me->flags &= (uint8_t)~HAS;
        go(step,
           lost                  ? COUNT
           : back                ? BACK_WAKE
           : first               ? G_REMOVE
           : was_in              ? COUNT
           : tells_getters(step) ? LATE_WAKE
                                 : WAKE,
           "the cell is free");
    }
}

/* ---- a get that keeps the cell, and the count of gets */

static void hand_out(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct cell *cell = &next->cells[me->cell - 1];
    bool again = me->flags & HAS;
    switch (me->place) {
    case H_STATE:
        if (!altered(NO_OWNER))
            cell->owner = (uint8_t)(step->i + 1);
        cell->state = role(step->i) == GET || again ? LEASED : TAKEN;
        me->flags |= HAS;
        go(step, again ? H_OUT : H_REMOVE, "hands it out");
        break;
    case H_REMOVE:
        remove_first(next);
        go(step, H_OUT, "out of the order");
        break;
    default: /* H_OUT */
        next->outs |= (uint8_t)(1 << (me->cell - 1));
        me->then = WORKS;
        if (role(step->i) == TAKE && cell->state == LEASED)
            go(step, R_UNLOCK, "is out");
        else
            go(step, altered(STATE_BEFORE_TURN) && !mode(REDELIVERS) ? TURN : COUNT, "is out");
    }
}

/* What the count is to be while the cell's state is so: by whoever repairs. */
static void turn(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct cell *cell = &next->cells[me->cell - 1];
    bool lost = me->then == BACK_WAKE, back = role(step->i) == PUT_BACK && me->flags & HAS;
    bool late = altered(STATE_BEFORE_TURN);
    back |= role(step->i) == PUT_BACK && late && cell->state == IN;
    next->turn_cell = me->cell;
    next->turn_state = lost ? FREE : back ? IN : TAKEN;
    next->turn_count = (uint8_t)(lost || back ? next->gets - 1 : next->gets + 1);
    next->turn_lost = (uint8_t)(next->lost + (lost && !altered(LOST_FIRST)));
    go(step, lost ? V_FREES : late ? COUNT : back ? P_COVER : H_STATE, "the count's turn");
}

static void count(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    bool lost = me->then == BACK_WAKE, back = role(step->i) == PUT_BACK && !(me->flags & HAS);
    bool turns = next->turn_cell && !altered(NO_TURN);
    if (turns)
        next->gets = next->turn_count;
    else if (lost || back)
        next->gets--;
    else
        next->gets++;
    if (turns)
        go(step, LOST, "the count");
    else
        go(step,
           lost                           ? BACK_WAKE
           : back                         ? WAKE
           : me->then == WORKS            ? R_UNLOCK
           : altered(GET_FREES_FIRST)     ? WAKE
           : altered(UNCOVER_BEFORE_WAKE) ? UNCOVER
                                          : WAKE,
           "the count");
}

static void count_lost(struct step *step)
{
    step->next.lost = step->next.turn_lost;
    go(step, TURN_OVER, "the count of the lost");
}

static void turn_over(struct step *step)
{
    struct thread *me = step->me;
    if (!altered(TURN_STAYS))
        step->next.turn_cell = step->next.turn_state = step->next.turn_count =
            step->next.turn_lost = 0;
    go(step,
       me->then == BACK_WAKE ? BACK_WAKE
       : me->then == WORKS   ? R_UNLOCK
                             : WAKE,
       "the turn is over");
}

/* ---- 6 */

static int wakes_side(int i, const struct thread *me)
{
    bool gives =
        role(i) == PUT || role(i) == PUT_LARGE || (role(i) == PUT_BACK && !(me->flags & HAS));
    return gives ? GETS : PUTS;
}

static void finish(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    int side = wakes_side(step->i, me);
    bool exchanged = altered(UNCOVER_BEFORE_WAKE);
    bool all = side == GETS && next->closed && !altered(COMMIT_WAKES_ONE);
    switch (me->place) {
    case WAKE:
        wake(step, side, all, exchanged ? UNLOCK : UNCOVER, "6. wakes");
        break;
    case UNCOVER:
        if (!altered(NO_UNCOVER))
            me->pending = NOTHING;
        go(step, exchanged ? WAKE : UNLOCK, "6. pending = NULL");
        break;
    default: { /* UNLOCK */
        next->owner = 0;
        bool lease = mode(REDELIVERS) && me->flags & HAS;
        me->cell = 0;
        if (me->flags & HAS)
            go(step, lease ? D_COVER : WORKS, "6. gives the lock back");
        else
            over(step, "6. gives the lock back");
    }
    }
}

/* Getters of a closed queue: what they waited for will not come. Who leaves with -EPIPE does so for
 * both sides. */
static void late_wake(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    for (int side = me->cell ? GETS : PUTS; side <= GETS; side++)
        if (next->w >> side & 1 && !wake_all(next, side))
            next->w &= (uint8_t) ~(1 << side);
    if (me->cell)
        go(step, WAKE, "wakes getters, since it is closed");
    else
        over(step, "wakes getters, since it is closed");
}

/* ---- done, join, close */

static void done(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    switch (me->place) {
    case WORKS:
        if (me->cell && next->cells[me->cell - 1].owner == step->i + 1 &&
            next->cells[me->cell - 1].state >= TAKEN) {
            go(step, BEGIN, "settles it");
            break;
        }
        if (next->done >= next->gets)
            explore_fault(step->run, "an innocent one is told: once too often");
        go(step, D_COVER, "it is done");
        break;
    case D_COVER:
        me->pending = JOINS;
        go(step, D_ADD, "pending");
        break;
    case D_ADD:
        next->done++;
        me->flags &= (uint8_t)~HAS;
        go(step, D_LOOK, "one more is done");
        break;
    default: /* D_LOOK */
        if (next->w >> JOINS & 1 && is_done(next) && !altered(NO_D_LOOK) && !wake_all(next, JOINS))
            next->w &= (uint8_t) ~(1 << JOINS);
        me->pending = NOTHING;
        over(step, "wakes joiners");
    }
}

/* All was inside when it began. Two looks where it has no lock: first the counts. */
static void join(struct step *step)
{
    const struct state *now = &step->next;
    bool late = false;
    for (int i = 0; i < THREADS_MOST; i++)
        late |= (now->threads[i].flags & (HAS | ENDED)) == HAS;
    for (int c = 0; c < size(SIZE_CELLS); c++)
        late |= now->cells[c].state == IN || now->cells[c].state == RESERVED;
    if (late)
        explore_fault(step->run, "who joins goes on though not all is done");
    step->me->seen = 0;
    if (altered(JOIN_UNLOCKED))
        over(step, "all is done");
    else
        go(step, R_UNLOCK, "all is done");
}

static void join_unlocked(struct step *step)
{
    struct thread *me = step->me;
    if (me->seen == 0) {
        me->seen = (uint8_t)(1 + (step->next.done >= step->next.gets));
        go(step, OPERATE, "looks at the counts");
        return;
    }
    bool drained = !step->next.inside && !step->next.writing;
    bool ends = me->seen == 2 && drained;
    me->seen = 0;
    go(step, ends ? J_LOOK : S_COVER, "looks whether something is inside");
}

static void close_it(struct step *step)
{
    struct state *next = &step->next;
    if (step->me->place == C_CLOSED) {
        step->me->pending = next->w >> PUTS & 1 ? PUTS : GETS;
        next->closed = 1;
        go(step, C_WAKE, "is closed");
        return;
    }
    for (int side = PUTS; side <= GETS; side++)
        if (next->w >> side & 1 && !wake_all(next, side))
            next->w &= (uint8_t) ~(1 << side);
    step->me->pending = NOTHING;
    step->me->then = GONE;
    if (next->owner == step->i + 1)
        go(step, R_UNLOCK, "wakes all");
    else
        over(step, "wakes all");
}

/* ---- 10 to 13 */

static uint8_t version(const struct state *state, int i)
{
    int side = side_of(i);
    return side == PUTS ? state->gones : side == GETS ? state->news : state->done;
}

static void go_to_sleep(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    int side = side_of(step->i);
    bool same = false;
    switch (me->place) {
    case S_UNLOCK:
        next->owner = 0;
        me->then = 0;
        go(step, S_COVER, "10. gives the lock back");
        break;
    case S_COVER:
        me->pending = (uint8_t)side;
        go(step, S_VERSION, "10. pending");
        break;
    case S_VERSION:
        me->seen = version(next, step->i);
        go(step, is_vain(next, step->i) || altered(NO_LOOK) ? S_MARK : BEGIN, "the version");
        break;
    case S_MARK:
        if (!altered(NO_W))
            next->w |= (uint8_t)(1 << side);
        go(step, altered(NO_LOOK) ? S_SLEEP : S_LOOK, "11. sets W");
        break;
    case S_LOOK:
        go(step, is_vain(next, step->i) ? S_SLEEP : BEGIN, "12. looks again");
        break;
    default: /* S_SLEEP */
        same = (next->w >> side & 1 || altered(NO_W)) &&
               (me->seen == version(next, step->i) || altered(NO_VERSION));
        go(step, same || altered(NO_COMPARE) ? ASLEEP : BEGIN, "13. sleeps while both are as seen");
    }
}

static void asleep(struct step *step)
{
    bool patrols = mode(PATROLS) || (mode(JOINS_PATROL) && role(step->i) == JOIN);
    if (!patrols || altered(NO_PATROL))
        return;
    step->me->flags |= LOOKS;
    go(step, BEGIN, "looks again after 20 ms");
}

static void begins(struct step *step)
{
    struct thread *me = step->me;
    me->seen = 0;
    if (role(step->i) == JOIN && altered(JOIN_UNLOCKED)) {
        go(step, OPERATE, "joins");
        return;
    }
    if (role(step->i) == CLOSE && altered(CLOSE_UNLOCKED)) {
        go(step, C_CLOSED, "closes");
        return;
    }
    go(step, LOCK, "wants the lock");
}

static void lock(struct step *step)
{
    struct state *next = &step->next;
    if (next->owner && !altered(NO_LOCK))
        return;
    next->owner = (uint8_t)(step->i + 1);
    step->me->pending = NOTHING;
    bool repairs = next->died && !altered(NO_REPAIR);
    go(step,
       repairs && altered(MEND_FIRST) ? MEND
       : repairs                      ? REPAIR_CLEAR
       : next->died                   ? MEND
                                      : PATROL,
       "has the lock");
}

/* ---- the model */

static void own_step(struct step *step)
{
    uint8_t place = step->me->place;
    if (place == BEGIN)
        begins(step);
    else if (place == LOCK)
        lock(step);
    else if (place == MEND && altered(NO_REPAIR)) {
        step->next.died = 0;
        go(step, PATROL, "mends");
    } else if (place <= MEND)
        repair(step);
    else if (place == PATROL)
        patrol(step);
    else if (place == BACK_WAKE)
        back_wake(step);
    else if (place == OPERATE && role(step->i) == JOIN && altered(JOIN_UNLOCKED))
        join_unlocked(step);
    else if (place == OPERATE)
        operate(step);
    else if (place <= P_IN)
        put(step);
    else if (place <= SETTLE)
        reserve(step);
    else if (place <= V_STATE)
        vacate(step);
    else if (place <= H_OUT)
        hand_out(step);
    else if (place == TURN)
        turn(step);
    else if (place == COUNT)
        count(step);
    else if (place == LOST)
        count_lost(step);
    else if (place == TURN_OVER)
        turn_over(step);
    else if (place <= UNLOCK)
        finish(step);
    else if (place == LATE_WAKE)
        late_wake(step);
    else if (place <= D_LOOK)
        done(step);
    else if (place == J_LOOK)
        join(step);
    else if (place <= C_WAKE)
        close_it(step);
    else if (place <= S_SLEEP)
        go_to_sleep(step);
    else
        asleep(step);
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < THREADS_MOST; i++) {
        struct step step;
        uint8_t place = begin(&step, state, i, run)->place;
        if (place == GONE || place == DEAD)
            continue;
        own_step(&step);
        die(state, i, run);
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    for (int c = 0; c < size(SIZE_CELLS); c++) {
        bool full = c < size(SIZE_ITEMS);
        state->cells[c] = (struct cell){full ? IN : FREE, 0, full};
        if (full)
            append(state, c, false);
        else
            state->frees |= (uint8_t)(1 << c);
    }
    for (int i = 0; i < THREADS_MOST; i++)
        state->threads[i] =
            (struct thread){.place = role(i) == NONE ? GONE : BEGIN, .pending = NOTHING};
}

static bool follows(const struct state *state)
{
    int frees = 0, outs = 0, inside = 0, writing = 0;
    for (int c = 0; c < size(SIZE_CELLS); c++) {
        frees |= (state->cells[c].state == FREE) << c;
        outs |= (state->cells[c].state >= RESERVED) << c;
        inside += state->cells[c].state == IN;
        writing += state->cells[c].state == RESERVED;
    }
    return frees == state->frees && outs == state->outs && inside == state->inside &&
           writing == state->writing && (inside < 2 || state->order[0] != state->order[1]);
}

static int taken_by_dead(const struct state *state)
{
    int count = 0;
    for (int i = 0; i < THREADS_MOST; i++)
        count += state->threads[i].place == DEAD && !mode(REDELIVERS) ? taken_by(state, i) : 0;
    return count;
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < THREADS_MOST; i++)
        if (state->threads[i].place == GONE && state->threads[i].pending != NOTHING)
            return "a cover outlives its call";
    if (state->owner || state->died || altered(NO_LOCK))
        return NULL;
    if (state->turn_cell)
        return "a turn outlives its call";
    if (!altered(LOST_IS_DONE) && !altered(NO_TURN) &&
        state->lost + taken_by_dead(state) != state->doomed)
        return "what a dead one had is not lost once";
    return follows(state) ? NULL : "what follows from the cells does not";
}

static bool holds(const struct state *state, int low, int high)
{
    for (int c = 0; c < size(SIZE_CELLS); c++)
        if (state->cells[c].state >= low && state->cells[c].state <= high)
            return true;
    return false;
}

/* Those asleep have nothing to wait for any more. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    bool items = holds(state, IN, RESERVED), out = mode(REDELIVERS) && holds(state, TAKEN, LEASED);
    for (int i = 0; i < THREADS_MOST; i++) {
        const struct thread *me = &state->threads[i];
        bool ends = side_of(i) == PUTS   ? state->closed || holds(state, FREE, FREE)
                    : side_of(i) == GETS ? items || out || state->closed
                                         : !items && !out && !state->undone;
        if (me->place != GONE && me->place != DEAD && (me->place != ASLEEP || ends))
            return false;
    }
    return true;
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {
        "begin",    "lock",    "r_clear", "r_make",   "r_turn",  "r_lost",   "r_over",   "r_news",
        "r_wake",   "mend",    "patrol",  "back_out", "b_wake",  "operate",  "p_bytes",  "p_cover",
        "p_order",  "p_news",  "p_in",    "r_state",  "r_out",   "r_unlock", "r_copy",   "settle",
        "g_remove", "v_cover", "v_frees", "v_gones",  "v_state", "h_state",  "h_remove", "h_out",
        "turn",     "count",   "lost",    "turn_o",   "wake",    "uncover",  "unlock",   "late_w",
        "works",    "d_cover", "d_add",   "d_look",   "j_look",  "closed",   "c_wake",   "s_unlock",
        "s_cover",  "s_vers",  "s_mark",  "s_look",   "s_sleep", "ASLEEP",   "gone",     "DEAD"};
    static const char states[] = "-IRTL";
    const struct state *state = bytes;
    fprintf(out, "[");
    for (int c = 0; c < size(SIZE_CELLS); c++)
        fprintf(out, "%c%d ", states[state->cells[c].state], state->cells[c].owner);
    fprintf(out, "f%x o%x in%d wr%d; got %d done %d%s%s; W %x news %d gones %d]", state->frees,
            state->outs, state->inside, state->writing, state->gets, state->done,
            state->died ? " D" : "", state->closed ? " closed" : "", state->w, state->news,
            state->gones);
    for (int i = 0; i < THREADS_MOST; i++)
        if (role(i) != NONE)
            fprintf(out, " %d:%s%s%s", i + 1, names[state->threads[i].place],
                    state->owner == i + 1 ? "!" : "", state->threads[i].flags & HAS ? "+h" : "");
}

EXPLORE_MAIN("stock", .wrong = wrong)
