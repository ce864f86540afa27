/* A map in the caller's own memory: as many take part as the pool has workers, each of which takes
 * inputs as a thread of plait_for takes iterations (loop.h), until none is left. Those are jobs of
 * the pool and, where it may help (help.c), the calling task, which then need not be woken at the
 * end.
 *
 * The obvious way, a job of the pool for each chunk, needs a chunk's length before anything is
 * known of the jobs, and a wake for each. */
#include "os/os.h"
#include "pool/loop.h"
#include "pool/map.h"
#include "wait/self.h"

#include <plait/time.h>

#define SPIN INT64_C(30000)                  /* ns; less than a sleep and a wake cost */
enum { LINE = 64, BLOCK = 4096, LOOKS = 8 }; /* bytes of a line, of what is zeroed at once */

struct map_here {
    struct map_call *map;
    struct loop_units units;
    size_t unit;     /* inputs */
    uint32_t joined; /* how many take part: the number of the next one */
    char *totals;    /* plait_reduce: of each who takes part: its total, and whether it has begun */
    size_t stride;
};

/* One who takes part. */
struct part {
    struct map_here *here;
    uint32_t mine;
    const uint32_t
        *cancel; /* the calling task's, which ends it; NULL: workers are told by `stop` */
};

/* A total that begins with its first result, because zeroes need not be a beginning. */
static void add_result(struct map_here *here, uint32_t mine, const void *result)
{
    char *total = here->totals + mine * here->stride;
    bool *begun = (bool *)(total + here->stride - 1);
    if (*begun)
        here->map->combine(total, result);
    else
        memcpy(total, result, here->map->out_size);
    *begun = true;
}

static bool is_over(const struct part *part)
{
    return atom_load(&part->here->map->stop, RELAXED) ||
           (part->cancel && atom_load(part->cancel, RELAXED));
}

/* How many of them it ran. */
static size_t reduce_chunk(const struct part *part, size_t first, size_t end)
{
    struct map_here *here = part->here;
    struct map_call *map = here->map;
    /* One more than a total, so that a job may write all of its result */
    void *result = here->totals + part->mine * here->stride + here->stride / 2;
    size_t index = first;
    for (; index < end && !is_over(part); index++) {
        long number = (long)index;
        memset(result, 0, map->out_size);
        int error =
            map->function(map->in ? map->in + index * map->in_size : (char *)&number, result);
        map_job_ended(map, index, error);
        if (error == 0)
            add_result(here, part->mine, result);
    }
    return index - first;
}

/* A stretch of inputs whose results are zeroed at once, because a call of memset for each would
 * take as long as a short job. Runs them until one fails: how many, that one included. All that the
 * loop needs lies in registers or is only read, since an addition in memory each time would take as
 * long, too. */
static inline __attribute__((always_inline)) size_t
run_stretch(const struct part *part, bool range, size_t first, size_t count, int *error)
{
    const struct map_call *map = part->here->map;
    plait_job *function = map->function;
    const size_t in_size = range ? 0 : map->in_size, out_size = map->out_size;
    const uint32_t *stop = &map->stop, *cancel = part->cancel ? part->cancel : stop;
    const size_t end = first + count;
    long number;
    const char *in = range ? (const char *)&number : map->in + first * in_size;
    char *out = map->out ? map->out + first * out_size : NULL;
    size_t left = count;
    int rc = 0;
    while (!(atom_load(stop, RELAXED) | atom_load(cancel, RELAXED))) {
        if (range)
            number = (long)(end - left);
        rc = function(in, out);
        left--;
        if (unlikely(rc) || !left)
            break;
        in += in_size;
        out += out_size;
    }
    *error = rc;
    return count - left;
}

static __attribute__((noinline)) size_t run_numbers(const struct part *part, size_t first,
                                                    size_t count, int *error)
{
    return run_stretch(part, true, first, count, error);
}

static __attribute__((noinline)) size_t run_array(const struct part *part, size_t first,
                                                  size_t count, int *error)
{
    return run_stretch(part, false, first, count, error);
}

static void stretch_ended(struct map_call *map, size_t first, size_t count, int error)
{
    for (size_t i = 0; map->options->errors && i < count; i++)
        map->options->errors[first + i] = 0;
    if (unlikely(error))
        map_job_ended(map, first + count - 1, error);
}

static size_t map_chunk(const struct part *part, size_t first, size_t end)
{
    struct map_call *map = part->here->map;
    size_t most = BLOCK / (map->out_size + 1) + 1, index = first, ran = 1;
    while (index < end && ran) {
        size_t count = end - index < most ? end - index : most;
        int error;
        if (map->out)
            memset(map->out + index * map->out_size, 0, count * map->out_size);
        ran = (map->in ? run_array : run_numbers)(part, index, count, &error);
        stretch_ended(map, index, ran, error);
        index += ran;
    }
    return index - first;
}

static void part_run(struct part *part)
{
    struct map_here *here = part->here;
    struct map_call *map = here->map;
    uint32_t first, end, forks = wait_forks;
    part->mine = atom_add(&here->joined, 1, RELAXED);
    while (!is_over(part) && loop_units_take(&here->units, part->mine, &first, &end)) {
        size_t last = end == here->units.count ? map->count : end * here->unit;
        size_t begin = first * here->unit;
        size_t ran = (map->combine ? reduce_chunk : map_chunk)(part, begin, last);
        pool_job_returned(map->function, forks);
        atom_add(&map->done, ran, RELAXED);
        if (part->cancel)
            plait_is_canceled(); /* which a process child has to look for */
    }
}

