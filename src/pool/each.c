/* plait_map_each: inputs from a function, results one by one.
 *
 * Chunks of inputs are on their way, each a job of the pool with a message (message.c), on all
 * carriers; together they hold .ahead inputs at most. One chunk is open: its results are handed
 * out. It keeps its message until then, because the inputs of a chunk whose worker has died are run
 * again, one by one. */
#include "base/report.h"
#include "os/os.h"
#include "pool/map.h"

#include <plait/error.h>
#include <plait/time.h>

/* Of a chunk whose length is not given: long enough that its two wakes cost a tenth of it */
#define CHUNK_TIME PLAIT_MILLISECOND
enum { EACH = 2, RAMP = 8, AHEAD_MOST = 1 << 24, LENGTH_MOST = 1024, BYTES = 1 << 16 };
#define RESULTS_MAGIC UINT64_C(0x706c616974526573)

struct chunk {
    plait_future *future; /* NULL: not submitted yet */
    void *message;
    char *inputs;        /* inside it */
    size_t first, count; /* 0: the slot is free */
};

struct plait_results {
    uint64_t magic;
    plait_pool *pool;
    struct map_function function;
    int (*next)(void *in, void *arg);
    void *arg;
    size_t in_size, out_size;
    plait_map_options options;
    struct progress progress;
    size_t slots, length; /* chunks; inputs of each at most */
    int64_t job_takes;    /* ns, measured; 0: not known */
    size_t longest;       /* chunk so far: the next one is at most RAMP times that */
    size_t begun, told;   /* inputs asked for; results handed out */
    bool no_more;         /* next has said so, or a failure stops the rest */
    struct chunk *chunk;
    plait_future **futures; /* room for those that one waits for */
    struct chunk *open;
    size_t place;         /* of the next result in it */
    plait_future *single; /* instead of its future, which died */
    void *message;        /* of that */
    int error;
    size_t index;
};

static void results_check(const plait_results *results, void *place)
{
    if (unlikely(!results || results->magic != RESULTS_MAGIC + wait_forks))
        base_misuse(results, "results", place, "not open, or another process has them");
}

/* ---- open and free */
static int each_check(plait_job *function, int (*next)(void *, void *), size_t in_size,
                      size_t out_size, const plait_map_options *options)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return EINVAL;
    bool sizes = in_size < PTRDIFF_MAX && out_size < PTRDIFF_MAX;
    bool numbers = options->chunk <= AHEAD_MOST && options->ahead <= AHEAD_MOST;
    return function && next && sizes && numbers && !options->errors ? 0 : EINVAL;
}

/* Two chunks for each worker, so that none waits for us; their length is measured unless it is
 * given. */
static void results_size(plait_results *results)
{
    const plait_map_options *options = &results->options;
    size_t most = EACH * (size_t)results->pool->size;
    size_t fits = BYTES / (results->in_size + results->out_size + 1) + 1;
    size_t ahead = options->ahead;
    if (!ahead)
        ahead = most * (options->chunk ? options->chunk : fits < LENGTH_MOST ? fits : LENGTH_MOST);
    size_t length = options->chunk ? options->chunk : ahead / most;
    results->length = length < 1 ? 1 : length > ahead ? ahead : length;
    results->slots = options->chunk ? ahead / results->length : ahead < most ? ahead : most;
    results->longest = 1;
}

static size_t next_length(const plait_results *results)
{
    if (results->options.chunk)
        return results->length;
    if (results->job_takes == 0)
        return 1;
    size_t length = (size_t)(CHUNK_TIME / results->job_takes) + 1;
    length = length < results->longest * RAMP ? length : results->longest * RAMP;
    return length < results->length ? length : results->length;
}

static void measure(plait_results *results, const struct chunk *chunk)
{
    if (plait_future_error(chunk->future))
        return;
    const struct map_reply *reply = chunk->future->result;
    int64_t takes = reply->took / (int64_t)chunk->count;
    takes = results->job_takes ? (results->job_takes + takes) / 2 : takes;
    results->job_takes = takes > 0 ? takes : 1;
    results->longest = chunk->count > results->longest ? chunk->count : results->longest;
}

