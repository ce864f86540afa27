/* The event, private and shared.
 *
 * `word`, on which those sleep who wait:
 *   bit 31 W     somebody may sleep on it. Never together with SET
 *   bit 30 SET
 *   bits 29..0   private: how many times it was set, so that a waiter woken by a set finds out that
 *                there was one though a clear came right behind. Shared: zero, because the kernel
 *                wakes a sleeper of a word with zeroes here when a setter or a woken waiter is
 *                killed (robust.h, R2); the count is the word `behind`, which changes in the same
 *                step: with one before the other a waiter saw the set and cleared it before SET came
 * `behind`, private: on which those sleep who take, so that a set can wake all of the others and
 * one of these:
 *   bit 0 T      somebody may sleep on it
 *
 * Set is one compare-and-swap that takes W off, puts SET on and, if it was clear, takes T off; then
 * a wake of all by the word's address, and of one taker: nothing of the event is touched after a
 * waiter can see it set, so that the waiter may free it; the lot sets T again while other takers
 * remain asleep. A sleeper on his way to bed notices that his word has changed. Takers who sleep
 * while it is set have always one on his way to take it, whom that set woke. A take is one
 * compare-and-swap, SET off: the winner has it, who loses sleeps again, in his old place.
 *
 * Shared takers sleep on `word` with the others, and each set wakes all of them, since a woken one
 * may be killed before he takes it. A shared setter killed between the change and the wake: the
 * kernel wakes one sleeper, who wakes the others; so does every waiter who has slept. */
#include "base/report.h"
#include "sync/object.h"
#include "sync/shared_spin.h"
#include "wait/case.h"

#include <plait/event.h>

#include <errno.h>
#include <limits.h>

#define EVENT_W ROBUST_WAITERS
#define EVENT_SET UINT32_C(0x40000000)
#define EVENT_COUNT UINT32_C(0x3fffffff)
#define EVENT_T UINT32_C(1)

struct event {
    uint64_t head;
    union {
        struct {
            uint32_t word, behind; /* lower half first, as the machines of os/ have it */
        };
        uint64_t both;
    };
    uint64_t room[6];
};
_Static_assert(sizeof(struct event) == sizeof(plait_event), "an event is 64 bytes");

struct event_call {
    struct event *event;
    uint32_t count; /* sets up to the call */
    bool shared, slept;
};

static struct event *event_of(const plait_event *event, bool *shared, void *place)
{
    *shared = unlikely(!sync_is_private(event)) && sync_check(event, "event", place);
    return (struct event *)event;
}

static uint32_t event_count(const struct event_call *call, uint32_t word)
{
    return call->shared ? atom_load(&call->event->behind, ACQUIRE) : word & EVENT_COUNT;
}

static void event_set_private(struct event *event)
{
    uint64_t seen = atom_load(&event->both, RELAXED), next;
    uint32_t word, takers;
    do {
        word = (uint32_t)seen;
        takers = word & EVENT_SET ? 0 : (uint32_t)(seen >> 32) & EVENT_T;
        next = ((seen >> 32) & ~(uint64_t)takers) << 32 | EVENT_SET | ((word + 1) & EVENT_COUNT);
    } while (!atom_cas(&event->both, &seen, next,
                       RELEASE)); /* pairs with the ACQUIRE of event_attempt and event_take */
    if (word & EVENT_W)
        wait_unpark(&event->word, INT_MAX, false);
    if (takers)
        wait_unpark_marking(&event->behind, 1, 0, EVENT_T);
}

static void event_set_shared(struct event *event)
{
    uint64_t seen = atom_load(&event->both, RELAXED), next;
    do
        next = ((seen >> 32) + 1) << 32 | EVENT_SET;
    while (!atom_cas(&event->both, &seen, next,
                     RELEASE)); /* pairs with the ACQUIRE of event_attempt and event_take */
    if (seen & EVENT_W)
        wait_unpark(&event->word, INT_MAX, true);
}

void plait_event_set(plait_event *object)
{
    bool shared;
    struct event *event = event_of(object, &shared, __builtin_return_address(0));
    if (!shared) {
        event_set_private(event);
        return;
    }
    /* A signal handler may set an event while its thread covers another word. */
    struct wait_self *self = wait_me();
    uint32_t *outer = self->covered;
    wait_cover(&event->word);
    event_set_shared(event);
    if (outer)
        wait_cover(outer);
    else
        wait_uncover();
}

void plait_event_clear(plait_event *object)
{
    bool shared;
    struct event *event = event_of(object, &shared, __builtin_return_address(0));
    WAIT_POINT();
    atom_and(&event->word, ~EVENT_SET, RELAXED);
}

bool plait_event_is_set(const plait_event *object)
{
    bool shared;
    struct event *event = event_of(object, &shared, __builtin_return_address(0));
    WAIT_POINT();
    return atom_load(&event->word, ACQUIRE) & EVENT_SET; /* pairs with event_set */
}

static int event_attempt(void *object)
{
    struct event_call *call = object;
    uint32_t word = atom_load(&call->event->word, ACQUIRE);
    if (!(word & EVENT_SET) && event_count(call, word) == call->count)
        return -EAGAIN;
    if (call->shared && call->slept)
        wait_unpark(&call->event->word, INT_MAX, true);
    return 0;
}

