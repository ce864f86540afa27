/* Model of the shared value (src/sync/value.c, docs/shared-memory-small.md): all orders of its
 * steps, with kills.
 *
 * What is modelled: the number's two halves, of two bits each, W of the word beside them, each
 * thread's pending word, and that the kernel queues a sleeper on its three words one after the
 * other and compares each as it does so. Waiters wait until the number is not the one that they
 * saw.
 *
 * What must hold: nobody sleeps for ever on a number that is another one. Patrol helps only
 * where the kernel's wake of one for a killed one cannot: the changer found no W (4), a sleeper was
 * on his way into the kernel, or the one woken began to wait behind the change. */
#include "waiters.h"

enum { NUMBER, WORD }; /* of `object` */
enum { W = 1, HALF = 4 };

enum place {
    BEGIN = FIRST, /* 3: the number that is waited to go */
    COVER,
    LOOK,
    SET_W,
    LOOK_AGAIN,
    QUEUE,       /* 3: in the kernel, which compares and queues: `kept` of the three are done */
    WAKE_OTHERS, /* 6 */
    LEAVE_W,     /* 7 */
    LEAVE_LOOK,
    UNCOVER,
    C_LOOK, /* 4 */
    C_COVER,
    C_CLEAR,
    C_CHANGE,
    C_LOOK_AGAIN,
    C_WAKE,
    C_UNCOVER
};

enum { SIZE_THREADS, SIZE_WAITERS, SIZE_ROUNDS, SIZE_CHANGES, SIZE_STEP, SIZE_KILLS, SIZE_TIMED };

enum alter {
    NONE,
    NO_W,
    NO_LOOK,
    NO_COMPARE_UPPER,
    NO_COMPARE_WORD,
    UPPER_FIRST,
    WAKE_UPPER,
    NO_COVER_WAITER,
    NO_COVER_CHANGER,
    KEEP_W,
    CLEAR_LATE,
    NO_SECOND_LOOK,
    NO_WAKE,
    WAKE_ONE,
    NO_6,
    NO_7,
    UNCOVER_EARLY
};

static bool has_changed(const struct step *step)
{
    return step->next.object[NUMBER] != step->me->seen;
}

/* The word has no holder: one is woken, whatever W says. But not one who is on his way into the
 * kernel and has not come to the word yet. */
static bool waiters_die(struct state *next, int i)
{
    const struct thread *me = &next->threads[i];
    bool late = me->place == C_LOOK_AGAIN || me->place == C_WAKE;
    if (late && !(me->flags & MARKED))
        next->hole = 1;
    for (int j = 0; me->flags & COVERED && j < THREADS_MOST; j++)
        next->hole |= next->threads[j].place == QUEUE || next->threads[j].place == LOOK_AGAIN;
    return me->flags & COVERED;
}

/* Who began to wait behind the change sees none, and wakes nobody who began before it. */
static void waiters_woken(struct state *next, int j)
{
    next->hole |= next->threads[j].seen == next->object[NUMBER] && next->object[NUMBER] != 0;
}

enum part { OF_LOWER, OF_UPPER, OF_WORD };

/* 3: in which order the kernel queues it. */
static enum part part_at(int at)
{
    static const enum part usual[] = {OF_LOWER, OF_UPPER, OF_WORD},
                           upper_first[] = {OF_UPPER, OF_LOWER, OF_WORD};
    return explore_altered(UPPER_FIRST) ? upper_first[at] : usual[at];
}

static bool lies_in(const struct thread *me, enum part part)
{
    if (me->place == ASLEEP)
        return true;
    for (int at = 0; me->place == QUEUE && at < me->kept; at++)
        if (part_at(at) == part)
            return true;
    return me->place == PASSED_BY && part == OF_WORD;
}

static bool waiters_queued(const struct thread *me)
{
    return lies_in(me, OF_WORD);
}

/* By the address of a half: who lies in its queue, asleep or still on the way. */
static void wake_half(struct state *next)
{
    for (int j = 0; j < THREADS_MOST; j++) {
        struct thread *me = &next->threads[j];
        if (me->place == PASSED_BY ||
            !lies_in(me, explore_altered(WAKE_UPPER) ? OF_UPPER : OF_LOWER))
            continue;
        me->place = lies_in(me, OF_WORD) ? PASSED_BY : ROUSED;
        me->kept = 0;
    }
}

/* ---- waiters */

