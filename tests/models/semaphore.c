/* Model of the shared semaphore (src/sync/shared_semaphore.c, docs/shared-memory-sync.md): all
 * orders of its steps, with kills, without patrol.
 *
 * What is modelled: the two words that change together (units, S, and Z's W and C), the lock of the
 * front, each thread's pending word. The lock itself is proven by lock.c, so here it is one step to
 * take it, possible whenever it is free. A thread may be killed before each of its steps; the
 * kernel frees its lock with D and wakes one sleeper of Z if that was pending.
 *
 * What must hold: nobody sleeps for ever although there are units for him, and no unit is made or
 * lost but those that a dead one had. Some threads take by a select's case, which never becomes the
 * front. With cases patrol is needed: who wakes up on Z wakes the others only if W is off, since
 * two who cannot go on would wake each other for ever, and W may have been put on again
 * meanwhile. */
#include "explore.h"

enum { THREADS_MOST = 4, NOBODY = 0 };
enum { W = 1, C = 2 };                                /* of `z` */
enum { COVERED = 1, TIMED = 2, HAS = 4, LEAVES = 8 }; /* of flags */

enum place {
    FAST,   /* 1 */
    LINE,   /* 2: waits for the lock of the front */
    REPAIR, /* 3: told of a dead front */
    COVER,  /* 4 */
    LOOK,   /* 5 and 6 */
    SLEEP,  /* 6: the kernel compares */
    ASLEEP,
    REWAKE,    /* 7 */
    TAKEN,     /* 5: has its units or leaves, wakes whom S kept away */
    UNCOVER,   /* 8 */
    UNLOCK,    /* 8 */
    CASE,      /* a case's attempt and words */
    R_COVER,   /* 9 */
    R_ADD,     /* 10 */
    R_WAKE,    /* 11 */
    R_SPLIT,   /* (second half of 10 where a variant takes it apart) */
    R_UNCOVER, /* 12 */
    GONE,
    DEAD,
};

struct thread {
    uint8_t place, flags, seen, rounds, seen_units;
};

struct state {
    uint8_t owner, died, units, starves, z, kills, lost, unused;
    struct thread threads[THREADS_MOST];
};

enum {
    SIZE_THREADS,
    SIZE_CASES,
    SIZE_UNITS,
    SIZE_WANT,
    SIZE_ROUNDS,
    SIZE_KILLS,
    SIZE_TIMED,
    SIZE_PATROL
};

enum alter {
    NONE,
    NO_COVER_RELEASE,
    NO_COVER_FRONT,
    NO_W,
    NO_COMPARE,
    COMPARE_Z_ONLY,
    KEEP_W,
    ADD_THEN_CLEAR,
    NO_WAKE,
    WAKE_ONE,
    NO_REWAKE,
    NO_REPAIR,
    NO_S_WAKE,
    LEAVE_WITH_S,
    NO_C,
    UNCOVER_EARLY,
};

static int size(int which)
{
    return explore_case_now->sizes[which];
}

static bool is_case(int i)
{
    return i < size(SIZE_CASES);
}

/* The first thread that is no case wants many, the others one. */
static int want(int i)
{
    return i == size(SIZE_CASES) ? size(SIZE_WANT) : 1;
}

#include "step.h"

static void rouse(struct state *state, int j)
{
    state->threads[j].place = explore_altered(NO_REWAKE) ? (is_case(j) ? CASE : LOOK) : REWAKE;
}

static void wake_all(struct state *state)
{
    for (int j = 0; j < size(SIZE_THREADS); j++)
        if (state->threads[j].place == ASLEEP)
            rouse(state, j);
}

/* The kernel wakes one sleeper, whichever; a copy of the state for each. */
static void wake_one(const struct step *from, bool progress, const char *label)
{
    bool any = false;
    for (int j = 0; j < size(SIZE_THREADS); j++)
        if (from->next.threads[j].place == ASLEEP) {
            struct state next = from->next;
            rouse(&next, j);
            explore_step(from->run, &next, progress, label);
            any = true;
        }
    if (!any)
        explore_step(from->run, &from->next, progress, label);
}

