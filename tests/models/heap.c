/* Model of the segment's allocator (src/segment/heap.c) and of the undo journal under it
 * (src/share/journal.c): processes that allocate, keep and release one block, killed at any store,
 * also at the stores of a repair.
 *
 * The words of a change: the head of the free list, the block's owner, the user's slot. The lock's
 * own steps are lock.c's: here it is taken and given back at once, and a holder's death marks it.
 *
 * What must hold whenever the lock is free and unmarked: the block is in the list exactly when it
 * is free, and the slot names it exactly when it is kept. */
#include "explore.h"

enum { PROCESSES = 3, SAVED = 5, FREE = 0, KEPT = 1, FIRST_OWNER = 2 };
enum word { LIST, OWNER, SLOT, WORDS };

enum place {
    WANT,  /* the lock */
    UNDO,  /* it was marked: plays the journal back */
    EMPTY, /* count = 0 */
    MEND,
    CHOOSE, /* what to do */
    SAVE,   /* the old value of the next word */
    COUNT,  /* it */
    CHANGE, /* the word */
    DONE,   /* count = 0 */
    LEAVE,
    REST,
    DEAD,
};

struct process {
    uint8_t place, change, step, left;
    uint8_t undo; /* entries left to play back */
};

struct state {
    uint8_t words[WORDS];
    uint8_t count, lock, died, kills;
    uint8_t saved[SAVED], old[SAVED];
    struct process process[PROCESSES];
};

enum { SIZE_PROCESSES, SIZE_ROUNDS, SIZE_KILLS };

enum alter {
    FULL,
    CHANGE_FIRST,
    COUNT_FIRST,
    NO_UNDO,
    OLDEST_FIRST,
    EMPTY_FIRST,
    MEND_FIRST,
    LEAVE_FIRST,
    NO_REAP,
};
#define altered(x) explore_altered(x)

static int size(int which)
{
    return explore_case_now->sizes[which];
}

/* The list is changed twice by a release: a neighbour is taken out before the whole goes in. */
struct store {
    uint8_t word, value; /* FIRST_OWNER: the process itself */
};
enum change { ALLOC, KEEP, RELEASE, REAP, CHANGES };
static const struct store changes[CHANGES][SAVED] = {
    [ALLOC] = {{LIST, 0}, {OWNER, FIRST_OWNER}, {WORDS, 0}},
    [KEEP] = {{OWNER, KEPT}, {SLOT, 1}, {WORDS, 0}},
    [RELEASE] = {{SLOT, 0}, {LIST, 2}, {OWNER, FREE}, {LIST, 1}, {WORDS, 0}},
    [REAP] = {{LIST, 2}, {OWNER, FREE}, {LIST, 1}, {WORDS, 0}},
};

/* What this process may do with the block as it is; CHANGES: nothing. */
static enum change choice(const struct state *state, int i)
{
    uint8_t owner = state->words[OWNER];
    if (owner == FREE)
        return ALLOC;
    if (owner == KEPT)
        return RELEASE;
    if (owner == FIRST_OWNER + i)
        return KEEP;
    bool is_gone = state->process[owner - FIRST_OWNER].place == DEAD;
    return is_gone && !altered(NO_REAP) ? REAP : CHANGES;
}

static void undo_step(struct state *next, struct process *me)
{
    uint8_t at = altered(OLDEST_FIRST) ? (uint8_t)(next->count - me->undo) : me->undo - 1;
    next->words[next->saved[at]] = next->old[at];
    if (--me->undo == 0)
        me->place = altered(EMPTY_FIRST) || altered(MEND_FIRST) ? CHOOSE : EMPTY;
}

static void take(struct state *next, int i, struct process *me)
{
    next->lock = (uint8_t)(i + 1);
    me->undo = next->count;
    me->place = !next->died ? CHOOSE : altered(NO_UNDO) ? EMPTY : next->count ? UNDO : MEND;
    if (next->died && next->count && altered(EMPTY_FIRST))
        me->place = EMPTY;
    if (next->died && next->count && altered(MEND_FIRST))
        me->place = MEND;
}

static void repair(struct state *next, struct process *me)
{
    switch (me->place) {
    case UNDO:
        undo_step(next, me);
        break;
    case EMPTY:
        next->count = 0;
        me->place = altered(EMPTY_FIRST) && me->undo ? UNDO : MEND;
        break;
    default: /* MEND */
        next->died = 0;
        me->place = altered(MEND_FIRST) && me->undo ? UNDO : CHOOSE;
    }
    if (me->place == CHOOSE && (altered(EMPTY_FIRST) || altered(MEND_FIRST)))
        next->died = next->count = 0;
}

static const struct store *store_of(const struct process *me)
{
    return &changes[me->change][me->step];
}

static void write(struct state *next, int i, struct process *me)
{
    uint8_t value = store_of(me)->value;
    next->words[store_of(me)->word] = value == FIRST_OWNER ? (uint8_t)(FIRST_OWNER + i) : value;
}

static void change(struct state *next, int i, struct process *me)
{
    const struct store *store = store_of(me);
    switch (me->place) {
    case SAVE:
        next->saved[me->step] = store->word;
        next->old[me->step] = next->words[store->word];
        me->place = altered(CHANGE_FIRST) ? CHANGE : COUNT;
        if (altered(COUNT_FIRST))
            me->place = CHANGE;
        break;
    case COUNT:
        next->count = (uint8_t)(me->step + 1);
        me->place = altered(COUNT_FIRST) ? SAVE : CHANGE;
        if (altered(CHANGE_FIRST))
            me->place = changes[me->change][++me->step].word == WORDS ? DONE : SAVE;
        break;
    default: /* CHANGE */
        write(next, i, me);
        if (altered(CHANGE_FIRST)) {
            me->place = COUNT;
            break;
        }
        me->place = changes[me->change][++me->step].word == WORDS ? DONE : SAVE;
        if (altered(COUNT_FIRST) && me->place == SAVE)
            me->place = COUNT;
    }
}

