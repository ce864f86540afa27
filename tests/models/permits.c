/* Model of permits (src/sync/permits.c, docs/shared-memory-sync.md): all orders of their steps,
 * with kills. Two units; one thread wants both, the others one. The lock of the front is proven by
 * lock.c, so here it is one step to take it.
 *
 * What must hold: a unit is held by one, every unit is there again when all are gone, however they
 * went, and nobody sleeps for ever while there are enough. `listens` says how many units the front
 * listens to: with fewer than all, patrol finds the others. */
#include "explore.h"

enum { THREADS_MOST = 3, UNITS = 2, NOBODY = 0 };
enum { TIMED = 1, LEAVES = 2, ON_Z = 4 }; /* of flags; ON_Z: pending = Z */

enum place {
    FAST,     /* 1 */
    LINE,     /* 2 */
    LOOK,     /* 3 */
    LINK,     /* 5: has the word, not linked yet; pending = unit */
    ANNOUNCE, /* 4: W and S on */
    RECOUNT,  /* 4 */
    SLEEP,    /* 4: the kernel compares */
    ASLEEP,
    LEAVE,  /* 3: S off */
    UNLOCK, /* 3 */
    HAS,    /* 6: unlinks one; pending = unit */
    STORE,  /* 6: word = 0 */
    COVER,  /* 7: pending = Z */
    CLEAR,  /* 7: W off */
    WAKE,   /* 7 */
    GONE,
    DEAD,
};

struct thread {
    uint8_t place, flags, pending, linked, seen_z, seen[UNITS];
};

struct state {
    uint8_t owner, died, z, starves, kills, word[UNITS]; /* 0 free, else a thread + 1 */
    struct thread threads[THREADS_MOST];
};

enum { SIZE_THREADS, SIZE_LISTENS, SIZE_KILLS, SIZE_TIMED, SIZE_PATROL };

enum alter {
    NONE,
    NO_COVER_TAKE,
    NO_COVER_RELEASE,
    NO_COVER_WAKE,
    NO_RECOUNT,
    NO_COMPARE,
    NO_WAKE,
    LEAVE_WITH_S,
};

static int size(int which)
{
    return explore_case_now->sizes[which];
}

static int want(int i)
{
    return i == 0 ? UNITS : 1;
}

#include "step.h"

static int count_free(const struct state *state)
{
    return (state->word[0] == NOBODY) + (state->word[1] == NOBODY);
}

static int count_mine(const struct thread *me)
{
    return (me->linked & 1) + (me->linked >> 1 & 1);
}

static void wake_front(struct state *state)
{
    for (int j = 0; j < size(SIZE_THREADS); j++)
        if (state->threads[j].place == ASLEEP)
            state->threads[j].place = LOOK;
}

/* The front listens to the first so many of the units. */
static void wake_of_unit(struct state *state, int unit)
{
    if (unit < size(SIZE_LISTENS))
        wake_front(state);
}

static void die(const struct state *state, int i, struct explore *run)
{
    struct step step;
    struct thread was = *begin(&step, state, i, run);
    struct state *next = &step.next;
    if (state->kills == size(SIZE_KILLS))
        return;
    next->kills++;
    if (state->owner == i + 1) {
        next->owner = NOBODY;
        next->died = 1;
    }
    for (int u = 0; u < UNITS; u++) {
        bool listed = was.linked >> u & 1, pending = was.pending == u + 1;
        if (state->word[u] == i + 1 && (listed || pending)) {
            next->word[u] = NOBODY;
            wake_of_unit(next, u);
        } else if (pending && state->word[u] == NOBODY) {
            wake_of_unit(next, u);
        }
    }
    if (was.flags & ON_Z)
        wake_front(next);
    *step.me = (struct thread){.place = DEAD};
    explore_step(run, next, false, "killed");
}

