/* Model of the shared once (src/sync/once.c, shared_lock.c steps 8 and 9;
 * docs/shared-memory-small.md): all orders of its steps, with kills.
 *
 * The lock's steps are those of lock.c, as far as a once takes them: a function that ends well is
 * followed by 8, one that fails by 5 to 7. Where a case has two kills, sleepers look again after 20
 * ms: a woken one that is killed while a late taker holds the word passes nothing on.
 *
 * What must hold, in every state: the function runs for one at a time, and not again when it has
 * ended well; who is told 0 sees that it has; nobody is told that the lock was given up; nobody
 * sleeps when it is over, or while the word is free. */
#include "waiters.h"

/* Of object. FAILS: how often the function may still fail. */
enum { OWNER, BITS, OVER, REFUSED, FAILS, ENDED };
enum { W = 1, D = 2 };

enum {
    A_FAST = FIRST,
    A_COVER, /* 1 */
    A_OVER,  /* 9 */
    A_SEE,   /* 2 */
    A_TAKE,  /* 2 */
    A_LINK,  /* 2a */
    A_UNCOVER,
    A_CHECK, /* 2c */
    A_AGAIN, /* 9 */
    A_LATE,  /* 9: over meanwhile */
    A_LATER,
    A_MEND,
    S_SEE,  /* 3 */
    S_OVER, /* 9 */
    S_MARK, /* 3 */
    S_SLEEP,
    F_WAKE, /* 9: who has slept and finds it over */
    LEAVE,
    RUN,
    O_COVER, /* 8 */
    O_UNLINK,
    O_STORE,
    O_WAKE,
    R_COVER, /* 5 */
    R_UNLINK,
    R_REFUSE,
    R_STORE,
    R_WAKE,
    R_CLEAR,
    R_UNCOVER,
};

enum { SIZE_THREADS, SIZE_FAILS, SIZE_KILLS, SIZE_TIMED, SIZE_PATROL };

enum alter {
    FULL,
    NO_OVER_FIRST,
    NO_OVER_BEFORE_SLEEP,
    NO_OVER_AGAIN,
    NO_FOUND_WAKE,
    NO_O_COVER,
    NO_O_UNLINK,
    STORE_IN_TWO,
    STORE_BEFORE_UNLINK,
    WAKE_BEFORE_STORE,
    UNCOVER_BEFORE_WAKE,
    NO_O_WAKE,
    O_WAKE_ONE,
    OVER_UNMENDED,
    LATE_SILENT,
    NO_R_WAKE,
};
#define altered(x) explore_altered(x)

static bool waiters_die(struct state *next, int i)
{
    const struct thread *me = &next->threads[i];
    uint8_t *object = next->object;
    bool covered = me->flags & COVERED, mine = object[OWNER] == i + 1;
    if (mine && (covered || me->flags & LINKED)) {
        object[OWNER] = 0;
        object[BITS] |= D;
        return object[BITS] & W;
    }
    return covered && object[OWNER] == 0;
}

static bool waiters_queued(const struct thread *me)
{
    return me->place == ASLEEP;
}

static void waiters_woken(struct state *next, int j)
{
    (void)next;
    (void)j;
}

static uint8_t word(const struct state *state)
{
    return (uint8_t)(state->object[OWNER] << 2 | state->object[BITS]);
}

static bool has_ended(const struct state *state)
{
    return state->object[OVER];
}

/* ---- acquire */