static void leave(struct state *next, struct process *me)
{
    next->lock = 0;
    me->place = altered(LEAVE_FIRST) && next->count ? DONE : me->left ? (me->left--, WANT) : REST;
}

static void choose(struct state *next, int i, struct process *me)
{
    me->change = (uint8_t)choice(next, i);
    me->step = 0;
    me->place = me->change == CHANGES ? LEAVE : altered(COUNT_FIRST) ? COUNT : SAVE;
}

static void finish(struct state *next, struct process *me)
{
    bool is_late = altered(LEAVE_FIRST) && next->lock;
    if (is_late) {
        leave(next, me);
        return;
    }
    next->count = 0;
    me->place = altered(LEAVE_FIRST) ? me->left ? (me->left--, WANT) : REST : LEAVE;
}

static const char *const names[] = {"want",  "undo",   "empty", "mend",  "choose", "save",
                                    "count", "change", "done",  "leave", "rest",   "DEAD"};

static void kill_step(const struct state *state, int i, struct explore *run)
{
    struct state next = *state;
    next.kills--;
    next.died |= next.lock == i + 1;
    if (next.lock == i + 1)
        next.lock = 0;
    next.process[i] = (struct process){.place = DEAD};
    explore_step(run, &next, false, "is killed");
}

static void step(const struct state *state, int i, struct explore *run)
{
    struct state next = *state;
    struct process *me = &next.process[i];
    uint8_t place = me->place;
    if (place == WANT && next.lock)
        return;
    if (place == WANT)
        take(&next, i, me);
    else if (place <= MEND)
        repair(&next, me);
    else if (place == CHOOSE)
        choose(&next, i, me);
    else if (place <= CHANGE)
        change(&next, i, me);
    else if (place == DONE)
        finish(&next, me);
    else
        leave(&next, me);
    explore_step(run, &next, true, names[place]);
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < PROCESSES; i++) {
        if (state->process[i].place >= REST)
            continue;
        if (state->kills)
            kill_step(state, i, run);
        step(state, i, run);
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    state->words[LIST] = 1;
    state->kills = (uint8_t)size(SIZE_KILLS);
    for (int i = 0; i < PROCESSES; i++) {
        state->process[i].place = i < size(SIZE_PROCESSES) ? WANT : REST;
        state->process[i].left = (uint8_t)size(SIZE_ROUNDS);
    }
}

static bool is_whole(const struct state *state)
{
    const uint8_t *words = state->words;
    return (words[LIST] == 1) == (words[OWNER] == FREE) && words[LIST] != 2 &&
           (words[SLOT] == 1) == (words[OWNER] == KEPT);
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    bool chooses = false;
    for (int i = 0; i < PROCESSES; i++)
        chooses |= state->process[i].place == CHOOSE;
    if ((chooses || (!state->lock && !state->died)) && !is_whole(state))
        return "a change is half done, and nobody is told";
    return NULL;
}

/* A dead one's block must be had again by who is left. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    int living = 0;
    for (int i = 0; i < PROCESSES; i++) {
        if (state->process[i].place < REST)
            return false;
        living += i < size(SIZE_PROCESSES) && state->process[i].place == REST;
    }
    uint8_t owner = state->words[OWNER];
    bool is_lost = owner >= FIRST_OWNER && state->process[owner - FIRST_OWNER].place == DEAD;
    return !is_lost || !living || !altered(NO_REAP);
}

static void print(const void *bytes, FILE *out)
{
    const struct state *state = bytes;
    fprintf(out, "list %d owner %d slot %d, saved %d, lock %d%s:", state->words[LIST],
            state->words[OWNER], state->words[SLOT], state->count, state->lock,
            state->died ? " D" : "");
    for (int i = 0; i < size(SIZE_PROCESSES); i++)
        fprintf(out, " %d:%s", i + 1, names[state->process[i].place]);
}

static const struct explore_case cases[] = {
    {"1 and 1", {2, 1, 1}, false},
    {"2, 2 killed", {2, 2, 2}, false},
    {"3, 2 killed", {3, 1, 2}, false},
    {"3, 3 rounds", {3, 3, 2}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {CHANGE_FIRST, "2, 2 killed", "the word is changed before it counts as saved"},
    {COUNT_FIRST, "2, 2 killed", "the word counts as saved before it is"},
    {NO_UNDO, "2, 2 killed", "who finds the mark empties the journal"},
    {OLDEST_FIRST, "2, 2 killed", "the oldest value is written back first"},
    {EMPTY_FIRST, "3, 2 killed", "the journal is emptied before it is played back"},
    {LEAVE_FIRST, "2, 2 killed", "the lock is given back before the journal is emptied"},
    {NO_REAP, "2, 2 killed", "nobody takes a dead one's block back"},
    {0},
};

static const struct explore_variant harmless[] = {
    {MEND_FIRST, "3, 2 killed", "the mark is taken off first: a death inside sets it again"},
    {0},
};

EXPLORE_MAIN("heap", .wrong = wrong)
