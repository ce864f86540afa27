/* Kills a victim after instruction 1, 2, 3 ... of an operation, and looks whether the others go
 * on.
 *
 *     kill                at most 8 kills a case, spread over the operation; 200 with PLAIT_LONG set
 *     kill --points N     at most N; --full: after each instruction
 *     kill --case TEXT    only cases whose name contains it
 *     kill --list
 *
 * A kill is survived when somebody else can use the object within 50 ms, told of the death where one
 * happened inside; after 2 s it is stuck. Threads run without patrol (PLAIT_PATROL=0), so that
 * every window in which the kernel would not tell shows as stuck; a coroutine's wake may lie with
 * its helper when the process dies, which only the patrol can mend. The first case has a planted
 * window of one instruction and must be found stuck, since a harness that finds nothing proves
 * nothing. */
#include "kill.h"
#include "base/report.h"
#include "os/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON (50 * PLAIT_MILLISECOND)
#define AT_ONCE (5 * PLAIT_MILLISECOND)
/* As good as never: the deadline's last look may still find the dead. */
#define NEVER_SOON PLAIT_SECOND
enum { AGAIN = 8, SKIPPED = 77, STEPS_AWAKE = 30000 };

struct common *common;
static bool blocked; /* the harness has blocked the object */

static const struct kill_case *const sets[] = {
    kill_lock_cases,      kill_pipe_cases,    kill_event_cases,   kill_rlock_cases,
    kill_value_cases,     kill_latch_cases,   kill_once_cases,    kill_semaphore_cases,
    kill_condition_cases, kill_segment_cases, kill_queue_cases,   kill_dict_cases,
    kill_rwlock_cases,    kill_barrier_cases, kill_permits_cases,
};

/* How the survivors of one case learnt of the kills. */
struct tally {
    int kills, got, told, slow, late, stuck, wrong;
    int64_t slowest;
    char first[256]; /* where the first fault was */
};

/* The victim sleeps: now the waiter lies down behind it, and the object is unblocked. */
static const struct kill_noun *blocking;
static void unblock(void)
{
    if (!blocked)
        return;
    waiter_ask(blocking);
    blocking->unblock();
    blocked = false;
}

static int stepped; /* instructions of this victim */

static void start_afresh(const struct kill_case *one)
{
    stepped = 0;
    one->noun->fresh();
    blocking = one->noun;
    blocked = one->contended;
    if (blocked)
        one->noun->block();
}

/* The coroutine is asleep and its helper in the kernel for it. Being seized takes it out, and its
 * steps lead it back there. */
static bool begin_helper(struct victim *victim)
{
    pid_t helper;
    common->go = 1;
    while ((helper = thread_named(victim->pid, "plait-helper")) == 0 ||
           !thread_sleeps(victim->pid, helper))
        os_sleep(100000);
    return victim_seize(victim, victim->pid, helper);
}

/* Runs a victim up to the first instruction of its operation. */
static bool begin(const struct kill_case *one, struct victim *victim)
{
    start_afresh(one);
    victim->pid = victim_start(one);
    victim->tid = 0;
    if (one->waited)
        waiter_ask(one->noun);
    if (one->helper)
        return begin_helper(victim);
    if (!victim_seize(victim, victim->pid, common->tid))
        return false;
    common->go = 1;
    while (common->stage == STAGE_READY)
        if (!victim_step(victim, NULL))
            return false;
    return true;
}

/* Steps `count` instructions; false: the operation is over before. Stepping is so slow that a coroutine's
 * next patrol may be due before this one has been stepped through; then nobody ever sleeps, and the
 * object is unblocked all the same. */
static bool steps(struct victim *victim, int count)
{
    for (int i = 0; i < count; i++) {
        if (++stepped == STEPS_AWAKE)
            unblock();
        if (!victim_step(victim, unblock))
            return false;
        if (__atomic_load_n(&common->stage, __ATOMIC_ACQUIRE) == STAGE_DONE)
            return false;
    }
    return true;
}

/* Somebody else must be able to use it. What it was told; how long it took. The waiter may have been
 * done before the kill already, since single steps are slow: then the harness itself looks. */
static int survive(const struct kill_case *one, int64_t since, int64_t *took)
{
    int64_t got_at = 0, end = since + 3 * PLAIT_SECOND;
    int rc = 0;
    unblock();
    if (one->noun->rescue)
        one->noun->rescue();
    if (one->contended || one->waited) {
        rc = waiter_has_got(end) ? common->rc : -ETIMEDOUT;
        got_at = common->got_at;
    }
    if (rc == 0 && got_at < since)
        rc = one->noun->use(since + 2 * PLAIT_SECOND, &got_at);
    *took = got_at - since;
    return rc;
}

/* The survivors must find an object as good as new. */
static bool is_sound(const struct kill_noun *noun)
{
    int64_t unused;
    for (int i = 0; i < 2; i++)
        if (noun->use(plait_after(2 * PLAIT_SECOND), &unused) != 0)
            return false;
    bool lists_nothing = !robust_current || robust_current->count == 0;
    return (!noun->is_sound || noun->is_sound()) && lists_nothing;
}

