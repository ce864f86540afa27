/* Model of the names of areas (src/share/name.c, area.c, fork.c): processes that open one name, use
 * the memory behind it, fork, leave, or only sweep, with kills.
 *
 * A file of the name has a lock that the kernel drops at a death, the memory that it names, and
 * slots of those who can be asked for it. A memory is there as long as somebody has it open.
 *
 * What must hold: two that have the name open at once have the same memory; nobody has one that is
 * not prepared; nobody waits for ever. */
#include "explore.h"

enum { PROCESSES = 3, IDS = 7 };

enum place {
    UNBORN, /* a child to be */
    OPEN,
    LOCK,
    CHECK,
    FIND,
    PREPARE,
    FILL,
    SLOT,
    UNLOCK,
    USE,
    FORK, /* it has locked the file, for its child */
    C_WRITE,
    C_UNLOCK,
    L_OPEN,
    L_LOCK,
    L_CHECK,
    L_LOOK,
    L_UNLINK,
    L_UNLOCK,
    CLOSE,
    REST,
    DEAD,
};

struct file {
    uint8_t lock;   /* who has it, + 1 */
    uint8_t memory; /* 0: not filled in */
    uint8_t slots;
};

struct process {
    uint8_t place, file, memory, rounds;
};

struct state {
    uint8_t path; /* the file that the name leads to; 0: none */
    uint8_t files, memories, prepared, kills;
    struct file file[IDS];
    struct process process[PROCESSES];
};

enum { SIZE_OPENERS, SIZE_SWEEPERS, SIZE_ROUNDS, SIZE_KILLS, SIZE_FORKS };

enum alter {
    FULL,
    NO_LOCK,
    NO_CHECK,
    FILL_FIRST,
    SLOT_LATE,
    LEAVE_UNLOCKED,
    LEAVE_BLINDLY,
    LEAVE_UNCHECKED,
    FORK_UNLOCKED,
    CHILD_UNLOCKS_FIRST,
    OLD_SLOTS,
};
#define altered(x) explore_altered(x)

static int size(int which)
{
    return explore_case_now->sizes[which];
}

static bool has_memory(const struct process *one)
{
    return one->memory && one->place < CLOSE;
}

/* Some process that the file names and that has its memory open; `except` does not count. */
static uint8_t holder(const struct state *state, const struct file *file, int except)
{
    for (int i = 0; i < PROCESSES; i++)
        if (i != except && file->slots >> i & 1 && has_memory(&state->process[i]) &&
            state->process[i].memory == file->memory)
            return file->memory;
    return 0;
}

static void steps_of_opener(struct state *next, int i, struct process *me, struct file *file)
{
    uint8_t found;
    switch (me->place) {
    case OPEN:
        if (!next->path)
            next->path = ++next->files;
        me->file = next->path;
        me->place = altered(NO_LOCK) ? CHECK : LOCK;
        break;
    case LOCK:
        file->lock = (uint8_t)(i + 1);
        me->place = altered(NO_CHECK) ? FIND : CHECK;
        break;
    case CHECK:
        if (next->path == me->file) {
            me->place = FIND;
            break;
        }
        file->lock = 0;
        me->place = OPEN;
        break;
    case FIND:
        found = holder(next, file, -1);
        me->memory = found ? found : ++next->memories;
        me->place = found ? SLOT : altered(FILL_FIRST) ? FILL : PREPARE;
        break;
    case PREPARE:
        next->prepared |= (uint8_t)(1 << me->memory);
        me->place = altered(FILL_FIRST) ? SLOT : FILL;
        break;
    case FILL:
        file->memory = me->memory;
        if (!altered(OLD_SLOTS))
            file->slots = 0;
        if (altered(FILL_FIRST))
            file->slots = (uint8_t)(1 << i);
        me->place = altered(FILL_FIRST) ? (file->lock = 0, PREPARE) : SLOT;
        if (altered(SLOT_LATE))
            me->place = UNLOCK;
        break;
    case SLOT:
        file->slots |= (uint8_t)(1 << i);
        me->place = altered(SLOT_LATE) ? USE : UNLOCK;
        break;
    default: /* UNLOCK */
        file->lock = 0;
        me->place = altered(SLOT_LATE) && !(file->slots >> i & 1) ? SLOT : USE;
    }
}

