/* lock_contended THREADS SECONDS - M sections/s; 100 ns of work inside the lock, 100 ns outside
 * (two clock readings included). Peers: bench/peers/sync/cpp/lock_contended.cpp. */
#include "bench.h"

enum { THREADS_MOST = 64 };

static struct one {
    uint64_t count, x;
    int64_t longest;
} LINE_APART crew[THREADS_MOST];
static plait_lock lock LINE_APART;
static struct {
    uint64_t counter, x;
} LINE_APART shared;
static int stop LINE_APART;
static pthread_barrier_t line;
static long inside, outside;

static int member(void *arg)
{
    struct one me = {.x = 1};
    pthread_barrier_wait(&line);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        int64_t before = now_ns();
        if (plait_lock_acquire(&lock, PLAIT_NEVER) != 0)
            need(false, "not acquired");
        shared.x = work(shared.x, inside);
        shared.counter++;
        plait_lock_release(&lock);
        int64_t waited = now_ns() - before;
        me.longest = waited > me.longest ? waited : me.longest;
        me.count++;
        me.x = work(me.x, outside);
    }
    *(struct one *)arg = me;
    return 0;
}

static void tell(int threads, const struct usage *used)
{
    uint64_t sum = 0, least = UINT64_MAX, most = 0;
    int64_t longest = 0;
    for (int t = 0; t < threads; t++) {
        const struct one *o = &crew[t];
        sum += o->count;
        least = o->count < least ? o->count : least;
        most = o->count > most ? o->count : most;
        longest = o->longest > longest ? o->longest : longest;
    }
    need(sum == shared.counter, "count is wrong");
    printf("%.3f M/s share=%.2f longest_ms=%.2f cpu=%.2f\n", (double)sum / (double)used->wall * 1e3,
           (double)least / (double)most, (double)longest / 1e6,
           (double)used->cpu / (double)used->wall);
}

int main(int argc, char **argv)
{
    need(argc == 3, "usage: lock_contended THREADS SECONDS");
    int threads = atoi(argv[1]);
    need(threads >= 1 && threads <= THREADS_MOST, "too many threads");
    inside = steps_for(100);
    outside = steps_for(100 - 2 * clock_cost_ns());
    shared.x = 1;
    struct usage used =
        crew_runs(threads, number(argc, argv, 2), member, crew, sizeof *crew, &line, &stop);
    tell(threads, &used);
    return 0;
}