static void look(struct step *step)
{
    bool slept = step->me->flags & SLEPT;
    if (has_changed(step))
        go(step, slept && !explore_altered(NO_6) ? WAKE_OTHERS : UNCOVER, "sees the change");
    else if (step->me->flags & LEAVES)
        go(step, slept && !explore_altered(NO_7) ? LEAVE_W : UNCOVER, "sees none and leaves");
    else
        go(step, explore_altered(NO_W) ? LOOK_AGAIN : SET_W, "sees no change");
}

/* 3: the kernel compares and queues. */
static void queue(struct step *step)
{
    uint8_t number = step->next.object[NUMBER], seen = step->me->seen;
    enum part part = part_at(step->me->kept++);
    bool same = part == OF_WORD ? step->next.object[WORD] & W || explore_altered(NO_COMPARE_WORD) ||
                                      explore_altered(NO_W)
                : part == OF_LOWER
                    ? number % HALF == seen % HALF
                    : number / HALF == seen / HALF || explore_altered(NO_COMPARE_UPPER);
    bool last = step->me->kept > OF_WORD;
    if (!same || last)
        step->me->kept = 0;
    go(step,
       !same  ? LOOK
       : last ? ASLEEP
              : QUEUE,
       same ? "3. the kernel queues it" : "3. the kernel sees another");
}

static void leave(struct step *step)
{
    bool again = step->me->rounds + 1 < size(SIZE_ROUNDS) && !(step->me->flags & LEAVES);
    *step->me = (struct thread){.flags = step->me->flags & TIMED,
                                .rounds = (uint8_t)(step->me->rounds + 1)};
    go(step, again ? BEGIN : GONE, "pending = NULL");
}

static void wait_for(struct step *step)
{
    struct thread *me = step->me;
    struct state *next = &step->next;
    switch (me->place) {
    case BEGIN:
        me->seen = next->object[NUMBER];
        go(step, COVER, "waits");
        break;
    case COVER:
        me->flags |= explore_altered(NO_COVER_WAITER) ? 0 : COVERED;
        go(step, LOOK, "3. pending = word");
        break;
    case LOOK:
        look(step);
        break;
    case SET_W:
        next->object[WORD] |= W;
        me->flags |= SLEPT;
        go(step, explore_altered(NO_LOOK) ? QUEUE : LOOK_AGAIN, "3. sets W");
        break;
    case LOOK_AGAIN:
        go(step, has_changed(step) ? LOOK : QUEUE, "3. looks");
        break;
    case WAKE_OTHERS:
        wake_half(next);
        go(step, UNCOVER, "6. wakes the others");
        break;
    case LEAVE_W:
        next->object[WORD] |= W;
        go(step, LEAVE_LOOK, "7. sets W");
        break;
    case LEAVE_LOOK:
        go(step, has_changed(step) ? WAKE_OTHERS : UNCOVER, "7. looks once more");
        break;
    case UNCOVER:
        leave(step);
        break;
    default:
        queue(step);
    }
}

/* ---- changers */

static void change(struct step *step)
{
    uint8_t *number = &step->next.object[NUMBER];
    *number = (uint8_t)((*number + size(SIZE_STEP)) % (HALF * HALF));
    bool marked = step->me->flags & MARKED;
    if (explore_altered(UNCOVER_EARLY))
        step->me->flags &= (uint8_t)~COVERED;
    go(step,
       marked && explore_altered(CLEAR_LATE) ? C_CLEAR
       : marked                              ? C_WAKE
       : explore_altered(NO_SECOND_LOOK)     ? C_UNCOVER
                                             : C_LOOK_AGAIN,
       "changes the number");
}

static void clear(struct step *step)
{
    if (!explore_altered(KEEP_W))
        step->next.object[WORD] &= (uint8_t)~W;
    go(step, explore_altered(CLEAR_LATE) ? C_WAKE : C_CHANGE, "5. W off");
}

static void wake(struct step *step)
{
    if (explore_altered(WAKE_ONE)) {
        step->me->place = C_UNCOVER;
        wake_one(step, true, "wakes one");
        return;
    }
    if (!explore_altered(NO_WAKE))
        wake_half(&step->next);
    go(step, C_UNCOVER, "wakes all");
}

static void end_change(struct step *step)
{
    *step->me = (struct thread){.rounds = (uint8_t)(step->me->rounds + 1)};
    go(step, step->me->rounds < size(SIZE_CHANGES) ? C_LOOK : GONE, "pending = NULL");
}

