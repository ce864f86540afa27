/* Model of the helper (src/wait/helper.c): coroutines of one process at a shared lock, together
 * with threads of another process. The lock's own steps are lock.c's, in a shorter form: a
 * thread's cover is taken as given, and its death is one step.
 *
 * What is modelled beside the word: the lot (which coroutines lie in it), the helper's entry for
 * the word (how many wait, the value they saw), its doorbell, and whether it is in the kernel.
 * The kernel knows the helper as one sleeper, whoever stands behind it.
 *
 * What must hold: never two inside, and never stuck, without any patrol. */
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

enum helper_place { H_LISTEN, H_COLLECT, H_SLEEP, H_ASLEEP, H_LOOK, H_SERVE, H_PASS_ON };

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
    uint8_t rung;    /* the doorbell, since the helper last read it */
    uint8_t waiters; /* of the entry */
    uint8_t fresh;   /* nobody was served since the last one joined: the helper may sleep on it */
    struct value joined; /* what the last one saw */
    uint8_t helper, armed, woken;
    struct value sleeps_on; /* when armed */
    struct actor actors[ACTORS_MOST];
};

enum { SIZE_COROUTINES, SIZE_THREADS, SIZE_ROUNDS, SIZE_KILLS, SIZE_TIMED };

enum alter {
    FULL,
    NO_PASS,
    NO_PASS_GONE,
    NO_PASS_ON,
    NO_RING,
    NO_LOOK,
    STAYS_FRESH,
    REFRESHED,
    COLLECT_THEN_LISTEN,
    JOIN_THEN_ENTER,
    ENTER_BLINDLY,
    PASS_ALWAYS,
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

/* ---- wakes. Each gives the states it may lead to, one after the other, to `then`. */

static void rouse_thread(struct state *state, int j)
{
    state->actors[j].place = LOOK;
    state->actors[j].flags |= SLEPT;
}

static void rouse_helper(struct state *state)
{
    state->helper = H_LOOK;
    state->woken = 1;
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

/* FUTEX_WAKE(1). The helper is one of the sleepers. */
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
    if (step.next.helper == H_ASLEEP && step.next.armed) {
        rouse_helper(&step.next);
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
    if (state->helper == H_ASLEEP && state->armed)
        rouse_helper(state);
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
    bool rings = next->waiters == 0 || !next->fresh;
    next->waiters++;
    next->fresh = 1;
    next->joined = me->seen;
    if (rings && !altered(NO_RING)) {
        next->rung = 1;
        if (next->helper == H_ASLEEP)
            next->helper = H_LOOK;
    }
    enum place then = altered(JOIN_THEN_ENTER) ? ENTER : ASLEEP;
    go(step, me->flags & FIRED ? LEAVE : then, "joins the entry");
}

static void leave(struct step *step)
{
    struct actor *me = me_of(step);
    step->next.waiters--;
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

/* ---- the helper */

static void served(struct step *step, bool found, const char *label)
{
    step->next.helper = found || altered(NO_PASS_ON) ? H_LISTEN : H_PASS_ON;
    done(step, label);
}

static void passed_on(struct step *step, bool found, const char *label)
{
    (void)found;
    step->next.helper = H_LISTEN;
    done(step, label);
}

static void collect(struct step *step)
{
    struct state *next = &step->next;
    next->armed = next->waiters > 0 && next->fresh;
    next->sleeps_on = next->armed ? next->joined : (struct value){0, 0};
    next->helper = altered(COLLECT_THEN_LISTEN) ? H_LISTEN : H_SLEEP;
    done(step, "helper: collects");
}

static void listen(struct step *step)
{
    step->next.rung = 0;
    step->next.helper = altered(COLLECT_THEN_LISTEN) ? H_SLEEP : H_COLLECT;
    done(step, "helper: reads the doorbell");
}

static void helper_sleep(struct step *step)
{
    struct state *next = &step->next;
    bool stale = next->rung || (next->armed && !same(next->word, next->sleeps_on));
    next->helper = stale ? H_LOOK : H_ASLEEP;
    done(step, stale ? "helper: the kernel sees another value" : "helper: sleeps");
}

static void helper_look(struct step *step)
{
    struct state *next = &step->next;
    bool changed = next->waiters && next->fresh && !same(next->word, next->joined);
    if (altered(NO_LOOK))
        changed = false;
    changed |= next->woken;
    next->woken = 0;
    if (changed && !altered(STAYS_FRESH) && !altered(REFRESHED))
        next->fresh = 0;
    if (changed && altered(REFRESHED))
        next->joined = next->word;
    next->helper = changed ? H_SERVE : altered(COLLECT_THEN_LISTEN) ? H_COLLECT : H_LISTEN;
    done(step, "helper: looks");
}

static void helper(const struct state *state, struct explore *run)
{
    struct step step = {.next = *state, .run = run};
    switch (state->helper) {
    case H_LISTEN:
        listen(&step);
        break;
    case H_COLLECT:
        collect(&step);
        break;
    case H_SLEEP:
        helper_sleep(&step);
        break;
    case H_LOOK:
        helper_look(&step);
        break;
    case H_SERVE:
        local_wake(&step, served, "helper: wakes one in the lot");
        break;
    case H_PASS_ON:
        kernel_wake(&step, passed_on, "helper: passes the wake on");
        break;
    default:
        break;
    }
}

/* ---- the model */

static void start(void *bytes)
{
    struct state *state = bytes;
    *state = (struct state){0};
    for (int i = 0; i < ACTORS_MOST; i++) {
        state->actors[i].place = i < actors() ? LOOK : GONE;
        if (i < size(SIZE_COROUTINES))
            state->actors[i].flags = COROUTINE;
    }
    if (size(SIZE_TIMED))
        state->actors[0].flags |= TIMED;
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    helper(state, run);
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
static int order(const struct state *state, int i)
{
    const struct actor *a = &state->actors[i], *b = a + 1;
    int keys[][2] = {
        {a->place, b->place},
        {a->flags, b->flags},
        {a->rounds, b->rounds},
        {a->seen.bits, b->seen.bits},
        {state->word.owner == i + 1, state->word.owner == i + 2},
        {state->joined.owner == i + 1, state->joined.owner == i + 2},
        {state->sleeps_on.owner == i + 1, state->sleeps_on.owner == i + 2},
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
                                       &state->sleeps_on.owner};
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

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {"look",   "take",   "mark_w", "sleep", "enter",
                                        "join",   "ASLEEP", "leave",  "pass",  "pass_gone",
                                        "INSIDE", "wake",   "clear",  "gone",  "DEAD"};
    static const char *const helpers[] = {"listen", "collect", "sleep",  "ASLEEP",
                                          "look",   "serve",   "pass_on"};
    const struct state *state = bytes;
    fprintf(out, "[%d%s%s] entry %d%s saw %d%s, helper %s%s on %d%s:", state->word.owner,
            state->word.bits & W ? " W" : "", state->word.bits & D ? " D" : "", state->waiters,
            state->fresh ? " fresh" : "", state->joined.owner, state->joined.bits & W ? " W" : "",
            helpers[state->helper], state->armed ? "" : " (unarmed)", state->sleeps_on.owner,
            state->sleeps_on.bits & W ? " W" : "");
    for (int i = 0; i < actors(); i++) {
        const struct actor *me = &state->actors[i];
        fprintf(out, " %s%d:%s%s%s", me->flags & COROUTINE ? "c" : "t", i + 1, names[me->place],
                me->flags & SLEPT ? "+s" : "", me->flags & FIRED ? "+fired" : "");
    }
}

/* Forgets what cannot matter any more, then sorts the coroutines that are alike. */
static void normal(void *bytes)
{
    struct state *state = bytes;
    int first = size(SIZE_TIMED) ? 1 : 0, last = size(SIZE_COROUTINES) - 1;
    for (int i = 0; i < actors(); i++)
        if (state->actors[i].place == LOOK || state->actors[i].place >= ASLEEP)
            state->actors[i].seen = (struct value){0, 0};
    if (!state->waiters || !state->fresh)
        state->joined = (struct value){0, 0};
    if (!state->waiters)
        state->fresh = 0;
    if (state->helper != H_SLEEP)
        state->sleeps_on = (struct value){0, 0};
    for (int end = last; end > first; end--)
        for (int i = first; i < end; i++)
            if (order(state, i) > 0)
                exchange(state, i);
}

static const struct explore_model model = {
    .name = "helper",
    .size = sizeof(struct state),
    .start = start,
    .steps = steps,
    .normal = normal,
    .wrong = wrong,
    .rests = rests,
    .print = print,
};

static const struct explore_case cases[] = {
    {"2 coroutines", {2, 0, 2, 0, 0}, false},
    {"3 coroutines", {3, 0, 1, 0, 0}, false},
    {"2 and 1 thread", {2, 1, 1, 0, 0}, false},
    {"2 and 1 thread, twice", {2, 1, 2, 0, 0}, true},
    {"3 and 1 thread", {3, 1, 1, 0, 0}, false},
    {"3 and 1 killed", {3, 1, 1, 1, 0}, false},
    {"2 and 1 killed, deadline", {2, 1, 1, 1, 1}, false},
    {"2 and 2, deadline", {2, 2, 1, 0, 1}, false},
    {"2 and 1, twice, deadline", {2, 1, 2, 1, 1}, true},
    {"3 and 1 killed, deadline", {3, 1, 1, 1, 1}, true},
    {"2 and 2 killed", {2, 2, 1, 2, 0}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_PASS, "3 coroutines", "who takes it makes nobody else look"},
    {NO_PASS_GONE, "2 and 2, deadline", "who leaves without it makes nobody else look"},
    {NO_PASS_ON, "2 and 1 killed, deadline", "helper: keeps a wake that nobody here needs"},
    {NO_RING, "2 coroutines", "nobody rings"},
    {NO_LOOK, "3 coroutines", "helper: does not look at a value that changed"},
    {REFRESHED, "3 and 1 thread", "helper: goes on with the value it sees itself"},
    {COLLECT_THEN_LISTEN, "2 coroutines", "helper: collects, then reads the doorbell"},
    {JOIN_THEN_ENTER, "3 coroutines", "joins the entry, then enters the lot"},
    {0},
};

static const struct explore_variant harmless[] = {
    {STAYS_FRESH, "3 and 1 thread", "helper: the entry stays fresh when one was served"},
    {ENTER_BLINDLY, "3 coroutines", "the lot does not compare"},
    {PASS_ALWAYS, "3 coroutines", "passes though the helper sleeps on the word"},
    {0},
};

int main(int argc, char **argv)
{
    return explore_main(argc, argv, &model, cases, variants, harmless);
}