static void acquire(struct step *step)
{
    struct thread *me = step->me;
    uint8_t *object = step->next.object;
    switch (me->place) {
    case A_FAST:
        go(step, has_ended(&step->next) ? GONE : A_COVER, "looks whether it is over");
        break;
    case A_COVER:
        me->flags |= COVERED;
        go(step, A_OVER, "1. pending");
        break;
    case A_OVER:
        if (has_ended(&step->next) && !altered(NO_OVER_FIRST))
            go(step, me->flags & SLEPT && !altered(NO_FOUND_WAKE) ? F_WAKE : LEAVE, "9. is over");
        else
            go(step, A_SEE, "9. is not over");
        break;
    case A_SEE:
        me->seen = word(&step->next);
        go(step, object[OWNER] == 0 ? A_TAKE : me->flags & LEAVES ? LEAVE : S_SEE, "2. looks");
        break;
    case A_TAKE:
        if (me->seen != word(&step->next)) {
            go(step, A_SEE, "2. CAS fails");
            break;
        }
        object[OWNER] = (uint8_t)(step->i + 1);
        go(step, A_LINK, "2. takes it");
        break;
    case A_LINK:
        for (int j = 0; j < THREADS_MOST; j++)
            if (step->next.threads[j].flags & LINKED)
                explore_fault(step->run, "another's list leads into this one's");
        me->flags |= LINKED;
        go(step, A_UNCOVER, "2a. links it");
        break;
    case A_UNCOVER:
        me->flags &= (uint8_t)~COVERED;
        go(step, A_CHECK, "2b. pending = NULL");
        break;
    case A_CHECK:
        if (me->seen & D && object[REFUSED])
            explore_fault(step->run, "told that it was given up");
        me->kept = me->seen & D;
        me->seen = 0;
        go(step, A_AGAIN, "2c. has it");
        break;
    case A_AGAIN:
        if (has_ended(&step->next) && !altered(NO_OVER_AGAIN))
            go(step, A_LATE, "9. is over");
        else
            go(step, me->kept ? A_MEND : RUN, "9. is not over");
        break;
    case A_LATE:
        if (!altered(LATE_SILENT))
            object[BITS] |= W;
        go(step, A_LATER, "9. sets W, so that its release wakes one");
        break;
    case A_LATER:
        if (!altered(OVER_UNMENDED))
            object[BITS] &= (uint8_t)~D;
        go(step, R_COVER, "9. mends, gives it back");
        break;
    default: /* A_MEND */
        object[BITS] &= (uint8_t)~D;
        me->kept = 0;
        go(step, RUN, "mends");
    }
}

static void sleeps(struct step *step)
{
    struct thread *me = step->me;
    uint8_t *object = step->next.object;
    switch (me->place) {
    case S_SEE:
        me->seen = word(&step->next);
        go(step,
           object[OWNER] == 0              ? A_OVER
           : altered(NO_OVER_BEFORE_SLEEP) ? S_MARK
                                           : S_OVER,
           "3. looks");
        break;
    case S_OVER:
        go(step, has_ended(&step->next) ? A_OVER : S_MARK, "9. looks whether it is over");
        break;
    case S_MARK:
        if (!(me->seen & W) && me->seen != word(&step->next)) {
            go(step, S_SEE, "3. CAS fails");
            break;
        }
        if (!(me->seen & W))
            object[BITS] |= W;
        me->seen |= W;
        go(step, S_SLEEP, "3. W is set");
        break;
    default: /* S_SLEEP */
        me->flags |= SLEPT;
        go(step, me->seen == word(&step->next) ? ASLEEP : ROUSED, "4. the kernel compares");
    }
}

/* ---- the function, and what follows */

static void run(struct step *step)
{
    struct state *next = &step->next;
    for (int j = 0; j < THREADS_MOST; j++)
        if (j != step->i && next->threads[j].place == RUN)
            explore_fault(step->run, "two run it");
    if (next->object[ENDED] && has_ended(next))
        explore_fault(step->run, "it runs though it has ended well");
    go(step, O_COVER, "the function ends well");
    if (next->object[FAILS] == 0)
        return;
    next->object[FAILS]--;
    go(step, R_COVER, "the function fails");
}

static void leave_lock(struct step *step, int place, const char *label)
{
    step->me->flags &= (uint8_t)~LINKED;
    go(step, place, label);
}

static void store_over(struct step *step)
{
    uint8_t *object = step->next.object;
    struct thread *me = step->me;
    bool second = me->turns;
    bool ends = !altered(STORE_IN_TWO) || second;
    if (me->turns == 0)
        me->kept = object[BITS] & W;
    if (ends) {
        object[OVER] = 1;
        object[ENDED] = 1;
    }
    if (!second) {
        object[OWNER] = 0;
        object[BITS] = 0;
    }
    me->turns = !second && altered(STORE_IN_TWO);
    if (me->turns) {
        go(step, O_STORE, "8. the word");
        return;
    }
    int after = altered(STORE_BEFORE_UNLINK)   ? O_UNLINK
                : altered(UNCOVER_BEFORE_WAKE) ? R_UNCOVER
                                               : O_WAKE;
    go(step,
       me->kept && !altered(NO_O_WAKE) && !altered(WAKE_BEFORE_STORE) ? after
       : after == O_UNLINK                                            ? O_UNLINK
                                                                      : R_UNCOVER,
       "8. is over");
}

