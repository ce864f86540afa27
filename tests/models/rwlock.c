/* Model of the shared reader-writer lock (src/sync/shared_rwlock.c, docs/shared-memory-rwlock.md):
 * readers and writers in all orders of their steps, with kills.
 *
 * The gate is a shared lock, which has a model of its own (lock.c): here it is free or held, with
 * the mark of a dead holder, and who waits for it gets it some time. What is modelled: each
 * reader's word with its W, `writes`, and what a writer and a leaving reader do in between. The
 * kernel's part at a death: the gate of a dead holder gets D; the word that a leaving reader covers
 * is woken if it is 0.
 *
 * What must hold, in every state: no writer beside anybody; nobody is let in untold where a writer
 * died inside; never stuck. */
#include "explore.h"

enum { THREADS = 3, NOBODY = 0 };
enum { READS = 1, W = 2 };

enum place {
    R_TAKE,
    R_LOOK,
    R_BACK,
    R_BACK_WAKE,
    R_GATE,
    R_TAKE_IN,
    R_GIVE,
    READING,
    R_LEAVE,
    R_WAKE,
    W_GATE,
    W_LOOK,
    W_MARK,
    W_SLEEP,
    ASLEEP,
    W_SET,
    WRITING,
    W_CLEAR,
    W_GIVE,
    GONE,
    DEAD,
};

struct thread {
    uint8_t place, behind, told, alone; /* alone: a reader that was told of a death */
};

struct state {
    uint8_t owner, died, writes, dirty, kills;
    uint8_t word[THREADS];
    struct thread threads[THREADS];
};

enum { SIZE_READERS, SIZE_KILLS, SIZE_DOWNGRADES };

enum alter {
    FULL,
    NO_LOOK,
    LOOK_FIRST,
    NO_MARK,
    MARK_BLINDLY,
    NO_WAKE,
    NO_COVER,
    NO_PATROL,
    NO_COMPARE,
    NO_DRAIN,
    SET_LATE,
    CLEAR_LATE,
    NEVER_TOLD,
    DOWNGRADE_GIVES_FIRST,
    TOLD_READER_BESIDE_OTHERS,
};
#define altered(x) explore_altered(x)

static int size(int which)
{
    return explore_case_now->sizes[which];
}

struct step {
    struct state next;
    int i;
    struct explore *run;
};

static struct thread *me_of(struct step *step)
{
    return &step->next.threads[step->i];
}

static struct step step_of(const void *state, int i, struct explore *run)
{
    struct step step = {.i = i, .run = run};
    memcpy(&step.next, state, sizeof step.next);
    return step;
}

static void go(struct step *step, enum place place, const char *label)
{
    me_of(step)->place = (uint8_t)place;
    explore_step(step->run, &step->next, true, label);
}

/* A wake by the address of thread k's word: whoever sleeps behind it looks again. */
static void wake(struct state *state, int k)
{
    for (int i = 0; i < THREADS; i++)
        if (state->threads[i].place == ASLEEP && state->threads[i].behind == k)
            state->threads[i].place = W_LOOK;
}

static bool is_inside(const struct thread *thread)
{
    return thread->place == READING || thread->place == WRITING;
}

/* Gets in: alone if it writes or was told. */
static void enter(struct step *step, bool alone, const char *label)
{
    struct state *next = &step->next;
    for (int i = 0; i < THREADS; i++) {
        const struct thread *other = &next->threads[i];
        if (i != step->i && is_inside(other) && (alone || other->place == WRITING || other->alone))
            explore_fault(step->run, "a writer is not alone");
    }
    if (next->dirty && !me_of(step)->told)
        explore_fault(step->run, "let in untold although a writer died inside");
    if (me_of(step)->told)
        next->dirty = 0; /* repaired and mended */
    go(step, alone ? WRITING : READING, label);
}

/* 4, and the gate's part of 3. */
static void take_gate(struct step *step, enum place then)
{
    struct state *next = &step->next;
    if (next->owner != NOBODY)
        return;
    next->owner = (uint8_t)(step->i + 1);
    me_of(step)->told = next->died && next->writes && !altered(NEVER_TOLD);
    bool told = me_of(step)->told;
    if (!told)
        next->died = 0;
    enum place alone = altered(TOLD_READER_BESIDE_OTHERS) && then == R_TAKE_IN ? W_SET : W_LOOK;
    go(step, told ? alone : then, told ? "4. has the gate, told" : "4. has the gate");
}

