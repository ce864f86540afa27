/* The condition in shared memory. docs/shared-memory-sync.md argues each kill;
 * tests/models/condition.c explores these steps with kills.
 *
 * Problem: a waiter must not miss a notify between the release of the lock and his sleep, and a
 * notifier may be killed between his change and his wake. Obvious idea: a counter that each notify
 * changes and that the kernel compares with what the waiter saw under the lock (glibc's, once). But
 * the kernel passes on the wake of a dead notifier only for a word whose lower 30 bits are zero
 * (robust.c, R2), so nobody would hear of his death. So one sleeps on two words at once, the
 * counter and Z, which holds nothing but a mark: notifies wake on the counter, deaths on Z.
 *
 * `z`:   bit 31 W     somebody may sleep. Who finds it off has been told to look
 *        bits 30..0   zero
 * `seq`, in the same 8 bytes: how many notifies there were while somebody slept
 *
 * Wait, holding the lock:
 *   1. pending = Z; W on and seq noted, in one step
 *   2. release the lock; pending = Z again
 *   3. sleep while seq is what was noted and W is on. Woken on Z: somebody died, perhaps a notifier
 *      who had woken nobody yet, so wake all on seq. Another seq, or W off: told. At the second
 *      patrol told as well, since a notifier may have died between his change and 5
 *   4. take the lock again, which ends the cover
 * Notify:
 *   5. W off: nobody sleeps, done. pending = Z
 *   6. seq + 1; for all: W off, in the same step. From here on nothing is touched but by address
 *   7. wake so many on seq, for all: all
 *   8. that woke nobody: take W off and wake all, in one step of the kernel. They look and find
 *      nothing; without this each notify from now on would make a system call
 *   9. pending = NULL
 * Who is about to sleep when a notify comes is told too, so a notify may end more waits than it
 * says. */
#include "sync/shared_condition.h"
#include "base/settings.h"
#include "os/os.h"
#include "wait/robust.h"
#include "wait/shared.h"

#include <errno.h>
#include <limits.h>

#define SLEEPERS ROBUST_WAITERS /* W */
enum { SEQ, Z, WORDS };         /* of a sleep */

struct shared_condition {
    uint64_t head;
    union {
        struct {
            uint32_t z, seq; /* lower half first, as the machines of os/ have it */
        };
        uint64_t both;
    };
    uint64_t room[6];
};
_Static_assert(sizeof(struct shared_condition) == sizeof(plait_condition), "64 bytes");

static struct shared_condition *shared_of(plait_condition *condition)
{
    return (struct shared_condition *)condition;
}

/* Step 1. */
static uint32_t condition_announce(struct shared_condition *condition)
{
    uint64_t seen = atom_load(&condition->both, RELAXED);
    while (!(seen & SLEEPERS) && !atom_cas(&condition->both, &seen, seen | SLEEPERS, ACQUIRE))
        ;
    return (uint32_t)(seen >> 32);
}

/* Step 3: has it been told to look? */
static bool condition_told(const struct shared_condition *condition, uint32_t noted)
{
    uint64_t seen = atom_load(&condition->both, ACQUIRE); /* pairs with shared_condition_notify */
    return (uint32_t)(seen >> 32) != noted || !(seen & SLEEPERS);
}

static int64_t second_patrol(void)
{
    int64_t patrol = base_settings()->patrol;
    return patrol ? wait_now() + 2 * patrol : WAIT_NEVER;
}

/* Step 3: 0, -ETIMEDOUT, -ECANCELED. */
static int condition_sleep(struct shared_condition *condition, uint32_t noted, int64_t deadline)
{
    struct wait_self *self = wait_me();
    int64_t look = second_patrol(), end = look < deadline ? look : deadline;
    const struct wait_word words[WORDS] = {
        [SEQ] = {.word = &condition->seq, .seen = noted, .shared = true, .all = true},
        [Z] = {.word = &condition->z, .seen = SLEEPERS, .shared = true, .all = true}};
    int woke;
    bool told;
    do {
        woke = wait_park(words, WORDS, end);
        if (woke == Z)
            wait_unpark(&condition->seq, INT_MAX, true);
        told = condition_told(condition, noted);
    } while (!told && woke != -ETIMEDOUT && woke != -ECANCELED);
    shared_done(self, words, WORDS);
    if (told && woke == -ECANCELED)
        wait_cancel_again(self);
    bool over = woke == -ETIMEDOUT && (wait_now() >= deadline || wait_now() >= self->limit);
    return told || (woke == -ETIMEDOUT && !over) ? 0 : woke;
}

int shared_condition_sleep(plait_condition *object, void (*leave)(void *object), void *arg,
                           int64_t deadline)
{
    struct shared_condition *condition = shared_of(object);
    wait_cover(&condition->z);
    uint32_t noted = condition_announce(condition);
    leave(arg);
    wait_cover(&condition->z);
    return condition_sleep(condition, noted, deadline);
}

/* Steps 5 to 9. */
void shared_condition_notify(plait_condition *object, int count)
{
    struct shared_condition *condition = shared_of(object);
    const uint64_t one = UINT64_C(1) << 32, w = count == INT_MAX ? SLEEPERS : 0;
    uint64_t seen = atom_load(&condition->both, SEQ_CST);
    if (!(seen & SLEEPERS) || count == 0)
        return;
    wait_cover(&condition->z);
    do
        if (!(seen & SLEEPERS))
            break;
    while (!atom_cas(&condition->both, &seen, (seen & ~w) + one,
                     RELEASE)); /* pairs with condition_told */
    if (seen & SLEEPERS && wait_unpark(&condition->seq, count, true) == 0 && !w)
        os_futex_clear(&condition->z, ROBUST_WAITERS_BIT, true);
    wait_uncover();
}
