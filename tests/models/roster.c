/* Model of an area's roster (src/share/users.c, fork.c; docs/shared-memory-areas.md, Users): who
 * has the area open, and what a waiter is told when nobody else has. All orders of the steps, with
 * kills.
 *
 * What is modelled: the entries, the kernel's locks of their bytes, each with the processes that
 * have its description open, since it goes with the last of them; `died`, `entered`, `unknown`, the
 * serial number. Process 0 asks, again and again, with one or two opens of its own. Process 1 has
 * the area open and may fork process 2, by plait_start or by a bare fork; process 3 comes from
 * outside and may take the place of somebody who is gone. An end is to leave and live on, exec, or
 * a kill.
 *
 * What must hold:
 *   - who is told that all others are gone was alone at some instant of its question;
 *   - it is told of a death if there was one, and of none if there was none. After an exec either
 *     is right once that process has ended, too: nothing tells it from a death (docs, limits);
 *   - the entry of whoever has it open is there and locked: what it holds does not come back;
 *   - for ever: when all others are gone, a question ends. */
#include "explore.h"

enum { ENTRIES_MOST = 4, PROCESSES = 4, ASKER = 0, PARENT = 1, CHILD = 2, OUTSIDER = 3 };
enum { BURIES = 0x80 }; /* of holders: the asker has it locked by its own description, to bury */
enum { LOCKED_ALONE = 1, DIED = 2, BORROWED = 4, FORKS = 8, ENTERED = 16 }; /* of flags */

enum place {
    ABSENT,
    OPEN,
    /* enter: an outsider for itself, a parent for its child */
    E_CLAIM, /* 1 */
    E_BURY,  /* 2: 4 */
    E_ZERO,  /* 2: 4, id = 0 */
    E_SERIAL,
    E_ID, /* 3 */
    E_CONFIRM,
    E_COUNT,
    /* fork */
    FORK,
    P_PID,
    P_CONFIRM,
    P_COUNT,
    P_CLOSE,
    C_DROP,
    C_PID,
    C_CONFIRM,
    C_COUNT,
    /* leave */
    L_ZERO,  /* 5 */
    L_STORE, /* (its second half where a variant takes it apart) */
    L_CLOSE, /* 5 */
    /* the asker */
    ASK,
    SCAN,
    ENTRY,
    B_LOCK,
    B_DIED,
    B_ZERO,
    B_UNLOCK,
    R_DIED,
    R_REST,
    TOLD,
    LEFT,   /* lives, and does not have it open */
    EXECED, /* the same */
    ENDED,  /* by itself, after one of these */
    DEAD,
};

struct thread { /* a process */
    uint8_t place, flags;
    uint8_t at, id;     /* its entry, and what stands there */
    uint8_t other, oid; /* a parent's: the entry for its child; the asker's: its second open */
};

struct entry {
    uint8_t id, not_yet, pid, holders;
};

struct state {
    struct entry entries[ENTRIES_MOST];
    uint8_t serial, entered, died, unknown, kills;
    uint8_t alone, ever, deaths, unsure; /* what is true, for the checks; unsure: or not */
    uint8_t ever_then, deaths_then;      /* when the question began */
    uint8_t at;                          /* the asker's */
    struct thread threads[PROCESSES];
};

enum {
    SIZE_ENTRIES,
    SIZE_OPENS, /* of the asker: 1 or 2 */
    /* 0: none, 1: does not fork, 2: by plait_start, 3: by a bare fork, 4: no room for it */
    SIZE_PARENT,
    SIZE_OUTSIDER,
    SIZE_KILLS,
    SIZE_EXEC,
};

enum alter {
    FULL,
    NO_BURY,
    FILL_THEN_LOCK,
    ZERO_THEN_DIED,
    NO_DIED,
    NO_ZERO,
    CLOSE_THEN_ZERO,
    NO_LEAVE,
    ENTER_LATE,
    CLOSE_THEN_CONFIRM,
    NO_DROP,
    NO_NOT_YET,
    PARENT_SILENT,
    CHILD_SILENT,
    COUNT_TWICE,
    SKIP_LOCKED,
    LOCKED_IS_OTHER,
    NO_BYTE,
    LEAVES_BORROWED,
    NO_UNKNOWN,
    NO_ASK_PID,
};
#define altered(x) explore_altered(x)

