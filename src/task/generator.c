/* Generators: a stack that its consumer runs, without a scheduler.
 *
 * Problem: the function must stop inside plait_yield_value and go on there later, and may wait in
 * between as any function may. Obvious idea: a coroutine of the scheduler and a queue of one place.
 * That is two trips through run queues a value, another task's cancels and deadlines, and a wait
 * inside is not the consumer's. Instead the consumer itself steps onto the generator's stack. The
 * current task stays what it is, so whoever parks there parks the consumer: its context is saved
 * wherever it stands.
 *   1. send: NEW or SUSPENDED -> RUNNING; who finds RUNNING is the second one at once, or the
 *      generator itself. ACQUIRE, pairs with 4
 *   2. send: gives what is sent to the pending yield, notes the place for the value, switches
 *   3. yield: copies the value straight to the consumer, undoes what 2 noted in his record
 *   4. yield: switches back; the state is SUSPENDED or ENDED once the context is saved and nothing
 *      touches the stack any more (os_hand_over), so that another consumer may come
 * Neither side has anything left to do after a switch: then the task of before may be another one,
 * on another thread, and both calls end in a jump that returns to their callers. A return of their
 * own would be one that the CPU has predicted to the other stack; two of them were half of a step.
 *
 * For 1 a compare-and-swap would be a third of a step. A consumer that was also the last one does
 * without: a second one at the same instant could then slip in, and is found at the next yield,
 * which is not his. In checked mode each step has it. */
#include "base/report.h"
#include "base/settings.h"
#include "base/stack.h"
#include "os/os.h"
#include "task/scope.h"

#include <plait/generator.h>

#include <errno.h>
#include <stdlib.h>

/* state: 0 not begun; 1 stopped in a yield; 2 runs as `consumer`; 3 its function has returned */
enum { NEW, SUSPENDED, RUNNING, ENDED };
enum { MAGIC = 0x67656e00 };

struct plait_generator {
    uint32_t magic, state;
    void *context; /* its own while it does not run */
    void *back;    /* its consumer's while it does */
    void *value;   /* the consumer's place for it, or NULL */
    void *taken;   /* the pending yield's place for what is sent, or NULL */
    size_t element, sent;
    struct task_record *consumer;
    struct plait_generator *outer; /* the one that the consumer runs as well, around this one */
    struct task_block *block;      /* the consumer's: must be so again when it yields */
    uint32_t shield;               /* depth of its own shields while it does not run */
    uint32_t shield_around;        /* the consumer's */
    int status;
    bool plain; /* is_plain */
    plait_function *function;
    void *arg;
    void *stack;
    size_t stack_size;
    struct os_fiber fiber; /* for sanitizers */
    struct os_fiber_loan loan;
    struct os_exceptions exceptions, callers;
};

/* ---- switching */
/* Runs it, as the calling task, until it yields (0) or ends (-EPIPE). Its pending yield returns
 * `result`. */
static inline __attribute__((always_inline)) int
resume(struct plait_generator *one, struct task_record *me, int result, bool plain)
{
    struct os_fiber here;
    one->consumer = me;
    one->outer = me->generator;
    one->block = me->block;
    one->shield_around = me->co.self.shield;
    me->generator = one;
    if (unlikely(one->shield))
        atom_store(&me->co.self.shield, one->shield_around + one->shield, RELAXED);
    if (!plain)
        os_exceptions_swap(&one->callers, &one->exceptions);
    os_fiber_lend(&one->loan, &here, &me->co.fiber, &one->fiber);
    os_fiber_leave(&here, &one->fiber, false);
    int rc = os_hand_over(&one->back, one->context, &one->state, RUNNING, result);
    os_fiber_arrive(&here, NULL);
    return rc;
}

