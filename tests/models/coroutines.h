/* Coroutines of one process at a shared lock, together with threads of another process: what the
 * models of those who sleep in the kernel for the coroutines have in common (helper.c, ring.c; the
 * steps are those of src/wait/entry.h). The lock's own steps are lock.c's, in a shorter form: a
 * thread's cover is taken as given, and its death is one step.
 *
 * What is modelled beside the word: the lot (which coroutines lie in it), the entry for the word
 * (how many wait, the value they saw), and the sleeper, whom the kernel knows as one, whoever
 * stands behind it. It is the model's own: `own`, and the functions sleeper_... */
#ifndef MODELS_COROUTINES_H
#define MODELS_COROUTINES_H

#include "explore.h"

enum { ACTORS_MOST = 5, NOBODY = 0 };
enum { W = 1, D = 2 };
enum { SLEPT = 1, FIRED = 2, LEAVING = 4, COROUTINE = 8, TIMED = 16 };

enum place {
    LOOK,
    TAKE,
    MARK_W,
    SLEEP,     /* a thread: the kernel compares and queues */
    ENTER,     /* a coroutine: the lot compares and queues */
    JOIN,      /* in the lot; tells the helper */
    ASLEEP,    /* a thread in the kernel, a coroutine in the lot */
    LEAVE,     /* a coroutine takes itself out of the entry */
    PASS,      /* has it, and makes another one look unless the helper sleeps on the word */
    PASS_GONE, /* the same, leaving without it */
    INSIDE,
    WAKE,
    CLEAR,
    GONE,
    DEAD,
};

struct value {
    uint8_t owner, bits;
};

struct actor {
    uint8_t place, flags, rounds;
    struct value seen;
};

struct state {
    struct value word;
    uint8_t kills;
    uint8_t waiters;     /* of the entry */
    uint8_t fresh;       /* nobody was served since the last one joined */
    struct value joined; /* what the last one saw */
    uint8_t own[6];      /* the sleeper's */
    struct actor actors[ACTORS_MOST];
};

enum { SIZE_COROUTINES, SIZE_THREADS, SIZE_ROUNDS, SIZE_KILLS, SIZE_TIMED };

/* What both models alter; theirs begin with OWN. */
enum {
    FULL,
    NO_PASS,
    NO_PASS_GONE,
    JOIN_THEN_ENTER,
    ENTER_BLINDLY,
    PASS_ALWAYS,
    OWN,
};
#define altered(x) explore_altered(x)

static int size(int which)
{
    return explore_case_now->sizes[which];
}

static int actors(void)
{
    return size(SIZE_COROUTINES) + size(SIZE_THREADS);
}

static bool same(struct value a, struct value b)
{
    return a.owner == b.owner && a.bits == b.bits;
}

struct step {
    struct state next;
    int i;
    struct explore *run;
};

static struct actor *me_of(struct step *step)
{
    return &step->next.actors[step->i];
}

static void done(struct step *step, const char *label)
{
    explore_step(step->run, &step->next, true, label);
}

static void go(struct step *step, enum place place, const char *label)
{
    me_of(step)->place = (uint8_t)place;
    done(step, label);
}

/* ---- the sleeper */
static bool sleeper_sleeps(const struct state *state); /* in the kernel, on the word */
static void sleeper_wake(struct state *state);
/* A coroutine has joined; `fresh`: the entry was not fresh before, so somebody must sleep on it. */
static void sleeper_join(struct state *state, struct value seen, bool fresh);
static void sleeper_leave(struct state *state); /* the last one has left */
static uint8_t *
sleeper_name(struct state *state); /* the holder in a value it has kept; or any zero */

/* ---- wakes. Each gives the states it may lead to, one after the other, to `then`. */

static void rouse_thread(struct state *state, int j)
{
    state->actors[j].place = LOOK;
    state->actors[j].flags |= SLEPT;
}

static bool sleeps_in_kernel(const struct actor *actor)
{
    return actor->place == ASLEEP && !(actor->flags & COROUTINE);
}

static bool lies_in_lot(const struct actor *actor)
{
    return actor->flags & COROUTINE && !(actor->flags & FIRED) &&
           (actor->place == JOIN || actor->place == ASLEEP);
}

