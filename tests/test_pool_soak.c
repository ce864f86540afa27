/* Pools at random: jobs are submitted, nested, cancelled, killed, pools closed meanwhile. Each
 * future ends exactly once; at the end workers, memory and descriptors are as they were. The seeds'
 * half of it, in virtual time, is tests/seeds/jobs.c. */
#include "crew.h"
#include "harness.h"
#include "random_jobs.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { USERS = 3, EACH = 20, JOBS = 10, SPARE = 4096 /* KB that an allocator may keep */ };

static void quiet(plait_report kind, const char *text, void *arg)
{
}

/* ---- what there is */

struct standing {
    int threads, descriptors, workers;
    long memory; /* KB */
};

static int threads(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    need(folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static long memory(void)
{
    long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    need(file != NULL);
    need(fscanf(file, "%ld %ld", &all, &resident) == 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void see_worker(plait_task *task, void *count)
{
    *(int *)count += strncmp(plait_task_name(task), "soak", 4) == 0;
}

static struct standing stand(void)
{
    struct standing standing = {threads(), harness_descriptors(), 0, memory()};
    plait_tasks_visit(see_worker, &standing.workers);
    return standing;
}

/* Threads are given some time, since their end is told before the kernel has taken them away. */
static void stands_as(const struct standing *before)
{
    struct standing now = stand();
    for (int i = 0; i < 200 && now.threads > before->threads; i++) {
        plait_sleep(plait_after(10 * PLAIT_MILLISECOND));
        now = stand();
    }
    ck_assert_int_le(now.threads, before->threads);
    ck_assert_int_eq(now.workers, 0);
    ck_assert_int_le(now.descriptors, before->descriptors);
/* Sanitizers keep what is freed, and qemu-user some 280 KB of each thread that has ended. */
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ && !defined HARNESS_EMULATED
    ck_assert_int_le(now.memory, before->memory + SPARE);
#endif
}

/* ---- threads and coroutines */

static void ended(plait_future *future, void *times)
{
    need(plait_future_state(future) >= PLAIT_DONE);
    __atomic_add_fetch((int *)times, 1, __ATOMIC_RELAXED);
}

struct user {
    unsigned random;
    int times[EACH]; /* that each future has ended */
    int submitted;
};

static plait_future *soak_submit(struct user *user)
{
    unsigned seed = crew_random(&user->random);
    plait_submit_options options = {.priority = (int)(seed % 3),
                                    .retries = (int)(seed % 2),
                                    .limit = seed % 5 ? 0 : PLAIT_MILLISECOND};
    plait_future *future = plait_submit(random_pool, random_job, &seed, 0, &options, PLAIT_NEVER);
    if (future)
        need(plait_future_then(future, ended, &user->times[user->submitted++]) == 0);
    return future;
}

static int soak_user(void *arg)
{
    struct user *user = arg;
    plait_future *futures[EACH];
    while (user->submitted < EACH && (futures[user->submitted] = soak_submit(user)) != NULL)
        switch (crew_random(&user->random) % 16) {
        case 0 ... 3:
            plait_future_cancel(futures[crew_random(&user->random) % (unsigned)user->submitted]);
            break;
        case 4:
            plait_pool_cancel_waiting(random_pool);
        }
    random_leave(futures, user->submitted, &user->random);
    return 0;
}

static void soak_round(plait_carrier carrier, unsigned round)
{
    struct crew crew = {.count = 0};
    struct user users[USERS] = {{0}};
    unsigned random = round;
    plait_pool_options options = {.name = "soak",
                                  .waiting = round % 3 ? 0 : 5,
                                  .on_demand = round % 2,
                                  .jobs_per_worker = round % 5 ? 0 : 3};
    random_pool = plait_pool_open(carrier, 1 + (int)round % 3, &options);
    for (int i = 0; i < USERS; i++) {
        users[i].random = crew_random(&random);
        crew_add(&crew, i ? (int)PLAIT_COROUTINE : (int)PLAIT_THREAD, soak_user, &users[i]);
    }
    if (round % 4 == 0)
        need(plait_pool_close(random_pool, plait_after(round % 1000 * PLAIT_MICROSECOND)) >= 0);
    crew_join(&crew);
    need(plait_pool_close(random_pool, PLAIT_NEVER) == 0);
    plait_pool_free(random_pool);
    for (int i = 0; i < USERS; i++)
        for (int n = 0; n < EACH; n++)
            need(users[i].times[n] == (n < users[i].submitted));
}

static void soak(plait_carrier carrier, unsigned rounds)
{
    struct standing before;
    plait_on_report(quiet, NULL);
    random_sleep = 2000;
    for (unsigned round = 0; round < rounds; round++) {
        soak_round(carrier, round);
        if (round == rounds / 4) /* by then all is there that stays */
            before = stand();
    }
    stands_as(&before);
}

TEST_LIGHT(every_future_ends_once)
{
    soak(carrier, 60);
}

static void soak_long(int carrier)
{
    soak((plait_carrier)carrier, 1000);
}

HARNESS_CASE_(soak_long_thread, "every_future_ends_once_long.thread", "long", soak_long,
              PLAIT_THREAD)
HARNESS_CASE_(soak_long_coroutine, "every_future_ends_once_long.coroutine", "long", soak_long,
              PLAIT_COROUTINE)

/* ---- processes: each kill fails exactly its own job */

static int process_job(const void *in, void *out)
{
    unsigned random = *(const unsigned *)in;
    switch (crew_random(&random) % 5) {
    case 0:
        return kill(getpid(), SIGKILL);
    case 1:
        _exit(3);
    case 2:
        return plait_sleep(plait_after(PLAIT_MILLISECOND));
    default:
        return *(unsigned *)out = random, 0;
    }
}

static int expected_of(unsigned seed)
{
    unsigned random = seed;
    unsigned how = crew_random(&random) % 5;
    return how == 0 ? PLAIT_KILLED(SIGKILL) : how == 1 ? PLAIT_EXITED(3) : 0;
}

static void kill_round(plait_pool *pool, unsigned *random)
{
    plait_future *futures[JOBS];
    unsigned seeds[JOBS];
    for (int i = 0; i < JOBS; i++) {
        seeds[i] = crew_random(random);
        futures[i] = plait_submit(pool, process_job, &seeds[i], 4, NULL, PLAIT_NEVER);
        need(futures[i] != NULL);
    }
    for (int i = 0; i < JOBS; i++) {
        ssize_t got = plait_result_bytes(futures[i], NULL, 0, PLAIT_NEVER);
        need(plait_future_error(futures[i]) == expected_of(seeds[i]));
        need((got == 4) == (expected_of(seeds[i]) == 0));
        plait_future_free(futures[i]);
    }
}

static void kill_rounds(int rounds)
{
    plait_on_report(quiet, NULL);
    plait_pool *pool = plait_pool_open(PLAIT_PROCESS, 3, &(plait_pool_options){.name = "soak"});
    unsigned random = 1;
    struct standing before;
    for (int round = 0; round < rounds; round++) {
        kill_round(pool, &random);
        if (round == rounds / 4)
            before = stand();
    }
    before.workers = 0;
    need(plait_pool_close(pool, PLAIT_NEVER) == 0);
    plait_pool_free(pool);
    stands_as(&before);
}

TEST_LABELED(killed_workers_fail_exactly_their_jobs, "process")
{
    kill_rounds(10);
}

TEST_LABELED(killed_workers_fail_exactly_their_jobs_long, "process long")
{
    kill_rounds(200);
}

/* ---- processes: kills at any moment, cancels that insist, a pool that is closed under its jobs */

enum { DONE = 7 };

static void *kill_later(void *arg)
{
    plait_sleep(plait_after((intptr_t)arg));
    kill(getpid(), SIGKILL);
    return NULL;
}

/* Neither waits nor asks: only a signal ends it early. */
static int computes(int64_t duration)
{
    for (int64_t end = plait_now() + duration; plait_now() < end;)
        ;
    return 0;
}

/* Some leave a thread behind that kills their worker, in whatever it does by then. */
static int marked_job(const void *in, void *out)
{
    unsigned random = *(const unsigned *)in;
    int64_t while_ = crew_random(&random) % 1000 * PLAIT_MICROSECOND;
    pthread_t killer;
    *(unsigned *)out = DONE + *(const unsigned *)in;
    switch (crew_random(&random) % 8) {
    case 0:
    case 1:
        return pthread_create(&killer, NULL, kill_later, (void *)(intptr_t)while_);
    case 2:
        return plait_sleep(plait_after(10 * while_));
    case 3:
        signal(SIGTERM, SIG_IGN); /* from now on only SIGKILL ends this worker early */
        return computes(20 * while_);
    case 4:
        return computes(10 * while_);
    default:
        return computes(while_);
    }
}

struct marked {
    plait_future *future;
    unsigned seed;
    int times; /* that it has ended */
};

static void check_marked(struct marked *one)
{
    unsigned result = 0;
    bool done = plait_result(one->future, &result, PLAIT_NEVER) == 0;
    int error = plait_future_error(one->future), signal = plait_killed_by(error);
    need(done == (error == 0));
    need(done ? result == DONE + one->seed
              : error == -ECANCELED || error == -ECHILD || signal == SIGKILL);
    plait_future_free(one->future);
}

static void storm_round(unsigned round)
{
    struct marked all[JOBS] = {{0}};
    unsigned random = round;
    plait_pool_options options = {
        .name = "soak", .grace = 5 * PLAIT_MILLISECOND, .jobs_per_worker = round % 3 ? 0 : 2};
    plait_pool *pool = plait_pool_open(PLAIT_PROCESS, 1 + (int)round % 3, &options);
    for (int i = 0; i < JOBS; i++) {
        struct marked *other = &all[crew_random(&random) % (unsigned)(i + 1)];
        all[i].seed = crew_random(&random);
        all[i].future =
            plait_submit(pool, marked_job, &all[i].seed, sizeof all[i].seed, NULL, PLAIT_NEVER);
        need(all[i].future && plait_future_then(all[i].future, ended, &all[i].times) == 0);
        need(plait_sleep(plait_after(crew_random(&random) % 2000 * PLAIT_MICROSECOND)) == 0);
        for (unsigned asked = crew_random(&random) % 8; asked > 5; asked--) /* twice insists */
            plait_future_cancel(other->future);
    }
    need(plait_pool_close(pool, plait_after(crew_random(&random) % 40 * PLAIT_MILLISECOND)) >= 0);
    for (int i = 0; i < JOBS; i++)
        check_marked(&all[i]);
    need(plait_pool_close(pool, PLAIT_NEVER) >= 0);
    plait_pool_free(pool);
    for (int i = 0; i < JOBS; i++)
        need(all[i].times == 1);
}

static void storm_rounds(unsigned rounds)
{
    struct standing before;
    plait_on_report(quiet, NULL);
    for (unsigned round = 0; round < rounds; round++) {
        storm_round(round);
        if (round == rounds / 4)
            before = stand();
    }
    stands_as(&before);
}

TEST_LABELED(kills_and_cancels_at_any_moment, "process")
{
    storm_rounds(8);
}

TEST_LABELED(kills_and_cancels_at_any_moment_long, "process long")
{
    storm_rounds(200);
}
