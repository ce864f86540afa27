/* Model of a pool's calls for workers (src/pool/worker.c, queue.c, submit.c; help.c for jobs that
 * block): all orders of the steps of submitters and workers.
 *
 * What is modelled: how many jobs lie in the lane, taken from it without the pool's lock; under the
 * lock how many workers are alive, rest, and are blocked in a job; `looks`, and the two words that
 * are read without the lock, `slowly` and `lends`; each worker's word and its sleep; calls that are
 * decided under the lock and done behind it. A job ends at once, computes for ever, or waits until
 * all jobs have begun. Reads are in order; a stale one is a later look of the same worker.
 *
 * What must hold: no job waits for ever while fewer than `size` run and one more could. */
#include "explore.h"

enum { WORKERS_MOST = 4, SUBMITTERS_MOST = 2, THREADS_MOST = WORKERS_MOST + SUBMITTERS_MOST };
enum { SIZE_POOL, SIZE_MOST, SIZE_ALIVE, SIZE_KINDS, SIZE_LINGERS, SIZE_SUBMITS };
enum { ENDS = 1, COMPUTES = 2, BLOCKS = 4 }; /* of SIZE_KINDS: what a job may be */

enum place {
    BEGIN, /* a submitter's */
    PUSH,
    QUICK, /* a worker's without the lock: looks at `slowly` */
    POP,
    LENDS,
    WAITING,
    ANOTHER, /* wants the lock, to call another */
    SLOW,    /* wants the lock */
    DECIDE,
    TAKEN, /* a job, under the lock */
    LOOK,
    LOOKING,
    LOOKED,
    AGAIN, /* nothing was seen */
    REST,
    ASLEEP,
    LATE,    /* nobody wanted it for a second: wants the lock */
    LEAVING, /* wants it once more */
    LEAVES,
    CALL, /* under the lock: one more for a job that waits */
    UNLOCK,
    WAKE,
    JOB,
    BLOCKING,
    BLOCKED,
    GOES_ON,
    COMPUTING,
    COMES, /* not started yet */
    GONE,
};

struct thread {
    uint8_t place, then, word, awaited, lingers, wakes, starts; /* wakes: whom, + 1 */
};

struct state {
    uint8_t owner, lane, alive, resting, blocked;
    uint8_t idle; /* a bit for each worker */
    bool looks, slowly, lends;
    struct thread threads[THREADS_MOST];
    uint8_t jobs[SUBMITTERS_MOST]; /* to be submitted */
};

enum alter {
    FULL,
    SUBMIT_SILENT,
    TAKER_SILENT,
    BLOCK_SILENT,
    LEAVE_SILENT,
    NO_LENDS,
    LENDS_OLD,
    LOOKS_STAYS,
    NO_AGAIN,
    NO_WORD,
    UNCOUNTED,
    LOOKS_ALL,
};
#define altered(x) explore_altered(x)

static int size(int which)
{
    return explore_case_now->sizes[which];
}

#include "step.h"

static int running(const struct state *state)
{
    return state->alive - state->blocked - state->resting;
}

static bool may_call(const struct state *state)
{
    return running(state) < size(SIZE_POOL) && (state->idle || state->alive < size(SIZE_MOST));
}

/* pool_changed */
static void changed(struct state *next)
{
    next->slowly = running(next) > size(SIZE_POOL);
    if (!altered(LENDS_OLD))
        next->lends = may_call(next) && !next->looks;
}

static bool lock(struct step *step)
{
    if (step->next.owner)
        return false;
    step->next.owner = (uint8_t)(step->i + 1);
    return true;
}

static void call_then(struct step *step, enum place then, const char *label)
{
    step->me->then = (uint8_t)then;
    go(step, CALL, label);
}

static void unlock_then(struct step *step, enum place then, const char *label)
{
    step->me->then = (uint8_t)then;
    go(step, UNLOCK, label);
}

/* ---- calling */

static int unborn(const struct state *state)
{
    for (int i = 0; i < WORKERS_MOST; i++)
        if (state->threads[i].place == GONE)
            return i;
    return -1;
}