static void fire(struct state *state, int j)
{
    struct actor *actor = &state->actors[j];
    actor->flags |= FIRED;
    if (actor->place == ASLEEP)
        actor->place = LEAVE;
}

typedef void next_step(struct step *step, bool found, const char *label);

/* FUTEX_WAKE(1). The coroutines' is one of the sleepers. */
static void kernel_wake(const struct step *from, next_step *then, const char *label)
{
    bool any = false;
    for (int j = 0; j < actors(); j++)
        if (sleeps_in_kernel(&from->next.actors[j])) {
            struct step step = *from;
            rouse_thread(&step.next, j);
            then(&step, true, label);
            any = true;
        }
    struct step step = *from;
    if (sleeper_sleeps(&step.next)) {
        sleeper_wake(&step.next);
        then(&step, true, label);
    } else if (!any) {
        then(&step, false, label);
    }
}

static void kernel_wake_all(struct state *state)
{
    for (int j = 0; j < actors(); j++)
        if (sleeps_in_kernel(&state->actors[j]))
            rouse_thread(state, j);
    if (sleeper_sleeps(state))
        sleeper_wake(state);
}

/* wait_unpark on the lot. */
static void local_wake(const struct step *from, next_step *then, const char *label)
{
    bool any = false;
    for (int j = 0; j < actors(); j++)
        if (lies_in_lot(&from->next.actors[j])) {
            struct step step = *from;
            fire(&step.next, j);
            then(&step, true, label);
            any = true;
        }
    struct step step = *from;
    if (!any)
        then(&step, false, label);
}

/* ---- an actor */

static void ends(struct step *step, const char *label)
{
    struct actor *me = me_of(step);
    uint8_t rounds = (uint8_t)(me->rounds + 1), kept = me->flags & (COROUTINE | TIMED);
    bool again = rounds < size(SIZE_ROUNDS);
    *me = (struct actor){.flags = kept, .rounds = again ? rounds : 0};
    go(step, again ? LOOK : GONE, label);
}

static enum place to_bed(const struct actor *me)
{
    if (!(me->flags & COROUTINE))
        return SLEEP;
    return altered(JOIN_THEN_ENTER) ? JOIN : ENTER;
}

static void look(struct step *step)
{
    struct actor *me = me_of(step);
    me->seen = step->next.word;
    if (me->seen.owner == NOBODY)
        go(step, TAKE, "sees it free");
    else if (me->flags & LEAVING)
        go(step, PASS_GONE, "tried once more, leaves");
    else if (!(me->seen.bits & W))
        go(step, MARK_W, "sees it held");
    else
        go(step, to_bed(me), "sees it held, with W");
}

static void take(struct step *step)
{
    struct state *next = &step->next;
    struct actor *me = me_of(step);
    if (!same(next->word, me->seen)) {
        go(step, LOOK, "take fails");
        return;
    }
    next->word.owner = (uint8_t)(step->i + 1);
    bool passes = me->flags & SLEPT && me->flags & COROUTINE && !altered(NO_PASS);
    me->flags &= (uint8_t) ~(SLEPT | LEAVING);
    go(step, passes ? PASS : INSIDE, "takes it");
}

static void mark_w(struct step *step)
{
    struct actor *me = me_of(step);
    if (!same(step->next.word, me->seen)) {
        go(step, LOOK, "setting W fails");
        return;
    }
    step->next.word.bits |= W;
    me->seen.bits |= W;
    go(step, to_bed(me), "sets W");
}

/* A coroutine's way to bed: into the lot, then the entry. */
static void enter(struct step *step)
{
    struct actor *me = me_of(step);
    if (!same(step->next.word, me->seen) && !altered(ENTER_BLINDLY)) {
        me->flags |= SLEPT;
        go(step, altered(JOIN_THEN_ENTER) ? LEAVE : LOOK, "the lot sees another value");
    } else {
        go(step, altered(JOIN_THEN_ENTER) ? ASLEEP : JOIN, "enters the lot");
    }
}

