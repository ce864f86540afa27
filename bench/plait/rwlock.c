/* rwlock THREADS WRITES_PER_MILLE SECONDS - M operations/s; each reads, or writes, two words.
 * Peers: bench/peers/sync/cpp/rwlock.cpp. */
#include "bench.h"

enum { THREADS_MOST = 64 };

static struct one {
    uint64_t operations, writes;
    int64_t longest;
} LINE_APART crew[THREADS_MOST];
static plait_rwlock lock LINE_APART;
static struct {
    volatile uint64_t a, b;
} LINE_APART shared;
static int stop LINE_APART;
static pthread_barrier_t line;
static uint64_t per_mille;

static void write_both(struct one *me)
{
    int64_t before = now_ns();
    need(plait_rwlock_acquire_write(&lock, PLAIT_NEVER) == 0, "not acquired");
    shared.a++;
    shared.b++;
    plait_rwlock_release(&lock);
    int64_t waited = now_ns() - before;
    me->longest = waited > me->longest ? waited : me->longest;
    me->writes++;
}

static int member(void *arg)
{
    struct one me = {0};
    uint64_t x = (uint64_t)((struct one *)arg - crew) + 1;
    bool torn = false;
    pthread_barrier_wait(&line);
    for (; !__atomic_load_n(&stop, __ATOMIC_RELAXED); me.operations++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        if (x % 1000 < per_mille) {
            write_both(&me);
            continue;
        }
        if (plait_rwlock_acquire_read(&lock, PLAIT_NEVER) != 0)
            need(false, "not acquired");
        torn |= shared.a != shared.b;
        plait_rwlock_release(&lock);
    }
    need(!torn, "a reader saw half a write");
    *(struct one *)arg = me;
    return 0;
}

static void tell(int threads, const struct usage *used)
{
    uint64_t operations = 0, writes = 0;
    int64_t longest = 0;
    for (int t = 0; t < threads; t++) {
        operations += crew[t].operations;
        writes += crew[t].writes;
        longest = crew[t].longest > longest ? crew[t].longest : longest;
    }
    need(shared.a == writes && shared.b == writes, "a write was lost");
    printf("%.3f M/s longest_write_ms=%.2f cpu=%.2f\n",
           (double)operations / (double)used->wall * 1e3, (double)longest / 1e6,
           (double)used->cpu / (double)used->wall);
}

int main(int argc, char **argv)
{
    need(argc == 4, "usage: rwlock THREADS WRITES_PER_MILLE SECONDS");
    int threads = atoi(argv[1]);
    need(threads >= 1 && threads <= THREADS_MOST, "too many threads");
    per_mille = strtoul(argv[2], NULL, 10);
    struct usage used =
        crew_runs(threads, number(argc, argv, 3), member, crew, sizeof *crew, &line, &stop);
    tell(threads, &used);
    return 0;
}