/* 5, the first half: each free unit may be the one. */
static void take_one(const struct step *from, const char *label)
{
    for (int u = 0; u < UNITS; u++)
        if (from->next.word[u] == NOBODY) {
            struct step step = *from;
            step.me = &step.next.threads[step.i];
            step.next.word[u] = (uint8_t)(step.i + 1);
            step.me->seen[0] = (uint8_t)u;
            step.me->pending = explore_altered(NO_COVER_TAKE) ? 0 : (uint8_t)(u + 1);
            step.me->flags &= (uint8_t)~ON_Z;
            go(&step, LINK, label);
        }
}

static void look(struct step *step)
{
    struct thread *me = step->me;
    bool enough = count_free(&step->next) >= want(step->i) - count_mine(me);
    if (count_mine(me) == want(step->i))
        go(step, LEAVE, "3. has all");
    else if (enough)
        take_one(step, "5. takes one");
    else if (me->linked)
        go(step, HAS, "3. fewer were left: gives back");
    else if (me->flags & LEAVES)
        go(step, LEAVE, "deadline or cancel");
    else
        go(step, ANNOUNCE, "3. too few");
}

static void link_it(struct step *step)
{
    struct thread *me = step->me;
    me->linked |= (uint8_t)(1 << me->seen[0]);
    me->pending = me->seen[0] = 0;
    bool front = step->next.owner == step->i + 1;
    if (front)
        me->flags |= ON_Z;
    go(step, front ? LOOK : HAS, "5. links it");
}

static void wait_step(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    switch (me->place) {
    case ANNOUNCE:
        next->z = 1;
        next->starves |= want(step->i) > 1;
        me->seen_z = 1;
        memcpy(me->seen, next->word, sizeof me->seen);
        go(step, explore_altered(NO_RECOUNT) ? SLEEP : RECOUNT, "4. W and S on");
        break;
    case RECOUNT:
        memcpy(me->seen, next->word, sizeof me->seen);
        go(step, count_free(next) >= want(step->i) ? LOOK : SLEEP, "4. counts again");
        break;
    case SLEEP: {
        bool same = next->z == me->seen_z;
        for (int u = 0; u < size(SIZE_LISTENS); u++)
            same &= me->seen[u] == NOBODY || next->word[u] == me->seen[u];
        me->seen_z = me->seen[0] = me->seen[1] = 0;
        go(step, same || explore_altered(NO_COMPARE) ? ASLEEP : LOOK, "4. the kernel compares");
        break;
    }
    case LEAVE:
        if (!explore_altered(LEAVE_WITH_S))
            next->starves = 0;
        go(step, UNLOCK, "3. S off");
        break;
    default: /* UNLOCK */
        next->owner = NOBODY;
        me->flags &= (uint8_t)~ON_Z;
        go(step, me->linked ? HAS : GONE, "3. frees the lock");
    }
}

