/* Model of the shared latch (src/sync/latch.c, docs/shared-memory-small.md): all orders of its
 * steps, with kills.
 *
 * What is modelled: the 64 bits of count, W and turns, which change in one step, `raised` beside
 * them, each thread's pending word. Waiters wait; threads that count down take off what the latch
 * had at first; the others raise it by one and count down by one, some times.
 *
 * What must hold: nobody sleeps for ever although the count was 0 since he came, nobody is let
 * through who has seen none. How often the count was 0 is counted beside the protocol (`zeros`).
 * Patrol helps only him for whom the turns came round between his look and his sleep. */
#include "waiters.h"

enum { COUNT, WORD, TURNS, RAISED, ZEROS }; /* of `object` */
enum { W = 1, TURN = 2, TURN_2 = 4 };       /* of WORD; turns are the number of zeros modulo 4 */

enum place {
    BEGIN = FIRST, /* 1: the times */
    FAST,
    COVER,
    LOOK,
    LOOK_RAISED,
    SET_W, /* 2 */
    SET_W_RAISED,
    SET_W_SWAP,
    SLEEP,
    SWEEP,       /* 6 */
    WAKE_OTHERS, /* 5 */
    UNCOVER,
    A_COVER, /* 3 and 4 */
    A_RAISED,
    A_LOOK,
    A_BUMP,
    A_SWAP,
    A_BUMP_LATE,
    A_WAKE,
    A_UNCOVER
};

enum { SIZE_THREADS, SIZE_WAITERS, SIZE_DOWN, SIZE_ROUNDS, SIZE_KILLS, SIZE_TIMED };

enum alter {
    NONE,
    NO_W,
    NO_COMPARE,
    NO_RAISED,
    NO_TURNS,
    ONE_IS_ENOUGH,
    NO_TURN,
    KEEP_W,
    BUMP_LATE,
    BUMP_BLINDLY,
    BUMP_AT_ZERO,
    RAISED_LATE,
    SET_W_BLINDLY,
    NO_WAKE,
    WAKE_ONE,
    NO_5,
    NO_6,
    NO_COVER_WAITER,
    NO_COVER_ADDER,
    UNCOVER_EARLY
};

static uint8_t both(const struct state *state)
{
    return (uint8_t)(state->object[COUNT] << 3 | state->object[WORD]);
}

static bool waiters_die(struct state *next, int i)
{
    return next->threads[i].flags & COVERED;
}

static bool waiters_queued(const struct thread *me)
{
    return me->place == ASLEEP;
}

static void waiters_woken(struct state *next, int j)
{
}

/* The count was 0 between this waiter's coming and now. `kept`: zeros when it first looked. */
static bool was_open(const struct state *state, const struct thread *me)
{
    return state->object[COUNT] == 0 || state->object[ZEROS] != me->kept || me->flags & MARKED;
}

/* ---- waiters */

static void open_it(struct step *step, const char *label)
{
    if (!was_open(&step->next, step->me))
        explore_fault(step->run, "let through though the count was never 0");
    go(step, step->me->flags & SLEPT && !explore_altered(NO_5) ? WAKE_OTHERS : UNCOVER, label);
}

/* `seen`: what the 64 bits were. Behind a raise one who saw the 0 before it may add one more. */
static bool has_turned(const struct step *step, uint8_t seen)
{
    uint8_t grown = (uint8_t)(step->next.object[RAISED] - step->me->times);
    bool turned = (seen & (TURN | TURN_2)) != step->me->turns;
    if (explore_altered(ONE_IS_ENOUGH))
        return grown > 0;
    return (turned && !explore_altered(NO_TURNS)) || (grown > 1 && !explore_altered(NO_RAISED));
}

