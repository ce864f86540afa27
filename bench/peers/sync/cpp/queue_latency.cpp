// queue-latency: PEER ITEMS PERIOD_NS busy|idle free|2core   ns from put to got, one item per period to one blocked consumer.
// busy: the producer computes between two items; idle: it sleeps.
#include "queues.hpp"
#include <sys/prctl.h>

int main(int argc, char **argv) {
    check(argc == 6, "usage: PEER ITEMS PERIOD_NS busy|idle free|2core");
    const size_t items = strtoul(argv[2], nullptr, 10);
    const int64_t period = atol(argv[3]);
    const bool busy = std::string_view(argv[4]) == "busy", pinned = std::string_view(argv[5]) == "2core";
    return with_blocking_queue(argv[1], [&](auto tag) {
        using Q = typename decltype(tag)::type;
        auto queue = std::make_unique<Q>();
        std::vector<int64_t> delay(items);
        StartLine line(2);
        std::thread consumer([&] {
            if (pinned) pin(1);
            typename Q::Consumer end{*queue};
            line.wait();
            for (auto &d : delay) {
                int64_t sent = int64_t(end.get());
                d = now_ns() - sent;
            }
        });

        if (pinned) pin(0);
        prctl(PR_SET_TIMERSLACK, 1);
        typename Q::Producer end{*queue};
        line.wait();
        sleep_s(0.005);
        Usage start;
        int64_t next = now_ns();
        for (size_t i = 0; i < items; i++) {
            next += period;
            if (busy)
                while (now_ns() < next) {}
            else {
                timespec t{next / 1000000000, next % 1000000000};
                while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) != 0) {}
            }
            end.put(uint64_t(now_ns()));
        }
        consumer.join();
        Usage used = start.since();

        std::sort(delay.begin(), delay.end());
        check(delay[0] > 0, "an item came before it was sent");
        printf("%.0f ns p99=%.0f used_cpus=%.2f period_us=%.1f\n", percentile(delay, .5), percentile(delay, .99), used.cores(),
               double(used.wall) / 1e3 / double(items));
        return 0;
    });
}
