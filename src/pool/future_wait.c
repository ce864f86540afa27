/* Waiting for a future. */
#include "base/report.h"
#include "pool/future.h"
#include "wait/case.h"

#include <plait/error.h>

#define AGAIN INT64_C(10000000) /* ns */

struct future_help future_help;

static int end_attempt(void *object)
{
    return future_has_ended(object) ? 0 : -EAGAIN;
}

static int end_words(void *object, struct wait_word *words)
{
    plait_future *future = object;
    uint32_t seen = atom_load(&future->word, ACQUIRE);
    do
        if (future_state(seen) >= PLAIT_DONE)
            return 0;
    while (!(seen & FUTURE_W) && !atom_cas(&future->word, &seen, seen | FUTURE_W, ACQUIRE));
    words[0] = (struct wait_word){.word = &future->word, .seen = seen | FUTURE_W};
    return 1;
}

/* While the machine has no thread for a spare worker, nobody else might come to what this job waits
 * for: so it asks again now and then. */
static int wait_in_pieces(const struct wait_call *call, void *object, const void *shown,
                          int64_t deadline, void *place)
{
    bool enough = future_help.begin();
    for (;;) {
        int64_t end = enough ? WAIT_NEVER : wait_now() + AGAIN;
        bool last = end >= deadline || end >= wait_me()->limit;
        int rc = wait_until_tried(call, object, shown, last ? deadline : end, place);
        if (last || rc != -ETIMEDOUT)
            return rc;
        enough = future_help.again();
    }
}

/* As wait_until, with the pool told that the calling job sleeps, so that others run meanwhile. */
int future_wait_as_job(const struct wait_call *call, void *object, const void *shown,
                       int64_t deadline, void *place)
{
    int rc = call->attempt(object);
    if (rc != -EAGAIN)
        return rc;
    if (deadline == 0)
        return wait_not_now();
    if (!future_help.begin)
        return wait_until_tried(call, object, shown, deadline, place);
    rc = wait_in_pieces(call, object, shown, deadline, place);
    future_help.end();
    return rc;
}

int future_wait(plait_future *future, int64_t deadline, void *place)
{
    static const struct wait_call call = {end_attempt, end_words, "wait for", "future"};
    bool for_ever = deadline == WAIT_NEVER;
    if (for_ever && !future_has_ended(future) && future_help.help && future_help.help(future))
        return 0;
    int64_t began = 0;
    if (deadline != 0 && future_help.spin && future_help.spin(future, &began))
        return 0;
    int rc = future_wait_as_job(&call, future, future, deadline, place);
    if (began)
        future_help.spun(future, began);
    return rc;
}

/* How the wait of plait_result ended, once the future has. */
static ssize_t result_copy(plait_future *future, void *buffer, size_t size, void *place)
{
    if (future_state(atom_load(&future->word, ACQUIRE)) != PLAIT_DONE) {
        atom_or(&future->word, FUTURE_READ, RELAXED);
        return -PLAIT_EFAILED;
    }
    if (!buffer)
        return (ssize_t)future->size;
    if (size != PLAIT_UNSIZED && size != future->size) {
        if (!future->apart && future->announced)
            base_misuse(future, "future", place, "a result of %zu bytes into %zu", future->size,
                        size);
        if (size < future->size)
            return -EMSGSIZE;
    }
    if (future->size)
        memcpy(buffer, future->result, future->size);
    return (ssize_t)future->size;
}

ssize_t plait_result_bytes(plait_future *future, void *buffer, size_t size, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    future_check(future, place);
    int rc = future_has_ended(future) ? 0 : future_wait(future, deadline, place);
    return rc == 0 ? result_copy(future, buffer, size, place) : rc;
}

static int on_attempt(plait_case *one)
{
    return end_attempt(one->object);
}

static int on_words(plait_case *one, struct wait_word *words)
{
    return end_words(one->object, words);
}

plait_case plait_on_done(plait_future *future)
{
    static const struct plait_case_kind kind = {"wait for", "future", on_attempt, on_words, NULL};
    future_check(future, __builtin_return_address(0));
    return (plait_case){.kind = &kind, .object = future};
}
