/* The event, private and shared: one word.
 *
 *   bit 31 W     somebody may sleep on it. Never together with SET
 *   bit 30 SET
 *   bits 29..0   private: how many times it was set, so that a waiter woken by a set finds out that
 *                there was one though a clear came right behind. Shared: zero, because the kernel
 *                wakes a sleeper of a word with zeroes here when a setter or a woken waiter is
 *                killed (robust.h, R2); the count is the word `behind`, added to before the set.
 *
 * Set is one compare-and-swap that takes W off and puts SET on, then a wake of all by the word's
 * address: nothing of the event is touched after a waiter can see it set, so that the waiter may
 * free it. A sleeper on his way to bed notices that the word has changed. A shared setter killed
 * between the two: the kernel wakes one sleeper, who wakes the others; so does every waiter who has
 * slept. */
#include "base/report.h"
#include "sync/object.h"

#include <plait/event.h>

#include <errno.h>
#include <limits.h>

#define EVENT_W ROBUST_WAITERS
#define EVENT_SET UINT32_C(0x40000000)
#define EVENT_COUNT UINT32_C(0x3fffffff)

struct event_call {
    struct robust_word *event;
    uint32_t count; /* sets up to the call */
    bool shared, slept;
};

static struct robust_word *event_of(const plait_event *event, bool *shared, void *place)
{
    *shared = unlikely(!sync_is_private(event)) && sync_check(event, "event", place);
    return (struct robust_word *)event;
}

static uint32_t event_count(const struct event_call *call, uint32_t word)
{
    return call->shared ? atom_load(&call->event->behind, ACQUIRE) : word & EVENT_COUNT;
}

static void event_set(struct robust_word *event, bool shared)
{
    if (shared)
        atom_add(&event->behind, 1, RELEASE); /* pairs with event_count */
    uint32_t seen = atom_load(&event->word, RELAXED), next;
    do
        next = EVENT_SET | (shared ? 0 : (seen + 1) & EVENT_COUNT);
    while (!atom_cas(&event->word, &seen, next,
                     RELEASE)); /* pairs with the ACQUIRE of event_attempt */
    if (seen & EVENT_W)
        wait_unpark(&event->word, INT_MAX, shared);
}

void plait_event_set(plait_event *object)
{
    bool shared;
    struct robust_word *event = event_of(object, &shared, __builtin_return_address(0));
    if (!shared) {
        event_set(event, false);
        return;
    }
    /* A signal handler may set an event while its thread covers another word. */
    struct wait_self *self = wait_me();
    uint32_t *outer = self->covered;
    wait_cover(&event->word);
    event_set(event, true);
    if (outer)
        wait_cover(outer);
    else
        wait_uncover();
}

void plait_event_clear(plait_event *object)
{
    bool shared;
    struct robust_word *event = event_of(object, &shared, __builtin_return_address(0));
    WAIT_POINT();
    atom_and(&event->word, ~EVENT_SET, RELAXED);
}

bool plait_event_is_set(const plait_event *object)
{
    bool shared;
    struct robust_word *event = event_of(object, &shared, __builtin_return_address(0));
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

static int event_words(void *object, struct wait_word *words)
{
    struct event_call *call = object;
    uint32_t *word = &call->event->word, seen = atom_load(word, RELAXED);
    do
        if (seen & EVENT_SET)
            return 0;
    while (!(seen & EVENT_W) && !atom_cas(word, &seen, seen | EVENT_W, ACQUIRE));
    call->slept = true;
    words[0] = (struct wait_word){.word = word, .seen = seen | EVENT_W, .shared = call->shared};
    return 1;
}

int plait_event_wait(plait_event *object, int64_t deadline)
{
    static const struct wait_call wait = {event_attempt, event_words, "wait", "event"};
    void *place = __builtin_return_address(0);
    struct event_call call = {0};
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    call.event = event_of(object, &call.shared, place);
    uint32_t word = atom_load(&call.event->word, ACQUIRE); /* pairs with event_set */
    if (word & EVENT_SET)
        return 0;
    call.count = event_count(&call, word);
    if (!call.shared)
        return wait_until(&wait, &call, object, deadline, place);
    wait_cover(&call.event->word);
    int rc = wait_until(&wait, &call, object, deadline, place);
    wait_uncover();
    return rc;
}

void plait_event_init(plait_event *event, plait_where where)
{
    sync_init(event, "event", where, __builtin_return_address(0));
}