static void note_fault(struct tally *tally, const char *what, int point, void *place)
{
    char text[200];
    if (!tally->first[0])
        snprintf(tally->first, sizeof tally->first, "%s after instruction %d, at %s", what, point,
                 base_place(place, text, sizeof text));
}

/* One kill, after instruction `point`. False: the operation has fewer. */
static bool kill_once(const struct kill_case *one, int point, struct tally *tally, int64_t *took)
{
    struct victim victim;
    bool in_time = begin(one, &victim) && steps(&victim, point);
    void *place = in_time ? victim_place(&victim) : NULL;
    int64_t since = plait_now();
    victim_kill(&victim);
    int rc = survive(one, since, took);
    if (!in_time)
        return false;
    tally->kills++;
    tally->got += rc == 0;
    tally->told += rc == -EOWNERDEAD;
    tally->slow += *took > AT_ONCE;
    if (*took > tally->slowest)
        tally->slowest = *took;
    if (rc == -ETIMEDOUT || *took > NEVER_SOON) {
        tally->stuck++;
        note_fault(tally, "stuck", point, place);
        waiter_end();
        waiter_start(one->noun);
    } else if ((rc != 0 && rc != -EOWNERDEAD) || !is_sound(one->noun)) {
        tally->wrong++;
        note_fault(tally, "wrong", point, place);
    }
    return true;
}

/* What was late or stuck is tried again, because other programs may keep a survivor off the CPU: a
 * real fault is there each time. What was wrong is wrong. */
static void kill_at(const struct kill_case *one, int point, struct tally *tally)
{
    struct tally before = *tally;
    int64_t took = 0;
    for (int i = 0; i < AGAIN; i++) {
        int wrong = tally->wrong;
        *tally = before;
        tally->wrong = wrong;
        if (!kill_once(one, point, tally, &took) || (took <= SOON && tally->stuck == before.stuck))
            return;
    }
    if (tally->stuck > before.stuck)
        return;
    tally->late++;
    note_fault(tally, "late", point, NULL);
}

/* How many instructions the operation has. */
static int measure(const struct kill_case *one)
{
    struct victim victim;
    int count = 0;
    if (!begin(one, &victim)) {
        fprintf(stderr, "kill: no ptrace here\n");
        exit(SKIPPED);
    }
    int64_t took;
    while (steps(&victim, 1))
        count++;
    victim_kill(&victim);
    survive(one, plait_now(), &took);
    return count;
}

static bool run_case(const struct kill_case *one, int points)
{
    struct tally tally = {0};
    bool no_patrol = !one->coroutine && !one->patrol;
    setenv("PLAIT_PATROL", no_patrol ? "0" : "20", 1);
    if (one->ringless || one->helper)
        setenv("PLAIT_OS", "-uring_futex", 1);
    if (one->noun->open)
        one->noun->open();
    waiter_start(one->noun);
    one->noun->fresh();
    int64_t unused; /* so that what the first call alone does is done before */
    one->noun->use(plait_after(PLAIT_SECOND), &unused);
    int count = measure(one),
        every = points && count > points && !one->planted ? count / points + 1 : 1;
    for (int point = 1; point <= count && !(one->planted && tally.stuck); point += every)
        kill_at(one, point, &tally);
    waiter_end();
    bool good = one->planted ? tally.stuck > 0 : !tally.stuck && !tally.late && !tally.wrong;
    printf(
        "%-4s%-40s %5d instructions, %4d kills: got %d, told %d, %d after 5 ms, stuck %d, late %d, "
        "wrong %d; slowest %.1f ms%s%s\n",
        good ? "ok" : "BAD", one->name, count, tally.kills, tally.got, tally.told, tally.slow,
        tally.stuck, tally.late, tally.wrong, (double)tally.slowest / 1e6,
        tally.first[0] ? "; " : "", tally.first);
    fflush(stdout);
    return good;
}

/* Cases that run at the same moment: most of a point is waiting for others to lie down or wake. */
enum { JOBS = 3 };
static int running;
static bool good = true;

static void collect(void)
{
    int status = 1;
    if (wait(&status) <= 0)
        return;
    running--;
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
        exit(SKIPPED);
    good &= status == 0;
}

/* Each case in a process of its own, because settings are read once. */
static void run_apart(const struct kill_case *one, int points)
{
    while (running >= JOBS)
        collect();
    pid_t pid = fork();
    if (pid == 0) {
        common = plait_share(sizeof *common);
        _exit(common && run_case(one, points) ? 0 : 1);
    }
    running++;
}

static void run_set(const struct kill_case *set, int points, const char *only)
{
    for (const struct kill_case *one = set; one->name; one++)
        if (points < 0)
            puts(one->name);
        else if (strstr(one->name, only))
            run_apart(one, points);
}

int main(int argc, char **argv)
{
    const char *is_long = getenv("PLAIT_LONG");
    int points = is_long && *is_long ? 200 : 8;
    const char *only = "";
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--full") == 0)
            points = 0;
        else if (strcmp(argv[i], "--points") == 0 && i + 1 < argc)
            points = atoi(argv[++i]);
        else if (strcmp(argv[i], "--case") == 0 && i + 1 < argc)
            only = argv[++i];
        else if (strcmp(argv[i], "--list") == 0)
            points = -1;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        run_set(sets[i], points, only);
    while (running)
        collect();
    return good ? 0 : 1;
}