static void steps_of_leaver(struct state *next, int i, struct process *me, struct file *file)
{
    bool other;
    switch (me->place) {
    case L_OPEN:
        me->file = next->path;
        me->place = next->path ? altered(LEAVE_UNLOCKED) ? L_LOOK : L_LOCK : CLOSE;
        break;
    case L_LOCK:
        if (file->lock) {
            me->place = CLOSE; /* somebody opens it at this moment */
            break;
        }
        file->lock = (uint8_t)(i + 1);
        me->place = altered(LEAVE_UNCHECKED) ? L_LOOK : L_CHECK;
        break;
    case L_CHECK:
        me->place = next->path == me->file ? L_LOOK : L_UNLOCK;
        break;
    case L_LOOK:
        other = holder(next, file, i) || (me->memory && file->memory != me->memory);
        me->place = other && !altered(LEAVE_BLINDLY) ? L_UNLOCK : L_UNLINK;
        break;
    case L_UNLINK:
        next->path = 0;
        me->place = L_UNLOCK;
        break;
    default: /* L_UNLOCK */
        if (file->lock == i + 1)
            file->lock = 0;
        me->place = CLOSE;
    }
}

static void steps_of_user(struct state *next, int i, struct process *me)
{
    switch (me->place) {
    case C_WRITE:
        if (next->file[me->file].memory == me->memory)
            next->file[me->file].slots |= (uint8_t)(1 << i);
        me->place = C_UNLOCK;
        break;
    case C_UNLOCK:
        if (next->file[me->file].lock == i + 1)
            next->file[me->file].lock = 0;
        me->place = USE;
        break;
    case USE:
        me->place = L_OPEN;
        break;
    default: /* CLOSE */
        me->memory = 0;
        me->file = 0;
        me->place = me->rounds ? (me->rounds--, OPEN) : REST;
    }
}

/* It waits for somebody else's lock. */
static bool is_held_up(const struct state *state, const struct process *me)
{
    return me->place == LOCK && state->file[me->file].lock != 0;
}

static const char *const names[] = {"unborn",   "open",   "lock",   "check",   "find",   "prepare",
                                    "fill",     "slot",   "unlock", "USE",     "fork",   "c-write",
                                    "c-unlock", "l-open", "l-lock", "l-check", "l-look", "l-unlink",
                                    "l-unlock", "close",  "rest",   "DEAD"};

static int unborn(const struct state *state)
{
    for (int k = 0; k < PROCESSES; k++)
        if (state->process[k].place == UNBORN)
            return k;
    return -1;
}

/* Before the fork the file is locked, by a description that the child will have too. */
static void fork_lock(const struct state *state, int i, struct explore *run)
{
    struct state next = *state;
    struct file *file = &next.file[next.path];
    if (unborn(state) < 0 || !next.path || file->lock || file->memory != next.process[i].memory)
        return;
    file->lock = altered(FORK_UNLOCKED) ? 0 : (uint8_t)(i + 1);
    next.process[i].file = next.path;
    next.process[i].place = FORK;
    explore_step(run, &next, true, "locks for its child");
}

static void fork_step(const struct state *state, int i, struct explore *run)
{
    struct state next = *state;
    struct process *me = &next.process[i];
    int k = unborn(state);
    next.process[k] = (struct process){C_WRITE, me->file, me->memory, 0};
    if (next.file[me->file].lock == i + 1)
        next.file[me->file].lock = altered(CHILD_UNLOCKS_FIRST) ? 0 : (uint8_t)(k + 1);
    me->place = USE;
    explore_step(run, &next, true, "forks");
}

