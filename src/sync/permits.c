/* Permits: units that know their holders, private and shared.
 *
 * Problem: a count cannot say whose unit is missing. Obvious idea: a table of holders beside the
 * count. But a process killed between the two leaves them telling different things. So a unit is a
 * word on its holder's robust list, and there is no count: free units are counted when somebody
 * wants to know, 120 words at most. The kernel marks a dead holder's units in one step with its
 * death.
 *
 * The rest is the shared semaphore's (shared_semaphore.c): who cannot have his units at once waits
 * for the lock of the front, and the front alone sleeps on Z, and listens to what others hold.
 *
 * Acquire:
 *   1. one unit, no S: take a free one (5)
 *   2. wait for the lock of the front. Each second patrol try 1. A dead front: S off, mend
 *   3. enough free: take them (5), S off, release the lock. Fewer were left, for others take by 1:
 *      give back what was taken
 *   4. else W on, S on if it wants more than one or has waited for STARVED; count again; sleep on Z
 *      and on the units held, as they are. Back to 3
 *   5. take: pending = unit; free -> TID | W by compare and swap; link it; pending = NULL. It had
 *      D: it has come back
 * Release, for each unit:
 *   6. pending = unit; unlink it; word = 0
 *   7. pending = Z; W off; wake all of Z; pending = NULL */
#include "sync/permits.h"
#include "base/report.h"
#include "base/settings.h"
#include "sync/shared_lock.h"

#include <errno.h>
#include <limits.h>

#define SLEEPERS ROBUST_WAITERS
#define STARVED INT64_C(1000000) /* ns of waiting after which S is set */
enum { STARVES = 1 };            /* S */

struct permits_call {
    struct plait_permits *permits;
    int wanted, back; /* how many have come back from the dead */
    bool slept;
    int64_t since;
    void *place;
};

static inline struct plait_permits *permits_here(plait_permits *permits, void *place)
{
    permits_check(permits, place);
    return permits;
}

static uint32_t *z_of(struct plait_permits *permits)
{
    return (uint32_t *)(void *)&permits->memory->front.room[0];
}

static uint32_t *state_of(struct plait_permits *permits)
{
    return z_of(permits) + 1;
}

static bool is_free(uint32_t word)
{
    return !(word & ROBUST_OWNER);
}

static int count_free(const struct plait_permits *permits)
{
    int count = 0;
    for (int i = 0; i < permits->units; i++)
        count += is_free(atom_load(&permits->memory->unit[i].word, SEQ_CST));
    return count;
}

/* Step 5: up to so many; how many it got. */
static int take_some(struct permits_call *call, int wanted)
{
    struct wait_self *self = wait_me();
    struct robust_thread *here = robust_here();
    int got = 0;
    for (int i = 0; i < call->permits->units && got < wanted; i++) {
        struct robust_word *unit = &call->permits->memory->unit[i];
        uint32_t seen = atom_load(&unit->word, RELAXED);
        if (!is_free(seen))
            continue;
        robust_cover(here, self, &unit->word);
        if (!atom_cas(&unit->word, &seen, here->tid | SLEEPERS, ACQUIRE)) /* pairs with give_unit */
            continue;
        robust_link(here, unit, permits_holder(self));
        self->pinned++;
        call->back += (seen & ROBUST_DIED) != 0;
        got++;
    }
    robust_uncover(here, self);
    return got;
}

/* Step 7. */
static void tell_front(struct plait_permits *permits, struct robust_thread *here,
                       struct wait_self *self)
{
    uint32_t *z = z_of(permits);
    robust_cover(here, self, z);
    if (atom_load(z, SEQ_CST) & SLEEPERS) {
        atom_and(z, ~SLEEPERS, SEQ_CST);
        wait_unpark(z, INT_MAX, true);
    }
    robust_uncover(here, self);
}

/* Step 6. */
static void give_unit(struct plait_permits *permits, struct robust_word *unit)
{
    struct wait_self *self = wait_me();
    struct robust_thread *here = robust_current;
    robust_cover(here, self, &unit->word);
    robust_unlink(here, unit);
    self->pinned--;
    /* SEQ_CST, so that either we see W or the front sees the unit; pairs with take_some. */
    atom_swap(&unit->word, 0, SEQ_CST);
    tell_front(permits, here, self);
}

/* The unit that this task took last; NULL: it holds none. */
static struct robust_word *newest_unit(struct plait_permits *permits)
{
    const struct robust_thread *here = robust_current;
    uint64_t holder = permits_holder(wait_me());
    for (uint32_t i = here ? here->count : 0; i-- > 0;) {
        size_t offset = (size_t)((char *)here->held[i].word - (char *)permits->memory->unit);
        if (here->held[i].task == holder && offset < sizeof permits->memory->unit)
            return here->held[i].word;
    }
    return NULL;
}

static void give_back(struct plait_permits *permits, int units)
{
    while (units-- > 0)
        give_unit(permits, newest_unit(permits));
}

