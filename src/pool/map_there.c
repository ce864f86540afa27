/* A map in worker processes: chunks as messages, two for each worker on their way, so that none
 * waits for the caller. The first are single inputs; from what these take the length of the next
 * follows. */
#include "os/os.h"
#include "pool/map.h"

#include <plait/error.h>
#include <plait/time.h>

#define CHUNK_TIME PLAIT_MILLISECOND /* of a chunk, so that its two wakes cost a tenth of it */
enum { EACH = 2, RAMP = 8, BYTES = 1 << 20 };

struct range {
    size_t first, count;
};

struct map_there {
    struct map_call *map;
    struct map_function function;
    size_t next;
    int64_t each;        /* ns of a job, measured; 0: not known */
    size_t longest;      /* chunk so far: the next one is at most RAMP times that */
    size_t most, flying; /* chunks */
    plait_future **futures;
    struct range *ranges; /* of the futures */
    struct range *again;  /* inputs of chunks whose worker died: to be run singly */
    size_t agains;
    void *message;
    size_t room;
};

/* Small enough that all workers have some until the end. */
static size_t chunk_length(const struct map_there *there)
{
    const struct map_call *map = there->map;
    size_t left = map->count - there->next, share = left / (there->most * EACH) + 1, bytes;
    if (map->options->chunk)
        return map->options->chunk < left ? map->options->chunk : left;
    size_t length = there->longest * RAMP;
    if (there->each > 0 && (size_t)(CHUNK_TIME / there->each) + 1 < length)
        length = (size_t)(CHUNK_TIME / there->each) + 1;
    bytes = BYTES / (map->in_size + map->out_size + sizeof(int)) + 1;
    length = length < bytes ? length : bytes;
    length = there->each > 0 ? length : 1;
    return length < share ? length : share;
}

static struct range next_range(struct map_there *there)
{
    if (there->agains) {
        struct range *again = &there->again[there->agains - 1];
        struct range one = {again->first++, 1};
        if (--again->count == 0)
            there->agains--;
        return one;
    }
    struct range chunk = {there->next, chunk_length(there)};
    there->next += chunk.count;
    return chunk;
}

static int message_room(struct map_there *there, size_t size)
{
    if (size <= there->room)
        return 0;
    os_free(there->message);
    there->message = os_alloc(size);
    there->room = there->message ? size : 0;
    return there->message ? 0 : -ENOMEM;
}

static void write_inputs(const struct map_call *map, char *to, struct range range)
{
    if (map->in) {
        memcpy(to, map->in + range.first * map->in_size, range.count * map->in_size);
        return;
    }
    for (size_t i = 0; i < range.count; i++) {
        long number = (long)(range.first + i);
        memcpy(to + i * sizeof number, &number, sizeof number);
    }
}

static int submit(struct map_there *there, size_t slot, struct range range)
{
    struct map_call *map = there->map;
    size_t size = map_message_size(map->in_size, range.count);
    size_t reply = map_reply_size(map->out_size, range.count);
    int rc = size == SIZE_MAX || reply == SIZE_MAX ? -EINVAL : message_room(there, size);
    if (rc < 0)
        return rc;
    write_inputs(map,
                 map_message_begin(there->message, &there->function, map->in_size, map->out_size,
                                   range.count),
                 range);
    plait_submit_options options = {.name = "map"};
    there->futures[slot] = plait_submit_bytes(map->pool, map_message_job, there->message, size,
                                              reply, &options, map->deadline);
    there->ranges[slot] = range;
    return there->futures[slot] ? 0 : -errno;
}

static bool is_over(const struct map_there *there)
{
    return atom_load(&there->map->stop, RELAXED) ||
           (there->next == there->map->count && !there->agains);
}

static int fill(struct map_there *there)
{
    int rc = 0;
    for (size_t slot = 0; slot < there->most && rc == 0 && !is_over(there); slot++)
        if (!there->futures[slot] && (rc = submit(there, slot, next_range(there))) == 0)
            there->flying++;
    return rc;
}