/* 2: the swap fails when anything of the 64 bits has changed. */
static void set_w(struct step *step)
{
    struct state *next = &step->next;
    if (both(next) != step->me->seen && !explore_altered(SET_W_BLINDLY)) {
        go(step, SET_W, "2. CAS fails");
        return;
    }
    bool first = !(next->object[WORD] & W) && next->object[RAISED] && !explore_altered(NO_6);
    if (!explore_altered(NO_W))
        next->object[WORD] |= W;
    step->me->seen = (step->me->seen & (W | TURN)) | W;
    step->me->flags |= SLEPT;
    go(step, first ? SWEEP : SLEEP, "2. sets W");
}

/* 2: of the turns one bit lies in the word that the kernel compares. */
static void sleep_on_it(struct step *step)
{
    uint8_t word = step->next.object[WORD] & (W | TURN), zeros = step->next.object[ZEROS];
    bool same = word == step->me->seen || explore_altered(NO_COMPARE) || explore_altered(NO_W);
    if (same && zeros - step->me->rounds > 1 && !explore_altered(NO_COMPARE))
        step->next.hole = 1;
    step->me->seen = 0;
    step->me->rounds = 0;
    go(step, same ? ASLEEP : LOOK, "2. the kernel compares");
}

static void wait_for(struct step *step)
{
    struct thread *me = step->me;
    const uint8_t *object = step->next.object;
    switch (me->place) {
    case BEGIN:
        me->times = object[RAISED];
        me->kept = object[ZEROS];
        me->flags |= object[COUNT] == 0 ? MARKED : 0;
        go(step, FAST, "1. notes the times");
        break;
    case FAST:
        me->turns = object[WORD] & (TURN | TURN_2);
        me->flags |= object[ZEROS] != me->kept ? MARKED : 0;
        me->kept = object[ZEROS];
        go(step, object[COUNT] == 0 ? UNCOVER : COVER, "1. looks at the count");
        break;
    case COVER:
        me->flags |= explore_altered(NO_COVER_WAITER) ? 0 : COVERED;
        go(step, LOOK, "pending = word");
        break;
    case LOOK:
        if (object[COUNT] == 0)
            open_it(step, "sees 0");
        else
            me->seen = both(&step->next), go(step, LOOK_RAISED, "sees no 0");
        break;
    case LOOK_RAISED:
        if (has_turned(step, me->seen))
            open_it(step, "sees that it was 0");
        else
            go(step, me->flags & LEAVES ? UNCOVER : SET_W, "sees the times of before");
        break;
    case SET_W:
        me->seen = both(&step->next);
        me->rounds = object[ZEROS];
        go(step, object[COUNT] == 0 ? LOOK : SET_W_RAISED, "2. looks at the count");
        break;
    case SET_W_RAISED:
        go(step, has_turned(step, me->seen) ? LOOK : SET_W_SWAP, "2. looks at the times");
        break;
    case SET_W_SWAP:
        set_w(step);
        break;
    case SLEEP:
        sleep_on_it(step);
        break;
    case SWEEP:
        wake_all(&step->next);
        go(step, SLEEP, "6. wakes who has not seen the last 0");
        break;
    case WAKE_OTHERS:
        wake_all(&step->next);
        go(step, UNCOVER, "5. wakes the others");
        break;
    default:
        *me = (struct thread){0};
        go(step, GONE, "pending = NULL");
    }
}

/* ---- counting */

/* Who raises does so each time that it has counted down. `flags` LEAVES: this one counts down. */
static bool raises(const struct step *step)
{
    return !(step->me->flags & LEAVES);
}

