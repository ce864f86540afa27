/* Model of the shared lock (src/sync/shared_lock.c, docs/shared-memory.md): all orders of its
 * steps, with kills.
 *
 * What is modelled: the word (holder, W, D), the mark `refused`, the link that lies in the lock,
 * each thread's pending word and whether its list leads through the lock. The kernel's work at a
 * death is one step, because nobody but the kernel's own order can come between: it walks the
 * list, leaves out the pending word, then treats the pending word. A thread may be killed before
 * each of its steps, be stopped for ever (SIGSTOP), or be killed in a way that the kernel does
 * not mark (process_mrelease).
 *
 * What must hold, in every state:
 *   - never two inside;
 *   - stuck: nobody runnable although someone waits, and the holder is not a stopped, living
 *     thread;
 *   - told wrong: an owner died inside and the next one is told 0, or told so though nobody died,
 *     or gets in after it was given up;
 *   - a dying thread's list never leads into another thread's list (its other locks would be
 *     lost);
 *   - no cover outlives its call, nothing unheld is linked;
 *   - where nobody died or stopped, no W is left behind when all have gone.
 *
 * Threads are alike, so states that differ only in who is who count once. */
#include "lock_threads.h"
#include "lock_variants.h"

/* ---- acquire */

/* 2: what was seen decides. */
static void look(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = me_of(step);
    me->seen_owner = next->owner;
    me->seen_bits = next->bits;
    if (next->owner == NOBODY && next->bits & D && next->refused && altered(CHECK_BEFORE_TAKE))
        go(step, L_UNCOVER, "2. sees that it was given up");
    else if (next->owner == NOBODY)
        go(step, altered(SWAP_TAKE_LINK) ? A_LINK : A_TAKE, "2. sees it free");
    else if (me->flags & LEAVING)
        go(step, L_UNCOVER, "4. tried once more, leaves");
    else if (next->bits & W || altered(NO_W))
        go(step, A_SLEEP, "3. sees W");
    else
        go(step, A_MARK_W, "2. sees it held");
}

/* 2: the CAS. What the new owner is told is decided here. */
static void take(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = me_of(step);
    if (!sees_the_same(next, me) && !altered(TAKE_BLINDLY)) {
        me->flags &= (uint8_t)~LINKED; /* (only an altered protocol has linked already) */
        go(step, A_LOOK, "2. CAS fails");
        return;
    }
    if (next->owner != NOBODY)
        explore_fault(step->run, "two inside");
    next->owner = (uint8_t)(step->i + 1);
    if (altered(TAKE_SETS_W) && me->flags & WOKEN)
        next->bits |= W;
    me->flags &= (uint8_t) ~(WOKEN | LEAVING);
    me->seen_owner = me->seen_bits = 0;
    if (altered(SWAP_COVER_TAKE))
        go(step, A_COVER, "2. takes it");
    else if (altered(SWAP_TAKE_LINK) || altered(SWAP_LINK_UNCOVER))
        go(step, A_UNCOVER, "2. takes it");
    else
        go(step, A_LINK, "2. takes it");
}

static void link_it(struct step *step)
{
    struct thread *me = me_of(step);
    if (!altered(NO_LINK)) {
        me->flags |= LINKED;
        step->next.link = (uint8_t)(step->i + 1);
    }
    go(step,
       altered(SWAP_TAKE_LINK)                                     ? A_TAKE
       : altered(SWAP_LINK_UNCOVER) || altered(SWAP_UNCOVER_CHECK) ? A_CHECK
                                                                   : A_UNCOVER,
       "2a. links it");
}

static void uncover_acquire(struct step *step)
{
    if (!altered(NO_UNCOVER_ACQUIRE))
        me_of(step)->flags &= (uint8_t)~COVERED;
    go(step,
       altered(SWAP_LINK_UNCOVER)    ? A_LINK
       : altered(SWAP_UNCOVER_CHECK) ? INSIDE
                                     : A_CHECK,
       "2b. pending = NULL");
}