/* Step 3. */
static int front_attempt(void *object)
{
    struct permits_call *call = object;
    if (count_free(call->permits) < call->wanted)
        return -EAGAIN;
    int got = take_some(call, call->wanted);
    wait_cover(z_of(call->permits));
    if (got == call->wanted)
        return 0;
    give_back(call->permits, got);
    wait_cover(z_of(call->permits));
    return -EAGAIN;
}

/* Holders that died and were not marked (R4) must be asked for, once a patrol. */
static void look_after_holders(struct permits_call *call)
{
    for (int i = 0; i < call->permits->units; i++) {
        uint32_t *word = &call->permits->memory->unit[i].word;
        robust_patrol(word, atom_load(word, RELAXED));
    }
}

/* Step 4. */
static int front_words(void *object, struct wait_word *words)
{
    struct permits_call *call = object;
    struct plait_permits *permits = call->permits;
    uint32_t *z = z_of(permits);
    int count = 1;
    if (call->slept)
        look_after_holders(call);
    call->slept = true;
    if (call->wanted > 1 || wait_now() - call->since > STARVED)
        atom_or(state_of(permits), STARVES, SEQ_CST);
    words[0] = (struct wait_word){.word = z,
                                  .seen = atom_or(z, SLEEPERS, SEQ_CST) | SLEEPERS,
                                  .shared = true,
                                  .all = true,
                                  .looks = true};
    for (int i = 0; i < permits->units && count < WAIT_WORDS_MOST; i++) {
        uint32_t *word = &permits->memory->unit[i].word, seen = atom_load(word, SEQ_CST);
        if (!is_free(seen))
            words[count++] =
                (struct wait_word){.word = word, .seen = seen, .shared = true, .owned = true};
    }
    return count_free(permits) < call->wanted ? count : 0;
}

static void front_leaves(struct plait_permits *permits, void *place)
{
    atom_and(state_of(permits), ~(uint32_t)STARVES, SEQ_CST);
    wait_uncover();
    shared_lock_release(&permits->memory->front, place);
}

/* Steps 3 and 4, with the lock of the front. */
static int permits_wait(struct permits_call *call, int64_t deadline)
{
    static const struct wait_call acquire = {front_attempt, front_words, "acquire", "permits"};
    wait_cover(z_of(call->permits));
    int rc = deadline == 0 ? front_attempt(call)
                           : wait_until(&acquire, call, call->permits, deadline, call->place);
    front_leaves(call->permits, call->place);
    return rc;
}

static bool try_one(struct permits_call *call)
{
    return call->wanted == 1 && !(atom_load(state_of(call->permits), RELAXED) & STARVES) &&
           take_some(call, 1) == 1;
}

/* Steps 2 to 4. */
static int permits_line_up(struct permits_call *call, int64_t deadline)
{
    struct robust_word *front = &call->permits->memory->front;
    struct shared_line line = {"permits", call->permits};
    int64_t patrol = base_settings()->patrol;
    int rc;
    call->since = wait_now();
    do {
        int64_t look = wait_now() + 2 * patrol;
        rc = shared_lock_line_up(
            front, &line, deadline && patrol && look < deadline ? look : deadline, call->place);
        if (rc == -EOWNERDEAD)
            shared_lock_mend(front, call->place);
        if (rc == 0 || rc == -EOWNERDEAD)
            return permits_wait(call, deadline);
        if (rc == -ETIMEDOUT && try_one(call))
            return 0;
    } while (rc == -ETIMEDOUT && wait_now() < deadline && wait_now() < wait_me()->limit);
    return rc;
}

static bool there_is_room(int units)
{
    const struct robust_thread *here = robust_here();
    return here && here->count + (uint32_t)units < ROBUST_HELD_MOST;
}

int plait_permits_acquire(plait_permits *object, int units, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    struct permits_call call = {
        .permits = permits_here(object, place), .wanted = units, .place = place};
    if (units < 1 || units > call.permits->units)
        return -EINVAL;
    wait_me();
    if (!there_is_room(units))
        return -ENOLCK;
    int rc = try_one(&call) ? 0 : permits_line_up(&call, deadline);
    if (unlikely(call.back && call.permits->on_death))
        call.permits->on_death(call.back, call.permits->arg);
    return rc == -EAGAIN ? wait_not_now() : rc;
}

static int held_here(struct plait_permits *permits)
{
    const struct robust_thread *here = robust_current;
    uint64_t holder = permits_holder(wait_me());
    int count = 0;
    for (uint32_t i = 0; here && i < here->count; i++) {
        size_t offset = (size_t)((char *)here->held[i].word - (char *)permits->memory->unit);
        count += here->held[i].task == holder && offset < sizeof permits->memory->unit;
    }
    return count;
}

void plait_permits_release(plait_permits *object, int units)
{
    void *place = __builtin_return_address(0);
    WAIT_POINT();
    struct plait_permits *permits = permits_here(object, place);
    int held = held_here(permits);
    if (units < 1 || units > held)
        base_misuse(permits, "permits", place, "releases %d units, and holds %d", units, held);
    give_back(permits, units);
}
