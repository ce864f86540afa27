/* plait_for: the caller and as many branches as there are threads of the gang run bodies until none
 * is left. A branch that nobody takes comes too late to find any, and costs its merge.
 *
 *   1. each that runs counts itself in `active`, then takes units and runs bodies
 *   2. a body that fails, the caller's deadline and its cancel set `stop`, at which nobody takes
 *      more
 *   3. the caller finds no more units, waits until the others are done (active 0), and merges its
 *      branches, and must not leave before, since the loop lies on its stack
 *   4. the parts are put together by the caller alone */
#include "base/report.h"
#include "os/os.h"
#include "pool/gang.h"
#include "pool/loop.h"
#include "pool/map.h"
#include "wait/self.h"

#include <plait/local.h>
#include <plait/time.h>

#include <errno.h>

enum { PARTS_MOST = 256, LINE = 64 };

struct loop {
    struct loop_units units;
    long first, end, unit;
    int (*body)(long first, long end, void *arg);
    void *arg;
    size_t stride; /* bytes from one part of the total to the next; 0: none is asked for */
    char *parts;
    struct wait_self *caller;
    int64_t deadline;
    bool in_pool;    /* the caller takes no part */
    int rc;          /* how the caller's wait ended */
    uint32_t joined; /* how many have run or run: the number of the next one */
    uint32_t active; /* so many run, beside the caller */
    uint32_t stop, failed;
};

static plait_local part_of_task;

void *plait_for_part(void)
{
    return plait_local_get(&part_of_task);
}

/* Only the caller's own: its cancel, its deadline, its scope's. */
static void loop_look(struct loop *loop)
{
    int64_t limit = loop->caller->limit < loop->deadline ? loop->caller->limit : loop->deadline;
    if (likely(!wait_cancel_is_due(loop->caller)) && (limit == WAIT_NEVER || wait_now() < limit))
        return;
    int rc = wait_park(NULL, 0, loop->deadline);
    if (rc == -ECANCELED || rc == -ETIMEDOUT) {
        loop->rc = rc;
        atom_store(&loop->stop, 1, RELAXED);
    }
}

static void loop_body(struct loop *loop, uint32_t first, uint32_t end)
{
    unsigned long from = (unsigned long)loop->first, unit = (unsigned long)loop->unit;
    long last = end == loop->units.count ? loop->end : (long)(from + end * unit);
    if (likely(loop->body((long)(from + first * unit), last, loop->arg) == 0))
        return;
    atom_add(&loop->failed, 1, RELAXED);
    atom_store(&loop->stop, 1, RELAXED);
}

/* By the caller (mine 0) and each branch that runs. */
static void loop_run(struct loop *loop, uint32_t mine)
{
    void *outer = plait_local_get(&part_of_task);
    uint32_t first, end;
    if (plait_local_set(&part_of_task, loop->parts ? loop->parts + mine * loop->stride : NULL) < 0)
        return; /* no memory: the caller, who has set it already, does without this one */
    while (!atom_load(&loop->stop, RELAXED) && loop_units_take(&loop->units, mine, &first, &end)) {
        loop_body(loop, first, end);
        if (mine == 0 && !loop->in_pool)
            loop_look(loop);
    }
    (void)plait_local_set(&part_of_task, outer); /* since there was memory for the one before */
}

static intptr_t loop_branch(intptr_t arg)
{
    struct loop *loop = (struct loop *)arg;
    atom_add(&loop->active, 1, ACQUIRE);
    loop_run(loop, atom_add(&loop->joined, 1, RELAXED));
    if (atom_sub(&loop->active, 1, RELEASE) == 1) /* pairs with the ACQUIRE of active_attempt */
        wait_unpark(&loop->active, 1, false);
    return 0;
}

static int active_attempt(void *object)
{
    struct loop *loop = object;
    return atom_load(&loop->active, ACQUIRE) == 0 ? 0 : -EAGAIN;
}

static int active_words(void *object, struct wait_word *words)
{
    struct loop *loop = object;
    words[0] = (struct wait_word){.word = &loop->active, .seen = atom_load(&loop->active, RELAXED)};
    return words[0].seen != 0;
}

/* Step 3. One that has no end to watch for merges at once, because a merge spins for a while. */
static void loop_finish(struct loop *loop, plait_branch *branches, uint32_t count, void *place)
{
    static const struct wait_call call = {active_attempt, active_words, "wait", "loop"};
    bool watches = loop->deadline != WAIT_NEVER || loop->caller->limit != WAIT_NEVER;
    if (watches && loop->rc == 0 && !atom_load(&loop->stop, RELAXED)) {
        loop->rc = wait_until(&call, loop, NULL, loop->deadline, place);
        if (loop->rc < 0)
            atom_store(&loop->stop, 1, RELAXED);
    }
    while (count)
        plait_branch_merge(&branches[--count]);
}

static void loop_combine(struct loop *loop, const plait_for_options *options)
{
    uint32_t joined = loop->joined < loop->units.parts ? loop->joined : loop->units.parts;
    for (uint32_t i = 0; i < joined && loop->parts; i++)
        options->combine(options->total, loop->parts + i * loop->stride);
}

static int loop_result(struct loop *loop, const plait_for_options *options)
{
    if (loop->failed == 0 && loop->rc == 0)
        loop_combine(loop, options);
    if (loop->failed && loop->rc == -ECANCELED)
        wait_cancel_again(loop->caller); /* since only the failure is told now */
    return loop->failed ? (int)loop->failed : loop->rc;
}