static bool results_alloc(plait_results *results)
{
    size_t size = map_message_size(results->in_size, results->length);
    results->chunk = os_alloc(results->slots * sizeof *results->chunk);
    results->futures = os_alloc(results->slots * sizeof(plait_future *));
    results->message = os_alloc(map_message_size(results->in_size, 1));
    bool all = results->chunk && results->futures && results->message && size != SIZE_MAX;
    for (size_t i = 0; all && i < results->slots; i++)
        all = (results->chunk[i].message = os_alloc(size)) != NULL;
    return all;
}

plait_results *plait_map_each(plait_pool *pool, plait_job *function,
                              int (*next)(void *in, void *arg), void *arg, size_t in_size,
                              size_t out_size, const plait_map_options *options)
{
    static const plait_map_options defaults;
    options = options ? options : &defaults;
    pool_check(pool, __builtin_return_address(0));
    int why = each_check(function, next, in_size, out_size, options);
    plait_results *results = why ? NULL : os_alloc(sizeof *results);
    if (!results) {
        errno = why ? why : ENOMEM;
        return NULL;
    }
    *results = (plait_results){.magic = RESULTS_MAGIC + wait_forks,
                               .pool = pool,
                               .next = next,
                               .arg = arg,
                               .in_size = in_size,
                               .out_size = out_size,
                               .options = *options};
    results_size(results);
    pool_keep(pool);
    int rc = map_function_describe(pool, function, &results->function);
    if (rc < 0 || !results_alloc(results)) {
        plait_results_free(results);
        errno = rc < 0 ? -rc : ENOMEM;
        return NULL;
    }
    progress_begin(&results->progress, &results->options, 0);
    return results;
}

/* Cancelled, if it still runs. Its error is read so that its failure counts as told. */
static void future_drop(plait_future *future)
{
    if (!future)
        return;
    plait_future_cancel(future);
    plait_future_error(future);
    plait_future_free(future);
}

void plait_results_free(plait_results *results)
{
    if (!results)
        return;
    results_check(results, __builtin_return_address(0));
    for (size_t i = 0; results->chunk && i < results->slots; i++) {
        future_drop(results->chunk[i].future);
        os_free(results->chunk[i].message);
    }
    future_drop(results->single);
    pool_let_go(results->pool);
    results->magic = 0;
    os_free(results->message);
    os_free(results->futures);
    os_free(results->chunk);
    os_free(results);
}

/* ---- inputs */
static void read_inputs(plait_results *results, struct chunk *chunk)
{
    chunk->inputs = map_message_begin(chunk->message, &results->function, results->in_size,
                                      results->out_size, results->length);
    size_t length = next_length(results);
    chunk->first = results->begun;
    while (chunk->count < length && !results->no_more)
        if (results->next(chunk->inputs + chunk->count * results->in_size, results->arg) == 0)
            chunk->count++;
        else
            results->no_more = true;
    results->begun += chunk->count;
}

static plait_future *submit(const plait_results *results, void *message, size_t count,
                            int64_t deadline)
{
    static const plait_submit_options options = {.name = "map"};
    map_message_begin(message, &results->function, results->in_size, results->out_size, count);
    return plait_submit_bytes(results->pool, map_message_job, message,
                              map_message_size(results->in_size, count),
                              map_reply_size(results->out_size, count), &options, deadline);
}

static struct chunk *oldest(const plait_results *results)
{
    struct chunk *found = NULL;
    for (size_t i = 0; i < results->slots; i++) {
        struct chunk *one = &results->chunk[i];
        if (one->count && (!found || one->first < found->first))
            found = one;
    }
    return found;
}

/* As many as may be on their way. In a bounded pool only the oldest is worth a wait. */
static int fill(plait_results *results, int64_t deadline)
{
    for (size_t i = 0; i < results->slots && !results->no_more; i++)
        if (!results->chunk[i].count)
            read_inputs(results, &results->chunk[i]);
    struct chunk *first = oldest(results);
    if (first && !first->future &&
        !(first->future = submit(results, first->message, first->count, deadline)))
        return -errno;
    for (size_t i = 0; i < results->slots; i++) {
        struct chunk *one = &results->chunk[i];
        if (one->count && !one->future &&
            !(one->future = submit(results, one->message, one->count, PLAIT_NOW)))
            break;
    }
    return 0;
}

/* ---- results */
static struct chunk *first_ended(const plait_results *results)
{
    for (size_t i = 0; i < results->slots; i++)
        if (results->chunk[i].future && future_has_ended(results->chunk[i].future))
            return &results->chunk[i];
    return NULL;
}