static int size(int which)
{
    return explore_case_now->sizes[which];
}

#include "step.h"

static bool is_there(const struct state *state, int i)
{
    uint8_t place = state->threads[i].place;
    if (i == OUTSIDER)
        return place == OPEN;
    return place == OPEN || (i == CHILD && place >= C_DROP && place <= C_COUNT) ||
           (i == PARENT && place >= E_CLAIM && place <= P_CLOSE);
}

/* A thread of a dead process is gone before its files are closed. */
static bool pid_is_gone(const struct state *state, uint8_t pid)
{
    return pid == 0 || state->threads[pid - 1].place == ENDED ||
           state->threads[pid - 1].place == DEAD;
}

static void note_alone(struct state *state)
{
    bool any = false;
    for (int i = PARENT; i < PROCESSES; i++)
        any |= is_there(state, i);
    state->alone |= !any;
}

/* A step, and whether the asker is alone behind it. */
static void then(struct step *step, enum place place, const char *label)
{
    step->me->place = (uint8_t)place;
    note_alone(&step->next);
    go(step, place, label);
}

static void close_all(struct state *state, int i)
{
    for (int e = 0; e < ENTRIES_MOST; e++)
        state->entries[e].holders &= (uint8_t) ~(1 << i);
}

/* ---- how a process ends */

static void die(const struct state *state, int i, struct explore *run)
{
    struct step step;
    struct thread *me = begin(&step, state, i, run);
    struct state *next = &step.next;
    if (state->kills == size(SIZE_KILLS))
        return;
    next->kills++;
    bool sure = is_there(state, i), bare = size(SIZE_PARENT) == 3;
    if (i == CHILD && (bare || me->flags & BORROWED))
        sure &= me->place == OPEN;
    if (sure)
        next->deaths = 1;
    else
        next->unsure |= me->place < E_CLAIM || me->place > E_CONFIRM; /* else it never had it */
    close_all(next, i);
    *me = (struct thread){.place = DEAD};
    note_alone(next);
    explore_step(run, next, false, "killed");
}

static void live_on(const struct state *state, int i, struct explore *run)
{
    struct step step;
    begin(&step, state, i, run);
    close_all(&step.next, i);
    if (size(SIZE_EXEC) && state->threads[i].place == OPEN)
        then(&step, EXECED, "exec");
    begin(&step, state, i, run);
    if (state->threads[i].place != LEFT && state->threads[i].place != EXECED)
        return;
    step.next.unsure |= state->threads[i].place == EXECED;
    close_all(&step.next, i);
    step.me->place = ENDED;
    explore_step(run, &step.next, false, "ends");
}

/* ---- enter: me->other is the entry for a child, me->at one's own */

static struct entry *entering(struct step *step)
{
    struct thread *me = step->me;
    return &step->next.entries[step->i == PARENT ? me->other : me->at];
}

static void claim(const struct step *from)
{
    for (int e = 0; e < size(SIZE_ENTRIES); e++) {
        struct step step = *from;
        step.me = &step.next.threads[step.i];
        struct entry *entry = &step.next.entries[e];
        if (entry->holders)
            continue;
        if (!altered(FILL_THEN_LOCK))
            entry->holders = (uint8_t)(1 << step.i);
        if (step.i == PARENT)
            step.me->other = (uint8_t)e;
        else
            step.me->at = (uint8_t)e;
        then(&step, altered(NO_BURY) ? E_SERIAL : E_BURY, "1. locks a byte");
    }
}

static void bury(struct step *step, struct entry *entry, enum place place)
{
    struct state *next = &step->next;
    bool was = entry->id && (!entry->not_yet || altered(NO_NOT_YET));
    bool gone = altered(NO_ASK_PID) || pid_is_gone(next, entry->pid);
    if (was && gone && !altered(NO_DIED))
        next->died = 1;
    then(step, place, "4. died");
}

static void zero(struct step *step, struct entry *entry, enum place place)
{
    if (!altered(NO_ZERO))
        entry->id = entry->not_yet = 0;
    then(step, place, "4. id = 0");
}