/* Not inside a block of its own, because the block would go on around the consumer. */
static void check_place(const struct plait_generator *one, const struct task_record *me,
                        void *place)
{
    if (unlikely(one->consumer != me))
        base_misuse(one, "generator", place, "used by two tasks at once: it runs as '%s' and '%s'",
                    record_name(one->consumer), record_name((struct task_record *)me));
    if (unlikely(me->block != one->block))
        base_misuse(one, "generator", place, "it yielded inside a plait_scoped of its own");
}

/* Back to the consumer, whose call returns `result`. The result is that of the yield. */
static inline __attribute__((always_inline)) int
suspend(struct plait_generator *one, struct task_record *me, uint32_t state, int result, bool plain)
{
    me->generator = one->outer;
    one->shield = me->co.self.shield - one->shield_around;
    if (unlikely(one->shield))
        atom_store(&me->co.self.shield, one->shield_around, SEQ_CST);
    if (!plain)
        os_exceptions_swap(&one->exceptions, &one->callers);
    os_fiber_take_back(&one->loan, &me->co.fiber);
    os_fiber_leave(&one->fiber, one->loan.caller, state == ENDED);
    int rc = os_hand_over(&one->context, one->back, &one->state, state, result);
    os_fiber_arrive(&one->fiber, one->loan.caller);
    return rc;
}

static void generator_main(void *arg)
{
    struct plait_generator *one = arg;
    os_fiber_arrive(&one->fiber, one->loan.caller);
    one->status = one->function(one->arg);
    struct task_record *me = task_me();
    check_place(one, me, NULL);
    suspend(one, me, ENDED, -EPIPE, false);
    abort(); /* nobody switches to a generator that has ended */
}

/* ---- open */
static int open_check(size_t element, plait_function *function,
                      const plait_generator_options *options)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return EINVAL;
    if (!function || element > PTRDIFF_MAX || options->sent > PTRDIFF_MAX)
        return EINVAL;
    return options->stack > (size_t)1 << 40 ? EINVAL : 0;
}

/* At the top of its own stack, because that page is dirty anyway. */
static struct plait_generator *generator_new(size_t size)
{
    size_t own = (sizeof(struct plait_generator) + OS_LINE - 1) & ~(size_t)(OS_LINE - 1);
    size = size ? size : base_settings()->stack;
    void *stack = base_stack_take(&size);
    if (!stack)
        return NULL;
    struct plait_generator *one = (void *)((char *)stack + size - own);
    memset(one, 0, own);
    one->stack = stack;
    one->stack_size = size;
    os_fiber_new(&one->fiber, stack, size, "generator");
    one->context = os_context(one, generator_main, one);
    return one;
}

static bool is_size_plain(size_t size)
{
    return size == 0 || size == 4 || size == 8;
}

/* With values of one move, no libstdc++ and no checked mode the usual step calls nothing on its
 * way, and so saves no register that the switch saves anyway. */
static bool is_plain(const struct plait_generator *one)
{
    return is_size_plain(one->element) && is_size_plain(one->sent) && !base_settings()->check &&
           !os_has_exceptions();
}

static void generator_drop(struct plait_generator *one)
{
    void *stack = one->stack;
    size_t size = one->stack_size;
    one->magic = 0;
    os_fiber_end(&one->fiber);
    base_stack_give(stack, size);
}

plait_generator *plait_generator_open(size_t element, plait_function *function, void *arg,
                                      const plait_generator_options *options)
{
    static const plait_generator_options defaults;
    struct plait_generator *one = NULL;
    options = options ? options : &defaults;
    wait_me(); /* so that the program's forks are noticed from now on */
    int why = open_check(element, function, options);
    if (!why && !(one = generator_new(options->stack)))
        why = ENOMEM;
    if (!why && options->name && base_name_set(one, options->name) != 0) {
        generator_drop(one);
        why = ENOMEM;
    }
    if (why) {
        errno = why;
        return NULL;
    }
    one->element = element;
    one->sent = options->sent ? options->sent : element;
    one->function = function;
    one->arg = arg;
    one->plain = is_plain(one);
    one->magic = MAGIC + wait_forks;
    return one;
}