static void give_gate(struct step *step, enum place then, const char *label)
{
    step->next.owner = NOBODY;
    step->next.died = 0;
    go(step, then, label);
}

/* 5: the first word that is not empty. */
static void look(struct step *step)
{
    struct thread *me = me_of(step);
    for (int k = 0; k < THREADS && !altered(NO_DRAIN); k++) {
        if (!step->next.word[k])
            continue;
        me->behind = (uint8_t)k;
        if (step->next.threads[k].place == DEAD && !altered(NO_PATROL)) {
            step->next.word[k] = 0;
            go(step, W_LOOK, "5. its thread is gone: empties the word");
        } else {
            go(step, altered(NO_MARK) ? W_SLEEP : W_MARK, "5. sees a reader");
        }
        return;
    }
    if (altered(SET_LATE))
        enter(step, true, "5. nobody reads: inside");
    else
        go(step, W_SET, "5. nobody reads");
}

static void mark(struct step *step)
{
    uint8_t *word = &step->next.word[me_of(step)->behind];
    if (!*word && !altered(MARK_BLINDLY)) {
        go(step, W_LOOK, "5. CAS fails");
        return;
    }
    *word |= W;
    go(step, W_SLEEP, "5. sets W");
}

static void sleep_on_it(struct step *step)
{
    bool same = step->next.word[me_of(step)->behind] != 0;
    go(step, same || altered(NO_COMPARE) ? ASLEEP : W_LOOK, "5. sleeps");
}

/* 8: the word goes; `woken` if somebody must be. */
static void leave(struct step *step, enum place wakes, enum place then, const char *label)
{
    uint8_t *word = &step->next.word[step->i];
    bool waited = *word & W;
    *word = 0;
    go(step, waited && !altered(NO_WAKE) ? wakes : then, label);
}

static void reader(struct step *step)
{
    struct state *next = &step->next;
    switch (me_of(step)->place) {
    case R_TAKE:
        if (altered(LOOK_FIRST)) {
            go(step, next->owner != NOBODY || next->died ? R_GATE : R_LOOK, "2. looks at the gate");
            break;
        }
        next->word[step->i] |= READS;
        if (altered(NO_LOOK))
            enter(step, false, "1. takes a word");
        else
            go(step, R_LOOK, "1. takes a word");
        break;
    case R_LOOK:
        if (altered(LOOK_FIRST)) {
            next->word[step->i] |= READS;
            enter(step, false, "1. takes a word");
        } else if (next->owner != NOBODY || next->died)
            go(step, R_BACK, "2. the gate is shut");
        else
            enter(step, false, "2. the gate is free: inside");
        break;
    case R_BACK:
        leave(step, R_BACK_WAKE, R_GATE, "3. takes the word back");
        break;
    case R_BACK_WAKE:
        wake(next, step->i);
        go(step, R_GATE, "3. wakes the writer");
        break;
    case R_GATE:
        take_gate(step, R_TAKE_IN);
        break;
    case R_TAKE_IN:
        next->word[step->i] |= READS;
        go(step, R_GIVE, "3. takes a word");
        break;
    case R_GIVE:
        next->owner = NOBODY;
        enter(step, false, "3. gives the gate back: inside");
        break;
    case READING:
        go(step, R_LEAVE, "reads");
        break;
    case R_LEAVE:
        leave(step, R_WAKE, GONE, "8. empties its word");
        break;
    case R_WAKE:
        wake(next, step->i);
        go(step, GONE, "8. wakes the writer");
        break;
    default:
        break;
    }
}

/* A reader that was told goes the writer's way. */
static void writer(struct step *step)
{
    struct state *next = &step->next;
    switch (me_of(step)->place) {
    case W_GATE:
        take_gate(step, W_LOOK);
        break;
    case W_LOOK:
        look(step);
        break;
    case W_MARK:
        mark(step);
        break;
    case W_SLEEP:
        sleep_on_it(step);
        break;
    case ASLEEP:
        if (next->threads[me_of(step)->behind].place == DEAD && !altered(NO_PATROL))
            go(step, W_LOOK, "patrol");
        break;
    case W_SET:
        next->writes = 1;
        me_of(step)->alone = 1;
        enter(step, true, "6. writes = 1: inside");
        break;
    case WRITING:
        if (altered(SET_LATE))
            next->writes = 1;
        go(step, altered(CLEAR_LATE) ? W_GIVE : W_CLEAR, "has written");
        break;
    case W_CLEAR:
        next->writes = 0;
        if (altered(CLEAR_LATE))
            go(step, GONE, "9. writes = 0");
        else
            go(step, W_GIVE, "9. writes = 0");
        break;
    case W_GIVE:
        give_gate(step, altered(CLEAR_LATE) ? W_CLEAR : GONE, "9. gives the gate back");
        break;
    default:
        break;
    }
}

