/* Model of the counts of a shared ring (src/queue/shared_places.c, shared_ring.c, shared_done.c;
 * docs/shared-memory-queue.md): how many items are got and not done, right after any kill.
 *
 * What is modelled: slots with stamp and owner, the two indices, the getters' lock L with D, the
 * counts (got, places, lost, done) and the turn. Each thread is a process. The lock is proven by
 * lock.c and sleeping and waking by queue.c, so here an acquire is one step, a put is one, and who
 * finds nothing to do rests until there is.
 *
 * What must hold: nobody joins before all is done, and who joins does so then; behind each call
 * the counts are what they should be. An item is awaited while its getter lives and has not said
 * that it is done; one whose getter died behind its count is awaited for ever (told in the docs);
 * one whose getter died before, or with the place still his, is not. */
#include "places_turn.h"

/* ---- settling what a dead one left */

static void aim(struct step *step, int slot)
{
    struct thread *me = step->me;
    me->slot = (uint8_t)slot;
    me->position = (uint8_t)(step->next.slots[slot].stamp / STATES * size(SIZE_SLOTS) + slot);
    me->flags |= SETTLES;
}

/* Under the lock: is it still so? */
static void settle(struct step *step)
{
    const struct state *now = &step->next;
    struct thread *me = step->me;
    const struct slot *slot = &now->slots[me->slot];
    bool same = slot->stamp == stamp_of(me->position, TAKEN) &&
                (slot->owner == me->owner || altered(NO_RECHECK));
    if (same)
        go(step, altered(LOST_IS_DONE) ? STAMP : first_of_turn(), "it is still so");
    else
        go(step, UNLOCK, "it is not so any more");
}

/* ---- the roles */

static void put(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct slot *slot = slot_of(next, next->tail);
    if (me->owner && is_dead(next, me->owner)) {
        enter(step, LOOK, !altered(SETTLE_UNLOCKED));
        return;
    }
    me->owner = 0;
    if (slot->stamp == stamp_of(next->tail, FREE)) {
        slot->stamp = stamp_of(next->tail++, ITEM);
        *me = (struct thread){.role = PUT, .puts = (uint8_t)(me->puts - 1)};
        go(step, me->puts ? BEGIN : GONE, "puts");
    } else if (slot->stamp % STATES == TAKEN) {
        aim(step, slot == &next->slots[1]);
        me->owner = slot->owner;
        go(step, BEGIN, "somebody's place is in the way");
    } else if (step->me->flags) {
        *me = (struct thread){.role = PUT, .puts = me->puts};
        go(step, BEGIN, "it is not any more");
    }
}

static bool something_is_back(const struct state *state)
{
    for (int i = 0; i < size(SIZE_SLOTS); i++)
        if (state->slots[i].stamp % STATES == BACK)
            return true;
    return false;
}

/* The first one that is back, then the one at the index. */
static void get_look(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    for (int i = 0; i < size(SIZE_SLOTS); i++)
        if (next->slots[i].stamp % STATES == BACK) {
            aim(step, i);
            me->flags = (uint8_t)((me->flags & ~SETTLES) | WAS_BACK);
            go(step, me->role == GET ? STAMP : first_of_turn(), "one that is back");
            return;
        }
    if (index_lies_behind(next)) {
        next->head++;
        go(step, LOOK, "moves the index on");
    } else if (slot_of(next, next->head)->stamp == stamp_of(next->head, ITEM)) {
        me->position = next->head;
        me->slot = (uint8_t)(next->head % size(SIZE_SLOTS));
        go(step,
           me->role != GET               ? first_of_turn()
           : altered(COUNT_BEFORE_STAMP) ? COUNT
                                         : STAMP,
           "an item");
    } else {
        go(step, UNLOCK, "empty");
    }
}

static bool may_get(const struct state *state, int i)
{
    for (int j = 0; size(SIZE_ALONE) && j < i; j++)
        if (state->threads[j].role >= GET && state->threads[j].role <= PUT_BACK &&
            state->threads[j].place < GONE)
            return false;
    return inside(state);
}

static void get(struct step *step)
{
    bool back = something_is_back(&step->next) && !altered(BACK_UNLOCKED);
    bool places = step->me->role != GET && !altered(ALONE_UNLOCKED);
    if (may_get(&step->next, step->i))
        enter(step, LOOK, !size(SIZE_ALONE) || places || back);
}

static void works(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct slot *slot = &next->slots[me->slot];
    if (me->role == PUT_BACK) {
        aim(step, me->slot);
        me->flags &= (uint8_t)~SETTLES;
        enter(step, first_of_turn(), !(size(SIZE_ALONE) && altered(ALONE_UNLOCKED)));
    } else {
        if (me->role == TAKE)
            slot->stamp = (uint8_t)(slot->stamp / STATES * STATES + STATES);
        me->slot = 0;
        go(step, SAYS_DONE, me->role == TAKE ? "releases its place" : "works");
    }
}

