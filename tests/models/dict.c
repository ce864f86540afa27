/* Model of a stripe's change with a chunk that changes hands (src/dict/dict.h, steps 1 to 8, 4a,
 * 4b, 7a, 7b), with kills and with a reader that takes no lock.
 *
 * Each writer gives the stripe a new value once: it takes a free chunk from the pool, writes both
 * halves of its value into it, puts it into the slot, counts, and gives the old chunk back. The
 * locks are taken as given (lock.c has them): a death frees a held one and marks it, and the next
 * owner is told. A journaled store is three steps: the entry, the count, the word.
 *
 * What must hold: with nobody inside, each chunk is the pool's or the slot's, once; the slot, its
 * value's halves and the count belong together; no journal is open, nothing on its way. A reader
 * never believes what does not belong together. */
#include "explore.h"

enum { WRITERS_MOST = 3, CHUNKS = 3, ROOM = 4, NOBODY = 0, POOL = 0, STRIPE = 1 };

/* Words that are journaled: first the stripe's, then the pool's, which has one for each chunk: on
 * its list or not, and the owner. */
enum word { SLOT, COUNT, TAKING, GIVING, LISTED, OWNER = LISTED + CHUNKS, WORDS = OWNER + CHUNKS };

struct lock {
    uint8_t owner, died;
};

struct journal {
    uint8_t count, where[ROOM], was[ROOM];
};

enum place {
    START,
    REPAIR, /* has the stripe's lock, was told of a death */
    ODD,
    TAKE_POOL, /* the pool's lock, for the chunk to be taken */
    MEND_POOL,
    NAME_CHUNK, /* 4a */
    POOL_UNLIST,
    POOL_OWNER,
    POOL_COMMIT,
    POOL_LEAVE,
    WRITE_FIRST,
    WRITE_SECOND,
    SET_TAKING, /* 4b and what is journaled with it */
    SET_GIVING,
    SET_SLOT,
    SET_COUNT,
    COMMIT,
    EVEN,
    BACK_POOL, /* 7: the pool's lock, for the chunk to be given back */
    BACK_MEND,
    BACK_LOOK,
    BACK_OWNER,
    BACK_LIST,
    BACK_COMMIT,
    BACK_LEAVE,
    BACK_DONE, /* 7b */
    REPAIRED,
    LEAVE,
    GONE,
    DEAD,
};

struct writer {
    uint8_t place, part; /* of a journaled store: 0 entry, 1 count, 2 word */
    uint8_t chunk;       /* that it takes */
    uint8_t repairs;     /* goes back to START behind the repair */
    uint8_t back;        /* which word the chunk to be given back stands in */
    uint8_t undone;      /* entries of a journal copied back so far */
};

struct reader {
    uint8_t place, looked, slot, first, second;
};

struct state {
    struct lock stripe, pool;
    uint8_t words[WORDS];
    uint8_t halves[CHUNKS][2]; /* of the value in each chunk: which it is */
    uint8_t sequence, kills;
    struct journal journals[2];
    struct writer writers[WRITERS_MOST];
    struct reader reader;
};
_Static_assert(sizeof(struct state) <= EXPLORE_SIZE_MOST, "a state fits");