/* 2c: what the new owner is told. */
static void check(struct step *step)
{
    struct state *next = &step->next;
    bool told = next->bits & D;
    if (told && next->refused && !altered(NO_CHECK) && !altered(CHECK_BEFORE_TAKE)) {
        go(step, altered(SWAP_COVER_UNLINK) ? R_UNLINK : R_COVER,
           "2c. given up: releases it again");
        return;
    }
    if (next->given_up)
        explore_fault(step->run, "told wrong: gets in although it was given up");
    if (next->died && !told)
        explore_fault(step->run, "told wrong: 0 although an owner died inside");
    if (!next->died && told)
        explore_fault(step->run, "told wrong: a death although nobody died inside");
    go(step, altered(SWAP_UNCOVER_CHECK) ? A_UNCOVER : INSIDE,
       told ? "2c. gets in, told of a death" : "gets in");
}

static void mark_w(struct step *step)
{
    struct state *next = &step->next;
    struct thread *me = me_of(step);
    if (!sees_the_same(next, me) && !altered(MARK_W_BLINDLY)) {
        go(step, A_LOOK, "3. CAS fails");
        return;
    }
    next->bits |= W;
    me->seen_owner = next->owner;
    me->seen_bits = next->bits;
    go(step, A_SLEEP, "3. sets W");
}

static void sleep_on_it(struct step *step)
{
    if (sees_the_same(&step->next, me_of(step)) || altered(NO_COMPARE)) {
        go(step, ASLEEP, "4. sleeps");
    } else {
        me_of(step)->flags |= WOKEN;
        go(step, A_LOOK, "4. the kernel sees another value");
    }
}

/* What may end a sleep beside a wake: the deadline or a cancel, and the patrol's look, which does
 * something only when something has changed. */
static void asleep(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    struct thread *me = me_of(&step);
    if (me->flags & TIMED) {
        me->flags |= WOKEN | LEAVING;
        go(&step, altered(NO_LAST_TRY) ? L_UNCOVER : A_LOOK, "4. deadline or cancel");
    }
    if (!size(SIZE_PATROL) || altered(NO_PATROL))
        return;
    step = step_of(state, i, run);
    me->flags |= WOKEN;
    if (holder_is_gone(state) && sees_the_same(state, me)) {
        if (!altered(NO_IDENTITY))
            go(&step, P_MARK, "patrol: the holder is gone");
    } else if (!sees_the_same(state, me)) {
        go(&step, A_LOOK, "patrol: something has changed");
    }
}

/* As the kernel would: CAS TID|W -> D|W. It wakes nobody, because it looks again itself. */
static void patrol_mark(struct step *step)
{
    struct state *next = &step->next;
    if (!sees_the_same(next, me_of(step)) && !altered(PATROL_MARK_BLINDLY)) {
        go(step, A_LOOK, "patrol: somebody else marked it");
        return;
    }
    next->owner = NOBODY;
    next->bits |= D;
    if (altered(PATROL_WAKES))
        wake_one(step, A_LOOK, A_LOOK, true, "patrol: marks it and wakes one");
    else
        go(step, A_LOOK, "patrol: marks it");
}

/* Woken in the instant of a cancel, a thread leaves after one more look: the same as a time-out
 * of one that was woken. */
static void woken_and_cancelled(const struct state *state, int i, struct explore *run)
{
    const struct thread *me = &state->threads[i];
    if (me->place != A_LOOK || !(me->flags & TIMED) || !(me->flags & WOKEN) || me->flags & LEAVING)
        return;
    struct step step = step_of(state, i, run);
    me_of(&step)->flags |= LEAVING;
    go(&step, altered(NO_LAST_TRY) ? L_UNCOVER : A_LOOK, "4. cancelled while it was being woken");
}

static void acquire(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    struct thread *me = me_of(&step);
    switch (me->place) {
    case A_COVER:
        if (!altered(NO_COVER_ACQUIRE))
            me->flags |= COVERED;
        go(&step, state->owner == i + 1 ? A_LINK : A_LOOK, "1. pending = lock");
        break;
    case A_LOOK:
        woken_and_cancelled(state, i, run);
        look(&step);
        break;
    case A_TAKE:
        take(&step);
        break;
    case A_LINK:
        link_it(&step);
        break;
    case A_UNCOVER:
        uncover_acquire(&step);
        break;
    case A_CHECK:
        check(&step);
        break;
    case A_MARK_W:
        mark_w(&step);
        break;
    case A_SLEEP:
        sleep_on_it(&step);
        break;
    case P_MARK:
        patrol_mark(&step);
        break;
    default:
        break;
    }
}