static void says_done(struct step *step)
{
    step->next.done++;
    step->next.awaited--;
    step->me->flags = 0;
    go(step, GONE, "task_done");
}

static void join(struct step *step)
{
    struct state *next = &step->next;
    bool hopes = !inside(next) && next->done >= gets(next);
    if (all_are_put(next) && (hopes || next->died || left_behind(next) || may_move_on(next)))
        enter(step, LOOK, !altered(JOIN_UNLOCKED));
}

/* With the lock: settles what is left behind, one after the other, moves the index on. */
static void join_look(struct step *step)
{
    struct state *next = &step->next;
    int left = left_behind(next);
    if (left) {
        aim(step, left - 1);
        step->me->owner = next->slots[left - 1].owner;
        settle(step);
    } else if (may_move_on(next)) {
        next->head++;
        go(step, LOOK, "moves the index on");
    } else {
        go(step, inside(next) ? UNLOCK : J_SCAN, "join: looks at the slots");
    }
}

static void join_scan(struct step *step)
{
    go(step, index_lies_behind(&step->next) && !altered(NO_INDEX) ? UNLOCK : J_DONE,
       "join: looks at the index");
}

static void join_done(struct step *step)
{
    step->me->seen = step->next.done;
    go(step, J_COUNTS, "join: looks at done");
}

static void join_counts(struct step *step)
{
    struct state *next = &step->next;
    if (step->me->seen < gets(next)) {
        go(step, UNLOCK, "join: not yet");
        return;
    }
    if (next->awaited || inside(next))
        explore_fault(step->run, "a join ends before all is done");
    next->owner = 0;
    *step->me = (struct thread){.role = JOIN};
    go(step, GONE, "joins");
}

/* ---- all steps */

static void begins(struct step *step)
{
    if (step->me->role == PUT)
        put(step);
    else if (step->me->role == JOIN)
        join(step);
    else
        get(step);
}

static void looks(struct step *step)
{
    if (step->me->role == PUT)
        settle(step);
    else if (step->me->role == JOIN)
        join_look(step);
    else
        get_look(step);
}

static void (*const does[])(struct step *) = {
    [BEGIN] = begins,        [REPAIR] = repair,    [REPAIR_OVER] = repair, [LOOK] = looks,
    [VALUES] = values,       [TURN] = turn,        [STAMP] = stamp,        [COUNT] = count,
    [OVER] = turn_over,      [ADVANCE] = advance,  [UNLOCK] = unlock,      [WORKS] = works,
    [SAYS_DONE] = says_done, [J_SCAN] = join_scan, [J_DONE] = join_done,   [J_COUNTS] = join_counts,
};

/* Has it an item that the others must not wait for once it is dead? */
static bool leaves_none(const struct state *state, int i)
{
    const struct thread *me = &state->threads[i];
    for (int s = 0; s < size(SIZE_SLOTS); s++)
        if (state->slots[s].stamp % STATES == TAKEN && state->slots[s].owner == i + 1)
            return true;
    return me->role == GET && me->place == COUNT;
}

static void die(const struct state *state, int i, struct explore *run)
{
    struct step step;
    struct thread *me = begin(&step, state, i, run);
    bool place = leaves_none(state, i);
    step.next.awaited = (uint8_t)(step.next.awaited - place);
    step.next.were_lost = (uint8_t)(step.next.were_lost + (place && me->role != GET));
    step.next.kills++;
    *me = (struct thread){.place = DEAD, .role = me->role};
    if (step.next.owner == i + 1) {
        step.next.owner = 0;
        step.next.died = 1;
    }
    explore_step(run, &step.next, false, "killed");
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < THREADS_MOST; i++) {
        const struct thread *me = &state->threads[i];
        if (me->place >= GONE)
            continue;
        struct step step;
        begin(&step, state, i, run);
        does[me->place](&step);
        if (state->kills < size(SIZE_KILLS))
            die(state, i, run);
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    for (int i = 0; i < THREADS_MOST; i++) {
        int role = size(SIZE_ROLES + i);
        state->threads[i] = (struct thread){.role = (uint8_t)role,
                                            .place = role ? BEGIN : GONE,
                                            .puts = role == PUT ? (uint8_t)size(SIZE_PUTS) : 0};
    }
}

/* Between calls. */
static bool is_quiet(const struct state *state)
{
    for (int i = 0; i < THREADS_MOST; i++) {
        uint8_t place = state->threads[i].place;
        if (place != BEGIN && place != WORKS && place != SAYS_DONE && place < GONE)
            return false;
    }
    return !state->owner && !state->died;
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    int left = 0;
    if (!is_quiet(state))
        return NULL;
    for (int i = 0; i < size(SIZE_SLOTS); i++)
        left += state->slots[i].stamp % STATES == TAKEN && is_dead(state, state->slots[i].owner);
    if (state->lost + left != state->were_lost)
        return "one lost is not counted, or twice";
    return (uint8_t)(gets(state) - state->done) != state->awaited + left ? "a count is wrong"
                                                                         : NULL;
}