static void die(const struct state *state, int i, struct explore *run)
{
    struct step step;
    struct thread *me = begin(&step, state, i, run);
    bool covered = me->flags & COVERED;
    if (state->kills == size(SIZE_KILLS))
        return;
    step.next.kills++;
    if (me->flags & HAS)
        step.next.lost = (uint8_t)(state->lost + want(i));
    if (state->owner == i + 1) {
        step.next.owner = NOBODY;
        step.next.died = 1;
    }
    *me = (struct thread){.place = DEAD};
    if (covered)
        wake_one(&step, false, "killed; the kernel wakes one");
    else
        explore_step(run, &step.next, false, "killed");
}

/* S goes with the front; whom it kept away is woken by the same change. */
static bool take_s_off(struct state *next)
{
    bool wakes = next->starves && next->z & W;
    next->starves = 0;
    if (wakes && !explore_altered(NO_S_WAKE))
        next->z &= (uint8_t)~W;
    return wakes && !explore_altered(NO_S_WAKE);
}

static bool is_open(const struct state *state, int i, bool front)
{
    return state->units >= want(i) && (front || !state->starves);
}

static void take(struct step *step)
{
    step->next.units = (uint8_t)(step->next.units - want(step->i));
    step->me->flags |= HAS;
}

static void announce(struct state *next, bool one_of_many)
{
    if (!explore_altered(NO_W))
        next->z |= W;
    if (one_of_many && !explore_altered(NO_C))
        next->z |= C;
}

/* 5 and 6, each one compare-and-swap. */
static void front_looks(struct step *step)
{
    struct state *next = &step->next;
    if (is_open(next, step->i, true)) {
        take(step);
        go(step, take_s_off(next) ? TAKEN : UNCOVER, "5. the front takes");
        return;
    }
    if (step->me->flags & LEAVES) {
        bool wakes = !explore_altered(LEAVE_WITH_S) && take_s_off(next);
        go(step, wakes ? TAKEN : UNCOVER, "5. the front leaves");
        return;
    }
    announce(next, false);
    next->starves |= want(step->i) > 1;
    step->me->seen = next->z;
    step->me->seen_units = next->units;
    go(step, SLEEP, "6. announces itself");
}

/* A case looks and announces itself; where a dead front left S it mends first. */
static void case_looks(struct step *step)
{
    struct state *next = &step->next;
    if (is_open(next, step->i, false)) {
        take(step);
        go(step, R_COVER, "a case takes");
    } else if (step->me->flags & LEAVES) {
        go(step, GONE, "a case leaves");
    } else if (next->died && next->owner == NOBODY) {
        next->owner = (uint8_t)(step->i + 1);
        go(step, REPAIR, "a case finds a dead front");
    } else {
        announce(next, true);
        step->me->seen = next->z;
        step->me->seen_units = next->units;
        go(step, SLEEP, "a case announces itself");
    }
}

static void line(struct step *step)
{
    struct state *next = &step->next;
    if (step->me->flags & TIMED) {
        struct step leave;
        begin(&leave, next, step->i, step->run);
        go(&leave, GONE, "2. leaves the line");
    }
    if (next->owner != NOBODY)
        return;
    next->owner = (uint8_t)(step->i + 1);
    go(step, next->died ? REPAIR : COVER, "2. becomes the front");
}

/* 3: the mend and S off; a second death in between leaves D. */
static void repair(struct step *step)
{
    struct state *next = &step->next;
    step->me->flags |= COVERED;
    bool wakes = !explore_altered(NO_REPAIR) && take_s_off(next);
    next->died = 0;
    go(step, wakes ? REWAKE : is_case(step->i) ? UNCOVER : LOOK, "3. takes S off");
}

static void rewake(struct step *step)
{
    bool fronts = step->next.owner == step->i + 1;
    if (!(step->next.z & W) && step->next.z & C)
        wake_all(&step->next);
    go(step, is_case(step->i) ? (fronts ? UNCOVER : CASE) : LOOK, "7. wakes the others of Z");
}

static void asleep(const struct state *state, int i, struct explore *run)
{
    struct step step;
    if (state->threads[i].flags & TIMED) {
        begin(&step, state, i, run)->flags |= LEAVES;
        go(&step, REWAKE, "deadline or cancel");
    }
    bool mends = state->starves && state->died && state->owner == NOBODY;
    bool opens = size(SIZE_PATROL) == 2 && is_open(state, i, state->owner == i + 1);
    if (opens || (mends && size(SIZE_PATROL))) {
        begin(&step, state, i, run);
        go(&step, REWAKE, "patrol");
    }
}