enum { SIZE_WRITERS, SIZE_KILLS, SIZE_READER };
enum alter {
    FULL,
    COUNT_AFTER_WORD,
    NO_JOURNAL,
    NAME_AFTER_COMMIT,
    NO_NAME,
    TAKING_LEFT,
    GIVING_UNJOURNALED,
    NO_GIVE,
    NO_LOOK_AT_OWNER,
    REPAIR_FORGETS_TAKING,
    REPAIR_FORGETS_GIVING,
    REPAIR_COUNTS_DOWN_FIRST,
    NO_POOL_JOURNAL,
    NO_ODD,
    READ_ONCE,
    DONE_BEFORE_COMMIT,
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

static struct step step_of(const struct state *state, int i, struct explore *run)
{
    return (struct step){*state, i, run};
}

static struct writer *me_of(struct step *step)
{
    return &step->next.writers[step->i];
}

static void go(struct step *step, enum place place, const char *label)
{
    me_of(step)->place = (uint8_t)place;
    explore_step(step->run, &step->next, true, label);
}

/* Steps 1 to 3 of the journal, one after the other; the last one leads on. */
static void set(struct step *step, int which, int word, uint8_t value, enum place then,
                const char *label)
{
    struct journal *journal = &step->next.journals[which];
    struct writer *me = me_of(step);
    bool journaled = !altered(NO_JOURNAL) && !(altered(NO_POOL_JOURNAL) && which == POOL) &&
                     !(altered(GIVING_UNJOURNALED) && word == GIVING);
    int part = !journaled ? 2 : altered(COUNT_AFTER_WORD) && me->part ? 3 - me->part : me->part;
    bool last = !journaled || me->part == 2;
    if (part == 0) {
        journal->where[journal->count] = (uint8_t)word;
        journal->was[journal->count] = step->next.words[word];
    } else if (part == 1) {
        journal->count++;
    } else {
        step->next.words[word] = value;
    }
    me->part = last ? 0 : me->part + 1;
    go(step, last ? then : (enum place)me->place, label);
}

/* Copies one entry back, the last first; then the journal is empty. True: it is done. */
static bool undo(struct step *step, int which, uint8_t *undone, const char *label)
{
    struct journal *journal = &step->next.journals[which];
    if (journal->count == 0 && *undone == 0)
        return true;
    if (*undone == journal->count && !altered(REPAIR_COUNTS_DOWN_FIRST)) {
        journal->count = 0;
        *undone = 0;
    } else if (altered(REPAIR_COUNTS_DOWN_FIRST) && *undone == 0) {
        journal->count--; /* a death behind this loses the word */
        *undone = 1;
    } else if (altered(REPAIR_COUNTS_DOWN_FIRST)) {
        step->next.words[journal->where[journal->count]] = journal->was[journal->count];
        *undone = 0;
    } else {
        int at = journal->count - ++*undone;
        step->next.words[journal->where[at]] = journal->was[at];
    }
    go(step, me_of(step)->place, label);
    return false;
}

static void take_lock(struct step *step, struct lock *lock, enum place then, enum place told,
                      const char *label)
{
    if (lock->owner != NOBODY)
        return;
    lock->owner = (uint8_t)(step->i + 1);
    go(step, lock->died ? told : then, label);
}

static void leave_lock(struct step *step, struct lock *lock, enum place then, const char *label)
{
    lock->owner = NOBODY;
    go(step, then, label);
}

/* ---- a writer's steps up to the slot */

static void mend_pool(struct step *step, enum place then)
{
    struct writer *me = me_of(step);
    if (!undo(step, POOL, &me->undone, "the pool's journal is copied back"))
        return;
    step->next.pool.died = 0;
    go(step, then, "the pool is mended");
}

static void choose_chunk(struct step *step)
{
    for (uint8_t c = 0; c < CHUNKS; c++)
        if (step->next.words[LISTED + c]) {
            me_of(step)->chunk = c;
            if (!altered(NAME_AFTER_COMMIT) && !altered(NO_NAME))
                step->next.words[TAKING] = c + 1;
            go(step, POOL_UNLIST, "4a. taking = chunk");
            return;
        }
    explore_fault(step->run, "no chunk is left: one was lost");
}

static void pool_commit(struct step *step, enum place then)
{
    step->next.journals[POOL].count = 0;
    go(step, then, "the pool's change is whole");
}

static void take_chunk(struct step *step)
{
    struct writer *me = me_of(step);
    switch (me->place) {
    case TAKE_POOL:
        take_lock(step, &step->next.pool, NAME_CHUNK, MEND_POOL, "takes the pool");
        break;
    case MEND_POOL:
        mend_pool(step, NAME_CHUNK);
        break;
    case NAME_CHUNK:
        choose_chunk(step);
        break;
    case POOL_UNLIST:
        set(step, POOL, LISTED + me->chunk, 0, POOL_OWNER, "off the pool's list");
        break;
    case POOL_OWNER:
        set(step, POOL, OWNER + me->chunk, STRIPE, POOL_COMMIT, "the stripe is its owner");
        break;
    case POOL_COMMIT:
        pool_commit(step, POOL_LEAVE);
        break;
    default:
        if (altered(NAME_AFTER_COMMIT))
            step->next.words[TAKING] = me->chunk + 1;
        leave_lock(step, &step->next.pool, WRITE_FIRST, "leaves the pool");
        break;
    }
}

static uint8_t value_of(const struct step *step)
{
    return (uint8_t)(step->i + 2);
}

static void change(struct step *step)
{
    struct writer *me = me_of(step);
    switch (me->place) {
    case WRITE_FIRST:
    case WRITE_SECOND:
        step->next.halves[me->chunk][me->place - WRITE_FIRST] = value_of(step);
        go(step, (enum place)(me->place + 1), "writes half of its value");
        break;
    case SET_TAKING:
        if (altered(TAKING_LEFT))
            go(step, SET_GIVING, "(taking stays)");
        else
            set(step, STRIPE, TAKING, 0, SET_GIVING, "4b. taking = 0");
        break;
    case SET_GIVING:
        set(step, STRIPE, GIVING, step->next.words[SLOT], SET_SLOT, "7a. giving = the old chunk");
        break;
    case SET_SLOT:
        set(step, STRIPE, SLOT, me->chunk + 1, SET_COUNT, "the chunk into the slot");
        break;
    case SET_COUNT:
        set(step, STRIPE, COUNT, value_of(step), COMMIT, "counts");
        break;
    case COMMIT:
        step->next.journals[STRIPE].count = 0;
        go(step, EVEN, "5. the change is whole");
        break;
    default:
        if (step->next.sequence & 1)
            step->next.sequence++;
        me->back = GIVING;
        go(step, altered(NO_GIVE) ? LEAVE : BACK_POOL, "6. sequence even");
        break;
    }
}

/* ---- the chunk in words[back] goes back to the pool */

static void give_back(struct step *step)
{
    struct writer *me = me_of(step);
    int chunk = step->next.words[me->back] - 1;
    switch (me->place) {
    case BACK_POOL:
        if (chunk < 0)
            go(step, BACK_DONE, "nothing to give back");
        else
            take_lock(step, &step->next.pool, BACK_LOOK, BACK_MEND, "7. takes the pool");
        break;
    case BACK_MEND:
        mend_pool(step, BACK_LOOK);
        break;
    case BACK_LOOK:
        if (step->next.words[OWNER + chunk] == STRIPE || altered(NO_LOOK_AT_OWNER))
            go(step, BACK_OWNER, "7. the stripe owns it");
        else
            go(step, BACK_LEAVE, "7. it is the pool's already");
        break;
    case BACK_OWNER:
        if (step->next.words[LISTED + chunk])
            explore_fault(step->run, "given back twice");
        set(step, POOL, OWNER + chunk, POOL, BACK_LIST, "7a. no owner");
        break;
    case BACK_LIST:
        set(step, POOL, LISTED + chunk, 1, BACK_COMMIT, "7a. on the pool's list");
        break;
    case BACK_COMMIT:
        if (altered(DONE_BEFORE_COMMIT))
            step->next.words[me->back] = 0;
        pool_commit(step, BACK_LEAVE);
        break;
    case BACK_LEAVE:
        leave_lock(step, &step->next.pool, BACK_DONE, "leaves the pool");
        break;
    default:
        step->next.words[me->back] = 0;
        if (me->back == TAKING && !altered(REPAIR_FORGETS_GIVING)) {
            me->back = GIVING;
            go(step, BACK_POOL, "7b. taking = 0");
        } else {
            go(step, me->repairs ? REPAIRED : LEAVE, "7b. giving = 0");
        }
        break;
    }
}

static void repair(struct step *step)
{
    struct writer *me = me_of(step);
    if (!undo(step, STRIPE, &me->undone, "the journal is copied back"))
        return;
    me->repairs = 1;
    me->back = altered(REPAIR_FORGETS_TAKING) ? GIVING : TAKING;
    go(step, BACK_POOL, "the journal is empty");
}

static void write_on(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    struct writer *me = me_of(&step);
    if (me->place >= TAKE_POOL && me->place <= POOL_LEAVE)
        take_chunk(&step);
    else if (me->place >= WRITE_FIRST && me->place <= EVEN)
        change(&step);
    else if (me->place >= BACK_POOL && me->place <= BACK_DONE)
        give_back(&step);
    else if (me->place == START)
        take_lock(&step, &step.next.stripe, ODD, REPAIR, "1. takes the stripe");
    else if (me->place == REPAIR)
        repair(&step);
    else if (me->place == REPAIRED) {
        if (step.next.sequence & 1)
            step.next.sequence++;
        step.next.stripe.died = 0;
        me->repairs = 0;
        go(&step, ODD, "even, mended");
    } else if (me->place == ODD) {
        if (!altered(NO_ODD))
            step.next.sequence |= 1;
        go(&step, TAKE_POOL, "3. sequence odd");
    } else {
        step.next.writers[i] = (struct writer){.place = GONE};
        leave_lock(&step, &step.next.stripe, GONE, "8. leaves the stripe");
    }
}

/* Killed: what it holds is marked and free. */
static void die(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    struct lock *locks[2] = {&step.next.stripe, &step.next.pool};
    for (int k = 0; k < 2; k++)
        if (locks[k]->owner == i + 1)
            *locks[k] = (struct lock){NOBODY, 1};
    step.next.writers[i] = (struct writer){.place = DEAD};
    step.next.kills++;
    explore_step(run, &step.next, false, "killed");
}

/* ---- the reader */

enum { R_LOOK, R_SLOT, R_FIRST, R_SECOND, R_COUNT, R_GONE };

static void read_on(const struct state *state, struct explore *run)
{
    struct state next = *state;
    struct reader *me = &next.reader;
    const char *label = "reads";
    if (me->place == R_LOOK) {
        label = "reader: looks at the sequence";
        me->looked = state->sequence;
        me->place = state->sequence & 1 ? R_GONE : R_SLOT; /* odd: by the lock instead */
    } else if (me->place == R_SLOT) {
        me->slot = state->words[SLOT];
        me->place = R_FIRST;
    } else if (me->place == R_FIRST) {
        me->first = state->halves[me->slot - 1][0];
        me->place = R_SECOND;
    } else if (me->place == R_SECOND) {
        me->second = state->halves[me->slot - 1][1];
        me->place = R_COUNT;
    } else {
        label = "reader: looks again";
        if ((altered(READ_ONCE) || state->sequence == me->looked) && me->first != me->second)
            explore_fault(run, "a reader believes half a value");
        *me = (struct reader){.place = R_GONE};
    }
    explore_step(run, &next, true, label);
}

/* ---- the model */

static void start(void *bytes)
{
    struct state *state = bytes;
    *state = (struct state){0};
    state->words[SLOT] = 1;
    state->words[COUNT] = 1;
    state->words[OWNER] = STRIPE;
    state->halves[0][0] = state->halves[0][1] = 1;
    for (int c = 1; c < CHUNKS; c++)
        state->words[LISTED + c] = 1;
    for (int i = 0; i < WRITERS_MOST; i++)
        state->writers[i].place = i < size(SIZE_WRITERS) ? START : GONE;
    state->reader.place = size(SIZE_READER) ? R_LOOK : R_GONE;
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_WRITERS); i++) {
        if (state->writers[i].place >= GONE)
            continue;
        write_on(state, i, run);
        if (state->kills < size(SIZE_KILLS))
            die(state, i, run);
    }
    if (state->reader.place != R_GONE)
        read_on(state, run);
}

