/* Pipes: a queue of messages for each way, and two ends that share them.
 *
 * The ends and their pair are this process' memory; a forked child has copies, which name the same
 * queues. */
#include "base/report.h"
#include "os/os.h"
#include "queue/queue.h"

#include <plait/case.h>
#include <plait/pipe.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ROOM = 1 << 20, MESSAGES = 4096, URL = 256 };
#define PIPE_MAGIC UINT64_C(0x706c616950495045)

struct plait_pipe {
    uint64_t magic;
    plait_queue *in, *out; /* NULL: not this way */
    struct pipe_pair *pair;
};

struct pipe_pair {
    struct plait_pipe ends[2];
    plait_queue *ways[2]; /* from ends[1] to ends[0], and back */
    uint32_t users;       /* ends that are not freed */
    bool shared;
};

static int options_check(const plait_pipe_options *options)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return -EINVAL; /* a field of a newer library */
    return 0;
}

/* "shm:NAME?create" -> "shm:NAME.1?create". */
static int url_of_way(char *text, const char *url, int way)
{
    size_t name = strcspn(url, "?");
    if (strlen(url) + 3 > URL)
        return -ENAMETOOLONG;
    snprintf(text, URL, "%.*s.%d%s", (int)name, url, way + 1, url + name);
    return 0;
}

static int open_way(plait_queue **made, const plait_pipe_options *options, int way)
{
    char url[URL];
    plait_queue_options queue = {.name = options->name,
                                 .where = options->where,
                                 .bytes = options->bytes ? options->bytes : ROOM};
    int rc = options->url ? url_of_way(url, options->url, way) : 0;
    if (rc != 0)
        return rc;
    queue.url = options->url ? url : NULL;
    *made = plait_queue_open(PLAIT_MESSAGES, MESSAGES, &queue);
    return *made ? 0 : -errno;
}

static int open_ways(struct pipe_pair *pair, const plait_pipe_options *options)
{
    int count = options->one_way ? 1 : 2, way = 0, rc;
    for (; way < count; way++)
        if ((rc = open_way(&pair->ways[way], options, way)) != 0)
            break;
    if (way == count)
        return 0;
    while (way-- > 0)
        plait_queue_free(pair->ways[way]);
    return rc;
}

int plait_pipe_open(plait_pipe *ends[2], const plait_pipe_options *options)
{
    static const plait_pipe_options defaults;
    options = options ? options : &defaults;
    int rc = ends ? options_check(options) : -EINVAL;
    if (rc != 0)
        return rc;
    struct pipe_pair *pair = os_alloc(sizeof *pair);
    rc = pair ? open_ways(pair, options) : -ENOMEM;
    if (rc != 0) {
        os_free(pair);
        return rc;
    }
    pair->users = 2;
    pair->shared = queue_is_shared(pair->ways[0]);
    for (int i = 0; i < 2; i++) {
        pair->ends[i] = (struct plait_pipe){PIPE_MAGIC, pair->ways[i], pair->ways[1 - i], pair};
        ends[i] = &pair->ends[i];
    }
    return 0;
}

static void check(const plait_pipe *end, void *place)
{
    if (!end)
        base_misuse(NULL, "pipe", place, "NULL is no pipe");
    if ((uintptr_t)end % sizeof(uint64_t) || end->magic != PIPE_MAGIC)
        base_misuse(end, "pipe", place, "no pipe, or freed before");
}

/* The queue of a way, which this end must have; the size must be known. */
static plait_queue *way_of(const plait_pipe *end, bool sends, size_t size, void *place)
{
    check(end, place);
    plait_queue *way = sends ? end->out : end->in;
    if (!way)
        base_misuse(end, "pipe", place, "one way, and this end only %s",
                    sends ? "receives" : "sends");
    if (size == PLAIT_UNSIZED)
        base_misuse(end, "pipe", place, "a message, but nobody says how many bytes it has");
    return way;
}

int plait_pipe_send_bytes(plait_pipe *end, const void *data, size_t size, int64_t deadline)
{
    plait_queue *way = way_of(end, true, size, __builtin_return_address(0));
    return plait_put_bytes(way, data, size, deadline);
}

ssize_t plait_pipe_receive_bytes(plait_pipe *end, void *buffer, size_t size, int64_t deadline)
{
    plait_queue *way = way_of(end, false, size, __builtin_return_address(0));
    return plait_get_bytes(way, buffer, size, deadline);
}

plait_case plait_on_receive_bytes(plait_pipe *end, void *buffer, size_t size)
{
    return plait_on_get_bytes(way_of(end, false, size, __builtin_return_address(0)), buffer, size);
}

void plait_pipe_close(plait_pipe *end)
{
    check(end, __builtin_return_address(0));
    for (int way = 0; way < 2; way++)
        if (end->pair->ways[way])
            plait_queue_close(end->pair->ways[way]);
}

/* What this end alone could have done this process will not do any more, so that its own waits do
 * not count on it. */
static void give_up(const plait_pipe *end)
{
    if (end->out)
        atom_store(&end->out->shared.given_up[SHARED_PUTS], true, RELAXED);
    if (end->in)
        atom_store(&end->in->shared.given_up[SHARED_GETS], true, RELAXED);
}

void plait_pipe_free(plait_pipe *end)
{
    if (!end)
        return;
    check(end, __builtin_return_address(0));
    struct pipe_pair *pair = end->pair;
    if (pair->shared)
        give_up(end);
    else
        plait_pipe_close(end);
    end->magic = 0;
    if (atom_sub(&pair->users, 1, ACQ_REL) != 1)
        return;
    for (int way = 0; way < 2; way++)
        plait_queue_free(pair->ways[way]);
    os_free(pair);
}
