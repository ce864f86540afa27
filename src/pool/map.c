/* plait_map and plait_reduce: what both ways of running them have in common. */
#include "pool/map.h"
#include "base/report.h"

#include <plait/time.h>

static int check(const struct map_call *map)
{
    size_t bytes;
    for (int i = 0; i < 4; i++)
        if (map->options->reserved[i])
            return -EINVAL;
    if (!map->function || map->in_size > PTRDIFF_MAX || map->out_size > PTRDIFF_MAX)
        return -EINVAL;
    size_t larger = map->in_size > map->out_size ? map->in_size : map->out_size;
    bool fits = !__builtin_mul_overflow(larger, map->count, &bytes) && bytes <= PTRDIFF_MAX;
    return fits && map->count <= PTRDIFF_MAX / sizeof(int) ? 0 : -EINVAL;
}

/* Those that nobody ran count as failed, unless a failure was to stop them. */
static int result(struct map_call *map)
{
    size_t failed = map->failed;
    if (!(map->options->stop_at_failure && failed))
        failed += map->count - map->done;
    return failed > INT32_MAX ? INT32_MAX : (int)failed;
}

static int map_run(struct map_call *map)
{
    static const plait_map_options defaults;
    map->options = map->options ? map->options : &defaults;
    pool_check(map->pool, map->place);
    if (map->in_size == PLAIT_UNSIZED || map->out_size == PLAIT_UNSIZED)
        base_misuse(map->pool, "pool", map->place, "nobody says how large an element is");
    int rc = check(map);
    if (rc < 0 || map->count == 0)
        return rc;
    if (map->deadline != WAIT_NEVER && map->deadline <= wait_now())
        return map->deadline == PLAIT_NOW ? -EAGAIN : -ETIMEDOUT;
    for (size_t i = 0; map->options->errors && i < map->count; i++)
        map->options->errors[i] = -ECANCELED;
    progress_begin(&map->progress, map->options, map->count);
    rc = map->pool->carrier == PLAIT_PROCESS ? map_there(map) : map_here(map);
    progress_end(&map->progress, map->done);
    return rc < 0 ? rc : result(map);
}

int plait_map_bytes(plait_pool *pool, plait_job *function, const void *in, size_t in_size,
                    void *out, size_t out_size, size_t count, const plait_map_options *options,
                    int64_t deadline)
{
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    struct map_call map = {.pool = pool,
                           .function = function,
                           .in = in,
                           .in_size = in ? in_size : sizeof(long),
                           .out = out,
                           .out_size = out ? out_size : 0,
                           .count = count,
                           .options = options,
                           .deadline = deadline,
                           .place = __builtin_return_address(0)};
    return map_run(&map);
}

int plait_reduce_bytes(plait_pool *pool, plait_job *function, const void *in, size_t in_size,
                       void *total, size_t size, size_t count,
                       void (*combine)(void *total, const void *one),
                       const plait_map_options *options, int64_t deadline)
{
    WAIT_CHECK_DEADLINE(deadline);
    WAIT_POINT();
    struct map_call map = {.pool = pool,
                           .function = combine && total ? function : NULL,
                           .in = in,
                           .in_size = in ? in_size : sizeof(long),
                           .out_size = size,
                           .count = count,
                           .total = total,
                           .combine = combine,
                           .options = options,
                           .deadline = deadline,
                           .place = __builtin_return_address(0)};
    return map_run(&map);
}