/* Nobody inside and no death to be repaired: all is whole. */
static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    const uint8_t *words = state->words;
    if (state->stripe.owner || state->stripe.died || state->pool.owner || state->pool.died)
        return NULL;
    if (state->journals[POOL].count || state->journals[STRIPE].count)
        return "a journal is open";
    if (words[TAKING] || words[GIVING])
        return "a chunk is on its way";
    if (state->sequence & 1)
        return "the sequence is odd";
    for (int c = 0; c < CHUNKS; c++) {
        bool used = words[SLOT] == c + 1;
        if (words[LISTED + c] == used || words[OWNER + c] != (used ? STRIPE : POOL))
            return "a chunk is lost, or has two owners";
    }
    const uint8_t *value = state->halves[words[SLOT] - 1];
    if (value[0] != value[1] || value[0] != words[COUNT])
        return "the value is torn";
    return NULL;
}

static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_WRITERS); i++)
        if (state->writers[i].place < GONE)
            return false;
    return state->reader.place == R_GONE;
}

static void print(const void *bytes, FILE *out)
{
    const struct state *state = bytes;
    fprintf(out, "[%d%s %d%s] slot %d count %d taking %d giving %d seq %d j %d %d",
            state->stripe.owner, state->stripe.died ? "D" : "", state->pool.owner,
            state->pool.died ? "D" : "", state->words[SLOT], state->words[COUNT],
            state->words[TAKING], state->words[GIVING], state->sequence,
            state->journals[STRIPE].count, state->journals[POOL].count);
    for (int i = 0; i < size(SIZE_WRITERS); i++)
        fprintf(out, " %d:%d.%d", i + 1, state->writers[i].place, state->writers[i].part);
}

