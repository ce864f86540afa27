/* The value: eight bytes that are changed in one step, and waited for.
 *
 * Problem: all 64 bits are the user's, so there is no bit to tell that somebody sleeps; an add must
 * cost what a bare atomic one does; and nothing of the object may be touched once its change can be
 * seen, since who sees it may free it. Obvious idea: a word beside the number that counts changes,
 * to sleep on. That is a second atomic step for each add, behind the publishing one.
 *
 * Private: who sleeps stands in a table of plait's own, an entry for all values of some addresses:
 *   sleepers  how many wait; a count of tasks, of this process alone
 *   turn      what they sleep on, a word that changes before each wake
 *   1. a waiter adds one to `sleepers`, reads `turn`, looks at the number, sleeps on `turn`
 *   2. a change comes first, then a look at `sleepers`; unless that is 0: `turn` + 1, wake all
 * 1 and 2 are Dekker's, SEQ_CST: either the waiter sees the new number or the changer sees the
 * waiter.
 *
 * Shared: those who wait sleep in the kernel on three words at once (R2 is robust.c's):
 *   the number's lower half and its upper half, with the values that they wait to be gone. In this
 *       order: whoever changes it wakes the lower half's sleepers, and who lies there already is
 *       woken, while who does not comes to compare a half that is different
 *   `word`: bit 31 W, somebody may sleep; the others are zero, so that the kernel wakes one of its
 *       sleepers when somebody is killed who covers it
 *   3. a waiter covers `word`, sets W, looks at the number, sleeps
 *   4. a change looks for W first. None: the change, and one more look at W, which may have come
 *      between; with W: wake all by address. An integer's add does that in its caller (value.h)
 *   5. with W: cover `word`, take W off, change, wake all by address, uncover. So W never outlives
 *      one change, and nothing is written behind the change
 *   6. a waiter that has slept wakes all the others when it goes, since who did 5 may have been
 *      killed when only one was awake
 *   7. one that goes with the number unchanged sets W and looks once more (6), since it may be the
 *      one whom the kernel woke after W had been taken off
 * Killed in 5 behind taking W off: the kernel wakes one, who sets W again, or sees the change and
 * does 6. Killed in 4 between the change and the wake of one who came in that instant: the patrol
 * finds out, since an add that covered each time would cost a third more. */
#include "base/report.h"
#include "sync/object.h"

#include <plait/value.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { LOTS = 64 };

struct value {
    uint64_t head; /* zero: sync_is_private */
    uint32_t word, behind;
    union {
        int64_t number;
        uint32_t half[2]; /* lower half first, as the machines of os/ have it */
    };
    uint64_t room[5];
};
_Static_assert(sizeof(struct value) == sizeof(plait_value), "a value is 64 bytes");

static struct value_lot {
    uint32_t sleepers; /* in a fork's child too high: that costs time, not a wake */
    uint32_t turn;
} __attribute__((aligned(64))) lots[LOTS];

struct value_call {
    struct value *value;
    struct value_lot *lot; /* NULL: a shared one */
    int64_t seen;
    bool slept;
};