static void enter(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct entry *entry = entering(step);
    bool exchanged = altered(ZERO_THEN_DIED);
    switch (me->place) {
    case E_CLAIM:
        claim(step);
        break;
    case E_BURY:
        if (exchanged)
            zero(step, entry, E_ZERO);
        else
            bury(step, entry, E_ZERO);
        break;
    case E_ZERO:
        if (exchanged) /* what was there is not known any more: as if it had been a death */
            bury(step, entry, E_SERIAL);
        else
            zero(step, entry, E_SERIAL);
        break;
    case E_SERIAL:
        *(step->i == PARENT ? &me->oid : &me->id) = ++next->serial;
        entry->pid = step->i == PARENT ? 0 : (uint8_t)(step->i + 1);
        then(step, E_ID, "3. fills it in");
        break;
    case E_ID:
        entry->id = step->i == PARENT ? me->oid : me->id;
        entry->not_yet = 1;
        if (altered(FILL_THEN_LOCK) && entry->holders)
            explore_fault(step->run, "two in one entry");
        entry->holders |= (uint8_t)(1 << step->i);
        then(step, step->i == PARENT ? FORK : E_CONFIRM, "3. id");
        break;
    case E_CONFIRM:
        entry->not_yet = 0;
        then(step, E_COUNT, "3. confirms it");
        break;
    default: /* E_COUNT */
        next->entered++;
        next->ever = 1;
        then(step, OPEN, "3. counts it");
    }
}

/* ---- fork */

static void confirm(struct step *step, struct entry *entry, uint8_t id, enum place place)
{
    bool mine = entry->id == id && entry->not_yet;
    if (mine)
        entry->not_yet = 0;
    step->me->flags = (uint8_t)((step->me->flags & ~LOCKED_ALONE) | (mine ? LOCKED_ALONE : 0));
    then(step, place, "confirms it");
}

static void count(struct step *step, enum place place)
{
    if (step->me->flags & LOCKED_ALONE || altered(COUNT_TWICE))
        step->next.entered++;
    step->me->flags &= (uint8_t)~LOCKED_ALONE;
    then(step, place, "counts it");
}

/* The child has all that its parent has open. */
static void forks(const struct step *from)
{
    struct step step = *from;
    struct state *next = &step.next;
    struct thread *me = step.me = &next->threads[PARENT], *child = &next->threads[CHILD];
    bool known = size(SIZE_PARENT) != 4, late = altered(ENTER_LATE);
    next->entries[me->at].holders |= 1 << CHILD;
    if (known)
        next->entries[me->other].holders |= 1 << CHILD;
    *child = (struct thread){.place = C_DROP, .at = me->other, .id = me->oid, .other = me->at};
    if (!known)
        *child = (struct thread){.place = C_DROP, .at = me->at, .id = me->id, .flags = BORROWED};
    if (known && late) { /* it enters itself */
        next->entries[me->other] = (struct entry){0};
    }
    next->ever = 1;
    bool starts = size(SIZE_PARENT) == 2 && !altered(PARENT_SILENT);
    bool closes = !known || late;
    then(&step,
         closes   ? OPEN
         : starts ? altered(CLOSE_THEN_CONFIRM) ? P_CLOSE : P_PID
                  : P_CLOSE,
         "forks");
    if (size(SIZE_PARENT) == 3) {
        step = *from;
        step.me = &step.next.threads[PARENT];
        then(&step, P_CLOSE, "the fork fails");
    }
}

static void parent(struct step *step)
{
    struct thread *me = step->me;
    struct entry *entry = &step->next.entries[me->other];
    bool exchanged = altered(CLOSE_THEN_CONFIRM);
    switch (me->place) {
    case FORK:
        forks(step);
        break;
    case P_PID:
        entry->pid = CHILD + 1;
        then(step, P_CONFIRM, "the parent writes its pid");
        break;
    case P_CONFIRM:
        confirm(step, entry, me->oid, P_COUNT);
        break;
    case P_COUNT:
        count(step, exchanged ? OPEN : P_CLOSE);
        break;
    default: /* P_CLOSE */
        entry->holders &= (uint8_t) ~(1 << PARENT);
        then(step, exchanged && size(SIZE_PARENT) == 2 ? P_PID : OPEN, "closes the child's");
    }
}