/* writers, kills, reader */
static const struct explore_case cases[] = {
    {"kill", {2, 1, 0}, false},
    {"kill twice", {3, 2, 0}, false},
    {"reader", {2, 1, 1}, false},
    {0},
};

static const struct explore_variant variants[] = {
    {COUNT_AFTER_WORD, "kill", "the word before its entry counts"},
    {NO_JOURNAL, "kill", "no journal"},
    {NAME_AFTER_COMMIT, "kill", "4a behind the pool's commit"},
    {NO_NAME, "kill", "no 4a"},
    {TAKING_LEFT, "kill", "no 4b"},
    {GIVING_UNJOURNALED, "kill", "7a not journaled"},
    {NO_GIVE, "kill", "no 7"},
    {NO_LOOK_AT_OWNER, "kill twice", "7 without a look at the owner"},
    {REPAIR_FORGETS_TAKING, "kill", "the repair forgets taking"},
    {REPAIR_FORGETS_GIVING, "kill", "the repair forgets giving"},
    {REPAIR_COUNTS_DOWN_FIRST, "kill twice",
     "the repair takes an entry off before its word is back"},
    {NO_POOL_JOURNAL, "kill", "the pool's change without a journal"},
    {NO_ODD, "reader", "no 3"},
    {READ_ONCE, "reader", "the reader does not look again"},
    {0},
};

static const struct explore_variant harmless[] = {
    {DONE_BEFORE_COMMIT, "kill", "7b before the pool's commit, within its lock"},
    {0},
};

EXPLORE_MAIN("dict", .wrong = wrong)
