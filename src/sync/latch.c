/* The latch: a count and a word to sleep on, in one.
 *
 * Problem: those who wait sleep on 32 bits, and each count down changes them, so that every sleeper
 * about to lie down would look again at each. And a latch that came to 0 and was raised again
 * before a woken waiter looks must not hold him back. So the count lies in the upper half of 64
 * bits, and the lower half, on which they sleep, changes only when the count comes to 0:
 *   bit 31       W, somebody may sleep; never together with a count of 0
 *   bits 30..0   private: how many times the count came to 0
 *   bit 30       shared: turns over when the count comes to 0; the others are zero, because the
 *                kernel wakes a sleeper of a word with zeroes there when whoever counts down, or a
 *                woken waiter, is killed (robust.h, R2). Bit 31 of the count turns over each second
 *                time, and the times stand in a word of their own, `raised`: how often the count
 *                was raised from 0
 *
 *   1. a waiter notes the times, then looks at the count: 0, or other times than noted: done
 *   2. else it sets W in the same step as one more such look, and sleeps on the lower half
 *   3. who counts down to 0 takes W off and adds one to the times, in one step; with W it then
 *      wakes all by the word's address, since a waiter who saw the 0 may have freed the latch
 * Shared:
 *   4. who raises from 0 reads `raised`, sees the 0, and adds one to `raised` by compare-and-swap
 *      before it raises. So `raised` grows only if the count was 0 while it had its old value.
 *      (Counted by 3 it could be too early, before a 3 that fails, or lost with a killed one
 *      between the two steps.) But of two that raise, one may add behind the other's raise, so who
 *      waits has missed a 0 when it has grown by two, or when the turns of `both` have changed:
 *      those are exact, but after four times as before
 *   5. a waiter that has slept wakes all the others when it goes, since who did 3 may have been
 *      killed when only one was awake
 *   6. who sets W where the count was raised from 0 before wakes all, too, before it lies down:
 *      otherwise, if who did 3 is killed before its wake, the kernel could wake this one, who has
 *      seen no 0, in place of those who have
 * Each shared call covers the word (wait_cover) from before its first store to after its last
 * wake. */
#include "base/report.h"
#include "sync/object.h"
#include "wait/case.h"

#include <plait/latch.h>

#include <errno.h>
#include <limits.h>

#define LATCH_W UINT32_C(0x80000000)
#define LATCH_TIMES UINT32_C(0x7fffffff)
#define LATCH_TURN UINT32_C(0x40000000) /* shared; and the same each second time: */
#define LATCH_TURN_2 UINT64_C(0x8000000000000000)

struct latch {
    uint64_t head; /* zero: sync_is_private */
    union {
        struct {
            uint32_t
                word; /* what sleepers sleep on: the lower half, as the machines of os/ have it */
            int32_t count;
        };
        uint64_t both;
    };
    uint64_t raised; /* shared: how often the count was raised from 0 */
    uint64_t room[5];
};
_Static_assert(sizeof(struct latch) == sizeof(plait_latch), "a latch is 64 bytes");

struct latch_call {
    struct latch *latch;
    uint64_t times; /* up to the call */
    uint64_t turns; /* shared: as they stood behind that */
    bool shared, slept;
};

static inline int32_t count_in(uint64_t seen)
{
    return (int32_t)(seen >> 32 & INT32_MAX);
}

static inline uint32_t times_in(uint64_t seen)
{
    return (uint32_t)seen & LATCH_TIMES;
}

static inline uint64_t turns_in(uint64_t seen)
{
    return seen & (LATCH_TURN_2 | LATCH_TURN);
}

static inline uint64_t latch_pack(int32_t count, uint32_t word)
{
    return (uint64_t)(uint32_t)count << 32 | word;
}

static struct latch *latch_of(const plait_latch *latch, bool *shared, void *place)
{
    *shared = unlikely(!sync_is_private(latch)) && sync_check(latch, "latch", place);
    return (struct latch *)latch;
}

void plait_latch_init(plait_latch *object, int count, plait_where where)
{
    void *place = __builtin_return_address(0);
    sync_init(object, "latch", where, place);
    if (count < 0)
        base_misuse(object, "latch", place, "a count of %d", count);
    ((struct latch *)object)->count = count;
}

static int32_t latch_sum(const struct latch *latch, uint64_t seen, int count, void *place)
{
    int32_t sum;
    if (__builtin_add_overflow(count_in(seen), count, &sum))
        base_misuse(latch, "latch", place, "%d and %d more are too many", count_in(seen), count);
    if (sum < 0)
        base_misuse(latch, "latch", place, "counted down by %ld, but only %d are left",
                    -(long)count, count_in(seen));
    return sum;
}

static void latch_add_private(struct latch *latch, int count, void *place)
{
    uint64_t seen = atom_load(&latch->both, RELAXED), next;
    do {
        int32_t sum = latch_sum(latch, seen, count, place);
        next = latch_pack(sum, (uint32_t)seen);
        if (sum == 0 && count != 0)
            next = latch_pack(0, (times_in(seen) + 1) & LATCH_TIMES);
    } while (!atom_cas(&latch->both, &seen, next,
                       RELEASE)); /* pairs with the ACQUIRE of latch_is_open */
    if (unlikely((uint32_t)seen & ~(uint32_t)next & LATCH_W))
        wait_unpark(&latch->word, INT_MAX, false);
}