/* ---- asking */
static _Noreturn void generator_bad(const struct plait_generator *one, void *place)
{
    bool aligned = one && (uintptr_t)one % OS_LINE == 0;
    if (aligned && one->magic - MAGIC < wait_forks)
        base_misuse(one, "generator", place,
                    "opened before a fork: a generator is of the process that opened it");
    base_misuse(one, "generator", place, one ? "no generator, or freed before" : "NULL is none");
}

static inline void generator_check(const struct plait_generator *one, void *place)
{
    if (unlikely(!one || (uintptr_t)one % OS_LINE || one->magic != MAGIC + wait_forks))
        generator_bad(one, place);
}

static _Noreturn void runs_already(const struct plait_generator *one, void *place)
{
    const struct plait_generator *mine = task_me()->generator;
    while (mine && mine != one)
        mine = mine->outer;
    if (mine)
        base_misuse(one, "generator", place, "it asks itself for a value");
    base_misuse(one, "generator", place, "used by two tasks at once: it runs as '%s'",
                record_name(one->consumer));
}

/* Claims it for the calling task; what it was: NEW or SUSPENDED, or ENDED, which it stays. */
static uint32_t claim(struct plait_generator *one, void *place)
{
    WAIT_POINT();
    generator_check(one, place);
    uint32_t seen = atom_load(&one->state, ACQUIRE); /* pairs with os_hand_over, as the CAS does */
    do
        if (unlikely(seen == RUNNING))
            runs_already(one, place);
    while (seen != ENDED && !atom_cas(&one->state, &seen, RUNNING, ACQUIRE));
    return seen;
}

static inline __attribute__((always_inline)) void copy(void *to, const void *from, size_t size,
                                                       bool plain)
{
    if (!plain)
        memcpy(to, from, size);
    else if (likely(size == 8))
        memcpy(to, from, 8);
    else if (size == 4)
        memcpy(to, from, 4);
}

static inline bool has_size(const void *what, size_t size, size_t own)
{
    return !what || size == own || size == PLAIT_UNSIZED;
}

static void check_size(const struct plait_generator *one, const void *what, size_t size, size_t own,
                       void *place)
{
    if (!has_size(what, size, own))
        base_misuse(one, "generator", place, "%lu bytes where its values have %lu",
                    (unsigned long)size, (unsigned long)own);
}

/* Gives what is sent to the pending yield, and runs on from there. It is RUNNING. */
static inline __attribute__((always_inline)) int
give(struct plait_generator *one, struct task_record *me, const void *in, void *out, bool plain)
{
    if (in && one->taken)
        copy(one->taken, in, one->sent, plain);
    one->value = out;
    return resume(one, me, in != NULL, plain);
}

static __attribute__((noinline)) int send_first(struct plait_generator *one, const void *in,
                                                size_t in_size, void *out, size_t out_size,
                                                void *place)
{
    struct task_record *me = task_me();
    uint32_t was = claim(one, place);
    if (was == ENDED)
        return -EPIPE;
    check_size(one, in, in_size, one->sent, place);
    check_size(one, out, out_size, one->element, place);
    if (in && was == NEW) {
        atom_store(&one->state, NEW, RELEASE);
        return -EINVAL;
    }
    return give(one, me, in, out, false);
}

/* The same consumer as the last time and nothing wrong, so that no compare-and-swap is needed. */
static inline bool goes_on(const struct plait_generator *one, const struct task_record *me)
{
    return one && one->magic == MAGIC + wait_forks && one->consumer == me &&
           atom_load(&one->state, ACQUIRE) == SUSPENDED && one->plain && !wait_deterministic;
}

int plait_generator_send_bytes(plait_generator *one, const void *in, size_t in_size, void *out,
                               size_t out_size)
{
    struct task_record *me = (struct task_record *)wait_current;
    if (unlikely(!goes_on(one, me) || !has_size(in, in_size, one->sent) ||
                 !has_size(out, out_size, one->element)))
        return send_first(one, in, in_size, out, out_size, __builtin_return_address(0));
    atom_store(&one->state, RUNNING, RELAXED);
    return give(one, me, in, out, true);
}

