/* generator N - ns for one step: plait_generator_next of one that counts. Peers:
 * bench/peers/coro/switch.cpp. */
#include "bench.h"

static int count(void *arg)
{
    for (long x = 0;; x++)
        if (plait_yield_value(&x, NULL) < 0)
            return 0;
}

int main(int argc, char **argv)
{
    need(argc == 2, "usage: generator N");
    long n = atol(argv[1]), sum = 0, x;
    plait_generator *one = plait_generator_open(sizeof x, count, NULL, NULL);
    need(one != NULL, "plait_generator_open failed");
    int64_t began = now_ns();
    for (long i = 0; i < n; i++) {
        need(plait_generator_next(one, &x) == 0, "plait_generator_next failed");
        sum += x;
    }
    int64_t took = now_ns() - began;
    plait_generator_free(one);
    need(sum == n * (n - 1) / 2, "sum is wrong");
    printf("%.6g ns\n", (double)took / (double)n);
    return 0;
}