/* After a deadline or a cancel. */
static void leave(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    *me_of(&step) = (struct thread){.flags = state->threads[i].flags & TIMED};
    go(&step, GONE, "leaves, pending = NULL");
}

/* ---- release */

static void inside(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    enum place next = altered(SWAP_COVER_UNLINK) ? R_UNLINK : R_COVER;
    if (!(state->bits & D) || size(SIZE_REFUSE))
        go(&step, next, "works");
    if (state->bits & D) {
        step = step_of(state, i, run);
        step.next.bits &= (uint8_t)~D;
        step.next.died = 0;
        go(&step, INSIDE, "mends");
    }
}

static void unlink_it(struct step *step)
{
    if (!altered(NO_UNLINK))
        me_of(step)->flags &= (uint8_t)~LINKED;
    if (altered(SWAP_COVER_UNLINK))
        go(step, R_COVER, "5a. unlinks it");
    else if (altered(SWAP_UNLINK_STORE))
        go(step, step->next.bits & W ? R_WAKE : R_UNCOVER, "5a. unlinks it");
    else if (step->next.bits & D && !altered(SWAP_REFUSE_STORE) && !altered(SWAP_UNLINK_REFUSE))
        go(step, R_REFUSE, "5a. unlinks it");
    else
        go(step, altered(SWAP_STORE_WAKE) ? R_WAKE : R_STORE, "5a. unlinks it");
}

static void refuse(struct step *step)
{
    if (!altered(NO_REFUSE))
        step->next.refused = 1;
    if (altered(SWAP_REFUSE_STORE))
        go(step, step->next.bits & W ? R_WAKE : R_UNCOVER, "5b. marks it as given up");
    else
        go(step, altered(SWAP_UNLINK_REFUSE) ? R_UNLINK : R_STORE, "5b. marks it as given up");
}

/* 5c: the word loses its holder. */
static void store(struct step *step)
{
    struct state *next = &step->next;
    if (next->owner != step->i + 1)
        explore_fault(step->run, "released what it does not hold");
    next->owner = NOBODY;
    if (next->bits & D) {
        next->given_up = 1;
        if (altered(NO_KEEP_D))
            next->bits &= (uint8_t)~D;
    }
    enum place then = altered(SWAP_STORE_WAKE)                          ? R_UNCOVER
                      : altered(SWAP_UNLINK_STORE)                      ? R_UNLINK
                      : altered(SWAP_REFUSE_STORE) && next->bits & D    ? R_REFUSE
                      : altered(SWAP_WAKE_UNCOVER) || !(next->bits & W) ? R_UNCOVER
                      : altered(SWAP_WAKE_CLEAR)                        ? R_CLEAR
                                                                        : R_WAKE;
    me_of(step)->seen_bits = next->bits & W;
    if (altered(STORE_DROPS_W))
        next->bits &= (uint8_t)~W;
    go(step, then, "5c. stores the word without its TID");
}

static void wake(const struct step *from)
{
    struct step step = *from;
    enum place found = altered(SWAP_STORE_WAKE) ? R_STORE : R_UNCOVER;
    enum place none = altered(SWAP_STORE_WAKE)                        ? R_STORE
                      : altered(NO_CLEAR) || altered(SWAP_WAKE_CLEAR) ? R_UNCOVER
                      : altered(SWAP_CLEAR_UNCOVER)                   ? R_UNCOVER
                                                                      : R_CLEAR;
    if (altered(NO_WAKE)) {
        go(&step, R_UNCOVER, "6. (no wake)");
        return;
    }
    if (!altered(SWAP_CLEAR_UNCOVER))
        me_of(&step)->seen_bits = 0;
    wake_one(&step, found, none, true, "6. wakes one");
}

/* 6a: the wake found nobody, so W is stale, unless somebody came meanwhile: FUTEX_WAKE_OP takes W
 * off and wakes whoever did come, in one step of the kernel. So there is no moment at which
 * somebody sleeps and W is not set. */