static int loop_go(struct loop *loop, const plait_for_options *options, void *place)
{
    uint32_t count = loop->units.parts - 1;
    struct loop_part parts[count + 1];
    plait_branch branches[count + 1];
    loop_units_init(&loop->units, parts);
    loop->joined = 1;
    for (uint32_t i = 0; i < count; i++)
        plait_branch_fork(&branches[i], loop_branch, (intptr_t)loop);
    loop_run(loop, 0);
    loop_finish(loop, branches, count, place);
    return loop_result(loop, options);
}

/* ---- in a pool of the user's: a job for each worker. The caller only waits, because bodies may
 * want their worker's state. */
static int loop_job(const void *in, void *out)
{
    struct loop *loop = *(struct loop *const *)in;
    loop_run(loop, atom_add(&loop->joined, 1, RELAXED));
    return 0;
}

static int submit_jobs(struct loop *loop, plait_pool *pool, plait_future **futures)
{
    uint32_t given = 0;
    for (; given < loop->units.parts; given++) {
        int64_t deadline =
            given ? PLAIT_NOW : loop->deadline; /* more than one is not worth a wait */
        futures[given] = plait_submit_bytes(pool, loop_job, &loop, sizeof loop, 0, NULL, deadline);
        if (!futures[given])
            return given ? (int)given : -errno;
    }
    return (int)given;
}

static int loop_in_pool(struct loop *loop, const plait_for_options *options,
                        struct loop_part *parts, plait_future **futures)
{
    loop_units_init(&loop->units, parts);
    int saved = os_errno_get(), given = submit_jobs(loop, options->pool, futures);
    os_errno_set(saved);
    if (given < 0)
        return given;
    loop->rc = plait_futures_wait(futures, (size_t)given, (size_t)given, loop->deadline);
    if (loop->rc < 0)
        atom_store(&loop->stop, 1, RELAXED);
    map_wait_for_all(futures, (size_t)given);
    map_forget(futures, (size_t)given);
    /* Told when somebody else cancelled what waited in the pool, since nobody knows how much was
     * not run. */
    if (loop->rc >= 0)
        loop->rc = loop->joined < (uint32_t)given && !loop->failed ? -ECANCELED : 0;
    return 0;
}

static int loop_go_in_pool(struct loop *loop, const plait_for_options *options)
{
    size_t each = sizeof(struct loop_part) + sizeof(plait_future *);
    struct loop_part *parts = os_alloc_lines(loop->units.parts * each);
    int rc = parts
                 ? loop_in_pool(loop, options, parts, (plait_future **)(parts + loop->units.parts))
                 : -ENOMEM;
    os_free(parts);
    return rc < 0 ? rc : loop_result(loop, options);
}

/* ---- the call */
static int options_check(const plait_for_options *options)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return -EINVAL;
    bool all = options->total && options->total_size && options->combine;
    bool none = !options->total && !options->total_size && !options->combine;
    bool sizes = options->chunk >= 0 && options->total_size <= PTRDIFF_MAX / (2 * PARTS_MOST);
    bool known = (unsigned)options->schedule <= PLAIT_GUIDED;
    bool here = !options->pool || options->pool->carrier != PLAIT_PROCESS;
    return sizes && known && (all || none) && here ? 0 : -EINVAL;
}

static void units_count(struct loop *loop, const plait_for_options *options, uint32_t threads)
{
    unsigned long count = (unsigned long)loop->end - (unsigned long)loop->first;
    unsigned long unit = options->chunk ? (unsigned long)options->chunk : 1;
    if (unit <= count >> 31)
        unit = (count >> 31) + 1;
    loop->unit = (long)unit;
    loop->units.count = (uint32_t)((count - 1) / unit + 1);
    loop->units.chunked = options->chunk != 0;
    loop->units.schedule = options->schedule;
    loop->units.parts = loop->units.count < threads ? loop->units.count : threads;
}

static bool parts_alloc(struct loop *loop, const plait_for_options *options)
{
    if (!options->total)
        return true;
    loop->stride = (options->total_size + LINE - 1) & ~(size_t)(LINE - 1);
    loop->parts = os_alloc_lines(loop->stride * loop->units.parts);
    return loop->parts != NULL;
}

int plait_for(long first, long end, int (*body)(long first, long end, void *arg), void *arg,
              const plait_for_options *options, int64_t deadline)
{
    static const plait_for_options defaults;
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    options = options ? options : &defaults;
    if (options->pool)
        pool_check(options->pool, place);
    int rc = body && first <= end ? options_check(options) : -EINVAL;
    if (rc < 0 || first == end)
        return rc;
    if (deadline != WAIT_NEVER && deadline <= wait_now())
        return deadline == PLAIT_NOW ? -EAGAIN : -ETIMEDOUT;
    struct loop loop = {.first = first,
                        .end = end,
                        .body = body,
                        .arg = arg,
                        .caller = wait_me(),
                        .deadline = deadline};
    loop.in_pool = options->pool != NULL;
    uint32_t threads = loop.in_pool ? options->pool->size : gang_threads() + 1;
    units_count(&loop, options, threads < PARTS_MOST ? threads : PARTS_MOST);
    if (plait_local_set(&part_of_task, plait_local_get(&part_of_task)) < 0 ||
        !parts_alloc(&loop, options))
        return -ENOMEM;
    rc = loop.in_pool ? loop_go_in_pool(&loop, options) : loop_go(&loop, options, place);
    os_free(loop.parts);
    return rc;
}