/* ---- what comes back */
static void collect(struct map_there *there, plait_future *future, struct range range)
{
    struct map_call *map = there->map;
    const struct map_reply *reply = future->result;
    for (size_t i = 0; i < range.count; i++) {
        int error = map_reply_error(reply, i);
        const void *one = map_reply_result(reply, map->out_size, range.count, i);
        if (error == 0 && map->out)
            memcpy(map->out + (range.first + i) * map->out_size, one, map->out_size);
        if (error == 0 && map->combine)
            map->combine(map->total, one);
        map_job_ended(map, range.first + i, error);
    }
    map->done += range.count;
    int64_t each = reply->took / (int64_t)range.count;
    there->each = there->each ? (there->each + each) / 2 : each;
    there->each = there->each > 0 ? there->each : 1;
    there->longest = range.count > there->longest ? range.count : there->longest;
}

/* Of a chunk that has none to blame each is run again by itself, so that the one that kills is
 * found. */
static void collect_failed(struct map_there *there, struct range range, int error)
{
    bool died = plait_killed_by(error) || (error <= PLAIT_EXITED(0) && error >= PLAIT_EXITED(255));
    if (range.count > 1 && died) {
        there->again[there->agains++] = range;
        return;
    }
    for (size_t i = 0; i < range.count; i++)
        map_job_ended(there->map, range.first + i, error);
    there->map->done += range.count;
}

static void take(struct map_there *there, size_t slot)
{
    plait_future *future = there->futures[slot];
    int error = plait_future_error(future);
    there->futures[slot] = NULL;
    there->flying--;
    if (error == 0)
        collect(there, future, there->ranges[slot]);
    else
        collect_failed(there, there->ranges[slot], error);
    plait_future_free(future);
}

static void take_ended(struct map_there *there)
{
    struct map_call *map = there->map;
    for (size_t slot = 0; slot < there->most; slot++)
        if (there->futures[slot] && future_has_ended(there->futures[slot]))
            take(there, slot);
    progress_tell(&map->progress, map->done);
}

/* Until one has ended. */
static int wait_for_one(struct map_there *there)
{
    int rc = map_wait_some(there->map, there->futures, there->most, 1);
    if (rc == 0)
        take_ended(there);
    return rc;
}

static int run(struct map_there *there)
{
    int rc = 0;
    there->longest = 1;
    while (rc == 0 && (rc = fill(there)) == 0 && there->flying)
        rc = wait_for_one(there);
    if (rc < 0) {
        map_cancel(there->map, there->futures, there->most);
        map_forget(there->futures, there->most);
    }
    return rc;
}

/* With a total of its own, because the user's stays as it is when the wait fails. */
static int run_with_total(struct map_there *there)
{
    struct map_call *map = there->map;
    void *total = map->total, *own = total ? os_alloc(map->out_size + 1) : NULL;
    if (!total)
        return run(there);
    if (!own)
        return -ENOMEM;
    map->total = memcpy(own, total, map->out_size);
    int rc = run(there);
    if (rc == 0)
        memcpy(total, own, map->out_size);
    os_free(own);
    return rc;
}

int map_there(struct map_call *map)
{
    struct map_there there = {.map = map, .most = EACH * (size_t)map->pool->size};
    size_t each = sizeof *there.futures + 2 * sizeof *there.ranges;
    int saved = os_errno_get(), rc = -ENOMEM;
    there.futures = os_alloc(there.most * each);
    if (there.futures &&
        (rc = map_function_describe(map->pool, map->function, &there.function)) == 0) {
        there.ranges = (struct range *)(there.futures + there.most);
        there.again = there.ranges + there.most;
        rc = run_with_total(&there);
    }
    os_free(there.message);
    os_free(there.futures);
    os_errno_set(saved);
    return rc;
}