static void clear_w(struct step *step)
{
    enum place then = altered(SWAP_WAKE_CLEAR) ? R_WAKE : R_UNCOVER;
    if (altered(WAKE_THEN_CLEAR)) {
        wake_all(step, R_LATE, "6a. wakes all");
        return;
    }
    step->next.bits &= (uint8_t)~W;
    if (altered(CLEAR_THEN_WAKE))
        go(step, R_LATE, "6a. clears W");
    else if (altered(CLEAR_NO_WAKE))
        go(step, then, "6a. clears W");
    else if (altered(CLEAR_WAKES_ONE))
        wake_one(step, then, then, true, "6a. clears W, wakes one");
    else
        wake_all(step, then, "6a. clears W, wakes all");
}

static void clear_late(struct step *step)
{
    if (altered(WAKE_THEN_CLEAR)) {
        step->next.bits &= (uint8_t)~W;
        go(step, R_UNCOVER, "6a. clears W");
    } else {
        wake_all(step, R_UNCOVER, "6a. wakes all");
    }
}

static void uncover_release(struct step *step)
{
    struct thread *me = me_of(step);
    bool late = me->flags & COVERED && me->seen_bits & W;
    struct thread left = {.flags = me->flags & (TIMED | LINKED),
                          .rounds = (uint8_t)(me->rounds + 1)};
    if (altered(NO_UNCOVER_RELEASE))
        left.flags |= me->flags & COVERED;
    if (late && (altered(SWAP_WAKE_UNCOVER) || altered(SWAP_CLEAR_UNCOVER))) {
        me->flags &= (uint8_t)~COVERED;
        go(step, altered(SWAP_WAKE_UNCOVER) ? R_WAKE : R_CLEAR, "7. pending = NULL");
        return;
    }
    *me = left;
    if (left.rounds < size(SIZE_ROUNDS)) {
        go(step, altered(SWAP_COVER_TAKE) ? A_LOOK : A_COVER, "7. pending = NULL");
    } else {
        me->rounds = 0;
        go(step, GONE, "7. pending = NULL");
    }
}

static void release(const struct state *state, int i, struct explore *run)
{
    struct step step = step_of(state, i, run);
    struct thread *me = me_of(&step);
    switch (me->place) {
    case R_COVER:
        if (!altered(NO_COVER_RELEASE))
            me->flags |= COVERED;
        go(&step,
           altered(SWAP_UNLINK_STORE) ? R_STORE
           : (altered(SWAP_COVER_UNLINK) || altered(SWAP_UNLINK_REFUSE)) && state->bits & D
               ? R_REFUSE
           : altered(SWAP_COVER_UNLINK) ? R_STORE
                                        : R_UNLINK,
           "5. pending = lock");
        break;
    case R_UNLINK:
        unlink_it(&step);
        break;
    case R_REFUSE:
        refuse(&step);
        break;
    case R_STORE:
        store(&step);
        break;
    case R_WAKE:
        wake(&step);
        break;
    case R_CLEAR:
        clear_w(&step);
        break;
    case R_LATE:
        clear_late(&step);
        break;
    case R_UNCOVER:
        uncover_release(&step);
        break;
    default:
        break;
    }
}

/* ---- the model */

static void start(void *bytes)
{
    struct state *state = bytes;
    *state = (struct state){0};
    for (int i = 0; i < THREADS_MOST; i++)
        state->threads[i].place = i >= size(SIZE_THREADS)    ? GONE
                                  : altered(SWAP_COVER_TAKE) ? A_LOOK
                                                             : A_COVER;
    if (size(SIZE_TIMED))
        state->threads[0].flags = TIMED;
}

static void steps(const void *bytes, struct explore *run)
{
    const struct state *state = bytes;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        if (me->place == DEAD || me->place == GONE)
            continue;
        environment(state, i, run);
        if (me->flags & STOPPED)
            continue;
        if (me->place == ASLEEP)
            asleep(state, i, run);
        else if (me->place == L_UNCOVER)
            leave(state, i, run);
        else if (me->place < INSIDE)
            acquire(state, i, run);
        else if (me->place == INSIDE)
            inside(state, i, run);
        else
            release(state, i, run);
    }
}

