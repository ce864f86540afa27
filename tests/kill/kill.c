/* Kills a victim after instruction 1, 2, 3 ... of an operation, and looks whether the others go
 * on.
 *
 *     kill                at most 18 kills a case, spread over the operation, and 5,000 in all;
 *                         with PLAIT_LONG set --full
 *     kill --points N     at most N
 *     kill --full         before and after each change of what outlives a victim (state.c); of a
 *                         loop the first 16 rounds and the last
 *     kill --every        after each instruction, though most of them change nothing that others
 *                         could see: so that the former need not be believed
 *     kill --case TEXT    only cases whose name contains it
 *     kill --list
 *
 * Besides, a sixth as often (--full: as often), the victim is stopped: who uses the object then
 * must be back at the deadline, or, of calls without one, when the victim goes on.
 *
 * A kill is survived when somebody else can use the object at once, told of the death where one
 * happened inside; after 2 s it is stuck. Nobody patrols (PLAIT_PATROL=0), so that every window in
 * which the kernel would not tell shows as stuck. The rows that say `patrol` have one: what their
 * victim was woken with only patrol passes on, within 50 ms; until it is woken the kernel must tell
 * there, too. The first case has a planted window of one instruction and must be found stuck, since
 * a harness that finds nothing proves nothing. */
#include "kill.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Cases that run at the same moment: most of a point is waiting for others to lie down or wake. */
enum { POINTS = 18, LEAST = 5000, JOBS = 6, JOBS_FULL = 8 };

struct common *common;

static const struct kill_case *const sets[] = {
    kill_lock_cases,      kill_pipe_cases,    kill_event_cases,   kill_rlock_cases,
    kill_value_cases,     kill_latch_cases,   kill_once_cases,    kill_semaphore_cases,
    kill_condition_cases, kill_segment_cases, kill_queue_cases,   kill_places_cases,
    kill_dict_cases,      kill_rwlock_cases,  kill_barrier_cases, kill_permits_cases,
    kill_area_cases,
};

static int running;
static bool good = true;
static struct sum *sum;

static void collect(void)
{
    int status = 1;
    if (wait(&status) <= 0)
        return;
    running--;
    if (WIFEXITED(status) && WEXITSTATUS(status) == KILL_SKIPPED)
        exit(KILL_SKIPPED);
    good &= status == 0;
}

static void run_apart(const struct kill_case *one, int points)
{
    while (running >= (points == KILL_FULL ? JOBS_FULL : JOBS))
        collect();
    pid_t pid = fork();
    if (pid == 0) {
        common = plait_share(sizeof *common);
        if (!common)
            _exit(1);
        case_run(one, points, sum);
    }
    running++;
}

static void run_or_list(const struct kill_case *one, int points, const char *only)
{
    if (points < 0)
        puts(one->name);
    else if (strstr(one->name, only))
        run_apart(one, points);
}

/* The ways differ for who sleeps; else a coroutine takes the ring's, which it does not use. */
static void run_paths(const struct kill_case *row, int points, const char *only)
{
    static const char *const texts[] = {"", ", coroutine", ", coroutine on the helper",
                                        ", its helper"};
    int most = row->planted ? PATH_THREAD : row->contended ? PATH_HELPER_ITSELF : PATH_RING;
    for (int path = PATH_THREAD; path <= most; path++) {
        char name[100];
        struct kill_case one = *row;
        snprintf(name, sizeof name, "%s%s", row->name, texts[path]);
        one.name = name;
        one.path = (enum kill_path)path;
        run_or_list(&one, points, only);
    }
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

int main(int argc, char **argv)
{
    int points = is_set("PLAIT_LONG") ? KILL_FULL : POINTS;
    bool whole = argc == 1;
    const char *only = "";
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--full") == 0)
            points = KILL_FULL;
        else if (strcmp(argv[i], "--every") == 0)
            points = KILL_EVERY;
        else if (strcmp(argv[i], "--points") == 0 && i + 1 < argc)
            points = atoi(argv[++i]);
        else if (strcmp(argv[i], "--case") == 0 && i + 1 < argc)
            only = argv[++i];
        else if (strcmp(argv[i], "--list") == 0)
            points = -1;
    /* Not from plait_share: this process must not have read the settings. */
    sum = mmap(NULL, sizeof *sum, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sum == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (const struct kill_case *row = sets[i]; row->name; row++)
            run_paths(row, points, only);
    while (running)
        collect();
    if (points >= 0)
        printf("%ld kills, %ld instructions, %ld in full; %ld told by patrol; %ld stops\n",
               sum->kills, sum->instructions, sum->in_full, sum->by_patrol, sum->stops);
    if (whole && sum->kills < LEAST)
        printf("BAD fewer than %d kills\n", LEAST);
    return good && !(whole && sum->kills < LEAST) ? 0 : 1;
}