/* pool_call_worker: the last one to rest, here any. */
static void call(struct step *step)
{
    struct state *next = &step->next;
    bool wanted = (!next->looks || altered(LOOKS_ALL)) && next->lane && may_call(next);
    if (!wanted) {
        go(step, UNLOCK, "calls nobody");
        return;
    }
    for (int i = 0; i < WORKERS_MOST; i++)
        if (next->idle >> i & 1) {
            struct step one = *step;
            one.me = &one.next.threads[one.i];
            one.next.idle &= (uint8_t) ~(1 << i);
            one.next.resting--;
            one.next.threads[i].word = 1;
            one.me->wakes = (uint8_t)(i + 1);
            changed(&one.next);
            go(&one, UNLOCK, "calls one that rests");
        }
    int i = unborn(next);
    if (next->idle || i < 0 || next->alive >= size(SIZE_MOST))
        return;
    if (!altered(UNCOUNTED))
        next->alive++;
    step->me->wakes = (uint8_t)(i + 1);
    step->me->starts = 1;
    next->threads[i].place = COMES;
    changed(next);
    go(step, UNLOCK, "calls a new one");
}

static void unlock(struct step *step)
{
    step->next.owner = 0;
    go(step, step->me->wakes ? WAKE : (enum place)step->me->then, "gives the lock back");
}

/* Of one that rests, or its start. */
static void wake(struct step *step)
{
    struct thread *other = &step->next.threads[step->me->wakes - 1];
    if (step->me->starts) {
        *other = (struct thread){.place = QUICK};
        step->next.alive = (uint8_t)(step->next.alive + altered(UNCOUNTED));
    } else if (other->place == ASLEEP) {
        other->place = REST; /* looks at its word again: the wake may be an older call's */
    }
    step->me->wakes = step->me->starts = 0;
    go(step, (enum place)step->me->then, "wakes it");
}

/* ---- a submitter */

static void submit(struct step *step)
{
    struct state *next = &step->next;
    uint8_t *jobs = &next->jobs[step->i - WORKERS_MOST];
    if (step->me->place == BEGIN) {
        if (*jobs == 0)
            go(step, GONE, "has submitted all");
        else if (lock(step))
            go(step, PUSH, "submits");
        return;
    }
    --*jobs;
    next->lane++;
    if (altered(SUBMIT_SILENT))
        unlock_then(step, BEGIN, "a job is in");
    else
        call_then(step, BEGIN, "a job is in");
}

/* ---- a worker's way to a job */

static bool take(struct step *step)
{
    if (!step->next.lane)
        return false;
    step->next.lane--;
    return true;
}

static void next_quickly(struct step *step)
{
    struct thread *me = step->me;
    switch (me->place) {
    case QUICK:
        go(step, step->next.slowly || me->awaited ? SLOW : POP, "looks at slowly");
        break;
    case POP:
        if (take(step))
            go(step, altered(NO_LENDS) ? JOB : LENDS, "takes a job");
        else
            go(step, SLOW, "finds none");
        break;
    case LENDS:
        go(step, step->next.lends ? WAITING : JOB, "looks at lends");
        break;
    case WAITING:
        go(step, step->next.lane ? ANOTHER : JOB, "looks whether others wait");
        break;
    default: /* ANOTHER */
        if (lock(step))
            call_then(step, JOB, "calls another");
    }
}

static void rest_begins(struct step *step)
{
    struct state *next = &step->next;
    step->me->word = 0;
    step->me->lingers = next->alive > size(SIZE_POOL) || size(SIZE_LINGERS);
    next->idle |= (uint8_t)(1 << step->i);
    next->resting++;
    changed(next);
    unlock_then(step, REST, "is to rest");
}

/* worker_next_slowly */
static void next_slowly(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    switch (me->place) {
    case SLOW:
        if (lock(step))
            go(step, DECIDE, "has the lock");
        break;
    case DECIDE:
        if (running(next) > size(SIZE_POOL))
            rest_begins(step);
        else if (take(step))
            go(step, TAKEN, "takes a job");
        else
            go(step, me->awaited || next->looks ? AGAIN : LOOK, "finds none");
        break;
    case TAKEN:
        if (altered(TAKER_SILENT))
            unlock_then(step, JOB, "has it");
        else
            call_then(step, JOB, "has it");
        break;
    case LOOK:
        next->looks = true;
        changed(next);
        unlock_then(step, LOOKING, "is to look");
        break;
    case LOOKING:
        if (lock(step))
            go(step, LOOKED, next->lane ? "sees one" : "has looked long enough");
        break;
    case LOOKED:
        next->looks = altered(LOOKS_STAYS);
        changed(next);
        go(step, next->lane ? DECIDE : AGAIN, "looks no more");
        break;
    default: /* AGAIN */
        if (next->lane && !altered(NO_AGAIN))
            go(step, DECIDE, "one came");
        else
            rest_begins(step);
    }
}

