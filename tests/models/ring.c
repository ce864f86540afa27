/* Model of the ring (src/wait/ring.c, src/os/ring.c, worker_ring of src/sched/poll.c) behind the
 * coroutines of coroutines.h.
 *
 * What is modelled of it: the one request for the word, from when it is asked until its answer is
 * taken out; `ring` of the entry, which says that there is one; who takes answers out, the worker
 * in its poller or the watcher while that is stuck. With the lock of entries held, and so one step
 * each: to join and ask, in which the kernel compares and queues; to leave and cancel; to take an
 * answer out. The wake behind that is a step of its own. There is one word, so not what `ring` is
 * kept for behind a cancel: that an answer is not taken for another word's.
 *
 * What must hold: never two inside, and never stuck, without any patrol. */
#include "coroutines.h"

/* The request. */
enum { R_NONE, R_SLEEPS, R_WOKEN, R_OTHER /* answered: another value, or cancelled */ };
/* Who takes answers out. */
enum { P_RESTS, P_SERVES, P_PASSES_ON };
enum own { REQUEST, PLACE, KNOWN, UNUSED };
enum { SIZE_REFUSED = SIZE_TIMED + 1 }; /* the kernel refuses each cancel */

enum alter {
    NO_ASK = OWN,
    ASKS_ONCE,
    NO_COMPARE,
    CANCEL_TAKES,
    STAYS_FRESH,
    WOKEN_ONLY,
    NO_PASS_ON,
    KNOWS_ALWAYS,
};

static bool sleeper_sleeps(const struct state *state)
{
    return state->own[REQUEST] == R_SLEEPS;
}

static void sleeper_wake(struct state *state)
{
    state->own[REQUEST] = R_WOKEN;
}

/* fly(): whoever sleeps on it already sleeps for this one, too. */
static void sleeper_join(struct state *state, struct value seen, bool fresh)
{
    bool asks = altered(ASKS_ONCE) ? state->waiters == 1 : fresh;
    if (!asks || state->own[KNOWN] || altered(NO_ASK))
        return;
    bool queues = same(state->word, seen) || altered(NO_COMPARE);
    state->own[KNOWN] = 1;
    state->own[REQUEST] = queues ? R_SLEEPS : R_OTHER;
}

/* The kernel answers a request that was woken as woken, whatever cancels it. */
static void sleeper_leave(struct state *state)
{
    uint8_t *request = &state->own[REQUEST];
    if (size(SIZE_REFUSED))
        return;
    if (*request == R_SLEEPS || (*request == R_WOKEN && altered(CANCEL_TAKES)))
        *request = R_OTHER;
}

static uint8_t *sleeper_name(struct state *state)
{
    return &state->own[UNUSED]; /* none is kept */
}

/* ---- the answers */

static void served(struct step *step, bool found, const char *label)
{
    step->next.own[PLACE] = found || altered(NO_PASS_ON) ? P_RESTS : P_PASSES_ON;
    done(step, label);
}

static void passed_on(struct step *step, bool found, const char *label)
{
    (void)found;
    step->next.own[PLACE] = P_RESTS;
    done(step, label);
}

/* 3, answer(): the entry is not fresh any more, and one of those who wait looks, if it was not
 * woken too. */
static void take_out(struct step *step)
{
    struct state *next = &step->next;
    bool woken = next->own[REQUEST] == R_WOKEN;
    next->own[REQUEST] = R_NONE;
    if (!altered(KNOWS_ALWAYS))
        next->own[KNOWN] = 0;
    if (!altered(STAYS_FRESH))
        next->fresh = 0;
    bool serves = woken || (next->waiters && !altered(WOKEN_ONLY));
    next->own[PLACE] = serves ? P_SERVES : P_RESTS;
    done(step, woken ? "ring: takes a wake out" : "ring: takes another answer out");
}

static void ring(const struct state *state, struct explore *run)
{
    struct step step = {.next = *state, .run = run};
    if (state->own[PLACE] == P_SERVES)
        local_wake(&step, served, "ring: wakes one in the lot");
    else if (state->own[PLACE] == P_PASSES_ON)
        kernel_wake(&step, passed_on, "ring: passes the wake on");
    else if (state->own[REQUEST] > R_SLEEPS)
        take_out(&step);
}

/* ---- the model */

static void start(void *bytes)
{
    coroutines_start(bytes);
}

static void steps(const void *bytes, struct explore *run)
{
    ring(bytes, run);
    coroutines_steps(bytes, run);
}

static void normal(void *bytes)
{
    coroutines_normal(bytes);
}

static void print(const void *bytes, FILE *out)
{
    static const char *const requests[] = {"none", "SLEEPS", "woken", "other"};
    static const char *const places[] = {"rests", "serves", "passes on"};
    const struct state *state = bytes;
    fprintf(out, "request %s%s, ring %s ", requests[state->own[REQUEST]],
            state->own[KNOWN] ? "" : " (unknown)", places[state->own[PLACE]]);
    coroutines_print(state, out);
}

static const struct explore_case cases[] = {
    {"2 coroutines", {2, 0, 2, 0, 0}, false},
    {"3 coroutines", {3, 0, 1, 0, 0}, false},
    {"2 and 1 thread", {2, 1, 1, 0, 0}, false},
    {"2 and 1 thread, twice", {2, 1, 2, 0, 0}, false},
    {"3 and 1 thread", {3, 1, 1, 0, 0}, false},
    {"3 and 1 killed", {3, 1, 1, 1, 0}, false},
    {"2 and 1 killed, deadline", {2, 1, 1, 1, 1}, false},
    {"2 and 2, deadline", {2, 2, 1, 0, 1}, false},
    {"cancel refused", {2, 2, 1, 0, 1, 1}, false},
    {"cancel refused, killed", {2, 1, 1, 1, 1, 1}, false},
    {"2 and 1, twice, deadline", {2, 1, 2, 1, 1}, true},
    {"3 and 1 killed, deadline", {3, 1, 1, 1, 1}, true},
    {"2 and 2 killed", {2, 2, 1, 2, 0}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {JOIN_THEN_ENTER, "3 coroutines", "1: joins the entry, then enters the lot"},
    {NO_ASK, "2 coroutines", "2 left out: nobody asks"},
    {ASKS_ONCE, "3 coroutines", "2: only the first one of an entry asks"},
    {NO_COMPARE, "2 coroutines", "2: the kernel does not compare"},
    {STAYS_FRESH, "3 coroutines", "3: the entry stays fresh when the answer is out"},
    {WOKEN_ONLY, "3 coroutines", "3: who waits is served for a wake alone"},
    {KNOWS_ALWAYS, "3 coroutines", "3: the entry keeps a request that was answered"},
    {NO_PASS_ON, "cancel refused", "4: keeps a wake that nobody here needs"},
    {NO_PASS, "3 coroutines", "5: who takes it makes nobody else look"},
    {NO_PASS_GONE, "2 and 2, deadline", "5: who leaves without it makes nobody else look"},
    {0},
};

/* Who leaves looks once more behind its cancel, so the wake that a cancel took is not missed. */
static const struct explore_variant harmless[] = {
    {CANCEL_TAKES, "2 and 2, deadline", "5: a cancel takes a wake with it"},
    {ENTER_BLINDLY, "3 coroutines", "1: the lot does not compare"},
    {PASS_ALWAYS, "3 coroutines", "5: passes though somebody sleeps on the word"},
    {0},
};

EXPLORE_MAIN("ring", .wrong = wrong, .normal = normal)
