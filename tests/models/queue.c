/* Model of the shared queue's ring (src/queue/shared_ring.c, docs/shared-memory-queue.md): all
 * orders of its steps, with kills.
 *
 * What is modelled: slots with stamps, the two indices, the locks of the two ends, the two words on
 * which putters (room) and getters (items) sleep, each thread's pending word. The locks are proven
 * by lock.c, so here an acquire is one step that waits while a living thread has the lock. The
 * kernel's work at a death is one step: the locks of the dead one are free, and one sleeper of its
 * pending word is woken.
 *
 * Both sides are the same protocol with the two changed about: side 0 puts and sleeps on `room`,
 * side 1 gets and sleeps on `items`.
 *
 * What must hold, in every state:
 *   - items come out whole, in the order of their places, each once;
 *   - what was committed is inside or was taken out;
 *   - stuck: nobody asleep could go on while nobody else runs. Where there is a patrol each sleeper
 *     looks again now and then; without it one window is told (docs): killed with a wake swallowed,
 *     after the end's lock was taken and before the commit. */
#include "explore.h"

enum { THREADS_MOST = 5, CELLS_MOST = 2 };
enum { COVER_OWN = 1, COVER_OTHER = 2, LEAVING = 4, WOKEN = 8 };

/* Where a thread stands: the step it takes next; numbers as in the page. */
enum place {
    LOCK,     /* 1 */
    LOOK,     /* 2 */
    COPY,     /* 3: begins */
    COPIED,   /* 3: is over */
    COVER,    /* 4 */
    COMMIT,   /* 5 */
    ADVANCE,  /* 6 */
    LOOK_W,   /* 7 */
    WAKE,     /* 7 */
    CLEAR,    /* 7a */
    UNCOVER,  /* 8 */
    UNLOCK,   /* 9 */
    S_UNLOCK, /* 10 */
    S_COVER,  /* 10 */
    S_MARK,   /* 11 */
    S_LOOK,   /* 12 */
    S_SLEEP,  /* 13 */
    ASLEEP,
    GONE,
    DEAD,
};

struct thread {
    uint8_t place, flags, side, rounds, seen;
};

struct cell {
    uint8_t stamp;   /* position * 2, + 1: it holds the item of this position */
    uint8_t payload; /* position + 1; HALF while it is being written */
};
enum { HALF = 99 };

struct state {
    uint8_t index[2]; /* tail, head */
    uint8_t owner[2]; /* of their locks: thread + 1 */
    uint8_t w[2];     /* room, items: somebody may sleep */
    uint8_t puts, gets, kills;
    struct cell cells[CELLS_MOST];
    struct thread threads[THREADS_MOST];
};

enum { SIZE_PUTTERS, SIZE_GETTERS, SIZE_CELLS, SIZE_ROUNDS, SIZE_KILLS, SIZE_TIMED, SIZE_PATROL };

enum alter {
    FULL,
    NO_HEAL,
    COMMIT_BEFORE_COPY,
    ADVANCE_BEFORE_COMMIT,
    NO_COVER,
    NO_W,
    NO_LOOK,
    LOOK_BEFORE_W,
    WAKE_BEFORE_COMMIT,
    NO_WAKE,
    NO_CLEAR,
    CLEAR_NO_WAKE,
    CLEAR_THEN_WAKE,
    UNCOVER_BEFORE_WAKE,
    NO_COMPARE,
    NO_STAMP,
    NO_S_COVER,
    NO_LAST_TRY,
    NO_PATROL,
    NO_LOCK,
    KEEP_LOCK,
    NO_UNCOVER,
    MARK_BEFORE_COVER,
    WAKE_UNLOCKED,
};
#define altered(x) explore_altered(x)

static int size(int which)
{
    return explore_case_now->sizes[which];
}

