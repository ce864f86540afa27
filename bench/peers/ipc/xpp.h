/* xpp.h - the harness of xpingpong. PROGRAM PEER ROUNDS: one token goes to a second process and back, ROUNDS times.
 * Prints "value ns cpu=...": wall time of a round trip, and the CPU time that both processes burnt in it. */
#include "kit.h"

struct peer {
    const char *name;
    void (*setup)(void);
    void (*open)(int side);             /* in each process: 0 parent, 1 child */
    void (*pass)(int side);             /* give the token to the other side */
    void (*await)(int side);            /* wait until this side has it */
};
static const struct peer *find_peer(const char *name);

int main(int argc, char **argv)
{
    if (argc < 3)
        die("usage: %s PEER ROUNDS", argv[0]);
    const struct peer *p = find_peer(argv[1]);
    if (!p)
        die("no peer %s", argv[1]);
    uint64_t rounds = strtoull(argv[2], NULL, 10), warm = 20;
    uint64_t *seen = (uint64_t *)shared_memory(4096);
    p->setup();
    pid_t pid = start_child();
    p->open(pid == 0);
    if (pid == 0) {
        for (uint64_t i = 0; i < rounds + warm; i++) {
            p->await(1);
            (*seen)++;
            p->pass(1);
        }
        while (!__atomic_load_n(&seen[1], __ATOMIC_ACQUIRE))    /* the last token may still be with a background thread */
            usleep(500);
        _exit(0);
    }
    uint64_t start = 0, cpu = 0;
    for (uint64_t i = 0; i < rounds + warm; i++) {
        if (i == warm)
            start = now_ns(), cpu = cpu_ns();
        p->pass(0);
        p->await(0);
        if (*(volatile uint64_t *)seen != i + 1)
            die("round %llu: the other side was not there", (unsigned long long)i);
    }
    uint64_t end = now_ns();
    __atomic_store_n(&seen[1], 1, __ATOMIC_RELEASE);
    join_child(pid, 0);
    printf("%.1f ns cpu=%.0f\n", (double)(end - start) / (double)rounds,
           (double)(cpu_ns() - cpu) / (double)rounds);
    return 0;
}
