/* plait_map and plait_reduce inside the pool. */
#ifndef POOL_MAP_H
#define POOL_MAP_H

#include "pool/pool.h"
#include "pool/progress.h"

/* One call of plait_map or plait_reduce; lies on its stack. */
struct map_call {
    plait_pool *pool;
    plait_job *function;
    const char *in; /* NULL: numbers */
    size_t in_size;
    char *out; /* NULL: none */
    size_t out_size;
    size_t count;
    void *total; /* plait_reduce */
    void (*combine)(void *total, const void *one);
    const plait_map_options *options;
    int64_t deadline;
    void *place;
    struct progress progress;
    size_t done, failed; /* jobs; atomic */
    uint32_t stop;       /* no more begin */
};

static inline void map_job_ended(struct map_call *map, size_t index, int error)
{
    if (map->options->errors)
        map->options->errors[index] = error;
    if (likely(error == 0))
        return;
    atom_add(&map->failed, 1, RELAXED);
    if (map->options->stop_at_failure)
        atom_store(&map->stop, 1, RELAXED);
}

/* map_here.c, map_there.c: 0, or why the wait ended; -EPIPE, -ENOMEM ... */
int map_here(struct map_call *map);  /* threads and coroutines: in the caller's arrays */
int map_there(struct map_call *map); /* processes: by messages */

/* map_wait.c. Until so many have ended, telling the progress: 0, -ETIMEDOUT, -ECANCELED,
 * -ENOMEM. */
int map_wait_some(struct map_call *map, plait_future **futures, size_t count, size_t enough);
/* Cancels what has not ended, and waits for it. */
void map_cancel(struct map_call *map, plait_future **futures, size_t count);
/* Until all have ended, whatever comes. */
void map_wait_for_all(plait_future **futures, size_t count);
/* Nobody reads what they came to. */
void map_forget(plait_future **futures, size_t count);

/* ---- message.c: a chunk as bytes */
struct map_message;
struct map_reply {
    int64_t took;  /* ns */
    int32_t error; /* of the first, the others behind */
};
/* Bytes of a message; SIZE_MAX: too many. */
size_t map_message_size(size_t in_size, size_t count);
size_t map_reply_size(size_t out_size, size_t count);
/* How the workers of a pool find a function: 0, -PLAIT_EFUNCTION. */
struct map_function {
    plait_job *function;
    uint64_t image[16];
};
int map_function_describe(const plait_pool *pool, plait_job *function, struct map_function *out);
/* Of inputs that are to be written to what it returns. */
void *map_message_begin(void *message, const struct map_function *function, size_t in_size,
                        size_t out_size, size_t count);
int map_message_job(const void *message, void *reply); /* the plait_job that does it */
int map_reply_error(const void *reply, size_t index);
const void *map_reply_result(const void *reply, size_t out_size, size_t count, size_t index);

#endif