/* Its pending yield returns the code; one that has not begun ends with it. */
static int throw_into(struct plait_generator *one, int code, void *out, void *place)
{
    struct task_record *me = task_me();
    uint32_t was = claim(one, place);
    if (was == ENDED)
        return -EPIPE;
    if (was == NEW) {
        one->status = code;
        atom_store(&one->state, ENDED, RELEASE);
        return -EPIPE;
    }
    one->value = out;
    return resume(one, me, code, false);
}

int plait_generator_throw_bytes(plait_generator *one, int code, void *out, size_t out_size)
{
    void *place = __builtin_return_address(0);
    generator_check(one, place);
    check_size(one, out, out_size, one->element, place);
    return code >= 0 ? -EINVAL : throw_into(one, code, out, place);
}

int plait_generator_returned(const plait_generator *one, int *status)
{
    generator_check(one, __builtin_return_address(0));
    if (atom_load(&one->state, ACQUIRE) != ENDED) /* pairs with os_hand_over */
        return -EAGAIN;
    if (status)
        *status = one->status;
    return 0;
}

int plait_generator_close(plait_generator *one)
{
    int rc = throw_into(one, -ECANCELED, NULL, __builtin_return_address(0));
    return rc == 0 ? -EBUSY : 0;
}

void plait_generator_free(plait_generator *one)
{
    char name[64];
    if (!one)
        return;
    if (throw_into(one, -ECANCELED, NULL, __builtin_return_address(0)) == 0)
        base_report(
            PLAIT_REPORT_DROPPED,
            "generator %s yielded again when it was to be closed, and was freed as it stood",
            base_name_of(one, "generator", name, sizeof name));
    base_name_forget(one);
    generator_drop(one);
}

/* ---- inside */
static __attribute__((noinline, cold)) void
yield_bad(const void *value, size_t size, const void *sent, size_t sent_size, void *place)
{
    const struct task_record *me = task_me();
    const struct plait_generator *one = me->generator;
    if (!one)
        base_misuse(NULL, "generator", place, "a yield outside of any");
    generator_check(one, place);
    check_size(one, value, size, one->element, place);
    check_size(one, sent, sent_size, one->sent, place);
    check_place(one, me, place);
    base_misuse(one, "generator", place, "it yields NULL where its values have %lu bytes",
                (unsigned long)one->element);
}

static inline __attribute__((always_inline)) int yield(struct plait_generator *one,
                                                       struct task_record *me, const void *value,
                                                       void *sent, bool plain)
{
    if (one->value && value)
        copy(one->value, value, one->element, plain);
    one->taken = sent;
    return suspend(one, me, SUSPENDED, 0, plain);
}

static __attribute__((noinline)) int yield_any(struct plait_generator *one, struct task_record *me,
                                               const void *value, void *sent)
{
    return yield(one, me, value, sent, false);
}

int plait_yield_bytes(const void *value, size_t size, void *sent, size_t sent_size)
{
    struct task_record *me = (struct task_record *)wait_current;
    struct plait_generator *one = me ? me->generator : NULL;
    if (unlikely(!one || one->magic != MAGIC + wait_forks || !has_size(value, size, one->element) ||
                 !has_size(sent, sent_size, one->sent) || one->consumer != me ||
                 one->block != me->block || (!value && one->element)))
        yield_bad(value, size, sent, sent_size, __builtin_return_address(0));
    if (unlikely(!one->plain))
        return yield_any(one, me, value, sent);
    return yield(one, me, value, sent, true);
}

/* Does one that runs as this task stand on that stack? For the report of its overflow. */
bool generator_has_stack(const struct task_record *record, const void *stack)
{
    const struct plait_generator *one = record->generator;
    while (one && one->stack != stack)
        one = one->outer;
    return one != NULL;
}
