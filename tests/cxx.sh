#!/bin/sh
# Two coroutines of one worker, each inside a catch block when the other one runs: `throw;` must rethrow
# its own exception. Needs g++; 77: skipped.
command -v g++ >/dev/null || exit 77
[ -f "$PLAIT_BUILD/libplait.a" ] || exit 77
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
cat >"$work/catch.cpp" <<'END'
#include <plait.h>
#include <cstdio>
#include <cstdint>

static int failures;

static int catches(void *arg)
{
    long mine = (long)(intptr_t)arg;
    for (int i = 0; i < 1000; i++)
        try {
            try {
                throw mine;
            } catch (long) {
                plait_yield(); // the other one throws and catches meanwhile
                throw;
            }
        } catch (long caught) {
            failures += caught != mine;
        }
    return 0;
}

int main()
{
    plait_settings one = {};
    one.workers = 1;
    plait_configure(one.operator&());
    for (long i = 1; i <= 3; i++)
        plait_start(NULL, PLAIT_COROUTINE, catches, (void *)(intptr_t)i, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    std::printf("%d wrong exceptions\n", failures);
    return failed || failures;
}
END
g++ -std=c++17 -O1 -I"$PLAIT_SOURCE/include" "$work/catch.cpp" "$PLAIT_BUILD/libplait.a" -pthread -o "$work/catch" || exit 1
timeout 30 "$work/catch" || exit 1
# plait_select is a template there.
cat >"$work/select.cpp" <<'END'
#include <plait.h>

int main()
{
    plait_queue *queue = plait_queue_open(sizeof(int), 1, NULL);
    int in = 5, out = 0;
    if (plait_select(PLAIT_NEVER, plait_on_put(queue, &in), plait_on_get(queue, &out)) != 0)
        return 1;
    if (plait_select(PLAIT_NEVER, plait_on_time(PLAIT_NEVER), plait_on_get(queue, &out)) != 1 || out != 5)
        return 2;
    plait_queue_free(queue);
    return plait_select(PLAIT_NOW, plait_on_time(PLAIT_NEVER)) != -EAGAIN;
}
END
g++ -std=c++17 -O1 -Wall -Wextra -Werror -I"$PLAIT_SOURCE/include" "$work/select.cpp" "$PLAIT_BUILD/libplait.a" -pthread -o "$work/select" || exit 1
timeout 30 "$work/select"