static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < THREADS_MOST; i++) {
        const struct thread *me = &state->threads[i];
        bool waits = me->role == PUT    ? inside(state) != 0
                     : me->role == JOIN ? inside(state) || state->awaited || !all_are_put(state)
                                        : !inside(state);
        if (me->place < GONE && !(me->place == BEGIN && waits))
            return false;
    }
    return true;
}

static void print(const void *bytes, FILE *out)
{
    static const char *const states[] = {"free", "ITEM", "TAKEN", "BACK"};
    static const char *const roles[] = {"", "put", "get", "take", "back", "join"};
    const struct state *state = bytes;
    fprintf(out, "[%d %d%s got %d places %d lost %d done %d, awaited %d", state->head, state->tail,
            state->died ? " D" : "", state->got, state->places, state->lost, state->done,
            state->awaited);
    if (state->turn)
        fprintf(out, ", turn %d: %s %d/%d", state->turn - 1, state->turn_lost ? "lost" : "places",
                state->turn_counts[0], state->turn_counts[1]);
    for (int i = 0; i < size(SIZE_SLOTS); i++)
        fprintf(out, " %d %s", state->slots[i].stamp / STATES,
                states[state->slots[i].stamp % STATES]);
    fprintf(out, "]");
    for (int i = 0; i < THREADS_MOST && state->threads[i].role; i++)
        fprintf(out, " %s:%d", roles[state->threads[i].role], state->threads[i].place);
}

static const struct explore_model model = {
    .name = "places",
    .size = sizeof(struct state),
    .start = start,
    .steps = steps,
    .wrong = wrong,
    .rests = rests,
    .print = print,
};

/* What the numbers mean: the enum SIZE_... above. */
static const struct explore_case cases[] = {
    {"get", {2, 2, 1, 0, PUT, GET, GET, JOIN}, false},
    {"take", {1, 2, 1, 0, PUT, TAKE, GET, JOIN}, false},
    {"take twice", {1, 2, 1, 0, PUT, TAKE, TAKE, JOIN}, false},
    {"2 put", {1, 2, 2, 0, PUT, PUT, TAKE, GET, JOIN}, false},
    {"take, put back", {2, 2, 1, 0, PUT, TAKE, PUT_BACK, JOIN}, false},
    {"2 kills", {1, 2, 2, 0, PUT, TAKE, PUT_BACK, JOIN}, false},
    {"2 kills, 4 tasks", {1, 3, 2, 0, PUT, TAKE, PUT_BACK, GET, JOIN}, false},
    {"2 join", {1, 2, 2, 0, PUT, TAKE, JOIN, JOIN}, false},
    {"alone", {2, 3, 1, 1, PUT, PUT_BACK, TAKE, GET, JOIN}, false},
    {"alone, 2 kills", {1, 3, 2, 1, PUT, PUT_BACK, GET, TAKE, JOIN}, false},
    {"alone, 2 slots", {2, 3, 2, 1, PUT, TAKE, GET, GET, JOIN}, false},
    {"3 kills", {2, 3, 3, 0, PUT, TAKE, PUT_BACK, GET, JOIN}, true},
    {"alone, 3 kills", {2, 3, 3, 1, PUT, PUT_BACK, TAKE, GET, JOIN}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_TURN, "take", "T1, T2 dropped: the count has no turn"},
    {TURN_BEFORE_VALUES, "take twice", "T2 before T1: its turn, then what the count is to be"},
    {STAMP_BEFORE_TURN, "take", "T3 before T1: the stamp, then its turn"},
    {TURN_STAYS, "2 kills, 4 tasks", "T5 dropped: the turn stays"},
    {NO_REPAIR, "take", "R1 dropped: no repair"},
    {REPAIR_OVER_FIRST, "2 kills", "R2 before R1: no turn, then its count"},
    {LOST_IS_DONE, "2 kills, 4 tasks", "a lost one is counted as done"},
    {SETTLE_UNLOCKED, "2 kills, 4 tasks", "settles without the lock"},
    {NO_RECHECK, "2 kills", "settles what was another's meanwhile"},
    {STANDS_IF_FREE, "2 put", "R1: a settled place is free"},
    {ALONE_UNLOCKED, "alone", "who is alone takes and puts back without the lock"},
    {BACK_UNLOCKED, "alone", "who is alone gets what is back without the lock"},
    {JOIN_UNLOCKED, "take, put back", "joins without the lock"},
    {COUNT_BEFORE_STAMP, "get", "a get's count before its stamp"},
    {ADVANCE_BEFORE_COUNT, "alone", "6 before the count"},
    {MOVES_BLINDLY, "alone", "moves the index of one that lives"},
    {NO_INDEX, "alone", "joins without a look at the index"},
    {0},
};

static const struct explore_variant harmless[] = {
    {0},
};

int main(int argc, char **argv)
{
    return explore_main(argc, argv, &model, cases, variants, harmless);
}