static void join(struct step *step)
{
    struct state *next = &step->next;
    struct actor *me = me_of(step);
    bool fresh = next->waiters == 0 || !next->fresh;
    next->waiters++;
    next->fresh = 1;
    next->joined = me->seen;
    sleeper_join(next, me->seen, fresh);
    enum place then = altered(JOIN_THEN_ENTER) ? ENTER : ASLEEP;
    go(step, me->flags & FIRED ? LEAVE : then, "joins the entry");
}

static void leave(struct step *step)
{
    struct actor *me = me_of(step);
    if (--step->next.waiters == 0)
        sleeper_leave(&step->next);
    me->flags &= (uint8_t)~FIRED;
    me->flags |= SLEPT;
    go(step, LOOK, "leaves the entry");
}

/* What the end of a coroutine's wait owes the others of its process. */
static void passed(struct step *step, bool found, const char *label)
{
    (void)found;
    if (me_of(step)->place == PASS)
        go(step, INSIDE, label);
    else
        ends(step, label);
}

static void pass(const struct step *from)
{
    struct step step = *from;
    bool owes = step.next.waiters && (!step.next.fresh || altered(PASS_ALWAYS));
    if (owes && !(altered(NO_PASS_GONE) && me_of(&step)->place == PASS_GONE))
        local_wake(&step, passed, "makes another one look");
    else
        passed(&step, false, "owes nobody a look");
}

static void after_wake(struct step *step, bool found, const char *label)
{
    if (found)
        ends(step, label);
    else
        go(step, CLEAR, label);
}

static void release(struct step *step)
{
    step->next.word = (struct value){NOBODY, step->next.word.bits & W};
    if (step->next.word.bits & W)
        go(step, WAKE, "releases");
    else
        ends(step, "releases");
}

static void die(struct step *step, bool found, const char *label)
{
    (void)found;
    (void)label;
    *me_of(step) = (struct actor){.place = DEAD};
    explore_step(step->run, &step->next, false, "killed");
}

/* What lock.c takes apart: the kernel marks the word, or wakes one for the pending word. */
static void kill_thread(const struct step *from)
{
    struct step step = *from;
    struct state *next = &step.next;
    next->kills++;
    me_of(&step)->place = DEAD;
    bool wakes = next->word.owner == NOBODY;
    if (next->word.owner == step.i + 1) {
        next->word = (struct value){NOBODY, next->word.bits | D};
        wakes = next->word.bits & W;
    }
    if (wakes)
        kernel_wake(&step, die, "killed");
    else
        die(&step, false, "killed");
}

/* A deadline or a cancel, which may also come in the instant of a wake. */
static void time_out(const struct step *from)
{
    struct step step = *from;
    struct actor *me = me_of(&step);
    if (!(me->flags & TIMED) || me->flags & LEAVING || (me->place != ASLEEP && me->place != LEAVE))
        return;
    me->flags |= LEAVING;
    go(&step, LEAVE, "deadline or cancel");
}

static void act(const struct state *state, int i, struct explore *run)
{
    struct step step = {.next = *state, .i = i, .run = run};
    time_out(&step);
    switch (state->actors[i].place) {
    case LOOK:
        look(&step);
        break;
    case TAKE:
        take(&step);
        break;
    case MARK_W:
        mark_w(&step);
        break;
    case SLEEP:
        go(&step, same(state->word, state->actors[i].seen) ? ASLEEP : LOOK, "to the kernel");
        break;
    case ENTER:
        enter(&step);
        break;
    case JOIN:
        join(&step);
        break;
    case LEAVE:
        leave(&step);
        break;
    case PASS:
    case PASS_GONE:
        pass(&step);
        break;
    case INSIDE:
        release(&step);
        break;
    case WAKE:
        kernel_wake(&step, after_wake, "wakes one in the kernel");
        break;
    case CLEAR:
        step.next.word.bits &= (uint8_t)~W;
        kernel_wake_all(&step.next);
        ends(&step, "clears W, wakes all in the kernel");
        break;
    default:
        break;
    }
}

/* ---- the model */

