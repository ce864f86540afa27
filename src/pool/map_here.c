/* A map in the caller's own memory: as many jobs as the pool has workers, each of which takes inputs
 * as a thread of plait_for takes iterations (loop.h), until none is left.
 *
 * The obvious way, a job of the pool for each chunk, needs a chunk's length before anything is known
 * of the jobs, and a wake for each. */
#include "os/os.h"
#include "pool/loop.h"
#include "pool/map.h"
#include "wait/self.h"

#include <plait/time.h>

enum { LINE = 64 };

struct map_here {
    struct map_call *map;
    struct loop_units units;
    size_t unit;     /* inputs */
    uint32_t joined; /* how many take part: the number of the next one */
    char *totals;    /* plait_reduce: of each who takes part: its total, and whether it has begun */
    size_t stride;
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

static void run_one(struct map_here *here, uint32_t mine, size_t index, void *result)
{
    struct map_call *map = here->map;
    long number = (long)index;
    const void *in = map->in ? map->in + index * map->in_size : (const char *)&number;
    void *out = map->out ? map->out + index * map->out_size : result;
    if (out)
        memset(out, 0, map->out_size);
    int error = map->function(in, out);
    map_job_ended(map, index, error);
    if (map->combine && error == 0)
        add_result(here, mine, out);
}

static void run_chunk(struct map_here *here, uint32_t mine, size_t first, size_t end, void *result)
{
    size_t index = first;
    while (index < end && !atom_load(&here->map->stop, RELAXED))
        run_one(here, mine, index++, result);
    atom_add(&here->map->done, index - first, RELAXED);
}

static int take_part(const void *in, void *out)
{
    struct map_here *here = *(struct map_here *const *)in;
    struct map_call *map = here->map;
    uint32_t mine = atom_add(&here->joined, 1, RELAXED), first, end;
    /* One more than a total, so that a job may write all of its result */
    void *result = map->combine ? here->totals + mine * here->stride + here->stride / 2 : NULL;
    while (!atom_load(&map->stop, RELAXED) && loop_units_take(&here->units, mine, &first, &end)) {
        size_t last = end == here->units.count ? map->count : end * here->unit;
        run_chunk(here, mine, first * here->unit, last, result);
    }
    return 0;
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

/* Submits them: how many, or why not even one. Bounded pools make a submit wait, which nobody but the
 * first is worth. */
static int submit_all(struct map_here *here, plait_future **futures)
{
    uint32_t given = 0;
    while (given < here->units.parts) {
        int64_t deadline = given ? PLAIT_NOW : here->map->deadline;
        plait_future *one =
            plait_submit_bytes(here->map->pool, take_part, &here, sizeof here, 0, NULL, deadline);
        if (!one)
            return given ? (int)given : -errno;
        futures[given++] = one;
    }
    return (int)given;
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

static int run(struct map_here *here, struct loop_part *parts, plait_future **futures)
{
    loop_units_init(&here->units, parts);
    int saved = os_errno_get();
    int given = submit_all(here, futures);
    os_errno_set(saved);
    if (given < 0)
        return given;
    int rc = map_wait_some(here->map, futures, (size_t)given, (size_t)given);
    if (rc < 0)
        map_cancel(here->map, futures, (size_t)given);
    map_forget(futures, (size_t)given);
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