static int take_part(const void *in, void *out)
{
    struct part part = {.here = *(struct map_here *const *)in};
    part_run(&part);
    return 0;
}

/* The calling task's part: 0; -ECANCELED, also when one of its jobs has been told of that. What its
 * jobs start without a handle is waited for as in a worker, and belongs to no block of the
 * caller. */
static int take_callers_part(struct map_here *here)
{
    struct task_record *record = task_me();
    struct wait_self *self = &record->co.self;
    struct task_scope started = {0}, *counts = record->counts;
    struct task_block *block = record->block;
    struct part part = {.here = here, .cancel = &self->cancel};
    record->counts = &started;
    record->block = NULL;
    part_run(&part);
    if (unlikely(atom_load(&started.running, ACQUIRE)))
        wait_until_done(&count_call, &started.running, NULL, NULL);
    record->counts = counts;
    record->block = block;
    if (wait_cancel_is_due(self))
        (void)!plait_sleep(WAIT_NEVER); /* takes it, since it is told by this call */
    else if (!wait_was_canceled(self))
        return 0;
    return -ECANCELED;
}

static void count_units(struct map_here *here)
{
    const struct map_call *map = here->map;
    size_t unit = map->options->chunk ? map->options->chunk : 1;
    if (unit <= map->count >> 31)
        unit = (map->count >> 31) + 1;
    here->unit = unit;
    here->units.count = (uint32_t)((map->count - 1) / unit + 1);
    here->units.chunked = map->options->chunk != 0;
    here->units.schedule = PLAIT_STEALING;
    here->units.parts = here->units.count < map->pool->size ? here->units.count : map->pool->size;
}

/* Submits so many: how many, or why not even one. Bounded pools make a submit wait, which nobody
 * but the first is worth. */
static int submit_all(struct map_here *here, plait_future **futures, uint32_t count)
{
    uint32_t given = 0;
    while (given < count) {
        int64_t deadline = given ? PLAIT_NOW : here->map->deadline;
        plait_future *one =
            plait_submit_bytes(here->map->pool, take_part, &here, sizeof here, 0, NULL, deadline);
        if (!one)
            return given ? (int)given : -errno;
        futures[given++] = one;
    }
    return (int)given;
}

/* The caller, who tells the progress and keeps the time, has a part where neither is asked for. */
static bool caller_takes_part(const struct map_call *map)
{
    const struct wait_self *self = wait_me();
    return map->deadline == WAIT_NEVER && progress_due(&map->progress) == PLAIT_NEVER &&
           !self->shield && !self->cancel && !atom_load(&map->pool->closed, RELAXED) &&
           pool_may_help(map->pool);
}

static void combine_all(struct map_here *here)
{
    for (uint32_t i = 0; i < here->units.parts; i++) {
        char *total = here->totals + i * here->stride;
        if (total[here->stride - 1])
            here->map->combine(here->map->total, total);
    }
}

/* A part and a result for each, on lines of their own, and a byte that says that it has begun. */
static bool totals_alloc(struct map_here *here)
{
    if (!here->map->combine)
        return true;
    size_t half = (here->map->out_size + 1 + LINE - 1) & ~(size_t)(LINE - 1);
    here->stride = 2 * half;
    here->totals = os_alloc_lines(here->stride * here->units.parts);
    return here->totals != NULL;
}

/* Those that have not begun are not needed; the others are at their last jobs. One that begins just
 * now is left alone, because it may yet find inputs that another one was stealing, and their jobs
 * must not be told of a cancel that nobody asked for. */
static void end_soon(plait_future **futures, size_t count)
{
    int64_t end = os_now() + SPIN;
    for (size_t i = 0; i < count; i++) {
        if (future_state(atom_load(&futures[i]->word, RELAXED)) == PLAIT_PENDING)
            pool_cancel_pending(futures[i]);
        for (int look = 1; !future_has_ended(futures[i]) && (look % LOOKS || os_now() < end);
             look++)
            os_relax();
    }
}

static int wait_for_parts(struct map_here *here, plait_future **futures, size_t given, bool helps)
{
    struct map_call *map = here->map;
    int rc = helps ? take_callers_part(here) : 0;
    if (rc == 0 && helps && os_cpus_allowed() > 1)
        end_soon(futures, given);
    if (rc == 0)
        rc = map_wait_some(map, futures, given, given);
    if (rc < 0)
        map_cancel(map, futures, given);
    map_forget(futures, given);
    return rc;
}

static int run(struct map_here *here, struct loop_part *parts, plait_future **futures)
{
    bool helps = caller_takes_part(here->map);
    uint32_t count = here->units.parts - helps;
    loop_units_init(&here->units, parts);
    int saved = os_errno_get();
    int given = submit_all(here, futures, count);
    os_errno_set(saved);
    if (given < 0)
        return given;
    int rc = wait_for_parts(here, futures, (size_t)given, helps);
    if (rc == 0 && here->map->combine)
        combine_all(here);
    return rc;
}

int map_here(struct map_call *map)
{
    struct map_here here = {.map = map};
    count_units(&here);
    struct loop_part *parts =
        os_alloc_lines(here.units.parts * (sizeof *parts + sizeof(plait_future *)));
    int rc = parts && totals_alloc(&here) ? 0 : -ENOMEM;
    if (rc == 0)
        rc = run(&here, parts, (plait_future **)(parts + here.units.parts));
    os_free(here.totals);
    os_free(parts);
    return rc;
}