static void coroutines_start(struct state *state)
{
    *state = (struct state){0};
    for (int i = 0; i < ACTORS_MOST; i++) {
        state->actors[i].place = i < actors() ? LOOK : GONE;
        if (i < size(SIZE_COROUTINES))
            state->actors[i].flags = COROUTINE;
    }
    if (size(SIZE_TIMED))
        state->actors[0].flags |= TIMED;
}

static void coroutines_steps(const struct state *state, struct explore *run)
{
    for (int i = 0; i < actors(); i++) {
        const struct actor *me = &state->actors[i];
        if (me->place == GONE || me->place == DEAD)
            continue;
        struct step step = {.next = *state, .i = i, .run = run};
        if (!(me->flags & COROUTINE) && state->kills < size(SIZE_KILLS))
            kill_thread(&step);
        act(state, i, run);
    }
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < actors(); i++)
        if (state->actors[i].place == INSIDE && state->word.owner != i + 1)
            return "inside without being the holder";
    return NULL;
}

static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < actors(); i++)
        if (state->actors[i].place != GONE && state->actors[i].place != DEAD)
            return false;
    return true;
}

/* By everything but their numbers: coroutine i and the next one. */
static int order(struct state *state, int i)
{
    const struct actor *a = &state->actors[i], *b = a + 1;
    int keys[][2] = {
        {a->place, b->place},
        {a->flags, b->flags},
        {a->rounds, b->rounds},
        {a->seen.bits, b->seen.bits},
        {state->word.owner == i + 1, state->word.owner == i + 2},
        {state->joined.owner == i + 1, state->joined.owner == i + 2},
        {*sleeper_name(state) == i + 1, *sleeper_name(state) == i + 2},
        {a->seen.owner == state->word.owner, b->seen.owner == state->word.owner},
    };
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
        if (keys[k][0] != keys[k][1])
            return keys[k][0] - keys[k][1];
    return 0;
}

static void exchange(struct state *state, int i)
{
    struct actor kept = state->actors[i];
    uint8_t *names[3 + ACTORS_MOST] = {&state->word.owner, &state->joined.owner,
                                       sleeper_name(state)};
    for (int k = 0; k < ACTORS_MOST; k++)
        names[3 + k] = &state->actors[k].seen.owner;
    state->actors[i] = state->actors[i + 1];
    state->actors[i + 1] = kept;
    for (int k = 0; k < 3 + ACTORS_MOST; k++)
        if (*names[k] == i + 1)
            *names[k] = (uint8_t)(i + 2);
        else if (*names[k] == i + 2)
            *names[k] = (uint8_t)(i + 1);
}

/* Forgets what cannot matter any more, then sorts the coroutines that are alike. */
static void coroutines_normal(struct state *state)
{
    int first = size(SIZE_TIMED) ? 1 : 0, last = size(SIZE_COROUTINES) - 1;
    for (int i = 0; i < actors(); i++)
        if (state->actors[i].place == LOOK || state->actors[i].place >= ASLEEP)
            state->actors[i].seen = (struct value){0, 0};
    if (!state->waiters || !state->fresh)
        state->joined = (struct value){0, 0};
    if (!state->waiters)
        state->fresh = 0;
    for (int end = last; end > first; end--)
        for (int i = first; i < end; i++)
            if (order(state, i) > 0)
                exchange(state, i);
}

static void coroutines_print(const struct state *state, FILE *out)
{
    static const char *const names[] = {"look",   "take",   "mark_w", "sleep", "enter",
                                        "join",   "ASLEEP", "leave",  "pass",  "pass_gone",
                                        "INSIDE", "wake",   "clear",  "gone",  "DEAD"};
    fprintf(out, "[%d%s%s] entry %d%s saw %d%s:", state->word.owner,
            state->word.bits & W ? " W" : "", state->word.bits & D ? " D" : "", state->waiters,
            state->fresh ? " fresh" : "", state->joined.owner, state->joined.bits & W ? " W" : "");
    for (int i = 0; i < actors(); i++) {
        const struct actor *me = &state->actors[i];
        fprintf(out, " %s%d:%s%s%s", me->flags & COROUTINE ? "c" : "t", i + 1, names[me->place],
                me->flags & SLEPT ? "+s" : "", me->flags & FIRED ? "+fired" : "");
    }
}

#endif