static inline struct value_lot *lot_of(const struct value *value)
{
    return &lots[((uintptr_t)value >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 58];
}

static __attribute__((noinline)) bool is_shared_odd(const void *value, void *place)
{
    return sync_check(value, "value", place);
}

/* ---- changes: one atomic step on the number, between value_begin and value_end */

static __attribute__((noinline)) void wake_private(struct value_lot *lot)
{
    atom_add(&lot->turn, 1, SEQ_CST);
    wait_unpark(&lot->turn, INT_MAX, false);
}

/* Before a change: true, it is a shared one with sleepers, which are covered now (step 5). */
static __attribute__((noinline)) bool value_begin_slowly(struct value *value, bool *shared,
                                                         void *place)
{
    WAIT_POINT();
    *shared = !sync_is_private(value) && is_shared_odd(value, place);
    if (!*shared || !(atom_load(&value->word, RELAXED) & ROBUST_WAITERS))
        return false;
    wait_cover(&value->word);
    atom_and(&value->word, ~ROBUST_WAITERS, SEQ_CST);
    return true;
}

static inline bool value_begin(struct value *value, bool *shared, void *place)
{
    *shared = false;
    if (likely(sync_is_private(value) && !wait_deterministic))
        return false;
    *shared = true;
    if (likely(sync_is_shared(value) && !(atom_load(&value->word, RELAXED) & ROBUST_WAITERS)))
        return false;
    return value_begin_slowly(value, shared, place);
}

static __attribute__((noinline)) void value_end_slowly(struct value *value, bool shared,
                                                       bool covered)
{
    if (!shared) {
        wake_private(lot_of(value));
        return;
    }
    wait_unpark(&value->half[0], INT_MAX, true);
    if (covered)
        wait_uncover();
}

/* Behind a change. Of a private value only its address is used. */
static inline void value_end(struct value *value, bool shared, bool covered)
{
    uint32_t waited = shared ? covered || atom_load(&value->word, SEQ_CST) & ROBUST_WAITERS
                             : atom_load(&lot_of(value)->sleepers, SEQ_CST);
    if (unlikely(waited))
        value_end_slowly(value, shared, covered);
}

int64_t plait_value_add(plait_value *object, int64_t number)
{
    struct value *value = (struct value *)object;
    bool shared, covered = value_begin(value, &shared, __builtin_return_address(0));
    int64_t before = atom_add(&value->number, number, SEQ_CST);
    value_end(value, shared, covered);
    return (int64_t)((uint64_t)before + (uint64_t)number);
}

/* Step 4's wake, for the add in the header. */
void plait_value_wake_(plait_value *object)
{
    value_end_slowly((struct value *)object, true, false);
}

void plait_value_set(plait_value *object, int64_t number)
{
    struct value *value = (struct value *)object;
    bool shared, covered = value_begin(value, &shared, __builtin_return_address(0));
    atom_store(&value->number, number, SEQ_CST);
    value_end(value, shared, covered);
}

bool plait_value_swap(plait_value *object, int64_t *expected, int64_t wanted)
{
    struct value *value = (struct value *)object;
    void *place = __builtin_return_address(0);
    if (!expected)
        base_misuse(object, "value", place, "expected is NULL");
    bool shared, covered = value_begin(value, &shared, place);
    bool done = atom_cas(&value->number, expected, wanted, SEQ_CST);
    value_end(value, shared, covered);
    return done;
}

static int64_t bits_of(double number)
{
    int64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static double double_of(int64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

void plait_value_set_double(plait_value *value, double number)
{
    plait_value_set(value, bits_of(number));
}

double plait_value_add_double(plait_value *object, double number)
{
    struct value *value = (struct value *)object;
    bool shared, covered = value_begin(value, &shared, __builtin_return_address(0));
    int64_t seen = atom_load(&value->number, RELAXED);
    double sum;
    do
        sum = double_of(seen) + number;
    while (!atom_cas(&value->number, &seen, bits_of(sum), SEQ_CST));
    value_end(value, shared, covered);
    return sum;
}

/* ---- looks */

static struct value *value_of(const plait_value *value, bool *shared, void *place)
{
    *shared = !sync_is_private(value) && is_shared_odd(value, place);
    WAIT_POINT();
    return (struct value *)value;
}

int64_t plait_value_get(const plait_value *object)
{
    bool shared;
    const struct value *value = value_of(object, &shared, __builtin_return_address(0));
    return atom_load(&value->number, ACQUIRE); /* pairs with every change */
}

double plait_value_get_double(const plait_value *value)
{
    return double_of(plait_value_get(value));
}

/* ---- waiting */

static int value_attempt(void *object)
{
    struct value_call *call = object;
    if (atom_load(&call->value->number, SEQ_CST) == call->seen)
        return -EAGAIN;
    if (!call->lot && call->slept)
        wait_unpark(&call->value->half[0], INT_MAX, true); /* step 6 */
    return 0;
}

/* Step 1. */
static int value_words_private(struct value_call *call, struct wait_word *words)
{
    uint32_t turn = atom_load(&call->lot->turn, SEQ_CST);
    words[0] = (struct wait_word){.word = &call->lot->turn, .seen = turn};
    return atom_load(&call->value->number, SEQ_CST) == call->seen;
}

/* Step 3. */
static int value_words(void *object, struct wait_word *words)
{
    struct value_call *call = object;
    struct value *value = call->value;
    if (call->lot)
        return value_words_private(call, words);
    call->slept = true;
    atom_or(&value->word, ROBUST_WAITERS, SEQ_CST);
    for (int i = 0; i < 2; i++)
        words[i] = (struct wait_word){.word = &value->half[i],
                                      .seen = (uint32_t)((uint64_t)call->seen >> 32 * i),
                                      .shared = true};
    words[2] = (struct wait_word){.word = &value->word, .seen = ROBUST_WAITERS, .shared = true};
    return atom_load(&value->number, SEQ_CST) == call->seen ? 3 : 0;
}

/* Step 7. */
static void value_leave(struct value_call *call)
{
    atom_or(&call->value->word, ROBUST_WAITERS, SEQ_CST);
    value_attempt(call);
}

static int value_sleep(struct value_call *call, int64_t deadline, void *place)
{
    static const struct wait_call wait = {value_attempt, value_words, "wait", "value"};
    if (call->lot)
        atom_add(&call->lot->sleepers, 1, SEQ_CST);
    else
        wait_cover(&call->value->word);
    int rc = wait_until(&wait, call, call->value, deadline, place);
    if (call->lot) {
        atom_sub(&call->lot->sleepers, 1, RELAXED);
        return rc;
    }
    if (rc != 0 && call->slept)
        value_leave(call);
    wait_uncover();
    return rc;
}

int plait_value_wait(plait_value *object, int64_t seen, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    bool shared;
    WAIT_CHECK_DEADLINE(deadline);
    struct value *value = value_of(object, &shared, place);
    if (atom_load(&value->number, ACQUIRE) != seen) /* pairs with every change */
        return 0;
    struct value_call call = {.value = value, .lot = shared ? NULL : lot_of(value), .seen = seen};
    return value_sleep(&call, deadline, place);
}

void plait_value_init(plait_value *value, plait_where where)
{
    sync_init(value, "value", where, __builtin_return_address(0));
}
