/* A private lock as a case of plait_select. */
#include "sync/check.h"
#include "sync/lock_call.h"

#include <errno.h>

/* A case of a select keeps what the call knows: `number` the first sleep, `reserved` these. */
enum { CASE_SLEPT = 1, CASE_STARVED = 2 };

static struct lock_call lock_call_of(const plait_case *one)
{
    return (struct lock_call){.lock = one->object,
                              .self = wait_me(),
                              .place = one->data,
                              .since = one->number,
                              .rc = -EAGAIN,
                              .slept = one->reserved & CASE_SLEPT,
                              .spun = true, /* for the others' sake: each look costs them time */
                              .starved = one->reserved & CASE_STARVED};
}

int lock_case_attempt(plait_case *one)
{
    struct lock_call call = lock_call_of(one);
    int rc = lock_attempt(&call);
    if (rc == 0 || rc == -EOWNERDEAD) /* no check_acquiring: it need not wait for this one alone */
        check_acquired(call.lock, &call.lock->mark, "lock", call.place);
    if (rc == -EAGAIN && atom_load(&call.lock->owner, RELAXED) == waiter_number(call.self))
        return -EDEADLK;
    return rc;
}

int lock_case_words(plait_case *one, struct wait_word *words)
{
    struct lock_call call = lock_call_of(one);
    int count = lock_words(&call, words);
    one->number = call.since;
    one->reserved = (call.slept ? CASE_SLEPT : 0) | (call.starved ? CASE_STARVED : 0);
    return count;
}

void lock_case_pass_on(plait_case *one)
{
    struct lock_call call = lock_call_of(one);
    lock_give_up(&call);
    one->reserved &= ~CASE_STARVED;
}
