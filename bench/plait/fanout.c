/* fanout THREADS ROUNDS - us from the set of an event to the moment the last of THREADS sleepers
 * runs, the median of the rounds. Peers: bench/peers/sync/cpp/fanout.cpp, rust/src/bin/fanout.rs,
 * go/fanout.go. Coroutines: coro_meet.c. */
#include "bench.h"

enum { TASKS_MOST = 1000, ROUNDS_MOST = 1000 };

static plait_event events[ROUNDS_MOST], all_ran;
static int64_t ran[TASKS_MOST], took[ROUNDS_MOST];
static int waiting LINE_APART, left LINE_APART;
static int rounds;

static int sleeper(void *arg)
{
    for (int r = 0; r < rounds; r++) {
        __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
        if (plait_event_wait(&events[r], PLAIT_NEVER) != 0)
            need(false, "not waited");
        *(int64_t *)arg = now_ns();
        if (__atomic_sub_fetch(&left, 1, __ATOMIC_SEQ_CST) == 0)
            plait_event_set(&all_ran);
    }
    return 0;
}

static int64_t one_round(int r, int tasks)
{
    while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < tasks)
        sleep_ns(500000);
    sleep_ns(2000000); /* so that the last falls asleep, too */
    __atomic_store_n(&waiting, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&left, tasks, __ATOMIC_SEQ_CST);
    int64_t began = now_ns(), last = 0;
    plait_event_set(&events[r]);
    need(plait_event_take(&all_ran, PLAIT_NEVER) == 0, "not taken");
    for (int t = 0; t < tasks; t++) {
        need(ran[t] >= began, "a task ran before the event");
        last = ran[t] > last ? ran[t] : last;
    }
    return last - began;
}

static int by_time(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, two = *(const int64_t *)b;
    return (one > two) - (one < two);
}

int main(int argc, char **argv)
{
    need(argc == 3, "usage: fanout THREADS ROUNDS");
    int tasks = atoi(argv[1]);
    plait_task *crew[TASKS_MOST];
    rounds = atoi(argv[2]);
    need(tasks <= TASKS_MOST && rounds <= ROUNDS_MOST, "too many");
    for (int t = 0; t < tasks; t++)
        crew[t] = start(PLAIT_THREAD, sleeper, &ran[t], NULL);
    for (int r = 0; r < rounds; r++)
        took[r] = one_round(r, tasks);
    for (int t = 0; t < tasks; t++)
        join(crew[t]);
    qsort(took, (size_t)rounds, sizeof took[0], by_time);
    printf("%.1f us longest_us=%.0f\n", (double)took[rounds / 2] / 1e3,
           (double)took[rounds - 1] / 1e3);
    return 0;
}
