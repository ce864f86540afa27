// lock-checked: DEPTH PAIRS   ns per lock+unlock pair of Abseil's mutex with its deadlock detection on, DEPTH nested; ratio: to off.
#include "common.hpp"

#include <absl/synchronization/mutex.h>

static double measure(int depth, long pairs, absl::OnDeadlockCycle mode) {
    static absl::Mutex locks[8];
    absl::SetMutexDeadlockDetectionMode(mode);
    int64_t began = 0;
    for (long i = -1000; i < pairs / depth; i++) {
        if (i == 0) began = now_ns();
        for (int k = 0; k < depth; k++) locks[k].Lock();
        for (int k = depth; k-- > 0;) locks[k].Unlock();
    }
    return double(now_ns() - began) / double(pairs);
}

int main(int argc, char **argv) {
    check(argc == 3 && atoi(argv[1]) >= 1 && atoi(argv[1]) <= 8, "usage: DEPTH PAIRS");
    int depth = atoi(argv[1]);
    long pairs = atol(argv[2]);
    double off = measure(depth, pairs, absl::OnDeadlockCycle::kIgnore);
    double on = measure(depth, pairs, absl::OnDeadlockCycle::kReport);
    printf("%.2f ns ns\n%.2f x ratio\n", on, on / off);
    return 0;
}
