/* Model of the helper (src/wait/helper.c) behind the coroutines of coroutines.h.
 *
 * What is modelled of it: its doorbell, and whether it is in the kernel.
 *
 * What must hold: never two inside, and never stuck, without any patrol. */
#include "coroutines.h"

enum helper_place { H_LISTEN, H_COLLECT, H_SLEEP, H_ASLEEP, H_LOOK, H_SERVE, H_PASS_ON };
/* RUNG: the doorbell, since the helper last read it; ON_...: what it sleeps on when ARMED. */
enum own { PLACE, RUNG, ARMED, IS_WOKEN, ON_OWNER, ON_BITS };

enum alter {
    NO_PASS_ON = OWN,
    NO_RING,
    NO_LOOK,
    STAYS_FRESH,
    REFRESHED,
    COLLECT_THEN_LISTEN,
};

/* ---- what the coroutines know of it */

static bool sleeper_sleeps(const struct state *state)
{
    return state->own[PLACE] == H_ASLEEP && state->own[ARMED];
}

static void sleeper_wake(struct state *state)
{
    state->own[PLACE] = H_LOOK;
    state->own[IS_WOKEN] = 1;
}

static void sleeper_join(struct state *state, struct value seen, bool fresh)
{
    (void)seen;
    if (!fresh || altered(NO_RING))
        return;
    state->own[RUNG] = 1;
    if (state->own[PLACE] == H_ASLEEP)
        state->own[PLACE] = H_LOOK;
}

static void sleeper_leave(struct state *state)
{
    (void)state;
}

static uint8_t *sleeper_name(struct state *state)
{
    return &state->own[ON_OWNER];
}

/* ---- the helper */

static void served(struct step *step, bool found, const char *label)
{
    step->next.own[PLACE] = found || altered(NO_PASS_ON) ? H_LISTEN : H_PASS_ON;
    done(step, label);
}

static void passed_on(struct step *step, bool found, const char *label)
{
    (void)found;
    step->next.own[PLACE] = H_LISTEN;
    done(step, label);
}

static void collect(struct step *step)
{
    struct state *next = &step->next;
    next->own[ARMED] = next->waiters > 0 && next->fresh;
    struct value none = {0, 0}, on = next->own[ARMED] ? next->joined : none;
    next->own[ON_OWNER] = on.owner;
    next->own[ON_BITS] = on.bits;
    next->own[PLACE] = altered(COLLECT_THEN_LISTEN) ? H_LISTEN : H_SLEEP;
    done(step, "helper: collects");
}

static void listen(struct step *step)
{
    step->next.own[RUNG] = 0;
    step->next.own[PLACE] = altered(COLLECT_THEN_LISTEN) ? H_SLEEP : H_COLLECT;
    done(step, "helper: reads the doorbell");
}

static void helper_sleep(struct step *step)
{
    struct state *next = &step->next;
    struct value on = {next->own[ON_OWNER], next->own[ON_BITS]};
    bool stale = next->own[RUNG] || (next->own[ARMED] && !same(next->word, on));
    next->own[PLACE] = stale ? H_LOOK : H_ASLEEP;
    done(step, stale ? "helper: the kernel sees another value" : "helper: sleeps");
}

static void helper_look(struct step *step)
{
    struct state *next = &step->next;
    bool changed = next->waiters && next->fresh && !same(next->word, next->joined);
    if (altered(NO_LOOK))
        changed = false;
    changed |= next->own[IS_WOKEN];
    next->own[IS_WOKEN] = 0;
    if (changed && !altered(STAYS_FRESH) && !altered(REFRESHED))
        next->fresh = 0;
    if (changed && altered(REFRESHED))
        next->joined = next->word;
    next->own[PLACE] = changed ? H_SERVE : altered(COLLECT_THEN_LISTEN) ? H_COLLECT : H_LISTEN;
    done(step, "helper: looks");
}

static void helper(const struct state *state, struct explore *run)
{
    struct step step = {.next = *state, .run = run};
    switch (state->own[PLACE]) {
    case H_LISTEN:
        listen(&step);
        break;
    case H_COLLECT:
        collect(&step);
        break;
    case H_SLEEP:
        helper_sleep(&step);
        break;
    case H_LOOK:
        helper_look(&step);
        break;
    case H_SERVE:
        local_wake(&step, served, "helper: wakes one in the lot");
        break;
    case H_PASS_ON:
        kernel_wake(&step, passed_on, "helper: passes the wake on");
        break;
    default:
        break;
    }
}

/* ---- the model */

static void start(void *bytes)
{
    coroutines_start(bytes);
}

static void steps(const void *bytes, struct explore *run)
{
    helper(bytes, run);
    coroutines_steps(bytes, run);
}

static void normal(void *bytes)
{
    struct state *state = bytes;
    if (state->own[PLACE] != H_SLEEP)
        state->own[ON_OWNER] = state->own[ON_BITS] = 0;
    coroutines_normal(state);
}

static void print(const void *bytes, FILE *out)
{
    static const char *const helpers[] = {"listen", "collect", "sleep",  "ASLEEP",
                                          "look",   "serve",   "pass_on"};
    const struct state *state = bytes;
    fprintf(out, "helper %s%s on %d%s ", helpers[state->own[PLACE]],
            state->own[ARMED] ? "" : " (unarmed)", state->own[ON_OWNER],
            state->own[ON_BITS] & W ? " W" : "");
    coroutines_print(state, out);
}

static const struct explore_case cases[] = {
    {"2 coroutines", {2, 0, 2, 0, 0}, false},
    {"3 coroutines", {3, 0, 1, 0, 0}, false},
    {"2 and 1 thread", {2, 1, 1, 0, 0}, false},
    {"2 and 1 thread, twice", {2, 1, 2, 0, 0}, true},
    {"3 and 1 thread", {3, 1, 1, 0, 0}, false},
    {"3 and 1 killed", {3, 1, 1, 1, 0}, false},
    {"2 and 1 killed, deadline", {2, 1, 1, 1, 1}, false},
    {"2 and 2, deadline", {2, 2, 1, 0, 1}, false},
    {"2 and 1, twice, deadline", {2, 1, 2, 1, 1}, true},
    {"3 and 1 killed, deadline", {3, 1, 1, 1, 1}, true},
    {"2 and 2 killed", {2, 2, 1, 2, 0}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_PASS, "3 coroutines", "who takes it makes nobody else look"},
    {NO_PASS_GONE, "2 and 2, deadline", "who leaves without it makes nobody else look"},
    {NO_PASS_ON, "2 and 1 killed, deadline", "helper: keeps a wake that nobody here needs"},
    {NO_RING, "2 coroutines", "nobody rings"},
    {NO_LOOK, "3 coroutines", "helper: does not look at a value that changed"},
    {REFRESHED, "3 and 1 thread", "helper: goes on with the value it sees itself"},
    {COLLECT_THEN_LISTEN, "2 coroutines", "helper: collects, then reads the doorbell"},
    {JOIN_THEN_ENTER, "3 coroutines", "joins the entry, then enters the lot"},
    {0},
};

static const struct explore_variant harmless[] = {
    {STAYS_FRESH, "3 and 1 thread", "helper: the entry stays fresh when one was served"},
    {ENTER_BLINDLY, "3 coroutines", "the lot does not compare"},
    {PASS_ALWAYS, "3 coroutines", "passes though the helper sleeps on the word"},
    {0},
};

EXPLORE_MAIN("helper", .wrong = wrong, .normal = normal)