static void release_step(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    bool front = next->owner == step->i + 1;
    switch (me->place) {
    case HAS: {
        int u = me->linked & 1 ? 0 : 1;
        me->pending = explore_altered(NO_COVER_RELEASE) ? 0 : (uint8_t)(u + 1);
        me->flags &= (uint8_t)~ON_Z;
        me->seen[1] = (uint8_t)u;
        me->linked &= (uint8_t) ~(1 << u);
        go(step, STORE, "6. pending = unit, unlinks it");
        break;
    }
    case STORE:
        next->word[me->seen[1]] = NOBODY;
        me->seen[1] = 0;
        go(step, COVER, "6. word = 0");
        break;
    case COVER:
        me->pending = 0;
        if (!explore_altered(NO_COVER_WAKE))
            me->flags |= ON_Z;
        go(step, next->z && !explore_altered(NO_WAKE) ? CLEAR : WAKE, "7. pending = Z");
        break;
    case CLEAR:
        next->z = 0;
        me->seen_z = 1;
        go(step, WAKE, "7. W off");
        break;
    default: /* WAKE */
        if (me->seen_z)
            wake_front(next);
        me->seen_z = 0;
        if (!front)
            me->flags &= (uint8_t)~ON_Z;
        go(step, me->linked ? HAS : front ? LOOK : GONE, "7. wakes all of Z");
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    *state = (struct state){0};
    for (int i = 0; i < THREADS_MOST; i++) {
        state->threads[i].place = i < size(SIZE_THREADS) ? FAST : GONE;
        if (i < size(SIZE_TIMED))
            state->threads[i].flags = TIMED;
    }
}

static void other_steps(struct step *step, const struct state *state)
{
    struct thread *me = step->me;
    bool frees = count_free(state) >= want(step->i);
    switch (me->place) {
    case FAST:
        if (want(step->i) == 1 && !state->starves && count_free(state))
            take_one(step, "1. takes one");
        else
            go(step, LINE, "1. not at once");
        break;
    case LINE:
        if (state->owner != NOBODY)
            return;
        step->next.owner = (uint8_t)(step->i + 1);
        step->next.died = 0;
        me->flags |= ON_Z;
        go(step, LOOK, "2. becomes the front");
        break;
    default: /* ASLEEP */
        if (frees && size(SIZE_PATROL))
            go(step, LOOK, "patrol: there are enough");
        if (me->flags & TIMED) {
            begin(step, state, step->i, step->run)->flags |= LEAVES;
            go(step, LOOK, "deadline or cancel");
        }
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
        if (me->place == LOOK)
            look(&step);
        else if (me->place == LINK)
            link_it(&step);
        else if (me->place == FAST || me->place == LINE || me->place == ASLEEP)
            other_steps(&step, state);
        else
            (me->place < HAS ? wait_step : release_step)(&step);
    }
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    bool over = true;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        over &= me->place == GONE || me->place == DEAD;
        for (int u = 0; u < UNITS; u++)
            if (me->linked >> u & 1 && state->word[u] != i + 1)
                return "linked, and another's";
    }
    return over && count_free(state) != UNITS ? "a unit is lost" : NULL;
}

static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_THREADS); i++)
        if (state->threads[i].place != GONE && state->threads[i].place != DEAD)
            return false;
    return true;
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {"fast",  "line",   "look",  "link",   "announce", "recount",
                                        "sleep", "ASLEEP", "leave", "unlock", "has",      "store",
                                        "cover", "clear",  "wake",  "gone",   "DEAD"};
    const struct state *state = bytes;
    fprintf(out, "[units %d %d%s%s; front %d%s]", state->word[0], state->word[1],
            state->z ? " W" : "", state->starves ? " S" : "", state->owner,
            state->died ? " D" : "");
    for (int i = 0; i < size(SIZE_THREADS); i++)
        fprintf(out, " %d:%s%s", i + 1, names[state->threads[i].place],
                state->threads[i].flags & ON_Z ? "+z"
                : state->threads[i].pending    ? "+p"
                                               : "");
}

static const struct explore_case cases[] = {
    /* threads, units the front listens to, kills, with a deadline, patrol */
    {"3 threads", {3, 2, 0, 0, 0}, false},
    {"1 kill", {3, 2, 1, 0, 0}, false},
    {"deadline, 1 kill", {3, 2, 1, 1, 0}, false},
    {"2 kills", {3, 2, 2, 1, 0}, false},
    {"half heard, no kill", {3, 0, 0, 0, 0}, false},
    {"half heard, 2 kills", {3, 1, 2, 1, 1}, false},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_COVER_TAKE, "1 kill", "5 without cover"},
    {NO_COVER_RELEASE, "1 kill", "6 without cover"},
    {NO_COVER_WAKE, "1 kill", "7 without cover"},
    {NO_RECOUNT, "half heard, no kill", "4 does not count again"},
    {NO_COMPARE, "3 threads", "4 without the kernel's compare"},
    {NO_WAKE, "half heard, no kill", "7 left out"},
    {0},
};

static const struct explore_variant harmless[] = {
    {LEAVE_WITH_S, "2 kills", "3 leaves S on: the next comes by the line, and takes it off"},
    {0},
};

EXPLORE_MAIN("permits", .wrong = wrong)