/* Downgrade, from W_CLEAR: a word, then the gate back. */
static void downgrade(const void *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    if (step.next.threads[i].place != W_CLEAR || !size(SIZE_DOWNGRADES) || altered(CLEAR_LATE))
        return;
    step.next.writes = 0;
    me_of(&step)->alone = 0;
    if (altered(DOWNGRADE_GIVES_FIRST)) {
        give_gate(&step, R_TAKE, "downgrade: gives the gate back");
        return;
    }
    go(&step, R_TAKE_IN, "downgrade: writes = 0");
}

static void be_killed(const void *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    struct state *next = &step.next;
    struct thread *me = me_of(&step);
    if (me->place == DEAD || me->place == GONE || next->kills >= size(SIZE_KILLS))
        return;
    next->kills++;
    next->dirty |= me->place == WRITING;
    if (next->owner == i + 1) {
        next->owner = NOBODY;
        next->died = 1;
    }
    bool covers = me->place == R_WAKE || me->place == R_BACK_WAKE;
    *me = (struct thread){.place = DEAD};
    if (covers && !altered(NO_COVER))
        wake(next, i); /* the kernel, since the word is 0 */
    explore_step(run, next, false, "is killed");
}

static void steps(const void *state, struct explore *run)
{
    for (int i = 0; i < THREADS; i++) {
        struct step step = step_of(state, i, run);
        reader(&step);
        step = step_of(state, i, run);
        writer(&step);
        downgrade(state, i, run);
        be_killed(state, i, run);
    }
}

static void start(void *memory)
{
    struct state *state = memory;
    memset(state, 0, sizeof *state);
    for (int i = 0; i < THREADS; i++)
        state->threads[i].place = i < size(SIZE_READERS) ? R_TAKE : W_GATE;
}

static bool rests(const void *memory)
{
    const struct state *state = memory;
    for (int i = 0; i < THREADS; i++)
        if (state->threads[i].place != GONE && state->threads[i].place != DEAD)
            return false;
    return true;
}

static void print(const void *memory, FILE *out)
{
    const struct state *state = memory;
    fprintf(out, "gate %d%s writes %d%s words", state->owner, state->died ? " D" : "",
            state->writes, state->dirty ? " dirty" : "");
    for (int i = 0; i < THREADS; i++)
        fprintf(out, " %d@%d", state->word[i], state->threads[i].place);
}

static const struct explore_case cases[] = {
    {"1 writer", {2, 2, 0}, false},  {"2 writers", {1, 2, 0}, false},
    {"3 writers", {0, 3, 0}, false}, {"downgrades", {1, 2, 1}, false},
    {"no kills", {2, 0, 1}, false},  {0},
};

static const struct explore_variant variants[] = {
    {NO_LOOK, "1 writer", "2. does not look at the gate"},
    {LOOK_FIRST, "no kills", "2. before 1"},
    {NO_DRAIN, "1 writer", "5. does not look at the words"},
    {NO_MARK, "no kills", "5. sleeps without W"},
    {NO_COMPARE, "no kills", "5. sleeps whatever the word is"},
    {NO_WAKE, "no kills", "8. wakes nobody"},
    {NO_PATROL, "1 writer", "5. never asks whether a reader is there"},
    {SET_LATE, "2 writers", "6. sets `writes` at its end"},
    {NEVER_TOLD, "2 writers", "4. mends and tells nobody"},
    {0},
};

static const struct explore_variant harmless[] = {
    {TOLD_READER_BESIDE_OTHERS, "1 writer", "3. told, it does not drain: D keeps all out"},
    {NO_COVER, "1 writer", "8. is not covered: the patrol finds it later"},
    {DOWNGRADE_GIVES_FIRST, "downgrades", "downgrade: gate first; others may come between"},
    {0},
};

EXPLORE_MAIN("rwlock")
