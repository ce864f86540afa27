/* xbig MIB - an array of 64-bit numbers is handed to another process, which sums it where it lies.
 * Timed: from the array being ready in its owner until the owner has the sum, which is checked. The
 * other process is there before, and attaches to the array by the name that it is told. Peers:
 * bench/peers/ipc/xbig.c. */
#include "bench.h"
#include <string.h>
#include <unistd.h>

static plait_queue *names, *sums;
static size_t count;

static uint64_t sum(const uint64_t *a)
{
    uint64_t s = 0;
    for (size_t i = 0; i < count; i++)
        s += a[i];
    return s;
}

static plait_array *array_named(const char *name)
{
    plait_array_options options = {.url = name};
    plait_array *array = plait_array_open(sizeof(uint64_t), count, &options);
    need(array != NULL, "no array");
    return array;
}

static int other(void *unused)
{
    char name[64];
    need(plait_get(names, &name, PLAIT_NEVER) == 0, "no name");
    plait_array *array = array_named(name);
    uint64_t s = sum(plait_array_memory(array));
    need(plait_put(sums, &s, PLAIT_NEVER) == 0, "not put");
    plait_array_free(array);
    return 0;
}

int main(int argc, char **argv)
{
    need(argc == 2 && atoi(argv[1]) > 0, "usage: xbig MIB");
    count = strtoul(argv[1], NULL, 10) << 17;
    plait_queue_options shared = {.where = PLAIT_SHARED};
    char name[64];
    snprintf(name, sizeof name, "shm:bench-xbig-%d", getpid());
    names = plait_queue_open(sizeof name, 2, &shared);
    sums = plait_queue_open(sizeof(uint64_t), 2, &shared);
    need(names && sums, "no queue");
    plait_task *task = start(PLAIT_PROCESS, other, NULL, NULL);
    plait_array *array = array_named(name);
    uint64_t *a = plait_array_memory(array), want = 0, got = 0;
    for (size_t i = 0; i < count; i++) {
        a[i] = i * i;
        want += i * i;
    }
    int64_t began = now_ns();
    need(plait_put(names, &name, PLAIT_NEVER) == 0, "not put");
    need(plait_get(sums, &got, PLAIT_NEVER) == 0 && got == want, "wrong sum");
    int64_t ended = now_ns();
    join(task);
    plait_array_free(array);
    printf("%.4f s\n", (double)(ended - began) / 1e9);
    return 0;
}