static void sleep_on_it(struct step *step)
{
    bool same = step->next.z == step->me->seen || explore_altered(NO_COMPARE);
    same &= step->next.units == step->me->seen_units || explore_altered(COMPARE_Z_ONLY);
    step->me->seen = step->me->seen_units = 0;
    go(step, same ? ASLEEP : is_case(step->i) ? CASE : LOOK, "6. the kernel compares");
}

static void acquire(struct step *step)
{
    struct thread *me = step->me;
    switch (me->place) {
    case FAST:
        if (is_case(step->i))
            go(step, CASE, "selects");
        else if (is_open(&step->next, step->i, false))
            take(step), go(step, R_COVER, "1. takes");
        else
            go(step, LINE, "1. too few");
        break;
    case COVER:
        if (!explore_altered(NO_COVER_FRONT))
            me->flags |= COVERED;
        go(step, LOOK, "4. pending = Z");
        break;
    case TAKEN:
        wake_all(&step->next);
        go(step, UNCOVER, "5. wakes whom S kept away");
        break;
    case UNCOVER:
        me->flags &= (uint8_t)~COVERED;
        go(step, UNLOCK, "8. pending = NULL");
        break;
    default: /* UNLOCK */
        step->next.owner = NOBODY;
        go(step, me->flags & HAS ? R_COVER : is_case(step->i) ? CASE : GONE, "8. frees the lock");
    }
}

static void add(struct step *step)
{
    struct state *next = &step->next;
    bool wakes = next->z & W;
    next->units = (uint8_t)(next->units + want(step->i));
    step->me->flags &= (uint8_t)~HAS;
    if (explore_altered(ADD_THEN_CLEAR)) {
        step->me->seen = next->z & W;
        go(step, R_SPLIT, "10. adds");
        return;
    }
    if (wakes && !explore_altered(KEEP_W))
        next->z &= (uint8_t)~W;
    if (explore_altered(UNCOVER_EARLY))
        step->me->flags &= (uint8_t)~COVERED;
    go(step, wakes && !explore_altered(NO_WAKE) ? R_WAKE : R_UNCOVER, "10. adds, W off");
}

static void release(struct step *step)
{
    struct thread *me = step->me;
    switch (me->place) {
    case R_COVER:
        if (!explore_altered(NO_COVER_RELEASE))
            me->flags |= COVERED;
        go(step, R_ADD, "9. pending = Z");
        break;
    case R_ADD:
        add(step);
        break;
    case R_SPLIT:
        if (me->seen)
            step->next.z &= (uint8_t)~W;
        go(step, me->seen ? R_WAKE : R_UNCOVER, "10. W off");
        break;
    case R_WAKE:
        me->seen = 0;
        if (explore_altered(WAKE_ONE)) {
            me->place = R_UNCOVER;
            wake_one(step, true, "11. wakes one");
            break;
        }
        wake_all(&step->next);
        go(step, R_UNCOVER, "11. wakes all of Z");
        break;
    default: /* R_UNCOVER */
        *me = (struct thread){.flags = me->flags & TIMED, .rounds = (uint8_t)(me->rounds + 1)};
        go(step, me->rounds < size(SIZE_ROUNDS) ? FAST : GONE, "12. pending = NULL");
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    *state = (struct state){.units = (uint8_t)size(SIZE_UNITS)};
    for (int i = 0; i < THREADS_MOST; i++) {
        state->threads[i].place = i < size(SIZE_THREADS) ? FAST : GONE;
        if (i >= size(SIZE_THREADS) - size(SIZE_TIMED))
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
        if (me->place == ASLEEP)
            asleep(state, i, run);
        else if (me->place == SLEEP)
            sleep_on_it(&step);
        else if (me->place == LINE)
            line(&step);
        else if (me->place == REPAIR)
            repair(&step);
        else if (me->place == LOOK)
            front_looks(&step);
        else if (me->place == CASE)
            case_looks(&step);
        else if (me->place == REWAKE)
            rewake(&step);
        else if (me->place < CASE)
            acquire(&step);
        else
            release(&step);
    }
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    int all = state->units + state->lost;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        all += me->flags & HAS ? want(i) : 0;
        if (me->place == GONE && me->flags & COVERED)
            return "the cover outlives its call";
        if (me->place == GONE && state->owner == i + 1)
            return "gone with the lock";
    }
    return all == size(SIZE_UNITS) ? NULL : "a unit was made or lost";
}