/* Step 3's new value of a shared one. */
static uint64_t latch_turned(uint64_t seen)
{
    uint64_t turns = turns_in(seen);
    return turns ^ LATCH_TURN ^ (turns & LATCH_TURN ? LATCH_TURN_2 : 0);
}

static void latch_add_shared(struct latch *latch, int count, void *place)
{
    uint64_t raised, seen, next;
    do {
        raised = atom_load(&latch->raised, ACQUIRE); /* before `both`: step 4 */
        seen = atom_load(&latch->both, ACQUIRE);
        int32_t sum = latch_sum(latch, seen, count, place);
        if (count_in(seen) == 0 && sum > 0)
            atom_cas(&latch->raised, &raised, raised + 1, ACQ_REL);
        next = (seen & LATCH_TURN_2) | latch_pack(sum, (uint32_t)seen);
        if (sum == 0 && count != 0)
            next = latch_turned(seen);
    } while (!atom_cas(&latch->both, &seen, next,
                       ACQ_REL)); /* pairs with the ACQUIRE of latch_is_open */
    if ((uint32_t)seen & ~(uint32_t)next & LATCH_W)
        wait_unpark(&latch->word, INT_MAX, true);
}

void plait_latch_add(plait_latch *object, int count)
{
    void *place = __builtin_return_address(0);
    bool shared;
    WAIT_POINT();
    struct latch *latch = latch_of(object, &shared, place);
    if (likely(!shared)) {
        latch_add_private(latch, count, place);
        return;
    }
    wait_cover(&latch->word);
    latch_add_shared(latch, count, place);
    wait_uncover();
}

/* `raised` is read before the count, for step 4. True: the count is 0. */
static bool latch_begin(struct latch_call *call)
{
    uint64_t raised = call->shared ? atom_load(&call->latch->raised, ACQUIRE) : 0;
    uint64_t seen = atom_load(&call->latch->both, ACQUIRE); /* pairs with plait_latch_add */
    call->times = call->shared ? raised : times_in(seen);
    call->turns = turns_in(seen);
    return count_in(seen) == 0;
}

static bool latch_is_open(const struct latch_call *call, uint64_t seen)
{
    if (count_in(seen) == 0)
        return true;
    if (!call->shared)
        return times_in(seen) != call->times;
    return turns_in(seen) != call->turns ||
           atom_load(&call->latch->raised, ACQUIRE) - call->times > 1;
}

static int latch_attempt(void *object)
{
    struct latch_call *call = object;
    if (!latch_is_open(call, atom_load(&call->latch->both, ACQUIRE)))
        return -EAGAIN;
    if (call->shared && call->slept)
        wait_unpark(&call->latch->word, INT_MAX, true); /* step 5 */
    return 0;
}

/* Step 2. W is set together with one more look, otherwise a 0 between the two would wake nobody. */
static int latch_words(void *object, struct wait_word *words)
{
    struct latch_call *call = object;
    struct latch *latch = call->latch;
    uint64_t seen = atom_load(&latch->both, ACQUIRE);
    do
        if (latch_is_open(call, seen))
            return 0;
    while (!((uint32_t)seen & LATCH_W) && !atom_cas(&latch->both, &seen, seen | LATCH_W, ACQUIRE));
    if (call->shared && !((uint32_t)seen & LATCH_W) && atom_load(&latch->raised, RELAXED) != 0)
        wait_unpark(&latch->word, INT_MAX, true); /* step 6 */
    call->slept = true;
    words[0] = (struct wait_word){
        .word = &latch->word, .seen = (uint32_t)seen | LATCH_W, .shared = call->shared};
    return 1;
}

int plait_latch_wait(plait_latch *object, int64_t deadline)
{
    static const struct wait_call wait = {latch_attempt, latch_words, "wait", "latch"};
    void *place = __builtin_return_address(0);
    struct latch_call call = {0};
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    call.latch = latch_of(object, &call.shared, place);
    if (latch_begin(&call))
        return 0;
    if (!call.shared)
        return wait_until(&wait, &call, object, deadline, place);
    wait_cover(&call.latch->word);
    int rc = wait_until(&wait, &call, object, deadline, place);
    wait_uncover();
    return rc;
}

int plait_latch_count(const plait_latch *object)
{
    bool shared;
    WAIT_POINT();
    const struct latch *latch = latch_of(object, &shared, __builtin_return_address(0));
    return count_in(atom_load(&latch->both, ACQUIRE)); /* pairs with plait_latch_add */
}

/* ---- for select: a latch raised again before the woken one looks was missed, since a case is used
 * for one select after another and cannot know which times it should count from. */
static int latch_case_attempt(plait_case *one)
{
    struct latch *latch = one->object;
    if (count_in(atom_load(&latch->both, ACQUIRE)) != 0)
        return -EAGAIN;
    if (one->reserved && sync_is_shared(latch))
        wait_unpark(&latch->word, INT_MAX, true); /* step 5 */
    return 0;
}

static int latch_case_words(plait_case *one, struct wait_word *words)
{
    struct latch_call call = {.latch = one->object, .shared = sync_is_shared(one->object)};
    one->reserved = 1;
    latch_begin(&call);
    return latch_words(&call, words);
}

static void latch_case_pass_on(plait_case *one)
{
    latch_case_attempt(one);
}

plait_case plait_on_latch(plait_latch *latch)
{
    static const struct plait_case_kind kind = {"wait", "latch", latch_case_attempt,
                                                latch_case_words, latch_case_pass_on};
    bool shared;
    latch_of(latch, &shared, __builtin_return_address(0));
    return (plait_case){.kind = &kind, .object = latch};
}
