/* Model of the shared condition (src/sync/shared_condition.c, docs/shared-memory-sync.md): all
 * orders of its steps, with kills, without patrol.
 *
 * Waiters take apples under a lock, and wait while there are none; notifiers add one under the lock
 * each, and notify one, or all. The lock is proven by lock.c, so here it is one step to take it.
 *
 * What must hold: nobody sleeps for ever while there are apples, unless somebody died where that is
 * told to be patrol's: a notifier between his change and step 5, or a waiter who was notified and
 * waits for the lock. */
#include "explore.h"

enum { THREADS_MOST = 4, NOBODY = 0 };
enum { COVERED = 1, TIMED = 2, BY_Z = 4, LEAVES = 8 }; /* of flags */

enum place {
    LOCK,     /* 4, and before 1 */
    INSIDE,   /* looks at the apples; 1 */
    UNLOCK,   /* 2 */
    COVER,    /* 2 */
    ANNOUNCE, /* (1 where a variant does it late) */
    SLEEP,    /* 3: the kernel compares */
    ASLEEP,
    WOKEN, /* 3 */
    N_LOCK,
    N_CHANGE,
    N_UNLOCK,
    N_COVER,   /* 5 */
    N_BUMP,    /* 6 */
    N_WAKE,    /* 7 */
    N_CLEAR,   /* 8 */
    N_LATE,    /* (second half of 8 where a variant takes it apart) */
    N_UNCOVER, /* 9 */
    GONE,
    DEAD,
};

struct thread {
    uint8_t place, flags, seen, rounds;
};

struct state {
    uint8_t owner, apples, w, seq, kills, excused;
    struct thread threads[THREADS_MOST];
};

enum { SIZE_WAITERS, SIZE_NOTIFIERS, SIZE_ROUNDS, SIZE_ALL, SIZE_KILLS, SIZE_TIMED };

enum alter {
    NONE,
    NO_COVER_NOTIFY,
    NO_COVER_WAIT,
    NO_COMPARE,
    ANNOUNCE_LATE,
    NO_BUMP,
    NO_WAKE,
    BY_Z_WAKES_NOBODY,
    CLEAR_WAKES_NOBODY,
    CLEAR_FIRST,
    UNCOVER_FIRST,
    W_OFF_SLEEPS_AGAIN,
};

static int size(int which)
{
    return explore_case_now->sizes[which];
}

static int threads(void)
{
    return size(SIZE_WAITERS) + size(SIZE_NOTIFIERS);
}

#include "step.h"

static void rouse(struct state *state, int j, bool by_z)
{
    state->threads[j].place = WOKEN;
    if (by_z)
        state->threads[j].flags |= BY_Z;
}

static bool wake_all(struct state *state)
{
    bool any = false;
    for (int j = 0; j < threads(); j++)
        if (state->threads[j].place == ASLEEP) {
            rouse(state, j, false);
            any = true;
        }
    return any;
}

/* Whichever sleeper; `none` is where the waker goes on when there was nobody. */
static void wake_one(const struct step *from, bool by_z, int none, const char *label)
{
    bool any = false;
    for (int j = 0; j < threads(); j++)
        if (from->next.threads[j].place == ASLEEP) {
            struct state next = from->next;
            rouse(&next, j, by_z);
            explore_step(from->run, &next, !by_z, label);
            any = true;
        }
    if (!any) {
        struct state next = from->next;
        if (none >= 0)
            next.threads[from->i].place = (uint8_t)none;
        explore_step(from->run, &next, !by_z, label);
    }
}

static void die(const struct state *state, int i, struct explore *run)
{
    struct step step;
    struct thread *me = begin(&step, state, i, run);
    if (state->kills == size(SIZE_KILLS))
        return;
    bool covered = me->flags & COVERED;
    bool notified = me->place == LOCK && me->rounds;
    bool changed = me->place == N_UNLOCK || me->place == N_COVER || me->place == N_BUMP;
    step.next.kills++;
    step.next.excused |= notified || changed || (me->place == INSIDE && me->rounds);
    if (state->owner == i + 1)
        step.next.owner = NOBODY;
    *me = (struct thread){.place = DEAD};
    if (covered)
        wake_one(&step, true, -1, "killed; the kernel wakes one of Z");
    else
        explore_step(run, &step.next, false, "killed");
}

static void announce(struct step *step)
{
    step->next.w = 1;
    step->me->seen = step->next.seq;
}