static void swap(struct step *step)
{
    struct state *next = &step->next;
    uint8_t *object = next->object;
    if (both(next) != step->me->seen) {
        go(step, A_RAISED, "CAS fails");
        return;
    }
    bool late = raises(step) && object[COUNT] == 0 && explore_altered(BUMP_LATE), wakes = false;
    object[COUNT] = (uint8_t)(object[COUNT] + (raises(step) ? 1 : -1));
    if (object[COUNT] == 0) {
        object[ZEROS]++;
        wakes = object[WORD] & W && !explore_altered(NO_WAKE);
        uint8_t turns = object[WORD] & (TURN | TURN_2), kept = explore_altered(KEEP_W) ? W : 0;
        if (!explore_altered(NO_TURN))
            turns = (turns + TURN) & (TURN | TURN_2);
        object[WORD] = turns | (object[WORD] & kept);
    }
    if (explore_altered(UNCOVER_EARLY))
        step->me->flags &= (uint8_t)~COVERED;
    go(step,
       late    ? A_BUMP_LATE
       : wakes ? A_WAKE
               : A_UNCOVER,
       raises(step) ? "4. raises" : "3. down");
}

/* 4: by compare and swap from what was read before the 0 was seen. */
static void bump(struct step *step, int then)
{
    uint8_t *raised = &step->next.object[RAISED];
    if (*raised == step->me->times || explore_altered(BUMP_BLINDLY))
        (*raised)++;
    go(step, then, "4. adds to raised");
}

static void look_at_count(struct step *step)
{
    uint8_t count = step->next.object[COUNT];
    bool bumps = raises(step) ? count == 0 && !explore_altered(BUMP_LATE)
                              : count == 1 && explore_altered(BUMP_AT_ZERO);
    step->me->seen = both(&step->next);
    if (explore_altered(BUMP_AT_ZERO))
        bumps &= !raises(step);
    int then = bumps ? A_BUMP : A_SWAP;
    if (explore_altered(RAISED_LATE) && bumps && step->me->place != A_RAISED)
        then = A_RAISED;
    go(step, then, "looks at the count");
}

/* The next call of this thread: what it has raised it counts down. */
static void end_count(struct step *step)
{
    bool down = step->me->flags & LEAVES;
    step->me->flags = step->me->flags & TIMED;
    step->me->seen = step->me->times = 0;
    if (!down)
        step->me->flags |= LEAVES;
    else
        step->me->rounds++;
    bool again = !(step->me->flags & TIMED) && step->me->rounds < size(SIZE_ROUNDS);
    if (!again)
        *step->me = (struct thread){0};
    go(step, again ? A_COVER : GONE, "pending = NULL");
}

static void count(struct step *step)
{
    bool late = explore_altered(RAISED_LATE);
    switch (step->me->place) {
    case A_COVER:
        step->me->flags |= explore_altered(NO_COVER_ADDER) ? 0 : COVERED;
        go(step, late ? A_LOOK : A_RAISED, "pending = word");
        break;
    case A_RAISED:
        step->me->times = step->next.object[RAISED];
        go(step, late && both(&step->next) == step->me->seen ? A_BUMP : A_LOOK, "4. reads raised");
        break;
    case A_LOOK:
        look_at_count(step);
        break;
    case A_BUMP:
        bump(step, A_SWAP);
        break;
    case A_SWAP:
        swap(step);
        break;
    case A_BUMP_LATE:
        bump(step, A_UNCOVER);
        break;
    case A_WAKE:
        if (explore_altered(WAKE_ONE)) {
            step->me->place = A_UNCOVER;
            wake_one(step, true, "3. wakes one");
            break;
        }
        wake_all(&step->next);
        go(step, A_UNCOVER, "3. wakes all");
        break;
    default:
        end_count(step);
    }
}

/* ---- the model */

static void start(void *bytes)
{
    struct state *state = bytes;
    *state = (struct state){.kills = (uint8_t)size(SIZE_KILLS)};
    state->object[COUNT] = (uint8_t)size(SIZE_DOWN);
    for (int i = 0; i < THREADS_MOST; i++) {
        struct thread *me = &state->threads[i];
        bool waits = i < size(SIZE_WAITERS), downs = i < size(SIZE_WAITERS) + size(SIZE_DOWN);
        me->place = i >= size(SIZE_THREADS) ? GONE : waits ? BEGIN : A_COVER;
        me->flags = waits ? (i < size(SIZE_TIMED) ? TIMED : 0) : downs ? TIMED | LEAVES : 0;
    }
}

