/* Model of the shared barrier (src/sync/shared_barrier.c, docs/shared-memory-sync.md): all orders
 * of its steps, with kills. One round, without an action; the lock is proven by lock.c, so here it
 * is one step to take it.
 *
 * What must hold: nobody sleeps for ever, and the round ends alike for all who are alive: no party
 * is let go on when another is told that it broke, or timed out. Patrol is there for the dead
 * alone: an entry that nobody may be listening to, a lock whose holder died while a sleeper was
 * lying down. */
#include "explore.h"

enum { THREADS_MOST = 4, NOBODY = 0 };
enum { FREE, WAITS, GOES };                 /* of an entry */
enum { BROKEN = 1, ENDING = 2, ENDED = 4 }; /* of `state`; ENDED stands for the round's number */
enum { COVERED = 1, TIMED = 2, MENDS = 4, LEAVES = 8, TOLD = 16 }; /* of flags */
enum { NONE_YET, WENT, NOT };                                      /* of results */

enum place {
    LOCK,   /* 1 */
    REPAIR, /* 1 */
    COME,   /* 2 to 4 */
    MARK,   /* 5 */
    TURN,   /* 5 */
    TELL,   /* 5: wakes all; goes on to UNLOCK */
    UNLOCK,
    COVER,   /* 3 */
    ATTEMPT, /* 3, 6 */
    WORDS,   /* 3: W on */
    SLEEP,   /* 3: the kernel compares */
    ASLEEP,
    SHOUT, /* 6, 8: wakes all; goes on to ATTEMPT or OUT */
    LEAVE, /* 7 */
    OUT,   /* 6: frees the entry */
    GONE,
    DEAD,
};

struct thread {
    uint8_t place, flags, entry, seen, result;
};

struct state {
    uint8_t owner, died, state, parity, w, kills;
    struct thread threads[THREADS_MOST];
};

enum { SIZE_THREADS, SIZE_PARTIES, SIZE_KILLS, SIZE_TIMED };

enum alter {
    NONE,
    NO_COVER_LOCK,
    NO_COVER_SLEEP,
    NO_REPAIR,
    NO_REPAIR_WAKE,
    NO_COMPARE,
    NO_SHOUT,
    NO_LOOK_AT_LOCK,
    LEAVE_ANYHOW,
    NO_ENDING,
    TURN_FIRST,
};

static int size(int which)
{
    return explore_case_now->sizes[which];
}

#include "step.h"

static void wake_all(struct state *state)
{
    for (int j = 0; j < size(SIZE_THREADS); j++)
        if (state->threads[j].place == ASLEEP)
            state->threads[j].place = ATTEMPT;
}

static bool party_died(const struct state *state)
{
    for (int j = 0; j < size(SIZE_THREADS); j++)
        if (state->threads[j].place == DEAD && state->threads[j].entry == WAITS)
            return true;
    return false;
}

static void die(const struct state *state, int i, struct explore *run)
{
    struct step step;
    struct thread *me = begin(&step, state, i, run);
    if (state->kills == size(SIZE_KILLS))
        return;
    bool covered = me->flags & COVERED, any = false;
    step.next.kills++;
    if (state->owner == i + 1) {
        step.next.owner = NOBODY;
        step.next.died = 1;
    }
    *me = (struct thread){.place = DEAD, .entry = me->entry, .result = me->result};
    for (int j = 0; covered && j < size(SIZE_THREADS); j++)
        if (step.next.threads[j].place == ASLEEP) {
            struct state next = step.next;
            next.threads[j].place = ATTEMPT;
            explore_step(run, &next, false, "killed; the kernel wakes one");
            any = true;
        }
    if (!any)
        explore_step(run, &step.next, false, "killed");
}

static void result(struct step *step, int what)
{
    if (step->me->result == NONE_YET)
        step->me->result = (uint8_t)what;
}

static void break_it(struct state *next)
{
    next->state |= BROKEN;
    next->parity ^= 1;
    next->w = 0;
}

static void come(struct step *step)
{
    struct state *next = &step->next;
    int count = 0;
    for (int j = 0; j < size(SIZE_THREADS); j++)
        count += next->threads[j].entry == WAITS;
    if (step->me->flags & MENDS) {
        go(step, UNLOCK, "1. mended");
    } else if (next->state & (BROKEN | ENDED)) {
        result(step, NOT);
        go(step, UNLOCK, "2. broken, or another round");
    } else if (party_died(next)) {
        break_it(next);
        result(step, NOT);
        go(step, TELL, "2. finds a dead party");
    } else if (count == size(SIZE_PARTIES) - 1) {
        if (!explore_altered(NO_ENDING))
            next->state |= ENDING;
        result(step, WENT);
        go(step, explore_altered(TURN_FIRST) ? TURN : MARK, "4. the last one");
    } else {
        step->me->entry = WAITS;
        go(step, UNLOCK, "3. has come");
    }
}

