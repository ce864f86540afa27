/* A chunk of jobs as bytes, for workers that do not see the caller's memory.
 *
 *   message: struct map_message, inputs one behind the other
 *   reply:   struct map_reply with an error for each, results one behind the other; both parts on
 *            16 bytes, as pools align what they hand over
 * The function crosses as images find it (image/image.h) where the worker is another process, else
 * by its address. */
#include "image/image.h"
#include "pool/map.h"

#include <plait/error.h>

enum { ALIGN = 16 };

struct map_message {
    plait_job *function; /* NULL: as `image` tells */
    uint64_t in_size, out_size, count;
    struct image_function image;
};

int map_function_describe(const plait_pool *pool, plait_job *function, struct map_function *out)
{
    _Static_assert(sizeof(struct image_function) <= sizeof out->image, "room for a description");
    *out = (struct map_function){.function = function};
    if (pool->carrier != PLAIT_PROCESS)
        return 0;
    out->function = NULL;
    return image_function_describe((void (*)(void))function, (struct image_function *)out->image);
}

/* A process runs one job at a time, so the last one found is remembered without a lock. */
static plait_job *function_of(const struct map_message *head)
{
    static struct image_function last;
    static plait_job *found;
    if (head->function)
        return head->function;
    if (!found || memcmp(&last, &head->image, sizeof last) != 0) {
        last = head->image;
        found = (plait_job *)image_function_find(&last);
    }
    return found;
}

static size_t aligned(size_t size)
{
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static size_t errors_size(size_t count)
{
    return aligned(offsetof(struct map_reply, error) + count * sizeof(int32_t));
}

static size_t total_size(size_t before, size_t size, size_t count)
{
    size_t bytes;
    if (__builtin_mul_overflow(size, count, &bytes) || bytes > PTRDIFF_MAX / 2)
        return SIZE_MAX;
    return before + bytes;
}

size_t map_message_size(size_t in_size, size_t count)
{
    return total_size(aligned(sizeof(struct map_message)), in_size, count);
}

size_t map_reply_size(size_t out_size, size_t count)
{
    return total_size(errors_size(count), out_size, count);
}

void *map_message_begin(void *message, const struct map_function *function, size_t in_size,
                        size_t out_size, size_t count)
{
    struct map_message *head = message;
    *head = (struct map_message){function->function, in_size, out_size, count, {0}};
    memcpy(&head->image, function->image, sizeof head->image);
    return (char *)message + aligned(sizeof *head);
}

int map_message_job(const void *message, void *reply)
{
    const struct map_message *head = message;
    struct map_reply *answer = reply;
    plait_job *function = function_of(head);
    const char *in = (const char *)message + aligned(sizeof *head);
    char *out = (char *)reply + errors_size(head->count);
    int64_t began = wait_now();
    uint32_t forks = wait_forks;
    if (!function)
        return -PLAIT_EFUNCTION;
    for (size_t i = 0; i < head->count; i++) {
        (&answer->error)[i] =
            function(in + i * head->in_size, head->out_size ? out + i * head->out_size : NULL);
        pool_job_returned(function, forks);
    }
    answer->took = wait_now() - began;
    return 0;
}

int map_reply_error(const void *reply, size_t index)
{
    return (&((const struct map_reply *)reply)->error)[index];
}

const void *map_reply_result(const void *reply, size_t out_size, size_t count, size_t index)
{
    return (const char *)reply + errors_size(count) + index * out_size;
}