static void child(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct entry *entry = &next->entries[me->at];
    switch (me->place) {
    case C_DROP:
        if (me->flags & BORROWED) {
            next->unknown = !altered(NO_UNKNOWN);
            then(step, OPEN, "lives by its parent's");
            break;
        }
        if (!altered(NO_DROP))
            next->entries[me->other].holders &= (uint8_t) ~(1 << CHILD);
        if (altered(ENTER_LATE)) {
            next->entries[me->at] =
                (struct entry){.id = me->id, .not_yet = 1, .holders = 1 << CHILD};
            entry = &next->entries[me->at];
        }
        then(step, altered(CHILD_SILENT) ? OPEN : C_PID, "drops its parent's");
        break;
    case C_PID:
        entry->pid = CHILD + 1;
        then(step, C_CONFIRM, "writes its pid");
        break;
    case C_CONFIRM:
        confirm(step, entry, me->id, C_COUNT);
        break;
    default: /* C_COUNT */
        count(step, OPEN);
    }
}

/* ---- leave */

static void leave(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = step->me;
    struct entry *entry = &next->entries[me->at];
    bool exchanged = altered(CLOSE_THEN_ZERO);
    if (me->place == L_ZERO) {
        bool mine = entry->id == me->id && (!(me->flags & BORROWED) || altered(LEAVES_BORROWED));
        if (mine && !altered(NO_LEAVE) && !exchanged)
            entry->id = entry->not_yet = 0;
        then(step, !exchanged ? L_CLOSE : mine ? L_STORE : LEFT, "5. id = 0");
    } else if (me->place == L_STORE) {
        entry->id = entry->not_yet = 0;
        then(step, LEFT, "5. id = 0");
    } else {
        entry->holders &= (uint8_t) ~(1 << step->i);
        then(step, exchanged ? L_ZERO : LEFT, "5. closes");
    }
}

static void is_open(const struct state *state, int i, struct explore *run)
{
    struct step step;
    struct thread *me = begin(&step, state, i, run);
    then(&step, altered(CLOSE_THEN_ZERO) ? L_CLOSE : L_ZERO, "leaves");
    if (i != PARENT || size(SIZE_PARENT) < 2 || me->flags & FORKS)
        return;
    me = begin(&step, state, i, run);
    me->flags |= FORKS;
    then(&step, size(SIZE_PARENT) == 4 ? FORK : E_CLAIM, "forks");
}

/* ---- the asker */

/* The first byte from `at` on that another description has locked; its own are not seen. */
static int locked_from(const struct state *state, int at)
{
    for (; at < size(SIZE_ENTRIES); at++)
        if (at != state->threads[ASKER].at && state->entries[at].holders & (uint8_t)~BURIES)
            return at;
    return -1;
}

static void ask(struct step *step)
{
    struct state *next = &step->next;
    next->alone = 0;
    next->ever_then = next->ever;
    next->deaths_then = next->deaths;
    next->at = 0;
    then(step, SCAN, "asks");
}

static void over(struct step *step, const char *label)
{
    struct state *next = &step->next;
    next->at = next->alone = next->ever_then = next->deaths_then = 0;
    step->me->flags = 0;
    then(step, ASK, label);
}

static void scan(struct step *step)
{
    struct state *next = &step->next;
    int found = locked_from(next, next->at);
    next->at = found < 0 ? 0 : (uint8_t)found;
    if (found >= 0)
        then(step, ENTRY, "a byte is locked");
    else
        then(step, B_LOCK, "no byte is locked");
}

/* Whose it is: its own second open, or another's. */
static void look_at_entry(struct step *step)
{
    struct state *next = &step->next;
    const struct entry *entry = &next->entries[next->at];
    if (entry->pid != ASKER + 1) {
        over(step, "somebody else is there");
        return;
    }
    next->at++;
    then(step, SCAN, "its own second open");
}

/* An entry that somebody has locked: since the scan he has come, or buries whom it did not see. */
static bool has_come(const struct entry *entry)
{
    bool own = entry->pid == ASKER + 1 && !altered(LOCKED_IS_OTHER);
    return entry->id && entry->holders && !own && !altered(SKIP_LOCKED) && !altered(NO_BYTE);
}