static int threads(void)
{
    return size(SIZE_PUTTERS) + size(SIZE_GETTERS);
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

static void go(struct step *step, enum place place, const char *label)
{
    me_of(step)->place = (uint8_t)place;
    explore_step(step->run, &step->next, true, label);
}

static void rouse(struct thread *sleeper)
{
    sleeper->place = LOCK;
    sleeper->flags |= WOKEN;
}

static bool sleeps_on(const struct thread *one, int side)
{
    return one->place == ASLEEP && one->side == side;
}

/* FUTEX_WAKE(1): the kernel may take any sleeper of the word. */
static void wake_one(const struct step *from, int side, enum place found, enum place none,
                     bool progress, const char *label)
{
    bool any = false;
    for (int j = 0; j < threads(); j++)
        if (sleeps_on(&from->next.threads[j], side)) {
            struct step step = *from;
            rouse(&step.next.threads[j]);
            me_of(&step)->place = (uint8_t)found;
            explore_step(step.run, &step.next, progress, label);
            any = true;
        }
    if (!any) {
        struct step step = *from;
        me_of(&step)->place = (uint8_t)none;
        explore_step(step.run, &step.next, progress, label);
    }
}

static struct cell *cell_at(struct state *state, uint8_t position)
{
    return &state->cells[position % size(SIZE_CELLS)];
}

/* What the stamp must be for this side to go on at its index. */
static int wanted(uint8_t position, int side)
{
    return position * 2 + side;
}

/* 2 and 12: 0 it can go on, 1 it must wait, 2 the index lies behind. A side that has committed
 * leaves a stamp beyond what it wanted. */
static int look_at(const struct state *state, int side)
{
    uint8_t position = state->index[side];
    int stamp = state->cells[position % size(SIZE_CELLS)].stamp, want = wanted(position, side);
    return stamp == want ? 0 : stamp < want ? 1 : 2;
}

static void look(struct step *step)
{
    struct thread *me = me_of(step);
    struct state *next = &step->next;
    int found = look_at(next, me->side);
    if (found == 2 && !altered(NO_HEAL)) {
        next->index[me->side]++;
        go(step, LOOK, "2. a dead one has committed: moves the index on");
    } else if (found == 0) {
        go(step,
           altered(COMMIT_BEFORE_COPY)      ? COVER
           : altered(ADVANCE_BEFORE_COMMIT) ? ADVANCE
                                            : COPY,
           "2. can go on");
    } else if (me->flags & LEAVING) {
        me->rounds = 0;
        go(step, UNLOCK, "2. tried once more, leaves");
    } else {
        go(step, altered(KEEP_LOCK) ? S_COVER : S_UNLOCK, "2. must wait");
    }
}

static void copy(struct step *step, bool begins)
{
    struct thread *me = me_of(step);
    struct state *next = &step->next;
    uint8_t position = next->index[me->side];
    if (altered(ADVANCE_BEFORE_COMMIT))
        position = me->seen;
    struct cell *cell = cell_at(next, position);
    if (me->side == 0)
        cell->payload = begins ? HALF : (uint8_t)(position + 1);
    else if (cell->payload != position + 1)
        explore_fault(step->run, "an item comes out torn, twice or out of order");
    go(step, begins ? COPIED : altered(COMMIT_BEFORE_COPY) ? ADVANCE : COVER, "3. copies");
}

static void commit(struct step *step)
{
    struct thread *me = me_of(step);
    struct state *next = &step->next;
    uint8_t position = altered(ADVANCE_BEFORE_COMMIT) ? me->seen : next->index[me->side];
    int stamp = me->side == 0 ? position * 2 + 1 : (position + size(SIZE_CELLS)) * 2;
    cell_at(next, position)->stamp = (uint8_t)stamp;
    if (me->side == 0)
        next->puts++;
    else
        next->gets++;
    me->flags &= (uint8_t) ~(LEAVING | WOKEN);
    go(step,
       altered(COMMIT_BEFORE_COPY)      ? COPY
       : altered(WAKE_BEFORE_COMMIT)    ? UNCOVER
       : altered(ADVANCE_BEFORE_COMMIT) ? LOOK_W
                                        : ADVANCE,
       "5. commits");
}

static void advance(struct step *step)
{
    struct thread *me = me_of(step);
    me->seen = step->next.index[me->side]++;
    if (!altered(ADVANCE_BEFORE_COMMIT))
        me->seen = 0;
    go(step,
       altered(ADVANCE_BEFORE_COMMIT) ? COPY
       : altered(UNCOVER_BEFORE_WAKE) ? UNCOVER
       : altered(WAKE_UNLOCKED)       ? UNLOCK
                                      : LOOK_W,
       "6. moves the index on");
}

static enum place woken_then(void)
{
    return altered(WAKE_BEFORE_COMMIT) ? COMMIT : altered(UNCOVER_BEFORE_WAKE) ? UNLOCK : UNCOVER;
}

static void look_w(struct step *step)
{
    int other = !me_of(step)->side;
    bool wakes = step->next.w[other] && !altered(NO_WAKE);
    go(step, wakes ? WAKE : woken_then(), "7. looks for W");
}

static void clear(struct step *step)
{
    struct state *next = &step->next;
    int other = !me_of(step)->side;
    next->w[other] = 0;
    for (int j = 0; j < threads(); j++)
        if (sleeps_on(&next->threads[j], other) && !altered(CLEAR_NO_WAKE))
            rouse(&next->threads[j]);
    go(step, woken_then(), "7a. W off, all woken");
}

static void lock(const struct step *from)
{
    struct step step = *from;
    struct thread *me = me_of(&step);
    uint8_t *owner = &step.next.owner[me->side];
    if (altered(NO_LAST_TRY) && size(SIZE_TIMED) && me->flags & WOKEN) {
        me->flags = 0;
        go(&step, GONE, "woken, but leaves at its deadline");
        step = *from;
    }
    if (*owner && !altered(NO_LOCK))
        return;
    *owner = (uint8_t)(step.i + 1);
    me->flags &= (uint8_t) ~(COVER_OWN | COVER_OTHER);
    go(&step, LOOK, "1. has the lock");
}

static void unlock(struct step *step, enum place then)
{
    struct thread *me = me_of(step);
    if (step->next.owner[me->side] == step->i + 1)
        step->next.owner[me->side] = 0;
    if (then == GONE && me->rounds > 1) {
        me->rounds--;
        then = LOCK;
    }
    go(step, then, "9. gives the lock back");
}

static void mark(struct step *step)
{
    struct thread *me = me_of(step);
    if (!altered(NO_W))
        step->next.w[me->side] = 1;
    go(step,
       altered(NO_LOOK)             ? S_SLEEP
       : altered(LOOK_BEFORE_W)     ? S_SLEEP
       : altered(MARK_BEFORE_COVER) ? S_COVER
                                    : S_LOOK,
       "11. sets W");
}

static void look_again(struct step *step)
{
    if (look_at(&step->next, me_of(step)->side) != 1)
        go(step, LOCK, "12. can go on");
    else
        go(step, altered(LOOK_BEFORE_W) ? S_MARK : S_SLEEP, "12. must wait");
}

/* The kernel compares the word and the lower half of the stamp. */
static void fall_asleep(struct step *step)
{
    struct thread *me = me_of(step);
    bool same = step->next.w[me->side] || altered(NO_W);
    bool vain = look_at(&step->next, me->side) == 1 || altered(NO_STAMP) || altered(NO_LOOK);
    bool sleeps = (same && vain) || altered(NO_COMPARE);
    go(step, sleeps ? ASLEEP : LOCK, "13. sleeps while both are as seen");
}

static void cover(struct step *step, int which, bool altered_away, enum place then)
{
    if (!altered_away)
        me_of(step)->flags |= (uint8_t)which;
    go(step, then, "pending");
}

/* The deadline and the patrol's look. */
static void asleep(const struct step *from)
{
    struct step step = *from;
    if (size(SIZE_PATROL) && !altered(NO_PATROL))
        go(&step, LOCK, "looks again after 20 ms");
    step = *from;
    if (size(SIZE_TIMED)) {
        me_of(&step)->flags |= LEAVING;
        me_of(&step)->place = LOCK;
        explore_step(step.run, &step.next, false, "its deadline");
    }
}

static void uncover(struct step *step)
{
    if (!altered(NO_UNCOVER))
        me_of(step)->flags &= (uint8_t)~COVER_OTHER;
    go(step,
       altered(WAKE_BEFORE_COMMIT)    ? ADVANCE
       : altered(UNCOVER_BEFORE_WAKE) ? LOOK_W
       : altered(WAKE_UNLOCKED)       ? GONE
                                      : UNLOCK,
       "8. pending = NULL");
}

static void own_step(const struct state *state, int i, struct explore *run)
{
    struct step step = {*state, i, run};
    switch (state->threads[i].place) {
    case LOCK:
        lock(&step);
        break;
    case LOOK:
        look(&step);
        break;
    case COPY:
        copy(&step, true);
        break;
    case COPIED:
        copy(&step, false);
        break;
    case COVER:
        cover(&step, COVER_OTHER, altered(NO_COVER), altered(WAKE_BEFORE_COMMIT) ? LOOK_W : COMMIT);
        break;
    case COMMIT:
        commit(&step);
        break;
    case ADVANCE:
        if (altered(WAKE_BEFORE_COMMIT)) {
            step.next.index[me_of(&step)->side]++;
            go(&step, UNLOCK, "6. moves the index on");
            break;
        }
        advance(&step);
        break;
    case LOOK_W:
        look_w(&step);
        break;
    case WAKE:
        wake_one(&step, !me_of(&step)->side, woken_then(), altered(NO_CLEAR) ? woken_then() : CLEAR,
                 true, "7. wakes one");
        break;
    case CLEAR:
        clear(&step);
        break;
    case UNCOVER:
        uncover(&step);
        break;
    case UNLOCK:
        unlock(&step, altered(WAKE_UNLOCKED) && state->threads[i].rounds ? LOOK_W : GONE);
        break;
    case S_UNLOCK:
        unlock(&step, altered(MARK_BEFORE_COVER) ? S_MARK : S_COVER);
        break;
    case S_COVER:
        cover(&step, COVER_OWN, altered(NO_S_COVER),
              altered(LOOK_BEFORE_W) || altered(MARK_BEFORE_COVER) ? S_LOOK : S_MARK);
        break;
    case S_MARK:
        mark(&step);
        break;
    case S_LOOK:
        look_again(&step);
        break;
    case S_SLEEP:
        fall_asleep(&step);
        break;
    case ASLEEP:
        asleep(&step);
        break;
    default:
        break;
    }
}

/* Its locks are free; one sleeper of the pending word is woken, whatever W says. */
static void die(const struct state *state, int i, struct explore *run)
{
    struct step step = {*state, i, run};
    struct state *next = &step.next;
    struct thread was = *me_of(&step);
    bool told = !size(SIZE_PATROL) && was.flags & WOKEN && was.place > LOCK;
    if (told) /* the window */
        return;
    next->kills++;
    *me_of(&step) = (struct thread){.place = DEAD, .side = was.side};
    for (int side = 0; side < 2; side++)
        if (next->owner[side] == i + 1)
            next->owner[side] = 0;
    if (was.flags & (COVER_OWN | COVER_OTHER))
        wake_one(&step, was.flags & COVER_OTHER ? !was.side : was.side, DEAD, DEAD, false,
                 "killed; the kernel wakes one");
    else
        explore_step(run, next, false, "killed");
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < threads(); i++) {
        uint8_t place = state->threads[i].place;
        if (place == GONE || place == DEAD)
            continue;
        own_step(state, i, run);
        if (state->kills < size(SIZE_KILLS))
            die(state, i, run);
    }
}