static void mark(struct step *step)
{
    for (int j = 0; j < size(SIZE_THREADS); j++)
        if (step->next.threads[j].entry == WAITS)
            step->next.threads[j].entry = GOES;
    go(step, explore_altered(TURN_FIRST) ? TELL : TURN, "5. all that wait go on");
}

static void turn(struct step *step)
{
    struct state *next = &step->next;
    next->state = (uint8_t)((next->state & ~ENDING) | ENDED);
    next->parity ^= 1;
    next->w = 0;
    go(step, explore_altered(TURN_FIRST) ? MARK : TELL, "5. the round is over, W off");
}

static void attempt(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    bool look = next->died && next->owner == NOBODY && !explore_altered(NO_LOOK_AT_LOCK);
    if (me->entry == GOES) {
        result(step, WENT);
        go(step, next->died && !explore_altered(NO_SHOUT) ? SHOUT : OUT, "6. told to go on");
    } else if (next->state & BROKEN && !(next->state & ENDING)) {
        result(step, NOT);
        go(step, explore_altered(NO_SHOUT) ? OUT : SHOUT, "6. broken");
    } else if (look) {
        me->flags |= MENDS;
        go(step, LOCK, "3. somebody died with the lock");
    } else if (party_died(next) && !(next->state & (ENDING | ENDED))) {
        break_it(next);
        go(step, SHOUT, "8. a party died: breaks it");
    } else if (me->flags & LEAVES) {
        go(step, LEAVE, "7. too late");
    } else {
        go(step, WORDS, "3. not yet");
    }
}

static void leave(struct step *step)
{
    struct state *next = &step->next;
    step->me->flags &= (uint8_t)~LEAVES;
    if (next->state && !explore_altered(LEAVE_ANYHOW)) {
        go(step, ATTEMPT, "7. it ends, or is broken");
        return;
    }
    break_it(next);
    result(step, NOT);
    go(step, SHOUT, "7. breaks it");
}

static void wait_step(struct step *step)
{
    struct thread *me = step->me;
    switch (me->place) {
    case COVER:
        if (!explore_altered(NO_COVER_SLEEP))
            me->flags |= COVERED;
        go(step, ATTEMPT, "3. pending = Z");
        break;
    case ATTEMPT:
        attempt(step);
        break;
    case WORDS:
        if (me->entry != WAITS || step->next.state & BROKEN) {
            go(step, ATTEMPT, "3. looks again");
            break;
        }
        step->next.w = 1;
        me->seen = step->next.parity;
        go(step, SLEEP, "3. W on");
        break;
    case SLEEP: {
        bool same = step->next.w && me->seen == step->next.parity;
        me->seen = 0;
        go(step, same || explore_altered(NO_COMPARE) ? ASLEEP : ATTEMPT, "3. the kernel compares");
        break;
    }
    case SHOUT:
        wake_all(&step->next);
        go(step, me->result == NONE_YET ? ATTEMPT : OUT, "6. wakes the others");
        break;
    case LEAVE:
        leave(step);
        break;
    default: /* OUT */
        me->entry = FREE;
        me->flags = 0;
        go(step, GONE, "6. frees its entry");
    }
}

