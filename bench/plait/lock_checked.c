/* lock_checked DEPTH PAIRS - ns per acquire and release in checked mode, DEPTH locks nested in each
 * other; ratio: to the same without it. Peer: bench/peers/sync/cpp/lock_checked.cpp. */
#include "bench.h"

#include <sys/wait.h>
#include <unistd.h>

enum { DEPTH_MOST = 8 };

static double measure(int depth, long pairs, bool checked)
{
    static plait_lock locks[DEPTH_MOST] LINE_APART;
    need(plait_configure(&(plait_settings){.check = checked}) == 0, "not configured");
    int64_t began = 0;
    for (long i = -1000; i < pairs / depth; i++) {
        if (i == 0)
            began = now_ns();
        for (int k = 0; k < depth; k++)
            if (plait_lock_acquire(&locks[k], PLAIT_NEVER) != 0)
                need(false, "not acquired");
        for (int k = depth; k-- > 0;)
            plait_lock_release(&locks[k]);
    }
    return (double)(now_ns() - began) / (double)pairs;
}

/* In a process of its own, because the mode is decided once. */
static double measure_apart(int depth, long pairs, bool checked)
{
    int ends[2];
    double ns = 0;
    need(pipe(ends) == 0, "no pipe");
    pid_t pid = fork();
    if (pid == 0) {
        ns = measure(depth, pairs, checked);
        _exit(write(ends[1], &ns, sizeof ns) == sizeof ns ? 0 : 1);
    }
    need(read(ends[0], &ns, sizeof ns) == sizeof ns, "no figure");
    waitpid(pid, NULL, 0);
    return ns;
}

int main(int argc, char **argv)
{
    need(argc == 3 && atoi(argv[1]) >= 1 && atoi(argv[1]) <= DEPTH_MOST,
         "usage: lock_checked DEPTH PAIRS");
    int depth = atoi(argv[1]);
    long pairs = atol(argv[2]);
    unsetenv("PLAIT_CHECK");
    double off = measure_apart(depth, pairs, false);
    double on = measure_apart(depth, pairs, true);
    printf("%.2f ns ns\n%.2f x ratio\n", on, on / off);
    return 0;
}