static void start(void *bytes)
{
    struct state *state = bytes;
    for (int i = 0; i < size(SIZE_CELLS); i++)
        state->cells[i].stamp = (uint8_t)(i * 2);
    for (int i = 0; i < threads(); i++) {
        state->threads[i].side = i >= size(SIZE_PUTTERS);
        state->threads[i].rounds = (uint8_t)size(SIZE_ROUNDS);
    }
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    int inside = 0;
    for (int i = 0; i < size(SIZE_CELLS); i++)
        inside += state->cells[i].stamp % 2;
    for (int i = 0; i < threads(); i++)
        if (state->threads[i].place == GONE && state->threads[i].flags & (COVER_OWN | COVER_OTHER))
            return "a cover outlives its call";
    return state->puts - state->gets != inside ? "an item is lost, or there twice" : NULL;
}

/* Those asleep have nothing to wait for any more: the rule of the last one alive ends them. Asked
 * of what is inside, not of an index, which may lie behind. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    int inside = state->puts - state->gets;
    for (int i = 0; i < threads(); i++) {
        const struct thread *me = &state->threads[i];
        bool vain = me->side ? inside == 0 : inside == size(SIZE_CELLS);
        if (me->place != GONE && me->place != DEAD && !(me->place == ASLEEP && vain))
            return false;
    }
    return true;
}

static int order(const struct state *state, int i, int j)
{
    const struct thread *a = &state->threads[i], *b = &state->threads[j];
    int rc = memcmp(a, b, sizeof *a);
    for (int side = 0; side < 2 && rc == 0; side++)
        rc = (state->owner[side] == i + 1) - (state->owner[side] == j + 1);
    return rc;
}

/* Threads of one side are alike. */
static void normal(void *bytes)
{
    struct state *state = bytes;
    int putters = size(SIZE_PUTTERS);
    for (int i = 1; i < threads(); i++)
        for (int j = i; j > 0 && j != putters && order(state, j - 1, j) > 0; j--) {
            struct thread kept = state->threads[j];
            state->threads[j] = state->threads[j - 1];
            state->threads[j - 1] = kept;
            for (int side = 0; side < 2; side++)
                if (state->owner[side] == j || state->owner[side] == j + 1)
                    state->owner[side] ^= (uint8_t)(j ^ (j + 1));
        }
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {"lock",    "look",    "copy",     "copied",  "cover",
                                        "commit",  "advance", "look_w",   "wake",    "clear",
                                        "uncover", "unlock",  "s_unlock", "s_cover", "s_mark",
                                        "s_look",  "s_sleep", "ASLEEP",   "gone",    "DEAD"};
    const struct state *state = bytes;
    fprintf(out, "[%d %d%s%s", state->index[0], state->index[1], state->w[0] ? " room W" : "",
            state->w[1] ? " items W" : "");
    for (int i = 0; i < size(SIZE_CELLS); i++)
        fprintf(out, " %d", state->cells[i].stamp);
    fprintf(out, "]");
    for (int i = 0; i < threads(); i++) {
        const struct thread *me = &state->threads[i];
        fprintf(out, " %s:%s%s%s", me->side ? "get" : "put", names[me->place],
                me->flags & (COVER_OWN | COVER_OTHER) ? "+c" : "", me->flags & WOKEN ? "+s" : "");
    }
}

