/* xstart METHOD RSS_MIB REPEATS - a process is started and joined. first: from the call until the
 * parent, looking without pause, sees a word that the child's first instruction sets; join: from
 * the call until its end was told. A start that is timed for the one is not timed for the other.
 * The parent has RSS_MIB of touched private memory. METHOD: fork, spawn, forkserver. Prints both
 * medians. Peers: bench/peers/ipc/xstart.c. */
#include "bench.h"
#include <string.h>
#include <sys/mman.h>

static uint32_t *word;

static int set_word(void *arg)
{
    uint32_t *mine = plait_inherited(0);
    need(mine != NULL, "no word");
    __atomic_store_n(mine, 1, __ATOMIC_RELEASE);
    return 0;
}

static int64_t once(plait_method method, bool first)
{
    plait_task *task;
    int64_t began = now_ns(), ended = 0;
    plait_start_options options = {.method = method, .shared = (void *[]){word}, .shared_count = 1};
    __atomic_store_n(word, 0, __ATOMIC_RELEASE);
    need(plait_start(&task, PLAIT_PROCESS, set_word, NULL, &options) == 0, "not started");
    while (first && !__atomic_load_n(word, __ATOMIC_ACQUIRE))
        ;
    if (first)
        ended = now_ns();
    int status = 1;
    need(plait_join(task, &status, PLAIT_NEVER) == 0 && status == 0, "not joined");
    if (!first)
        ended = now_ns();
    need(*word == 1, "the child did not run");
    return ended - began;
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void touch(size_t size)
{
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(memory != MAP_FAILED && madvise(memory, size, MADV_NOHUGEPAGE) == 0, "no memory");
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
}

int main(int argc, char **argv)
{
    need(argc == 4, "usage: xstart fork|spawn|forkserver RSS_MIB REPEATS");
    plait_method method = strcmp(argv[1], "fork") == 0    ? PLAIT_FORK
                          : strcmp(argv[1], "spawn") == 0 ? PLAIT_SPAWN
                                                          : PLAIT_FORKSERVER;
    int repeats = atoi(argv[3]);
    int64_t *times = malloc((size_t)repeats * sizeof *times);
    word = plait_share(4096);
    need(repeats > 0 && times && word, "no memory");
    touch(strtoul(argv[2], NULL, 10) << 20);
    for (int first = 1; first >= 0; first--) {
        once(method, first);
        for (int i = 0; i < repeats; i++)
            times[i] = once(method, first);
        qsort(times, (size_t)repeats, sizeof *times, compare);
        printf("%.1f us %s\n", (double)times[repeats / 2] / 1e3, first ? "first" : "join");
    }
    return 0;
}
