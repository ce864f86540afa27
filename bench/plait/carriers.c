/* carriers process|server|thread|coroutine [FIGURE] - what a carrier costs, for docs/carriers.md.
 * create: a task that does nothing is started and joined. switch: two tasks on one processor hand a
 * token over by semaphores. memory: a parked task's part of resident memory and page tables,
 * without the kernel's own. cores: how many times faster two computing tasks are at once than one
 * after the other. server: processes by the fork server. Each figure is measured in a process of
 * its own. */
#include "bench.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARKED_MOST = 10000 };

static plait_carrier carrier;
static plait_start_options options;
static int creates, rounds, parked;

static int nothing(void *arg)
{
    return 0;
}

static int create_and_join(void *arg)
{
    join(start(carrier, nothing, NULL, &options)); /* the first one makes what all share */
    int64_t began = now_ns();
    for (int i = 0; i < creates; i++)
        join(start(carrier, nothing, NULL, &options));
    printf("%.4g us create\n", (double)(now_ns() - began) / creates / 1e3);
    return 0;
}

/* By a coroutine where they are coroutines, because a thread that joins one sleeps meanwhile. */
static void measure_create(void)
{
    if (carrier == PLAIT_COROUTINE)
        join(start(carrier, create_and_join, NULL, NULL));
    else
        create_and_join(NULL);
}

/* ---- two on one processor */

struct table {
    plait_semaphore ping, pong;
    int rounds;
};

static int partner(void *arg)
{
    struct table *table = arg ? arg : plait_inherited(0);
    for (int i = 0; i < table->rounds; i++) {
        need(plait_semaphore_acquire(&table->ping, 1, PLAIT_NEVER) == 0, "not acquired");
        plait_semaphore_release(&table->pong, 1);
    }
    return 0;
}

static int play(void *arg)
{
    struct table *table = arg ? arg : plait_inherited(0);
    for (int i = 0; i < table->rounds; i++) {
        plait_semaphore_release(&table->ping, 1);
        need(plait_semaphore_acquire(&table->pong, 1, PLAIT_NEVER) == 0, "not acquired");
    }
    return 0;
}

static void measure_switch(void)
{
    struct table *table = plait_share(sizeof *table);
    plait_where where = carrier == PLAIT_PROCESS ? PLAIT_SHARED : PLAIT_PRIVATE;
    void *const shared[] = {table};
    if (carrier == PLAIT_PROCESS) {
        options.shared = shared;
        options.shared_count = 1;
    }
    plait_semaphore_init(&table->ping, 0, 0, where);
    plait_semaphore_init(&table->pong, 0, 0, where);
    table->rounds = rounds;
    int64_t began = now_ns();
    void *arg = options.method == PLAIT_FORKSERVER ? NULL : table; /* plait_inherited there */
    plait_task *one = start(carrier, partner, arg, &options);
    plait_task *two = start(carrier, play, arg, &options);
    join(one);
    join(two);
    printf("%.4g us switch\n", (double)(now_ns() - began) / rounds / 2 / 1e3);
}

/* ---- memory */

static int wait_for_ever(void *arg)
{
    char used[512];
    memset(used, 1, sizeof used);
    __asm__ volatile("" : : "r"(used) : "memory");
    return plait_sleep(PLAIT_NEVER);
}

static long field(const char *path, const char *name)
{
    char line[256];
    long value = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = atol(line + strlen(name));
    if (file)
        fclose(file);
    return value;
}

/* KB that this process has of memory shared by several, and its page tables. */
static long used_by(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    long memory = field(path, "Pss:");
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    return memory + field(path, "VmPTE:");
}

static void measure_memory(void)
{
    static plait_task *tasks[PARKED_MOST];
    join(start(carrier, nothing, NULL, &options));
    long before = used_by(getpid()), after;
    for (int i = 0; i < parked; i++)
        tasks[i] = start(carrier, wait_for_ever, NULL, &options);
    sleep_ns(300000000);
    after = used_by(getpid());
    for (int i = 0; i < parked && carrier == PLAIT_PROCESS; i++)
        after += used_by(plait_task_pid(tasks[i]));
    printf("%.4g KB memory\n", (double)(after - before) / parked);
    fflush(stdout);
    _exit(0); /* what is parked ends with this process */
}

/* ---- cores */

static int compute(void *arg)
{
    volatile uint64_t sink = work(1, 60000000);
    (void)sink;
    return 0;
}

static void measure_cores(void)
{
    join(start(carrier, nothing, NULL, &options));
    int64_t began = now_ns();
    join(start(carrier, compute, NULL, &options));
    join(start(carrier, compute, NULL, &options));
    int64_t middle = now_ns();
    plait_task *one = start(carrier, compute, NULL, &options);
    plait_task *two = start(carrier, compute, NULL, &options);
    join(one);
    join(two);
    printf("%.3g x cores\n", (double)(middle - began) / (double)(now_ns() - middle));
}

static const struct {
    const char *name;
    void (*measure)(void);
    bool pinned;
} figures[] = {{"create", measure_create, false},
               {"switch", measure_switch, true},
               {"memory", measure_memory, false},
               {"cores", measure_cores, false}};

/* Executed anew, because plait counts the processors when the program begins. */
static void apart(char *kind, size_t i)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (figures[i].pinned)
            pin(0);
        execl("/proc/self/exe", "carriers", kind, figures[i].name, (char *)NULL);
        _exit(1);
    }
    need(child > 0 && waitpid(child, &status, 0) == child && status == 0, "a figure failed");
}

static void choose(const char *kind)
{
    static const struct {
        const char *name;
        plait_carrier carrier;
        plait_method method;
        int creates, rounds, parked;
    } kinds[] = {{"process", PLAIT_PROCESS, PLAIT_FORK, 200, 20000, 50},
                 {"server", PLAIT_PROCESS, PLAIT_FORKSERVER, 200, 20000, 50},
                 {"thread", PLAIT_THREAD, 0, 2000, 20000, 200},
                 {"coroutine", PLAIT_COROUTINE, 0, 50000, 100000, PARKED_MOST}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i].name) == 0) {
            carrier = kinds[i].carrier;
            options.method = kinds[i].method;
            creates = kinds[i].creates;
            rounds = kinds[i].rounds;
            parked = kinds[i].parked;
        }
    need(carrier, "no such carrier");
}

int main(int argc, char **argv)
{
    need(argc > 1, "usage: carriers process|server|thread|coroutine [FIGURE]");
    choose(argv[1]);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (argc == 2)
            apart(argv[1], i);
        else if (strcmp(argv[2], figures[i].name) == 0)
            figures[i].measure();
    return 0;
}
