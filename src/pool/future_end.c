/* The end of a future, once, and what is told of it. The protocol stands in future.h. */
#include "base/report.h"
#include "os/os.h"
#include "pool/future.h"

#include <limits.h>
#include <plait/error.h>

struct then {
    struct future_watch watch;
    void (*function)(plait_future *future, void *arg);
    void *arg;
};

/* Nobody has the handle any more, or will have. */
static void let_go(plait_future *future, uint32_t word)
{
    char name[64];
    if (future_state(word) == PLAIT_FAILED && !(word & FUTURE_READ))
        base_report(PLAIT_REPORT_UNREAD, "%s failed: %s; nobody read it",
                    future->name ? future->name : base_object(future, "future", name, sizeof name),
                    plait_strerror(future->error));
    future_destroy(future);
}

/* Step 4, first half: the waiters; what is left in the list are callbacks. */
static void tell_waiters(plait_future *future, bool failed)
{
    struct list *next;
    for (struct list *link = future->watchers.next; link != &future->watchers; link = next) {
        struct future_watch *watch = list_item(link, struct future_watch, link);
        next = link->next;
        if (!watch->tell)
            continue;
        list_remove(link);
        watch->tell(watch, failed);
    }
}

static void call_back(plait_future *future, struct list *calls)
{
    for (struct list *link; (link = list_take_first(calls));) {
        struct future_watch *watch = list_item(link, struct future_watch, link);
        watch->call(watch, future);
    }
}

/* Takes a mark off by which it stays, and the future with the last of them. */
void future_release(plait_future *future, uint32_t mark)
{
    uint32_t seen = atom_and(&future->word, ~mark, ACQ_REL) & ~mark;
    bool over = future_state(seen) >= PLAIT_DONE && !(seen & FUTURE_STAYS);
    if (over && seen & FUTURE_LOOSE)
        let_go(future, seen);
}

/* Steps 2 and 4 with SLOW. Behind the lock nobody else comes to the list, because the state is
 * final. */
static void end_slowly(plait_future *future, plait_state state)
{
    uint32_t next, seen;
    struct list calls;
    list_init(&calls);
    base_spin_lock(&future->lock);
    seen = atom_load(&future->word, RELAXED);
    do
        next = (uint32_t)state | FUTURE_BUSY | (seen & FUTURE_KEPT);
    while (!atom_cas(&future->word, &seen, next, ACQ_REL));
    if (future->watchers.next) {
        tell_waiters(future, state != PLAIT_DONE);
        list_append_all(&calls, &future->watchers);
    }
    base_spin_unlock(&future->lock);
    if (seen & FUTURE_W)
        wait_unpark(&future->word, INT_MAX, false);
    call_back(future, &calls);
    future_release(future, FUTURE_BUSY);
}

bool future_end(plait_future *future, plait_state state, int error)
{
    uint32_t seen = atom_load(&future->word, RELAXED);
    future->error = error;
    do
        if (seen & FUTURE_SLOW) {
            end_slowly(future, state);
            return true;
        }
    while (!atom_cas(&future->word, &seen, (uint32_t)state | (seen & FUTURE_KEPT), ACQ_REL));
    if ((seen & (FUTURE_LOOSE | FUTURE_QUEUED)) == FUTURE_LOOSE)
        let_go(future, (seen & ~(uint32_t)FUTURE_STATE) | (uint32_t)state);
    else if (seen & FUTURE_W)
        wait_unpark(&future->word, INT_MAX, false);
    return seen & FUTURE_W;
}

bool future_watch(plait_future *future, struct future_watch *watch)
{
    base_spin_lock(&future->lock);
    uint32_t seen = atom_load(&future->word, ACQUIRE);
    bool open;
    do
        open = future_state(seen) < PLAIT_DONE;
    while (open && !atom_cas(&future->word, &seen, seen | FUTURE_SLOW, ACQUIRE));
    if (open) {
        if (!future->watchers.next)
            list_init(&future->watchers);
        list_append(&future->watchers, &watch->link);
    }
    base_spin_unlock(&future->lock);
    return open;
}

/* Of one that waits; it may have been told already. */
void future_unwatch(plait_future *future, struct future_watch *watch)
{
    base_spin_lock(&future->lock);
    list_remove(&watch->link);
    base_spin_unlock(&future->lock);
}

static void then_call(struct future_watch *watch, plait_future *future)
{
    struct then *then = (struct then *)watch;
    then->function(future, then->arg);
    os_free(then);
}

int plait_future_then(plait_future *future, void (*function)(plait_future *future, void *arg),
                      void *arg)
{
    future_check(future, __builtin_return_address(0));
    if (!function)
        return -EINVAL;
    struct then *then = future_has_ended(future) ? NULL : os_alloc(sizeof *then);
    if (!then && !future_has_ended(future))
        return -ENOMEM;
    if (then) {
        *then = (struct then){{.call = then_call}, function, arg};
        if (future_watch(future, &then->watch))
            return 0;
        os_free(then);
    }
    function(future, arg);
    return 0;
}

/* A promise that is given back before its end ends now, so that who waits by way of it is told. */
static void promise_break(plait_future *future)
{
    if (!(atom_load(&future->word, RELAXED) & FUTURE_PROMISE) || !future_claim(future, 0))
        return;
    atom_or(&future->word, FUTURE_READ, RELAXED);
    future_end(future, PLAIT_FAILED, -EPIPE);
}

void plait_future_free(plait_future *future)
{
    if (!future)
        return;
    future_check(future, __builtin_return_address(0));
    promise_break(future);
    uint32_t seen = atom_load(&future->word, ACQUIRE);
    do
        if (future_state(seen) >= PLAIT_DONE && !(seen & FUTURE_STAYS)) {
            let_go(future, seen);
            return;
        }
    while (!atom_cas(&future->word, &seen, seen | FUTURE_LOOSE, ACQ_REL));
}
