/* switch N - ns for one one-way switch: main and one context hand over to each other N times, no
 * scheduler. The only driver that looks behind the public headers, because the bare switch is not
 * public. Peers: bench/peers/coro/switch.cpp. */
#include "bench.h"
#include "os/os.h"

static void *main_context, *other_context;
static long seen;

static void body(void *arg)
{
    for (;;) {
        seen++;
        os_switch(&other_context, main_context);
    }
}

int main(int argc, char **argv)
{
    static char stack[65536] __attribute__((aligned(64)));
    need(argc == 2, "usage: switch N");
    long n = atol(argv[1]);
    other_context = os_context(stack + sizeof stack, body, NULL);
    int64_t began = now_ns();
    for (long i = 0; i < n; i++)
        os_switch(&main_context, other_context);
    int64_t took = now_ns() - began;
    need(seen == n, "count is wrong");
    printf("%.6g ns\n", (double)took / (double)n / 2);
    return 0;
}