static void kill_step(const struct state *state, int i, struct explore *run)
{
    struct state next = *state;
    next.kills--;
    for (int k = 0; k < IDS; k++)
        if (next.file[k].lock == i + 1)
            next.file[k].lock = 0;
    next.process[i] = (struct process){.place = DEAD};
    explore_step(run, &next, false, "is killed");
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < PROCESSES; i++) {
        const struct process *me = &state->process[i];
        if (me->place == UNBORN || me->place >= REST)
            continue;
        if (state->kills)
            kill_step(state, i, run);
        if (me->place == USE)
            fork_lock(state, i, run);
        if (me->place == FORK)
            fork_step(state, i, run);
        if (me->place == FORK || is_held_up(state, me))
            continue;
        struct state next = *state;
        struct process *mine = &next.process[i];
        if (me->place >= OPEN && me->place <= UNLOCK)
            steps_of_opener(&next, i, mine, &next.file[mine->file]);
        else if (me->place >= L_OPEN && me->place <= L_UNLOCK)
            steps_of_leaver(&next, i, mine, &next.file[mine->file]);
        else
            steps_of_user(&next, i, mine);
        if (next.files >= IDS || next.memories >= IDS)
            continue;
        explore_step(run, &next, true, names[me->place]);
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    state->kills = (uint8_t)size(SIZE_KILLS);
    for (int i = 0; i < PROCESSES; i++) {
        struct process *one = &state->process[i];
        bool opens = i < size(SIZE_OPENERS), sweeps = i < size(SIZE_OPENERS) + size(SIZE_SWEEPERS);
        one->place = opens ? OPEN : sweeps ? L_OPEN : size(SIZE_FORKS) ? UNBORN : REST;
        one->rounds = opens ? (uint8_t)size(SIZE_ROUNDS) : 0;
    }
}

/* Between its open and its decision to take the name away. */
static bool has_name(const struct process *one)
{
    return one->memory && one->place >= UNLOCK && one->place <= L_LOOK;
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < PROCESSES; i++) {
        if (!has_name(&state->process[i]))
            continue;
        if (!(state->prepared >> state->process[i].memory & 1))
            return "one has memory that is not prepared";
        for (int k = 0; k < i; k++)
            if (has_name(&state->process[k]) &&
                state->process[k].memory != state->process[i].memory)
                return "two have the name, but not the same memory";
    }
    return NULL;
}

static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < PROCESSES; i++)
        if (state->process[i].place != UNBORN && state->process[i].place < REST)
            return false;
    return true;
}

static void print(const void *bytes, FILE *out)
{
    const struct state *state = bytes;
    fprintf(out, "path %d:", state->path);
    for (int i = 1; i <= state->files && i < IDS; i++)
        fprintf(out, " file %d lock %d memory %d slots %d;", i, state->file[i].lock,
                state->file[i].memory, state->file[i].slots);
    for (int i = 0; i < PROCESSES; i++)
        fprintf(out, " %d:%s(%d)", i + 1, names[state->process[i].place], state->process[i].memory);
}

static const struct explore_case cases[] = {
    {"3 open", {3, 0, 0, 0, 0}, false},           {"3 open, 2 killed", {3, 0, 0, 2, 0}, false},
    {"2 open twice", {2, 0, 1, 1, 0}, false},     {"2 and a sweeper", {2, 1, 0, 1, 0}, false},
    {"sweeper, twice", {2, 1, 1, 0, 0}, false},   {"2 and a child", {2, 0, 0, 1, 1}, false},
    {"3 open twice", {3, 0, 1, 1, 0}, true},      {"2 and a child, twice", {2, 0, 1, 2, 1}, true},
    {"sweeper, 1 killed", {2, 1, 1, 1, 0}, true}, {0},
};

static const struct explore_variant variants[] = {
    {NO_LOCK, "3 open", "nobody locks the file"},
    {NO_CHECK, "3 open", "the path is not looked at again behind the lock"},
    {FILL_FIRST, "3 open", "the name tells of the memory before it is prepared"},
    {SLOT_LATE, "3 open", "the slot is written behind the lock"},
    {LEAVE_UNLOCKED, "3 open", "who leaves does not lock the file"},
    {LEAVE_BLINDLY, "3 open", "who leaves takes the name away though others have it"},
    {LEAVE_UNCHECKED, "sweeper, twice", "who sweeps does not look at the path again"},
    {FORK_UNLOCKED, "2 and a child", "a forker does not lock the file for its child"},
    {CHILD_UNLOCKS_FIRST, "2 and a child", "the lock is given up before the child's slot"},
    {0},
};

static const struct explore_variant harmless[] = {
    {OLD_SLOTS, "2 open twice", "old slots stay: they name no process that has the new memory"},
    {0},
};

EXPLORE_MAIN("name", .wrong = wrong)