static void over(struct step *step)
{
    struct thread *me = step->me;
    switch (me->place) {
    case O_COVER:
        if (!altered(NO_O_COVER))
            me->flags |= COVERED;
        go(step, altered(STORE_BEFORE_UNLINK) || altered(NO_O_UNLINK) ? O_STORE : O_UNLINK,
           "8. pending");
        break;
    case O_UNLINK:
        leave_lock(step,
                   !altered(STORE_BEFORE_UNLINK) ? altered(WAKE_BEFORE_STORE) ? O_WAKE : O_STORE
                   : me->kept                    ? O_WAKE
                                                 : R_UNCOVER,
                   "8. unlinks it");
        break;
    case O_STORE:
        store_over(step);
        break;
    default: /* O_WAKE */
        me->kept = 0;
        if (altered(O_WAKE_ONE)) {
            me->place = R_UNCOVER;
            wake_one(step, true, "8. wakes one");
            break;
        }
        wake_all(&step->next);
        go(step, altered(WAKE_BEFORE_STORE) ? O_STORE : R_UNCOVER, "8. wakes all");
    }
}

static void release(struct step *step)
{
    struct thread *me = step->me;
    uint8_t *object = step->next.object;
    switch (me->place) {
    case R_COVER:
        me->flags |= COVERED;
        go(step, R_UNLINK, "5. pending");
        break;
    case R_UNLINK:
        leave_lock(step, object[BITS] & D ? R_REFUSE : R_STORE, "5a. unlinks it");
        break;
    case R_REFUSE:
        object[REFUSED] = 1;
        go(step, R_STORE, "5b. given up");
        break;
    case R_STORE:
        object[OWNER] = 0;
        go(step, object[BITS] & W && !altered(NO_R_WAKE) ? R_WAKE : R_UNCOVER, "5c. is free");
        break;
    case R_WAKE: {
        bool any = false;
        for (int j = 0; j < THREADS_MOST; j++)
            any |= waiters_queued(&step->next.threads[j]);
        me->place = any ? R_UNCOVER : R_CLEAR;
        wake_one(step, true, "6. wakes one");
        break;
    }
    case R_CLEAR:
        object[BITS] &= (uint8_t)~W;
        wake_all(&step->next);
        go(step, R_UNCOVER, "6a. W off, wakes all");
        break;
    default: /* R_UNCOVER */
        if (altered(UNCOVER_BEFORE_WAKE) && me->kept) {
            me->flags &= (uint8_t)~COVERED;
            go(step, O_WAKE, "7. pending = NULL");
            break;
        }
        *me = (struct thread){.flags = altered(NO_O_UNLINK) ? me->flags & LINKED : 0};
        go(step, GONE, "7. pending = NULL");
    }
}

/* ---- the model */

static void start(void *bytes)
{
    struct state *state = bytes;
    state->kills = (uint8_t)size(SIZE_KILLS);
    state->hole = (uint8_t)size(SIZE_PATROL);
    state->object[FAILS] = (uint8_t)size(SIZE_FAILS);
    for (int i = 0; i < THREADS_MOST; i++) {
        state->threads[i].place = i < size(SIZE_THREADS) ? A_FAST : GONE;
        if (i >= size(SIZE_THREADS) - size(SIZE_TIMED))
            state->threads[i].flags = TIMED;
    }
}

static void steps(const void *bytes, struct explore *explore)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        struct step step;
        uint8_t place = begin(&step, state, i, explore)->place;
        if (place == GONE || place == DEAD)
            continue;
        kill_it(state, i, explore);
        if (place < FIRST) {
            end_sleep(state, i, A_OVER, explore);
        } else if (place <= A_MEND) {
            acquire(&step);
        } else if (place <= S_SLEEP) {
            sleeps(&step);
        } else if (place == F_WAKE) {
            wake_all(&step.next);
            go(&step, LEAVE, "9. has slept: wakes all");
        } else if (place == LEAVE) {
            *step.me = (struct thread){0};
            go(&step, GONE, "leaves, pending = NULL");
        } else if (place == RUN) {
            run(&step);
        } else if (place <= O_WAKE) {
            over(&step);
        } else {
            release(&step);
        }
    }
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    int inside = 0;
    for (int i = 0; i < THREADS_MOST; i++) {
        const struct thread *me = &state->threads[i];
        inside += me->place == RUN;
        if (is_over(me) && me->flags & (COVERED | LINKED))
            return "a cover or a link outlives its call";
    }
    if (inside > 1)
        return "two run it";
    return inside && has_ended(state) ? "it runs though it has ended well" : NULL;
}

