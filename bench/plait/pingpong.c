/* pingpong free|2core SECONDS - ns per round trip of a token between two threads, through a
 * semaphore each way. 2core: one on each core. Peers: bench/peers/sync/cpp/pingpong.cpp,
 * bench/peers/sync/rust/src/bin/pingpong.rs. */
#include "bench.h"

static plait_semaphore ping LINE_APART, pong LINE_APART;
static int64_t token LINE_APART; /* belongs to whoever was let through; -1 ends */
static int64_t rounds, partner_rounds;
static bool pinned;

static void let_through(plait_semaphore *gate)
{
    plait_semaphore_release(gate, 1);
}

static void wait_at(plait_semaphore *gate)
{
    if (plait_semaphore_acquire(gate, 1, PLAIT_NEVER) != 0)
        need(false, "not acquired");
}

static int partner(void *arg)
{
    if (pinned)
        pin(1);
    for (;;) {
        wait_at(&ping);
        if (token < 0)
            return 0;
        token++;
        partner_rounds++;
        let_through(&pong);
    }
}

static void play(int count)
{
    for (int i = 0; i < count; i++) {
        token++;
        let_through(&ping);
        wait_at(&pong);
        rounds++;
    }
}

int main(int argc, char **argv)
{
    need(argc == 3, "usage: pingpong free|2core SECONDS");
    pinned = strcmp(argv[1], "2core") == 0;
    plait_task *other = start(PLAIT_THREAD, partner, NULL, NULL);
    if (pinned)
        pin(0);
    play(200);
    struct usage began = usage_now();
    int64_t first = rounds, end = began.wall + (int64_t)(number(argc, argv, 2) * 1e9);
    do
        play(64);
    while (now_ns() < end);
    int64_t played = rounds - first;
    struct usage used = usage_since(&began);

    need(token == 2 * rounds && partner_rounds == rounds, "a round was lost");
    token = -1;
    let_through(&ping);
    join(other);
    printf("%.1f ns cpu=%.2f\n", (double)used.wall / (double)played,
           (double)used.cpu / (double)used.wall);
    return 0;
}