/* What the numbers mean: the enum SIZE_... above. p: putters, g: getters, k: kills. */
static const struct explore_case cases[] = {
    {"2p 2g", {2, 2, 1, 1, 0, 0, 0}, false},
    {"1p 1g twice", {1, 1, 1, 2, 0, 0, 0}, false},
    {"1p 1g 1k", {1, 1, 1, 2, 1, 0, 0}, false},
    {"2p 2g 1k", {2, 2, 1, 1, 1, 0, 0}, false},
    {"1p 2g twice 1k", {1, 2, 2, 2, 1, 0, 0}, false},
    {"2p 1g twice 1k", {2, 1, 1, 2, 1, 0, 0}, false},
    {"2p 2g deadline", {2, 2, 1, 1, 0, 1, 0}, false},
    {"2p 2g 1k deadline", {2, 2, 1, 1, 1, 1, 1}, false},
    {"2p 2g 2k patrol", {2, 2, 2, 1, 2, 0, 1}, false},
    {"2p 3g 2k patrol", {2, 3, 1, 1, 2, 0, 1}, true},
    {"2p 2g twice 1k", {2, 2, 1, 2, 1, 0, 1}, true},
    {"2p 2g twice 2k", {2, 2, 2, 2, 2, 1, 1}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_LOCK, "2p 2g", "1 dropped: two at one end"},
    {NO_HEAL, "2p 2g 1k", "2: an index that a dead one left behind stays"},
    {COMMIT_BEFORE_COPY, "2p 2g", "5 before 3: commits, then copies"},
    {ADVANCE_BEFORE_COMMIT, "2p 2g 1k", "6 before 5: a ticket, then the item"},
    {NO_COVER, "2p 2g 1k", "4 dropped: no pending around commit and wake"},
    {NO_WAKE, "2p 2g", "7 dropped: wakes nobody"},
    {WAKE_BEFORE_COMMIT, "2p 2g", "7 before 5: wakes, then commits"},
    {CLEAR_NO_WAKE, "2p 2g", "7a: takes W off, wakes nobody"},
    {UNCOVER_BEFORE_WAKE, "2p 2g 1k", "8 before 7: pending = NULL, then wakes"},
    {NO_UNCOVER, "2p 2g 1k deadline", "8 dropped: pending stays"},
    {KEEP_LOCK, "2p 2g", "10 dropped: sleeps with the lock"},
    {NO_S_COVER, "2p 2g 1k", "10: a sleeper has no pending"},
    {NO_W, "2p 2g", "11 dropped: sleeps without W"},
    {NO_LOOK, "2p 2g", "12 dropped: sleeps without a second look"},
    {NO_COMPARE, "2p 2g", "13: the kernel does not compare before it queues"},
    {NO_STAMP, "2p 2g 1k", "13: the kernel compares the word alone"},
    {NO_LAST_TRY, "2p 2g deadline", "13: leaves at its deadline without a look"},
    {NO_PATROL, "2p 2g 2k patrol", "14 dropped: no patrol"},
    {0},
};

/* Without 7a a word that was once slept on costs each later commit a system call. The pending word
 * may be named behind W, because a sleeper counts only once it sleeps. 12 may come before 11, since
 * the kernel compares the stamp once more. */
static const struct explore_variant harmless[] = {
    {NO_CLEAR, "2p 2g 1k", "7a dropped: a stale W stays"},
    {LOOK_BEFORE_W, "2p 2g 1k", "11 and 12 exchanged: looks, then sets W"},
    {MARK_BEFORE_COVER, "2p 2g 1k", "10 and 11 exchanged: sets W, then pending"},
    {0},
};

EXPLORE_MAIN("queue", .wrong = wrong, .normal = normal)