static int wait_for_any(plait_results *results, int64_t deadline)
{
    size_t count = 0;
    for (size_t i = 0; i < results->slots; i++)
        if (results->chunk[i].future)
            results->futures[count++] = results->chunk[i].future;
    return plait_futures_wait(results->futures, count, 1, deadline);
}

/* The next chunk that has ended becomes the open one. */
static int open_chunk(plait_results *results, int64_t deadline, void *place)
{
    int rc = fill(results, deadline);
    struct chunk *next = oldest(results);
    if (rc < 0)
        return rc;
    if (!next)
        return -EPIPE;
    rc = results->options.as_completed ? wait_for_any(results, deadline)
                                       : future_wait(next->future, deadline, place);
    if (rc < 0)
        return rc;
    results->open = results->options.as_completed ? first_ended(results) : next;
    results->place = 0;
    measure(results, results->open);
    return 0;
}

static void close_chunk(plait_results *results)
{
    future_drop(results->open->future);
    results->open->future = NULL;
    results->open->count = 0;
    results->open = NULL;
}

static bool has_died(int error)
{
    return plait_killed_by(error) || (error <= PLAIT_EXITED(0) && error >= PLAIT_EXITED(255));
}

/* The input at `place` of the open chunk by itself. */
static int run_single(plait_results *results, int64_t deadline, void *place)
{
    struct chunk *chunk = results->open;
    if (!results->single) {
        void *inputs = map_message_begin(results->message, &results->function, results->in_size,
                                         results->out_size, 1);
        memcpy(inputs, chunk->inputs + results->place * results->in_size, results->in_size);
        results->single = submit(results, results->message, 1, deadline);
    }
    return results->single ? future_wait(results->single, deadline, place) : -errno;
}

/* What its future says of one input: its error, and where its result is. */
static int look_at(const plait_results *results, plait_future *future, size_t count, size_t place,
                   const void **result)
{
    int error = plait_future_error(future);
    if (error)
        return error;
    *result = map_reply_result(future->result, results->out_size, count, place);
    return map_reply_error(future->result, place);
}

static int hand_out(plait_results *results, void *out, plait_future *future, size_t count,
                    size_t place)
{
    const void *result = NULL;
    results->error = look_at(results, future, count, place, &result);
    results->index = results->open->first + results->place;
    if (results->error == 0 && out)
        memcpy(out, result, results->out_size);
    future_drop(results->single);
    results->single = NULL;
    if (++results->place == results->open->count)
        close_chunk(results);
    progress_tell(&results->progress, ++results->told);
    if (results->error && results->options.stop_at_failure)
        results->no_more = true;
    return results->error ? -PLAIT_EFAILED : 0;
}

/* After a failure that stops the rest: what is on its way is dropped. */
static void drop_rest(plait_results *results)
{
    for (size_t i = 0; i < results->slots; i++)
        if (results->chunk[i].count) {
            results->open = &results->chunk[i];
            close_chunk(results);
        }
    results->open = NULL;
}

static int take_next(plait_results *results, void *out, int64_t deadline, void *place)
{
    int rc = results->open ? 0 : open_chunk(results, deadline, place);
    if (rc < 0)
        return rc;
    struct chunk *open = results->open;
    if (open->count == 1 || !has_died(plait_future_error(open->future)))
        return hand_out(results, out, open->future, open->count, results->place);
    rc = run_single(results, deadline, place);
    return rc < 0 ? rc : hand_out(results, out, results->single, 1, 0);
}

int plait_results_next_bytes(plait_results *results, void *out, size_t size, int64_t deadline)
{
    void *place = __builtin_return_address(0);
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    results_check(results, place);
    if (unlikely(out && size != PLAIT_UNSIZED && size != results->out_size))
        base_misuse(results, "results", place, "a result of %zu bytes, asked for %zu",
                    results->out_size, size);
    int saved = os_errno_get();
    if (results->error && results->options.stop_at_failure)
        drop_rest(results);
    int rc = take_next(results, out, deadline, place);
    if (rc == -EPIPE && !results->progress.shown) {
        progress_end(&results->progress, results->told);
        results->progress.shown = true;
    }
    os_errno_set(saved);
    return rc;
}

int plait_results_error(const plait_results *results)
{
    results_check(results, __builtin_return_address(0));
    return results->error;
}

size_t plait_results_index(const plait_results *results)
{
    results_check(results, __builtin_return_address(0));
    return results->index;
}