static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    for (int i = 0; i < THREADS_MOST; i++)
        if (!is_over(&state->threads[i]))
            return false;
    return true;
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {
        "ASLEEP",  "passed",   "roused",   "gone",    "DEAD",     "fast",    "cover",
        "over?",   "see",      "take",     "link",    "uncover",  "check",   "again?",
        "late",    "later",    "mend",     "s_see",   "s_over?",  "s_mark",  "s_sleep",
        "f_wake",  "leave",    "RUN",      "o_cover", "o_unlink", "o_store", "o_wake",
        "r_cover", "r_unlink", "r_refuse", "r_store", "r_wake",   "r_clear", "r_uncover"};
    const struct state *state = bytes;
    fprintf(out, "[%d%s%s%s%s]", state->object[OWNER], state->object[BITS] & W ? " W" : "",
            state->object[BITS] & D ? " D" : "", has_ended(state) ? " over" : "",
            state->object[REFUSED] ? " given up" : "");
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        fprintf(out, " %d:%s%s%s%s", i + 1, names[me->place], me->flags & COVERED ? "+c" : "",
                me->flags & LINKED ? "+l" : "", me->flags & SLEPT ? "+s" : "");
    }
}

static const struct explore_case cases[] = {
    /* threads, failures, kills, how many have a deadline, patrol */
    {"3 threads", {3, 1, 0, 0, 0}, false},
    {"3 threads, deadline", {3, 1, 0, 1, 0}, false},
    {"3 threads, 1 kill", {3, 1, 1, 0, 0}, false},
    {"3, 1 kill, deadline", {3, 0, 1, 1, 0}, false},
    {"4 threads, 1 kill", {4, 0, 1, 0, 0}, true},
    {"3 threads, 2 kills", {3, 1, 2, 0, 1}, false},
    {"4 threads, 2 kills", {4, 0, 2, 0, 1}, true},
    {"4, 3 kills, failures", {4, 2, 3, 1, 1}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_O_COVER, "3 threads, 1 kill", "8 without pending"},
    {NO_O_UNLINK, "3 threads", "8 stays linked"},
    {STORE_BEFORE_UNLINK, "3 threads, 1 kill", "8 exchanged: is over, then unlinks"},
    {STORE_IN_TWO, "3 threads", "8 in two steps: the word, then OVER"},
    {WAKE_BEFORE_STORE, "3 threads", "8 exchanged: wakes, then is over"},
    {UNCOVER_BEFORE_WAKE, "3 threads, 1 kill", "8 exchanged: pending = NULL, then wakes"},
    {NO_O_WAKE, "3 threads", "8 wakes nobody"},
    {NO_OVER_AGAIN, "3 threads", "9 left out behind 2b: runs it again"},
    {NO_FOUND_WAKE, "4 threads, 1 kill", "9: who has slept wakes nobody"},
    {LATE_SILENT, "3 threads, 1 kill", "9: a late taker wakes nobody"},
    {OVER_UNMENDED, "4 threads, 1 kill", "9: gives back what is over without a mend"},
    {NO_R_WAKE, "3 threads", "6 left out: a failure wakes nobody"},
    {0},
};

static const struct explore_variant harmless[] = {
    {NO_OVER_FIRST, "3 threads, 1 kill", "9 left out before 2: takes it for nothing"},
    {NO_OVER_BEFORE_SLEEP, "3 threads, 1 kill", "9 left out before 3: sleeps for a late taker"},
    {O_WAKE_ONE, "3 threads, 1 kill", "8 wakes one, since who has slept wakes the others"},
    {0},
};

EXPLORE_MAIN("once", .wrong = wrong)