/* With the lock: eats, or waits. `rounds` of a waiter: has waited. */
static void inside(struct step *step)
{
    struct thread *me = step->me;
    if (step->next.apples || me->flags & LEAVES) {
        step->next.apples -= step->next.apples > 0;
        step->next.owner = NOBODY;
        *me = (struct thread){0};
        go(step, GONE, "has an apple, or leaves");
        return;
    }
    if (!explore_altered(NO_COVER_WAIT))
        me->flags |= COVERED;
    me->rounds = 0;
    if (!explore_altered(ANNOUNCE_LATE))
        announce(step);
    go(step, UNLOCK, "1. pending = Z, W on, notes seq");
}

static void woken(struct step *step)
{
    struct thread *me = step->me;
    if (me->flags & BY_Z && !explore_altered(BY_Z_WAKES_NOBODY))
        wake_all(&step->next);
    me->flags &= (uint8_t)~BY_Z;
    bool notified = me->seen != step->next.seq;
    if (!step->next.w && !explore_altered(W_OFF_SLEEPS_AGAIN))
        notified = true;
    if (notified || me->flags & LEAVES) {
        me->rounds = notified;
        me->seen = 0;
        go(step, LOCK, "3. notified, or too late");
        return;
    }
    announce(step);
    go(step, SLEEP, "3. not notified");
}

static void wait_step(struct step *step)
{
    struct thread *me = step->me;
    switch (me->place) {
    case LOCK:
        if (step->next.owner != NOBODY)
            return;
        me->flags &= (uint8_t)~COVERED;
        step->next.owner = (uint8_t)(step->i + 1);
        go(step, INSIDE, "4. takes the lock");
        break;
    case INSIDE:
        inside(step);
        break;
    case UNLOCK:
        step->next.owner = NOBODY;
        me->flags &= (uint8_t)~COVERED; /* since the lock's own cover came between */
        go(step, COVER, "2. gives the lock back");
        break;
    case COVER:
        if (!explore_altered(NO_COVER_WAIT))
            me->flags |= COVERED;
        go(step, explore_altered(ANNOUNCE_LATE) ? ANNOUNCE : SLEEP, "2. pending = Z again");
        break;
    case ANNOUNCE:
        announce(step);
        go(step, SLEEP, "1. W on, notes seq");
        break;
    case SLEEP: {
        bool same = step->next.w && me->seen == step->next.seq;
        go(step, same || explore_altered(NO_COMPARE) ? ASLEEP : WOKEN, "3. the kernel compares");
        break;
    }
    default: /* WOKEN */
        woken(step);
    }
}

static void bump(struct step *step)
{
    struct state *next = &step->next;
    if (!next->w) {
        go(step, N_UNCOVER, "6. nobody sleeps");
        return;
    }
    if (!explore_altered(NO_BUMP))
        next->seq = (uint8_t)(next->seq + 1);
    if (size(SIZE_ALL))
        next->w = 0;
    if (explore_altered(UNCOVER_FIRST))
        step->me->flags &= (uint8_t)~COVERED;
    go(step, explore_altered(NO_WAKE) ? N_UNCOVER : N_WAKE, "6. seq + 1");
}

static void wake(struct step *step)
{
    if (size(SIZE_ALL)) {
        wake_all(&step->next);
        go(step, N_UNCOVER, "7. wakes all");
        return;
    }
    step->me->place = N_UNCOVER;
    wake_one(step, false, N_CLEAR, "7. wakes one");
}

