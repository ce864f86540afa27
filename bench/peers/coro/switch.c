// One context switch without a scheduler: main and one coroutine hand over to each other N times.
// Prints ns for one one-way switch.   switch_c ucontext N
#define _GNU_SOURCE
#include "kit.h"
#include <ucontext.h>

static long n, seen;

static ucontext_t main_ctx, co_ctx;
static void uc_body(void) {
    for (;;) {
        seen++;
        swapcontext(&co_ctx, &main_ctx);
    }
}
static void uc_run(void) {
    static char stack[65536];
    getcontext(&co_ctx);
    co_ctx.uc_stack.ss_sp = stack;
    co_ctx.uc_stack.ss_size = sizeof stack;
    makecontext(&co_ctx, uc_body, 0);
    for (long i = 0; i < n; i++) swapcontext(&main_ctx, &co_ctx);
}


int main(int argc, char **argv) {
    kit_argc = argc, kit_argv = argv;
    need(argc > 2, "usage: switch_c PEER N");
    n = num(2, 0);
    int64_t t = now_ns();
    if (!strcmp(argv[1], "ucontext")) uc_run();
    else need(0, "no such peer in this build");
    t = now_ns() - t;
    need(seen == n, "count");
    out((double)t / n / 2, "ns", NULL);
    return 0;
}