static int event_announce(struct event_call *call, struct wait_word *words)
{
    uint32_t *word = &call->event->word, seen = atom_load(word, RELAXED);
    do
        if (seen & EVENT_SET)
            return 0;
    while (!(seen & EVENT_W) && !atom_cas(word, &seen, seen | EVENT_W, ACQUIRE));
    call->slept = true;
    words[0] = (struct wait_word){
        .word = word, .seen = seen | EVENT_W, .shared = call->shared, .all = true};
    return 1;
}

/* A set with a clear right behind it may have come after the last try: nobody would tell of it any
 * more. */
static int event_words(void *object, struct wait_word *words)
{
    struct event_call *call = object;
    int count = event_announce(call, words);
    return count && event_count(call, words[0].seen) == call->count ? count : 0;
}

static int event_take(void *object)
{
    struct event_call *call = object;
    uint32_t seen = atom_load(&call->event->word, RELAXED);
    do
        if (!(seen & EVENT_SET))
            return -EAGAIN;
    while (!atom_cas(&call->event->word, &seen, seen & ~EVENT_SET, ACQUIRE));
    if (call->shared && call->slept)
        wait_unpark(&call->event->word, INT_MAX, true);
    return 0;
}

static int event_take_words(void *object, struct wait_word *words)
{
    struct event_call *call = object;
    struct event *event = call->event;
    const uint64_t t = (uint64_t)EVENT_T << 32;
    if (call->shared)
        return event_announce(call, words);
    uint64_t seen = atom_load(&event->both, RELAXED);
    do
        if ((uint32_t)seen & EVENT_SET)
            return 0;
    while (!(seen & t) && !atom_cas(&event->both, &seen, seen | t, ACQUIRE));
    words[0] = (struct wait_word){.word = &event->behind, .seen = EVENT_T, .first = call->slept};
    call->slept = true;
    return 1;
}

static bool event_look(void *object)
{
    const struct event_call *call = object;
    return atom_load(&call->event->word, RELAXED) & EVENT_SET;
}

static int event_sleep_shared(const struct wait_call *wait, struct event_call *call,
                              int64_t deadline, void *place)
{
    if (deadline != 0 && !event_look(call))
        shared_spin(call->event, event_look, call);
    int64_t since = wait_now();
    wait_cover(&call->event->word);
    int rc = wait_until(wait, call, call->event, deadline, place);
    wait_uncover();
    if (call->slept)
        shared_spin_learn(call->event, since);
    return rc;
}

static int event_sleep(const struct wait_call *wait, struct event_call *call, int64_t deadline,
                       void *place)
{
    if (!call->shared)
        return wait_until(wait, call, call->event, deadline, place);
    return event_sleep_shared(wait, call, deadline, place);
}

int plait_event_wait(plait_event *object, int64_t deadline)
{
    static const struct wait_call wait = {event_attempt, event_words, "wait", "event"};
    void *place = __builtin_return_address(0);
    struct event_call call = {0};
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    call.event = event_of(object, &call.shared, place);
    uint32_t word = atom_load(&call.event->word, ACQUIRE); /* pairs with event_set_... */
    if (word & EVENT_SET)
        return 0;
    call.count = event_count(&call, word);
    return event_sleep(&wait, &call, deadline, place);
}

int plait_event_take(plait_event *object, int64_t deadline)
{
    static const struct wait_call take = {event_take, event_take_words, "take", "event"};
    void *place = __builtin_return_address(0);
    struct event_call call = {0};
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    call.event = event_of(object, &call.shared, place);
    return event_sleep(&take, &call, deadline, place);
}

/* ---- for select. From its first sleep on the case knows how many sets there had been (`number`),
 * so that one with a clear right behind it is seen. */
static struct event_call event_case_call(const plait_case *one)
{
    return (struct event_call){.event = one->object,
                               .count = (uint32_t)one->number,
                               .shared = sync_is_shared(one->object),
                               .slept = one->reserved};
}

static int event_case_attempt(plait_case *one)
{
    struct event_call call = event_case_call(one);
    if (call.slept)
        return event_attempt(&call);
    return atom_load(&call.event->word, ACQUIRE) & EVENT_SET ? 0 : -EAGAIN;
}

static int event_case_words(plait_case *one, struct wait_word *words)
{
    struct event_call call = event_case_call(one);
    uint32_t count = event_count(&call, atom_load(&call.event->word, ACQUIRE));
    if (!one->reserved) {
        one->number = call.count = count;
        one->reserved = 1;
    }
    return event_words(&call, words);
}

/* It may be the only one that a killed setter has woken. */
static void event_case_pass_on(plait_case *one)
{
    struct event *event = one->object;
    if (sync_is_shared(event) && atom_load(&event->word, RELAXED) & EVENT_SET)
        wait_unpark(&event->word, INT_MAX, true);
}

plait_case plait_on_event(plait_event *event)
{
    static const struct plait_case_kind kind = {"wait", "event", event_case_attempt,
                                                event_case_words, event_case_pass_on};
    bool shared;
    event_of(event, &shared, __builtin_return_address(0));
    return (plait_case){.kind = &kind, .object = event};
}

void plait_event_init(plait_event *event, plait_where where)
{
    sync_init(event, "event", where, __builtin_return_address(0));
}