static void rest(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    uint8_t bit = (uint8_t)(1 << step->i);
    switch (me->place) {
    case REST:
        go(step, me->word && !altered(NO_WORD) ? SLOW : ASLEEP, "sleeps while word is 0");
        break;
    case ASLEEP:
        if (me->lingers) {
            me->place = LATE;
            explore_step(step->run, next, false, "nobody wanted it");
        }
        break;
    case LATE:
        if (!lock(step))
            break;
        if (me->word) {
            go(step, DECIDE, "is wanted now");
            break;
        }
        next->idle &= (uint8_t)~bit;
        next->resting--;
        me->word = 1;
        changed(next);
        unlock_then(step, LEAVING, "is to leave");
        break;
    case LEAVING:
        if (lock(step))
            go(step, LEAVES, "has the lock");
        break;
    default: /* LEAVES */
        next->alive--;
        changed(next);
        if (altered(LEAVE_SILENT))
            unlock_then(step, GONE, "leaves");
        else
            call_then(step, GONE, "leaves");
    }
}

/* ---- jobs */

static void work(const struct step *from)
{
    struct step step;
    if (size(SIZE_KINDS) & ENDS)
        for (int awaited = 0; awaited < 2; awaited++) {
            step = *from;
            step.me = &step.next.threads[step.i];
            step.me->awaited = (uint8_t)awaited;
            go(&step, QUICK, awaited ? "its job ended, was waited for" : "its job ended");
        }
    if (size(SIZE_KINDS) & COMPUTES) {
        step = *from;
        step.me = &step.next.threads[step.i];
        go(&step, COMPUTING, "computes");
    }
    if (size(SIZE_KINDS) & BLOCKS) {
        step = *from;
        step.me = &step.next.threads[step.i];
        go(&step, BLOCKING, "its job waits");
    }
}

static bool all_have_begun(const struct state *state)
{
    return !state->lane && !state->jobs[0] && !state->jobs[1];
}

static void block(struct step *step)
{
    struct state *next = &step->next;
    switch (step->me->place) {
    case BLOCKING:
        if (!lock(step))
            break;
        next->blocked++;
        changed(next);
        if (altered(BLOCK_SILENT))
            unlock_then(step, BLOCKED, "is blocked");
        else
            call_then(step, BLOCKED, "is blocked");
        break;
    case BLOCKED:
        if (all_have_begun(next))
            go(step, GOES_ON, "all have begun");
        break;
    default: /* GOES_ON */
        if (!lock(step))
            break;
        next->blocked--;
        changed(next);
        unlock_then(step, QUICK, "goes on, and its job ends");
    }
}

/* ---- the model */

static void own_step(struct step *step)
{
    uint8_t place = step->me->place;
    if (place <= PUSH)
        submit(step);
    else if (place <= ANOTHER)
        next_quickly(step);
    else if (place <= AGAIN)
        next_slowly(step);
    else if (place <= LEAVES)
        rest(step);
    else if (place == CALL)
        call(step);
    else if (place == UNLOCK)
        unlock(step);
    else if (place == WAKE)
        wake(step);
    else if (place == JOB)
        work(step);
    else if (place <= GOES_ON)
        block(step);
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < THREADS_MOST; i++) {
        struct step step;
        begin(&step, state, i, run);
        own_step(&step);
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    for (int i = 0; i < THREADS_MOST; i++)
        state->threads[i].place = GONE;
    for (int i = 0; i < size(SIZE_ALIVE); i++)
        state->threads[i].place = QUICK;
    state->alive = (uint8_t)size(SIZE_ALIVE);
    for (int i = 0; i < SUBMITTERS_MOST; i++) {
        state->jobs[i] = (uint8_t)size(SIZE_SUBMITS + i);
        state->threads[WORKERS_MOST + i].place = BEGIN;
    }
    changed(state);
}

static int order(const struct state *state, int i)
{
    const struct thread *one = &state->threads[i];
    int key = one->place << 6 | one->word << 5 | one->awaited << 4 | one->lingers << 3;
    return (key | (state->idle >> i & 1) << 2 | (state->owner == i + 1) << 1 | !!one->wakes) << 5 |
           one->then;
}

static void exchange(struct state *state, int i, int j)
{
    struct thread kept = state->threads[i];
    bool idle = state->idle >> i & 1, other = state->idle >> j & 1;
    state->threads[i] = state->threads[j];
    state->threads[j] = kept;
    state->idle &= (uint8_t) ~(1 << i | 1 << j);
    state->idle |= (uint8_t)(other << i | idle << j);
    if (state->owner == i + 1 || state->owner == j + 1)
        state->owner = (uint8_t)(state->owner == i + 1 ? j + 1 : i + 1);
    for (int k = 0; k < THREADS_MOST; k++) {
        uint8_t *wakes = &state->threads[k].wakes;
        if (*wakes == i + 1 || *wakes == j + 1)
            *wakes = (uint8_t)(*wakes == i + 1 ? j + 1 : i + 1);
    }
}

