/* crash ITEM - a worker of a process pool of two is killed by SIGKILL. ITEM:
 *   jobs   100 jobs of 10 ms, killed after 0.2 s: how many failed; ms until a new worker ran its
 *          first one
 *   map    the same through one plait_map: how many failed; ms until the map had ended
 *   idle   with nothing to do; 0.5 s later 10 jobs: how many failed; ms until these had ended */
#include "../peers/pool/kit.h"

#include <plait.h>

#include <signal.h>

enum { JOBS = 100, KNOWN = 8, NAP = 10000000 };

struct answer {
    pid_t pid;
    double began;
};

static plait_pool *pool;
static pid_t known[KNOWN];

static int slow(const void *in, void *out)
{
    struct timespec nap = {.tv_nsec = NAP};
    *(struct answer *)out = (struct answer){getpid(), kit_now()};
    return nanosleep(&nap, NULL);
}

static bool is_known(pid_t pid)
{
    for (int i = 0; i < KNOWN; i++)
        if (known[i] == pid)
            return true;
    return false;
}

static int submit_all(plait_future **futures, int count)
{
    for (int i = 0; i < count; i++)
        if (!(futures[i] = plait_submit(pool, slow, &i, sizeof(struct answer), NULL, PLAIT_NEVER)))
            exit(3);
    return count;
}

/* How many failed. */
static int read_all(plait_future **futures, struct answer *answers, int count)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        failed += plait_result(futures[i], &answers[i], PLAIT_NEVER) < 0;
        plait_future_free(futures[i]);
    }
    return failed;
}

static double kill_one(void)
{
    kill(known[0], SIGKILL);
    return kit_now();
}

/* Two busy workers, of whom the first to answer is the victim. */
static void know(void)
{
    plait_future *futures[KNOWN];
    struct answer answers[KNOWN];
    if (read_all(futures, answers, submit_all(futures, KNOWN)))
        exit(3);
    for (int i = 0; i < KNOWN; i++)
        known[i] = answers[i].pid;
}

static void print(int failed, double ms, const char *what)
{
    printf("%d jobs failed\n%.4g ms %s\n", failed, ms, what);
}

static void crash_jobs(void)
{
    plait_future *futures[JOBS];
    struct answer answers[JOBS] = {0};
    submit_all(futures, JOBS);
    plait_sleep(plait_after(200 * PLAIT_MILLISECOND));
    double killed = kill_one(), healed = 0;
    int failed = read_all(futures, answers, JOBS);
    for (int i = 0; i < JOBS; i++)
        if (answers[i].pid && !is_known(answers[i].pid) && (!healed || answers[i].began < healed))
            healed = answers[i].began;
    if (!healed)
        exit(3);
    print(failed, (healed - killed) / 1e6, "healed");
}

static double killed_at;

static int kill_later(void *unused)
{
    plait_sleep(plait_after(200 * PLAIT_MILLISECOND));
    killed_at = kill_one();
    return 0;
}

static void crash_map(void)
{
    struct answer answers[JOBS];
    plait_task *killer;
    if (plait_start(&killer, PLAIT_THREAD, kill_later, NULL, NULL) != 0)
        exit(3);
    int failed = plait_map(pool, slow, PLAIT_RANGE, answers, JOBS, NULL, PLAIT_NEVER);
    double end = kit_now();
    if (failed < 0 || plait_join(killer, NULL, PLAIT_NEVER) != 0)
        exit(3);
    print(failed, (end - killed_at) / 1e6, "ended");
}

static void crash_idle(void)
{
    plait_future *futures[10];
    struct answer answers[10];
    plait_sleep(plait_after(300 * PLAIT_MILLISECOND));
    kill_one();
    plait_sleep(plait_after(500 * PLAIT_MILLISECOND));
    double began = kit_now();
    int failed = read_all(futures, answers, submit_all(futures, 10));
    print(failed, (kit_now() - began) / 1e6, "ended");
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    pool = plait_pool_open(PLAIT_PROCESS, 2, NULL);
    know();
    if (!strcmp(argv[1], "jobs"))
        crash_jobs();
    else if (!strcmp(argv[1], "map"))
        crash_map();
    else
        crash_idle();
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    return 0;
}