static void bury_all(struct step *step)
{
    struct state *next = &step->next;
    struct entry *entry = &next->entries[next->at];
    bool exchanged = altered(ZERO_THEN_DIED);
    switch (step->me->place) {
    case B_LOCK:
        if (next->at == size(SIZE_ENTRIES)) {
            next->at = 0;
            then(step, R_DIED, "has buried all");
        } else if (next->at != step->me->at && has_come(entry)) {
            over(step, "somebody is there");
        } else if (next->at == step->me->at || !entry->id ||
                   (entry->holders && !altered(NO_BYTE))) {
            next->at++;
            then(step, B_LOCK, "nobody to bury");
        } else {
            entry->holders |= BURIES;
            then(step, B_DIED, "locks the byte of who is gone");
        }
        break;
    case B_DIED:
        if (exchanged)
            zero(step, entry, B_ZERO);
        else
            bury(step, entry, B_ZERO);
        break;
    case B_ZERO:
        if (exchanged)
            bury(step, entry, B_UNLOCK);
        else
            zero(step, entry, B_UNLOCK);
        break;
    default: /* B_UNLOCK */
        entry->holders &= (uint8_t)~BURIES;
        next->at++;
        then(step, B_LOCK, "unlocks it");
    }
}

static void result(struct step *step)
{
    struct state *next = &step->next;
    bool died = step->me->flags & DIED;
    if (step->me->place == R_DIED) {
        step->me->flags = next->died ? DIED : 0;
        then(step, R_REST, "reads whether one died");
        return;
    }
    if (next->unknown || !(died || next->entered > 1)) {
        over(step, "not to be known, or nobody ever came");
        return;
    }
    if (!next->alone)
        explore_fault(step->run, "told that all are gone, though somebody was there all the time");
    if (died && !next->deaths && !next->unsure)
        explore_fault(step->run, "told of a death, though nobody died");
    if (!died && next->deaths_then)
        explore_fault(step->run, "not told of a death");
    then(step, TOLD, "all others are gone");
}

static void asker(struct step *step)
{
    switch (step->me->place) {
    case ASK:
        ask(step);
        break;
    case SCAN:
        scan(step);
        break;
    case ENTRY:
        look_at_entry(step);
        break;
    case R_DIED:
    case R_REST:
        result(step);
        break;
    default:
        bury_all(step);
    }
}

/* ---- the model */

static void is_in(struct state *state, int i, int e, bool counts)
{
    struct thread *me = &state->threads[i];
    state->entries[e] = (struct entry){
        .id = ++state->serial, .pid = (uint8_t)(i + 1), .holders = (uint8_t)(1 << i)};
    if (counts) {
        me->at = (uint8_t)e;
        me->id = state->serial;
        state->entered++;
    }
}

/* Entry 1 is free, between the asker's two opens: of a third one, which it has closed. */
static void start(void *bytes)
{
    struct state *state = bytes;
    state->threads[ASKER].place = ASK;
    is_in(state, ASKER, 0, true);
    if (size(SIZE_OPENS) == 2) {
        state->entries[1].pid = ASKER + 1;
        is_in(state, ASKER, 2, false);
    }
    if (size(SIZE_PARENT)) {
        state->threads[PARENT].place = OPEN;
        state->ever = 1;
        is_in(state, PARENT, size(SIZE_ENTRIES) - 1, true);
    }
    if (size(SIZE_OUTSIDER))
        state->threads[OUTSIDER].place = E_CLAIM;
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < PROCESSES; i++) {
        struct step step;
        uint8_t place = begin(&step, state, i, run)->place;
        if (place == ABSENT || place == TOLD || place == ENDED || place == DEAD)
            continue;
        if (i == ASKER) {
            asker(&step);
            continue;
        }
        die(state, i, run);
        live_on(state, i, run);
        if (place == OPEN)
            is_open(state, i, run);
        else if (place >= E_CLAIM && place <= E_COUNT)
            enter(&step);
        else if (place >= FORK && place <= P_CLOSE)
            parent(&step);
        else if (place >= C_DROP && place <= C_COUNT)
            child(&step);
        else if (place == L_ZERO || place == L_STORE || place == L_CLOSE)
            leave(&step);
    }
}

/* Whoever has it open is not taken for gone (share_user_is_gone). */
static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = PARENT; i < PROCESSES; i++) {
        const struct thread *me = &state->threads[i];
        const struct entry *entry = &state->entries[me->at];
        bool borrows = me->flags & BORROWED;
        if (is_there(state, i) && !borrows && (entry->id != me->id || !entry->holders))
            return "has it open, and is taken for gone";
    }
    return NULL;
}