static void steps(const void *bytes, struct explore *run)
{
    waiters_steps(bytes, run, LOOK, A_COVER, wait_for, count);
}

/* Who is left waits for a 0 that did not come. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        bool may_sleep =
            me->place == ASLEEP && state->object[COUNT] != 0 && state->object[ZEROS] == me->kept;
        if (!is_over(me) && !may_sleep)
            return false;
    }
    return true;
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {
        "ASLEEP", "passed by",   "roused",  "gone",     "DEAD",         "begin",      "fast",
        "cover",  "look",        "raised",  "set_w",    "set_w_raised", "set_w_swap", "sleep",
        "sweep",  "wake",        "uncover", "a_cover",  "a_raised",     "a_look",     "a_bump",
        "a_swap", "a_bump_late", "a_wake",  "a_uncover"};
    const struct state *state = bytes;
    fprintf(out, "[%d%s turns %d raised %d]", state->object[COUNT],
            state->object[WORD] & W ? " W" : "", state->object[WORD] / TURN, state->object[RAISED]);
    for (int i = 0; i < size(SIZE_THREADS); i++)
        fprintf(out, " %d:%s%s", i + 1, names[state->threads[i].place],
                state->threads[i].flags & COVERED ? "+c" : "");
}

static const struct explore_case cases[] = {
    /* threads, waiters of them, who count down what was there at first, rounds of who raise and
     * count down, kills, how many waiters have a deadline */
    {"2 waiters", {3, 2, 1, 0, 0, 1}, false},
    {"raised again", {4, 2, 1, 1, 0, 1}, false},
    {"comes round", {3, 1, 1, 4, 1, 0}, false},
    {"2 raise", {4, 1, 1, 1, 0, 0}, false},
    {"3 raise", {4, 1, 0, 0, 0, 0}, false},
    {"1 kill", {4, 2, 1, 1, 1, 1}, false},
    {"3 waiters, 2 kills", {4, 3, 1, 0, 2, 1}, false},
    {"2 raise, 1 kill", {4, 1, 1, 1, 1, 0}, false},
    {"2 kills", {4, 2, 1, 1, 2, 1}, false},
    {"2 kills, 2 rounds", {4, 2, 1, 2, 2, 1}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_W, "2 waiters", "2 without W"},
    {NO_COMPARE, "2 waiters", "2 without the kernel's compare"},
    {NO_TURNS, "1 kill", "2 looks at raised alone"},
    {NO_RAISED, "comes round", "2 looks at the turns alone"},
    {ONE_IS_ENOUGH, "2 raise", "2 takes raised for the number of raises"},
    {BUMP_BLINDLY, "3 raise", "4 adds to raised whatever it is"},
    {NO_TURN, "1 kill", "3 without a turn"},
    {BUMP_AT_ZERO, "2 raise", "3 adds to raised instead of 4"},
    {RAISED_LATE, "2 raise", "4 reads raised behind the count"},
    {NO_WAKE, "2 waiters", "3 wakes nobody"},
    {NO_5, "3 waiters, 2 kills", "5 left out"},
    {NO_6, "2 kills", "6 left out"},
    {NO_COVER_WAITER, "3 waiters, 2 kills", "a waiter without cover"},
    {NO_COVER_ADDER, "1 kill", "3 without cover"},
    {UNCOVER_EARLY, "1 kill", "3 uncovers before the wake"},
    {0},
};

static const struct explore_variant harmless[] = {
    {SET_W_BLINDLY, "1 kill", "2 sets W whatever the count is: the kernel compares the turn"},
    {BUMP_LATE, "comes round", "4 adds to raised behind the raise: by then it need not be exact"},
    {KEEP_W, "1 kill", "3 keeps W: each 0 from now on makes a system call"},
    {WAKE_ONE, "raised again", "3 wakes one, since 5 wakes the others"},
    {0},
};

EXPLORE_MAIN("latch")
