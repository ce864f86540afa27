/* death WHO MIB REPEATS - how long until who sleeps on a lock hears that its holder was killed.
 *   WHO  plait: a shared plait_lock; glibc: a robust shared pthread mutex; patrol: a plait_lock
 *        whose holder's death the kernel did not mark (its word names a thread that is gone)
 *   MIB  memory that the holder has touched, which the kernel takes down at its death
 * From just before the kill to the return of the acquire: median and p99, in us. */
#include "bench.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPEATS_MOST = 1000, ASLEEP_NS = 3000000 };
#define MIB ((size_t)1 << 20)

static struct shared {
    plait_lock lock;
    pthread_mutex_t mutex LINE_APART;
} * shared;
static bool glibc;
static size_t mib;
static int64_t killed_at;

static int lock(void)
{
    return glibc ? -pthread_mutex_lock(&shared->mutex)
                 : plait_lock_acquire(&shared->lock, PLAIT_NEVER);
}

static void mend_and_release(void)
{
    if (glibc) {
        pthread_mutex_consistent(&shared->mutex);
        pthread_mutex_unlock(&shared->mutex);
    } else {
        plait_lock_mend(&shared->lock);
        plait_lock_release(&shared->lock);
    }
}

static size_t available(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    char line[128];
    unsigned long kib = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return (size_t)kib << 10;
}

static pid_t victim(void)
{
    int ready[2];
    char c;
    need(pipe(ready) == 0, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        char *memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
            _exit(1);
        memset(memory, 1, mib * MIB);
        if (lock() != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    need(read(ready[0], &c, 1) == 1, "victim");
    close(ready[0]);
    return pid;
}

static void *kill_soon(void *pid)
{
    struct timespec asleep = {0, ASLEEP_NS};
    nanosleep(&asleep, NULL);
    killed_at = now_ns();
    kill((pid_t)(intptr_t)pid, SIGKILL);
    return NULL;
}

static double by_kernel(void)
{
    pthread_t killer;
    pid_t pid = victim();
    need(pthread_create(&killer, NULL, kill_soon, (void *)(intptr_t)pid) == 0, "thread");
    int rc = lock();
    int64_t told = now_ns();
    pthread_join(killer, NULL);
    need(rc == -EOWNERDEAD, "not told");
    mend_and_release();
    waitpid(pid, NULL, 0);
    return (double)(told - killed_at) / 1e3;
}

/* The death comes at the beginning of the wait: 20 ms later the waiter asks. */
static double by_patrol(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    ((volatile uint32_t *)(void *)&shared->lock)[2] = (uint32_t)pid; /* the lock's word */
    int64_t began = now_ns();
    need(lock() == -EOWNERDEAD, "not told");
    int64_t told = now_ns();
    mend_and_release();
    return (double)(told - began) / 1e3;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void init(void)
{
    pthread_mutexattr_t attributes;
    shared = plait_share(sizeof *shared);
    need(shared != NULL, "memory");
    plait_lock_init(&shared->lock, PLAIT_SHARED);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->mutex, &attributes);
}

int main(int argc, char **argv)
{
    static double took[REPEATS_MOST];
    need(argc == 4, "usage: death plait|glibc|patrol MIB REPEATS");
    bool patrol = strcmp(argv[1], "patrol") == 0;
    int repeats = atoi(argv[3]);
    glibc = strcmp(argv[1], "glibc") == 0;
    mib = (size_t)atol(argv[2]);
    need(mib > 0 && repeats > 0 && repeats <= REPEATS_MOST, "numbers");
    need(available() > mib * MIB + mib * MIB / 2, "too little memory is available");
    init();
    for (int i = 0; i < repeats; i++)
        took[i] = patrol ? by_patrol() : by_kernel();
    qsort(took, (size_t)repeats, sizeof took[0], ascending);
    printf("%.1f us median\n%.1f us p99\n", took[repeats / 2], took[(repeats * 99 - 1) / 100]);
    return 0;
}