static const char *wrong(const void *bytes)
{
    const struct state *state = bytes;
    bool all_gone = true;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        all_gone &= me->place == GONE;
        if ((me->place == GONE || me->place == INSIDE) && me->flags & COVERED)
            return "the cover outlives its call";
        if (me->place == GONE && me->flags & LINKED)
            return "linked without being held";
        if (me->place == INSIDE && state->owner != i + 1)
            return "inside without being the holder";
    }
    if (all_gone && !state->harmed && state->bits & W)
        return "W left behind: each release from now on makes a system call";
    return NULL;
}

/* It is right that nothing happens when all have gone or are stopped, or wait for a stopped
 * holder. */
static bool rests(const void *bytes)
{
    const struct state *state = bytes;
    if (state->owner != NOBODY && state->threads[state->owner - 1].flags & STOPPED)
        return true;
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        if (me->place != GONE && me->place != DEAD && !(me->flags & STOPPED))
            return false;
    }
    return true;
}

/* Order of two threads by everything but their numbers. */
static int order(const struct state *state, int i, int j)
{
    const struct thread *a = &state->threads[i], *b = &state->threads[j];
    int keys[][2] = {
        {a->place, b->place},
        {a->flags, b->flags},
        {a->seen_bits, b->seen_bits},
        {a->rounds, b->rounds},
        {state->owner == i + 1, state->owner == j + 1},
        {state->link == i + 1, state->link == j + 1},
        {a->seen_owner == NOBODY, b->seen_owner == NOBODY},
        {a->seen_owner == i + 1, b->seen_owner == j + 1},
        {a->seen_owner == state->owner, b->seen_owner == state->owner},
    };
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
        if (keys[k][0] != keys[k][1])
            return keys[k][0] - keys[k][1];
    return 0;
}

static void exchange(struct state *state, int i, int j)
{
    struct thread kept = state->threads[i];
    uint8_t *names[2 + THREADS_MOST] = {&state->owner, &state->link};
    for (int k = 0; k < THREADS_MOST; k++)
        names[2 + k] = &state->threads[k].seen_owner;
    state->threads[i] = state->threads[j];
    state->threads[j] = kept;
    for (int k = 0; k < 2 + THREADS_MOST; k++)
        if (*names[k] == i + 1)
            *names[k] = (uint8_t)(j + 1);
        else if (*names[k] == j + 1)
            *names[k] = (uint8_t)(i + 1);
}

/* Forgets what cannot matter any more, then sorts the threads. */
static void normal(void *bytes)
{
    struct state *state = bytes;
    int count = size(SIZE_THREADS);
    for (int i = 0; i < count; i++) {
        struct thread *me = &state->threads[i];
        bool compares = me->place == A_TAKE || me->place == A_MARK_W || me->place == A_SLEEP ||
                        me->place == ASLEEP || me->place == P_MARK;
        if (!compares)
            me->seen_owner = 0;
        if (!compares && me->place < R_COVER)
            me->seen_bits = 0;
    }
    for (int i = 1; i < count; i++)
        for (int j = i; j > 0 && order(state, j - 1, j) > 0; j--)
            exchange(state, j - 1, j);
}

static void print(const void *bytes, FILE *out)
{
    static const char *const names[] = {
        "cover",  "look",   "take",  "link",     "uncover",   "mark_w",  "sleep",  "ASLEEP",
        "p_mark", "p_wake", "leave", "check",    "INSIDE",    "r_cover", "unlink", "refuse",
        "store",  "wake",   "clear", "wake_all", "r_uncover", "gone",    "DEAD"};
    const struct state *state = bytes;
    fprintf(out, "[%d%s%s%s]", state->owner, state->bits & W ? " W" : "",
            state->bits & D ? " D" : "", state->refused ? " refused" : "");
    for (int i = 0; i < size(SIZE_THREADS); i++) {
        const struct thread *me = &state->threads[i];
        fprintf(out, " %d:%s%s%s%s%s", i + 1, names[me->place], me->flags & COVERED ? "+c" : "",
                me->flags & LINKED ? "+l" : "", me->flags & WOKEN ? "+s" : "",
                me->flags & STOPPED ? "+stopped" : "");
    }
}

EXPLORE_MAIN("lock", .wrong = wrong, .normal = normal)
