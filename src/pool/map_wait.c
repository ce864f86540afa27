/* The calling task of a map waits for the pool. */
#include "pool/map.h"

#include <plait/scope.h>
#include <plait/time.h>

static bool is_due(const struct map_call *map)
{
    int64_t limit = wait_me()->limit;
    limit = limit < map->deadline ? limit : map->deadline;
    return limit != WAIT_NEVER && wait_now() >= limit;
}

/* They use the caller's stack and arrays: nothing ends this wait. */
void map_wait_for_all(plait_future **futures, size_t count)
{
    struct wait_self *self = wait_me();
    int64_t limit = self->limit;
    int shield = plait_shield_enter();
    self->limit = WAIT_NEVER;
    for (size_t i = 0; i < count; i++)
        while (futures[i] && !future_has_ended(futures[i]))
            (void)!future_wait(futures[i], WAIT_NEVER, NULL);
    self->limit = limit;
    plait_shield_leave(&shield);
}

int map_wait_some(struct map_call *map, plait_future **futures, size_t count, size_t enough)
{
    int rc;
    do {
        int64_t due = progress_due(&map->progress);
        rc = plait_futures_wait(futures, count, enough, due < map->deadline ? due : map->deadline);
        progress_tell(&map->progress, atom_load(&map->done, RELAXED));
    } while (rc == -ETIMEDOUT && !is_due(map));
    return rc < 0 ? rc : 0;
}

void map_cancel(struct map_call *map, plait_future **futures, size_t count)
{
    atom_store(&map->stop, 1, RELAXED);
    for (size_t i = 0; i < count; i++)
        if (futures[i])
            plait_future_cancel(futures[i]);
    map_wait_for_all(futures, count);
}

void map_forget(plait_future **futures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (futures[i])
            plait_future_error(futures[i]);
        plait_future_free(futures[i]);
    }
}