static void change_it(struct step *step)
{
    bool marked = step->next.object[WORD] & W;
    switch (step->me->place) {
    case C_LOOK:
        go(step, marked ? C_COVER : C_CHANGE, marked ? "5. sees W" : "4. sees no W");
        break;
    case C_COVER:
        step->me->flags |= explore_altered(NO_COVER_CHANGER) ? MARKED : MARKED | COVERED;
        go(step, explore_altered(CLEAR_LATE) ? C_CHANGE : C_CLEAR, "5. pending = word");
        break;
    case C_CLEAR:
        clear(step);
        break;
    case C_CHANGE:
        change(step);
        break;
    case C_LOOK_AGAIN:
        go(step, marked ? C_WAKE : C_UNCOVER, "4. looks for W again");
        break;
    case C_WAKE:
        wake(step);
        break;
    default:
        end_change(step);
    }
}

/* ---- the model */

static void start(void *bytes)
{
    struct state *state = bytes;
    *state = (struct state){.kills = (uint8_t)size(SIZE_KILLS)};
    for (int i = 0; i < THREADS_MOST; i++) {
        int place = i >= size(SIZE_THREADS) ? GONE : i < size(SIZE_WAITERS) ? BEGIN : C_LOOK;
        state->threads[i].place = (uint8_t)place;
        state->threads[i].flags = i < size(SIZE_TIMED) ? TIMED : 0;
    }
}

static void steps(const void *bytes, struct explore *run)
{
    waiters_steps(bytes, run, LOOK, C_LOOK, wait_for, change_it);
}

/* Who is left waits for a change that nobody will make. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        if (!is_over(me) && (me->place != ASLEEP || me->seen != state->object[NUMBER]))
            return false;
    }
    return true;
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {
        "ASLEEP",   "passed by",    "roused",  "gone",       "DEAD",    "begin",
        "cover",    "look",         "set_w",   "look_again", "queue",   "wake",
        "leave_w",  "leave_look",   "uncover", "c_look",     "c_cover", "c_clear",
        "c_change", "c_look_again", "c_wake",  "c_uncover"};
    const struct state *state = bytes;
    fprintf(out, "[%d%s%s]", state->object[NUMBER], state->object[WORD] & W ? " W" : "",
            state->hole ? " hole" : "");
    for (int i = 0; i < size(SIZE_THREADS); i++)
        fprintf(out, " %d:%s%s(%d)", i + 1, names[state->threads[i].place],
                state->threads[i].flags & COVERED ? "+c" : "", state->threads[i].seen);
}

static const struct explore_case cases[] = {
    /* threads, waiters of them, their rounds, changes of each other, by how much, kills, how many
     * waiters have a deadline */
    {"lower half", {3, 2, 2, 2, 1, 0, 1}, false},
    {"upper half", {3, 2, 2, 2, HALF, 0, 1}, false},
    {"2 changers", {4, 2, 1, 1, 1, 0, 1}, false},
    {"1 kill", {4, 2, 1, 1, 1, 1, 1}, false},
    {"1 kill, 2 rounds", {3, 2, 2, 2, 1, 1, 1}, false},
    {"2 kills", {4, 2, 1, 1, HALF, 2, 1}, false},
    {"3 waiters, 2 kills", {4, 3, 1, 1, 1, 2, 1}, false},
    {"2 kills, 2 rounds", {4, 2, 2, 2, 1, 2, 1}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_W, "lower half", "3 without W"},
    {NO_COMPARE_UPPER, "upper half", "3 without the kernel's compare of the upper half"},
    {UPPER_FIRST, "upper half", "3 with the upper half first"},
    {WAKE_UPPER, "lower half", "4 and 5 wake the upper half's sleepers"},
    {NO_COVER_WAITER, "2 kills", "3 without cover"},
    {NO_COVER_CHANGER, "1 kill", "5 without cover"},
    {NO_SECOND_LOOK, "lower half", "4 without the look behind the change"},
    {NO_WAKE, "lower half", "5 wakes nobody"},
    {NO_6, "3 waiters, 2 kills", "6 left out"},
    {NO_7, "2 kills", "7 left out"},
    {UNCOVER_EARLY, "1 kill", "5 uncovers before the wake"},
    {0},
};

static const struct explore_variant harmless[] = {
    {NO_COMPARE_WORD, "1 kill", "3 without the kernel's compare of W: patrol finds out"},
    {NO_LOOK, "1 kill", "3 without the look behind W: the kernel looks too"},
    {KEEP_W, "1 kill", "5 keeps W: each change from now on makes a system call"},
    {CLEAR_LATE, "1 kill", "5 takes W off behind the change: but the object may be gone"},
    {0},
};

EXPLORE_MAIN("value")
