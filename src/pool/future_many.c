/* Waiting for several futures: the first, so many of them, the first failure.
 *
 * The waiter lists a watch at each, and sleeps on one word of his own. Obvious idea: a select with
 * a case for each. It looks at all of them after each wake, so that waiting for n would cost n * n,
 * and a select has a bound. Here each end counts `missing` down, and only the one that is enough
 * wakes. */
#include "os/os.h"
#include "pool/future.h"

#include <limits.h>

enum { UNKNOWN = INT_MAX / 2 };

struct gather {
    uint32_t word;   /* 1: enough have ended */
    int32_t missing; /* until then; UNKNOWN more while the watches are being listed */
    bool first_failure;
};
struct gather_watch {
    struct future_watch watch;
    struct gather *gather;
    bool listed;
};

/* `gather` is the waiter's: after the store it may be gone, so the wake goes by address. */
static void gather_enough(struct gather *gather)
{
    atom_store(&gather->word, 1, RELEASE); /* pairs with gather_attempt */
    wait_unpark(&gather->word, INT_MAX, false);
}

static void gather_tell(struct future_watch *watch, bool failed)
{
    struct gather *gather = ((struct gather_watch *)watch)->gather;
    bool first = failed && gather->first_failure;
    if (atom_sub(&gather->missing, 1, ACQ_REL) == 1 || first)
        gather_enough(gather);
}

static int gather_attempt(void *object)
{
    return atom_load(&((struct gather *)object)->word, ACQUIRE) ? 0 : -EAGAIN;
}

static int gather_words(void *object, struct wait_word *words)
{
    words[0] = (struct wait_word){.word = &((struct gather *)object)->word};
    return 1;
}

static bool has_failed(plait_future *future)
{
    return future_state(atom_load(&future->word, ACQUIRE)) > PLAIT_DONE;
}

/* How many have ended; *all: how many there are. A failure counts as all where that is asked
 * for. */
static size_t ended(plait_future *const *futures, size_t count, size_t *all, bool *failed)
{
    size_t done = 0;
    *all = 0;
    *failed = false;
    for (size_t i = 0; i < count; i++) {
        if (!futures[i])
            continue;
        ++*all;
        if (!future_has_ended(futures[i]))
            continue;
        done++;
        *failed |= has_failed(futures[i]);
    }
    return done;
}

/* Lists the watches; what has ended already is counted at once. */
static void gather_list(plait_future *const *futures, size_t count, struct gather *gather,
                        struct gather_watch *watches, size_t enough)
{
    int32_t before = 0;
    for (size_t i = 0; i < count; i++) {
        watches[i] = (struct gather_watch){{.tell = gather_tell}, gather, false};
        if (!futures[i])
            continue;
        watches[i].listed = future_watch(futures[i], &watches[i].watch);
        before += !watches[i].listed;
        if (!watches[i].listed && gather->first_failure && has_failed(futures[i]))
            before = INT_MAX / 4;
    }
    int32_t off = UNKNOWN - ((int32_t)enough - before);
    if (atom_sub(&gather->missing, off, ACQ_REL) - off <= 0)
        gather_enough(gather);
}

static int gather_wait(plait_future *const *futures, size_t count, size_t enough, bool first,
                       int64_t deadline, void *place)
{
    static const struct wait_call call = {gather_attempt, gather_words, "wait for", "futures"};
    struct gather gather = {.missing = UNKNOWN, .first_failure = first};
    struct gather_watch *watches = os_alloc(count * sizeof *watches);
    if (!watches)
        return -ENOMEM;
    gather_list(futures, count, &gather, watches, enough);
    int rc = future_wait_as_job(&call, &gather, futures, deadline, place);
    for (size_t i = 0; i < count; i++)
        if (watches[i].listed)
            future_unwatch(futures[i], &watches[i].watch);
    os_free(watches);
    return rc;
}

/* Until `enough` of them have ended: how many have. */
static ssize_t futures_wait(plait_future *const *futures, size_t count, size_t enough,
                            int64_t deadline, void *place)
{
    bool first = enough == PLAIT_FIRST_FAILURE, failed;
    size_t all, done = ended(futures, count, &all, &failed);
    if (enough > all)
        enough = all;
    if (done >= enough || (first && failed))
        return (ssize_t)done;
    if (count > INT_MAX / 8)
        return -EINVAL;
    if (deadline == 0)
        return wait_not_now();
    int rc = gather_wait(futures, count, enough, first, deadline, place);
    return rc == 0 ? (ssize_t)ended(futures, count, &all, &failed) : rc;
}

static void check_all(plait_future *const *futures, size_t count, void *place)
{
    for (size_t i = 0; i < count; i++)
        if (futures[i])
            future_check(futures[i], place);
}

int plait_futures_wait(plait_future *const *futures, size_t count, size_t enough, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    check_all(futures, count, place);
    return (int)futures_wait(futures, count, enough, deadline, place);
}

plait_future *plait_next_done(plait_future **futures, size_t count, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    check_all(futures, count, place);
    ssize_t done = futures_wait(futures, count, 1, deadline, place);
    for (size_t i = 0; done > 0 && i < count; i++) {
        plait_future *future = futures[i];
        if (!future || !future_has_ended(future))
            continue;
        futures[i] = NULL;
        return future;
    }
    errno = done < 0 ? (int)-done : ENOENT;
    return NULL;
}