/* Workers differ in nothing but their state. */
static void normal(void *bytes)
{
    struct state *state = bytes;
    for (int i = 1; i < WORKERS_MOST; i++)
        for (int j = i; j > 0 && order(state, j - 1) > order(state, j); j--)
            exchange(state, j - 1, j);
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    int idle = __builtin_popcount(state->idle);
    if (idle != state->resting || state->resting + state->blocked > state->alive)
        return "the counts are not those of the workers";
    return state->alive > size(SIZE_MOST) ? "more workers than there may be" : NULL;
}

/* Computing ones keep their jobs; blocked ones, what waits for jobs that nobody may begin. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < THREADS_MOST; i++) {
        uint8_t place = state->threads[i].place;
        bool waits = place == BLOCKED && !all_have_begun(state);
        if (place != GONE && place != COMPUTING && place != ASLEEP && !waits)
            return false;
    }
    return !state->lane || !may_call(state);
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {
        "begin",   "push",    "quick",    "pop",     "lends",  "waiting", "another", "slow",
        "decide",  "taken",   "look",     "looking", "looked", "again",   "rest",    "ASLEEP",
        "late",    "leaving", "leaves",   "call",    "unlock", "wake",    "job",     "blocks",
        "BLOCKED", "goes on", "COMPUTES", "comes",   "gone"};
    const struct state *state = bytes;
    fprintf(out, "[lane %d; alive %d resting %d blocked %d%s%s%s]", state->lane, state->alive,
            state->resting, state->blocked, state->looks ? " looks" : "",
            state->slowly ? " slowly" : "", state->lends ? " lends" : "");
    for (int i = 0; i < THREADS_MOST; i++)
        if (state->threads[i].place != GONE)
            fprintf(out, " %d:%s%s", i + 1, names[state->threads[i].place],
                    state->owner == i + 1 ? "!" : "");
}

/* Size, most, alive at the start, kinds of jobs, whether who rests may leave, each submitter's. */
static const struct explore_case cases[] = {
    {"1 worker", {1, 1, 0, ENDS, 0, 2, 2}, false},
    {"2 compute", {2, 2, 0, COMPUTES, 0, 2, 0}, false},
    {"end or compute", {2, 2, 2, ENDS | COMPUTES, 0, 2, 1}, false},
    {"3 workers", {3, 3, 3, ENDS | COMPUTES, 0, 3, 0}, false},
    {"block", {1, 3, 1, BLOCKS, 0, 3, 0}, false},
    {"block or end", {2, 3, 2, BLOCKS | ENDS, 0, 3, 0}, false},
    {"leave", {2, 2, 0, ENDS | COMPUTES, 1, 2, 1}, false},
    {"block, leave", {1, 2, 1, BLOCKS | ENDS, 1, 2, 1}, false},
    {"3, 2 submit", {3, 3, 2, ENDS | COMPUTES, 0, 2, 2}, true},
    {"4 workers", {4, 4, 4, ENDS | COMPUTES, 0, 4, 0}, true},
    {"all, 2 submit", {2, 3, 2, ENDS | COMPUTES | BLOCKS, 1, 2, 2}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {SUBMIT_SILENT, "2 compute", "who submits calls nobody"},
    {TAKER_SILENT, "3 workers", "who took a job under the lock calls nobody"},
    {BLOCK_SILENT, "block", "who blocks calls nobody"},
    {LEAVE_SILENT, "leave", "who leaves calls nobody"},
    {LOOKS_STAYS, "end or compute", "looks stays"},
    {NO_WORD, "end or compute", "sleeps though it was called"},
    {UNCOUNTED, "leave", "a new one is counted by itself"},
    {0},
};

/* A job comes in under the lock alone, so that who has it has looked. And who is called calls the
 * next one: that those who run do so, too, is for the time until then. */
static const struct explore_variant harmless[] = {
    {NO_AGAIN, "end or compute", "rests without another look"},
    {LOOKS_ALL, "3 workers", "calls although one looks"},
    {NO_LENDS, "3 workers", "who took a job without the lock calls nobody"},
    {LENDS_OLD, "3 workers", "lends is not kept"},
    {0},
};

EXPLORE_MAIN("calls", .wrong = wrong, .normal = normal)