static void notify_step(struct step *step)
{
    struct thread *me = step->me;
    switch (me->place) {
    case N_LOCK:
        if (step->next.owner != NOBODY)
            return;
        step->next.owner = (uint8_t)(step->i + 1);
        go(step, N_CHANGE, "takes the lock");
        break;
    case N_CHANGE:
        step->next.apples++;
        go(step, N_UNLOCK, "adds an apple");
        break;
    case N_UNLOCK:
        step->next.owner = NOBODY;
        go(step, N_COVER, "gives the lock back");
        break;
    case N_COVER:
        if (!explore_altered(NO_COVER_NOTIFY))
            me->flags |= COVERED;
        go(step, N_BUMP, "5. pending = Z");
        break;
    case N_BUMP:
        bump(step);
        break;
    case N_WAKE:
        wake(step);
        break;
    case N_CLEAR:
        step->next.w = 0;
        if (explore_altered(CLEAR_FIRST)) {
            go(step, N_LATE, "8. W off");
            break;
        }
        if (!explore_altered(CLEAR_WAKES_NOBODY))
            wake_all(&step->next);
        go(step, N_UNCOVER, "8. W off, wakes all");
        break;
    case N_LATE:
        wake_all(&step->next);
        go(step, N_UNCOVER, "8. wakes all");
        break;
    default: /* N_UNCOVER */
        *me = (struct thread){.rounds = (uint8_t)(me->rounds + 1)};
        go(step, me->rounds < size(SIZE_ROUNDS) ? N_LOCK : GONE, "9. pending = NULL");
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    *state = (struct state){0};
    for (int i = 0; i < THREADS_MOST; i++)
        state->threads[i].place = (uint8_t)(i < size(SIZE_WAITERS) ? LOCK
                                            : i < threads()        ? N_LOCK
                                                                   : GONE);
    if (size(SIZE_TIMED))
        state->threads[0].flags = TIMED;
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < threads(); i++) {
        struct step step;
        struct thread *me = begin(&step, state, i, run);
        if (me->place == DEAD || me->place == GONE)
            continue;
        die(state, i, run);
        if (me->place == ASLEEP && me->flags & TIMED) {
            me->flags |= LEAVES;
            go(&step, WOKEN, "3. deadline or cancel");
        } else if (me->place != ASLEEP) {
            (me->place < N_LOCK ? wait_step : notify_step)(&step);
        }
    }
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < threads(); i++)
        if (state->threads[i].place == GONE && state->threads[i].flags & COVERED)
            return "the cover outlives its call";
    return NULL;
}

/* Who sleeps may sleep on when there are no apples, or when it is patrol's to find them. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < threads(); i++) {
        const struct thread *me = &state->threads[i];
        if (me->place == GONE || me->place == DEAD)
            continue;
        if (me->place != ASLEEP || (state->apples && !state->excused))
            return false;
    }
    return true;
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {"lock",     "inside",  "unlock", "cover",  "announce",
                                        "sleep",    "ASLEEP",  "woken",  "n_lock", "change",
                                        "n_unlock", "n_cover", "bump",   "wake",   "clear",
                                        "late",     "uncover", "gone",   "DEAD"};
    const struct state *state = bytes;
    fprintf(out, "[%d apples, seq %d%s; lock %d]", state->apples, state->seq, state->w ? " W" : "",
            state->owner);
    for (int i = 0; i < threads(); i++)
        fprintf(out, " %d:%s%s", i + 1, names[state->threads[i].place],
                state->threads[i].flags & COVERED ? "+c" : "");
}

static const struct explore_case cases[] = {
    /* waiters, notifiers, rounds of these, notify all, kills, one with a deadline */
    {"one", {2, 1, 2, 0, 0, 0}, false},
    {"one, 1 kill", {2, 1, 2, 0, 1, 0}, false},
    {"one, deadline, 1 kill", {2, 2, 1, 0, 1, 1}, false},
    {"all, 1 kill", {2, 2, 1, 1, 1, 0}, false},
    {"one, 2 kills", {2, 2, 1, 0, 2, 0}, false},
    {"3 waiters, 2 kills", {3, 1, 3, 0, 2, 1}, false},
    {"3 waiters, all, 2 kills", {3, 1, 3, 1, 2, 1}, false},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_COVER_NOTIFY, "one, 1 kill", "5 left out: a notify without cover"},
    {UNCOVER_FIRST, "one, 1 kill", "9 before 7"},
    {NO_COVER_WAIT, "3 waiters, 2 kills", "2 without cover: a woken one takes his wake with him"},
    {NO_COMPARE, "one", "3 without the kernel's compare"},
    {ANNOUNCE_LATE, "one", "1 after 2"},
    {NO_BUMP, "one", "6 leaves seq as it is"},
    {NO_WAKE, "one", "7 left out"},
    {BY_Z_WAKES_NOBODY, "all, 1 kill", "3: woken by a death, tells nobody"},
    {W_OFF_SLEEPS_AGAIN, "one", "3: finds W off, and sleeps again with W on"},
    {CLEAR_WAKES_NOBODY, "one", "8 takes W off and wakes nobody"},
    {0},
};

static const struct explore_variant harmless[] = {
    {CLEAR_FIRST, "one", "8 in two steps, while nobody dies between"},
    {0},
};

EXPLORE_MAIN("condition", .wrong = wrong)