/* It is right that nothing happens when all who are left wait for units that are not there, or
 * behind such a one. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        bool fronts = state->owner == i + 1;
        if (me->place == GONE || me->place == DEAD)
            continue;
        if (me->place == LINE && state->owner != NOBODY)
            continue;
        if (me->place != ASLEEP || is_open(state, i, fronts) ||
            (state->starves && state->owner == NOBODY))
            return false;
    }
    return true;
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {"fast",    "line",      "repair",  "cover", "look",
                                        "sleep",   "ASLEEP",    "rewake",  "taken", "uncover",
                                        "unlock",  "case",      "r_cover", "r_add", "r_wake",
                                        "r_split", "r_uncover", "gone",    "DEAD"};
    const struct state *state = bytes;
    fprintf(out, "[%d%s%s%s; front %d%s]", state->units, state->starves ? " S" : "",
            state->z & W ? " W" : "", state->z & C ? " C" : "", state->owner,
            state->died ? " D" : "");
    for (int i = 0; i < size(SIZE_THREADS); i++)
        fprintf(out, " %d:%s%s%s", i + 1, names[state->threads[i].place],
                state->threads[i].flags & COVERED ? "+c" : "",
                state->threads[i].flags & HAS ? "+u" : "");
}

static const struct explore_case cases[] = {
    /* threads, cases of them, units, wanted by the first other, rounds, kills, how many have a
     * deadline, patrol (1: mends S, 2: looks for units) */
    {"3 threads", {3, 0, 1, 1, 2, 0, 1, 0}, false},
    {"1 kill", {3, 0, 1, 1, 2, 1, 1, 0}, false},
    {"many, 1 kill", {3, 0, 2, 2, 2, 1, 1, 0}, false},
    {"case, many", {3, 1, 2, 2, 2, 0, 2, 0}, false},
    {"case, 1 kill", {3, 1, 1, 1, 2, 1, 1, 0}, false},
    {"case, many, 1 kill", {3, 1, 3, 2, 2, 1, 1, 2}, false},
    {"2 cases, 1 kill", {3, 2, 2, 1, 2, 1, 1, 0}, false},
    {"2 cases, many", {4, 2, 3, 2, 1, 0, 1, 0}, false},
    {"2 kills, patrol", {4, 2, 3, 2, 1, 2, 1, 2}, false},
    {"3 kills, no cases", {4, 0, 2, 2, 2, 3, 2, 0}, false},
    {"3 kills, patrol", {4, 1, 3, 2, 2, 3, 2, 2}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_COVER_RELEASE, "1 kill", "9 left out: a release without cover"},
    {UNCOVER_EARLY, "1 kill", "12 before 11"},
    {NO_W, "3 threads", "6 without W"},
    {NO_COMPARE, "3 threads", "6 without the kernel's compare of Z"},
    {COMPARE_Z_ONLY, "2 cases, many", "6 without the kernel's compare of the units"},
    {NO_WAKE, "3 threads", "11 left out"},
    {NO_REWAKE, "case, 1 kill", "7 left out"},
    {NO_C, "case, 1 kill", "cases without C"},
    {NO_REPAIR, "case, many, 1 kill", "3 leaves S on"},
    {LEAVE_WITH_S, "case, many", "a front that leaves keeps S"},
    {0},
};

/* The first two: patrol finds out, 20 ms later. */
static const struct explore_variant harmless[] = {
    {NO_COVER_FRONT, "case, many, 1 kill", "4 left out: a front without cover"},
    {NO_S_WAKE, "case, many, 1 kill", "5 wakes nobody whom S kept away"},
    {KEEP_W, "1 kill", "10 keeps W: each release from now on makes a system call"},
    {ADD_THEN_CLEAR, "1 kill", "10 in two steps: but then it touches the object late"},
    {WAKE_ONE, "2 cases, 1 kill", "11 wakes one, since 7 wakes the others"},
    {0},
};

EXPLORE_MAIN("semaphore", .wrong = wrong)