static void lock_step(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    switch (me->place) {
    case LOCK:
        if (next->owner != NOBODY)
            return;
        next->owner = (uint8_t)(step->i + 1);
        if (!explore_altered(NO_COVER_LOCK))
            me->flags |= COVERED;
        else
            me->flags &= (uint8_t)~COVERED;
        go(step, next->died ? REPAIR : COME, "1. takes the lock");
        break;
    case REPAIR:
        if (next->state & ENDING && !explore_altered(NO_REPAIR)) {
            go(step, MARK, "1. ends what was begun");
            break;
        }
        if (!(me->flags & TOLD) && !explore_altered(NO_REPAIR_WAKE)) {
            wake_all(next);
            me->flags |= TOLD;
            go(step, REPAIR, "1. wakes all");
            break;
        }
        next->died = 0;
        me->flags &= (uint8_t)~TOLD;
        go(step, COME, "1. mends");
        break;
    case COME:
        come(step);
        break;
    case MARK:
        mark(step);
        break;
    case TURN:
        turn(step);
        break;
    case TELL:
        wake_all(next);
        go(step, next->died ? REPAIR : UNLOCK, "5. wakes all");
        break;
    default: /* UNLOCK */
        next->owner = NOBODY;
        me->flags &= (uint8_t) ~(COVERED | MENDS);
        go(step, me->entry == FREE ? GONE : COVER, "unlocks");
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    *state = (struct state){0};
    for (int i = 0; i < THREADS_MOST; i++) {
        state->threads[i].place = i < size(SIZE_THREADS) ? LOCK : GONE;
        if (i < size(SIZE_TIMED))
            state->threads[i].flags = TIMED;
    }
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        struct step step;
        struct thread *me = begin(&step, state, i, run);
        if (me->place == DEAD || me->place == GONE)
            continue;
        die(state, i, run);
        if (me->place == ASLEEP) {
            if (party_died(state) || (state->died && state->owner == NOBODY))
                go(&step, ATTEMPT, "patrol: somebody died");
            if (me->flags & TIMED) {
                begin(&step, state, i, run)->flags |= LEAVES;
                step.me->flags &= (uint8_t)~TIMED;
                go(&step, ATTEMPT, "7. deadline or cancel");
            }
        } else {
            (me->place <= UNLOCK ? lock_step : wait_step)(&step);
        }
    }
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    bool went = false, not = false;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        bool of_round = i < size(SIZE_PARTIES) || me->entry != FREE;
        went |= me->result == WENT;
        not |= me->result == NOT && me->entry != FREE && of_round;
        if (me->place == GONE && me->flags & COVERED)
            return "the cover outlives its call";
    }
    if (went && not )
        return "let go on, and told that it broke";
    return NULL;
}

/* Too few have come, and none of them has died. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        if (me->place == GONE || me->place == DEAD)
            continue;
        if (me->place != ASLEEP || me->entry == GOES || state->state & (BROKEN | ENDING))
            return false;
    }
    return true;
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {"lock",   "repair", "come",    "mark",  "turn",  "tell",
                                        "unlock", "cover",  "attempt", "words", "sleep", "ASLEEP",
                                        "shout",  "leave",  "out",     "gone",  "DEAD"};
    const struct state *state = bytes;
    fprintf(out, "[%s%s%s%s; lock %d%s]", state->state & BROKEN ? "broken " : "",
            state->state & ENDING ? "ending " : "", state->state & ENDED ? "ended " : "",
            state->w ? "W" : "", state->owner, state->died ? " D" : "");
    for (int i = 0; i < size(SIZE_THREADS); i++)
        fprintf(out, " %d:%s%s%s", i + 1, names[state->threads[i].place],
                state->threads[i].flags & COVERED ? "+c" : "",
                state->threads[i].entry == WAITS  ? "+waits"
                : state->threads[i].entry == GOES ? "+goes"
                                                  : "");
}

static const struct explore_case cases[] = {
    /* threads, parties, kills, how many have a deadline */
    {"2 parties", {2, 2, 0, 1}, false},
    {"3 parties", {3, 3, 0, 1}, false},
    {"3 parties, 1 kill", {3, 3, 1, 0}, false},
    {"3 parties, 2 kills", {3, 3, 2, 1}, false},
    {"4 threads, 1 kill", {4, 3, 1, 1}, false},
    {"4 threads, 2 kills", {4, 3, 2, 1}, false},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_REPAIR, "3 parties, 1 kill", "1 ends nothing that was begun"},
    {NO_REPAIR_WAKE, "4 threads, 1 kill", "1 wakes nobody before it mends"},
    {NO_COMPARE, "3 parties", "3 without the kernel's compare"},
    {NO_LOOK_AT_LOCK, "3 parties, 1 kill", "3 does not look at the lock"},
    {LEAVE_ANYHOW, "3 parties", "7 breaks it though it ends"},
    {NO_ENDING, "3 parties", "4 without ENDING"},
    {TURN_FIRST, "3 parties, 1 kill", "5: the round is over before its entries are told"},
    {0},
};

/* Patrol finds out, 20 ms later than the kernel would have told. */
static const struct explore_variant harmless[] = {
    {NO_COVER_LOCK, "3 parties, 1 kill", "1 without cover: a death inside is patrol's to find"},
    {NO_COVER_SLEEP, "3 parties, 2 kills", "3 without cover: so is that of a woken one"},
    {NO_SHOUT, "3 parties, 1 kill", "6 wakes nobody: so is that of who ended it"},
    {0},
};

EXPLORE_MAIN("barrier", .wrong = wrong)