static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    uint8_t place = state->threads[ASKER].place;
    for (int i = PARENT; i < PROCESSES; i++) {
        uint8_t other = state->threads[i].place;
        if (other != ABSENT && other != LEFT && other != EXECED && other != ENDED && other != DEAD)
            return false;
    }
    return place == TOLD || (place == ASK && (!state->ever || state->unknown));
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {
        "-",       "open",    "e_claim", "e_bury",  "e_zero",  "e_serial", "e_id",
        "e_confi", "e_count", "fork",    "p_pid",   "p_confi", "p_count",  "p_close",
        "c_drop",  "c_pid",   "c_confi", "c_count", "l_zero",  "l_store",  "l_close",
        "ask",     "scan",    "entry",   "b_lock",  "b_died",  "b_zero",   "b_unlock",
        "r_died",  "r_rest",  "TOLD",    "left",    "execed",  "ended",    "DEAD"};
    const struct state *state = bytes;
    fprintf(out, "[");
    for (int e = 0; e < size(SIZE_ENTRIES); e++) {
        const struct entry *entry = &state->entries[e];
        fprintf(out, " %d%s pid %d by %x;", entry->id, entry->not_yet ? "?" : "", entry->pid,
                entry->holders);
    }
    fprintf(out, "] %d entered%s%s%s, at %d:", state->entered, state->died ? ", died" : "",
            state->unknown ? ", unknown" : "", state->alone ? ", alone" : "", state->at);
    for (int i = 0; i < PROCESSES; i++)
        fprintf(out, " %s", names[state->threads[i].place]);
}

static const struct explore_case cases[] = {
    /* entries, opens of the asker, parent, outsider, kills, exec */
    {"1 leaves", {2, 1, 1, 0, 1, 0}, false},
    {"another comes", {3, 1, 1, 1, 2, 0}, false},
    {"exec", {3, 1, 1, 1, 1, 1}, false},
    {"starts a child", {3, 1, 2, 0, 2, 0}, false},
    {"forks bare", {3, 1, 3, 0, 2, 0}, false},
    {"no room for a child", {2, 1, 4, 0, 2, 0}, false},
    {"two opens", {4, 2, 2, 0, 1, 0}, false},
    {"two opens, outsider", {4, 2, 1, 1, 1, 1}, false},
    {"child and outsider", {4, 1, 2, 1, 1, 0}, false},
    {"all", {4, 2, 2, 1, 3, 1}, true},
    {"all, bare", {4, 2, 3, 1, 3, 1}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {FILL_THEN_LOCK, "another comes", "3 before 1: fills in, then locks"},
    {NO_BURY, "another comes", "2 left out: takes the place, buries nobody"},
    {NO_DIED, "1 leaves", "4 does not say that one died"},
    {NO_ASK_PID, "exec", "4 does not ask whether the pid lives"},
    {NO_NOT_YET, "forks bare", "4 buries a fork that failed"},
    {NO_BYTE, "another comes", "4 without the byte's lock"},
    {NO_LEAVE, "1 leaves", "5 without id = 0: ends, and counts as dead"},
    {ENTER_LATE, "starts a child", "fork: the child enters itself"},
    {CLOSE_THEN_CONFIRM, "child and outsider", "fork: the parent closes, then confirms"},
    {NO_DROP, "starts a child", "fork: the child keeps its parent's description"},
    {PARENT_SILENT, "starts a child", "fork: only the child confirms"},
    {CHILD_SILENT, "forks bare", "fork: only the parent confirms"},
    {LEAVES_BORROWED, "no room for a child", "fork: an unknown child leaves by its parent's entry"},
    {NO_UNKNOWN, "no room for a child", "fork: an unknown child is not told"},
    {SKIP_LOCKED, "two opens", "ask: whom it cannot bury it passes over"},
    {LOCKED_IS_OTHER, "two opens", "ask: its own second open is another"},
    {ZERO_THEN_DIED, "another comes", "4 exchanged: id = 0, then died"},
    {NO_ZERO, "exec", "4 without id = 0"},
    {CLOSE_THEN_ZERO, "another comes", "5 exchanged: closes, then id = 0"},
    {0},
};

static const struct explore_variant harmless[] = {
    {COUNT_TWICE, "starts a child", "fork: both count the child"},
    {0},
};

EXPLORE_MAIN("roster", .wrong = wrong)
