/* A chunk of jobs as bytes, for workers that do not see the caller's memory.
 *
 *   message: struct map_message, inputs one behind the other
 *   reply:   struct map_reply with an error for each, results one behind the other; both parts on 16
 *            bytes, as pools align what they hand over
 * The function crosses as a difference to one that both sides know, as in the pool's own channel. */
#include "pool/map.h"

enum { ALIGN = 16 };

struct map_message {
    int64_t function;
    uint64_t in_size, out_size, count;
};

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

void *map_message_begin(void *message, plait_job *function, size_t in_size, size_t out_size,
                        size_t count)
{
    struct map_message *head = message;
    *head =
        (struct map_message){.function = (int64_t)((intptr_t)function - (intptr_t)map_message_job),
                             .in_size = in_size,
                             .out_size = out_size,
                             .count = count};
    return (char *)message + aligned(sizeof *head);
}

int map_message_job(const void *message, void *reply)
{
    const struct map_message *head = message;
    struct map_reply *answer = reply;
    plait_job *function = (plait_job *)((intptr_t)map_message_job + (intptr_t)head->function);
    const char *in = (const char *)message + aligned(sizeof *head);
    char *out = (char *)reply + errors_size(head->count);
    int64_t began = wait_now();
    for (size_t i = 0; i < head->count; i++)
        (&answer->error)[i] =
            function(in + i * head->in_size, head->out_size ? out + i * head->out_size : NULL);
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
